# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 25 · Hallucinations and perturbations
#
# **You will be able to**
# - show that an image can agree with all of its data and be wrong, and map where;
# - measure how a reconstruction answers to a small change, and say for which size of
#   change the answer holds;
# - search for a bad small change, for a network and for total variation alike;
# - measure how many real lesions a method keeps.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | [[modl]], [[enhancement]], [[multi_contrast]] | 115 minutes | 60 s | simulated, two patients |

# %% [markdown]
# Here is a slice of a simulated head, scanned with one line of k-space in three. The
# lines in the middle are always measured, the rest are drawn anew for each slice. Three
# networks reconstruct it. They are the same small U-Net, trained on 1, 16 and 12,000
# slices ([[learning_to_reconstruct]]); the figure calls their images *from 1*, *from
# 16* and *from 12000*. After each network we replace its k-space at the measured lines
# by the measured values, so that its image has exactly the data that were measured. How
# could such an image be wrong?

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
from copy import deepcopy  # noqa: I001  packed below
from functools import partial

import torch

from scipy import ndimage

from mricourse import SenseOperator, claim, device, fft2c, ifft2c, predict, your_turn
from mricourse.datasets import load_open_ms
from mricourse.evaluation import checkerboard, free_places
from mricourse.evaluation import gain_in_words, hallucination_map, hallucination_score
from mricourse.evaluation import jacobian_response, lesions_found
from mricourse.evaluation import local_response, mean_interval, noise_size, psnr
from mricourse.evaluation import random_perturbation, read_outlines, separate_lesions
from mricourse.evaluation import split_error, worst_perturbation
from mricourse.exercises import check_ascent_step, check_hallucination_map
from mricourse.exercises import check_lesions_found, check_local_response
from mricourse.physics import stack
from mricourse.plotting import plot_lines, show_gains, show_images
from mricourse.reconstruct import finite_differences, smooth_tv, tv_reconstruction
from mricourse.simulate import TaskScans, flat_place, scan_contrasts, scan_slices
from mricourse.simulate import with_matrix
from mricourse.training import load_checkpoint

# %%
torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one, else the CPU
N = 96  # pixels of a side
NOISE_STD = 0.01  # of real and imaginary part; the brightest pixel is about 1
SHOWN = 3  # the slice that figures show


def trained(name):
    """A network that comes with the course, from (A, k-space) to images."""
    return load_checkpoint(name).network.to(DEVICE).requires_grad_(False)


def keep_data(network, A, kspace):
    """The network's image, with the measured samples put back: (n, y, x)."""
    image = network(A, kspace)
    samples = torch.where(A.mask[:, 0], kspace[:, 0], fft2c(image))  # one coil
    return ifft2c(samples)


# %%
noise = (NOISE_STD, NOISE_STD)  # from, to
# the seed is 25, and R from 3 to 3
draws = TaskScans("test", 25, task="undersampling", strength=(3, 3), noise_std=noise)
twenty = [draws[number].to(DEVICE) for number in range(20)]  # of the test head
[bench] = stack(twenty)  # a list of batches, one for each shape: here one
A, kspace, reference = bench  # operator, (20, 1, ky, kx), (20, y, x)
learned = {}  # training slices: method
for n in [1, 16, 12000]:
    name = "task_undersampling" if n == 12000 else f"undersampling_{n}"
    learned[n] = partial(keep_data, trained(name))

# %%
images = {"reference": reference}
for n, method in learned.items():
    images[f"from {n}"] = method(A, kspace)  # (20, y, x)
network = learned[12000]  # the best of them, which we need again
shown = {name: image[SHOWN] for name, image in images.items()}
show_images(shown, reference=reference[SHOWN], error_gain=2)

# %%
for name, image in images.items():
    misfit = (A.forward(image) - kspace).norm() / kspace.norm()
    print(f"{name:16}: misfit to the measured samples {misfit:.1e}")

# %% [markdown]
# The three images differ, and the first one badly. The network that has seen one slice
# draws a blotchy brain and loses most of the skull. The one with 16 slices has fine
# ripples across the brain. With 12,000 slices some ripples are left, and the bright
# fluid in the middle is faint. Yet the misfit to the measured samples is zero for all
# three, up to rounding. (The truth itself has a larger misfit, 2.2 %: that is the
# noise.)
#
# So the check that we trusted since the first lesson, *does the image explain the
# data?*, says nothing here. This lesson looks for checks that do.
#
# A **hallucination** is either something drawn that is not in the object, or something
# in the object that is not drawn, where in both cases the data do not contradict the
# image.
#
# So in our sense the zero-filled image hallucinates, too: it claims that the missing
# samples are zero. Others use the word for added structure only.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What no data can contradict
#
# Two pixels, $x_1$ and $x_2$, and a scan that measures their sum only: $y = x_1 + x_2$,
# so $A = (1 \;\; 1)$. The truth is $(3, 1)$, and $y = 4$. A method returns $(4, 0)$.
# Its sum is 4, so it agrees with the data. The error is
#
# $$ \hat x - x = (4, 0) - (3, 1) = (1, -1) , \qquad A\,(1, -1) = 1 - 1 = 0 . $$
#
# The scan gives zero for $(1, -1)$: this direction is its *null space*
# ([[coil_calibration]]). Whatever we add along it, no data will ever object.
#
# Another method returns $(5, 1)$, which is off by $(2, 0)$. What of this error can the
# data see? They see its sum, 2. The smallest change with this sum is $(1, 1)$: of all
# $(p, q)$ with $p + q = 2$, the sum $p^2 + q^2$ is least at $p = q = 1$. We write
# $A^{+} A\,(2, 0) = (1, 1)$. The matrix $A^{+}$, the **pseudo-inverse**, is the matrix
# that takes data to the smallest image that explains them. What is left,
#
# $$ (2, 0) - (1, 1) = (1, -1) , $$
#
# has the sum 0, and stays hidden. So any error splits into a part that contradicts the
# data, $(1, 1)$, and a part that nobody can see in them, $(1, -1)$:
#
# $$ \hat x - x = \underbrace{A^{+} A\,(\hat x - x)}_{\text{seen by the data}}
#    + \underbrace{(I - A^{+} A)\,(\hat x - x)}_{\text{hallucination map}} . $$
#
# The **hallucination map** is the part of an error that lies in the null space of the
# scan. It needs the truth, so it is a tool for tests, not for patients.
#
# The idea is that of [Bhadra et al., 2021], with one difference. Take the smallest
# image, $(2, 2)$: its sum is right, and it has nothing in the null space. For them such
# an image does not hallucinate, and their map is 0. We take the whole error in the null
# space: our map is $(2, 2) - (3, 1) = (-1, 1)$.

# %% [markdown]
# For our scan it is easy. The transform $F$ is orthonormal, and there is one coil of
# sensitivity 1. Then $A = M F$, and the smallest image with given samples is the
# zero-filled one: $A^{+} = F^H M$. So $I - A^{+}A = I - F^H M F$: go to k-space, set
# the measured samples to zero, and come back.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 25.1 · the hallucination map  (★☆☆, about 6 min)
#
# `image` and `truth` are complex, (..., y, x). `mask` is bool, (ky, 1) or (..., ky, 1),
# True where a line was measured. (The library's `hallucination_map(image, truth, A)`
# takes an operator, and so any number of coils.)
#
# <details><summary>Hint: which samples stay?</summary>
#
# Those that were *not* measured: `~mask`. `fft2c` goes to k-space, `ifft2c` back.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_hallucination_map(image, truth, mask):
    """Two complex (..., y, x), bool (..., ky, 1) -> what no data contradict."""
    ### BEGIN SOLUTION
    error = image - truth
    return ifft2c(~mask * fft2c(error))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** First small random images, with every third line measured. Then
