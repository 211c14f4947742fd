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
# - search for the worst small change, for a network and for total variation alike;
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
    images[f"trained on {n}"] = method(A, kspace)  # (20, y, x)
network = learned[12000]  # the best of them, which we need again
shown = {name: image[SHOWN] for name, image in images.items()}
show_images(shown, reference=reference[SHOWN], error_gain=2)

# %%
for name, image in images.items():
    misfit = (A.forward(image) - kspace).norm() / kspace.norm()
    print(f"{name:16}: misfit to the measured samples {misfit:.1e}")

# %% [markdown]
# The three images differ, and the first one badly. The network that has seen one slice
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
# whatever a method adds out of its own belief. It is no property of networks alone: the
# zero-filled image hallucinates, too. (It claims that the missing samples are zero.)

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
# data see? They see its sum, 2. The smallest change with this sum is $(1, 1)$. It is
# written $A^{+} A\,(2, 0) = (1, 1)$. The matrix $A^{+}$, the **pseudo-inverse**, is the
# matrix that takes data to the smallest image that explains them. What is left,
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
# scan [Bhadra et al., 2021]. It needs the truth, so it is a tool for tests, not for
# patients.

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
# slice shown, for two networks. Where the map is dark, the image is right or the data
# object.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_hallucination_map(my_hallucination_map)
maps_of_error = {}
for n in [16, 12000]:
    each_image = images[f"trained on {n}"][SHOWN]
    maps_of_error[f"trained on {n}"] = my_hallucination_map(each_image, reference[SHOWN], A.mask[SHOWN, 0])
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
# nobody sees that something is wrong. The two have the same size in the map. So the map
# has to be split into what was *missed* and what was *invented*, as we do next.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A score, and what more training data do
#
# How large is a map? We compare its energy with that of the detail which the scan did
# not see of the truth. Let $P = I - A^{+}A$:
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
# (The truth must be free of noise. A noisy truth has noise in the null space, too, and
# nobody can predict that. The score of a perfect method would not be 0. Ours comes from
# a simulation.)

# %%
predict("score-of-one-slice")

# %%
SIZES = [1, 4, 16, 64, 256, 12000]  # training slices
scores = {}
split = {"missed": [], "invented": []}  # mean over 20 slices, for each size
for n in SIZES:
    name = "task_undersampling" if n == 12000 else f"undersampling_{n}"
    image = trained(name)(A, kspace)
    scores[n] = hallucination_score(image, reference, A)  # (20,)
    _, missed, invented = split_error(image, reference, A.mask[:, 0])
    split["missed"].append(missed.mean())
    split["invented"].append(invented.mean())

# %%
curves = {"score": torch.stack([each.mean() for each in scores.values()])}
for name, values in split.items():
    curves[name] = torch.stack(values)
plot_lines(SIZES, curves, xlabel="training slices", ylabel="share of detail", log="x")
for number, n in enumerate(SIZES):
    parts = [f"{name} {values[number]:.2f}" for name, values in curves.items()]
    print(f"{n:6} slices: {', '.join(parts)}")

# %% [markdown]
# The score falls with every step, from 1.31 after one slice to 0.33 after 12,000. With
# one slice it is above 1: zeros would have been better. More training data do reduce
# hallucination.
#
# The two other lines say how. We write the map of an image as $P\hat x = c\,P x + r$,
# where $c\,P x$ is the true detail, as much of it as there is, and $r$ the rest.
# *Missed* is $|1 - c|^2$, and *invented* is the energy of $r$, both as shares of the
# energy of $P x$ (`split_error`). They add up to the score. Nearly all that the data
# have won is in *missed*: it falls from 0.97 to 0.17. *Invented* falls from 0.33 to
# 0.18 with 16 slices, and then stays: it is 0.17 with 12,000.
#
# So the larger training set lets the network fill in more of what is there. It does not
# make it write less of what is not there. The mean score hides this.
#
# (All six have the same U-Net and come from the same two training heads. Trainings on
# few slices were stopped early, by validation. Here the samples were not put back: the
# score looks at the null space alone, and putting back changes nothing in it.)

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
fewer = {}  # how many times the score falls, for each slice
for few, many in [(1, 16), (16, 256), (256, 12000)]:
    fewer[many] = scores[few] / scores[many]
