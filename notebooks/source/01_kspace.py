# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 1 · k-space and the image
#
# **You will be able to**
# - say what one sample of k-space is, and compute one by hand;
# - write the Fourier transform between image and k-space, right for odd sizes too;
# - predict what an image loses when a part of its k-space is missing;
# - say when half of k-space is enough, and measure how far real scans are from that;
# - say what noise does to a magnitude image.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | what an image and a sine wave are; a little Python | 100 minutes | 20 s | simulated head, three measured scans |

# %% [markdown]
# Welcome! This course starts with what a scanner for magnetic resonance imaging (MRI)
# measures, and ends with networks that turn it into an image. You need to know nothing
# about MRI.
#
# The next cell loads what we need and is folded. Run it, and then the one below it: a
# click into a cell, then Shift+Enter.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
import torch  # noqa: I001  packed below

from mricourse import (
    claim, device, fft2c, fftc, ifft2c, ifftc, predict, random_complex, your_turn,
)  # fmt: skip
from mricourse.datasets import load_real
from mricourse.exercises import (
    check_conjugate_mirror, check_fft2c, check_partial_fourier,
)  # fmt: skip
from mricourse.physics import (
    acs_mask, conjugate_mirror, noise_symmetry_error, partial_fourier_mask,
    symmetry_error,
)  # fmt: skip
from mricourse.plotting import (
    MaskPainter, plot_lines, show_image_and_kspace, show_images,
    show_magnitude_and_phase, show_phase, show_stripes, show_turned_arrows,
)  # fmt: skip
from mricourse.simulate import brain_slices

torch.manual_seed(0)

# %%
DEVICE = device()  # the GPU where there is one, else the CPU
SHAPE = (207, 185)  # rows and columns, pixels of 1 mm
slices = brain_slices("test", 20, shape=SHAPE).to(DEVICE)  # (slices, y, x)
images = slices.abs()  # brightest pixel 1
image = images[12]
show_image_and_kspace(image, ["a slice of a head", "what a scanner measures of it"])

# %% [markdown]
# On the left is a slice through a head, seen from below: the forehead is at the top,
# the bright ring is the scalp. On the right is what a scanner measures of this slice.
# It is as large as the image, and it looks like nothing at all. It is called *k-space*.
# After this lesson you can read it. (Its grey scale is logarithmic: without that, all
# but a dot in the middle would be black.)
#
# <details><summary>Whose head is this?</summary>
#
# The brain is that of a real person, whom the course calls `s1`. The skull and the
# scalp are drawn, and the brightness of each tissue is computed for a common kind of
# scan (T1-weighted: white matter bright, fluid dark). So this is a *simulated* scan,
# free of noise. Measured scans follow at the end.
#
# `s1` is the head that later lessons test on. No network trains on it. It is not
# foreign to the training heads in everything: its cerebellum and brain stem are cut out
# along the outline of one of them (`colin27`), and its scalp is drawn by the same rules
# as that of the other (`mni152`).
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How these lessons work
#
# - **Cells.** Run them from top to bottom. Some are folded; a click on the three dots
#   opens them.
# - **Predictions.** Before many figures a small box asks what you expect. Choose before
#   you look.
# - **Exercises.** Now and then you write a short function. Stars tell how hard it is,
#   folded hints say more and more, and the cell below checks it. Nothing later depends
#   on your answer, so you may skip an exercise and come back.
# - **Folded notes.** Lines with a small triangle open at a click. The lesson can be
#   understood without them.
# - **Quiz and progress.** Each lesson ends in a quiz. Your answers and solved exercises
#   are kept, and the map of the course (`START.md`) counts them.
# - **Solutions.** The folder `solutions` has all answers.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What one sample measures
#
# A camera has a lens, which sends the light of each point to a place of its own. A
# scanner has no lens, it has a coil. A **coil** is a loop of wire that picks up the
# signal of the whole slice at once. How can an image come out of that?
#
# A radio pulse makes the tissue in each pixel act like a small magnet that rotates. We
# draw it as an *arrow*. Its length says how much signal comes from the pixel, and its
# direction is where the magnet points at this moment. The coil adds up all arrows, head
# to tail. The sum is again an arrow, and that is all that it measures.
#
# One sum cannot tell many unknown pixels apart. But the scanner can do something to
# the arrows before they are added. It makes the magnetic field a little stronger on one
# side than on the other, and where the field is stronger, arrows turn faster. We watch
# from a seat that rotates with the arrow in the middle, so this one seems to stand
# still. By a *turn* we mean how far an arrow gets ahead of the middle one or falls
# behind. This angle depends on *where the arrow is*.

# %% [markdown]
# Let us try this with four pixels in a row, with the values 1, 2, 4 and 1. We count
# their positions $x$ from the middle: $-2$, $-1$, $0$ and $1$. And we count with $k$
# how many *full turns* there are *over the whole row*. A full turn over four pixels is
# a quarter turn from one pixel to the next.
#
# - $k = 0$, no turn. All arrows point to the right. The coil measures
#   $1 + 2 + 4 + 1 = 8$.
# - $k = 1$, one turn over the row. The arrow at $x = 0$ stays. The one at $x = 1$ is
#   turned by 90° clockwise, the one at $x = -1$ by 90° the other way, and the one at
#   $x = -2$ by 180°.
# - $k = -1$, the same turns the other way round.
# - $k = -2$, two turns over the row, which is half a turn from one pixel to the next.
#   So every second arrow is flipped. (Half a turn the other way does the same, so
#   $k = 2$ would bring nothing new.)

# %%
predict("paper-sum")

# %% [markdown]
# Arrows that turn and add up are what complex numbers are for. A **complex number** is
# an arrow in the plane: $3 + i$ points 3 to the right and 1 up. The **magnitude** of a
# complex number is the length of its arrow. The **phase** is its angle. Adding complex
# numbers puts the arrows head to tail. Multiplying by $e^{i\varphi}$ turns an arrow by
# the angle $\varphi$.
#
# <details><summary>Complex numbers in five lines</summary>
#
# $i$ is the arrow of length 1 that points up, and $i \cdot i = -1$: two quarter turns
# are half a turn. $e^{i\varphi} = \cos\varphi + i\,\sin\varphi$ is the arrow of length
# 1 at the angle $\varphi$. Angles are measured in radians, $2\pi$ for a full turn,
# counter-clockwise. The **conjugate** of a complex number is its mirror image about the
# horizontal axis: the conjugate of $3 + i$ is $3 - i$, written with a star, $(3+i)^*$.
# In Python $i$ is written `1j`; `.abs()` gives the magnitude, `.angle()` the phase and
# `.conj()` the conjugate.
# </details>
#
# The arrow at $x$ turns by $-2\pi k x / n$ for a row of $n$ pixels. (The minus makes it
# clockwise, by convention.) We let the computer turn and add. Python writes `j` for
# $i$, and `-0` is a tiny number, rounded.