# your map of the slice shown, for two networks. Where the map is dark, the image is
# right, or its error is one that the data contradict.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_hallucination_map(my_hallucination_map)
maps_of_error = {}
for n in [16, 12000]:
    each_image = images[f"from {n}"][SHOWN]
    maps_of_error[f"from {n}"] = my_hallucination_map(
        each_image, reference[SHOWN], A.mask[SHOWN, 0]
    )
show_images(maps_of_error, window=(0, 0.3))

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# The map is complex, as the error is. Its magnitude is shown. With the samples put back
# it is nearly the whole error: only the noise of the measured samples is missing.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To subtract magnitudes, `image.abs() - truth.abs()`. A magnitude is no linear function
# of the image, so it has no null space.
# </details>
#
# **Change it, and explain.** Give your function `A.adjoint(kspace)[SHOWN]`, the
# zero-filled image, in place of a network's. The map is the detail that is missing. Is
# that a hallucination? What would you tell a radiologist about each kind?
#
# *Your answer:* (click here and write)

# %% [markdown] tags=["solution"]
# It is an error that no data contradict, so by the definition it counts. But it looks
# blurred, and everybody sees that something is missing. A false edge looks sharp, and
# nobody sees that something is wrong. The map shows the size of both in the same way.
# Next we try to tell them apart, and see how far this goes.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A score, and what more training data do
#
# How large is a map? We divide its energy by the energy of the true detail that the
# scan did not see. (The score is ours, not one of the paper.) Let $P = I - A^{+}A$:
#
# $$ \text{hallucination score} = \frac{\lVert P(\hat x - x)\rVert^2}
#    {\lVert P x\rVert^2} . $$
#
# In our example: $P(3, 1) = (3, 1) - (2, 2) = (1, -1)$ has energy 2, and the map $(1,
# -1)$ of the first method has energy 2. Its score is 1. The **hallucination score** is
# 0 for the truth and 1 for an image with zeros in the null space, such as the
# zero-filled one.
#
# One number hides the kind of error. $(4, 0)$ has the score 1, since its detail is
# twice too large: it writes $(2, -2)$ where $(1, -1)$ is right. $(2, 2)$ has the score
# 1, too: it writes nothing.
#
# (The truth must be free of noise, as ours from a simulation is: nobody can predict the
# noise of samples that were not measured.)

# %% [markdown]
# **Two parts.** Two samples were not measured. The truth has $(2, 0)$ there, an image
# has $(1, 1)$. How much of the true detail does the image have? We look for the
# multiple $c$ of the truth that is closest to the image. It is $c = 1/2$:
#
# $$ (1, 1) = \tfrac12 (2, 0) + (0, 1) . $$
#
# - *Missed* is $(1 - c)\,(2, 0) = (1, 0)$, of energy 1. The truth has 4, so the share
#   is 1/4.
# - The *rest* is $r = (0, 1)$, also a share of 1/4. It has nothing in common with the
#   truth: the two are at right angles.
#
# In general we write $P\hat x = c\,P x + r$, with the complex $c$ that makes $r$
# shortest. The error is then
#
# $$ P(\hat x - x) = (c - 1)\,P x + r , $$
#
# with its two parts at right angles. So by Pythagoras the shares add up to the score:
# here 1/4 + 1/4 = 1/2. The share that is missed is $|1 - c|^2$. (Too much counts as
# missed, too: an image with $(4, 0)$ in place of $(2, 0)$ has $c = 2$, and the share
# 1.)
#
# *Is the rest what a method invents?* Not only. Another truth has $(2, 1)$, and an
# image has the first sample right and the second empty: $(2, 0)$. All it wrote is true.
# The closest multiple is $c = 4/5$, which is $(1.6, 0.8)$, and $r = (0.4, -0.8)$ is not
# zero. The rest is what is *not proportional to the truth*: wrong detail, and also
# detail that is filled in unevenly, as in a blurred image.

# %%
predict("score-of-one-slice")

# %%
SIZES = [1, 4, 16, 64, 256, 12000]  # training slices
scores = {}
split = {"missed": [], "rest": []}  # mean over 20 slices, for each size
for n in SIZES:
    name = "task_undersampling" if n == 12000 else f"undersampling_{n}"
    image = trained(name)(A, kspace)  # samples put back would change no score
    scores[n] = hallucination_score(image, reference, A)  # (20,)
    # the first of three is the part that the data see
    _, missed, rest = split_error(image, reference, A.mask[:, 0])
    split["missed"].append(missed.mean())
    split["rest"].append(rest.mean())

# %% jupyter={"source_hidden": true}
curves = {"score": torch.stack([each.mean() for each in scores.values()])}
for name, values in split.items():
    curves[name] = torch.stack(values)
plot_lines(SIZES, curves, xlabel="training slices", ylabel="share of detail", log="x")
for number, n in enumerate(SIZES):
    parts = [f"{name} {values[number]:.2f}" for name, values in curves.items()]
    print(f"{n:6} slices: {', '.join(parts)}")

# %% [markdown]
# The score falls from 1.31 after one slice to 0.35 after 256, and hardly any further:
# it is 0.33 after 12,000. With one slice it is above 1: zeros would have been better.
# So more training data did lower the error in the null space.
#
# Most of this fall is in *missed*: from 0.97 to 0.17. The *rest* falls from 0.33 to
# 0.18 with 16 slices, and stays there: 0.17 with 12,000. (Each number is rounded by
# itself, so sums may be off by 0.01.)
#
# Does the network then still invent as much? We cannot say. We know an image in which
# nothing is false, and which has a rest, too: the truth, blurred.

# %%
line = torch.arange(N, device=DEVICE) - N // 2  # number of each line, 0 in the middle
for width in [8, 12, 16]:
    low = (line.abs() <= width)[:, None]  # these lines are kept, all of them right
    blurred = ifft2c(low * fft2c(reference))
    _, missed, rest = split_error(blurred, reference, A.mask[:, 0])
    print(f"lines up to {width:2}: missed {missed.mean():.2f}, rest {rest.mean():.2f}")

# %% [markdown]
# With lines up to 12 the blurred truth misses about as much as the best network, 0.18,
# and its rest is 0.23, though nothing in it is false. The network's rest is 0.17. So
# the rest alone does not tell how much is false.
#
# What we can say: with more training slices these networks filled in more of what is
# there. Whether they write less that is false, one number for each image does not tell.
#
# <details><summary>How the six were trained</summary>
#
# All have the same U-Net and the same two training heads. 12,000 means that each of
# 12,000 steps drew a new slice of these heads, with its own contrast, warp and phase.
# The others saw their few slices over and over. Lines and noise were drawn anew for
# all. Each was trained once; those on few slices were stopped early, by validation.
# Here the samples were not put back: the score looks at the null space alone, and
# putting back changes nothing in it.
# </details>

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
fewer = {}  # how many times the score falls, for each slice
for few, many in [(1, 16), (16, 256)]:
    fewer[many] = scores[few] / scores[many]
claim("score with 1 over that with 16 training slices", fewer[16], at_least=1.2)
claim("score with 16 over that with 256 training slices", fewer[256], at_least=1.2)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# On 20 draws of the *training* heads the means fell from 1.35 to 0.56 and 0.34, by 2.4
# and 1.6 times. We asked for 1.2 twice. The slices are samples, the trainings are not:
# there is one for each size. A third claim, that 12,000 slices are better than 256, was
# taken out after a look: the two differ little, and in their rule of stopping.
# We had also called the rest *invented*, and read its flat line as "networks go on
# inventing". The blurred truth, added later, shows that this does not follow.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A small change: what comes back?
#
# The map needs the truth. Here is a question that does not: *if the head had been a
# little different, would the image show it?* We change the data as a small change of
# the head would have, reconstruct again, and look at the difference.
#
# Two pixels again, and $y = x_1 + x_2$. A rule $f$ has learned from heads in which the
# second pixel is dark and the first one never exceeds 3. So it gives everything to the
# first, up to 3, and the rest to the second:
#
# $$ f(y) = \bigl(\min(y, 3),\; \max(y - 3, 0)\bigr) . $$
#
# Our head is $(2, 0)$: $y = 2$, and $f(2) = (2, 0)$. That is right. Now a lesion of
# size $a$ appears in the *second* pixel: the head is $(2, a)$, and $y = 2 + a$.
#
# | $a$ | $y$ | $f(y)$ | change of the image | response (change / $a$) |
# |---|---|---|---|---|
# | 0.5 | 2.5 | (2.5, 0) | (0.5, 0) | (1, 0) |
# | 1 | 3 | (3, 0) | (1, 0) | (1, 0) |
# | 3 | 5 | (3, 2) | ? | ? |
#
# A perfect rule would have $(0, 1)$ in the last column: the lesion, where it is. Ours
# puts a small lesion into the wrong pixel.

