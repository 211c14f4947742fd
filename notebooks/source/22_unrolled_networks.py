# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 22 · From algorithm to network
#
# **You will be able to**
# - take an iterative reconstruction apart into a data step and a prior step, and unroll
#   it;
# - say for five published networks which two steps they take, and what they learn;
# - open a network, and say what each of its iterations did;
# - say when an iteration always settles, and test it;
# - compare networks with each other and with a classical method that learns.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | [[modl]], [[modl_in_practice]] | 125 minutes | 60 s | simulated head, measured brain |

# %% [markdown]
# In [[modl]] we unrolled one algorithm. There are many others, and many papers that
# unroll them: ISTA-Net, ADMM-Net, the variational network, the end-to-end VarNet, deep
# equilibrium. Each looks like a subject of its own. Here is one slice, reconstructed by
# all of them.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
from functools import partial  # noqa: I001  packed below

import torch

from mricourse import SenseOperator, check, claim, device, fft2c, fftc, ifft2c, ifftc
from mricourse import predict, random_complex, your_turn
from mricourse.datasets import load_real
from mricourse.evaluation import best_scale, four_cases, gain_in_words, measured_again
from mricourse.evaluation import jacobian_products, lipschitz_constant, memory_of_rounds
from mricourse.evaluation import psnr, score, score_sparse
from mricourse.exercises import check_cascade, check_ista_iteration, check_lipschitz
from mricourse.exercises import check_plug_and_play
from mricourse.networks import brightness, data_consistency
from mricourse.physics import rss, stack
from mricourse.plotting import error_views, explore, plot_by_iteration, plot_lines
from mricourse.plotting import show_cobwebs, show_experts, show_gains, show_images
from mricourse.plotting import show_inside, show_iterations, show_kspace, show_smaps
from mricourse.plotting import show_step_sizes, show_thresholds
from mricourse.reconstruct import shift_invariant_prox, soft_threshold
from mricourse.simulate import SimulatedScans
from mricourse.training import load_checkpoint, training_stages

# %%
torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one, else the CPU
NOISE = (0.004, 0.014)  # per real and imaginary part; the brightest pixel is about 1
OPTIONS = {"matrix": (160, 160), "n_coils": (8, 8), "acceleration": (4, 4)}  # R = 4
OPTIONS.update(pool=1, reuse=1)  # each scan is a new draw
scan = SimulatedScans("test", 18, noise_std=NOISE, **OPTIONS)[7].to(DEVICE)
A = SenseOperator(scan.smaps, scan.mask)
y = scan.kspace  # (coils, ky, kx), zero where nothing was measured
reference = scan.reference  # (y, x), from all lines, with their noise

# %% jupyter={"source_hidden": true}
FILES = {  # name in this lesson: name of the file with the weights
    "wavelets": "learned_thresholds",
    "MoDL": "modl_published_k5",
    "ADMM": "admm_net",
    "ISTA-Net": "ista_net",
    "VarNet": "variational_network",
    "E2E": "end_to_end_varnet",
    "DEQ": "deep_equilibrium",
}
networks = {}
for name, file in FILES.items():
    networks[name] = load_checkpoint(file).network.to(DEVICE).requires_grad_(False)

# %%
images = {"reference": reference}
for name, network in networks.items():
    images[name] = network(A, y)  # (y, x)
show_images(images, reference=reference)

# %% [markdown]
# (The slice, its coils and its noise are simulated. It is the slice of [[modl]], from a
# head that no network was trained on: eight coils, 40 of 160 lines, at random places.
# What the seven names mean, we shall see. The folded cell loads their weights into the
# dictionary `networks`.)
#
# Do these pictures come from seven ideas? In this lesson we see that it is one idea.
# Each network is an old algorithm, cut off after a few iterations, in which some part
# was replaced by something learned. Our versions are small. Here is what each has cost.

# %% jupyter={"source_hidden": true}
for name, file in FILES.items():
    n_weights = load_checkpoint(file).card.n_parameters
    print(f"{name:9}{n_weights:6,} weights, iterations x steps of training:", end=" ")
    stages = []
    for stage in training_stages(file):
        n_iterations = stage.recipe.network["n_iterations"]
        stages.append(f"{n_iterations} x {stage.card.n_steps:,}")
    print(", then ".join(stages))

# %% [markdown]
# Six of the seven have 28,000 to 30,000 weights, and the first has 123. A step of
# training uses one simulated strip, drawn as in [[modl]]. Some networks make five
# iterations for it and some more (DEQ up to 30), so that a step takes longer. The
# number of steps was chosen so that each training takes about as long as that of MoDL.
# (MoDL and ADMM begin with a network of one iteration.) The same kind of data, nearly
# as many weights, about the same time: so the ideas can be compared. A note near the
# end says what else differs.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One skeleton, two steps
#
# What do we want of an image? That it explains the data, and that it looks like an
# image. A **penalty** is a number $P(x)$ that is small for what looks like an image and
# large for what does not. In [[compressed_sensing]] it was the sum of the magnitudes of
# the wavelet coefficients. We look for the minimum of
#
# $$ \tfrac12\,\lVert A x - y\rVert^2 + P(x) . $$
#
# Most algorithms for this take turns:
#
# - A **data step** is a step that uses $A$ and $y$ and does not ask what images look
#   like. An example is one step down the slope of the first term, $r = x - \tau\,
#   A^H(A x - y)$, with a step size $\tau$.
# - A **prior step** is a step that makes the image more like an image and does not look
#   at the data. An example is a denoiser.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### One pixel on paper
#
# Take a single pixel, and $A = 1$. We measure $y = 2$, and the penalty is $P(x) =
# \tfrac12\,|x|$: small values are cheap. With $\tau = \tfrac12$ the data step goes half
# of the way to the measured value, $r = x - \tfrac12(x - 2)$.
#
# The prior step that belongs to $|x|$ has a name. The **soft threshold** moves a number
# towards zero by a fixed amount $\theta$, and makes it zero where it was smaller than
# that,
#
# $$ \mathrm{soft}(r, \theta) = \mathrm{sign}(r)\,\max(|r| - \theta,\, 0) . $$
#
# (Here $\theta = \tau \cdot \tfrac12 = 0.25$, the weight of the penalty times the step
# size.) We start at $x = 0$. The data step gives $r = 1$, the soft threshold $x =
# 0.75$. Do the next round with a pencil.

# %%
predict("ista-ends")

# %%
x = 0.0
for _ in range(6):
    r = x - 0.5 * (x - 2.0)  # data step
    x = max(abs(r) - 0.25, 0.0)  # soft threshold of a number above 0
    print(f"data step: r = {r:.4f}, prior step: x = {x:.4f}")

# %% [markdown]
# It goes to 1.5, and each round halves what is left. There the two steps undo each
# other: the data step adds 0.25, and the soft threshold takes 0.25 away. And 1.5 is the
# minimum: the slope of $\tfrac12(x - 2)^2 + \tfrac12 x$ is $x - 2 + \tfrac12$, which is
# zero there.
#
# **ISTA** (iterative shrinkage-thresholding algorithm) is an iteration of a gradient
# step on the data and a soft threshold. For an image the threshold is applied to its
# wavelet coefficients. The library's `shift_invariant_prox(x, threshold)` does
# that, averaged over all positions of the wavelets: image (y, x) to image (y, x).


# %%
def ista(A, y, threshold, n_iterations):
    """The images of plain ISTA with wavelets, x_0, x_1, ..., each (y, x)."""
    zero_filled = A.adjoint(y)
    x = zero_filled
    images = [x]
    for _ in range(n_iterations):
        r = x - (A.normal(x) - zero_filled)  # A^H (A x - y), with a step size of 1
        x = shift_invariant_prox(r, threshold)
        images.append(x)
    return images


# %%
curves = {}
for threshold in [0.002, 0.005, 0.02]:
    path = ista(A, y, threshold, 200)
    quality = [psnr(image, reference) for image in path]
    curves[f"threshold {threshold}"] = quality[1:]
    print(f"threshold {threshold}: {quality[9]:.1f} dB after 9,", end=" ")
    print(f"{quality[200]:.1f} dB after 200 iterations")

# %% jupyter={"source_hidden": true}
label = "PSNR (dB)"
axes = plot_lines(range(1, 201), curves, xlabel="iteration", ylabel=label, log="x")
by_ista_net = psnr(networks["ISTA-Net"](A, y), reference)
dotted = axes.axhline(by_ista_net, color="black", ls=":")
line = axes.axvline(9, color="black", lw=0.8)