claim("score with 1 over that with 16 training slices", fewer[16], at_least=1.2)
claim("score with 16 over that with 256 training slices", fewer[256], at_least=1.2)
claim("score with 256 over that with 12,000", fewer[12000], at_least=1.0)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# On 20 draws of the *training* heads the means fell from 1.35 to 0.56, 0.34 and 0.31,
# by 2.4, 1.6 and 1.1 times. We asked for 1.2 twice, and for any fall in the last. That
# *invented* stays was seen there, too, and was not expected.
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
# the change that was made in the object [Chan and Haldar, 2021]. (Slides of the lecture
# that this course follows give another author for this test.) We write $\delta$ for the
# form of the change, real, of order 1, and $a$ for its size, the *amplitude*:
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
# Both reconstructions have the same noise and the same lines, so they cancel. The
# pixel is spread along its column, since lines along $k_y$ are missing.
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
# we compare with total variation ([[compressed_sensing]]). The text below says which.

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
# where $(\nabla x)_j$ are the two differences of pixel $j$ to its neighbours. With
# $\mu = 0$ it is total variation. We set $\mu$ to 0.003 of the brightest pixel, less
# than a third of the noise. Then the minimum has a derivative, which we shall need.
# $\lambda$ was chosen on 20 slices of the training heads: 0.003 of the brightest pixel
# was the best there, and 0.002 to 0.007 are within 0.05 dB.

# %%
start = smooth_tv(A, kspace)  # λ and μ as said above, solved to a small tolerance


def zero_filled(A, kspace):
    """The adjoint: zeros where nothing was measured."""
    return A.adjoint(kspace)


tv = partial(smooth_tv, start=start)  # begins near its solution, and is faster
methods = {"zero-filled": zero_filled, "TV": tv, "U-Net": network}

# %%
for name, delta in {"disc": discs, "checkerboard": board}.items():
    views = {name: delta.expand(20, N, N)[SHOWN]}
    for label, method in methods.items():
        response = local_response(method, A, kspace, delta, 0.02)
        views[label] = response[SHOWN].real
    show_images(views, window=(-1, 1), label="response")

# %% [markdown]
# (Real part of the responses at $a = 0.02$, twice the noise. Grey is 0.)
#
# *The disc.* All three have it at its place, and none has all of it. Zero-filled it is
# smeared along the column. TV and the U-Net are sharper, and both leave a shadow above
# and below.
#
# *The checkerboard.* In all three the rows have melted: squares of one column join to a
# stripe. The rows of the board alternate too fast along $y$ for the lines that we have.
# The columns are kept, since along $x$ everything was measured. Zero-filled and U-Net
# look much alike. So for *small* changes the U-Net is not far from a linear method: it
# shows what is new about as well as the lines allow. Its sharp edges in the head come
# from what heads have in common, and a checkerboard is nothing of that.

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
# At $a = 10^{-8}$ the two agree to 0.6 millionths, so both are right. At the size of
# the noise, $a = 0.01$, the response is off by 2.7 % in the mean, and by 7.5 % in the
# worst slice. At $a = 0.3$ it is 16 %. So the Jacobian is exact for very small changes,
# and a fair guess at the size of the noise.
#
# Why is the way there so long? A network of ReLUs is made of flat pieces, and there are
# very many of them: even a small change crosses some of the edges between two pieces.
# And ours divides the image by its brightness, which is the value of *one* pixel, the
# one that 99 % stay below. After a small change it may be another one.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
sentence = "response at amplitude 1e-8: distance from the Jacobian-vector product"
claim(sentence, distance[1e-8], at_most=1e-3)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose this bound</summary>
#
# The distance must vanish in the limit; in double precision rounding leaves about
# $10^{-16}/a = 10^{-8}$, times what the network amplifies. $10^{-3}$ would show a wrong
# sign, a missing phase or mask at once. A pilot on 20 slices of the training heads had
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
# the faintest and 64 % of the strongest: its pieces change, but over the disc this
# averages out. *Total variation* is the one that depends on the size. It keeps 49 % of
# a faint disc and 75 % of a strong one: what is near the noise is taken for noise, and
# flattened.
#
# So "networks are nonlinear and behave oddly, the classical methods are safe" is not
# what we see. A test with one amplitude would have missed it. For a clinic the numbers
# at the size of a lesion count. The Jacobian is for small changes, and for the search
# in the next section.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for name, bounds in {"TV": {"at_least": 0.1}, "U-Net": {"at_most": 0.1}}.items():
    change = kept[name][-1] - kept[name][0]
    claim(f"{name}: strong disc kept minus faint disc kept", change, **bounds)