# %%
predict("large-lesion-by-hand")


# %%
def rule(y):
    """Everything to the first pixel, up to 3; the rest to the second: () -> (2,)."""
    return torch.stack([y.clamp(max=3), (y - 3).clamp(min=0)])


head = torch.tensor(2.0)  # its sum
for a in [0.001, 0.5, 1, 3]:
    response = (rule(head + a) - rule(head)) / a
    print(f"a = {a:5}: response {response.numpy().round(3)}")
jacobian = torch.autograd.functional.jacobian(rule, head)
print("derivative:", jacobian.numpy())

# %% [markdown]
# For $a = 3$ it is $((3, 2) - (2, 0))/3 = (0.33, 0.67)$. A large lesion is mostly put
# where it belongs. For small ones the response no longer changes: it is $(1, 0)$, the
# derivative of $f$ with respect to $y$. So the answer depends on the *size* of the
# change. A rule that is trusted because it shows large lesions may misplace small ones.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### On images
#
# The **local perturbation response** is the change of the image, divided by the size of
# the change that was made in the object [Chan and Haldar, 2021]. We write $\delta$ for
# the form of the change, real, of order 1, and $a$ for its size, the *amplitude*:
#
# 1. $x_0 = f(y)$ is the image as it is, with the phase $\angle x_0$;
# 2. $d = a\,\delta\,e^{i \angle x_0}$ is the change, with the phase of the image;
# 3. $y + A d$ are the data of the changed head. The same lines are missing;
# 4. $\dfrac{f(y + A d) - f(y)}{a}\,e^{-i \angle x_0}$ is the response. A perfect
#    reconstruction gives $\delta$.
#
# Two steps are easily left out. Tissue that becomes brighter keeps its phase: so $d$
# needs the phase of the image. And the change goes through $A$ *into the measured
# data*. Some draw the change into a magnitude image, compute complete data from it and
# undersample these. That tests another scan, one without phase and noise.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 25.2 · the local response  (★★☆, about 10 min)
#
# Write the four steps. `reconstruct(A, kspace)` returns an image (..., y, x), `delta`
# is real, (y, x), and `amplitude` a number.
#
# <details><summary>Hint 1: the phase</summary>
#
# `torch.exp(1j * image.angle())` is $e^{i\angle x_0}$. Its conjugate, `.conj()`, is
# $e^{-i\angle x_0}$.
# </details>
#
# <details><summary>Hint 2: step 3</summary>
#
# `A.forward(d)` goes through coils, Fourier transform and mask.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_local_response(reconstruct, A, kspace, delta, amplitude):
    """Method, operator, data, real change (y, x), number -> complex (..., y, x)."""
    ### BEGIN SOLUTION
    before = reconstruct(A, kspace)
    phase = torch.exp(1j * before.angle())
    change = amplitude * delta * phase
    after = reconstruct(A, kspace + A.forward(change))
    return (after - before) / amplitude * phase.conj()
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Small scans with two coils. Then the response of the U-Net to a
# single pixel in the middle of the head. For a linear method that is its *point spread
# function* ([[forward_model]]).

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_local_response(my_local_response)
one_pixel = torch.zeros(N, N, device=DEVICE)
one_pixel[50, 48] = 1
of_pixel = my_local_response(network, A, kspace, one_pixel, 0.1)[SHOWN]
close_by = (slice(34, 67), slice(32, 65))  # rows and columns around it
pixel_views = {"one pixel": one_pixel[close_by], "response": of_pixel.real[close_by]}
show_images(pixel_views, window=(-0.5, 0.5), label="response")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Both reconstructions have the same noise. For a linear method it cancels in the
# difference, for another one nearly. The missing lines do not cancel: they are why the
# pixel is spread along its column.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To leave out the phase. The change then has a phase that no tissue at this place has.
# A network treats that as something else: as folding, for instance.
# </details>

# %% [markdown]
# We take two forms. The first is a small disc, as a lesion, of radius 2.5 pixels, at a
# flat place of each head. The second is a **checkerboard**: squares of 1, 0 and -1 over
# the whole image, which shows at once where detail is kept, blurred, lost or moved. And
# we compare with total variation ([[compressed_sensing]]).

# %%
rows = torch.arange(N)[:, None]
columns = torch.arange(N)
discs = []
for image in reference.cpu():
    y, x = flat_place(image, radius=5.0)
    distance = torch.hypot((rows - y).float(), (columns - x).float())
    discs.append((distance <= 2.5).float())
discs = torch.stack(discs).to(DEVICE)  # (20, y, x)
board = checkerboard((N, N), 6).to(DEVICE)
boards = board.expand(20, N, N)  # the same for each slice

# %% [markdown]
# **Which total variation?** `smooth_tv` minimises
#
# $$ \tfrac12\lVert A x - y\rVert^2
#    + \lambda \sum_j \sqrt{|(\nabla x)_j|^2 + \mu^2} , $$
#
# where $(\nabla x)_j$ are two differences: from pixel $j$ to the pixel below it, and to
# the one on its right. $\lambda$ weighs the penalty. With $\mu = 0$ it is total
# variation: $\sqrt{t^2}$ is $|t|$, with a corner at $t = 0$. $\sqrt{t^2 + \mu^2}$ is
# round there. With no corner in the objective its minimum moves smoothly when $y$
# moves, so the image has a derivative with respect to $y$. The search below uses it.
#
# We set $\mu$ to 0.003 of the brightest pixel of $A^H y$, and $\lambda$, too. This
# $\lambda$ was chosen once, on slices of the training heads, by PSNR.

# %%
solve_tv = partial(smooth_tv, reg_weight=3e-3, corner=3e-3)  # λ, μ
start = solve_tv(A, kspace)  # all 20 slices, solved to a small tolerance


def zero_filled(A, kspace):
    """The adjoint: zeros where nothing was measured."""
    return A.adjoint(kspace)


tv = partial(solve_tv, start=start)  # begins near its solution, and is faster
methods = {"zero-filled": zero_filled, "TV": tv, "U-Net": network}


# %%
def show_responses(name, delta, part):
    """Draw a form (20, y, x) and the responses of all methods to it, cut to a part."""
    views = {name: delta[SHOWN][part]}
    for label, method in methods.items():
        response = local_response(method, A, kspace, delta, 0.02)
        views[label] = response[SHOWN].real[part]
    show_images(views, window=(-1, 1), label="response")


y, x = flat_place(reference[SHOWN].cpu(), radius=5.0)
show_responses("disc", discs, (slice(y - 20, y + 21), slice(x - 20, x + 21)))
show_responses("checkerboard", boards, (slice(None), slice(None)))

