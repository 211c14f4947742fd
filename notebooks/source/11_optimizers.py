# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 11 · Optimizers and the learning rate
#
# **You will be able to**
# - say from the curvatures of a loss which learning rates work, and how long gradient
#   descent will take;
# - say how the batch size sets the noise of a gradient, and what a falling learning
#   rate does about it;
# - write momentum, Adagrad, RMSProp and Adam, and say which trouble each of them
#   removes;
# - find the learning rate of a network by measuring.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | [[backpropagation]]; [[sense]] for the example | 105 minutes, 8 of them optional | 40 s | simulated |

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
import torch  # noqa: I001  packed below

from mricourse import (
    SenseOperator, claim, device, fft2c, predict, random_complex, your_turn,
)  # fmt: skip
from mricourse.evaluation import psnr
from mricourse.exercises import (
    check_adam_step, check_rate, check_rmsprop_step, check_sense_momentum,
)  # fmt: skip
from mricourse.fundamentals import (
    AXIS_VALLEY, SADDLE, T2_DECAY, PathExplorer, adam_step, beside_torch,
    dead_share, example_gradients, folded_pair, plain_step, range_test,
    rmsprop_step, run_optimizers, show_paths, show_range_test, train_by_hand,
    train_with_rates, valley_steps, walk,
)  # fmt: skip
from mricourse.networks import DnCNN
from mricourse.physics import equispaced_mask
from mricourse.plotting import plot_lines, show_images
from mricourse.reconstruct import conjugate_gradient
from mricourse.simulate import TaskScans, brain_slices, simulate_coils
from mricourse.training import Settings, log_nmse

# %% [markdown]
# [[backpropagation]] gave us the gradient of a loss. It left open what to do with it.
# We shall see that a lot depends on one single number.
#
# We take up the example of [[sense]]: one slice, two coils, every second line of
# k-space. Reconstruction means to find the image whose k-space is nearest to the
# measured one. This time we do not solve the equations. We *walk*: from a black
# image, 30 steps downhill. Downhill means against the gradient of the misfit, and that
# is $A^H (A x - y)$, as in [[sense]]. The data are simulated and without noise, because
# this lesson is about the way to the minimum.

# %%
torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
SHAPE = (120, 96)  # ny, nx of the slice; pixels of about 2 mm
image = brain_slices("test", 1, contrast="T1w", shape=SHAPE)[0].to(DEVICE)  # (y, x)
two_coils = simulate_coils(2, SHAPE, seed=1, kind="head_array").to(DEVICE)
comb = equispaced_mask(SHAPE[0], 2, acs=0).to(DEVICE)  # every second line, (ky, 1)
A = SenseOperator(two_coils, comb)
kspace = A.forward(image)  # (coils, ky, kx)


def gradient_of_misfit(x):
    """How half the squared misfit to the k-space grows with the image, (y, x)."""
    return A.adjoint(A.forward(x) - kspace)


# %%
def descend(gradient, start, rate, n_steps):
    """Every position of a walk downhill, shape (n_steps + 1, ...)."""
    position = start
    path = [position]
    for _ in range(n_steps):
        position = position - rate * gradient(position)
        path.append(position)
    return torch.stack(path)


panels = {"truth": image}
black = torch.zeros_like(image)
for rate in (0.1, 1.9, 2.2):
    walked = descend(gradient_of_misfit, black, rate, 30)  # (31, y, x)
    panels[f"rate {rate}"] = walked[-1]
show_images(panels, reference=image, error_gain=5)

# %% [markdown]
# Three times the same scan, the same start, the same 30 steps. The **learning rate** is
# the factor that turns a gradient into a step, and it alone differs. At 0.1 two heads
# still lie on one another. At 1.9 there is one head, and a faint rest of the other,
# which the lower row shows (the error, five times enlarged). At 2.2 large parts have
# exploded: white stands for everything above 1, and the values there are far above it.
# Only an oblique band is as good as at 1.9, and black in the lower row.
#
# What is special about the number 2? And would another way to walk come further in 30
# steps? We start with a loss that is small enough for a sheet of paper.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Gradient descent: how long a step?
#
# In [[sense]] two pixels folded onto one another, and two coils heard them with the
# sensitivities 0.6 and 0.4:
#
# $$ 0.6\,\rho_1 + 0.4\,\rho_2 = 1.8 , \qquad 0.4\,\rho_1 + 0.6\,\rho_2 = 2.2 . $$
#
# The truth is $\rho_1 = 1$ and $\rho_2 = 3$; we write it as $\rho^*$ (the star stands
# for the goal, not for a conjugate). With the matrix $C$ of sensitivities and the
# measured values $a$, our loss is half the squared misfit,
#
# $$ L(\rho) = \tfrac12 \lVert C\rho - a \rVert^2 , \qquad
#    \nabla L = C^T (C\rho - a) = C^T C\,(\rho - \rho^*) = N (\rho - \rho^*) . $$
#
# We used $a = C\rho^*$, and call $C^T C$ again $N$. Its entries are
# $0.6^2 + 0.4^2 = 0.52$ on the diagonal and $2 \cdot 0.6 \cdot 0.4 = 0.48$ beside it.
#
# **Gradient descent** is the method that takes one step against the gradient, again and
# again:
#
# $$ w \leftarrow w - \eta\,\nabla L(w) . $$
#
# Here $w$ stands for all unknowns: now the two pixel values, later the weights of a
# network. $\eta$ (eta) is the learning rate.
#
# Take a pencil. We start at $(2.0,\ 2.4)$, so the error $\rho - \rho^*$ is
# $(1.0,\ -0.6)$. The gradient is
#
# $$ \begin{pmatrix} 0.52 \cdot 1.0 - 0.48 \cdot 0.6 \\
#    0.48 \cdot 1.0 - 0.52 \cdot 0.6 \end{pmatrix}
#    = \begin{pmatrix} 0.232 \\ 0.168 \end{pmatrix} . $$
#
# With $\eta = 1$ the error after one step is $(0.768,\ -0.768)$.

# %%
C = torch.tensor([[0.6, 0.4], [0.4, 0.6]]).double()  # row: coil, column: pixel
truth = torch.tensor([1.0, 3.0]).double()
start = torch.tensor([2.0, 2.4]).double()
N = C.T @ C


def gradient(rho):
    """Gradient of the loss of the two pixels, (2,) -> (2,)."""
    return N @ (rho - truth)


after_one = start - 1.0 * gradient(start)
print("gradient at the start:", gradient(start).numpy().round(3))
print("error after one step: ", (after_one - truth).numpy().round(3))