# %% [markdown] slideshow={"slide_type": "skip"}
# *A good place for a pause.* So far: an error in the null space cannot be seen in the
# data. More training slices make it smaller, mainly what is missed. A small change of
# the head tells what a method does with something new. Next we look for the change that
# does the most harm.

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
# $s$. The gradient $g$ of $\lVert f(y + e) - f(y)\rVert^2$ with respect to $e$ says in
# which direction the image moves most. Go a step there, and scale back to length $s$:
#
# $$ e \leftarrow s\,\frac{e'}{\lVert e'\rVert} , \qquad
#    e' = e + \tfrac12\, s\,\frac{g}{\lVert g\rVert} . $$
#
# An **adversarial perturbation** is a change of the data that was searched to do harm.
# [Antun et al., 2020] showed some that ruin the images of networks, and concluded that
# networks are unstable. [Darestani et al., 2021] did the same to classical methods,
# with the same length, and found them no more stable. So a fair test has three rules:
#
# - one length for all methods, told relative to the noise: we take that of the noise
#   itself, $s = \sigma\sqrt{2n}$ for $n$ samples, each of two numbers, the real and the
#   imaginary part;
# - a search of its own for each method, through its *own* derivative;
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
# change would grow, and a longer change always does more harm.
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
# after a small change of the data, and this gives the change of the minimum, whatever
# solver was used. So what we attack is the solution of smooth TV, not a number of
# steps.

# %%
predict("network-or-tv")

# %%
size = noise_size(A, NOISE_STD)  # length of the noise of each slice, (20,)
noise_like = random_perturbation(A, size, seed=3)  # the control
rivals = {"TV": tv, "U-Net": network}
worst = {}
searched = {"TV": partial(tv, tolerance=3e-4), "U-Net": network}  # a little faster
for name, steps in {"TV": 6, "U-Net": 10}.items():
    worst[name] = worst_perturbation(searched[name], A, kspace, size, n_steps=steps)

# %%
clean = {name: method(A, kspace) for name, method in rivals.items()}
moved = {}  # (method, change): image (20, y, x)
grown = {}  # the same: amplification (20,)
changes = {"random": noise_like}
changes |= {f"worst for {name}": e for name, e in worst.items()}
for name, method in rivals.items():
    for change, e in changes.items():
        moved[name, change] = method(A, kspace + e)
        step = (moved[name, change] - clean[name]).flatten(1).norm(dim=1)
        grown[f"{name}, {change}"] = step / size
show_gains(grown, unit="", xlabel="amplification")

# %% [markdown]
# A dot is a slice. Random noise is amplified 1.2 times by TV and by the U-Net. The
# change that was searched for TV moves TV's image by 3.5 times its length, that for the
# U-Net moves the U-Net's by 2.6. So both can be moved two to three times as far by a
# change of the same length, if it is chosen. The two are about alike, within a factor
# of two, and TV is *not* the safer one here.
#
# And look at the crossed pairs. The worst change for TV is hardly worse than noise for
# the U-Net (1.2), and the other way round (1.3). To harm a method one has to know it.
# Who tests all methods with the change that was found for one of them will always find
# that this one is the unstable one.

# %%
shown = {}
for name in rivals:
    shown[name] = clean[name][SHOWN]
    shown[f"{name}, worst"] = moved[name, f"worst for {name}"][SHOWN]
show_images(shown, reference=reference[SHOWN], error_gain=3)

# %%
for name in rivals:
    before = psnr(clean[name], reference)
    for change in ["random", f"worst for {name}"]:
        drop = psnr(moved[name, change], reference) - before
        print(f"{name:5}, {change:15}: {gain_in_words(drop)}")

