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
# | [[modl]], [[enhancement]], [[multi_contrast]] | 110 minutes | 50 s | simulated, two patients |

# %% [markdown]
# Here is a slice of a simulated head, scanned with one line of k-space in three. Three
# networks reconstruct it. They are the same small U-Net, trained on 1, 16 and 12,000
# slices ([[learning_to_reconstruct]]). Behind each we put the measured samples back, so
# that its image has exactly the data that were measured. How could such an image be
# wrong?

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
from copy import deepcopy  # noqa: I001  packed below
from functools import partial

import torch

from scipy import ndimage

from mricourse import SenseOperator, claim, device, fft2c, ifft2c, predict, your_turn
from mricourse.datasets import load_open_ms
from mricourse.evaluation import checkerboard, free_places
from mricourse.evaluation import gain_in_words, hallucination_score
from mricourse.evaluation import jacobian_response, lesions_found
from mricourse.evaluation import local_response, mean_interval, noise_size, psnr
from mricourse.evaluation import random_perturbation, read_outlines, separate_lesions
from mricourse.evaluation import split_error, worst_perturbation
from mricourse.exercises import check_ascent_step, check_hallucination_map
from mricourse.exercises import check_lesions_found, check_local_response
from mricourse.physics import stack
from mricourse.plotting import plot_lines, show_gains, show_images
from mricourse.reconstruct import smooth_tv, tv_reconstruction
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
draws = TaskScans("test", 25, task="undersampling", strength=(3, 3), noise_std=noise)
twenty = [draws[number].to(DEVICE) for number in range(20)]
[bench] = stack(twenty)  # 20 slices of the test head, in one batch
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
# (*From 16* is the image of the network that was trained on 16 slices.) The three
# images differ, and the first one badly. The network that has seen one slice
# draws a blotchy brain and loses most of the skull. The one with 16 slices has a
# doubled edge, and fine ripples across the brain. With 12,000 slices some ripples are
# left, and the bright fluid in the middle is faint. Yet the misfit to the
# measured samples is zero for all three, up to rounding. (The truth itself has a larger
# misfit, 2.2 %: that is the noise.)
#
# So the check that we trusted since the first lesson, *does the image explain the
# data?*, says nothing here. This lesson looks for checks that do.
#
# A **hallucination** is a structure in an image that is not in the object, or the
# absence of one that is, where the data do not contradict it. The word is used for
# whatever a method adds out of its own belief.
#
# We use the word widely. In our sense the zero-filled image hallucinates, too: it
# claims that the missing samples are zero. Others use it for added structure only.

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
# The idea is that of [Bhadra et al., 2021], with one difference. They set the map to
# zero where the image has no null-space part of its own. For them a zero-filled image
# does not hallucinate. We take the whole null-space error.

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
# Those that were *not* measured: `~mask`.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_hallucination_map(image, truth, mask):
    """Two complex (..., y, x), bool (..., ky, 1) -> what no data contradict."""
    ### BEGIN SOLUTION
    error = image - truth
    return ifft2c(~mask * fft2c(error))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** First two rows as above, then larger images. Then your map of the
# slice shown, for two networks. Where the map is dark, the image is right, or its error
# is one that the data contradict.

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
# How large is a map? We compare its energy with that of the detail which the scan did
# not see of the truth. (The score is ours, not one of the paper.) Let $P = I - A^{+}A$:
#
# $$ \text{hallucination score} = \frac{\lVert P(\hat x - x)\rVert^2}
#    {\lVert P x\rVert^2} . $$
#
# In our example: $P(3, 1) = (3, 1) - (2, 2) = (1, -1)$ has energy 2, and the map $(1,
# -1)$ of the first method has energy 2. Its score is 1. The **hallucination score** is
# 0 for the truth and 1 for an image with zeros in the null space, such as the
# zero-filled one. *Above 1 the image would be better if the method had left out what it
# wrote.*
#
# One number hides the kind of error. $(4, 0)$ has the score 1, since its detail is
# twice too large: it writes $(2, -2)$ where $(1, -1)$ is right. $(2, 2)$ has the score
# 1, too: it writes nothing.
#
# (The truth must be free of noise. A noisy truth has noise in the null space, too, and
# nobody can predict that. The score of a perfect method would not be 0. Ours comes from
# a simulation.)

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
# So by Pythagoras the shares add up to the score: 1/4 + 1/4 = 1/2. In general we write
# $P\hat x = c\,P x + r$, with the complex $c$ that makes $r$ shortest. The share that
# is missed is $|1 - c|^2$.
#
# *Is the rest what a method invents?* Not only. A truth with $(2, 2)$, and an image
# that has the first sample right and the second empty: $(2, 0)$. All it wrote is true.
# The closest multiple is $c = 1/2$ again, and $r = (1, -1)$: 2 of 8, again 1/4. The
# rest is what is *not proportional to the truth*: wrong detail, and also detail that is
# filled in unevenly, as in a blurred image.