# %% [markdown]
# (Real part of the responses at $a = 0.02$, twice the noise. Grey is 0.)
#
# *The disc*, with what is around it. All three have it at its place, and none has all
# of it. It is smeared along the column, with a shadow above and below. By eye the three
# are alike; numbers follow below.
#
# *The checkerboard.* In the head, all three show stripes in place of squares: those of
# one column have joined. Why? The board is the mean of two patterns of stripes, each 1
# and -1 by turns, one along each axis: $(1 + 1)/2 = 1$, $(1 - 1)/2 = 0$ and
# $(-1 - 1)/2 = -1$.
#
# - Stripes that run along a column do not change with $y$. They have $k_y = 0$.
# - The others repeat every 12 pixels (a square has 6), so 8 times in 96 pixels. Such a
#   square wave has only odd multiples of 8: $k_y = \pm 8$, $\pm 24$ and $\pm 40$, with
#   amplitudes as 1, 1/3 and 1/5.
#
# Which of these lines did the scan measure?

# %%
always = A.mask[:, 0, :, 0].all(0)  # in each of the 20 slices, (96,)
print("always measured:", line[always].tolist())
for number in [-8, 8, -24, 24, -40, 40]:
    print(f"line {number:3}: {bool(A.mask[SHOWN, 0, N // 2 + number, 0])}")

# %% [markdown]
# The first pattern is in line 0, which is always measured. Of the second one the
# strongest lines, $\pm 8$, are missing in this slice, and of the weaker ones it has
# only -24 and -40. So it is nearly lost. Another mask may keep it.
#
# Zero-filled and U-Net look much alike: this network shows little of a board that the
# lines do not hold.
#
# <details><summary>Why the ring at the skull, and grain or patches outside?</summary>
#
# The change has the phase of the image, which jumps at the skull and is noise in air.
# So the stripes are broken there.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How small is small?
#
# As $a$ becomes smaller, the response comes closer to a limit. Let $J$ be the
# *Jacobian* of $f$ at the data $y$ ([[unrolled_networks]]): the matrix of the
# derivatives of all pixels with respect to all samples. Then for small $a$
#
# $$ \frac{f(y + A d) - f(y)}{a} \;\longrightarrow\; J A\,\frac{d}{a} , $$
#
# where $d / a = \delta\,e^{i \angle x_0}$ is the change at size 1. The
# **Jacobian-vector product** is the product of this matrix with one vector, here $A d /
# a$. PyTorch computes it without dividing by a small number (`jacobian_response`). So
# we can test `local_response`: for small $a$ the two functions must agree.
#
# The rule above reached its limit exactly, as long as $y$ did not pass its one corner,
# $y = 3$. A network of ReLUs has a corner for each of its many units. A change that
# passes one of them bends the answer of one unit, not of the others.
#
# (We compute with 16 digits in place of 7, or the difference of two nearly equal images
# would be mostly rounding.)

# %%
exact_A = SenseOperator(A.smaps.to(torch.complex128), A.mask)
exact_kspace = kspace.to(torch.complex128)
exact_network = deepcopy(trained("task_undersampling")).double()
exact = partial(keep_data, exact_network)
limit = jacobian_response(exact, exact_A, exact_kspace, discs.double())

# %%
predict("how-small")

# %%
amplitudes = [1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.3]
distance = {}  # amplitude: relative distance from the limit (20,)
for a in amplitudes:
    response = local_response(exact, exact_A, exact_kspace, discs.double(), a)
    off = (response - limit).flatten(1).norm(dim=1)
    distance[a] = off / limit.flatten(1).norm(dim=1)
curve = torch.stack([each.mean() for each in distance.values()])
options = {"xlabel": "amplitude (the noise is 0.01)", "ylabel": "distance from limit"}
plot_lines(amplitudes, {"U-Net": curve}, log="xy", **options)
for a, each in distance.items():
    print(f"a = {a:5.0e}: mean {each.mean():.1e}, worst slice {each.max():.1e}")

# %% [markdown]
# At $a = 10^{-8}$ the two agree to 0.6 millionths, and what is left is rounding. So the
# differences do approach the derivative. At the size of the noise, $a = 0.01$, the
# response is off by 2.7 % in the mean, and by 7.5 % in the worst slice: a few percent.
# At $a = 0.3$ it is 16 %. So the Jacobian is exact for very small changes, and a fair
# guess at the size of the noise.
#
# <details><summary>Why is the way there so long?</summary>
#
# Even a small change passes some of the many corners. And this network first divides
# its input by the brightness that 99 % of the pixels stay below. That is the value of
# one pixel; after a small change it may be another one.
# </details>
#
# <details><summary>Does this prove that both functions are right?</summary>
#
# No: phase and mask are the same code in both, and need a test of their own. For the
# zero-filled image of several coils the response must be $A^H A d / a$ (with its phase
# taken out), which one can compute without either function. The library has this test.
# </details>

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
sentence = "response at amplitude 1e-8: distance from the Jacobian-vector product"
claim(sentence, distance[1e-8], at_most=1e-3)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose this bound</summary>
#
# The distance must vanish in the limit; in double precision rounding leaves about
# $10^{-16}/a = 10^{-8}$, times what the network amplifies. $10^{-3}$ would show a wrong
# sign or a step that is too long. A pilot on 20 slices of the training heads had
# $10^{-6}$.
# </details>

# %% [markdown]
# Does it matter? A lesion is no small change. We read how much of the disc is kept,
# from a tenth of the noise to 40 times the noise. It is one number: the mean response
# over the disc. Above we compared whole images.

# %%
predict("who-depends-on-size")


# %%
def share_kept(method, data, a):
    """Mean of the response over the disc of each slice, for size a: (20,)."""
    response = local_response(method, A, data, discs, a)
    return (response.real * discs).sum((1, 2)) / discs.sum((1, 2))


sizes = [0.001, 0.01, 0.03, 0.1, 0.2, 0.4]
kept = {}  # name: share of the disc that is kept (sizes, slices)
for name, method in methods.items():
    kept[name] = torch.stack([share_kept(method, kspace, a) for a in sizes])
curves = {name: each.mean(1) for name, each in kept.items()}
options = {"xlabel": "amplitude of the disc", "ylabel": "share kept"}
plot_lines(sizes, curves, log="x", **options)
for name, each in curves.items():
    print(f"{name:12}: {', '.join(f'{share:.2f}' for share in each)}")

# %% [markdown]
# The zero-filled image is linear: 54 % of the disc at any size. The U-Net keeps 62 % of
# the faintest and 64 % of the strongest. *Total variation* is the one that depends on
# the size. It keeps about half of a faint disc, and about three quarters of the
# strongest. (Its second digit depends on how tightly it is solved.)
#
# *Why half of a faint disc, and not nothing?* And why little more at 0.1, ten times the
# noise? Is it the price $\lambda$ that TV asks for an edge, or what is around the disc?
# We change one at a time: a tenth of $\lambda$; then an image that is 0.7 everywhere,
# with the same noise.

# %%
noise_of_scan = kspace - A.forward(reference)
flat_data = A.forward(torch.full_like(reference, 0.7)) + noise_of_scan
flat_tv = partial(solve_tv, start=solve_tv(A, flat_data))
cheap_tv = partial(tv, reg_weight=3e-4)
cases = {"as above": (tv, kspace), "a tenth of λ": (cheap_tv, kspace)}
cases["flat image"] = (flat_tv, flat_data)
for name, (method, data) in cases.items():
    shares = [share_kept(method, data, a).mean() for a in [0.03, 0.1]]
    print(f"{name:12}: of 0.03 {shares[0]:.2f}, of 0.1 {shares[1]:.2f}")
differences = finite_differences(start)  # along y and x: (2, 20, y, x)
steps = differences.abs().square().sum(0).sqrt()  # (20, y, x)
print(f"steps of the TV image inside the disc: {steps[discs > 0].median():.2f}")