# %% [markdown]
# After nine iterations (the vertical line) ISTA has 26 dB, whatever the threshold, and
# it takes hundreds to come to 29. The dotted line is the result of ISTA-Net, which has
# *nine iterations in all*. So the question of this lesson: if only nine iterations are
# allowed, what should be in them?
#
# **Unrolling** an algorithm means to fix the number of its iterations, to keep in them
# what is physics, $A$ and $y$, and to learn everything else. It is learned from images
# whose truth is known, by the gradient of the error of the last image
# ([[backpropagation]]).

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The table of this lesson
#
# | | data step | prior step | learned |
# |---|---|---|---|
# | MoDL | solve | denoiser $D_w$ | $w$ and $\lambda$, shared |
# | ISTA-Net | gradient, $\tau_k$ | soft threshold behind a learned transform | all, anew in each iteration |
# | ADMM | solve | denoiser $D_w$; both steps are told how they disagree | as MoDL, and one number more |
# | wavelets | as ADMM | soft threshold of wavelets | thresholds |
# | VarNet | gradient, $\tau_k$ | gradient of a learned penalty | filters, slopes, anew in each |
# | E2E | gradient, in k-space | U-Net | U-Nets, $\tau_k$, *and the coil maps* |
# | DEQ | solve | a denoiser that brings any two images closer | as MoDL; iterations without end |
#
# The first row is known. The others are taken apart in this lesson one after the other,
# and at the end of it the words in their rows will be clear.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Solving or stepping
#
# There are two kinds of data steps in the table. *Solve* is that of [[modl]]: it takes
# the denoised image $z$ and solves $(A^H A + \lambda I)\,x = A^H y + \lambda z$. How
# does it differ from a gradient step?
#
# Think of an image as a sum of patterns. Take a pattern that coils and lines measure
# well, so that $A^H A$ multiplies it by $a = 1$; one that they measure badly, $a =
# 0.1$; and one that is not measured, $a = 0$. Let $t$ be its true value. Without noise
# $A^H y$ is $a\,t$. The value that comes in has an error $e$, it is $t + e$. What is
# left of $e$?
#
# - *Gradient.* The step takes away $\tau$ times $a\,(t + e) - a\,t = a\,e$. So the
#   error becomes $(1 - \tau a)\,e$.
# - *Solve.* With $z = t + e$ the equation is $(a + \lambda)\,x = a\,t + \lambda\,(t +
#   e)$, so $x = t + \frac{\lambda}{a + \lambda}\,e$.
#
# | share of the error that is left | $a = 1$ | $a = 0.1$ | $a = 0$ |
# |---|---|---|---|
# | gradient, $\tau = 1$ | 0 | 0.90 | 1 |
# | solve, $\lambda = 0.05$ | 0.05 | 0.33 | 1 |
#
# Solving does in one step for the badly measured part what takes the gradient ten
# ($0.9^{10} = 0.35$). And what is not measured neither can change: that is the prior
# step's.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## ISTA-Net: learn the transform
#
# Why wavelets? Nobody says that they are the best transform for a head. ISTA-Net learns
# one. Its iteration number $k$ is
#
# $$ r = x_{k-1} - \tau_k\,A^H(A x_{k-1} - y) , \qquad
#    x_k = r + \tilde H_k\,\mathrm{soft}(H_k\, r,\; \theta_k) . $$
#
# $H_k$ are three convolutions with a ReLU: an image goes in, and nine real pictures of
# the same size come out. The **code** of an image is what a transform makes of it.
# $\tilde H_k$ makes one image of a code again, and that is added to $r$. So, unlike in
# ISTA, what comes back is not the image but a *correction* of $r$. Each of the nine
# iterations has its own $H_k$, $\tilde H_k$, $\tau_k$ and $\theta_k$.
#
# Why keep a threshold, if everything can be learned? Where the code is small it becomes
# exactly zero, and zeros add nothing to $r$. So the network has to say clearly where it
# sees something. We look at a code of the trained network, that of iteration 9, before
# and after the threshold.

# %%
ista_net = networks["ISTA-Net"]
unit = brightness(A.adjoint(y))  # what a viewer shows as white; (1, 1)
steps = ista_net.iterates(A, y)  # x_0, r_1, x_1, r_2, ..., r_9, x_9
last = ista_net.iterations[8]
code = last.code(steps[17] / unit)  # of r_9: (features, y, x)
kept = soft_threshold(code, last.log_threshold.exp())
panels = {}
for feature in [0, 3]:
    panels[f"code {feature}"] = code[feature].abs()
    panels[f"code {feature}, after the threshold"] = kept[feature].abs()
show_images(panels, label="|code|", window=(0, 0.1))

# %%
head = reference.abs() > 0.05 * reference.abs().max()  # (y, x), False in the air
for where, pixels in {"in the head": head, "in the air": ~head}.items():
    share = (kept[:, pixels] == 0).float().mean()
    print(f"exact zeros after the threshold, {where}: {100 * share:.0f} %")

# %% [markdown]
# Two of the nine pictures of the code, before and after. They are bright along edges
# and dark inside tissue, as wavelet coefficients are. In the air around the head the
# threshold makes seven numbers of ten exactly zero, in the head two of ten. So the
# network uses it, but gently: most of what it sees in the head passes, a little
# smaller.
#
# <details><summary>Is the way back the inverse of the way there?</summary>
#
# A wavelet transform has an inverse: without a threshold, there and back changes
# nothing. $H_k$ and $\tilde H_k$ are learned, each for itself. The authors ask for it
# in training. The **symmetry loss** of ISTA-Net is the sum over its iterations of
# $\lVert \tilde H_k H_k v - v\rVert^2$, where $v$ is what comes into the transform (the
# nine pictures that the first convolution makes of $r$). It is added to the error of
# the last image with a weight of 0.01. We measured, outside of this notebook, how far
# that comes: there and back changes $v$ by 25 % in the first iteration of our network,
# and by up to 73 % in a later one. So the symmetry stays a wish. (The published network
# is larger, 32 features and about 340,000 weights.)
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 22.1 · one iteration of ISTA-Net  (★★☆, about 6 min)
#
# Write one iteration, for any transform. `code` and `decode` are functions: `code`
# takes an image (y, x) to its code (features, y, x), and `decode` goes back. `A.normal`
# and `A.adjoint` and the library's `soft_threshold(values, threshold)` are yours to
# use.
#
# <details><summary>Hint 1: the data step</summary>
#
# $A^H(A x - y)$ is `A.normal(image) - A.adjoint(kspace)`.
# </details>
#
# <details><summary>Hint 2: the prior step</summary>
#
# It works on $r$, not on the image that came in, and its result is *added* to $r$.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_ista_iteration(A, kspace, image, step_size, threshold, code, decode):
    """x_{k-1} (y, x) -> x_k (y, x)."""
    ### BEGIN SOLUTION
    misfit = A.normal(image) - A.adjoint(kspace)
    stepped = image - step_size * misfit
    return stepped + decode(soft_threshold(code(stepped), threshold))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** First with transforms that are easy to see through. Then your
# iteration runs nine times with what ISTA-Net has learned, and has to give its image.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_ista_iteration(my_ista_iteration)
mine = A.adjoint(y) / unit
for each in ista_net.iterations:
    tau = each.log_step_size.exp()
    theta = each.log_threshold.exp()
    mine = my_ista_iteration(A, y / unit, mine, tau, theta, each.code, each.decode)
apart = (unit * mine - steps[-1]).abs().max() / unit.max()
check(apart < 1e-3, "Nine of your iterations do not give what ISTA-Net gives.")
show_images({"reference": reference, "yours": unit * mine}, reference=reference)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# With `code` a wavelet transform and `decode` its inverse, $r + \tilde
# H\,\mathrm{soft}(H r)$ would be nearly twice the image. Learned, the way back may end
# with a minus sign: what it adds is a *correction*, as the residual connection of
# [[lenet_and_its_heirs]].
# </details>
#
# <details><summary>A common mistake</summary>
#
# To threshold the code of the image that came in, instead of that of $r$. The two steps
# then run side by side, each on the old image, and the prior step never sees what the
# data step has changed.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Every iteration of ISTA-Net
#
# We open the network on our slice: all ten images $x_0, x_1, \dots, x_9$. To have room
# we show the 48 columns in the middle.

# %%
middle = slice(56, 104)
path = {"reference": reference}
for k in range(10):
    path[f"x{k}"] = steps[2 * k]
show_iterations(path, reference, error_gain=4, columns=middle)

# %% [markdown]
# It does not get better step by step. $x_1$ is far too bright, 15 dB in place of 24.
# $x_3$ has more streaks than $x_2$, $x_7$ more than $x_6$ ($x_5$ falls as well, by a
# little), and still $x_9$ has 29.8 dB, the best of all. Here is what the two steps of
# each iteration do to the PSNR.

# %% jupyter={"source_hidden": true}
for k in range(1, 10):
    before = psnr(steps[2 * k - 2], reference)
    data = psnr(steps[2 * k - 1], reference)
    after = psnr(steps[2 * k], reference)
    print(f"iteration {k}: {before:.1f} dB, data step {data:.1f} dB,", end=" ")
    print(f"prior step {after:.1f} dB")

# %% [markdown]
# In iteration 1 it is the prior step that loses. It has made the image far too bright.
# In iterations 3 and 7 the data step *loses* 6 and 3 dB, and the next iteration wins
# them back. Why would a network that is trained to be good make such losses?

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How long may a data step be?
#
# A gradient step multiplies an error by $1 - \tau a$, where $a$ lies between 0 (not
# measured) and 1 (measured completely). For $a = 1$ this is smaller than 1 in magnitude
# up to $\tau = 2$. Beyond that the error grows, and if we repeat the step it explodes.
# So $\tau = 2$ is the largest step that is safe.
#
# ISTA-Net learned nine steps. Nothing kept them from being long or short.

# %%
predict("learned-steps")

# %%
varnet = networks["VarNet"]
of_ista_net = [each.log_step_size.exp() for each in ista_net.iterations]
of_varnet = [each.log_data_weight.exp() for each in varnet.iterations]
step_sizes = {"ISTA-Net": torch.stack(of_ista_net), "VarNet": torch.stack(of_varnet)}
show_step_sizes(step_sizes, limit=2)
for name, each in step_sizes.items():
    print(name, each.cpu().numpy().round(1))