# %% [markdown]
# Something odd has happened. The *sum* of the two errors was 0.4, and now it is 0. The
# *difference* was 1.6, and it is still 1.536. Why is one so fast, and the other so
# slow?
#
# Add the two rows of $N$, and then subtract them. With the error $(e_1, e_2)$ the
# gradient has
#
# $$ \text{sum } 1.00\,(e_1 + e_2) , \qquad
#    \text{difference } 0.04\,(e_1 - e_2) . $$
#
# So a step changes each of them on its own:
#
# $$ \text{sum} \leftarrow (1 - \eta)\ \text{sum} , \qquad
#    \text{difference} \leftarrow (1 - 0.04\,\eta)\ \text{difference} . $$
#
# The factors 1 and 0.04 are *curvatures*: they say how fast the slope grows when one
# walks in that direction. (They are the eigenvalues of $N$.) The loss is a valley,
# steep across, where the sum is wrong, and nearly flat along, where only the difference
# is wrong.

# %%
predict("three-rates")


# %%
pair = folded_pair(C, truth)  # the same loss as a surface to draw
paths = {}
for rate in (2.1, 1.9, 1.0):
    path = descend(gradient, start, rate, n_steps=25)
    paths[f"rate {rate}"] = path
    print(f"rate {rate}: distance to the star {(path[-1] - truth).norm():.2f}")
show_paths({pair: paths})

# %% [markdown]
# The circle is the start, the star is the truth, and neighbouring contours differ by a
# factor of two. At rate 1 the first step lands on the floor of the valley, and then the
# walker creeps: each step leaves 96 % of the difference. At 1.9 it jumps from wall to
# wall, since $1 - \eta = -0.9$ changes the sign of the sum. But each step leaves only
# 92.4 % of the difference, and after 25 steps it is more than twice as near. At 2.1 the
# factor is $-1.1$: each jump is longer than the last, and the path leaves the picture.
#
# So this is the number 2. A walk diverges when $|1 - \eta\lambda| > 1$ for one of the
# curvatures $\lambda$ (lambda), that is, for $\eta > 2/\lambda_{\max}$.
#
# In the scan of the first figure no curvature is above 1 either. Our two are the
# diagonal of $N$ plus and minus the entry beside it, $0.52 + 0.48$ and $0.52 - 0.48$.
# In the scan every pair of pixels has an $N$ of its own. From every second line a pixel
# comes back with $\tfrac12$ of its value at its place, and $\tfrac12$ at its partner's.
# So the diagonal is $\tfrac12$ in place of 0.52 (as $\sum_c |S_c|^2 = 1$ at each
# pixel). The entry beside it says how alike the coils hear the two pixels, and is
# $\tfrac12$ at most. So 1.9 works everywhere, and 2.2 explodes where a curvature is
# above $2/2.2 = 0.91$: where the entry is above 0.41, at pairs that the coils hear
# nearly alike. The pairs in the oblique band they hear differently.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The condition number
#
# Which rate is best? A large one helps the difference, until the sum becomes the
# slower of the two. The best one makes both factors equal in size:
#
# $$ \eta - 1 = 1 - 0.04\,\eta \quad\Longrightarrow\quad
#    \eta = \frac{2}{1 + 0.04} = 1.92 , \quad\text{and both factors are } 0.923 . $$
#
# For any largest and smallest curvature the same two lines give
#
# $$ \eta = \frac{2}{\lambda_{\max} + \lambda_{\min}} , \qquad
#    \text{error} \times \frac{\kappa - 1}{\kappa + 1} \text{ a step} , \qquad
#    \kappa = \frac{\lambda_{\max}}{\lambda_{\min}} . $$
#
# The **condition number** $\kappa$ (kappa) is the ratio of the largest curvature of a
# loss to the smallest. Our pair has $\kappa = 1/0.04 = 25$, and $24/26 = 0.923$. A step
# takes away about $2/\kappa$ of the error. So four times the condition number means
# four times as many steps. No choice of $\eta$ can help: one number has to serve the
# steep direction and the flat one.
#
# <details><summary>What has this to do with the g-factor?</summary>
#
# In [[sense]] the g-factor of this pair was 2.6. For two pixels and coils of equal
# total sensitivity, $\kappa = (g + \sqrt{g^2 - 1})^2$, here $(2.6 + 2.4)^2 = 25$. It is
# the same valley: where SENSE amplifies noise, gradient descent is slow.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Momentum: remember the direction
#
# Look at the path at rate 1.9 again. Across the valley the walker jumps from wall to
# wall, and each jump undoes most of the one before. Along the valley every step points
# the same way, but the steps are short. We would like a walker that forgets the jumps
# and adds up the small steps.
#
# **Momentum** is gradient descent with a memory, a *velocity* $v$ that at each step
# keeps a share $\beta$ (beta) of what it was and adds the new gradient:
#
# $$ v \leftarrow \beta v + \nabla L(w) , \qquad w \leftarrow w - \eta\,v . $$
#
# Two extreme cases show why it helps.
#
# *The gradient stays the same, say 1.* Then $v$ becomes 1, then $1 + \beta$, then
# $1 + \beta + \beta^2$, and in the end $1/(1 - \beta)$. With $\beta = 0.5$ the walker
# takes steps twice as long, with $\beta = 0.9$ ten times.
#
# *The gradient changes its sign at every step: 1, -1, 1, ...* With $\beta = 0.5$ the
# velocity becomes 1, then $0.5 \cdot 1 - 1 = -0.5$, then $0.5 \cdot (-0.5) + 1 = 0.75$,
# then $-0.625$. What is left of the old velocity holds each new jump back. In the end
# the size of $v$ is $1/(1 + \beta)$, two thirds: the jumps are shorter by a third.


# %%
def descend(gradient, start, rate, n_steps, beta=0.0):
    """Every position of a walk with momentum, shape (n_steps + 1, ...)."""
    position = start
    velocity = torch.zeros_like(start)
    path = [position]
    for _ in range(n_steps):
        velocity = beta * velocity + gradient(position)
        position = position - rate * velocity
        path.append(position)
    return torch.stack(path)


# %%
predict("how-much-nearer")

# %%
plain = descend(gradient, start, rate=1.9, n_steps=25)
heavy = descend(gradient, start, rate=1.9, n_steps=25, beta=0.5)
for name, path in {"gradient descent": plain, "momentum 0.5": heavy}.items():
    print(f"{name:16}: distance to the star {(path[-1] - truth).norm():.4f}")
show_paths({pair: {"gradient descent": plain, "momentum 0.5": heavy}})