# %% [markdown]
# A tenth of $\lambda$ changes little. In the flat image TV keeps about 80 % of a disc
# of 0.1, here 55 %. So what counts is the image around the disc. (Of a disc of 0.03 the
# flat image keeps little more: there noise, $\lambda$ and $\mu$ count as well.)
#
# Inside the disc TV's image has steps of its own, of 0.04 from pixel to pixel in the
# median. A disc well below that makes them a little larger or smaller, and adds no
# edge. TV then answers nearly as a linear method (the share is about the same from
# 0.001 to 0.03), and keeps about what the measured lines hold, as the zero-filled image
# does. But where an edge stands out of these steps, TV fills in what was not measured
# of it, since it prefers few edges.
#
# There is no sharp limit. A disc of 0.1 is 2.5 median steps high, and the share has
# only begun to rise (0.55). At 0.2 it is 0.63; at 0.4, ten steps, 0.75.
#
# So in this number the network is nearly linear, and the classical method is not. Does
# that agree with the 16 % by which the network was off at 0.3? Yes: that was over all
# pixels. What changes outside of the disc, or up in one pixel of it and down in
# another, does not count here. A test with one amplitude, or with one number, would
# have missed something.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for name, bounds in {"TV": {"at_least": 0.1}, "U-Net": {"at_most": 0.1}}.items():
    change = kept[name][-1] - kept[name][0]
    claim(f"{name}: strong disc kept minus faint disc kept", change, **bounds)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# A tenth of the disc is the least that we would call a difference. We expected one of
# TV, since its penalty takes about the same off each edge, faint or strong. The table,
# added later, shows that for this small $\lambda$ the steps around the disc count more.
# For the network there is no theory, so its claim describes this network only.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# *A good place for a pause.* So far: an error in the null space cannot be seen in the
# data. More training slices make it smaller, mainly what is missed. A small change of
# the head tells what a method does with something new. Next we look for a change that
# moves the image far.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The worst small change
#
# Noise changes the data in a random direction. Some directions are worse than others.
# How much worse can it be, if the change is no larger than the noise?
#
# By hand: a method $f$ takes two samples to two pixels, $f(y) = (5\,y_1,\; y_2)$. The
# change $e = (0.6, 0.8)$ has the length 1. It moves the image by $(3, 0.8)$, of length
# 3.1. But $e = (1, 0)$, of the same length 1, moves it by $(5, 0)$. The ratio of the
# two lengths is the **amplification**: how many times longer the change of the image is
# than that of the data. The worst one is 5. (For a matrix it is the largest singular
# value.)
#
# A network is no matrix, so we search. Start from a random $e$ of the allowed length
# $s$. (Not from $e = 0$: there the image does not move, and the gradient is zero.) The
# gradient $g$ of $\lVert f(y + e) - f(y)\rVert^2$ with respect to $e$ says in
# which direction the image moves most. Go a step there, and scale back to length $s$:
#
# $$ e' = e + \tfrac12\, s\,\frac{g}{\lVert g\rVert} , \qquad
#    e \leftarrow s\,\frac{e'}{\lVert e'\rVert} . $$
#
# *One step by hand*, with $s = 1$ and $e = (0.6, 0.8)$. The square is $25\,e_1^2 +
# e_2^2$, its gradient $g = (50\,e_1, 2\,e_2) = (30, 1.6)$, or $(1.00, 0.05)$ at length
# 1. So $e' = (0.6, 0.8) + (0.50, 0.03) = (1.10, 0.83)$, of length 1.38, and scaled back
# $e = (0.80, 0.60)$. It moves the image by $(4.0, 0.6)$, of length 4.0. Before, it was
# 3.1.
#
# The factor 1/2 is our choice: long enough to turn $e$, short enough to keep some of
# it. What a search ends with is *a* bad change. A worse one may exist.

# %% [markdown]
# An **adversarial perturbation** is a change of the data that was searched to do harm.
# [Antun et al., 2020] showed some that ruin the images of networks, and concluded that
# networks are unstable. But compared with what? [Darestani et al., 2021] did the same
# to classical methods. A fair test has three rules:
#
# - one length $s$ for all methods, that of the noise: $n$ measured samples have $2n$
#   numbers, real and imaginary parts. The mean square of each is $\sigma^2$, so $s =
#   \sqrt{2n\,\sigma^2} = \sigma\sqrt{2n}$;
# - a search of its own for each method, through its *own* derivative, with the same
#   number of steps;
# - a control: random noise of the same length.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 25.3 · a step uphill  (★★☆, about 10 min)
#
# Write the step. `perturbation` and `gradient` are complex, (coils, ky, kx), `size` is
# $s$, a number. Lengths are over *all* samples of all coils. First the step, then the
# scaling: what comes out always has the length `size`.
#
# <details><summary>Hint: lengths</summary>
#
# `gradient.norm()` is the length of the whole tensor, complex values included.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_ascent_step(perturbation, gradient, size):
    """e and g (coils, ky, kx), number s -> the next e, of length s."""
    ### BEGIN SOLUTION
    uphill = perturbation + 0.5 * size * gradient / gradient.norm()
    return size * uphill / uphill.norm()
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Small numbers first. Then your step searches ten times on the
# slice shown, against the U-Net.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_ascent_step(my_ascent_step)
alone = SenseOperator(A.smaps[SHOWN : SHOWN + 1], A.mask[SHOWN : SHOWN + 1])
its_data = kspace[SHOWN : SHOWN + 1]
still = network(alone, its_data)
allowed = noise_size(alone, NOISE_STD)[0]  # s
tried = random_perturbation(alone, allowed[None])  # e
for round_number in range(10):
    # only measured samples can change
    tried = (alone.mask * tried).detach().requires_grad_()
    moved_by = (network(alone, its_data + tried) - still).abs().square().sum()
    [slope] = torch.autograd.grad(moved_by, tried)  # g
    print(f"step {round_number}: amplification {moved_by.sqrt() / allowed:.2f}")
    # [0] and [None]: out of the batch of one, and into it
    tried = my_ascent_step(tried.detach()[0], slope[0], allowed)[None]

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Without the division by $\lVert g\rVert$ the step would depend on the units of the
# loss, and another method would need another rate. Without the last scaling the
# change would grow, and a longer change can move the image further.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To limit the *largest sample* in place of the length. The methods then get changes of
# different lengths, and their amplifications cannot be compared.
# </details>
#
# **Change it, and explain.** Make `allowed` three times as long. Does the amplification
# grow, too? Then start with `random_perturbation(alone, allowed[None], seed=1)`. Is the
# worst change the same? What can a search of ten steps show, and what can it not show?
#
# *Your answer:* (click here and write)

# %% [markdown] tags=["solution"]
# The amplification hardly changes, since the network is nearly linear over this range;
# the change of the image is three times as long. Another start ends at a similar value,
# with another change: after ten steps the two have only a part in common.
# A search shows that a change *at least* so bad exists. It never shows that there is
# none worse. So a method is not stable because a search has failed: perhaps the search
# was bad. That is why it has to use the method's own derivative, and enough steps.

# %% [markdown]
# The library's `worst_perturbation` does this for all slices at once. The derivative of
# the U-Net comes from back-propagation. That of TV comes from *implicit
# differentiation* ([[modl]]): at the minimum the slope of the objective is zero, before
# and after a small change of the data. This gives a linear system for the small change
# of the image: the matrix of the objective's second derivatives, times this change, is
# $A^H$ times the change of the data. So what we attack is the minimum itself, not what
# a number of steps has reached.

# %%
predict("network-or-tv")

# %%
size = noise_size(A, NOISE_STD)  # length of the noise of each slice, (20,)
noise_like = random_perturbation(A, size, seed=3)  # the control
rivals = {"TV": tv, "U-Net": network}
clean = {name: method(A, kspace) for name, method in rivals.items()}


def amplified(name, change):
    """How many times longer the image's change is, and the changed image."""
    image = rivals[name](A, kspace + change)
    return (image - clean[name]).flatten(1).norm(dim=1) / size, image