# %%
row = torch.tensor([1.0, 2.0, 4.0, 1.0])
x = torch.tensor([-2, -1, 0, 1])
for k in (-2, -1, 0, 1):
    turned = row * torch.exp(-2j * torch.pi * k * x / 4)
    print(f"k = {k:2}: sum {turned.sum():.0f}")

# %%
show_turned_arrows(row, [0, 1, -1, -2])

# %% [markdown]
# On the left are the four arrows at their pixels, on the right the same arrows head to
# tail, with their sum in grey. At $k = 0$ they form a straight line (drawn as steps, so
# that one sees each of them), and the sum is 8. At $k = 1$ the path is bent and ends at
# $3 + i$, at $k = -1$ at $3 - i$. At $k = -2$ two arrows point to the left, and 2 is
# left over, which answers the prediction.

# %% [markdown]
# Four unknown pixels, and now four measured sums: 2, $3 - i$, 8 and $3 + i$.
# **k-space** is the set of all sums that a scanner can measure of an object, one for
# each number of turns $k$. One of these sums is called a *sample*. In symbols, with
# $m(x)$ for the value at $x$ and $s(k)$ for the sample,
#
# $$ s(k) = \frac{1}{\sqrt n} \sum_x m(x)\, e^{-2\pi i\, k x / n} . $$
#
# Read it from right to left: turn the arrows, add them up. The factor $1/\sqrt n$ makes
# some later sums come out nicely. For our four pixels it is $1/2$, so $s$ is
# $(1,\ 1.5 - 0.5i,\ 4,\ 1.5 + 0.5i)$. The **Fourier transform** is this way from the
# values of a signal to the strengths of the waves that it is made of. Where are the
# waves?
#
# <details><summary>Is this what a scanner measures?</summary>
#
# Nearly. The object of a scanner has no pixels, so its sum runs over all places and is
# an integral; our simulated scans add up pixels. And while a line is read the arrows
# become a little shorter and turn by themselves, which the formula leaves out.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The way back: adding waves
#
# Can we get the four pixels back? We turn every sample the other way and add again:
#
# $$ m(x) = \frac{1}{\sqrt n} \sum_k s(k)\, e^{+2\pi i\, k x / n} . $$
#
# Take a pencil for the pixel in the middle. At $x = 0$ nothing turns, and the sum is
# $1 + (1.5 - 0.5i) + 4 + (1.5 + 0.5i) = 8$. Times $1/2$ this is 4, the value that we
# started with. The library's `fftc` and `ifftc` do both ways.

# %%
print("k-space", fftc(row))
print("and back", ifftc(fftc(row)).real)

# %% [markdown]
# <details><summary>Why does the way back work for every pixel?</summary>
#
# Put the first formula into the second one. The value at a pixel $x'$ then reaches the
# pixel $x$ with the factor $\frac1n \sum_k e^{2\pi i k (x - x')/n}$. For $x' = x$ all
# terms are 1 and the factor is 1. For any other $x'$ the terms are $n$ arrows spread
# evenly around the circle, and they cancel. So every pixel gets its own value and
# nothing of the others.
# </details>
#
# The second formula says something new. As $x$ runs through the row, the arrow
# $e^{2\pi i k x/n}$ goes round $k$ times. Its real part, how far it points to the
# right, swings between 1 and $-1$ as many times: it is a cosine wave. ($k$ and $-k$ go
# round in opposite directions and make this wave together.) So the row is a sum of
# waves, and *the sample $s(k)$ says how strong the wave with $k$ cycles is, and by how
# much it is shifted.* Strong means a large magnitude; the shift is the phase.
#
# <details><summary>And what about the vertical parts?</summary>
#
# At $x = 0$ the arrows of $k = 1$ and $k = -1$ are $3 + i$ and $3 - i$ (times 1/2), and
# they go round in opposite directions. So one of them is always as far up as the other
# one is down. In the sum the vertical parts cancel, and a cosine is left.
# </details>
#
# To see this on more than four pixels, we take one row out of the head, and build it
# from its lowest waves only. `acs_mask` is True in the middle of k-space. Its shape is
# (185, 1), and `[:, 0]` makes a row of it. (ACS stands for *autocalibration signal*, a
# name that later lessons explain.)

# %%
profile = image[100]  # one row of the slice, 185 pixels
samples = fftc(profile)  # k = -92 ... 92
partial_sums = {"all 185 samples": profile}
for n_kept in (7, 41):
    centre = acs_mask(185, n_kept)[:, 0].to(DEVICE)  # True for the lowest |k|
    partial_sums[f"{n_kept} samples"] = ifftc(centre * samples).real
plot_lines(torch.arange(185), partial_sums, xlabel="column (pixels)", ylabel="signal")

# %% [markdown]
# Seven samples ($k = -3$ to 3) give one broad hill in the middle of the head. With 41
# samples the two bright spikes of the scalp and the larger structures are in their
# places. What is still missing are sharp corners. *Slow waves draw the coarse shape,
# fast waves draw the edges.*

# %% [markdown] slideshow={"slide_type": "slide"}
# ## From a row to a slice
#
# A slice has two directions, and the scanner can turn the arrows along both. We count
# the turns from top to bottom with $k_y$ and those from left to right with $k_x$:
#
# $$ s(k_y, k_x) = \frac{1}{\sqrt{n_y n_x}} \sum_{y,x} m(y, x)\;
#    e^{-2\pi i\,(k_y y/n_y \,+\, k_x x/n_x)} . $$
#
# $m(y, x)$ is the pixel in row $y$ and column $x$, both counted from the middle, and
# $n_y$ and $n_x$ are the numbers of rows and columns. The **field of view** (FOV) is
# the region that an image shows, here 207 mm x 185 mm. So $k_y$ and $k_x$ count *cycles
# per field of view*. We write the formula down as code, for one sample.


# %%
def one_sample(image, ky, kx):
    """Turn all arrows of an image, (y, x), and add them up -> one complex number"""
    ny, nx = image.shape
    y = torch.arange(ny, device=image.device) - ny // 2
    x = torch.arange(nx, device=image.device) - nx // 2
    turns = ky * y[:, None] / ny + kx * x / nx  # a column plus a row: (y, x)
    return (image * torch.exp(-2j * torch.pi * turns)).sum() / (ny * nx) ** 0.5