# %% [markdown]
# What does it cost? Random noise of this length takes 0.1 dB from either method, the
# worst change 0.8 dB from TV and 0.5 dB from the U-Net. In the slice shown it is 1.9
# and 1.1 dB. Most of the new error lies along the skull: TV's forehead (top) is
# smeared, and the U-Net's skull has gaps.
#
# That is bad luck, not a disaster: the brain is the same. Some published attacks were
# longer than the noise, or were made on networks without any noise in their training.
# Training with noise makes networks robust against it [Genzel et al., 2022], and ours
# had noise of 0.005 to 0.02.
#
# Will such a change ever occur? By chance, nearly never: there are thousands of
# directions. It is a bound on what could happen. What does occur is a scan with another
# contrast, coil or matrix than the training had: see [[generalization]].

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for name in rivals:
    ratio = grown[f"{name}, worst for {name}"] / grown[f"{name}, random"]
    claim(f"{name}: worst change over random, of one length", ratio, at_least=1.5)
ratio = grown["TV, worst for TV"] / grown["U-Net, worst for U-Net"]
claim("worst amplification of TV over that of the U-Net", ratio, at_least=0.7)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# A pilot on 20 slices of the training heads gave 2.2 for the U-Net and 2.7 for TV as
# ratios to random noise, and TV 1.2 times as bad as the U-Net. The bounds leave room
# for another head. Before the pilot we had expected from [Darestani et al., 2021] that
# the two are alike.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## On real data: which lesions are kept?
#
# A disc is no lesion. `open_ms` has real ones ([[multi_contrast]]): FLAIR images of two
# patients with multiple sclerosis, 9 slices of each, with lesions that several raters
# have outlined. Anatomy and lesions are measured. Coils, phase, noise and k-space are
# simulated: four coils, 128 x 128 pixels, and noise of 0.005. So this is an inverse
# crime again, and the numbers say which method keeps more, not how many a scanner
# keeps.

# %%
magnitudes = []
outlined = []
for patient in ["07", "19"]:
    volumes = load_open_ms(patient)
    for number in range(2, 11):
        scan = scan_contrasts(volumes.slice_images(number), shape=(128, 128), seed=number)
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
# **Recall** is the share of all lesions that are seen.

# %%
outlines = separate_lesions(lesions, least=4)  # connected, of 4 pixels or more
tissue = (flair.abs() > 0.15).cpu()
free = free_places(outlines, lesions, tissue, n_each=10)
areas = torch.tensor([float(each.inside.sum()) for each in outlines])
print(f"{len(outlines)} lesions, median {areas.median():.0f} pixels")
print(f"{len(free)} places without one")

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
# The small ones are lost first: they lie mostly in the outer lines, of which three in
# four are missing. A lesion of 6 pixels is 6 of 16,384 pixels. If it vanishes, the PSNR
# of the slice changes by a hundredth of a decibel or so. So no mean over an image
# says whether lesions are kept; one has to count them.

# %%
predict("recall-curve")

# %% [markdown]
# Four methods: zero-filled; the course's multi-coil U-Net; total variation (with
# $\lambda$ = 0.001, close to its best PSNR on these very slices); and `modl`
# ([[modl_in_practice]]), which learned on simulated heads at $R$ = 3 to 6, of 160
# pixels and more. So $R = 8$ and 128 pixels are outside of its training.

# %%
unet = trained("unet")
modl = trained("modl")
total_variation = partial(tv_reconstruction, reg_weight=1e-3, tolerance=1e-2)
real_methods = {"zero-filled": zero_filled, "U-Net": unet}
real_methods |= {"TV": total_variation, "MoDL": modl}
RATES = [4, 6, 8]
found = {}  # (name, R): 1 or 0 for each lesion
quality = {}  # (name, R): PSNR, mean of the slices
reconstructed = {}  # (name, R): (18, y, x)
for R in RATES:
    case = scan_slices(flair, acceleration=R, acs=10, n_coils=4, noise_std=0.005, seed=25)
    for name, method in real_methods.items():
        images = method(case.A, case.kspace)
        elsewhere = read_outlines(images, free)
        seen = read_outlines(images, outlines)
        found[name, R] = lesions_found(seen, elsewhere, false_alarms=0.02)
        quality[name, R] = psnr(images, flair).mean()
        reconstructed[name, R] = images

# %%
seen = read_outlines(flair, outlines)
elsewhere = read_outlines(flair, free)
complete = lesions_found(seen, elsewhere, false_alarms=0.02)
recall = {}
bands = {}
for name in real_methods:
    recall[name] = torch.stack([found[name, R].mean() for R in RATES])
    intervals = [mean_interval(found[name, R]) for R in RATES]
    bands[name] = ([each.low for each in intervals], [each.high for each in intervals])