# %%
searched = {"TV": partial(tv, tolerance=3e-4), "U-Net": network}  # a little faster
found_change = {name: None for name in rivals}  # each search begins with noise
for part in [1, 2]:
    for name, method in searched.items():
        e = found_change[name]  # and goes on from where it was
        e = worst_perturbation(method, A, kspace, size, n_steps=5, start=e)
        found_change[name] = e
        mean = amplified(name, e)[0].mean()
        print(f"{5 * part:2} steps, {name:5}: amplification {mean:.2f}")

# %% jupyter={"source_hidden": true}
changes = {"random": noise_like}
changes |= {f"searched for {name}": e for name, e in found_change.items()}
moved = {}  # (method, change): image (20, y, x)
grown = {}  # the same: amplification (20,)
for name in rivals:
    for change, e in changes.items():
        grown[f"{name}, {change}"], moved[name, change] = amplified(name, e)
show_gains(grown, unit="", xlabel="amplification", form=".2f")
for name, each in grown.items():
    print(f"{name}: {each.mean():.2f}")
for name in rivals:
    ratio = grown[f"{name}, searched for {name}"] / grown[f"{name}, random"]
    print(f"{name}, found over random, mean of the slices' ratios: {ratio.mean():.1f}")
ratio = grown["TV, searched for TV"] / grown["U-Net, searched for U-Net"]
print(f"TV over U-Net, mean of the slices' ratios: {ratio.mean():.1f}")

# %% [markdown]
# A dot is a slice, a bar the mean, and the thin line its 95 % interval. Random noise is
# amplified 1.2 times by TV and 1.2 times by the U-Net. The change that was searched for
# TV moves TV's image by 4.02 times its length, that for the U-Net moves the U-Net's by
# 2.65. So TV can be moved 3.2 times as far as by noise of the same length, the U-Net
# 2.3 times. (These are means of the slices' ratios.)
#
# *Is TV worse?* With these searches of ten steps TV moves 1.6 times as far as the
# U-Net: less than a factor of two. But from five steps to ten both still grow (see the
# numbers before the figure). A longer search, another start, or a TV that is solved
# more tightly in the search, may change the ratio. What the figure does say: TV is not
# immune.
#
# Now the crossed pairs. The change that was found for TV is hardly worse than noise for
# the U-Net (1.2), and the other way round (1.3). Between these two methods a change
# does not transfer. (Between two networks it may; we did not test that.) So a test of
# both with the U-Net's change makes the U-Net look unstable and TV stable. With TV's
# change it is the other way round.

# %% jupyter={"source_hidden": true}
shown = {}
for name in rivals:
    shown[name] = clean[name][SHOWN]
    shown[f"{name}, moved"] = moved[name, f"searched for {name}"][SHOWN]
show_images(shown, reference=reference[SHOWN], error_gain=3)

# %% jupyter={"source_hidden": true}
for name in rivals:
    before = psnr(clean[name], reference)
    for change in ["random", f"searched for {name}"]:
        drop = psnr(moved[name, change], reference) - before
        words = f"{gain_in_words(drop)}, in this slice {drop[SHOWN]:.1f} dB"
        print(f"{name:5}, {change:18}: {words}")

# %% [markdown]
# *What does it cost?* Random noise of this length takes 0.1 dB from either method, the
# change that was found 1.0 dB from TV and 0.5 dB from the U-Net. In the slice shown it
# is 2.4 and 1.1 dB.
#
# *The pictures.* TV's skull is grey already without any change. With it, the frontal
# brain (top) has a grey cap with an edge, which is not in the head, and the skull above
# is smeared. The U-Net's image looks as before; in its error the edge of the brain is
# brighter, most at the top left and at the bottom. That is one slice, by eye, and we
# did not test lesions. [Alaifari et al., 2022] searched for local false structures.
# They found severe ones with TV, and weaker ones with networks.

# %% [markdown]
# We searched for movement, not for error: the image may move in a direction that does
# little harm. And our networks were trained with noise, which makes networks more
# robust [Genzel et al., 2023]; we did not try it without.
#
# Will such a change ever occur? By chance, nearly never: there are thousands of
# directions. What does occur is a scan with another contrast, coil or matrix than in
# the training: see [[generalization]].

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for name in rivals:
    ratio = grown[f"{name}, searched for {name}"] / grown[f"{name}, random"]
    claim(f"{name}: change found over random, of one length", ratio, at_least=1.5)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# A pilot on 20 slices of the training heads, with shorter searches, gave 2.2 for the
# U-Net and 2.7 for TV. The bounds leave room for another head. Searches were made
# longer since, and find more. A third claim, on the ratio of the two methods, was taken
# out after a look: the searches had 6 steps for TV and 10 for the U-Net, and the ratio
# changes with their number.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## On real data: which lesions are kept?
#
# A disc is no lesion. `open_ms` has real ones ([[multi_contrast]]): FLAIR images of two
# patients with multiple sclerosis, 9 slices of each, with lesions that several raters
# have outlined. Anatomy and lesions are measured. Coils, phase, noise and k-space are
# simulated: four coils, 128 x 128 pixels, and noise of 0.005. So this is an inverse
# crime again: data and reconstruction have the same model. The numbers say which method
# keeps more, not how many a scanner keeps. (And the reference has the noise of the real
# scanner. By PSNR, a method that removes this noise is punished for it.) The folded
# cell makes `flair`, (18, y, x), and `lesions`, the outlines.

# %% jupyter={"source_hidden": true}
magnitudes = []
outlined = []
for patient in ["07", "19"]:
    volumes = load_open_ms(patient)
    print(f"patient {patient}: slices at {volumes.meta['slices'][2:11]} mm")
    for number in range(2, 11):
        scan = scan_contrasts(
            volumes.slice_images(number), shape=(128, 128), seed=number
        )
        magnitudes.append(scan.reference[2])  # FLAIR, with a smooth phase
        share = with_matrix(volumes.lesions[number].float(), (128, 128))
        outlined.append(share > 0.5)  # more than half of the pixel
flair = torch.stack(magnitudes).to(DEVICE)  # complex (18, y, x)
lesions = torch.stack(outlined)  # bool (18, y, x)

# %% [markdown]
# **Detection.** We read each lesion as an observer would ([[enhancement]]): the mean
# over its outline minus the mean over a ring around it. When is it *seen*? When the
# reading is above a threshold. And the threshold? We move each outline to places
# without lesion, read those, and choose it such that 2 % of them are above: 2 % false
# alarms. Each method gets its own threshold from its own images. (A method that blurs
# makes lesions fainter, but its false alarms, too.)
#
# **Recall** is the share of all lesions that are seen. A lesion that lies in two slices
# has two outlines. We count both.

# %%
outlines = separate_lesions(lesions, least=4)  # connected, of 4 pixels or more
tissue = (flair.abs() > 0.15).cpu()
free = free_places(outlines, lesions, tissue, n_each=10)
areas = torch.tensor([float(each.inside.sum()) for each in outlines])
print(f"{len(outlines)} outlines, median {areas.median():.0f} pixels")
print(f"{len(free)} places without one, up to ten for each outline")

# %% jupyter={"source_hidden": true}
of_07 = torch.tensor([each.slice < 9 for each in outlines])  # else of patient 19
joined = torch.zeros_like(lesions, device="cpu")
for each in outlines:
    joined[each.slice] |= each.inside
for patient, part in {"07": joined[:9], "19": joined[9:]}.items():
    _, n_lesions = ndimage.label(part.numpy())  # those that overlap from slice to slice
    n_outlines = int(of_07.sum()) if patient == "07" else int((~of_07).sum())
    print(f"patient {patient}: {n_outlines} outlines, {n_lesions} groups that overlap")