# %% [markdown]
# Both start with the same step. Gradient descent crosses the floor of the valley at
# every step. Momentum crosses it less often, and less far: what is left of the last
# jump holds the next one back. At the same time it gains speed along the floor. So
# after 25 steps it is not twice but more than twenty times as near to the star (0.0065
# against 0.158): a smaller factor a step, 25 times over.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A longer valley
#
# How much does momentum save when $\kappa$ grows? The $\eta$ and the $\beta$ of our
# walk were not the best yet. In the long run momentum leaves $\sqrt\beta$ of the error
# at each step, and it does so for *all* curvatures from $(1 - \sqrt\beta)^2/\eta$ to
# $(1 + \sqrt\beta)^2/\eta$ (the fold shows why). The best $\beta$ is the smallest with
# which ours fit in, from $\lambda_{\min}$ to $\lambda_{\max}$. Then $\kappa$ is the
# ratio of the two limits, a square, and its root appears:
#
# $$ \sqrt\kappa = \frac{1 + \sqrt\beta}{1 - \sqrt\beta}
#    \quad\Longrightarrow\quad
#    \sqrt\beta = \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1} , \qquad
#    \eta = \frac{4}{(\sqrt{\lambda_{\max}} + \sqrt{\lambda_{\min}})^2} . $$
#
# Gradient descent at its best leaves $(\kappa - 1)/(\kappa + 1)$. For our pair, with
# $\sqrt\kappa = 5$, that is $4/6 = 0.67$ instead of 0.92. Its best share is $\beta =
# 0.67^2 = 0.44$, and its best rate $\eta = 4/(1 + 0.2)^2 = 2.78$.
#
# <details><summary>Why √β, and why the same for all of them?</summary>
#
# Along one direction of curvature $\lambda$ the error $e$ obeys $e_{k+1} = (1 + \beta -
# \eta\lambda)\,e_k - \beta\,e_{k-1}$. (Put $v$ out of both equations.) Try $e_k = z^k$:
# then $z^2 - (1 + \beta - \eta\lambda)\,z + \beta = 0$. The product of the two roots is
# $\beta$. Where they are complex, both have the size $\sqrt\beta$, *whatever the
# curvature*. They are complex as long as $(1 - \sqrt\beta)^2 < \eta\lambda < (1 +
# \sqrt\beta)^2$. The roots of the two limits add up to $2 =
# \sqrt\eta\,(\sqrt{\lambda_{\max}} + \sqrt{\lambda_{\min}})$. Solve for $\eta$. (With
# this $\beta$ the two roots are equal at either end, and then the error falls as
# $k\,\sqrt\beta^{\,k}$. The factor $k$ is the slow start, which comes next.)
# </details>

# %% [markdown]
# At the rate 2.78 gradient descent would explode. And the first step of momentum *is*
# one of gradient descent, since there is nothing yet to remember. It multiplies the sum
# by $1 - 2.78 = -1.78$: from 0.40 it jumps to -0.71. Only later does the memory hold
# the jumps back. This slow start costs steps. The factor 0.67 alone would bring a
# thousandth of the error in 17 steps, since $0.67^{17} = 0.001$. We count:

# %%
# a walk as that of descend, with the best rate and share, to 1/1000 of the error
print("momentum at κ = 25:", valley_steps(25, momentum=True), "steps")

# %%
predict("kappa-hundred")

# %%
kappas = [6.25, 25, 100, 400]
counted = {
    "gradient descent": [valley_steps(kappa, momentum=False) for kappa in kappas],
    "momentum": [valley_steps(kappa, momentum=True) for kappa in kappas],
}
for name, n_steps in counted.items():
    print(f"κ = 6.25, 25, 100, 400: {name} {n_steps} steps")
plot_lines(kappas, counted, xlabel="κ", ylabel="steps to 1/1000", log="xy")

# %% [markdown]
# From one point to the next $\kappa$ is four times as large. Gradient descent then
# needs four times the steps, momentum about twice. At $\kappa = 100$ momentum takes 58
# steps, gradient descent 346. The factor $9/11$ alone would have said 35; the slow
# start costs the rest.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
many_kappas = torch.logspace(1, 2.6, 12)  # 10 to 400
logs = many_kappas.double().log()
powers = []
for momentum in (False, True):
    steps = [valley_steps(float(kappa), momentum=momentum) for kappa in many_kappas]
    steps = torch.tensor(steps).double().log()
    centred = logs - logs.mean()
    powers.append((centred @ steps) / (centred @ centred))  # slope in the logarithm
claim("gradient descent: steps grow as κ to the power", powers[0], at_least=0.9)
sentence = "momentum: steps grow as κ to the power"
claim(sentence, powers[1], at_least=0.4, at_most=0.6)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# The two factors of a step say 1 and 1/2, for $\kappa$ that is not too small. We
# allowed 0.1, before the first run.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 11.1 · momentum unfolds a slice  (★★☆, about 8 min)
#
# Back to the slice of the first figure. The unknowns are now all pixels of a complex
# image $x$. The loss is $\tfrac12\lVert A x - y\rVert^2$, with the measured k-space
# $y$, and its gradient is $A^H (A x - y)$. Write the loop, with momentum. Start with
# $x = 0$ and $v = 0$, and return the last image.
#
# <details><summary>Hint 1: what lives through the loop?</summary>
#
# Two images, `x` and `velocity`. `torch.zeros_like(A.adjoint(kspace))` is a black image
# of the right shape, kind and device.
# </details>
#
# <details><summary>Hint 2: in which order?</summary>
#
# As in `descend`: the gradient at `x`, then the new velocity, then the new `x`.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_sense_momentum(A, kspace, rate, beta, n_steps):
    """Walk with momentum from a black image: (coils, ky, kx) -> complex (y, x)."""
    ### BEGIN SOLUTION
    x = torch.zeros_like(A.adjoint(kspace))
    velocity = torch.zeros_like(x)
    for _ in range(n_steps):
        velocity = beta * velocity + A.adjoint(A.forward(x) - kspace)
        x = x - rate * velocity
    return x
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The check walks on a tiny scan, with several rates, shares and
# numbers of steps. Then your function unfolds our slice, at the rate 1.9 and in 30
# steps as before.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_sense_momentum(my_sense_momentum)
mine = {}
for beta in (0.0, 0.5, 0.7):
    mine[f"your β = {beta}"] = my_sense_momentum(A, kspace, 1.9, beta, 30)