# %% [markdown]
# ISTA-Net goes up and down: steps of 4.8, 3.9 and 7.6, and after each of them one of
# about 1. The second line, VarNet, is another network with gradient steps, which we
# meet below. It has found the same by itself, with steps up to 12.
#
# Two steps on paper show what this is for. Let the first have $\tau = 8$ and the second
# $\tau = 1$, without a prior step between them:
#
# | | $a = 1$, measured well | $a = 0.1$, measured badly |
# |---|---|---|
# | $\tau = 1$, twice | $0 \cdot 0 = 0$ | $0.9 \cdot 0.9 = 0.81$ |
# | $\tau = 8$, then $1$ | $(-7) \cdot 0 = 0$ | $0.2 \cdot 0.9 = 0.18$ |
#
# The long step spoils what was measured well, seven times over. And the step of 1 that
# follows puts it right at once, since $\tau = 1$ corrects completely what was measured
# well. Meanwhile the badly measured part has fallen to a fifth. *Repeated*, a step of 8
# explodes. *Once*, followed by a step of 1, it does more for the badly measured part
# than any two safe ones. (This is the idea and not the whole story. A part in between,
# $a = 0.5$, is enlarged by these two, $-3 \cdot 0.5 = -1.5$; the network has seven
# other steps for it. And there is a prior step after each.)
#
# This is what unrolling buys, beside a better prior. An algorithm that runs for ever
# needs steps that are safe. A network with nine iterations only has to be good at the
# ninth.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
sentence = "longest learned data step of each network with gradient steps, shorter one"
claim(sentence, min(each.max() for each in step_sizes.values()), at_least=2)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## ADMM: remember the disagreement
#
# In [[modl]] one pixel went to $x = 5/3$: measured $y = 2$, $\lambda = 1$, and a
# denoiser that moves half of the way to 1, $D(x) = (x + 1)/2$. There $z = D(x) = 4/3$.
# So at the end the two steps still disagree: one says $5/3$, the other $4/3$, every
# round again.
#
# What would be a good compromise between the two? We know one from the start of this
# lesson: the minimum of the misfit plus a penalty. So which penalty belongs to this
# denoiser? The prior step of a penalty $P$ gives the $z$ that is close to the $x$ that
# came in and also has a small penalty, the minimum of $\tfrac12(z - x)^2 + P(z)$. (The
# soft threshold is the prior step of $\theta\,|z|$.) Try $P(z) = \tfrac12(z - 1)^2$,
# which pulls towards 1. The slope $(z - x) + (z - 1)$ is zero at $z = (x + 1)/2$, and
# that is our denoiser.
#
# So the compromise is the minimum of $\tfrac12(x - 2)^2 + \tfrac12(x - 1)^2$. Where is
# it? MoDL's $5/3$ is not there.

# %% [markdown]
# **ADMM** (alternating direction method of multipliers) is an iteration that adds up
# the disagreement of its two steps and lets both of them know. The sum is an image $u$
# that starts at zero, and the number $\eta$ says how much of each disagreement is
# added:
#
# $$ z = D(x + u) , \qquad u \leftarrow u + \eta\,(x - z) , \qquad
#    (A^H A + \lambda I)\,x = A^H y + \lambda\,(z - u) . $$
#
# The **multiplier** of ADMM is this sum $u$ of all disagreements so far, each times
# $\eta$. As long as $x$ is larger than $z$, $u$ grows. It makes the denoiser see a
# larger image, $x + u$, and the data step a smaller one, $z - u$.
#
# One round by hand, from $x = 2$ and $u = 0$, with $\eta = \tfrac12$ and $\lambda = 1$.
# The denoiser gives $z = (2 + 1)/2 = 1.5$. They disagree by 0.5, so $u = 0.25$. The
# data step solves $2x = 2 + (1.5 - 0.25)$, so $x = 1.625$.

# %%
predict("admm-ends")

# %%
x = 2.0
u = 0.0
for _ in range(8):
    z = (x + u + 1.0) / 2.0  # the denoiser
    u = u + 0.5 * (x - z)  # the multiplier, with eta = 0.5
    x = (2.0 + 1.0 * (z - u)) / 2.0  # data step: (y + lambda (z - u)) / (1 + lambda)
    print(f"z = {z:.3f}, u = {u:.3f}, x = {x:.3f}")

# %% [markdown]
# Both go to 1.5. That is the compromise: the slope $(x - 2) + (x - 1)$ is zero there.
# So with its memory $u$ ADMM finds the minimum. Our trained ADMM is MoDL with this one
# number more, $\eta$, trained in the same way from the same first stage. Does the
# memory help a network that has only five rounds?

# %%
for name in ["MoDL", "ADMM"]:
    inside = networks[name].iterates(A, y)  # x0, z0, x1, z1, ..., x5
    last_z = inside[-2]
    disagreement = 100 * (inside[-1] - last_z).norm() / inside[-1].norm()
    print(f"{name}: {psnr(inside[-1], reference):.1f} dB,", end=" ")
    print(f"x5 and z4 differ by {disagreement:.1f} %")
print(f"eta that ADMM has learned: {networks['ADMM'].log_step_size.exp():.2f}")

# %% [markdown]
# A little: 0.2 dB on this slice. It has learned an $\eta$ of 0.2, so each round adds a
# fifth of the disagreement to the memory. In five rounds that cannot bring the two
# together: ADMM's $x_5$ and $z_4$ differ no less than MoDL's. And a denoiser that was
# trained for five rounds need not be the prior step of any penalty. What holds for the
# algorithm in the long run need not hold for the network that was cut from it.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Learn as little as possible
#
# In the other direction: keep the wavelets, and learn *only the thresholds*. A wavelet
# transform sorts an image into **subbands**, coefficients of one size (level) and one
# direction: changes along $x$, along $y$, or along both. Four levels of three
# directions are 12 subbands. Compressed sensing has one threshold for all of them. The
# network `wavelets` unrolls ten rounds of ADMM, and has a threshold for each subband in
# each round: 120 numbers, and three more ($\lambda$, $\eta$, and how the thresholds
# follow the noise).

# %%
thresholds = networks["wavelets"].log_thresholds.exp()  # (iterations, levels, 3)
show_thresholds(thresholds)
for level in range(4):
    along_x, along_y, _ = thresholds[:, level].median(dim=0).values
    print(f"level {level + 1}, median threshold: x {along_x:.4f}, y {along_y:.3f}")

# %% [markdown]
# The rows called *x* are subbands of changes along $x$ alone. What does not change
# along $y$ lies at ky = 0, and what changes slowly lies near it. There all lines were
# measured. In levels 3 and 4 these rows are blue, with medians of 0.003 and 0.001. The
# rows called *y* hold changes along $y$. They lie at higher ky, where lines are
# missing, and are yellow and green. In levels 3 and 4 their medians are 0.37 and 0.20,
# more than a hundred times as high; in level 1, the finest, they are six times as high.
# No single weight could do that. (Level 4, the coarsest, lies for the most part inside
# the fully sampled centre. Why its *y* has high thresholds as well, this does not
# explain.)
#
# This is the classical method at its strongest: 123 numbers against 29,000. A network
# should beat these wavelets, too, and not only those with one weight. We come back to
# that at the end.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The variational network: learn the slope
#
# There is another prior step: give the penalty itself a formula, and go down its slope.
# The **variational network** is an unrolled gradient descent on both terms at once:
#
# $$ x_k = x_{k-1} - \tau_k\,A^H(A x_{k-1} - y)
#    - \sum_i W_i^{\mathsf T}\,\phi_i(W_i\,x_{k-1}) . $$
#
# $W_i$ is convolution with filter number $i$: one filter for the real part of the
# image, one for the imaginary part, and the sum of both results. That is a picture of
# real responses, large where the image has what the filter looks for. $\phi_i$ is a
# function of one number, applied to each response: how much should it be lowered? And
# $W_i^{\mathsf T}$ is the convolution back to the image.
#
# What has this to do with a penalty? Let $\phi$ be the derivative of a function $\rho$.
# Take an image of one pixel and a filter of one number $w$. The penalty is $\rho(w x)$,
# and by the chain rule its slope is $w\,\phi(w x)$. For a whole image it reads the
# same: the gradient of $P(x) = \sum \rho(W x)$, summed over all pixels, is
# $W^{\mathsf T} \phi(W x)$. So to learn the slope $\phi$ is to learn the penalty.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A curve that can be learned
#
# How does one learn a function? As a sum of bells at fixed places $\mu_j$, a distance
# $s$ apart, with a learned height $c_j$ for each:
#
# $$ \phi(v) = \sum_j c_j\, e^{-(v - \mu_j)^2 / 2 s^2} . $$
#
# Three bells as an example: $\mu = -1, 0, 1$, so $s = 1$, and heights $-1, 0, 1$. At
# $v = 0$ the outer two cancel: $\phi(0) = 0$. At $v = 1$ the right one counts fully,
# the left one with $e^{-2} = 0.135$: $\phi(1) = 1 - 0.135 = 0.865$. At $v = 3$ only the
# right one is near, with $e^{-2}$, so $\phi(3) = 0.135$. The curve rises, and falls
# again: responses around 1 are lowered most, large ones are left alone.

# %% [markdown]
# The trained network has eleven filters in each of its ten iterations, and 31 bells for
# each curve. We look at five filters of the last iteration, those that do most.

# %%
last = varnet.iterations[9]
v = torch.linspace(-0.5, 0.5, 201, device=DEVICE)  # responses
slopes = last.activation.exact(v.expand(11, 201))  # of all filters: (11, 201)
strongest = slopes.abs().amax(1).argsort(descending=True)[:5]  # five of the 11
show_experts(last.filters()[strongest], v, slopes[strongest])