# %% [markdown]
# An outline is one cut through a lesion. The slices are 5 to 12 mm apart. Where an
# outline overlaps one in the next slice, the two are probably cuts through one lesion.
# Counted so, the 77 outlines are of 32 lesions. And 68 of the 77 are of one patient:
# what follows is mostly about this patient.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 25.4 · Go further: recall at a price  (★★☆, about 12 min)
#
# Say which lesions are found. `readings` are those of the lesions, (lesions,), `free`
# those of places without, (places,). Choose the threshold such that a share
# `false_alarms` of `free` is above it: with 0.02, 2 %. A lesion is found where its
# reading is above the threshold. Return 1.0 or 0.0 for each lesion.
#
# <details><summary>Hint: the threshold</summary>
#
# `torch.quantile(free, 0.9)` is what 90 % of them stay below, so 10 % are above it.
# `.float()` makes 1.0 and 0.0 of True and False.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_lesions_found(readings, free, false_alarms):
    """(lesions,), (places,), share -> 1.0 for each lesion that is found, else 0.0."""
    ### BEGIN SOLUTION
    threshold = torch.quantile(free, 1 - false_alarms)
    return (readings > threshold).float()
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Numbers that one can count. Then recall in the complete images at
# several prices, and the same for the zero-filled ones at $R = 4$.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_lesions_found(my_lesions_found)
trial = scan_slices(flair, acceleration=4, acs=10, n_coils=4, noise_std=0.005, seed=25)
stacks = {"complete": flair, "zero-filled": trial.A.adjoint(trial.kspace)}
prices = [0.01, 0.02, 0.05, 0.1, 0.2]
recalls = {}
for title, stacked in stacks.items():
    inside_them = read_outlines(stacked, outlines)
    beside_them = read_outlines(stacked, free)
    shares_found = []
    for price in prices:
        shares_found.append(my_lesions_found(inside_them, beside_them, price))
    recalls[title] = torch.stack(shares_found).float().mean(1)
plot_lines(prices, recalls, xlabel="share of false alarms", ylabel="recall", log="x")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Recall without its price says nothing: a threshold of $-\infty$ finds all lesions.
# One price for all methods makes them comparable.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To take the threshold from the complete images for all methods. A method that makes
# everything fainter then loses, though a radiologist would turn up the contrast.
# </details>
#
# **Change it, and explain.** After the loop `inside_them` and `beside_them` are the
# readings of the zero-filled images. Let `each` be your answer for them at 0.02. Print
# `each[areas >= 20].float().mean()`, then the same for `areas < 8`. Which lesions does
# the zero-filled image lose? Would the PSNR of the whole slice have told you?
#
# *Your answer:* (click here and write)

# %% tags=["solution"]
poor = stacks["zero-filled"]
of_lesions = read_outlines(poor, outlines)
seen_here = my_lesions_found(of_lesions, read_outlines(poor, free), 0.02)
for title, kind in {"small": areas < 8, "large": areas >= 20}.items():
    print(f"{title}: {int(kind.sum())} lesions, recall {seen_here[kind].mean():.2f}")

# %% [markdown] tags=["solution"]
# The small ones are lost more often: 48 % of them, and 14 % of the large ones. A lesion
# of 6 pixels is 6 of 16,384 pixels. If it vanishes, the PSNR of the slice hardly
# changes. So a mean over an image does not say which lesions are kept; one has to look
# for them, one by one.

# %% [markdown]
# Four methods:
#
# - zero-filled;
# - total variation with $\mu = 0$, the sharp corner, and $\lambda$ = 0.001 (relative,
#   as above). This $\lambda$ was chosen for PSNR on these very slices, which favours
#   it;
# - a *multi-coil* U-Net of the course, another one than above;
# - `modl` ([[modl_in_practice]]).
#
# U-Net and MoDL learned on simulated heads. Ours have 128 pixels, 10 central lines and
# $R$ = 4 or 8. Were such scans among those of the training? Their cards say.

# %%
unet = trained("unet")
modl = trained("modl")
total_variation = partial(tv_reconstruction, reg_weight=1e-3, tolerance=1e-2)
real_methods = {"zero-filled": zero_filled, "TV": total_variation}
real_methods |= {"U-Net": unet, "MoDL": modl}
RATES = [4, 8]

# %% jupyter={"source_hidden": true}
for name in ["unet", "modl"]:
    ranges = load_checkpoint(name).card.trained_for  # from, to
    print(f"{name}: pixels {ranges['matrix']}, central lines {ranges['acs']},", end=" ")
    print(f"R {ranges['acceleration']}")

# %% [markdown]
# They were not: fewer pixels and fewer central lines than in the training, and at the
# second rate a higher $R$. This counts against both networks.

# %%
predict("recall-curve")

# %%
found = {}  # (name, R): 1 or 0 for each lesion
quality = {}  # (name, R): PSNR, mean of the slices
misfit = {}  # (name, R): length of the misfit over that of the noise, mean
reconstructed = {}  # (name, R): (18, y, x)
for R in RATES:
    case = scan_slices(
        flair, acceleration=R, acs=10, n_coils=4, noise_std=0.005, seed=25
    )
    for name, method in real_methods.items():
        images = method(case.A, case.kspace)
        elsewhere = read_outlines(images, free)
        seen = read_outlines(images, outlines)
        found[name, R] = lesions_found(seen, elsewhere, false_alarms=0.02)
        quality[name, R] = psnr(images, flair).mean()
        off = (case.A.forward(images) - case.kspace).flatten(1).norm(dim=1)
        misfit[name, R] = (off / noise_size(case.A, 0.005)).mean()
        reconstructed[name, R] = images

# %% jupyter={"source_hidden": true}
seen = read_outlines(flair, outlines)
elsewhere = read_outlines(flair, free)
complete = lesions_found(seen, elsewhere, false_alarms=0.02)
recall = {}
for name in real_methods:
    recall[name] = torch.stack([found[name, R].mean() for R in RATES])
intervals = [mean_interval(found["MoDL", R]) for R in RATES]
bands = {"MoDL": ([each.low for each in intervals], [each.high for each in intervals])}
options = {"xlabel": "acceleration R", "ylabel": "recall", "log": "x"}
axes = plot_lines(RATES, recall, bands=bands, **options)
axes.set_ylim(0.4, 1.02)
axes.legend(frameon=False, loc="lower left", ncols=2)  # below all curves
print(f"complete images: recall {complete.mean():.2f}")
for name in real_methods:
    for R in RATES:
        interval = mean_interval(found[name, R])
        print(f"{name:11} R = {R}: recall {found[name, R].mean():.2f}", end=" ")
        print(f"[{interval.low:.2f}, {interval.high:.2f}], {quality[name, R]:.1f} dB")

# %% [markdown]
# Brackets are 95 % intervals over the outlines; the band in the figure is MoDL's. In
# the complete images all lesions are seen. At $R = 4$ MoDL and TV keep 99 %, the U-Net
# 84 %, and the zero-filled image 70 %. At $R = 8$ MoDL keeps 81 %, TV 79 %, the U-Net
# 71 %, and the zero-filled image 64 %. So from $R = 4$ to 8 MoDL loses 6.7 dB, and its
# recall falls but stays well above half.
#
# Which ones? And is MoDL better than TV? Their intervals overlap, but that is no test:
# both have read the *same* outlines. So we look at the difference for each outline.

# %% jupyter={"source_hidden": true}
for R in RATES:
    difference = found["MoDL", R] - found["TV", R]
    interval = mean_interval(difference)
    print(f"R = {R}: MoDL minus TV {difference.mean():+.2f}", end=" ")
    print(f"[{interval.low:.2f}, {interval.high:.2f}]")
kinds = {"below 8 pixels": areas < 8, "8 to 19": (areas >= 8) & (areas < 20)}
kinds |= {"20 or more": areas >= 20, "patient 07": of_07, "patient 19": ~of_07}
for kind, chosen in kinds.items():
    print(f"R = 8, {kind:14}: {int(chosen.sum()):2} outlines", end="")
    for name in ["TV", "MoDL"]:
        print(f", {name} {found[name, 8][chosen].mean():.2f}", end="")
    print()