show_images({"truth": image, **mine}, reference=image, error_gain=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Nothing in the walk knows that $x$ is an image. The same two lines move two pixels,
# 11,520 pixels or the weights of a network. All that changes is where the gradient
# comes from.
# </details>
#
# <details><summary>A common mistake</summary>
#
# `velocity = beta * velocity + (1 - beta) * gradient` is a mean of gradients and not
# their sum. It needs a rate $1/(1-\beta)$ times as large. Both forms are in use, and a
# paper's $\eta$ means nothing until one knows which of them it has.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it, and explain.** (1) Unfold the slice with $\beta = 0.9$ and $0.97$, in the
# same 30 steps. Is more memory always better? (2) Take 300 steps instead. (3) Why is
# it so? Think of the walker in the valley, and of how long its steps become.
#
# *Your answer:* (click here and write)

# %% tags=["solution"]
panels = {}
for n_steps in (30, 300):
    for beta in (0.9, 0.97):
        x = my_sense_momentum(A, kspace, 1.9, beta, n_steps)
        panels[f"β = {beta}, {n_steps} steps"] = x
show_images(panels, window=(0, 1))
for title, x in panels.items():
    print(f"{title}: {psnr(x, image):.1f} dB")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Our answer (after you have written yours)</summary>
#
# (1) No. After 30 steps 0.7 gives 38 dB, 0.9 gives 23 dB and 0.97 gives 13.5 dB, worse
# than without momentum: bright and dark clouds have run past their values and not yet
# come back. (2) After 300 steps 0.9 has settled (135 dB: the data have no noise), and
# 0.97 nearly (49 dB). (3) A gradient that keeps its sign makes the steps 10 times as
# long for 0.9, 33 times for 0.97. Such a walker runs past the star. It has to be turned
# round, and the memory that made it fast now makes it slow to turn. A step leaves
# $\sqrt\beta$ of the error, at best; for 0.97 that is 98.5 %.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A batch is a noisy guess
#
# So far each step knew the whole loss. In a training the loss is a mean over all
# slices, and so is its gradient. To compute it we would have to run the network on
# every slice, for one single step.
#
# **Stochastic gradient descent** (SGD) is gradient descent whose every step uses the
# gradient of a few examples, drawn at random. A **batch** is the few examples that one
# step of a training uses; their number is the *batch size* $B$. On average over many
# draws the gradient of a batch is right. A single one is a guess.
#
# How bad a guess? Think of one weight and two slices. The gradient of the first slice
# is 3, that of the second is 5, and the mean is 4. A batch of one slice says 3 or 5,
# and is off by 1. A batch of two, in which the same slice may come twice, is one of
#
# | drawn | 3 and 3 | 3 and 5 | 5 and 3 | 5 and 5 |
# |---|---|---|---|---|
# | mean | 3 | 4 | 4 | 5 |
# | off by | -1 | 0 | 0 | 1 |
#
# The mean square of the last row is $\tfrac12$, so a typical guess is off by
# $\sqrt{1/2} = 0.71$. With $B$ slices it is $1/\sqrt B$ of the error of one. You know
# this law from the scanner: $B$ signal averages leave $1/\sqrt B$ of the noise, and
# take $B$ times as long.
#
# Does it hold for a network? Ours cleans small images of heads, from every second line
# (at random positions) and with noise. Here are two of the 24 slices that it will learn
# from, one seen from the side and one from below.


# %%
# strength 2: every second line; (lowest, highest) of all slices, here all are alike
undersampled = {"task": "undersampling", "strength": (2, 2), "noise_std": (0.03, 0.03)}
# 10 is the seed of the draws
scans = TaskScans("train", 10, shape=(64, 64), **undersampled)
zero_filled, clean = scans.images(24, DEVICE)  # complex, (slices, y, x)
unseen = scans.to_judge("test", 10)  # of a head that no training sees
test_zero_filled, test_clean = unseen.images(20, DEVICE)
titles = ["zero-filled, slice 10", "truth", "zero-filled, slice 14", "truth"]
show_images([zero_filled[10], clean[10], zero_filled[14], clean[14]], titles)


# %% [markdown]
# The network is a small `DnCNN` (a denoising convolutional network): three convolutions
# with ReLUs between them, 2880 weights. It returns its input plus a correction. Its
# loss `log_nmse` is the squared error of the image relative to its
# energy (normalised mean squared error, NMSE), in decibels. We compute the gradient for
# each slice alone. Then we draw 200 batches of each size, and measure how far their
# gradients are from the mean of all.


# %%
def slice_loss(network, index):
    """Loss of one training slice, in dB, a single number."""
    # [[index]] keeps the axis of slices: (1, y, x)
    return log_nmse(network(zero_filled[[index]]), clean[[index]])


def batch_noise(gradients, size):
    """Typical distance of a batch's gradient from that of all, relative to it."""
    drawn = torch.randint(len(gradients), (200, size))  # 200 batches, with repeats
    of_batches = gradients[drawn].mean(dim=1)  # mean of (200, size, weights)
    of_all = gradients.mean(dim=0)
    distances = (of_batches - of_all).norm(dim=1)
    return distances.square().mean().sqrt() / of_all.norm()


# %%
untrained = DnCNN(n_features=16, n_layers=3).to(DEVICE)
gradients = example_gradients(untrained, slice_loss, 24)  # (slices, weights)
sizes = [1, 2, 4, 8, 16, 32]
noise = torch.stack([batch_noise(gradients, size) for size in sizes])
percent = 100 * noise.cpu()
print("batches of", sizes, "slices: noise", percent.round().int().tolist(), "%")
law = percent[0] / torch.tensor(sizes).sqrt()
curves = {"measured": percent, "first point / √B": law}
plot_lines(sizes, curves, xlabel="batch size", ylabel="noise (% of gradient)", log="xy")

# %% [markdown]
# The points lie on the law, $1/\sqrt B$. One slice is already a useful guess here: its
# noise is about half of the gradient. Sixteen slices have a quarter of that noise, and
# cost sixteen times the time. So trainings use a few slices a step, and live with the
# noise. What does it do to a walk?

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
powers = []
for _ in range(20):
    network = DnCNN(n_features=16, n_layers=3).to(DEVICE)
    other = example_gradients(network, slice_loss, 24)
    fall = batch_noise(other, 32) / batch_noise(other, 1)
    powers.append(fall.log().cpu() / torch.tensor(32.0).log())
sentence = "noise of the gradient grows as the batch size to the power"
powers = torch.stack(powers)
claim(sentence, powers, at_least=-0.55, at_most=-0.45, samples="networks")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# The law says $-1/2$. 200 draws know a noise to about 5 %, which moves the power by
# 0.02. We allowed 0.05, before the first run.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A walk with noisy gradients
#
# To see that we need a loss whose minimum we know. We go back to our slice, now with
# eight coils and with noise in the data. The misfit adds up coils, as the loss of a
# training adds up slices. Two coils drawn at random give a guess of the gradient, at a
# quarter of the cost. Four times their sum stands for all eight.

# %%
N_COILS = 8
NOISE_STD = 0.03  # per real and imaginary part; the brightest pixel is 1
eight_coils = simulate_coils(N_COILS, SHAPE, seed=1, kind="head_array").to(DEVICE)
coil_noise = NOISE_STD * random_complex(N_COILS, *SHAPE).to(DEVICE)
data = comb * (fft2c(eight_coils * image) + coil_noise)  # (coils, ky, kx)
everything = SenseOperator(eight_coils, comb)
rhs = everything.adjoint(data)  # A^H y
minimum = conjugate_gradient(everything.normal, rhs, n_iterations=60)  # (y, x)


def batch_gradient(x):
    """Gradient from two coils drawn at random, scaled to all eight."""
    drawn = torch.randperm(N_COILS)[:2]  # two different ones
    batch = SenseOperator(eight_coils[drawn], comb)
    return N_COILS / 2 * batch.adjoint(batch.forward(x) - data[drawn])


# %%
def sgd(rates):
    """The image after every step, one rate a step, (steps, y, x)."""
    x = torch.zeros_like(image)
    images = []
    for rate in rates:
        x = x - rate * batch_gradient(x)
        images.append(x)
    return torch.stack(images)


def distance(images):
    """How far images are from the minimum, relative to it: (n, y, x) -> (n,)."""
    errors = (images - minimum).flatten(1)  # (n, pixels)
    return errors.norm(dim=1) / minimum.norm()


# %% [markdown]
# Which rates can we take? For all eight coils no curvature is above 1, as in the first
# figure. Two of the eight never hear more than all eight, so their curvatures are at
# most 1 as well. But we multiply their gradient by 4, and that makes the curvatures 4
# at most. So a rate below $2/4 = 0.5$ is safe.
#
# We compare the constant rates 0.4 and 0.1, and a third walk with decay.
# **Learning-rate decay** is a learning rate that falls during a training. Ours falls
# along half a cosine, from 0.4 down to 0.

# %%
predict("constant-rates")

# %%
N_STEPS = 200
cosine = (1 + torch.cos(torch.pi * torch.arange(N_STEPS) / N_STEPS)) / 2  # 1 to 0
walks = {
    "rate 0.4": 100 * distance(sgd([0.4] * N_STEPS)),
    "rate 0.1": 100 * distance(sgd([0.1] * N_STEPS)),
    "0.4, falling": 100 * distance(sgd(0.4 * cosine)),
}
plot_lines(None, walks, xlabel="step", ylabel="distance to the minimum (%)", log="y")
for name, left in walks.items():
    late = left[-50:].mean()
    print(f"{name:12}: step 20 {left[19]:.0f} %, mean of the last 50 {late:.1f} %,")
    print(f"              last {left[-1]:.1f} %")

# %% [markdown]
# The large rate is fast at first, but after 30 steps it only dances. Near the minimum
# the true gradient vanishes and the noise stays, so each step goes in a random
# direction, and its length is in proportion to $\eta$. The small rate takes about four
# times as long to get there, and then dances at about half the distance (2.9 against
# 5.4 %). Decay has both: it runs first, and then the steps become short. In the end it
# is a little nearer than the rate 0.1 (2.4 %); on the way there it is not always ahead.
# Its curve ends flat but not at 0: the last rates are so small that the walk freezes
# where it stands. (At its very last step the walk at 0.4 is by chance near, 3.8 against
# 2.1 %. In ten other draws, in the folded claim, it ends 3.7 times as far away as the
# falling one.)
#
# <details><summary>Why half the distance, and not a quarter?</summary>
#
# A step multiplies all that earlier steps have left by $1 - \eta\lambda$. Where the
# curvature is 1, that is 0.6 at the rate 0.4, and 0.9 at the rate 0.1. So a random step
# dies away within about $1/0.4 = 2.5$ steps at the rate 0.4, and within about
# $1/0.1 = 10$ at the rate 0.1. There four times as many random steps are still alive,
# each a quarter as long. Random steps add up as the root of their number, and
# $\tfrac14 \cdot \sqrt4 = \tfrac12$. The distance goes as $\sqrt\eta$.
# </details>

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
over_decay = []
for _ in range(10):
    ends = [sgd([0.4] * N_STEPS)[-1], sgd(0.4 * cosine)[-1]]
    of_constant, of_falling = distance(torch.stack(ends)).tolist()
    over_decay.append(of_constant / of_falling)
over_decay = torch.tensor(over_decay)
sentence = "distance at the end: SGD at 0.4 over SGD with a falling rate"
claim(sentence, over_decay, at_least=1, samples="draws of the batches")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# A falling rate should end nearer than a constant one, so at least 1; one draw had been
# seen.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A step size for every weight: Adagrad, RMSProp, Adam
#
# Back to the network. Its three layers hold weights of different kinds. How large are
# their gradients?

# %%
batches = torch.randint(24, (600, 4))  # slices of the batch of each step


def batch_loss(network, step):
    """Loss of the batch of this step, in dB, a single number."""
    drawn = batches[step]
    return log_nmse(network(zero_filled[drawn]), clean[drawn])


layers = list(untrained.parameters())
# the gradients that loss.backward() would store, as a list
parts = torch.autograd.grad(batch_loss(untrained, 0), layers)
for layer, part in zip(layers, parts, strict=True):
    print(f"a layer: typical weight {layer.std():.2f}, gradient {part.std():.2f}")

# %% [markdown]
# The last layer starts with small weights, so that the correction begins small. Its
# gradients are about twenty times those of the first two layers, which come back
# through these small weights. One rate $\eta$ cannot suit both. Where the last layer
# takes a sensible step, the first ones hardly move.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Adagrad: divide by what you have seen
#
# The idea: let each weight measure how large *its own* gradients are, and divide by
# that. **Adagrad** (adaptive gradients) is the rule that divides the step of each
# weight by the root of the sum of all its squared gradients so far.
#
# By hand: one weight has the gradient 4 at every step, another one 0.1. In the first
# step both sums hold one square. The steps are $\eta \cdot 4/\sqrt{4^2} = \eta$ and
# $\eta \cdot 0.1/\sqrt{0.1^2} = \eta$: equally long. In the second step both sums hold
# two equal squares, and both steps are $\eta/\sqrt2$.
#
# As an equation, with the gradient $g$ of a weight $w$ and its sum $s$, which is zero
# at first:
#
# $$ s \leftarrow s + g^2 , \qquad
#    w \leftarrow w - \eta\,\frac{g}{\sqrt s + \varepsilon} . $$
#
# The tiny $\varepsilon$ (epsilon) avoids a division by zero. Squares and roots are
# taken weight by weight. From here on we write what happens in *one* step, as a
# function that gets the weights and what the rule remembers, and returns both. The
# library's `walk` does the loop. `t` is the number of the step; we shall need it later.


# %%
def adagrad_step(weights, memory, grad, rate, t, eps=1e-10):
    """One step of Adagrad: new weights and new memory s, both of the shape of grad."""
    memory = memory + grad**2
    weights = weights - rate * grad / (memory.sqrt() + eps)
    return weights, memory


# %% [markdown]
# We try it on two valleys, both with curvatures 1 and 0.04. The first one lies along an
# axis. The second one is our pair of pixels, and lies obliquely. Each rule gets a rate
# that suits it.

# %%
predict("which-valley")

# %%
runs = {}
for surface in (AXIS_VALLEY, pair):
    runs[surface] = {
        "Adagrad": walk(surface, adagrad_step, rate=0.3, n_steps=25),
        "gradient descent": walk(surface, plain_step, rate=1.9, n_steps=25),
    }
    star = torch.tensor(surface.minima[0])
    for name, path in runs[surface].items():
        print(f"{surface.title}, {name}: {(path[-1] - star).norm():.3f} from the star")
show_paths(runs)

# %% [markdown]
# Along the axis Adagrad arrives, and gradient descent is still 0.14 away. There the
# steep direction is that of weight 1, the flat one that of weight 2. Each weight was
# divided by the root of its own squares, so the flat direction takes steps as long as
# the steep one.
#
# On the folded pixels Adagrad is *not* better. Look at $N$: both pixels have the same
# 0.52 on the diagonal, so their gradients are about equally large, and dividing them by
# their sizes does not change the direction. Another rate does not help. A size for each
# weight cannot see a valley that lies between the axes. Momentum can. So sizes are for
# weights of different kinds, as in a network; in an oblique valley, as that of SENSE,
# it is momentum that helps.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### RMSProp: forget the old ones
#
# Adagrad has a flaw, and we have met it already. Under a constant gradient its steps
# are $\eta$, $\eta/\sqrt2$, $\eta/\sqrt3$: the sum only grows, and the steps shrink for
# ever.
#
# **RMSProp** (root mean square propagation) is Adagrad with a mean of squared gradients
# that forgets, in place of their sum. At each step the mean keeps a share $\alpha$ of
# what it was, usually 0.99, and takes in $1 - \alpha$ of the new square:
#
# $$ s \leftarrow \alpha\,s + (1 - \alpha)\,g^2 , \qquad
#    w \leftarrow w - \eta\,\frac{g}{\sqrt s + \varepsilon} . $$
#
# By hand, with the gradient 1 at every step: $s$ is 0.01, then
# $0.99 \cdot 0.01 + 0.01 = 0.0199$, and in the end 1. So the steps are
# $\eta/\sqrt{0.01} = 10\,\eta$, then $7.1\,\eta$, and in the end $\eta$. They do not
# shrink for ever. But they start *ten times too long*. Keep that in mind.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 11.2 · RMSProp  (★☆☆, about 5 min)
#
# Write one step of RMSProp. `memory` is $s$, and 0.0 at the first step.
#
# <details><summary>Hint: what changes?</summary>
#
# One line of `adagrad_step`: how the old memory and the new square are added.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_rmsprop_step(weights, memory, grad, rate, t, alpha=0.99, eps=1e-8):
    """One step of RMSProp: returns (new weights, new memory), tensors like grad."""
    ### BEGIN SOLUTION
    memory = alpha * memory + (1 - alpha) * grad**2
    step = rate * grad / (memory.sqrt() + eps)
    return weights - step, memory
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The first step is $10\,\eta$, for small and for large gradients.
# Then 20 random steps are compared with `torch.optim.RMSprop`, and your rule fits an MR
# signal that dies away: eight values of an amplitude times $e^{-\text{time}/T_2}$. The
# two unknowns are the amplitude and $1/T_2$.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_rmsprop_step(my_rmsprop_step)
fits = {
    "Adagrad": walk(T2_DECAY, adagrad_step, rate=0.05, n_steps=100),
    "RMSProp by you": walk(T2_DECAY, my_rmsprop_step, rate=0.05, n_steps=100),
}
misfits = {name: T2_DECAY.loss(path) for name, path in fits.items()}
plot_lines(None, misfits, xlabel="step", ylabel="misfit of the echoes", log="y")

# %% [markdown] slideshow={"slide_type": "skip"}
# The plot shows the first step of RMSProp, ten rates long: the misfit falls to a ninth.
# Adagrad starts with one rate and shortens its steps from there on.
#
# <details><summary>Why this form? (after you have solved it)</summary>
#
# A mean with a share $\alpha$ remembers about $1/(1-\alpha)$ steps, here 100. It needs
# one number for each weight, and no list of old gradients.
# </details>
#
# <details><summary>A common mistake</summary>
#
# $\varepsilon$ inside the root, `(memory + eps).sqrt()`. With gradients near 1 nobody
# notices. With gradients of $10^{-6}$ it makes the steps a hundred times too short,
# since the root of $10^{-8}$ is $10^{-4}$.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Adam: momentum, RMSProp, and a correction
#
# The steps of RMSProp start ten times too long, because its mean $s$ starts at zero,
# which is no mean of anything, and takes about a hundred steps to forget that.
#
# The remedy is arithmetic. With the gradients $g_1$ and $g_2$ of two steps, $s$ is
# $0.01\,g_1^2$ after the first one, and $0.99 \cdot 0.01\,g_1^2 + 0.01\,g_2^2$ after
# the second. The factors of the squares, their *shares* in the mean, should add up to
# one. They add up to 0.01, and then to $0.0099 + 0.01 = 0.0199$, which is $1 - 0.99^2$.
# After $t$ steps it is $1 - \alpha^t$, in the end 1. The **bias correction** is the
# division of a mean that started at zero by what its shares add up to, $1 - \alpha^t$.
#
# **Adam** (adaptive moments) is the rule that divides a mean $m$ of the gradients by
# the root of a mean $s$ of their squares, both with the bias correction. The mean $m$
# does the work of momentum, with shares that add up to 1 where the velocity was a sum.
# The mean $s$ is that of RMSProp.
#
# $$ m \leftarrow \beta_1 m + (1 - \beta_1)\,g , \qquad
#    s \leftarrow \beta_2 s + (1 - \beta_2)\,g^2 , $$
#
# $$ \hat m = \frac{m}{1 - \beta_1^{\,t}} , \qquad
#    \hat s = \frac{s}{1 - \beta_2^{\,t}} , \qquad
#    w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat s} + \varepsilon} . $$
#
# The shares are $\beta_1 = 0.9$ and, in the place of $\alpha$, $\beta_2 = 0.999$, and
# $t$ counts steps from 1. By hand, for $t = 1$ and any gradient $g$: $m = 0.1\,g$, and
# $\hat m = 0.1\,g/0.1 = g$. In the same way $\hat s = g^2$. So the first step is
# $\eta\,g/|g|$: one $\eta$ long, up or down. Only the sign of the gradient counts.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 11.3 · Adam  (★★☆, about 10 min)
#
# Write step number $t$. `memory` holds two things, $(m, s)$, at first two zeros. Your
# rule will then train the network of this lesson.
#
# <details><summary>Hint 1: take the memory apart, and put it together again</summary>
#
# `m, s = memory` at the beginning. At the end `return weights - step, (m, s)`: two
# things, the second of which is a pair.
# </details>
#
# <details><summary>Hint 2: which m and s does the next step need?</summary>
#
# Those before the correction. Give the corrected ones names of their own.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_adam_step(weights, memory, grad, rate, t, beta1=0.9, beta2=0.999, eps=1e-8):
    """Step t = 1, 2, ... of Adam: returns (new weights, (new m, new s))."""
    ### BEGIN SOLUTION
    m, s = memory
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    mean = m / (1 - beta1**t)
    mean_square = s / (1 - beta2**t)
    step = rate * mean / (mean_square.sqrt() + eps)
    return weights - step, (m, s)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The first step is $\eta$ long, and 20 random steps are those of
# `torch.optim.Adam`. Then your rule trains the network, from the start, in 120 steps
# with batches of four slices, and cleans a slice of a head it has not seen.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_adam_step(my_adam_step)
options = {"rate": 2e-3, "n_steps": 120, "memory": (0.0, 0.0)}
trained = train_by_hand(untrained, batch_loss, my_adam_step, **options)
mine = trained(test_zero_filled)[12]
panels = {"truth": test_clean[12], "zero-filled": test_zero_filled[12]}
panels["trained by your Adam"] = mine
show_images(panels, reference=test_clean[12], error_gain=3)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# The means before the correction are the memory. A corrected mean that is kept would be
# corrected again at the next step, and again.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To count from $t = 0$. Then $1 - \beta^0 = 0$, the first step divides zero by zero,
# and all weights become NaN.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Five rules side by side
#
# Our rules are those of `torch.optim`, step for step; the folded check below compares
# them. From here on we let torch's run.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
rates = (1.9, 0.05)
by_torch = run_optimizers(pair, start=start.tolist(), rates=rates, n_steps=25)
off = [(by_torch["gradient descent"] - plain).abs().max()]
heavy_torch = descend(gradient, start, rate=1.9, n_steps=25, beta=0.9)
off.append((by_torch["momentum"] - heavy_torch).abs().max())
off.append(beside_torch(adagrad_step, torch.optim.Adagrad).max())
off.append(beside_torch(rmsprop_step, torch.optim.RMSprop).max())
off.append(beside_torch(adam_step, torch.optim.Adam, memory=(0.0, 0.0)).max())
sentence = "five rules by hand beside torch.optim, every step, largest difference"
claim(sentence, torch.stack(off).max(), at_most=1e-12)

# %% [markdown]
# By hand we found that the first step of Adam is one $\eta$ long. So its $\eta$ is a
# *length*, in the units of the weights, however large the loss is. (Later steps are as
# long only while the gradients keep their sign, and shorter where it changes.) So one
# $\eta$, about 0.001, works for many networks. The $\eta$ of gradient descent has to
# undo the units of the loss as well.

# %% [markdown]
# **Try it.** The first surface has a **saddle**. A saddle is a place where the loss
# rises in one direction and falls in another. All five rules start almost on the ridge
# between its two valleys, the horizontal line where weight 2 is 0. (It is 0.01, and so
# is the gradient to the side.) They take 100 steps, one dot each. Which of them needs
# the most *steps* to leave the ridge?
# Then click into the surface, or move the start with the sliders. On the folded pixels
# (in the menu), at which rate does gradient descent diverge? Does Adam ever?

# %% slideshow={"slide_type": "subslide"}
PathExplorer([SADDLE, T2_DECAY, pair, AXIS_VALLEY])

# %%
print("rates of the first picture:", SADDLE.rates)  # first two rules, other three
for name, path in run_optimizers(SADDLE, n_steps=100).items():
    off_the_ridge = path[:, 1].abs() > 0.1  # weight 2 after each step, (101,)
    when = int(off_the_ridge.int().argmax())  # the first True
    print(f"{name:16}: off the ridge after step {when}")

# %% [markdown]
# Off the ridge means that weight 2 is beyond 0.1, and all rates are 0.05 at first.
# Gradient descent needs the most, 48 steps, since its step to the side is in proportion
# to the tiny gradient to the side. Momentum gathers speed and needs 15, though in the
# picture it goes further along the ridge. The other three divide each gradient by its
# own size, and need one or two. Adagrad has stalled on its way: its steps have shrunk,
# as we computed.
#
# <details><summary>Who diverges on the folded pixels?</summary>
#
# Gradient descent above the rate 2, as we computed. Adam does not: its steps are about
# one $\eta$ long or less, however steep the place. With a large $\eta$ its first step
# leads far away, about $\eta$ in either pixel, and it takes long to come back. That it
# comes to rest at a constant $\eta$, nobody promises.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The learning rate: measure it
#
# For two pixels we computed the curvatures, and from them the best rate. Nobody knows
# the curvatures of a network. But we can measure.
#
# A **range test** is one short training in which the learning rate grows at every step,
# from far too small to far too large, while one watches the loss (Smith, 2017). All
# trainings of this section use Adam.
#
# A single range test is noisy, because every batch is different. So we subtract the
# loss that the untrained network has on the same batch, and average over three such
# trainings and over 25 neighbouring steps, 12 to either side. The price: in 12 steps
# the rate grows threefold, so the lowest point is known to a factor of three only.

# %%
predict("range-ends")

# %%
rates = torch.logspace(-5, 1, 145)  # 0.00001 to 10, threefold in 12 steps
curve = range_test(untrained, batch_loss, rates)
averaged = curve.nan_to_num(torch.inf)  # the ends have no average, and are nan
at = averaged.argmin()
lowest = float(rates[at])
best_rate = lowest / 10
show_range_test(rates, curve, {"lowest": lowest, "a tenth of it": best_rate})

# %% [markdown]
# With tiny rates the loss hardly changes. Then it falls faster and faster, reaches a
# lowest point, and rises again. But it does not explode: from a rate of about 0.5 on it
# is a flat line at -0.2 dB, a little below the untrained network. We shall see why.
#
# Which rate would you take? Not that of the lowest point: there the fall has stopped,
# and what earlier steps have gained is about to be lost. A common rule is to take *a
# tenth* of it. That keeps a distance, even if the lowest point is wrong by a factor of
# three, and the curve still falls steeply there.
#
# To see what is at stake we train three times from the same start, 180 steps each: at
# this rate, at a thirtieth of it, and at a hundred times it, which is ten times the
# lowest point.

# %%
STEPS = 180
tried = {"rate / 30": 1 / 30, "our rate": 1, "rate × 100": 100}
networks = {}
cleaned = {"zero-filled": test_zero_filled}
for name, factor in tried.items():
    schedule = [factor * best_rate] * STEPS
    networks[name], _ = train_with_rates(untrained, batch_loss, schedule)
    cleaned[name] = networks[name](test_zero_filled)

# %%
panels = {name: images[12] for name, images in cleaned.items()}
show_images(panels, reference=test_clean[12], error_gain=3)
scores = {name: psnr(images, test_clean) for name, images in cleaned.items()}
for name, values in scores.items():  # one value a slice
    print(f"{name:11}: {values.mean():.2f} dB, mean of 20 slices of the unseen head")

# %% [markdown]
# At a thirtieth of the rate the network has learned a little, and would need many more
# steps. At our rate it has gained more than 1 dB. The lower row shows it best: the veil
# of folded signal above and below the head is thinner. At the large rate the network
# gives back the zero-filled image, to the last digit. It did not explode, as gradient
# descent did in the first figure. What has happened? We count *dead* channels, which
# are zero behind a ReLU for every pixel of every image.

# %%
for name, network in networks.items():
    first, second = dead_share(network, test_zero_filled)
    print(f"{name:11}: dead channels {100 * first:.0f} % and {100 * second:.0f} %")

# %% [markdown]
# Steps of Adam are about $\eta$ long at first, and this $\eta$, ten times the lowest
# point, is larger than a typical weight of the second layer (0.12, printed further up).
# A few such steps killed all channels of the second layer: they lie below zero
# everywhere. There a ReLU is flat ([[pooling_and_activations]]): nothing comes out, and
# no gradient goes back. The network returns its input plus a correction, and the
# correction is now zero for ever.
#
# This is also the flat end of the range test: the correction of an untrained network
# makes its input about 0.2 dB worse, and a dead network returns the input as it is. (At
# rate × 100, which is 0.18, the curve of the test is not yet flat: the test takes one
# step at this rate, our training 180.) When a training goes wrong with Adam, this is
# how it often looks: no explosion, a loss that stays.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Schedules
#
# A **learning-rate schedule** is a rule that gives each step of a training its own
# rate. We have met decay, with which noisy walks end nearer to the minimum. **Warm-up**
# is a schedule that lets the rate rise over the first steps of a training, while the
# means of Adam rest on only a few gradients. The recipes of this course use both.
#
# <details><summary>Does decay help our small network?</summary>
#
# We expected so, and trained once more, from the
# best rate down to 2 % of it. It *lost*: the last of the claims below has the number.
# Decay pays where noise keeps the loss up, as in the walk with two coils. After 180
# steps this network is still far from its minimum, and a falling rate gives away
# distance.
# </details>

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
better = torch.maximum(scores["rate / 30"], scores["rate × 100"])  # in each slice
gain_over = scores["our rate"] - better
claim("our rate over the better of the others", gain_over, at_least=0.5, unit="dB")
falling = [best_rate * Settings(STEPS, warmup=1).rate(step) for step in range(STEPS)]
with_decay, _ = train_with_rates(untrained, batch_loss, falling)
gain = psnr(with_decay(test_zero_filled), test_clean) - scores["our rate"]
claim("falling rate over the constant one", gain, at_most=0, unit="dB")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# Half a decibel is what one begins to see; we had seen other random starts before. Each
# rate trained one network here, and the intervals are over slices of one head. The last
# claim is our expectation turned round: decay should not hurt, and it did. An earlier
# form of this lesson took the rate at which the loss falls *fastest*. For one network
# of eight it lay beside the lowest point, and ReLUs died. A tenth of the lowest point
# was good for all eight.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 11.4 · Go further: a schedule  (★☆☆, about 8 min)
#
# Write the factor by which this course's recipes multiply the learning rate. It is a
# product of two things, and both begin at step 0. The *fall* is half a cosine, from 1
# at step 0 towards 0.02 at step `n_steps`; it does not wait for the warm-up. The
# *warm-up* is a straight line, $1/n_w$ at step 0, $2/n_w$ at step 1, and so on until it
# reaches 1, where it stays; $n_w$ is `warmup`.
#
# <details><summary>Hint 1: half a cosine</summary>
#
# $\tfrac12 (1 + \cos \pi u)$ falls from 1 to 0 while $u$ goes from 0 to 1. You need one
# that falls from 1 to 0.02.
# </details>
#
# <details><summary>Hint 2: a line that stops</summary>
#
# `min(1, ...)`. For the cosine of a number, `import math` and take `math.cos`;
# `torch.cos` takes tensors only.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_rate(step, n_steps, warmup):
    """Step 0, 1, ..., n_steps - 1 -> factor on the learning rate, a number."""
    ### BEGIN SOLUTION
    cosine = torch.cos(torch.tensor(torch.pi * step / n_steps)).item()
    fall = 0.02 + 0.98 * (1 + cosine) / 2
    rise = min(1, (step + 1) / warmup)
    return rise * fall
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** After the check your schedule drives the walk with two coils a
# step. We show how far the last image is from the minimum.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_rate(my_rate)
my_rates = [0.4 * my_rate(step, N_STEPS, 10) for step in range(N_STEPS)]
ends = {"constant rate": sgd([0.4] * N_STEPS)[-1], "your schedule": sgd(my_rates)[-1]}
errors = {name: (x - minimum).abs() for name, x in ends.items()}
panels = {
    "constant rate": ends["constant rate"],
    "your schedule": ends["your schedule"],
}
show_images(panels, window=(0, 1))
show_images(errors, window=(0, 0.15), label="|distance to the minimum|", cmap="inferno")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# `step + 1`, because with `step` the first step would have the rate 0 and be wasted.
# And the fall ends at 2 % rather than 0, so that the last steps are not wasted either.
# </details>
#
# <details><summary>A common mistake</summary>
#
# A whole cosine, $\cos 2\pi u$: it is back at the full rate at the end, and all the
# noise with it.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %%
for name, n_steps in counted.items():
    print(f"κ = 100, {name}: {n_steps[2]} steps")
print(f"batch of 1: noise {100 * noise[0]:.0f} %, of 16: {100 * noise[4]:.0f} %")
print(f"folded pair, momentum: {(heavy[-1] - truth).norm():.4f} from the star")
print(f"range test: rate {best_rate:.1e}, {scores['our rate'].mean():.1f} dB")

# %% [markdown]
# - **Curvatures.** A rate above $2/\lambda_{\max}$ diverges. Gradient descent needs
#   steps in proportion to $\kappa$, momentum in proportion to its root.
# - **Batches.** The noise of a gradient falls as $1/\sqrt B$. It keeps a walk away from
#   the minimum, unless the rate falls.
# - **Rules.** Momentum remembers directions. Adagrad gives each weight a step size of
#   its own, RMSProp lets it forget, and Adam corrects its start. Sizes help
#   weights of different kinds, momentum helps in an oblique valley.
# - **Measuring.** A range test finds the rate of a network: a tenth of the one where
#   the loss is lowest. Far above it, ReLUs die in silence.
#
# A loss that falls on the training slices says nothing about other slices.
# [[regularization]] asks what keeps a network from learning them by heart.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Polyak, USSR Comput Math Math Phys 4(5):1, 1964, [10.1016/0041-5553(64)90137-5](https://doi.org/10.1016/0041-5553%2864%2990137-5):
#   momentum, by its inventor.
# - Kingma and Ba, ICLR 2015, [10.48550/arXiv.1412.6980](https://doi.org/10.48550/arXiv.1412.6980):
#   Adam, with its bias correction.
# - Smith, WACV 2017, [10.1109/WACV.2017.58](https://doi.org/10.1109/WACV.2017.58): the
#   range test.