# %% [markdown]
# Above are the filters for the real part, positive numbers red and negative ones blue,
# and below each its curve. All five curves have the same shape. Near zero they rise:
# small responses, mostly noise and folding, are lowered. Beyond about 0.1 they change
# sign, and large responses, which are edges, are *raised*: the slope is subtracted, and
# a negative slope adds. So this network has learned to sharpen as well. No penalty that
# is large for large responses could do that. The first filter takes the difference of
# neighbouring pixels; the others look rather like noise to us.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## End-to-end: stay in k-space, and learn the maps
#
# All networks so far took the coil maps as given, as ESPIRiT found them
# ([[coil_calibration]]). The **end-to-end variational network** is an unrolled network
# that works on the k-space of all coils and makes its own coil maps. We call this
# k-space $q_k$, (coils, ky, kx), and start with $q_0 = y$. Each iteration is
#
# $$ q_k = q_{k-1} - \tau_k\,M\,(q_{k-1} - y) - F\,S\; G_k(S^H F^H q_{k-1}) . $$
#
# - *The data step* is the gradient step again: where a sample was measured, $q$ is
#   pulled towards $y$. An example: $q = 3$, $y = 2$, $\tau = 0.5$ gives 2.5. With
#   $\tau = 1$ the measured value is put back exactly. What was not measured stays.
# - *The prior step* combines the coils to one image, $S^H F^H q$. A U-Net $G_k$
#   ([[unet]]) says what is wrong with it, and that goes back to all coils and to
#   k-space.
#
# Where do the maps $S$ come from? From one more U-Net, which sees the coil images of
# the fully sampled centre alone. Divided by their root sum of squares these are rough
# maps already, and the U-Net corrects them. Nobody tells it what a good map is. (This
# start is ours. The published U-Net, which is much larger, makes the maps from nothing.
# A small one that did so made maps that could not explain the coil images: of their
# energy $\sum_c |x_c|^2$ about a quarter was left over in $x_c - S_c\,x$.)
#
# The last image is the root sum of squares of the coil images of $q_5$, in code
# `rss(ifft2c(q))`. It has no phase, and the only loss is the error of its magnitude.

# %%
e2e = networks["E2E"]
own_maps = e2e.smaps(A, y)  # (coils, y, x)
shown = [scan.smaps[1], own_maps[1], scan.smaps[5], own_maps[5]]
titles = ["coil 1, ESPIRiT", "coil 1, learned", "coil 5, ESPIRiT", "coil 5, learned"]
show_smaps(torch.stack(shown), titles)

# %% [markdown]
# Above the magnitudes, below the phases. As ESPIRiT's, the learned map of coil 1 is
# bright at the bottom of the head, and that of coil 5 at the top. But the learned ones
# also show the outline of the head and some of its folds, and their phase is another
# one. Nobody asked for smooth maps. They only have to be of use to the five iterations
# that come after them.
#
# How can they learn from the last image alone? They stand in every iteration, on the
# way to the image and on the way back. So a small change of the maps changes each
# $q_k$, and in the end the image. Automatic differentiation ([[backpropagation]]) goes
# back through all data and prior steps, collects the gradient of the loss with respect
# to the maps, and goes on into the U-Net that made them.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 22.2 · one iteration in k-space  (★★☆, about 6 min)
#
# Write the equation above. `refine` is $G_k$, a function from image (y, x) to image
# (y, x), `step_size` is $\tau_k$, and `mask` is (ky, 1).
#
# <details><summary>Hint 1: to one image</summary>
#
# `ifft2c(kspace)` are the coil images (coils, y, x). Multiply by the conjugate of the
# maps and add the coils up: axis $-3$.
# </details>
#
# <details><summary>Hint 2: and back</summary>
#
# `smaps * image` makes the coil images again, since (coils, y, x) times (y, x)
# multiplies each coil.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_cascade(kspace, measured, mask, smaps, refine, step_size):
    """q_{k-1} (coils, ky, kx) -> q_k of the same shape."""
    ### BEGIN SOLUTION
    image = (smaps.conj() * ifft2c(kspace)).sum(-3)
    correction = fft2c(smaps * refine(image))
    return kspace - step_size * mask * (kspace - measured) - correction
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** First on small scans. Then your iterations run with the learned
# U-Nets and maps, and we look at the k-space of one coil.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_cascade(my_cascade)
q = y
for each in e2e.iterations:
    tau = each.consistency_weight
    q = my_cascade(q, y, scan.mask, own_maps, each.network, tau)
apart = (rss(ifft2c(q)) - e2e(A, y)).abs().max() / unit.max()
check(apart < 1e-3, "Your iterations do not give what the library's network gives.")
show_kspace({"measured, coil 1": y[1], "after your five iterations": q[1]})

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# The same gradient step could be written for the image: multiply the equation by
# $S^H F^H$. But the k-space of eight coils holds more than one image times the maps can
# explain. What no image explains, E2E carries along and lets the last root sum of
# squares keep.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To forget the mask in the data step. Where nothing was measured `measured` is zero,
# and so all that the U-Nets have filled in is pulled back to zero.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Iterations without end
#
# (More than half of the lesson lies behind us. What follows asks a new question, so
# this is a good place for a break.)
#
# In [[modl]] the network that had learned with five rounds ran for twenty, and its
# image became worse again. Can one make an iteration that may run for as long as one
# likes?

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Two iterations of a number
#
# We repeat $x \leftarrow f(x)$. Once with $f(x) = 0.5\,x + 1$, and once with $f(x) =
# 1.5\,x - 1$. Both leave $x = 2$ as it is. A **fixed point** of a function $f$ is an
# $x$ with $f(x) = x$, which repeating does not change.


# %%
def calm(x):
    """Halves what is left to 2."""
    return 0.5 * x + 1


def wild(x):
    """Makes it half as large again."""
    return 1.5 * x - 1


curves = {"f(x) = 0.5 x + 1": calm, "f(x) = 1.5 x - 1": wild}
show_cobwebs(curves, start=1.2, n_steps=12, reach=(-1.0, 4.0))

# %% [markdown]
# Read the orange path from the dot: up to the function, across to the grey diagonal,
# and up or down again. On the left it runs into the crossing, $x = 2$. On the right it
# runs away from the same crossing, although it starts close to it.
#
# The difference is the slope. Left, the distance of two points becomes half of it;
# right, one and a half times. The **Lipschitz constant** $L$ of a function is the
# largest factor by which it can enlarge a distance:
# $\lVert f(x) - f(x')\rVert \le L\,\lVert x - x'\rVert$ for all $x$ and $x'$. A
# **contraction** is a function whose Lipschitz constant is below 1.
#
# A contraction always settles. The second step is at most $L$ times as long as the
# first, the third at most $L^2$ times, and so on; together they are not longer than
# $1 + L + L^2 + \dots = 1/(1 - L)$ first steps. And it settles at the same place from
# everywhere: were there two fixed points, $f$ would have to bring them closer together,
# and leaves both where they are.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### And for images?
#
# One round of MoDL is $f(x)$: denoise, then solve. Solving brings two images no farther
# apart: as we saw for the error $e$, a difference is multiplied by $\lambda/(a +
# \lambda)$, which is at most 1. So *if the denoiser is a contraction, the round is
# one.*
#
# Is a trained denoiser a contraction? We can try. We add a small random change to our
# image and see by how much the result changes.

# %%
modl = networks["MoDL"]
by_modl = modl(A, y)
for seed in range(3):
    change = 1e-3 * random_complex(160, 160, seed=seed).to(DEVICE)
    after = modl.denoiser(by_modl + change) - modl.denoiser(by_modl)
    print(f"a random change grows by {after.norm() / change.norm():.2f}")

# %%
predict("worst-change")

# %% [markdown]
# A random change is a mixture of 25,600 directions, and the worst of them has next to
# no share in it. How do we find the worst one? The **Jacobian** $J$ of a function at an
# image is the matrix of all its derivatives there: for a *small* change $v$ of the
# image the result changes by $J v$. We want the $v$ of length 1 for which $\lVert J
# v\rVert$ is largest.
#
# Two numbers as an example: $J$ makes $(0.5\,v_1,\ 3\,v_2)$ of $(v_1, v_2)$. We begin
# with $v = (1, 1)$. $J$ makes $(0.5, 3)$ of it, and $J$ once more $(0.25, 9)$. The
# direction that grows most takes over by itself.
#
# What if $J$ also turns? Let it exchange the two numbers, so that it makes
# $(3\,v_2,\ 0.5\,v_1)$. Twice gives $(1.5\,v_1,\ 1.5\,v_2)$: what was tripled is
# halved next, and no direction takes over. The transpose $J^{\mathsf T}$ turns back. It
# makes $(0.5\,w_2,\ 3\,w_1)$ of $(w_1, w_2)$, so $J$ and then $J^{\mathsf T}$ make
# $(0.25\,v_1,\ 9\,v_2)$, and the second direction takes over again.
#
# **Power iteration** multiplies a vector by $J$ and then by $J^{\mathsf T}$, again and
# again, makes it as long as 1 in between, and so turns it into the direction that $J$
# enlarges most.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 22.3 · the largest growth  (★★☆, about 6 min)
#
# Write power iteration. `push(v)` gives $J v$, `pull(w)` gives $J^{\mathsf T} w$, and
# both take and give complex images (y, x). (The library makes them from a network by
# automatic differentiation, without ever writing down $J$.) Return $\lVert J v\rVert$
# for the last $v$ of length 1.
#
# <details><summary>Hint 1: one iteration</summary>
#
# `v = v / v.norm()`, then `pushed = push(v)`, then `v = pull(pushed)`.
# </details>
#
# <details><summary>Hint 2: what to return</summary>
#
# In the last iteration `v` has length 1 when it is pushed. So `pushed.norm()` is the
# factor.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_lipschitz(push, pull, start, n_iterations):
    """Two functions, an image (y, x), a number -> the largest growth, a number."""
    ### BEGIN SOLUTION
    v = start
    for _ in range(n_iterations):
        v = v / v.norm()
        pushed = push(v)
        v = pull(pushed)
    return pushed.norm()
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** First with matrices whose answer is known. Then at the image of
# MoDL: the more iterations, the closer to the worst change.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_lipschitz(my_lipschitz)
push, pull = jacobian_products(modl.denoiser, by_modl)
anything = random_complex(160, 160, seed=0).to(DEVICE)
tried = [1, 2, 4, 8, 16, 32]
growth = [float(my_lipschitz(push, pull, anything, n)) for n in tried]
label = "growth of the change"
plot_lines(tried, {"": growth}, xlabel="power iterations", ylabel=label, log="x")
print("largest growth found:", [round(each, 2) for each in growth])

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# $J^{\mathsf T} J$ multiplies each of its own directions by the square of its growth.
# In each iteration the worst one gains on any other by the squared ratio of their
# growths. What is not reached yet makes the result too small, never too large.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To return the length of $v$ after `pull`. That is the growth *squared*, there and
# back.
# </details>