# %%
predict("score-of-one-slice")

# %%
SIZES = [1, 4, 16, 64, 256, 12000]  # training slices
scores = {}
split = {"missed": [], "rest": []}  # mean over 20 slices, for each size
for n in SIZES:
    name = "task_undersampling" if n == 12000 else f"undersampling_{n}"
    image = trained(name)(A, kspace)
    scores[n] = hallucination_score(image, reference, A)  # (20,)
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
# 0.18 with 16 slices, and stays there: 0.17 with 12,000.
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
# and its rest is 0.23. The network's 0.17 is no more than that. So a rest of this size
# does not show that something false was written, and a rest that stays does not show
# that the false part stayed.
#
# What we can say: with more training slices these networks filled in more of what is
# there. Whether they write less that is false, one number for each image does not tell.
#
# (All six have the same U-Net and the same two training heads, and each was trained
# once. Trainings on few slices were stopped early, by validation. Here the samples were
# not put back: the score looks at the null space alone, and putting back changes
# nothing in it.)

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
# taken out after a look: the two differ by 4 % and by their rule of stopping.
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
# | $a$ | $y$ | $f(y)$ | change of the image | divided by $a$ |
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
# needs the phase of the image. And the change has to go through $A$, *with the mask*:
# who adds it to complete data and samples those again, or to the image, tests another
# scan.

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

# %% [markdown]
# **Which total variation?** `smooth_tv` minimises
#
# $$ \tfrac12\lVert A x - y\rVert^2
#    + \lambda \sum_j \sqrt{|(\nabla x)_j|^2 + \mu^2} , $$
#
# where $(\nabla x)_j$ are the two differences of pixel $j$ to its neighbours. With $\mu
# = 0$ it is total variation. The root $\sqrt{t^2}$ is $|t|$, with a corner at 0.
# $\sqrt{t^2 + \mu^2}$ has none: it is round there. So the minimum has a derivative,
# which we shall need. We set $\mu$ to 0.003 of the brightest pixel, less than a third
# of the noise. $\lambda$ was chosen once, on slices of the training heads, by PSNR.

# %%
start = smooth_tv(A, kspace)  # λ and μ as said above, solved to a small tolerance


def zero_filled(A, kspace):
    """The adjoint: zeros where nothing was measured."""
    return A.adjoint(kspace)


tv = partial(smooth_tv, start=start)  # begins near its solution, and is faster
methods = {"zero-filled": zero_filled, "TV": tv, "U-Net": network}


# %%
def show_responses(name, delta, part):
    """Draw a form (.., y, x) and the responses of all methods to it, cut to a part."""
    views = {name: delta.expand(20, N, N)[SHOWN][part]}
    for label, method in methods.items():
        response = local_response(method, A, kspace, delta, 0.02)
        views[label] = response[SHOWN].real[part]
    show_images(views, window=(-1, 1), label="response")