plot_lines(RATES, recall, xlabel="acceleration R", ylabel="recall", bands=bands)
print(f"complete images: recall {complete.mean():.2f}")
for name in real_methods:
    for R in RATES:
        interval = mean_interval(found[name, R])
        print(f"{name:11} R = {R}: recall {found[name, R].mean():.2f}", end=" ")
        print(f"[{interval.low:.2f}, {interval.high:.2f}], {quality[name, R]:.1f} dB")

# %% [markdown]
# The bands are 95 % intervals over the lesions. In the complete images all lesions are
# seen. At $R = 4$ MoDL and TV keep 99 %, the U-Net 84 %, and the zero-filled image 70
# %. At $R = 8$ it is 81 % with MoDL, 79 % with TV, 71 % and 64 %. So MoDL loses 6.7 dB,
# and 18 lesions in a hundred. PSNR says neither how many nor which.
#
# *MoDL or TV?* MoDL has 2.7 dB more at $R = 4$ and 0.8 dB more at $R = 8$, but their
# bands overlap everywhere. With all 24 slices and two other draws of coils and lines we
# once had MoDL ahead at $R = 8$, by ten lesions in a hundred, and once TV, by four. So
# we cannot say which of the two keeps more lesions. That *better PSNR means more
# lesions* is what we cannot say, either.
#
# And 77 lesions of two patients are two patients. The intervals speak of lesions like
# these. Lesions of one person resemble each other, and no interval knows that.

# %%
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
print(f"at R = 8: {int(lost.sum())} seen with MoDL and not with TV,", end=" ")
print(f"{int(((1 - found['MoDL', 8]) * found['TV', 8]).sum())} the other way round,")
print(f"{int(both.sum())} lost by both; this one has {int(areas[number])} pixels")

# %% [markdown]
# At $R = 8$ seven lesions are seen with MoDL alone, six with TV alone, and nine with
# neither. This is the largest of the nine. In the complete image it is a faint bright
# star. In both reconstructions it is gone: what is left is a smooth grey patch. Nothing
# in these images says that something is missing there, and the data of both are well
# explained. It is a hallucination in the sense of this lesson, and the kind that
# matters most.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
of_two = {"samples": "lesions of two patients"}
falls = found["MoDL", 4] - found["MoDL", 8]
claim("MoDL: recall at R = 4 minus at R = 8", falls, at_least=0.02, **of_two)
over = found["MoDL", 8] - found["zero-filled", 8]
claim("R = 8: recall of MoDL minus zero-filled", over, at_least=0.02, **of_two)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# Two lesions in a hundred is the least that we would call a difference. But these are
# the only patients we have, and a first trial was made on the same ones, with other
# coils and lines. So these two claims are a description of these lesions and no test.
# Between MoDL and TV we claim nothing.
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
    worst_one = grown[f"{name}, worst for {name}"].mean()
    by_chance = grown[f"{name}, random"].mean()
    print(f"{name}: amplification {worst_one:.1f}, of random noise {by_chance:.1f}")
for name, each in recall.items():
    print(f"{name}: recall {each[0]:.2f}, {each[1]:.2f}, {each[2]:.2f} at R = 4, 6, 8")

# %% [markdown]
# - **Map.** An image can have exactly the measured samples and be wrong. The error then
#   lies in the null space. A map and a score show it, where the truth is known.
# - **Data.** More training slices lower the score, mostly by what is missed. What is
#   invented stayed the same from 16 slices on.
# - **Response.** Change the head a little, with its phase and through $A$, and look
#   what comes back. For very small changes it is the Jacobian. Choose the size that
#   matters.
# - **Worst case.** Search for each method by itself, at one length relative to the
#   noise, with random noise as the control. TV is no safer than our network.
# - **Lesions.** Count them, at one price in false alarms, with intervals.
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
# - Genzel, Macdonald and März, IEEE Trans Pattern Anal Mach Intell 45:1119, 2023, [10.1109/TPAMI.2022.3148324](https://doi.org/10.1109/TPAMI.2022.3148324):
#   networks that were trained with noise are robust.