# %% [markdown]
# *Which ones?* More of the small ones. At $R = 8$ MoDL keeps 67 % of those below 8
# pixels, 81 % of those up to 19, and 93 % of the larger ones; TV 48, 95 and 97 %. (A
# large lesion has most of its energy near the centre of k-space, which is measured. A
# small one has not.)
#
# *MoDL or TV?* The difference is 0.00 at $R = 4$ and +0.01 at $R = 8$, with an interval
# that has zero well inside. So we cannot say which of the two keeps more lesions,
# though MoDL has more decibels at both rates. In all other pairs at one $R$ a higher
# PSNR went with a higher recall. Across rates it need not: TV at $R = 8$ has 25.7 dB
# and keeps 79 %, the U-Net at $R = 4$ 25.3 dB and 84 %. And PSNR does not say *which*
# lesions are lost: here TV lost more small ones, and MoDL more of the others.
#
# *How sure is this?* Less than the intervals say. They treat each outline as a lesion
# of its own, and the threshold as fixed. It is about the tenth highest of 525 readings,
# and other places would give another one. And the two patients differ: at $R = 8$ MoDL
# keeps 56 % in patient 07, of 9 outlines, and 84 % in patient 19.

# %% jupyter={"source_hidden": true}
lost = (1 - found["TV", 8]) * found["MoDL", 8]  # seen with MoDL, not with TV
both = (1 - found["TV", 8]) * (1 - found["MoDL", 8])  # lost by both
number = int((both * areas).argmax())  # the largest of those that both lose
largest = outlines[number]
y, x = [int(each) for each in largest.inside.nonzero().float().mean(0)]
part = (slice(max(y - 16, 0), y + 16), slice(max(x - 16, 0), x + 16))
views = {"complete": flair[largest.slice][part]}
for name in ["TV", "MoDL"]:
    views[f"{name}, R = 8"] = reconstructed[name, 8][largest.slice][part]
for panel in show_images(views, reference=None):
    inside = largest.inside[part].float()
    panel.contour(inside, levels=[0.5], colors="#E69F00", linewidths=1)

# %% jupyter={"source_hidden": true}
print(f"at R = 8: {int(lost.sum())} seen with MoDL and not with TV,", end=" ")
print(f"{int(((1 - found['MoDL', 8]) * found['TV', 8]).sum())} the other way round,")
print(
    f"{int(both.sum())} lost by both, of {areas[both > 0].median():.0f} pixels", end=" "
)
print(f"in the median; the one shown has {int(areas[number])}")
for name in ["TV", "MoDL"]:
    print(f"{name}: length of the misfit over that of the noise {misfit[name, 8]:.2f}")

# %% [markdown]
# At $R = 8$ seven outlines are seen with MoDL alone, six with TV alone, and nine with
# neither, half of which have 5 pixels or fewer. This is the largest of the nine, in
# orange. In the complete image it is a bright star, with a long arm down to the right.
# In both reconstructions the arms are gone, with grey in their place; only its upper
# left part is bright. (The bright streaks left and right of the dark ring are mostly
# outside of the outline.)
#
# Nothing in these images says that something is missing. Do the data? The misfit is no
# longer than the noise, for both. But in that sum over all samples one lesion is a
# small share. So we split the error, as in the first section: `hallucination_map` gives
# the part that no data contradict. We take it away from the image. How much of the
# error inside the outline is left, and how much do the data of the image change?

# %% jupyter={"source_hidden": true}
own = largest.slice
own_A = SenseOperator(case.A.smaps[own], case.A.mask[own])  # of this slice
for name in ["TV", "MoDL"]:
    error = reconstructed[name, 8][own] - flair[own]
    unseen = hallucination_map(error + flair[own], flair[own], own_A)
    inside = largest.inside.to(DEVICE)
    left = (error - unseen)[inside].norm() ** 2 / error[inside].norm() ** 2
    change = own_A.forward(unseen).norm() / noise_size(own_A, 0.005)
    print(f"{name}: {left:.1%} of the error energy in the outline is left;", end=" ")
    print(f"the data change by {change:.1%} of the noise")

# %% [markdown]
# Without the map nearly all of the error in the outline is gone: the lesion would be
# back. And the data change by less than a hundredth of the noise. So what was measured
# does not tell the image with this lesion from the one without: it is a hallucination
# in the sense of this lesson, and of a kind that matters.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
of_two = {"samples": "outlines of two patients"}
falls = found["MoDL", 4] - found["MoDL", 8]
claim("MoDL: recall at R = 4 minus at R = 8", falls, at_least=0.02, **of_two)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose this bound</summary>
#
# Two outlines in a hundred is the least that we would call a difference. But these are
# the only patients we have, and a first trial was made on the same ones, with other
# coils and lines. So this claim is a description of these outlines and no test. A
# second one, MoDL over the zero-filled image at $R = 8$, was taken out after a look:
# cuts through one lesion are not independent, and the threshold of the zero-filled
# image is uncertain. Between MoDL and TV we claim nothing.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %% jupyter={"source_hidden": true}
for n in [1, 16, 12000]:
    print(f"hallucination score, {n} training slices: {scores[n].mean():.2f}")
print(f"response to a disc minus Jacobian, a = 1e-8: {distance[1e-8].mean():.0e}")
print(f"the same at a = 0.01, as the noise: {distance[1e-2].mean():.0e}")
for name, each in kept.items():
    print(f"{name}: a faint disc {each[0].mean():.2f}, a strong {each[-1].mean():.2f}")
for name in rivals:
    far = grown[f"{name}, searched for {name}"].mean()
    by_chance = grown[f"{name}, random"].mean()
    print(f"{name}: amplification {far:.2f} found, of random noise {by_chance:.2f}")
for name, each in recall.items():
    print(f"{name}: recall {each[0]:.2f} at R = 4, {each[1]:.2f} at R = 8")

# %% [markdown]
# - **Map.** An image can have exactly the measured samples and be wrong. Apart from the
#   noise, the error then lies in the null space. A map and a score show it, where the
#   truth is known.
# - **Data.** More training slices lowered the score, mostly by what was missed. Whether
#   the networks write less that is false, the score does not tell.
# - **Response.** Change the head a little, with its phase and through $A$, and look
#   what comes back. For very small changes it is the Jacobian. Choose the size that
#   matters.
# - **Worst case.** Search for each method by itself, at one length relative to the
#   noise, with equal steps and random noise as the control. A search finds a bad
#   change, not the worst. TV is not immune.
# - **Lesions.** Count them, at one price in false alarms, with intervals, by size, and
#   say of how many patients.
#
# All of our networks had references to learn from. What if there are none? See
# [[self_supervised]].

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Chan and Haldar, Magn Reson Med, 2021, [code](https://mr.usc.edu/download/lpr/):
#   local perturbation responses and the checkerboard.
# - Bhadra et al., IEEE Trans Med Imaging 40:3249, 2021, [10.1109/TMI.2021.3077857](https://doi.org/10.1109/TMI.2021.3077857):
#   hallucination maps.
# - Antun et al., PNAS 117:30088, 2020, [10.1073/pnas.1907377117](https://doi.org/10.1073/pnas.1907377117):
#   worst-case changes for networks; small structures that are lost.
# - Darestani, Chaudhari and Heckel, ICML 2021, [arXiv:2102.06103](https://arxiv.org/abs/2102.06103):
#   the same for classical methods: no more stable.
# - Alaifari, Alberti and Gauksson, 2022, [arXiv:2206.05289](https://arxiv.org/abs/2206.05289):
#   a search for local false structures; severe ones with TV, weaker with networks.
# - Genzel, Macdonald and März, IEEE Trans Pattern Anal Mach Intell 45:1119, 2023, [10.1109/TPAMI.2022.3148324](https://doi.org/10.1109/TPAMI.2022.3148324):
#   networks that were trained with noise are robust.