kspace = fft2c(image)  # the library's transform: all samples at once
for ky, kx in ((0, 0), (3, 0), (6, 9)):
    by_hand = one_sample(image, ky, kx)
    library = kspace[207 // 2 + ky, 185 // 2 + kx]  # k = 0 is in the middle
    print(f"ky = {ky}, kx = {kx}: by hand {by_hand:.3f}, library {library:.3f}")

# %% [markdown]
# Both agree. The **fast Fourier transform** (FFT) is a way to compute all of these sums
# at once, in which they share most of the work. In one direction a sample stood for a
# wave. What about two?

# %%
predict("one-sample")

# %%
show_stripes(image, [(3, 0), (0, 3), (6, 9)])

# %% [markdown]
# *One sample of k-space is one pattern of stripes.* In the upper row we made a k-space
# that is zero except for one sample, and transformed it back. With $k_y = 3$ and
# $k_x = 0$ there are three bright bands that lie flat. With $k_x = 3$ they stand
# upright. With both, the stripes are tilted. The farther a sample is from the centre of
# k-space, the finer its stripes.

# %% [markdown]
# The lower row shows how a sample is measured. The slice is multiplied by the stripes,
# and everything is added up; red adds and blue subtracts. This sum, times the factor in
# front, is the *real part* of the sample (in the title). Against the 54.5 of the sample
# at $k = 0$, where everything adds, red and blue nearly cancel in all three panels.
# What is left is 2.04 where a little more bright tissue sits on the bright stripes, and
# $-1.17$ where a little more sits between them, and 0.19 in the third. The *imaginary
# part* comes from the same stripes, moved by a quarter of a cycle. For the third panel
# it is 0.52, as printed above. *Every sample tells something about the whole slice, and
# no sample tells about one pixel.*

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How a scanner walks through k-space
#
# A **readout** is the recording of one line of k-space, all $k_x$ at one $k_y$. Before
# it starts, the arrows are wound up along $x$, to $k_x = -92$. Then the field is made
# stronger on the side where it was weaker, and stays so while the scanner records. Now
# the arrows turn the opposite way: they unwind, pass $k_x = 0$ and go on to 92. Every
# moment is another $k_x$, and all of it takes a few milliseconds.
#
# The **phase encode** is the turn along $y$, which has to be set before each readout.
# In the plainest kind of scan, each line has to wait for its own radio pulse. The
# **repetition time** (TR) is the time between two such pulses, and half a second is
# common. Our slice has 207 lines, which makes 207 x 0.5 s, nearly two minutes.
#
# So *lines* cost time, and samples along a line take none to speak of. (They have
# another price: who samples faster lets in more noise.) To make a scan faster we leave
# out lines, and then we have to make up for what is missing: that is what this course
# is about.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 1.1 · the centred transform  (★★☆, about 10 min)
#
# Write your own `fft2c`. PyTorch has the fast transform, `torch.fft.fft2`, with one
# catch: it counts positions and turns from index 0. We count from the middle, index
# `n // 2`. So we have to move things before the transform and after it. Two functions
# move things, `fftshift` and `ifftshift`. Here is what they do to five numbers:

# %%
numbers = torch.arange(5)
print("fftshift ", torch.fft.fftshift(numbers))
print("ifftshift", torch.fft.ifftshift(numbers))

# %% [markdown] slideshow={"slide_type": "skip"}
# The middle of five numbers is index 2. `fftshift` moved the number at index 0 there.
# `ifftshift` moved the number at index 2 to index 0. (For an even number of entries the
# two do the same.)
#
# <details><summary>Hint 1: which one comes first?</summary>
#
# Before the transform, the middle of the image has to come to index 0. After it, index
# 0 has to come to the middle. The full names are `torch.fft.fftshift` and
# `torch.fft.ifftshift`.
# </details>
#
# <details><summary>Hint 2: which axes?</summary>
#
# Images are the last two axes, whatever comes before them: write `dim=(-2, -1)` in both
# shifts. A shift without `dim` moves the images of a stack, too. (Here the second
# shift would move them back.) `torch.fft.fft2` takes the last two axes by itself.
# </details>
#
# <details><summary>Hint 3: the factor 1/√(ny nx)</summary>
#
# `torch.fft.fft2(image, norm="ortho")` puts it in.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_fft2c(image):
    """Image (..., y, x) -> k-space (..., ky, kx), complex, k = 0 in the middle"""
    ### BEGIN SOLUTION
    at_origin = torch.fft.ifftshift(image, dim=(-2, -1))
    samples = torch.fft.fft2(at_origin, norm="ortho")
    return torch.fft.fftshift(samples, dim=(-2, -1))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A flat image has one sample, in the middle. A point in the middle
# has no phase. Then your function transforms our slice, and keeps one line in the
# middle of k-space: which stripes are left?

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_fft2c(my_fft2c)
mine = my_fft2c(image)
middle_line = torch.zeros_like(mine)
middle_line[207 // 2] = mine[207 // 2]  # ky = 0, all kx
panels = {"all of your k-space": ifft2c(mine), "line ky = 0": ifft2c(middle_line)}
show_images(panels)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# For odd sizes the two shifts differ by one pixel. With both in their places the
# transform is the formula above, for every size. The line $k_y = 0$ holds all stripes
# that stand upright. They know in which column something is, and nothing about the row.
# </details>
#
# <details><summary>A common mistake</summary>
#
# `fftshift` on both sides. For even sizes nothing happens. For odd sizes the image is
# taken one pixel off, and each sample gets a phase that grows with $k$. The magnitude
# of k-space does not show it, so the mistake can live for years.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Centre and edge of k-space
#
# Which part of k-space matters most? We need a way to weigh parts. The **energy** of a
# signal is the sum of the squared magnitudes of its values. For our four pixels it is
# $1 + 4 + 16 + 1 = 22$. And for their k-space $(1,\ 1.5 - 0.5i,\ 4,\ 1.5 + 0.5i)$? The
# squared magnitude of $1.5 \pm 0.5i$ is $1.5^2 + 0.5^2 = 2.5$. So it is
# $1 + 2.5 + 16 + 2.5 = 22$ again.
#
# **Parseval's theorem** says that image and k-space have the same energy. It needs the
# factor $1/\sqrt n$. The **norm** of a signal is the square root of its energy. A
# transform is **orthonormal** if it keeps the norms of all signals and the right angles
# between them, as this one does.
#
# So we may ask which share of the energy a part of k-space holds. We keep a tenth of
# k-space: either the central tenth of the *lines*, a flat strip with all of $k_x$, or a
# central *square* with a tenth of all samples.

# %%
predict("lines-or-square")


# %%
def energy_share(kspace, mask):
    """Share of the energy that a mask keeps: (..., ky, kx) -> (...)"""
    kept = (mask * kspace).abs().square().sum(dim=(-2, -1))
    return kept / kspace.abs().square().sum(dim=(-2, -1))


lines = acs_mask(207, 21).to(DEVICE)  # the 21 lines in the middle, (ky, 1)
square = acs_mask(SHAPE, 62).to(DEVICE)  # 62 x 62 samples, (ky, kx)
panels = {"all samples": image}
for name, mask in {"lines": lines, "square": square}.items():
    share = 100 * energy_share(kspace, mask)
    panels[f"{name}: {share:.0f} % energy"] = ifft2c(mask * kspace)
show_images(panels, reference=image)

# %% [markdown]
# The strip of lines keeps 88 % of the energy and the square 96 %, which answers the
# prediction. The square wins because the energy falls off in *all* directions from the
# centre, and the strip wastes samples far out along $k_x$. Its image is sharp from left
# to right and blurred from top to bottom. (At the colour bar, a.u. means arbitrary
# units: the brightest pixel of the slice is 1.)
#
# What do the samples outside the square hold, with the last 4 % of the energy? Their
# image is dark, so we stretch the grey scale.

# %%
outside = ifft2c(~square * kspace)  # all samples but the square
show_images({"all samples outside the square": outside}, window=(0, 0.3))

# %% [markdown]
# What is left are outlines, brightest at the scalp, and fine grain. So *the centre of
# k-space holds brightness and coarse shape, and the edge of k-space holds edges.* Is
# the edge unimportant, with so little energy? Without it a thin vessel or a small
# tumour would be gone.
#
# ### What a number in dB compares
#
# The titles above also give a number in decibels (dB). The **peak signal-to-noise
# ratio** (PSNR) compares the typical error of an image with the brightest pixel of a
# reference, on a logarithmic scale:
#
# $$ \mathrm{PSNR} = 20\,\log_{10}
#    \frac{\text{brightest pixel of the reference}}{\text{typical error}} . $$
#
# The typical error is the root of the mean squared difference of the magnitudes, over
# all pixels. The reference is the first panel. An error of a tenth of the brightest
# pixel gives 20 dB, a twentieth 26 dB, a hundredth 40 dB. So the square with its 21.6
# dB is off by 8 %. *Higher is better, and 6 dB more mean half the error.* The dB of
# images in this course are of this kind; where only the pixels inside the head are
# counted, we say so. What dB cannot see is the subject of [[image_quality]].

# %% [markdown] slideshow={"slide_type": "skip"}
# ### How to read a claim
#
# Is it the same for other slices? The next cell is folded. It measures 20 slices of the
# head and prints lines like this one:
#
# `✔ Energy in the central 10 % of the area: +96.1 % [95.6, 96.6], bootstrap over 20
# slices of one head (claimed: at least 75 %)`
#
# A **claim** is a sentence of a lesson that the notebook itself measures while it runs.
#
# - **The check mark.** ✔ says that the measurement supports the sentence. If it does
#   not, the notebook stops here.
# - **The value.** 96.1 % is the mean of the measured values. (The plus is its sign.)
# - **The bracket.** Another 20 slices would give a slightly different mean. The mean of
#   very many slices probably lies inside the bracket. (With 20 independent samples such
#   brackets are right about 92 times in 100. Neighbouring slices of one head are alike,
#   so with them it is less.)
# - **The number of samples, and what they are.** "20 slices of one head" says nothing
#   about other heads, nor about other coils, masks or noise levels.
# - **The bound.** "claimed: at least 75 %" is what has to hold. The *unfavourable* end
#   of the bracket is compared with it, here 95.6. A value that comes from one
#   measurement stands without plus and bracket, and is compared as it is.
#
# <details><summary>How is the bracket made?</summary>
#
# A **bootstrap interval** is a bracket that comes from the samples alone: we draw 20 of
# our 20 samples many times, with repetition, and look how much the mean changes. With
# four to nine samples another rule makes the bracket, and the line says so. With three
# or fewer there is no bracket: all values are printed.
# </details>

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
all_kspace = fft2c(images.double())
norm_ratio = all_kspace.norm(dim=(-2, -1)) / images.double().norm(dim=(-2, -1))
largest = (norm_ratio - 1).abs().max()
sentence = "Norms of image and k-space (Parseval), largest relative difference"
claim(sentence, largest, at_most=1e-10)
by_lines = 100 * energy_share(all_kspace, lines)
by_square = 100 * energy_share(all_kspace, square)
claim("Energy in the central 10 % of the lines", by_lines, at_least=60, unit="%")
claim("Energy in the central 10 % of the area", by_square, at_least=75, unit="%")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# Parseval's theorem is exact, so only the rounding of the computer is left. The other
# two bounds come from photographs, in which the magnitude of the samples falls about as
# one over the distance from the centre (Field 1987, below). Such an image holds a
# little more than 60 and 75 % in these parts. Our slices hold much more: a head in
# front of black air is a simpler picture than a landscape.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Paint k-space yourself
#
# The left picture is a canvas: the k-space of the slice, $k_y$ from top to bottom and
# $k_x$ from left to right. What you paint, in orange, is kept, everything else is set
# to zero, and the image on the right follows your brush. It starts with the square from
# above. (`R = 10` says that a tenth of the samples is kept.) Try these, and guess each
# time before you paint (`clear` empties the canvas):
#
# 1. a small spot in the very middle, and let it grow;
# 2. everything, and then erase the middle;
# 3. the upper half;
# 4. with *whole ky lines*: a few thin lines with gaps between them.


# %%
def masked_image(mask):
    """What a mask leaves of the slice: bool (ky, kx) -> {title: image (y, x)}"""
    return {"image": ifft2c(mask.to(DEVICE) * kspace)}


MaskPainter(SHAPE, kspace=kspace, mask=square, on_change=masked_image)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>What one sees</summary>
#
# 1. First flat grey, then a blob, then a head that gets sharper.
# 2. Outlines, as in the picture of all samples outside the square.
# 3. The whole head, too dark and a little blurred. Not half of a head!
# 4. Copies of the head on top of one another, clearest if the gaps are alike. The next
#    section says why.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Pixel size, and ringing
#
# Two things decide what an image can show.
#
# - *How large it is.* That is up to the distance $\Delta k$ between lines. Neighbouring
#   lines differ by one cycle over the field of view, so in cycles per mm it is
#   $\Delta k = 1/\mathrm{FOV}$. Say that only every second line is left, those with an
#   even number of cycles. All their waves repeat after half of the field of view. So
#   the image does, too, and copies of the head lie on top of one another.
#   ([[forward_model]] goes on from here.)
# - *How fine it is.* That is up to the finest stripes. If k-space reaches only a
#   quarter as far, details are lost as if pixels were four times as large.
#
# Let us keep the 51 lines in the middle, a quarter of 207.

# %%
quarter = acs_mask(207, 51).to(DEVICE)  # (ky, 1)
blurred = ifft2c(quarter * kspace)
panels = {"all 207 lines": image, "the central 51": blurred}
show_images(panels, reference=image, scores=False)
back = torch.stack([image, blurred.abs()])[:, 160:, 50:135]  # both, back of the head
show_images(back, ["all lines, back of the head", "the central 51"], window=(0, 0.2))

# %% [markdown]
# The head is blurred from top to bottom, as if pixels were 207/51 = 4 mm high. The
# lower pictures show the back of the head with a brighter grey scale: all from 0.2 up
# is white. On the right there are stripes in the air below the head, where nothing is.
# Where do they come from?
#
# We build a sharp edge from its lowest waves, as we did with the row of the head. The
# object is a bar in one direction, 1 inside and 0 outside.

# %%
predict("more-lines")

# %%
position = 100 * (torch.arange(2048) - 1024) / 2048  # % of the field of view
bar = (position.abs() < 25).float()
edges = {}
near_edge = (position > 12) & (position < 33)
for n_kept in (17, 33, 65, 129):
    curve = ifftc(acs_mask(2048, n_kept)[:, 0] * fftc(bar)).real
    too_high = 100 * (curve.max() - 1)
    edges[f"{n_kept} samples: {too_high:.1f} % too high"] = curve[near_edge]
plot_lines(position[near_edge], edges, xlabel="y (% of FOV)", ylabel="signal")

# %% [markdown]
# No curve goes straight from 1 to 0. It swings above 1 first, by about 9 % of the step,
# and then ripples away from the edge. With more samples the ripples get narrower, and
# *the first one stays as high as it was*. **Gibbs ringing** means ripples beside sharp
# edges, which appear wherever a sum of waves is cut off. In the slice they are the
# stripes. Every scanner cuts off somewhere, so its full images ring too, with ripples
# one pixel wide. Our simulated slices do not: their objects are made of pixels.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
overshoot = torch.stack([100 * (curve.max() - 1) for curve in edges.values()])
sentence = "Gibbs overshoot, 17 to 129 samples, largest distance from 8.95 %"
claim(sentence, (overshoot - 8.95).abs().max(), at_most=1, unit="%")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose this bound</summary>
#
# 8.95 % is the overshoot of an endless series whose last waves are cut off, from
# theory. With few samples the other edge of the bar adds its own ripples, so 1 % is
# allowed.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# **Half-way.** This is a good place for a break. The second half asks whether we need
# all samples, and what noise does to an image.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is half of k-space enough?
#
# Once more the k-space of the four pixels: $1,\ 1.5 - 0.5i,\ 4,\ 1.5 + 0.5i$
# for $k = -2, -1, 0, 1$. The samples at $k = 1$ and $k = -1$ are *conjugate*: they have
# the same real part, and imaginary parts with opposite signs.
#
# Look at $k = 1$ and $k = -1$ in the figure of the arrows to see why. Every arrow turns
# by the same angle, in opposite directions. If all arrows start on the horizontal axis,
# one picture is the other one seen in a mirror, and so are the sums. **Conjugate
# symmetry** means that the sample at $-k$ is the conjugate of the sample at $k$. Every
# image of real numbers has it:
#
# $$ m \text{ real} \quad\Longrightarrow\quad s(-k_y, -k_x) = s(k_y, k_x)^* . $$
#
# So we could measure the upper half of k-space (with the line $k_y = 0$), fill in the
# lower half, and be done in half the time. To try it we need a function that mirrors.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 1.2 · the conjugate mirror  (★★☆, about 10 min)
#
# Return the k-space whose entry at $k$ is the conjugate of the given one at $-k$. It
# should work for odd and even sizes, and for single images as well as stacks.
#
# <details><summary>Hint 1: start with an odd axis</summary>
#
# For `n = 5` the values of $k$ are -2, -1, 0, 1, 2. Reading them backwards exchanges
# $k$ and $-k$. `kspace.flip(-2, -1)` reads both axes backwards, and `.conj()`
# conjugates.
# </details>
#
# <details><summary>Hint 2: what is different on an even axis?</summary>
#
# For `n = 4` the values are -2, -1, 0, 1. Backwards this is 1, 0, -1, -2. But we want
# $-k$ for each, that is 2, 1, 0, -1, and as 2 and -2 are the same wave on four points,
# -2, 1, 0, -1. Which step leads from the one list to the other?
# </details>
#
# <details><summary>Hint 3: the step</summary>
#
# The last entry has to come to the front: `.roll(1, dims=-2)` does it for the axis
# `ky`. Do it only for axes of even size: `kspace.shape[-2] % 2` is 0 for those.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_conjugate_mirror(kspace):
    """Entry at k -> conjugate of the entry at -k: (..., ky, kx) -> (..., ky, kx)"""
    ### BEGIN SOLUTION
    mirrored = kspace.conj().flip(-2, -1)
    for axis in (-2, -1):
        if kspace.shape[axis] % 2 == 0:
            mirrored = mirrored.roll(1, dims=axis)
    return mirrored
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The k-space of a real image is its own mirror, for every size.
# Then your function fills the lower half of the k-space of our slice.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_conjugate_mirror(my_conjugate_mirror)
upper = partial_fourier_mask(207, 0.5).to(DEVICE)  # (ky, 1), True in the upper half
mine = torch.where(upper, kspace, my_conjugate_mirror(upper * kspace))
panels = {"upper half alone": ifft2c(upper * kspace), "filled by you": ifft2c(mine)}
show_images({"all lines": image, **panels}, reference=image)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# An even axis has one more negative $k$ than positive ones. That one, $-n/2$, is its
# own partner and has to stay where it is, at index 0. The flip moves it to the end, and
# the roll brings it back. There is a way without flip and roll:
# `fft2c(ifft2c(kspace).conj())`. The mirror is the k-space of the conjugate image, so
# the k-space of a real image is its own mirror.
# </details>
#
# <details><summary>A common mistake</summary>
#
# The flip alone. It is right for odd sizes, and one sample off for 256 x 256, which is
# the size that most people use.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Arrows that do not start on the axis
#
# So far all arrows of our slice started on the horizontal axis. In a body they do not.
# The main field is not the same everywhere, so some arrows run ahead of others. The
# coil adds an angle of its own, and moving blood another one. So the image is complex,
# and its phase changes from place to place.
#
# The heads in `slices` have such a phase, smooth and simulated. An angle that *all*
# arrows share would be no trouble: we could turn all of them back together. So we do
# that first. Which angle? That of the sum of all arrows.

# %%
shared = slices[12].sum().angle()  # angle of the sum of all arrows, in rad
with_phase = slices[12] * torch.exp(-1j * shared)  # all turned back by it
panels = {"phase of the slice": with_phase}
show_phase(panels, support=image > 0.02, window=(-1, 1))

# %% [markdown]
# White arrows lie on the axis, red ones are ahead of it and blue ones behind, by 28° at
# most, about half a radian. Grey pixels are too dark for a phase worth showing. The
# magnitude is that of `image`, as before.

# %%
predict("half-with-phase")

# %%
upper_half = partial_fourier_mask(207, 0.5).to(DEVICE)  # (ky, 1)
panels = {"all lines": image}
for name, original in {"real slice": image, "with phase": with_phase}.items():
    half = upper_half * fft2c(original)  # zeros below
    filled = torch.where(upper_half, half, conjugate_mirror(half))
    panels[f"half, {name}"] = ifft2c(filled)
show_images(panels, reference=image, error_gain=4)

# %% [markdown]
# For the real slice half of the lines is enough: not a pixel differs (142 dB is the
# rounding of the computer). With phase it is not enough. The scalp is wrong in places,
# and streaks run from top to bottom, through the air, too. The lower row shows these
# errors four times as bright; its colour bar gives their true values.

# %% [markdown]
# ### How far is a scan from symmetric?
#
# Take an image, and mirror each of its arrows about the horizontal axis. An arrow
# $3 + i$ becomes $3 - i$. Where $-k$ turns the old arrow by 90°, to $-1 + 3i$, $k$
# turns the new one by $-90°$, to $-1 - 3i$: a mirror image again. So the sums are
# mirrored, too: the new sample at $k$ is the conjugate of the old one at $-k$. *The
# mirrored k-space belongs to the mirrored arrows.*
#
# How far does one arrow move? Take $3 + i$. Mirrored it is $3 - i$, and the two tips
# are 2 apart. Half of that, 1, is how far the arrow's tip is off the axis. Its length
# is $\sqrt{3^2 + 1^2} = 3.2$, and $1/3.2 = 0.32$ is the *sine* of its phase, 18°.

# %% [markdown]
# For a whole scan we do the same in k-space. The **symmetry error** is half of the
# distance between a k-space and its conjugate mirror, relative to the norm of k-space.
# With $s_\mathrm{m}$ for the mirror and $\|\cdot\|$ for the norm it is
#
# $$ \frac{\|s - s_\mathrm{m}\|}{2\,\|s\|} . $$
#
# By Parseval's theorem distances are the same in k-space and in the image. So the
# symmetry error is the typical sine of the phases, bright pixels counting most, and for
# a real image it is 0. (The library's `symmetry_error` first takes out the angle that
# all arrows share.)

# %%
print(f"real slice       {symmetry_error(kspace):.2f}")
print(f"slice with phase {symmetry_error(fft2c(with_phase)):.2f}")

# %% [markdown]
# Is 0.17 much? As $\sin 10° = 0.17$, a typical arrow is 10° off the axis. That is
# enough for the streaks above.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
largest = symmetry_error(all_kspace).max()
claim("Symmetry error of 20 real slices, the largest", largest, at_most=1e-5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Noise, and what it does to an image
#
# **Noise** is the part of a measurement that is random: the heat in the body and in the
# coil moves charges, and the coil picks that up. In k-space it adds a small random
# arrow to every sample. Its horizontal and its vertical part are independent, have the
# mean 0 and the standard deviation $\sigma$.
#
# Such noise is alike in all directions, and an orthonormal transform only turns it. So
# the image gets noise of the same kind and the same $\sigma$: random arrows, now added
# to pixels. Most images that doctors see are *magnitudes*, the lengths of the arrows.
# What does noise do to those?

# %%
predict("mean-in-air")

# %%
NOISE_STD = 0.1  # sigma, a tenth of the brightest pixel
noise = NOISE_STD * random_complex(*SHAPE, seed=1).to(DEVICE)
noisy = ifft2c(kspace + noise)  # complex
panels = {"no noise": image, "real part": noisy.real, "magnitude": noisy.abs()}
show_images(panels, window=(-0.3, 1.0), label="signal")
print(f"mean magnitude in air: {noisy.abs()[image == 0].mean():.3f}")

# %% [markdown]
# This answers the prediction: in air the mean magnitude is 0.126, about 1.25 $\sigma$.
# (Zero is dark grey in the pictures.)
#
# Why? Think of a pixel in air where the noise arrow is $-0.3 + 0.4i$. Its real part is
# $-0.3$, its length is 0.5. The opposite arrow $0.3 - 0.4i$ has the length 0.5, too.
# Real parts cancel in the mean, and lengths do not.
#
# And where there *is* signal? Take an arrow of length $5\,\sigma$, and a noise arrow of
# length $\sigma$ across it. The sum has the length $\sqrt{25 + 1}\,\sigma =
# 5.1\,\sigma$: a strong signal comes out nearly right. A weak signal of $1\,\sigma$
# becomes $\sqrt{1 + 1}\,\sigma = 1.4\,\sigma$, which is far too large. (These are noise
# arrows of one length and direction, not the mean over all.) The **Rician
# distribution** is the distribution of the length of a fixed arrow plus a random one.
# Where the fixed arrow is zero, its mean is $\sigma\sqrt{\pi/2} = 1.25\,\sigma$.
#
# One consequence goes through the whole course. To make noise smaller one averages many
# measurements. Averaged magnitudes keep the floor of 1.25 $\sigma$, averaged complex
# numbers do not. So we take the magnitude last. (The signal must have the same phase in
# every measurement. Where motion turns it, the mean loses signal as well.)

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
air = random_complex(20, 100, 100, seed=3).abs().mean(dim=(1, 2))  # (draws,)
sentence = "Mean magnitude in air"
claim(sentence, air, at_least=1.23, at_most=1.28, unit="σ", samples="noise images")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# The formula gives 1.2533. Each noise image has 10,000 pixels, so its mean is known to
# better than 1 %. This is for one coil. If the squared magnitudes of several coils are
# added, the floor is higher; if the coils are added as complex numbers, as in
# [[sense]], it is again 1.25 times the $\sigma$ of the sum.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What makes MRI different
#
# Many networks of this course have relatives that work on photographs. MRI gives them
# more to work with, and asks more of them:
#
# - The raw data are complex samples of k-space, with a phase.
# - The way from the image to these data is known: it is the formula above.
# - Modern scanners have several coils around the head. Each of them sees the slice from
#   its own side.
# - A **contrast** is a way to scan that decides which tissue comes out bright. A slice
#   can be scanned in several, and they show the same anatomy. (Not every edge is seen
#   in each of them, and motion may shift it.)
# - In the clinic scanners change, and a missed lesion counts.
#
# <details><summary>What a network can make of it, and in which lesson</summary>
#
# | In MRI | so a network | lessons |
# |---|---|---|
# | raw data are complex samples of k-space | can learn in k-space, in the image, or in both | [[four_domains]] |
# | the physics from image to data is known | can be made to agree with what was measured | [[forward_model]], [[modl]] |
# | several coils see one slice, each from its side | can tell from the coils where a signal comes from | [[sense]], [[coil_calibration]] |
# | several contrasts show one anatomy | can share edges between scans | [[multi_contrast]] |
# | in the clinic scanners change, and a missed lesion counts | is tested on what it never saw | [[honest_experiments]], [[generalization]] |
#
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## On real data
#
# So far everything was simulated. Here are three *measured* scans: a head from the
# side, a knee and a brain. Head and knee come with one channel, of the brain we take
# one coil of four. For the knee and the brain we have images of the coils and compute
# k-space from them. Is half of k-space enough?

# %%
names = {"head": "larson_head", "knee": "larson_knee", "brain": "moco_brain_7ch"}
measured_scans = {}
for name, file_name in names.items():
    measured_scans[name] = load_real(file_name).kspace[-1].to(DEVICE)  # one coil
coil_images = {name: ifft2c(scan) for name, scan in measured_scans.items()}
show_magnitude_and_phase(coil_images)

# %% [markdown]
# The upper row shows the magnitude, the lower row the phase. Its colours go round like
# the angle: $\pi$ and $-\pi$ are the same direction and have the same colour, light
# grey. In air there is mostly noise, with phases of all colours.
#
# - *Brain.* Dark means a phase near 0. From the back to the forehead the colours run
#   through brown and light grey to blue: more than half a turn.
# - *Knee.* All of it is dark, so its phases lie near 0. The next figure tells them
#   apart.
# - *Head.* The phase runs evenly from corner to corner, like a *ramp*. (The smooth
#   strip at the upper edge is probably a part of the head from beyond the lower edge.)

# %%
knee = coil_images["knee"]
tissue = knee.abs() > 0.7 * knee.abs().mean()  # brighter than most of the air
show_phase({"knee": knee}, support=tissue, window=(-1, 1))

# %% [markdown]
# Again red is ahead and blue behind, by half a radian in places, and dark pixels are
# grey. The speckles are noise.

# %% [markdown]
# The head looks as if all samples of its scan lay a little beside their places in
# k-space. Then the waves of its image all make a little more of a turn over the row
# than they should, an extra angle that grows evenly with $x$. *A shift of k-space is a
# ramp of phase in the image*, and a shift of the image is a ramp of phase in k-space.
# The timing of the scan may do it, an uneven field or the coil; the image does not
# tell.
#
# A ramp alone leaves the magnitudes of an image as they are. So we take out the ramp
# that leaves the smallest symmetry error, as we did with the angle that all arrows
# share. `symmetry_error` does
# it if we say `centre_echo=True`. (The *echo* is the signal that a readout records; it
# is strongest at $k = 0$.)

# %% [markdown]
# Noise breaks the symmetry, too, since the noise arrow at $k$ knows nothing of the one
# at $-k$. `noise_symmetry_error` says how large an error noise alone could make.
#
# <details><summary>How does it know the noise?</summary>
#
# It takes what is in a corner of k-space for noise. A little signal is there too, so
# its answer is rather too large than too small. That holds if noise is equally strong
# all over k-space. A scanner that filters its data, or leaves the corners out, makes
# them too quiet; these files do not say whether one did.
# </details>

# %%
predict("more-than-noise")

# %%
for name, measured in measured_scans.items():
    error = symmetry_error(measured, centre_echo=True)  # the best ramp taken out
    of_noise = noise_symmetry_error(measured)
    print(f"{name:5}: symmetry error {error:.2f}, noise alone {of_noise:.2f}")

# %% [markdown]
# In all three the symmetry error is larger than noise alone could make it, which
# answers the prediction. In the brain it is more than four times as large. The knee is
# the closest call, 0.34 and 0.23. Independent errors add in squares, so without noise
# $\sqrt{0.34^2 - 0.23^2} = 0.25$ would be left. And noise would speckle red and blue
# all over, and not draw the red layers above and below and the blue one at the right.
#
# So half of k-space is *not* enough for real scans. But phase is mostly smooth, and
# that can be used, as you do in the last exercise.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ratios = []
for file_name in names.values():
    measured = load_real(file_name).kspace.to(DEVICE)  # (coils, ky, kx)
    errors = symmetry_error(measured, centre_echo=True)
    best_coil = errors.argmin()
    ratios.append(errors[best_coil] / noise_symmetry_error(measured)[best_coil])
sentence = "Measured scans: symmetry error of the best coil over that of noise alone"
claim(sentence, torch.stack(ratios), at_least=1, samples="scans (head, knee, brain)")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose this bound</summary>
#
# The brain is the *development* scan of this course: some later choices were made with
# it in view. In the brain the best coil is the one shown above (0.34 over 0.08 is 4.50
# before rounding). If noise is equal all over k-space, a symmetric object stays below
# 1: the corner of k-space holds a little signal too, so the noise comes out rather too
# large. Head and knee have one coil, which is also the best. Before looking we had
# expected 3, and only the brain reaches that. Three slices say nothing about scanners
# at large. With three values there is no bracket: all of them are printed, and each has
# to keep the bound.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 1.3 · Go further: partial Fourier  (★★★, optional, about 15 min)
#
# **Partial Fourier** is a scan that measures a little more than half of k-space and
# makes up for the rest with the help of the phase. We measure 129 of 207 lines: the
# upper half, the centre, and 25 lines beyond it. The 51 lines around the centre show
# the phase $\varphi$ of the image, blurred. That is enough where the phase is smooth.
#
# How does a known phase help? Take a pixel with $\varphi = 90°$: its arrow should point
# straight up. With half of k-space missing, we find $0.2 + 0.9i$. Turn it back by 90°,
# and it is $0.9 - 0.2i$. Keep the real part, 0.9, and turn it forth again: $0.9i$. What
# lay *along* the phase is kept, what lay across it is gone.
#
# So start from the measured k-space, with zeros where nothing was measured (its image
# is called **zero-filled**), and repeat `n_iterations` times:
#
# 1. *In the image*, keep only what lies along the phase:
#    $e^{i\varphi}\,\mathrm{Re}(e^{-i\varphi} m)$.
# 2. *In k-space*, put the measured samples back, since those we know.
#
# Return the image after the last step 2.
#
# <details><summary>Hint 1: step 1</summary>
#
# `turn = torch.exp(1j * phase)` is $e^{i\varphi}$ for every pixel, and `turn.conj()` is
# $e^{-i\varphi}$. The real part of a tensor is `.real`.
# </details>
#
# <details><summary>Hint 2: step 2</summary>
#
# `torch.where(mask, kspace, filled)` takes `kspace` where the mask is True, and
# `filled` elsewhere. `filled` is the transform of what step 1 left.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_partial_fourier(kspace, mask, phase, n_iterations=20):
    """(..., ky, kx), (ky, 1), phase (..., y, x) in rad -> image (..., y, x), complex"""
    ### BEGIN SOLUTION
    turn = torch.exp(1j * phase)
    estimate = kspace
    for _ in range(n_iterations):
        turned_back = turn.conj() * ifft2c(estimate)
        along_phase = turn * turned_back.real
        estimate = torch.where(mask, kspace, fft2c(along_phase))
    return ifft2c(estimate)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** With the true phase the image has to come back. Then your function
# reconstructs our slice with phase and a little noise, and has to estimate the phase
# from the 51 lines around the centre. Five iterations are enough for that.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_partial_fourier(my_partial_fourier)
mask = partial_fourier_mask(207, 5 / 8).to(DEVICE)  # 129 of 207 lines
small_noise = 0.005 * random_complex(*SHAPE, seed=4).to(DEVICE)
measured = mask * (fft2c(with_phase) + small_noise)  # zeros where not measured
# the phase of a blurred image, in rad:
low_phase = ifft2c(acs_mask(207, 51).to(DEVICE) * measured).angle()
mine = my_partial_fourier(measured, mask, low_phase, n_iterations=5)
panels = {"all lines": with_phase, "zero-filled": ifft2c(measured), "yours": mine}
show_images(panels, reference=with_phase, error_gain=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Each step removes what contradicts one thing that we know, and disturbs the other one
# a little. Images along a phase form a plane in the space of all images, and so do the
# images that fit the measured samples. Going to and fro between two planes leads to
# where they meet. The method is called *projection onto convex sets* (POCS). The
# library's `partial_fourier` does the same.
# </details>
#
# <details><summary>A common mistake</summary>
#
# The magnitude in place of the real part in step 1. It works for a while, but it
# forbids negative values, which an image of real numbers may have.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it, and explain.** (1) In the check cell, give your function `0 * low_phase`
# in place of `low_phase`. What goes wrong? (2) Let it run for 1, 5 and 50 iterations.
# Does the image get better all the time, and if not, why?
#
# <details><summary>Hint for (2)</summary>
#
# Both the measured samples and the estimated phase have errors. What becomes of them in
# the lines that are filled in?
# </details>
#
# *Your answer:* (click here and write)

# %% tags=["solution"]
flat = torch.zeros_like(low_phase)
panels = {"all lines": with_phase}
panels["phase taken as 0"] = my_partial_fourier(measured, mask, flat, 5)
for n in (1, 50):
    panels[f"n_iterations = {n}"] = my_partial_fourier(measured, mask, low_phase, n)
show_images(panels, reference=with_phase)

# %% [markdown] tags=["solution"]
# (1) Without the phase we are back at plain symmetry, and lose about 7 dB. It is
# still better than plain symmetry above, since the 25 lines beyond the centre are
# measured.
#
# (2) No. Nearly all is gained in the first five iterations. Later ones also fill in
# noise and the errors of the estimated phase, and the image gets slightly worse (too
# little for the eye: compare the dB in the titles for 5 and 50). The noise of filled
# lines is a copy of the noise of measured ones, so it adds up. On scans with much
# noise, like the knee above, partial Fourier may even lose against zeros in dB.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %%
print(f"energy in the central 10 % of the lines: {by_lines.mean():.0f} %")
print(f"energy in the central 10 % of the area: {by_square.mean():.0f} %")
print(f"Gibbs overshoot: {overshoot.min():.1f} to {overshoot.max():.1f} %")
print(f"symmetry error over that of noise, smallest of three scans: {min(ratios):.1f}")
print(f"mean magnitude in air: {air.mean():.2f} σ")

# %% [markdown]
# - **One sample.** Turn every arrow by an angle that grows with position, and add up.
#   The sum says how much of one pattern of stripes is in the image.
# - **The transform.** `ifftshift`, fast Fourier transform with `norm="ortho"`,
#   `fftshift`. It keeps the energy.
# - **What is lost.** The centre holds coarse shape and nearly all energy, the edge
#   holds edges. Cutting it off blurs, and rings by 9 % of a step.
# - **Half of k-space.** It is enough for an image of real numbers. Real scans have a
#   phase, and are off by more than their noise.
# - **Noise.** It is the same in k-space and in the complex image. Magnitudes have a
#   floor of 1.25 $\sigma$ in air.
#
# Here $x$ and $y$ were positions, $m$ the image and $s$ its samples. From
# [[forward_model]] on, $x$ is the whole image and $y$ are all measured data.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Twieg, Med Phys 10:610, 1983, [10.1118/1.595331](https://doi.org/10.1118/1.595331):
#   scans seen as paths through k-space.
# - Gudbjartsson and Patz, MRM 34:910, 1995, [10.1002/mrm.1910340618](https://doi.org/10.1002/mrm.1910340618):
#   the Rician distribution of magnitudes, and a correction.
# - Noll, Nishimura and Macovski, IEEE Trans Med Imaging 10:154, 1991, [10.1109/42.79473](https://doi.org/10.1109/42.79473):
#   half of k-space and a phase of low resolution, in one step.
# - Field, J Opt Soc Am A 4:2379, 1987, [10.1364/JOSAA.4.002379](https://doi.org/10.1364/JOSAA.4.002379):
#   how the samples of photographs fall off from the centre.