# %%
largest = lipschitz_constant(modl.denoiser, by_modl)  # the library's, 30 iterations
print(f"MoDL's denoiser, at its image: the worst change grows by {largest.item():.1f}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A denoiser that cannot expand
#
# So the denoiser of MoDL enlarges some changes about sevenfold, and is no contraction.
# Can we train one that is? A chain of layers enlarges a distance at most by the product
# of what its layers do, and ReLU enlarges none. The **spectral norm** of a convolution
# is the largest factor by which it enlarges a picture. So wherever that is above 0.99
# we shrink the weights until it is 0.99. The network $N$ of five such convolutions then
# has an $L$ of at most $0.99^5 = 0.95$, and
#
# $$ D(x) = \tfrac12\,(x + N(x)) $$
#
# is a contraction, whatever was learned: $L$ is at most $\tfrac12(1 + 0.95) = 0.975$.

# %% [markdown]
# The network DEQ is MoDL with this denoiser. It is not run for five rounds, but until a
# round changes the image by less than 0.1 %, in training as well. A **deep
# equilibrium** network is a network whose result is the fixed point of its iteration.
#
# We repeat the round of MoDL and that of DEQ 300 times, from the zero-filled image and
# from a black one, on the 48 columns in the middle. (For a mask of lines each column is
# a scan of its own, [[modl_in_practice]]. A folded cell makes `few` and `few_y` of the
# operator and the data, and of these the zero-filled image, (160, 48).)

# %%
predict("three-hundred")

# %% jupyter={"source_hidden": true}
few = SenseOperator(scan.smaps[..., middle], scan.mask)
across = ifftc(y, dim=-1)  # along kx to the image: (coils, ky, x)
few_y = fftc(across[..., middle], dim=-1)  # 48 columns, and back
zero_filled = few.adjoint(few_y)  # (160, 48)

# %%
weight = modl.log_reg_weight.exp()


def modl_round(x):
    """One round of MoDL: denoise, then solve; (160, 48) -> (160, 48)."""
    return data_consistency(few, zero_filled, modl.denoiser(x), weight)


deq = networks["DEQ"]
deq_round = deq.step(few, few_y)  # one round of DEQ, a function as the one above


# %%
def repeated(one_round, x, n_rounds):
    """The last image, and the relative change of every round, a list of numbers."""
    changes = []
    for _ in range(n_rounds):
        new = one_round(x)
        changes.append(float((new - x).norm() / new.norm()))
        x = new
    return x, changes


# %%
rounds = {"MoDL": modl_round, "DEQ": deq_round}
black = torch.zeros_like(zero_filled)
starts = {"zero-filled": zero_filled, "black": black}
ends = {}  # the image after 300 rounds, for each network and start
changes = {}
for name, one_round in rounds.items():
    for start, first in starts.items():
        key = f"{name}, from {start}"
        ends[key], changes[key] = repeated(one_round, first, 300)

# %% jupyter={"source_hidden": true}
label = "relative change of a round"
plot_lines(range(1, 301), changes, xlabel="round", ylabel=label, log="xy")
goal = reference[:, middle]
for key, end in ends.items():
    print(f"{key:22}: {psnr(end, goal):.1f} dB,", end=" ")
    print(f"brightest pixel {end.abs().max():.2g}, last change {changes[key][-1]:.0e}")

# %% [markdown]
# MoDL does not settle. From the zero-filled image it goes on changing the image by
# several per cent a round, and after 200 rounds it explodes. From the black one it is
# still moving after 300, by 5 % a round. DEQ settles: after about 20 rounds its
# changes are rounding errors, and the two curves lie on one another.
#
# <details><summary>And after 1000 rounds?</summary>
#
# We tried four starts of MoDL (zero-filled, black, its own fifth image, the reference)
# on two widths of columns, outside of this notebook. All eight have exploded before
# round 1000.
# </details>

# %%
difference = ends["DEQ, from zero-filled"] - ends["DEQ, from black"]
difference = (difference.norm() / ends["DEQ, from black"].norm()).item()
print(f"the two ends of DEQ differ by {difference:.0e}")

# %%
growths = {}
for name in rounds:
    own = networks[name](few, few_y)  # its own image
    growths[name] = lipschitz_constant(networks[name].denoiser, own).item()
    print(f"{name}: the worst change of its image grows by {growths[name]:.2f}")

# %% [markdown]
# The two ends of DEQ are the same image: it settles at one place, from wherever it
# starts. Power iteration agrees: at its image the worst change that it finds grows by
# 0.68, so it shrinks. At MoDL's image some changes grow fivefold (on these 48 columns;
# on the whole slice it was 6.7).
#
# Note the order of the argument. That DEQ is a contraction follows from how it was
# built, for all images. Power iteration at one image cannot show it; it can only find a
# counterexample, as it did for MoDL.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
last_changes = {key: each[-1] for key, each in changes.items()}
settled = max(last_changes["DEQ, from black"], last_changes["DEQ, from zero-filled"])
claim("DEQ: relative change of round 300, larger of two starts", settled, at_most=1e-5)
claim("DEQ: relative difference of the two ends", difference, at_most=1e-4)
moving = min(last_changes["MoDL, from black"], last_changes["MoDL, from zero-filled"])
sentence = "MoDL: relative change of round 300, smaller of two starts"
claim(sentence, moving, at_least=1e-2)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What it costs to learn through many rounds
#
# To learn, a network of $K$ rounds keeps what every round has computed, until the
# gradients have gone back through it ([[backpropagation]]). With hundreds of rounds
# that would fill any memory.
#
# A fixed point needs none of it. It solves an equation, $x = f(x)$, and an equation can
# be differentiated without asking how it was solved. That is the implicit
# differentiation of [[modl]], for the whole round in place of one solve.
#
# <details><summary>The equation for the gradient</summary>
#
# Let the weights change a little, by $\mathrm{d}w$. Both sides of $x = f(x, w)$ change
# alike:
#
# $$ \mathrm{d}x = J\,\mathrm{d}x + f_w\,\mathrm{d}w , $$
#
# where $J$ is the Jacobian of the round at the fixed point, and $f_w\,\mathrm{d}w$ is
# what the new weights change directly. This is a fixed point again, for $\mathrm{d}x$,
# and it knows only the *last* image. Backwards one solves $v = J^{\mathsf T} v + g$ for
# the gradient $g$ of the loss, by the same kind of iteration.
# </details>
#
# We count what is kept for the backward pass, for 1 to 16 rounds on the 48 columns.

# %%
predict("memory-of-rounds")

# %%
counts = [1, 2, 4, 8, 16]
memory = memory_of_rounds(few, few_y, counts)  # MiB, untrained networks
label = "kept in memory (MiB)"
plot_lines(counts, memory, xlabel="rounds K", ylabel=label)
for name, curve in memory.items():
    print(f"{name}: {curve[0]:.0f} MiB for 1 round, {curve[-1]:.0f} MiB for 16")

# %% [markdown]
# Through the rounds, 16 of them keep 62 MiB, 15 times as much as one. Implicitly it is
# 8 MiB, whatever the number. (That is as much as two rounds keep: our implicit way
# computes the last round once more.) And these are 48 columns of 160 rows; a slice of
# 320 x 320 needs 13 times as much. What is paid is time: the gradient has rounds of its
# own.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
unrolled, implicit = memory.values()
sentence = "memory of 16 rounds over that of one, through all rounds"
claim(sentence, unrolled[-1] / unrolled[0], at_least=8)
sentence = "memory of 16 rounds over that of one, implicitly"
claim(sentence, implicit[-1] / implicit[0], at_most=1.1)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 22.4 · Go further: plug and play  (★★☆, about 8 min)
#
# A denoiser that never met an algorithm can be put into one. **Plug-and-play** is an
# iteration of a classical algorithm in which a denoiser stands in the place of its
# prior step. Write the one of ISTA: $x \leftarrow D(x - \tau\,A^H(A x - y))$, from the
# zero-filled image. Return the last image, and a list of the relative changes
# $\lVert x_k - x_{k-1}\rVert / \lVert x_k\rVert$, one number for each iteration.
#
# Our $D$ is the denoiser of DEQ. It was trained inside another iteration, which solves.
#
# <details><summary>Hint: the loop</summary>
#
# Keep the old image, compute the new one, append `float((new - old).norm() /
# new.norm())` to the list.
# </details>


# %%
# its weights are divided by their spectral norms once, and not in every call
calm_denoiser = partial(deq.denoiser, weights=deq.denoiser.weights())


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_plug_and_play(A, kspace, denoise, step_size, n_iterations):
    """-> the last image (y, x), and the relative change of every iteration, a list."""
    ### BEGIN SOLUTION
    zero_filled = A.adjoint(kspace)
    image = zero_filled
    changes = []
    for _ in range(n_iterations):
        misfit = A.normal(image) - zero_filled
        new = denoise(image - step_size * misfit)
        changes.append(float((new - image).norm() / new.norm()))
        image = new
    return image, changes
    ### END SOLUTION


# %% tags=["check"] slideshow={"slide_type": "skip"}
check_plug_and_play(my_plug_and_play)
curves = {}
for tau in [1.0, 1.9, 3.0]:
    result, path = my_plug_and_play(few, few_y, calm_denoiser, tau, 100)
    curves[f"τ = {tau}"] = path
    print(f"τ = {tau}: {psnr(result, goal):.1f} dB, last change {path[-1]:.0e}")
label = "relative change"
plot_lines(range(1, 101), curves, xlabel="iteration", ylabel=label, log="y")

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it, and explain.** (1) Why does $\tau = 3$ not settle, though the denoiser is
# a contraction? (2) ISTA-Net has steps of up to 8, and its images are fine. Why may it?
# (3) Take the denoiser of MoDL, `modl.denoiser`, with $\tau = 1$. What happens, and is
# the data step or the denoiser to blame? (4) The result is worse than that of DEQ,
# though denoiser and data are the same. Why?
#
# *Your answer:* (click here and write)

# %% tags=["solution"]
result, path = my_plug_and_play(few, few_y, modl.denoiser, 1.0, 100)
print(f"denoiser of MoDL: {psnr(result, goal):.1f} dB, last change {path[-1]:.0e}")
print(f"DEQ itself: {psnr(ends['DEQ, from black'], goal):.1f} dB")

# %% [markdown] tags=["solution"]
# (1) With $\tau = 3$ the data step multiplies what is measured well by $1 - 3 = -2$. A
# denoiser with $L < 1$ may shrink that again, but need not, since $2 L$ is not below 1.
# (2) ISTA-Net takes each step once. A long step is followed by one that puts right what
# it has spoiled. (3) It does not settle: iteration 100 still changes the image by 10 %,
# and spoils it. The data step with $\tau = 1$ enlarges nothing, so it is the denoiser.
# (4) The fixed point belongs to both steps together. DEQ was trained so that the fixed
# point of denoising *and solving with its λ* is a good image. With a gradient step in
# its place the same denoiser has another fixed point.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which choice matters?
#
# Now the comparison, on the bench of [[modl_in_practice]]: 20 slices of the head that
# no network trained on, 48 columns of each, eight coils, nominal $R = 4$, each with its
# own contrast, noise and lines. Beside the networks stand four others:
#
# - *rival*: wavelets or total variation (TV, [[compressed_sensing]]), with the weight
#   that is best for each slice, which only a test can know;
# - *TV*: total variation with one weight for all slices, chosen on the training heads;
# - *k5*: the MoDL that [[modl_in_practice]] ended with. Our *MoDL* has the form of the
#   paper; *k5*, also with five rounds and 29,000 weights, has the four changes of that
#   lesson: it solves exactly, knows the noise, removes the smooth phase and starts from
#   the SENSE image;
# - *E2E x 10*: E2E once more with ten times the weights, 283,000, in wider U-Nets. It
#   had as many steps of training, which took 2.5 times as long.

# %%
options = dict(OPTIONS, strip=48)
draws = SimulatedScans("test", seed=18, **options)
scans = [draws[number].to(DEVICE) for number in range(20)]
[bench] = stack(scans)  # all of one size, so one batch: A, kspace, reference

# %%
predict("ahead-of-tv")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
RIVAL = [  # for each slice what the search in MoDL in practice has found
    ("tv", 3e-4), ("haar", 2e-3), ("tv", 2e-5), ("tv", 5e-4), ("tv", 5e-5),
    ("haar", 1e-3), ("haar", 5e-4), ("haar", 3e-4), ("haar", 2e-4), ("haar", 5e-4),
    ("tv", 5e-5), ("tv", 1e-4), ("tv", 5e-5), ("haar", 1e-3), ("haar", 5e-4),
    ("haar", 1e-3), ("tv", 1e-4), ("haar", 2e-3), ("tv", 1e-4), ("haar", 1e-4),
]  # fmt: skip

# %%
dB = {name: score(network, bench) for name, network in networks.items()}
dB["zero-filled"] = score(SenseOperator.adjoint, bench)
dB["rival"] = score_sparse(bench, RIVAL, tolerance=1e-2)  # the folded cell: its weights
dB["TV"] = score_sparse(bench, [("tv", 1e-3)] * 20, tolerance=1e-2)

# %%
k5 = load_checkpoint("modl_k5_annealed").network.to(DEVICE).requires_grad_(False)
dB["k5"] = score(k5, bench)
wider = load_checkpoint("end_to_end_varnet_ten").network.to(DEVICE)
dB["E2E x 10"] = score(wider.requires_grad_(False), bench)
for name in sorted(dB, key=lambda name: dB[name].mean()):
    print(f"{name:12} {dB[name].mean():.1f} dB")
print(f"E2E, ten times the weights: {gain_in_words(dB['E2E x 10'] - dB['E2E'])}")

# %%
over_modl = {}
for name in ["rival", "TV", *networks, "k5", "E2E x 10"]:
    if name != "MoDL":
        over_modl[name] = dB[name] - dB["MoDL"]
show_gains(over_modl, xlabel="over MoDL (dB), a dot a slice")

# %% [markdown]
# The dots are slices, the bars their mean difference from MoDL, and the black lines its
# 95 % interval.
#
# - *ADMM* is 0.3 dB ahead of MoDL, the gain of one number more. The interval is above 0
#   for these two trainings. Another seed might undo so small a lead.
# - *ISTA-Net and VarNet*, the two with gradient steps, are 0.8 dB below it, although
#   each of their iterations has weights of its own. Solving is worth more, as it was in
#   [[modl_in_practice]].
# - *DEQ* is 2.4 dB below MoDL, with as many layers and weights. Its denoiser may not
#   enlarge any difference, so it can hardly sharpen. We take that for the price of
#   settling.
# - *E2E* is 5.5 dB below. It has to find the coil maps as well, and its 28,000 weights
#   make small U-Nets; the published one has 30 million. Which of the two costs more?
#   *E2E x 10* is 1.5 dB better than E2E, and still 4.0 dB below MoDL. So the small
#   U-Nets cost it a part, and ten times the weights do not bring back the rest.
# - *k5* is 2.2 dB ahead, the gain of the four changes of [[modl_in_practice]].
# - *The rival* is 1.8 dB ahead, and *TV* with one weight 0.6 dB.
#
# So among MoDL, ADMM, ISTA-Net and VarNet the choice of the algorithm makes 1 dB. What
# was done around it in [[modl_in_practice]] makes 2. And *TV*, with a single weight, is
# ahead of all seven. TV is solved to the end. Most of the seven stop after five or ten
# rounds, and learning has to make up for that first.
#
# A lead should be stated over the strongest rivals that do not need the answer. Ours
# are the learned thresholds and TV:

# %% jupyter={"source_hidden": true}
for name in ["MoDL", "ADMM", "ISTA-Net", "VarNet", "E2E", "DEQ", "k5"]:
    over_wavelets = gain_in_words(dB[name] - dB["wavelets"])
    over_tv = gain_in_words(dB[name] - dB["TV"])
    print(f"{name:9} over wavelets {over_wavelets}, over TV {over_tv}")

# %% [markdown]
# First column: the 123 thresholds are level with ISTA-Net and VarNet, which have 29,000
# weights, and half a dB below MoDL, with an interval that holds 0. Only ADMM is ahead
# of them with an interval above 0, by little. (The thresholds know the noise of each
# scan, as `k5` does and none of the other six networks.) Second column: only `k5` is
# ahead of TV. So it alone is ahead of both rivals with intervals above 0, by 2.7 and
# 1.6 dB.
#
# <details><summary>How the weight of TV was chosen</summary>
#
# On 20 slices of the training heads, outside of this notebook: Haar wavelets and TV, at
# four weights each. TV with 0.001 was the best. On the 20 slices here 0.0003 would have
# been better, 30.9 dB, and Haar wavelets come to 30.7 dB at best.
# </details>
#
# <details><summary>What this comparison can tell, and what not</summary>
#
# Equal here are the draws, about the number of weights (but for the wavelets) and about
# the time of training on one core. The networks differ in more than the algorithm:
# 3 x 3 or 11 x 11 filters, shared weights or not, starts (MoDL and ADMM have a first
# stage of one round), losses (ISTA-Net has the symmetry loss, E2E the error of the
# magnitude). E2E is far smaller than the published one, which has 30 million weights,
# and so is ISTA-Net. Each was trained once; another seed moves a score by about 0.1 dB
# ([[lenet_and_its_heirs]]), which is in no bracket. And the brackets speak of slices of
# one simulated head.
# </details>

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim("k5 over MoDL, simulated", over_modl["k5"], at_least=0.5, unit="dB")
sentence = "k5 over TV with one weight, simulated"
claim(sentence, dB["k5"] - dB["TV"], at_least=0, unit="dB")
claim(
    "E2E with ten times the weights", dB["E2E x 10"] - dB["E2E"], at_least=0, unit="dB"
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Inside every network
#
# The images of ISTA-Net became better and worse by turns. Are the others like that?
# Every network calls a function `trace`, if it gets one, with the image of each
# iteration. Ours puts it into a list.

# %%
paths = {}  # of each network x_0, x_1, ..., x_K, images (y, x)
for name, network in networks.items():
    paths[name] = [A.adjoint(y)]  # the start; E2E has another one, see below
    network(A, y, trace=paths[name].append)

# %% jupyter={"source_hidden": true}
paths["E2E"][0] = rss(ifft2c(y))  # its start, without maps
quality = {}
for name, path in paths.items():
    quality[name] = [psnr(image, reference) for image in path]
    print(f"{name:9}", "  ".join(f"{each:.1f}" for each in quality[name]), "dB")
with_gradients = ["ISTA-Net", "VarNet", "E2E"]

# %%
plot_by_iteration({"PSNR (dB)": quality}, dashed=with_gradients)

# %% [markdown]
# (E2E begins without maps, so its $x_0$ is the root sum of squares of the coil images.
# DEQ stops by itself, here after five rounds, when a round changes the image by less
# than 0.1 %.) Solid are the four that solve. Their first iteration does about half of
# the work, 3.4 of 6.6 dB in MoDL, and in DEQ most of it, 3.1 of 3.7. (The wavelets lose
# a little again, at most 0.9 dB.) Dashed are the three with gradient steps. They go up
# and down by much more: VarNet loses 7 dB in iteration 6 and wins them back in 7, and
# E2E is *below its start* until its last. What do such images look like?

# %%
rows = ["MoDL", "ADMM", "wavelets", "DEQ", "VarNet", "E2E"]  # ISTA-Net we have seen
show_inside({name: paths[name] for name in rows}, reference, error_gain=4)

# %% [markdown]
# A row is a network, the left half of a panel the image, and the right half its error.
# In the four upper rows the first iteration removes most of the blur. MoDL, ADMM and
# the wavelets go on with what is left, DEQ hardly does.
#
# VarNet's $x_1$ is covered with arcs and its $x_6$ with noise. In E2E's $x_1$ the brain
# is too dark and the air is grey. These are no good images, and yet a good one comes of
# them. How? We look for the error in k-space, of which 40 lines were measured and 120
# were not. The k-space of an image $x$, of all coils, is $F S x$. (Of E2E we take the
# k-space $q_k$ in which it works.) The goal is the k-space of the reference. The errors
# of the 40 and of the 120 lines are both in percent of the whole goal, so that they can
# be compared.
#
# Do not expect the measured lines to begin with an error of 0. $A^H y$ puts the coil
# images, with their missing lines, together into one image. To get its k-space, the
# image is multiplied by the coil maps again. In k-space that mixes each line with its
# neighbours, and most of these are zero. So the k-space of that image is not $y$.


# %%
def error_in(lines, kspace, goal):
    """Error of kspace (coils, ky, kx) where lines (ky, 1) is True, in % of the goal."""
    return 100 * (lines * (kspace - goal)).norm() / goal.norm()


# %%
predict("which-lines")

# %% jupyter={"source_hidden": true}
kspaces = {}  # of each network the k-space of x_0, x_1, ..., (coils, ky, kx)
for name, path in paths.items():
    kspaces[name] = [fft2c(scan.smaps * x) for x in path]
kspaces["E2E"] = e2e.kspace_iterates(A, y)  # its own, q_0, q_1, ..., q_5
goal_lines = fft2c(scan.smaps * reference)
measured = {}
others = {}
for name, path in kspaces.items():
    measured[name] = [error_in(scan.mask, each, goal_lines) for each in path]
    others[name] = [error_in(~scan.mask, each, goal_lines) for each in path]

# %%
panels = {"error, measured lines (%, log)": measured, "error, other lines (%)": others}
plot_by_iteration(panels, dashed=with_gradients, log=True)

# %% jupyter={"source_hidden": true}
steps_of_e2e = [each.consistency_weight.item() for each in e2e.iterations]
for name in ["VarNet", "E2E"]:
    for kind, errors in {"measured": measured, "others": others}.items():
        row = "  ".join(f"{each:.1f}" for each in errors[name])
        print(f"{name}, {kind}:", row, "%")
for name, each in quality.items():
    print(f"{name:9} at its end: {each[-1]:.1f} dB,", end=" ")
    print(f"measured {measured[name][-1]:.1f} %, others {others[name][-1]:.1f} %")
print(f"other lines at the start: {others['MoDL'][0]:.1f} %", end=" ")
print(f"(E2E: {others['E2E'][0]:.1f} %)")
print("data steps of E2E:", *(f"{each:.2f}" for each in steps_of_e2e))

# %% [markdown]
# (The left axis is logarithmic, the right one is not.) On the left the dashed curves
# jump: in iteration 6 of VarNet from 5 to 41 %. The error of the other lines grows
# there, too, but from 19 to 24 %.
#
# In VarNet it is the long data step that jumps too far. E2E jumps, too, to 61 %, though
# none of its data steps is long, 1.05 at most. So it must be the U-Net: it adds
# something to *all* lines. The next data step takes a part of that out of the measured
# ones: a step of 1.05 nearly all, one of 0.23 a quarter. Then the next U-Net adds
# again. ISTA-Net's first jump, the largest on the left, is its prior step: we saw above
# that it made the image too bright.
#
# On the right there is more order, but for the wavelets and for iterations 1 and 6 of
# VarNet. All seven bring the error of the lines that nobody measured down, from 30 %
# (E2E: 33) to between 14 and 23. Of the dashed ones ISTA-Net and E2E do it in *every*
# iteration, also where the image becomes worse.

# %% [markdown]
# So what the dashed ones spoil on the way lies mostly in the measured lines. Can that
# be put right? We take VarNet's $x_6$, and give it one data step of length 1, without
# any prior.

# %%
spoilt = paths["VarNet"][6]
repaired = spoilt - A.adjoint(A.forward(spoilt) - y)  # a data step of length 1
for name, x in {"x_6": spoilt, "after a data step": repaired}.items():
    each = fft2c(scan.smaps * x)
    print(f"{name}: {psnr(x, reference):.1f} dB,", end=" ")
    print(f"measured {error_in(scan.mask, each, goal_lines):.0f} %,", end=" ")
    print(f"others {error_in(~scan.mask, each, goal_lines):.0f} %")

# %% [markdown]
# One step, and the image is back at 27.8 dB; $x_5$ had 27.9. (The measured lines are
# not at 0. For an image and its maps, one step of 1 does not restore them exactly.) So
# this damage costs VarNet little: one of its later iterations can repair it. For
# ISTA-Net and E2E we have not tried it. But ISTA-Net ends well, and E2E far above its
# own middle, and training has looked at their last image only.
#
# What is wrong at the end is mostly in the other lines. In most iterations the error
# there goes on falling. The ends of the seven curves on the right are, on this slice,
# in the order of their PSNR.
#
# The other lines gain by the step, too, though it corrects measured ones only. The
# coils make this possible. The step changes the image, through the coil maps, and a
# changed image has other values in *all* lines.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
rises = {"measured lines": [], "other lines": []}  # the largest on each slice, in %
for each in scans:
    strip = SenseOperator(each.smaps, each.mask)
    path = [strip.adjoint(each.kspace)]
    ista_net(strip, each.kspace, trace=path.append)
    goal_of_strip = fft2c(each.smaps * each.reference)
    for kind, lines in zip(rises, [each.mask, ~each.mask], strict=True):
        errors = [error_in(lines, fft2c(each.smaps * x), goal_of_strip) for x in path]
        rises[kind].append(torch.stack(errors).diff().max())
sentence = "ISTA-Net, largest rise of the error in an iteration"
measured_rise = torch.stack(rises["measured lines"])
other_rise = torch.stack(rises["other lines"])
claim(f"{sentence}, measured lines", measured_rise, at_least=20, unit="%")
claim(f"{sentence}, other lines", other_rise, at_most=3, unit="%")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>More about these curves, and the 20 slices of the bench</summary>
#
# The left panel begins at 8 %, that is $F S A^H y$ against the goal. E2E starts from
# $y$ itself, and is 4 % off: data have noise, and the goal is what the maps of ESPIRiT
# make of the reference. Its U-Nets add much in the first iterations, and little in the
# last.
#
# Was VarNet's long step of any use? On paper above it helped where $A$ measures weakly.
# What the measured lines tell about the other ones, through the coil maps, is measured
# weakly. So we would look for its use in the other lines. But we cannot see much of it:
# they have 19.0 % before it, and 18.4 % after the next iteration.
#
# In the wavelets it is the *other* lines that go up and down, while the measured ones
# are in order. DEQ mixes its last five images before each round, to settle sooner, so
# its images are not those of plain repetition.
#
# We did the same for all seven on the 20 slices of the bench, outside of this notebook
# (the claim repeats ISTA-Net). MoDL becomes better in every iteration of every slice,
# DEQ on 19 of 20 and ADMM on 16; where they lose, it is at most 0.5 dB. In its worst
# iteration VarNet loses at least 2.9 dB on every slice, E2E 4.4 and ISTA-Net 5.7. The
# mean error of the other lines falls from 28 % (E2E: 31 %) to 13.6 % (ADMM), 14.1
# (MoDL), 15.1 (ISTA-Net), 15.2 (wavelets), 15.3 (VarNet), 19.2 (DEQ) and 24.1 (E2E). In
# ISTA-Net and E2E this mean falls in every iteration.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose the bounds of this lesson</summary>
#
# That a learned step is above 2 was seen in both networks, and the claim says no more.
# That DEQ settles, at one place, is a theorem; 1e-5 leaves room for rounding. That
# MoDL does not was first seen on the whole slice; a change of 1 % a round is far from
# settled. The memory through all rounds should grow in proportion to their number; half
# of that is claimed. The gain of `k5` over MoDL was known from [[modl_in_practice]]. On
# our slice ISTA-Net's measured lines rise by 62 percent of the goal in an iteration,
# from 8 to 70, and its others in none; the bounds on 20 slices leave room.
# About the order of the networks we claim nothing: each was trained once. We had
# expected all networks to be ahead of the learned thresholds and of TV with one weight,
# and E2E not to be the last.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### On real data: a measured brain
#
# The development brain of [[modl_in_practice]]: one measured slice, four coils, lines
# left out afterwards in four ways. No network of this lesson was chosen by it. The
# folded cell scores the seven for each of the four masks: random and equispaced lines
# along one axis, and along the other one (*turned*). (`k5` is not among them: on this
# brain it is level with MoDL, as [[modl_in_practice]] showed.) Beside them stand TV
# with one weight for all, and the rival, whose weight is the best for each mask, as
# above.

# %% jupyter={"source_hidden": true}
brain = load_real("moco_brain_7ch").to(DEVICE)  # four of its seven coils
cases = four_cases(brain, 4, acs=24)  # random, equispaced, and both turned
brain_dB = {name: score(network, cases) for name, network in networks.items()}
found = [("haar", 3e-3), ("haar", 3e-3), ("haar", 2e-3), ("tv", 1e-3)]
brain_dB["rival"] = score_sparse(cases, found, tolerance=1e-2)
brain_dB["TV"] = score_sparse(cases, [("tv", 1e-3)] * 4, tolerance=1e-2)
brain_dB["zero-filled"] = score(SenseOperator.adjoint, cases)
heads = ["random", "equisp.", "random", "equisp."]
print(f"{'':12}", "".join(f"{each:>9}" for each in heads), "     mean")
print(f"{'':12}", "".join(f"{each:>9}" for each in ["", "", "turned", "turned"]))
print(
    f"{'lines':12}", "".join(f"{int(each.A.mask.sum()):9}" for each in cases.values())
)
for name in sorted(brain_dB, key=lambda name: brain_dB[name].mean()):
    row = "".join(f"{each:9.1f}" for each in brain_dB[name])
    print(f"{name:12}", row, f"{brain_dB[name].mean():9.2f}")

# %% jupyter={"source_hidden": true}
first = cases["random"]
view = (slice(25, 245), slice(20, 196))  # rows and columns around the head
chosen = {name: networks[name] for name in ["wavelets", "MoDL", "ISTA-Net"]}
shown = {"reference": first.reference[view]}
for name, network in chosen.items():
    image = best_scale(network(first.A, first.kspace), first.reference)
    shown[f"{name}, {psnr(image, first.reference):.1f} dB"] = image[view]
show_images(shown, reference=first.reference[view], error_gain=6, scores=False)

# %% [markdown]
# Look at the means, the last column. As on the bench ADMM and MoDL lead the networks,
# and VarNet and ISTA-Net follow. The learned thresholds were a little ahead of these
# two on the bench, and are a little behind them here. TV with the weight of the
# simulated heads is level with MoDL, and ADMM, the best network, with the rival. DEQ
# and E2E are far below again.
#
# Equispaced lines give the higher numbers, for two reasons. The coils separate evenly
# spaced ghosts well. And there are more of them (row *lines*): every fourth
# line, and the 24 in the centre as well. The random masks count the centre into their
# quarter.
#
# In the error maps (random lines, six times as bright as the images) all three have
# arcs in the lower brain: ghosts of the skull. The thresholds leave most at the upper
# left of the skull itself, MoDL and ISTA-Net a short streak at the top.
#
# This is one slice of one person, with one mask of a kind: it shows that the networks
# work on measured data, and not how well on the next scan.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Try it
#
# Choose a method, how many lines are left out and how, and how much noise there is. The
# library's `measured_again` measures our slice once more, 96 of its columns, with lines
# and noise as chosen. The three pictures are, from left to right, the reconstruction,
# its error, and the error in k-space (the centre in the middle, bright is wrong). To be
# quick the samples are made with the very maps that the methods get, so here the maps
# are exact. E2E makes its own.

# %%
wide = slice(32, 128)  # 96 columns


def try_it(method="MoDL", acceleration=4, lines="random", noise=0.005):
    """What the sliders below call: names and numbers -> three pictures."""
    maps = scan.smaps[..., wide]
    case = measured_again(reference[:, wide], maps, acceleration, lines, noise)
    image = networks[method](case.A, case.kspace)
    return error_views(image, case.reference, name=method)


choices = {"acceleration": (2, 8), "lines": ["random", "equispaced"]}
explore(try_it, method=list(FILES), noise=[0.0, 0.005, 0.02, 0.05], **choices)

# %% [markdown]
# **Questions to try.** All seven learned with $R$ between 3 and 6. Does ISTA-Net break
# down beyond that? Where in k-space is its error? Set the noise to 0.05, far more than
# any network has met: which methods still remove it? Change random lines into
# equispaced ones: which kind of error is left?
#
# <details><summary>What we saw</summary>
#
# ISTA-Net has 34.1, 30.2, 26.6 and 23.7 dB at $R = 3, 4, 6$ and 8: it becomes worse
# without a sudden break, and at $R = 8$ it is still 4 dB above the zero-filled image.
# In k-space its error is bright where no line was measured, most of all beside the
# centre. The measured lines are the dark stripes.
#
# With noise of 0.05 the zero-filled image has 21.0 dB. ISTA-Net has 22.4, and all but
# DEQ are above 21.4: they remove a little. DEQ has 18.1. None of the seven has met such
# noise, so that is not the reason. We have not looked for it.
#
# With random lines the error is a blur over the whole head. With equispaced ones it is
# edges of the skull that come back in the brain, and it is smaller: 37.4 dB in place of
# 30.2 at $R = 4$.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %% jupyter={"source_hidden": true}
print("longest learned steps:", end=" ")
print(", ".join(f"{name} {each.max():.1f}" for name, each in step_sizes.items()))
for name, growth in growths.items():
    last_change = changes[f"{name}, from black"][-1]
    print(f"{name}: growth {growth:.1f}, change in round 300 {last_change:.0e}")
for name in ["wavelets", "ADMM", "ISTA-Net", "VarNet", "E2E", "DEQ"]:
    print(f"{name:9} over MoDL:", gain_in_words(dB[name] - dB["MoDL"]))

# %% [markdown]
# - **Skeleton.** A data step knows the physics, a prior step knows images. Unrolling
#   fixes their number and learns what is not physics.
# - **Long steps.** ISTA-Net and the variational network take gradient steps. Their
#   learned steps are longer than any that could be repeated, since a later one repairs
#   what they spoil.
# - **Memory.** ADMM adds up the disagreement of its two steps. Run for long, that finds
#   the minimum; in five learned rounds it gains 0.3 dB.
# - **Maps.** E2E corrects k-space, and its maps learn from the error of the last image.
# - **Inside.** With gradient steps the images on the way may be bad. Their error jumps
#   in the measured lines. In the lines that nobody measured it falls, mostly step by
#   step, to between 15 and 23 %.
# - **For ever.** A round settles when it is a contraction. Random changes do not show
#   whether it is; power iteration can show that it is not. For a contraction, implicit
#   gradients need the same memory for any number of rounds.
# - **What matters.** At about equal weights and time MoDL, ADMM, ISTA-Net and VarNet
#   are about 1 dB apart on the bench. There 123 learned thresholds are level with two
#   of them, and TV is ahead. The changes of [[modl_in_practice]] are worth 2 dB.
#
# All these networks work on the image, with k-space only in the data step, or on
# k-space with the image only in the prior step. [[kikinet]] gives each domain a
# network.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Zhang and Ghanem, CVPR 2018, [10.1109/CVPR.2018.00196](https://doi.org/10.1109/CVPR.2018.00196):
#   ISTA-Net.
# - Yang et al., IEEE Trans Pattern Anal 42:521, 2020, [10.1109/TPAMI.2018.2883941](https://doi.org/10.1109/TPAMI.2018.2883941):
#   ADMM-Net, in its later version.
# - Hammernik et al., Magn Reson Med 79:3055, 2018, [10.1002/mrm.26977](https://doi.org/10.1002/mrm.26977):
#   the variational network.
# - Sriram et al., MICCAI 2020, [10.1007/978-3-030-59713-9_7](https://doi.org/10.1007/978-3-030-59713-9_7):
#   the end-to-end variational network.
# - Gu et al., PNAS 119:e2201062119, 2022, [10.1073/pnas.2201062119](https://doi.org/10.1073/pnas.2201062119):
#   wavelets with learned thresholds, close to a network of half a million weights.
#   Beside these and TV there is one more strong rival, a learned penalty that is nearly
#   convex (weakly convex ridge regularisers), is not among ours: its weights could not
#   be had offline.
# - Gilton, Ongie and Willett, IEEE Trans Comput Imaging 7:1123, 2021,
#   [10.1109/TCI.2021.3118944](https://doi.org/10.1109/TCI.2021.3118944): deep
#   equilibrium.