y, x = flat_place(reference[SHOWN].cpu(), radius=5.0)
show_responses("disc", discs, (slice(y - 16, y + 17), slice(x - 16, x + 17)))
show_responses("checkerboard", board, (slice(None), slice(None)))
measured = [bool(A.mask[SHOWN, 0, N // 2 + line, 0]) for line in (-8, 8)]
print("lines -8 and 8 were measured:", measured)

# %% [markdown]
# (Real part of the responses at $a = 0.02$, twice the noise. Grey is 0.)
#
# *The disc*, with what is around it. All three have it at its place, and none has all
# of it. It is smeared along the column, with a shadow above and below. By eye the three
# are alike; numbers follow below.
#
# *The checkerboard.* In all three the rows have melted: squares of one column join to a
# stripe. Why? This board is the mean of two patterns of stripes, one along each axis.
# Stripes that run along a column do not change with $y$. They have $k_y = 0$, a line
# that is always measured. The others lie in the lines $k_y = \pm 8$, $\pm 24$ and
# $\pm 40$. The strongest are $\pm 8$, and this mask has neither. Another mask may keep
# them.
#
# There is a ring along the skull, and grain outside of the head. The change has the
# phase of the image, which is smooth in the brain, jumps at the skull, and is noise
# in air. So the stripes are broken there, in the zero-filled image, too.
#
# Zero-filled and U-Net look much alike: this network shows little of a board that the
# lines do not hold.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How small is small?
#
# As $a$ becomes smaller, the response comes closer to a limit: the derivative of the
# image along this change, the *Jacobian* ([[unrolled_networks]]) times the change. This
# product is called the **Jacobian-vector product**, the directional derivative of all
# pixels at once. PyTorch computes it without dividing by a small number
# (`jacobian_response`). So we can test our test: the two must meet.
#
# We use double precision here, 16 digits in place of 7. Otherwise the difference of two
# nearly equal images would be mostly rounding.

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
# At $a = 10^{-8}$ the two agree to 0.6 millionths. So the differences do approach the
# derivative. (It is no proof that both are right: phase and mask are the same code in
# both. They need a test of their own, with a linear method of several coils against
# $A^H A d$. The library has it.) At the size of the noise, $a = 0.01$, the response is
# off by 2.7 % in the mean, and by 7.5 % in the worst slice. At $a = 0.3$ it is 16 %. So
# the Jacobian is exact for very small changes, and a fair guess at the size of the
# noise.
#
# Why is the way there so long? A network of ReLUs is made of linear pieces, and there
# are very many of them: even a small change crosses some of the edges between two
# pieces. And ours divides the image by its brightness, which is the value of *one*
# pixel, the one that 99 % stay below. After a small change it may be another one.

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
# Does it matter? A lesion is no small change. We read how much of the disc is kept, the
# mean response over the disc, from a tenth of the noise to 40 times the noise.

# %%
predict("who-depends-on-size")

# %%
sizes = [0.001, 0.01, 0.03, 0.1, 0.2, 0.4]
kept = {}  # name: share of the disc that is kept (sizes, slices)
for name, method in methods.items():
    shares = []
    for a in sizes:
        response = local_response(method, A, kspace, discs, a)
        inside = (response.real * discs).sum((1, 2)) / discs.sum((1, 2))
        shares.append(inside)
    kept[name] = torch.stack(shares)
curves = {name: each.mean(1) for name, each in kept.items()}
options = {"xlabel": "amplitude of the disc", "ylabel": "share kept"}
plot_lines(sizes, curves, log="x", **options)
for name, each in curves.items():
    print(f"{name:12}: {', '.join(f'{share:.2f}' for share in each)}")

# %% [markdown]
# The zero-filled image is linear: 54 % of the disc at any size. The U-Net keeps 62 % of
# the faintest and 64 % of the strongest. *Total variation* is the one that depends on
# the size. It keeps about half of a faint disc, and about three quarters of the
# strongest. (Its second digit depends on how tightly it is solved.) It is not the noise
# alone that sets this: at ten times the noise, 0.1, it still keeps little more than
# half. What counts is the price $\lambda$ that TV asks for an edge.
#
# So here the network is nearly linear in the size of a disc, and the classical method
# is not. A test with one amplitude would have missed it. For a clinic the numbers at
# the size of a lesion count. The Jacobian is for small changes, and for the search in
# the next section.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for name, bounds in {"TV": {"at_least": 0.1}, "U-Net": {"at_most": 0.1}}.items():
    change = kept[name][-1] - kept[name][0]
    claim(f"{name}: strong disc kept minus faint disc kept", change, **bounds)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# A tenth of the disc is the least that we would call a difference. That TV loses faint
# edges is known: its penalty takes about the same off each edge, faint or strong. For
# the network there is no theory, so its claim describes this network only.
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
# $$ e \leftarrow s\,\frac{e'}{\lVert e'\rVert} , \qquad
#    e' = e + \tfrac12\, s\,\frac{g}{\lVert g\rVert} . $$
#
# The factor 1/2 is our choice: long enough to turn $e$, short enough to keep some of
# it. What a search ends with is *a* bad change. A worse one may exist.
#
# An **adversarial perturbation** is a change of the data that was searched to do harm.
# [Antun et al., 2020] showed some that ruin the images of networks, and concluded that
# networks are unstable. But compared with what? [Darestani et al., 2021] did the same
# to classical methods. A fair test has three rules:
#
# - one length for all methods, told relative to the noise: we take that of the noise
#   itself, $s = \sigma\sqrt{2n}$ ($n$ samples have $2n$ numbers, real and imaginary
#   parts, and the mean square of each is $\sigma^2$);
# - a search of its own for each method, through its *own* derivative, with the same
#   number of steps;
# - a control: random noise of the same length.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 25.3 · a step uphill  (★★☆, about 10 min)
#
# Write the step. `perturbation` and `gradient` are complex, (coils, ky, kx), `size` is
# $s$, a number. Lengths are over *all* samples of all coils. What comes out has the
# length `size`, also when what came in was shorter.
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
    tried = (alone.mask * tried).detach().requires_grad_()
    moved_by = (network(alone, its_data + tried) - still).abs().square().sum()
    [slope] = torch.autograd.grad(moved_by, tried)  # g
    print(f"step {round_number}: amplification {moved_by.sqrt() / allowed:.2f}")
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
# grow, too? Then start with another `seed` in `random_perturbation`. Is the worst
# change the same? What can a search of ten steps show, and what can it not show?
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
# differentiation* ([[modl]]): at the minimum the slope of the objective is zero, also
# after a small change of the data. So the small change of the minimum solves one linear
# system, whose matrix are the second derivatives of the objective. The solver does not
# matter. What we attack is the solution of smooth TV, not a number of steps.

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
    print(f"{name}: {each.mean():.1f}")
ratio = grown["TV, searched for TV"] / grown["U-Net, searched for U-Net"]
print(f"TV over U-Net, mean over the slices: {ratio.mean():.1f}")

# %% [markdown]
# A dot is a slice, a bar the mean, and the thin line its 95 % interval. Random noise is
# amplified 1.2 times by TV and 1.2 times by the U-Net. The change that was searched for
# TV moves TV's image by 4.0 times its length, that for the U-Net moves the U-Net's by
# 2.6. So TV can be moved 3.2 times as far as by noise of the same length, the U-Net 2.3
# times.
#
# *Is TV worse?* With searches of ten steps TV moves 1.6 times as far as the U-Net. But
# look at the numbers before the figure: from five steps to ten both still grow. So
# neither search is at its end, and each number is only what *we found*. A longer
# search, another start, or a TV that is solved more tightly in the search, may change
# the ratio. What the figure does say: TV is not immune.
# (Darestani and colleagues, too, found classical methods no more stable than networks.)
#
# Now the crossed pairs. The change that was found for TV is hardly worse than noise for
# the U-Net (1.2), and the other way round (1.3). Between these two methods a change
# does not transfer. (Between two networks it may; we did not test that.) So who gives
# to all methods the change that was found for one of them can find that this one is the
# unstable one.

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
# What does it cost? Random noise of this length takes 0.1 dB from either method, the
# change that was found 1.0 dB from TV and 0.5 dB from the U-Net. In the slice shown it
# is 2.4 and 1.1 dB.
#
# In this slice TV's frontal brain (top) has a grey cap with an edge, which is not in
# the head, and its skull is smeared. The U-Net's skull has gaps, hardly seen without
# the error. That is one slice, by eye, and we did not test lesions. [Alaifari
# et al., 2022] searched for local false structures. They found severe ones with TV, and
# weaker ones with networks.
#
# These are the worst changes that our search found; worse ones may exist. And we
# searched for movement, not for error: the image may move in a direction that does
# little harm.
#
# Some published attacks were longer than the noise, or were made on networks without
# any noise in their training. Training with noise makes networks more robust [Genzel et
# al., 2023]. Ours had noise in its training; we did not try it without.
#
# Will such a change ever occur? By chance, nearly never: there are thousands of
# directions. What does occur is a scan with another contrast, coil or matrix than the
# training had: see [[generalization]].

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
# crime again, and the numbers say which method keeps more, not how many a scanner
# keeps. (And the reference has the noise of the real scanner. A PSNR against it has a
# ceiling, and a method that smooths loses some of it wrongly.)

# %%
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
# **Recall** is the share of all lesions that are seen. Ours counts outlines: each cut
# by itself.

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
# those of places without, (places,). A lesion is found where its reading is above the
# threshold that a share `false_alarms` of the free ones stays above. Return 1.0 or 0.0
# for each lesion.
#
# <details><summary>Hint: the threshold</summary>
#
# `torch.quantile(free, 0.9)` is what 90 % of them stay below.
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
# **Change it, and explain.** Keep only lesions with `areas >= 20`, and then only those
# below 8. Which of them does the zero-filled image lose? Would the PSNR of the whole
# slice have told you?
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

# %%
predict("recall-curve")

# %% [markdown]
# Four methods:
#
# - zero-filled;
# - a *multi-coil* U-Net of the course, another one than above;
# - total variation, without rounding, $\lambda$ = 0.001. This $\lambda$ was chosen for
#   PSNR on these very slices, which favours it;
# - `modl` ([[modl_in_practice]]).
#
# U-Net and MoDL learned on simulated heads of 160 pixels and more, at $R$ = 3 to 6,
# with 16 central lines or more. Ours have 128 pixels and 10 central lines. So both
# networks are outside of their training at every $R$, which counts against them.

# %%
unet = trained("unet")
modl = trained("modl")
total_variation = partial(tv_reconstruction, reg_weight=1e-3, tolerance=1e-2)
real_methods = {"zero-filled": zero_filled, "U-Net": unet}
real_methods |= {"TV": total_variation, "MoDL": modl}
RATES = [4, 8]

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
plot_lines(RATES, recall, bands=bands, **options)
print(f"complete images: recall {complete.mean():.2f}")
for name in real_methods:
    for R in RATES:
        interval = mean_interval(found[name, R])
        print(f"{name:11} R = {R}: recall {found[name, R].mean():.2f}", end=" ")
        print(f"[{interval.low:.2f}, {interval.high:.2f}], {quality[name, R]:.1f} dB")

# %% [markdown]
# Brackets are 95 % intervals over the outlines, and the band is that of MoDL. In the
# complete images all are seen. At $R = 4$ MoDL and TV keep 99 %, the U-Net 84 %, and
# the zero-filled image 70 %. At $R = 8$ it is 81 % with MoDL, 79 % with TV, 71 % and 64
# %. So MoDL loses 6.7 dB, and 18 outlines in a hundred.
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
# though MoDL has more decibels at both rates. In all other pairs a higher PSNR went
# with a higher recall. But PSNR does not say *which* lesions are lost: here TV lost
# more small ones, and MoDL more of the others.
#
# *How sure is this?* Less than the intervals say. They treat each outline as a lesion
# of its own, and the threshold as fixed. It is about the tenth highest of 525 readings,
# and other places would give another one. And the two patients differ: at $R = 8$ MoDL
# keeps 56 % in patient 07, of 9 outlines, and 84 % in patient 19.

# %% jupyter={"source_hidden": true}
lost = (1 - found["TV", 8]) * found["MoDL", 8]  # seen with MoDL, not with TV
both = (1 - found["TV", 8]) * (1 - found["MoDL", 8])  # lost by both
number = int((both * areas).argmax())  # the largest of those that both lose
case = outlines[number]
y, x = [int(each) for each in case.inside.nonzero().float().mean(0)]
part = (slice(max(y - 16, 0), y + 16), slice(max(x - 16, 0), x + 16))
views = {"complete": flair[case.slice][part].abs().cpu()}
views["outline"] = case.inside[part] * views["complete"].max()
for name in ["TV", "MoDL"]:
    views[f"{name}, R = 8"] = reconstructed[name, 8][case.slice][part]
show_images(views, reference=None)

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
# neither. This is the largest of the nine, to have something to look at; half of them
# have 5 pixels or fewer. In the complete image it is a bright star with a long arm. In
# both reconstructions a short bright streak is left of it, beside the dark ring. The
# arms are gone, and grey patches are in their place.
#
# Nothing in these images says that something is missing there. And the misfit is no
# longer than the noise, for both: the data do not contradict the whole image. It is a
# hallucination in the sense of this lesson, and of a kind that matters.

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
    print(f"{name}: amplification {far:.1f} found, of random noise {by_chance:.1f}")
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
