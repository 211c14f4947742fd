# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 18 · Four domains of learning
#
# **You will be able to**
# - say what a convolution can do in the image, and what it can do in k-space;
# - bring k-space to a scale that a network can learn from, and compare domains fairly;
# - write the inverse Fourier transform as one dense layer, and count its weights;
# - train RAKI on one measured scan, beside a GRAPPA that is tuned as well as it can be;
# - test what a network does with scans of another kind than it has learned from.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | [[learning_to_reconstruct]], [[unet]], [[coil_calibration]] | 115 minutes | 50 s | simulated head, measured brain |

# %% [markdown]
# A scanner measures k-space, and we want an image. Somewhere on the way stands a
# network. *Where* should it stand? In the image, behind the Fourier transform? In
# k-space, before it? In both? Or in place of the transform? Ravishankar, Ye and Fessler
# sort the methods of deep learning by this question, and so do we.
#
# First a look at three of the four. They learned from the same kind of simulated scans,
# one coil and one line in three, for the same time, and have the same number of weights
# within 3 %. They differ in the domain in which their U-Net ([[unet]]) works.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
import torch  # noqa: I001  packed below

from mricourse import claim, device, fft2c, fftc, ifft2c, ifftc, predict, your_turn
from mricourse.datasets import load_real
from mricourse.evaluation import computing_seconds, filled_by_all, filling_score
from mricourse.evaluation import filling_scores, gain_in_words, psnr
from mricourse.exercises import check_complete, check_dense_inverse
from mricourse.exercises import check_raki_estimate, check_recentred
from mricourse.networks import automap_parameters
from mricourse.physics import equispaced_mask, radial_weight, rss
from mricourse.plotting import (
    error_views, explore, plot_lines, show_domains_diagram, show_errors_in_both,
    show_gain_table, show_images, show_paired_differences, show_raki_lines,
)  # fmt: skip
from mricourse.reconstruct import RakiNetwork, cg_sense, fit_raki, grappa
from mricourse.simulate import TaskScans, scan_slices
from mricourse.training import load_checkpoint

# %%
torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one, else the CPU
N = 128  # pixels along y and x
SHOWN = 3  # the slice that figures show
FILES = {
    "in the image": "domain_image",
    "in k-space": "domain_kspace",
    "in both": "domain_hybrid",
}


def trained(name):
    """A network that comes with the course: network(A, kspace) -> images (n, y, x)."""
    return load_checkpoint(name).network.to(DEVICE).requires_grad_(False)


# %%
slices = TaskScans("test", 18, task="undersampling", shape=(N, N))
_, heads = slices.images(20, DEVICE)  # complex (20, y, x), without noise
A, kspace, reference = scan_slices(heads)  # operator, (20, 1, ky, kx), (20, y, x)
networks = {words: trained(name) for words, name in FILES.items()}
images = {words: network(A, kspace) for words, network in networks.items()}

# %% jupyter={"source_hidden": true}
panels = {"reference": reference[SHOWN]}
for words, image in images.items():
    panels[words] = image[SHOWN]
show_errors_in_both(panels, reference[SHOWN], scores=False)

# %% [markdown]
# The columns are the true head and the three networks. Below each image is its error,
# four times as bright, and in the last row the Fourier transform of the error: what is
# wrong in k-space. (In the first column this row shows the k-space of the head. Its
# grey scale is a logarithm, relative to the largest sample of the head.)
#
# The scans were made by `scan_slices`. It takes true slices, and scans them as the
# networks know it: random lines, drawn anew for each slice, the central 8 % of them
# always, and noise of 0.005 where the brightest pixel is 1. It returns the operator $A$
# of [[forward_model]], the measured k-space, and the true images. The head is one that
# no network has seen.
#
# Look at the last row. The network in k-space leaves dark lines in its error: these are
# lines that were measured, and it has hardly changed them. In the two other networks
# such lines are hard to make out: their error in measured lines comes nearer to that in
# missing ones. (Both end with a U-Net in the image. The dark band in the middle of all
# three are the central lines, which were measured in every scan.)
#
# To see what the domain has to do with it, we first ask what a single convolution can
# do in either one.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Four places for a network

# %% jupyter={"source_hidden": true}
show_domains_diagram()

# %% [markdown]
# - *In the image:* the inverse transform $F^{-1}$ makes an image of the lines that were
#   measured, with zeros for the others. A U-Net cleans this zero-filled image. (A
#   blurred image, made of the central samples of k-space, tells the smooth part of the
#   phase. It is taken off before the U-Net and put back behind it, so that the U-Net
#   sees an image that is nearly real.)
# - *In k-space:* a U-Net fills in the missing lines, then comes $F^{-1}$.
# - *In both:* one smaller U-Net in k-space, $F^{-1}$, and one in the image. This
#   network is called W-net, after the shape of two U.
# - *From one to the other:* AUTOMAP has no Fourier transform at all. It has to learn
#   it.
#
# GRAPPA ([[coil_calibration]]) belongs to the second row. Its network is one linear
# convolution. RAKI, later in this lesson, puts three convolutions in its place.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### One convolution in either domain, on paper
#
# In [[convolution]] we found that a convolution in the image multiplies k-space, sample
# by sample. The Fourier transform and its inverse differ only in a sign. So the same
# holds the other way round: *a convolution in k-space multiplies the image, pixel by
# pixel.*
#
# With numbers: four samples in one dimension, $k$ and $x$ from $-2$ to 1. Our kernel
# takes each sample and adds half of either neighbour,
#
# $$ y'(k) = y(k) + \tfrac12\, y(k-1) + \tfrac12\, y(k+1) . $$
#
# What does each term do to the image? A shift of k-space is a ramp of phase in the
# image ([[kspace]]): to move $N$ samples by one place multiplies the image by $e^{2\pi
# i x/N}$, and to move them the other way by $e^{-2\pi i x/N}$. Half of the one and half
# of the other add up to a cosine. With $N = 4$ the image is multiplied by
#
# $$ m(x) = 1 + \cos(2\pi x/4) , $$
#
# which is 0, 1, 2, 1 at $x = -2, -1, 0, 1$. If the four pixels are 3, 1, 2, 5, the
# convolution makes them $3 \cdot 0$, $1 \cdot 1$, $2 \cdot 2$ and $5 \cdot 1$, so 0, 1,
# 4, 5.

# %%
pixels = torch.tensor([3.0, 1.0, 2.0, 5.0], dtype=torch.complex64)
y = fftc(pixels)  # four samples
y_new = y + 0.5 * y.roll(1) + 0.5 * y.roll(-1)  # roll goes round at the ends
print("after the convolution:", ifftc(y_new).real.numpy().round(3))

# %% [markdown]
# A kernel of three samples makes one slow wave across the whole field of view. Five
# samples add a wave of twice the frequency. So a small kernel in k-space is a *smooth*
# factor in the image. It cannot make one pixel bright and leave its neighbour dark. (A
# kernel in the image is the opposite: it knows neighbours, and treats all places of the
# image alike.)
#
# What does that mean for lines that are missing? We take the same convolution in two
# dimensions, along $y$ or $k_y$, and apply it once to k-space and once to the
# zero-filled image. There is no activation.


# %%
def smoothed(values):
    """Half of both neighbours along y or ky added to each value: (y, x) -> (y, x)."""
    return values + 0.5 * values.roll(1, dims=0) + 0.5 * values.roll(-1, dims=0)


# %%
predict("who-fills-lines")

# %%
measured = kspace[SHOWN, 0]  # (ky, kx), zero where nothing was measured
missing = ~A.mask[SHOWN, 0]  # (ky, 1), True where nothing was measured
by_kspace = smoothed(measured)
by_image = fft2c(smoothed(ifft2c(measured)))
for name, result in {"in k-space": by_kspace, "in the image": by_image}.items():
    share = (missing * result).norm() / result.norm()
    print(f"convolution {name}: {share:.1e} of the result lies in missing lines")

# %% [markdown]
# In the image a convolution fills *nothing*. Each sample is multiplied by a number, and
# zero stays zero. ($10^{-7}$ is rounding.) In k-space it fills the missing lines from
# their neighbours: 9 % of the result lies there.
#
# <details><summary>Is there no way around, in the image?</summary>
#
# One. Our convolution treats real and imaginary part alike. A layer that keeps, say,
# the real part alone mixes the image with its conjugate, and the k-space of the
# conjugate is mirrored: what was measured at $k$ appears at $-k$ ([[kspace]]). That
# helps where the image is nearly real, and the mirrored line was measured. Networks,
# which see two channels, can learn it. (That is one more reason to take the smooth
# phase off first.)
# </details>
#
# And the convolution in k-space, does it fill them *well*? Seen from the image, it
# multiplies each pixel by a smooth factor. But with missing lines each pixel of the
# zero-filled image is a *sum*: its true value, and a part of others along $y$. No
# factor takes a sum apart. What can a smooth factor do at all? The head does not fill
# the field of view, and what zero filling puts into the air around it is wrong. There
# the factor can be small. GRAPPA does better since its kernel mixes *coils*, each of
# which weights the same pixels differently ([[sense]]). Our scans have one coil.
#
# So with one coil neither domain can do it with convolutions alone. What is left is the
# activation between them. We let a ReLU act on real and imaginary part of the
# zero-filled image.

# %%
zero_filled = ifft2c(measured)
rectified = torch.complex(zero_filled.real.relu(), zero_filled.imag.relu())
result = fft2c(rectified)
share_after_relu = (missing * result).norm() / result.norm()
print(f"after a ReLU in the image: {100 * share_after_relu:.0f} % in missing lines")

# %% [markdown]
# A ReLU treats each pixel by its own value. In k-space that is not a factor, and
# energy moves into lines that were empty. What a network writes there depends on how
# its convolutions and activations work together, and that is learned.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
zero_filled_images = A.adjoint(kspace)  # (20, y, x)
both = smoothed(zero_filled_images.movedim(0, -1)).movedim(-1, 0)
filled_by_line = (~A.mask[:, 0]) * fft2c(both)
share = filled_by_line.flatten(1).norm(dim=1) / fft2c(both).flatten(1).norm(dim=1)
sentence = "convolution in the image: share in missing lines, largest of 20 slices"
claim(sentence, share.max(), at_most=1e-5)
claim("the same after a ReLU, one slice", share_after_relu, at_least=0.01)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A network in k-space
#
# A network that works on images gets numbers from 0 to about 1. What does one get that
# works on k-space? We look at how large samples are at a distance $r$ from the centre.
#
# We cut k-space into 16 rings, each 4 samples wide, and take the root mean square of
# the samples in each. We do so for k-space $y$, and once more for $W y$: the same
# samples, each multiplied by a weight $W$ that grows with the distance,
#
# $$ W(k) = \sqrt{1 + r^2} , $$
#
# with $r$ in samples; the 1 keeps $W$ from being zero in the centre. `radial_weight`
# gives it for every sample.

# %%
centred = torch.arange(N, device=DEVICE) - N // 2
r = (centred[:, None].square() + centred.square()).sqrt()  # (ky, kx), in samples
rings = [(r >= start) & (r < start + 4) for start in range(0, 64, 4)]  # masks


def ring_size(samples):
    """Root mean square in each of 16 rings, mean over slices: (n, ky, kx) -> (16,)."""
    power = samples.abs().square().mean(dim=0)
    return torch.stack([power[ring].mean().sqrt() for ring in rings])


# %%
full = fft2c(heads)  # all samples of 20 slices, without noise
weight = radial_weight(full)  # W, (ky, kx)
curves = {"k-space y": ring_size(full), "W y": ring_size(weight * full)}
label = "distance from the centre (samples)"
plot_lines(range(2, 66, 4), curves, xlabel=label, ylabel="root mean square", log="y")
for name, curve in curves.items():
    print(f"{name}: inner ring over outer ring {curve[0] / curve[-1]:.0f}")

# %% [markdown]
# From the inner ring to the outer one k-space falls by a factor of more than a hundred.
# (The inner ring is already a mean; the sample in the centre is larger still.) The same
# kernels have to work for all of these numbers. What they learn is what suits the loud
# centre, which was measured anyway; the outer samples, which the network should fill,
# are next to nothing beside it. The remedy is the weight: the second curve, $W y$,
# falls by a factor of 3 only, so all places are about equally loud for the network.
#
# A second trap is the unit. One scanner calls the brightest sample 4000, another one
# 0.002. So we divide $W y$ by its own size $u$, the root mean square of the *measured*
# samples. The network $\mathcal N$ sees $W y / u$. What it returns is brought back:
#
# $$ \hat k = \frac{u}{W}\; \mathcal N\!\left(\frac{W y}{u}\right) . $$

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 18.1 · a scale for k-space  (★★☆, about 8 min)
#
# Write this formula. `body` is the network $\mathcal N$, a function from complex (ky,
# kx) to the same shape. `radial_weight(kspace)` gives $W$, real (ky, kx).
#
# <details><summary>Hint 1: how many samples were measured?</summary>
#
# The mask may have the shape (ky, 1): one value for a whole line.
# `mask.expand(kspace.shape)` repeats it along kx, and `.sum()` counts.
# </details>
#
# <details><summary>Hint 2: the size u</summary>
#
# `loud = weight * kspace` is zero where nothing was measured. So its squares can be
# added up over all places, and divided by the number of *measured* ones.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_complete(body, kspace, mask):
    """A function, complex (ky, kx), bool (ky, 1) -> completed k-space (ky, kx)."""
    ### BEGIN SOLUTION
    weight = radial_weight(kspace)
    loud = weight * kspace
    n_samples = mask.expand(kspace.shape).sum()
    u = (loud.abs().square().sum() / n_samples).sqrt()
    return body(loud / u) * u / weight
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A body that changes nothing has to change nothing; what it sees
# must have the size 1, in any unit. Then your function runs the trained U-Net of the
# second row on the slice, in the scanner's unit and in one that is 1000 times smaller.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_complete(my_complete)
body = networks["in k-space"].body  # the trained U-Net, (ky, kx) -> (ky, kx)
line_mask = A.mask[SHOWN, 0]  # (ky, 1)
panels = {
    "reference": reference[SHOWN],
    "zero-filled": ifft2c(measured),
    "yours": ifft2c(my_complete(body, measured, line_mask)),
    "other unit": 1000 * ifft2c(my_complete(body, measured / 1000, line_mask)),
}
show_images(panels, reference=reference[SHOWN], error_gain=4)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# $W$ is a guess that all heads share, $u$ belongs to the scan. Both are undone behind
# the network, so it is free to leave k-space as it is. (Our U-Net has no biases, so a
# factor passes through it anyway. With biases or with tanh it would not.)
# </details>
#
# <details><summary>A common mistake</summary>
#
# To take the mean over *all* places. Then $u$ depends on how many lines were left out,
# and a network that has learned at $R = 3$ sees a louder k-space at $R = 5$.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The same number of weights, the same time
#
# Which domain is best? A comparison is worth what it holds equal. (A network in k-space
# without $W$, with half of the weights, and trained for half as long has lost before it
# starts.) Here is what our three have had. One *step* of a training is: draw two scans,
# run the network on them, and change its weights by the same loss (the error of the
# image).


# %% jupyter={"source_hidden": true}
def step_ms(name):
    """Milliseconds of a step of this training: draw scans, forward, backward."""
    checkpoint = load_checkpoint(name)
    data = checkpoint.recipe.data
    n_scans = checkpoint.recipe.training.batch_size
    drawn = TaskScans("train", 181, task="undersampling", shape=data["shape"])
    ny, nx = data["shape"]
    batch = scan_slices(heads[:n_scans, :ny, :nx])
    fresh = checkpoint.recipe.build().to(DEVICE)  # the same network, untrained

    def step():
        error = fresh(batch.A, batch.kspace) - batch.reference
        error.abs().square().sum().backward()

    drawing = computing_seconds(lambda: [drawn[i] for i in range(n_scans)], repeats=3)
    return 1000 * (drawing + computing_seconds(step, repeats=3, device=DEVICE))


# %% jupyter={"source_hidden": true}
def print_training(files):
    """A row for each network: weights, time of a step, steps, scans, minutes in all."""
    print("              weights   one step    steps    scans   all steps")
    for words, name in files.items():
        checkpoint = load_checkpoint(name)
        settings = checkpoint.recipe.training
        ms = step_ms(name)
        n = settings.n_steps
        scans = n * settings.batch_size
        print(f"{words:13}{checkpoint.card.n_parameters:9,}{ms:8.0f} ms", end="")
        print(f"{n:9,}{scans:9,}{n * ms / 60_000:8.0f} min")


# %%
print_training(FILES)

# %% [markdown]
# The weights agree within 3 %. The network in both takes longest for a step: two small
# U-Nets with $F^{-1}$ between them take more time than one U-Net of as many weights. So
# the single ones were given more steps, and all three had about the same *time* (the
# last column). Not all can be equal: in that time the network in both has seen fewer
# scans. We keep that in mind when we read the result.
#
# Now the test, on 20 slices of the head that no network has seen.

# %%
predict("which-domain")

# %%
dB = {"zero-filled": psnr(A.adjoint(kspace), reference)}
for words, image in images.items():
    dB[words] = psnr(image, reference)
for words, values in dB.items():
    print(f"{words:13}{values.mean():.2f} dB")

# %% [markdown]
# The mean alone does not tell whether a difference is sure. Slices differ by several
# decibels among themselves. But all networks had the same slices: so we subtract slice
# by slice, and ask how sure the mean of these **paired differences** is: differences
# between two methods on the same scan, one for each scan.

# %%
pairs = [("in the image", "zero-filled"), ("in k-space", "zero-filled")]
pairs += [("in both", "in the image"), ("in the image", "in k-space")]
differences = {f"{one}\n- {other}": dB[one] - dB[other] for one, other in pairs}
show_paired_differences(differences, ylabel="difference of PSNR (dB)")
for first, second in pairs:
    print(f"{first} over {second}:", gain_in_words(dB[first] - dB[second]))

# %% [markdown]
# Each dot is a slice, the black line the mean, the grey band its 95 % interval by
# bootstrap ([[kspace]]). Where the band does not touch 0, the difference is sure for
# slices of this head. The network in the image gains 5.0 dB over zero filling, twice as
# much as the one in k-space, 2.4 dB. In the image an edge looks alike
# wherever it lies, and that is what a convolution can use. In k-space, far from the
# centre, neighbouring samples have little to do with one another.
#
# The network in both is *behind* the one in the image, by 0.6 dB. It has both views,
# but each of its U-Nets has half of the weights only, and in the same time it has seen
# fewer scans (40,000 against 54,000). Which of the two costs more we cannot tell from
# this comparison. The best place alone beats two places that have to share.
#
# Where do the errors lie? We look at the samples that were measured and at those that
# were not, and take the error relative to what is there.


# %%
def relative_error(image, where):
    """Error of the samples where `where` is True, over their size: one number."""
    off = where * fft2c(image - reference)
    return off.norm() / (where * fft2c(reference)).norm()


# %%
lines = A.mask[:, 0]  # (20, ky, 1), True where measured
print("                measured lines   missing lines")
for words, image in {"zero-filled": A.adjoint(kspace), **images}.items():
    known = 100 * relative_error(image, lines)
    unknown = 100 * relative_error(image, ~lines)
    print(f"{words:13}{known:13.1f} %{unknown:14.1f} %")

# %% [markdown]
# Zero filling has an error of 100 % in the missing lines, and in the measured ones that
# of the noise, 1.2 %. The second column: the networks guess a part of what is missing,
# the one in the image about half. The first column is a surprise. The network in the
# image has *spoilt lines that were measured*: their error grew from 1.2 to 8.2 %. It
# works on pixels, and never sees which lines these were. The network in k-space sees
# them, and spoils them less, 3.2 %. (The one in both ends in the image, and does as
# badly there.)
#
# The samples are known, so one can put them back behind any network
# ([[learning_to_reconstruct]], exercise 6.2).

# %%
put_back = {}
for words, image in images.items():
    samples = torch.where(A.mask, kspace, fft2c(image)[:, None])
    put_back[words] = ifft2c(samples)[:, 0]  # one uniform coil
    gain = psnr(put_back[words], reference) - dB[words]
    print(f"{words:13} gains {gain_in_words(gain)} by the measured samples")

# %% [markdown]
# The network in the image gains a whole decibel, for nothing, and the one in both
# nearly as much; the one in k-space has hardly anything to gain. This is the idea of
# the lessons that follow: let the network guess, let the data decide where there are
# data ([[modl]]), and do so again and again ([[kikinet]] alternates between both
# domains).

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gain_image = dB["in the image"] - dB["zero-filled"]
sentence = "network in the image over zero-filled, new head"
claim(sentence, gain_image, at_least=0.5, unit="dB")
gain_put_back = psnr(put_back["in the image"], reference) - dB["in the image"]
sentence = "the same network with its samples put back"
claim(sentence, gain_put_back, at_least=0.0, unit="dB")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds, and what is not compared</summary>
#
# The bound of 0.5 dB was written down after a few minutes of training, when the gain
# was 0.9 dB. Each network was trained once, with one seed; the interval speaks of
# slices, not of trainings. The published networks are larger: W-net has 11 million
# weights, the k-space network of Han, Sunwoo and Ye a U-Net with 64 features. What is
# true of small networks need not be true of large ones.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## From k-space to the image in one step
#
# The networks above are *given* the Fourier transform. **AUTOMAP** is a network that
# learns the step from k-space to the image itself, with dense layers, in which every
# sample has a weight for every pixel.
#
# Can such a layer do it? A **dense layer** multiplies a list of numbers by a matrix of
# weights, one for each pair of an input and an output. The inverse Fourier transform is
# a sum over samples, each with a fixed factor. That is a matrix. For two samples, $k$
# and $x$ from $-1$ to 0,
#
# $$ \begin{pmatrix} x_{-1} \\ x_0 \end{pmatrix} = \frac{1}{\sqrt2}
#    \begin{pmatrix} -1 & 1 \\ 1 & 1 \end{pmatrix}
#    \begin{pmatrix} y_{-1} \\ y_0 \end{pmatrix} , $$
#
# since $e^{2\pi i\,(-1)(-1)/2} = e^{i\pi} = -1$, and the other factors are 1.
#
# Networks compute with real numbers, and here the factors are complex. Let $M = a + ib$
# be the complex matrix, and let $p + iq$ be the samples. Then
#
# $$ (a + ib)(p + iq) = (a p - b q) + i\,(b p + a q) , \qquad
#    \begin{pmatrix} \mathrm{Re} \\ \mathrm{Im} \end{pmatrix} =
#    \begin{pmatrix} a & -b \\ b & a \end{pmatrix}
#    \begin{pmatrix} p \\ q \end{pmatrix} . $$

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 18.2 · the transform as a dense layer  (★★☆, about 10 min)
#
# Build this real matrix for an image of `ny` rows and `nx` columns, with $2 n_y n_x$
# rows and columns: first all real parts, row by row of k-space, then all imaginary
# ones.
#
# <details><summary>Hint 1: the columns of M</summary>
#
# The fifth column of a matrix is what it makes of a list that is 1 at the fifth place
# and 0 elsewhere. `torch.eye(n).reshape(n, ny, nx)` is a stack of all k-spaces with a
# single 1.
# </details>
#
# <details><summary>Hint 2: from images to a matrix</summary>
#
# `ifft2c(units)` transforms the stack (make it complex first: `dtype=torch.complex64`).
# `.flatten(1)` makes a row of each image, and `.T` turns rows into columns. (This
# matrix is its own transpose, so here it would work without.)
# </details>
#
# <details><summary>Hint 3: four blocks</summary>
#
# `torch.cat([a, -b], dim=1)` puts two blocks side by side, and `torch.cat([...])` two
# such rows below one another.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_dense_inverse(ny, nx):
    """Rows, columns -> real matrix (2 ny nx, 2 ny nx), k-space parts to image parts."""
    ### BEGIN SOLUTION
    n = ny * nx
    units = torch.eye(n, dtype=torch.complex64).reshape(n, ny, nx)
    matrix = ifft2c(units).flatten(1).T
    a = matrix.real
    b = matrix.imag
    upper = torch.cat([a, -b], dim=1)
    lower = torch.cat([b, a], dim=1)
    return torch.cat([upper, lower])
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** For small matrices, odd and oblong, your layer must turn the
# k-space of an image into the image. Then it does so with a head of 32 x 32 pixels, all
# lines measured.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_dense_inverse(my_dense_inverse)
layer = my_dense_inverse(32, 32).float()
middle = slice(N // 2 - 16, N // 2 + 16)
small = fft2c(heads[SHOWN]).cpu()[middle, middle]  # its central 32 x 32 samples
parts = layer @ torch.cat([small.real.flatten(), small.imag.flatten()])
mine = torch.complex(*parts.reshape(2, 32, 32))
show_images({"by ifft2c": ifft2c(small), "by your dense layer": mine})
print(f"{layer.numel():,} weights")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# So a dense layer *can* be the transform, with weights that we could write down. Four
# million of them, of which a fast Fourier transform needs none.
# </details>
#
# <details><summary>A common mistake</summary>
#
# The sign of one of the two blocks $b$. With both signs turned the layer is the forward
# transform, and the head stands upside down.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What it costs
#
# AUTOMAP has two dense layers, with tanh as activation, for the real part of the image,
# and two for the imaginary part, then three convolutions. The first dense layer joins
# $2N^2$ numbers (both parts of all samples) with $N^2$ pixels, the second $N^2$ with
# $N^2$:
#
# $$ 2N^4 + N^4 = 3N^4 \ \text{weights for each part,}\quad 6N^4 \ \text{for both.} $$
#
# Twice as many pixels along each axis are *sixteen* times as many weights.
# `automap_parameters` counts all, convolutions too; with `shared=True` one network
# serves both parts, as in ours. (The same network is then shown $-iy$. Its image is
# $-i$ times the image of $y$, and the real part of that is the imaginary part wanted.)

# %%
for n in [32, 48, 64, 128]:
    published = automap_parameters((n, n))
    ours = automap_parameters((n, n), shared=True)
    megabytes = 4 * ours / 1e6  # four bytes a weight
    print(f"{n:4} x {n:3}: {published:13,} weights", end="")
    print(f", shared {ours:11,}, {megabytes:5.0f} MB")

# %% [markdown]
# At 128 x 128, the size of our slices, AUTOMAP has 1.6 thousand million weights as
# published. The U-Net has the same 92,162 at any size.
#
# We trained AUTOMAP at 32 x 32, with 3.3 million weights. (At 48 x 48 it would have
# five times as many, a file of 64 MB: too much for this course.) Beside it stand the
# other three, trained anew at 32 x 32, with eight scans a step.

# %%
SMALL = {words: f"{name}_32" for words, name in FILES.items()}
SMALL["AUTOMAP"] = "automap_32"
print_training(SMALL)

# %% [markdown]
# The first three again had about the same time. AUTOMAP has 35 times as many weights.
# It had as many scans as the network in both, and the longest time of all.

# %%
predict("automap-or-unet")

# %%
small_networks = {words: trained(name) for words, name in SMALL.items()}
slices_32 = TaskScans("test", 18, task="undersampling", shape=(32, 32))
_, heads_32 = slices_32.images(20, DEVICE)  # (20, 32, 32)
scan_32 = scan_slices(heads_32)
small_images = {"zero-filled": scan_32.A.adjoint(scan_32.kspace)}
for words, network in small_networks.items():
    small_images[words] = network(scan_32.A, scan_32.kspace)

# %% jupyter={"source_hidden": true}
dB_32 = {words: psnr(x, scan_32.reference) for words, x in small_images.items()}
for words, values in dB_32.items():
    ahead = gain_in_words(values - dB_32["in the image"])
    print(f"{words:13}{values.mean():.2f} dB; over the image network {ahead}")
panels = {"reference": scan_32.reference[SHOWN]}
for words in ["zero-filled", "in the image", "AUTOMAP"]:
    panels[words] = small_images[words][SHOWN]
show_images(panels, reference=scan_32.reference[SHOWN], error_gain=3)

# %% [markdown]
# AUTOMAP is 1.8 dB behind the network in the image, with 35 times as many weights. Its
# head is blurred (last column). That is no accident of this training: it has to spend
# weights and data on a transform that the others are given for nothing.
#
# Did it learn the transform? No single layer has to be the Fourier matrix: the second
# layer can undo what the first one mixes. But the *whole* must be close to it. So we
# ask back-propagation ([[backpropagation]]) how one pixel of the result changes with
# each sample: that is the weight with which AUTOMAP takes the sample. We compare with
# the weights of the true transform for the same pixel, a row of the matrix $M$.

# %% jupyter={"source_hidden": true}
automap = small_networks["AUTOMAP"]
unit = ifft2c(scan_32.kspace[SHOWN, 0]).abs().max()  # the scale that it learned in


def weights_of_pixel(row, column):
    """Change of a pixel's real part with each sample: complex (ky, kx)."""
    samples = (scan_32.kspace[SHOWN, 0] / unit).clone().requires_grad_()
    pixel = automap.mapped(samples)[row, column].real
    # PyTorch's gradient by a complex number is the conjugate of the weight
    return torch.autograd.grad(pixel, samples)[0].conj()


def row_of_transform(row, column):
    """What ifft2c multiplies each sample by for this pixel: complex (ky, kx)."""
    point = torch.zeros(32, 32, dtype=torch.complex64, device=DEVICE)
    point[row, column] = 1
    # the transform keeps energy, so its inverse is conjugate and transposed
    return fft2c(point).conj()


# %%
true = row_of_transform(16, 18).real
learned = weights_of_pixel(16, 18).real
panels = {"inverse transform": true / true.abs().max()}
panels["AUTOMAP"] = learned / learned.abs().max()
show_images(panels, window=(-1, 1), cmap="RdBu", label="weight of a sample, real part")

# %% [markdown]
# Both panels are k-space, $k_y$ downwards and $k_x$ to the right. On the left the true
# weights of one pixel: a plane wave, as strong at the edge as in the centre. On the
# right what AUTOMAP has learned: the same wave near the centre, and little more than
# noise further out. It fades along $k_y$, where lines are often missing. And it fades
# along $k_x$, although whole lines are measured: samples far out are faint, so a wrong
# weight there hardly changes the loss, and is hardly corrected.
#
# The price of a weight for each sample: no other matrix fits. AUTOMAP says so itself.

# %%
try:
    automap(A, kspace)  # the scans of 128 x 128
except ValueError as refused:
    print(refused)

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ratio = automap_parameters((128, 128)) / automap_parameters((64, 64))
claim(
    "AUTOMAP, from 64 x 64 to 128 x 128: weights times",
    ratio,
    at_least=15.9,
    at_most=16,
)
behind = dB_32["in the image"] - dB_32["AUTOMAP"]
claim("32 x 32: network in the image over AUTOMAP", behind, at_least=0.0, unit="dB")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One scan is enough: RAKI
#
# All networks so far learned from thousands of scans. GRAPPA needs none: it learns from
# the lines in the centre of the very scan it is to complete, the ACS
# ([[coil_calibration]]). Its kernel is one linear convolution over all coils. **RAKI**
# is a network of three convolutions with ReLU between them that fills missing lines,
# trained on the ACS of one scan.
#
# As published, each coil has one such network for its real part and one for its
# imaginary part. Each sees both parts of *all* $C$ coils, so $2C$ channels:
#
# | layer | kernel: lines x points | channels out | weights, $C = 4$, $R = 4$ |
# |---|---|---|---|
# | 1, ReLU | 2 x 5 | 32 | $8 \cdot 10 \cdot 32 = 2560$ |
# | 2, ReLU | 1 x 1 | 8 | $32 \cdot 8 = 256$ |
# | 3 | 2 x 3 | $R - 1 = 3$ | $8 \cdot 6 \cdot 3 = 144$ |
#
# Together 2960 real weights for one part of one coil, so 5920 for a coil. The GRAPPA of
# this lesson has a kernel of 4 lines x 5 points x 4 coils, so 80 complex weights for
# each of the three missing lines: for a coil $3 \cdot 80 = 240$ complex ones, or 480
# real ones. RAKI has twelve times as many.
#
# Which samples does RAKI see, and which does it estimate?

# %% jupyter={"source_hidden": true}
show_raki_lines(acceleration=4, n_acs=12)

# %% [markdown]
# On the left a part of the scan: every fourth line was measured. The first layer joins
# two measured lines, 0 with 4 and 4 with 8. The third layer joins these two results. So
# the network sees *three* measured lines (blue; seven points of each, since kernels of
# 5, 1 and 3 points in a row reach over 7). Between three lines there are two gaps. RAKI
# fills one of them, here the second: 5, 6 and 7 (orange). (The gap above belongs to the
# three lines that begin four lines higher.)
#
# On the right an ACS of 12 lines, where *all* lines were measured. There the orange
# samples are known, and RAKI can learn from them. Blue and orange together are 9 lines
# high; they find room at $12 - 8 = 4$ places. At each place the three blue lines must
# again be 4 apart, so the kernel has to skip the lines in between. That is a **dilated
# convolution**: a convolution whose kernel touches only every $R$-th line.

# %% [markdown]
# We fit these weights on a *measured* brain: four coils, 256 x 216 samples, all lines
# known. Its central 32 lines play the ACS. `RakiNetwork` holds the weights, and
# `fit_raki` trains them on an ACS: it makes the estimates close to the lines that are
# known there. The networks of all coils and parts lie in `quick.layers`, one below
# another; we keep that of the real part of coil 0.

# %%
brain = load_real("moco_brain_7ch").to(DEVICE)
brain_kspace = brain.kspace  # four of seven coils, (4, 256, 216), every line
acs = brain_kspace[:, 112:144]  # the central 32 lines
size = acs.abs().square().mean().sqrt()
quick = RakiNetwork(4, 4, kind="raki").to(DEVICE)  # 4 coils, R = 4
fit_raki(quick, acs / size, 4, n_steps=60)
w1 = quick.layers[0].detach()[:32]  # (32, 8, 2, 5): the real part of coil 0
w2 = quick.layers[1].detach()[:8]  # (8, 32, 1, 1)
w3 = quick.layers[2].detach()[:3]  # (3, 8, 2, 3)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 18.3 · RAKI's three convolutions  (★★☆, about 8 min)
#
# Write the network of one coil's part. `spacing` is the distance between blue lines: 4
# in the ACS of the drawing, and 1 if only the measured lines are handed over, one below
# the other. `torch.conv2d(batch, w)` wants a batch, (1, channels, lines, points); with
# `dilation=(d, 1)` neighbours along lines lie `d` apart. Nothing is padded, so the
# result is smaller: $2 \cdot$ `spacing` lines and 6 points are lost. No ReLU at the
# end: parts of samples are negative as often as positive.
#
# <details><summary>Hint 1: which layers are dilated?</summary>
#
# Those whose kernel has two lines, the first and the third. Both by `spacing`.
# </details>
#
# <details><summary>Hint 2: the batch</summary>
#
# `parts[None]` puts an axis of one in front, and `[0]` takes it off at the end.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_raki_estimate(parts, w1, w2, w3, spacing):
    """Real (2 C, lines, kx), C coils -> (R - 1, lines - 2 spacing, kx - 6)."""
    ### BEGIN SOLUTION
    apart = (spacing, 1)
    features = torch.conv2d(parts[None], w1, dilation=apart).relu()
    features = torch.conv2d(features, w2).relu()
    return torch.conv2d(features, w3, dilation=apart)[0]
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Lines 1, 3 and 4 apart. Then your function, with the weights of
# the brain, estimates a line outside of the ACS. We know what it should be, since all
# lines of this brain were measured. Three measured lines are handed over, one below the
# other, so their spacing is 1. (Expect it to follow the line, and not to hit it:
# at $R = 4$, after a short fit of 60 steps.)

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_raki_estimate(my_raki_estimate)
three = brain_kspace[:, [148, 152, 156]] / size  # sampled lines above the ACS
parts = torch.cat([three.real, three.imag])  # (8, 3, 216)
estimate = my_raki_estimate(parts, w1, w2, w3, 1)  # (3, 1, 210): lines 153, 154, 155
true_line = (brain_kspace[0, 154, 3:-3] / size).real
both_lines = {"measured": true_line[50:160], "your estimate": estimate[1, 0, 50:160]}
label = "real part, coil 0, line 154"
plot_lines(torch.arange(53, 163), both_lines, xlabel="number along kx", ylabel=label)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Without the two ReLU the three kernels would be one linear kernel of 3 x 7, and the
# network a GRAPPA. No layer has a bias: twice the samples give twice the estimate. That
# matters, since the ACS is hundreds of times louder than the lines to be filled.
# </details>
#
# <details><summary>A common mistake</summary>
#
# No dilation in the third layer. On lines that all were measured the network learns,
# but from lines at other distances than those it will be shown.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Who is tuned?
#
# RAKI's authors report that it beats GRAPPA from $R = 4$ on. Before we repeat that we
# should ask which GRAPPA. Its fit has a weight $\lambda$ ([[coil_calibration]]) that
# keeps the kernel small, and with it the noise. At high $R$ it decides a lot, and a
# GRAPPA with the wrong $\lambda$ is easily beaten. So there are three GRAPPAs here:
#
# - *0.0001*: $\lambda = 0.0001$, what `grappa` takes if nobody chooses, for every scan;
# - *from ACS*: chosen on the scan itself. We hide eight lines at one end of the ACS,
#   then at the other, and take the $\lambda$ whose kernel fills them best. A scanner
#   can do this;
# - *best*: the $\lambda$ with the best image, chosen with the truth in hand. No scanner
#   can do this; it bounds what tuning can bring.
#
# RAKI has the sizes of its paper, and nothing of it is tuned on the scan. (It is
# trained here by 200 steps of L-BFGS, an optimiser that estimates from the last
# gradients how the loss bends, and so needs fewer steps. The paper takes 1000 steps of
# Adam.)
#
# First ten simulated slices: 96 x 64, four coils, $R = 4$, 24 lines of ACS.
# `filling_scores` fills each scan in all these ways, and returns for each way the PSNR
# of the ten, over the pixels of tissue (brighter than a tenth of the brightest).

# %%
_, few_heads = TaskScans("test", 18, task="undersampling", shape=(96, 64)).images(10)
how = {"lines": "equispaced", "acceleration": 4, "acs": 24, "n_coils": 4}
coil_scans = scan_slices(few_heads, noise_std=0.01, seed=3, **how)
coil_images = coil_scans.A.smaps * few_heads[:, None]  # (10, 4, y, x), without noise
simulated = filling_scores(
    coil_scans.kspace.to(DEVICE),
    coil_scans.A.mask.to(DEVICE),
    rss(coil_images).to(DEVICE),
)

# %% jupyter={"source_hidden": true}
for way, values in simulated.items():
    print(f"{way:18}{values.mean():.1f} dB")
for way in ["GRAPPA, 0.0001", "GRAPPA, from ACS", "GRAPPA, best"]:
    lead = simulated["RAKI"] - simulated[way]
    print(f"RAKI over {way}: {gain_in_words(lead)}")

# %% [markdown]
# On these slices RAKI is *behind* every GRAPPA, by 3 to 4 dB. One reason can be
# counted. In an ACS of 24 lines the pattern of the drawing finds room at $24 - 8 = 16$
# places along $k_y$, and at all 64 points along $k_x$ (there the library lets a line go
# round at its ends). That makes $16 \cdot 64 = 1024$ examples for the 2960 weights of
# each network, and a network with more weights than examples learns them by heart.
# GRAPPA has 80 complex weights to find for each missing line. (To choose $\lambda$ on
# the ACS makes GRAPPA a little worse here, 25.6 in place of 26.1 dB: with eight of 24
# lines hidden, few are left to learn from.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## RAKI on real data
#
# Back to the measured brain of the exercise. All its lines were measured; we leave
# lines out afterwards. A line has 216 points, so there are more examples for the same
# 2960 weights: $(24 - 8) \cdot 216 = 3456$ with 24 lines of ACS, $24 \cdot 216 = 5184$
# with 32, and $40 \cdot 216 = 8640$ with 48.

# %%
predict("raki-lines")


# %% jupyter={"source_hidden": true}
def fill_brain(samples, acceleration, n_acs):
    """All lines, (coils, ky, kx) -> {way: image (y, x)} from some, {way: dB}."""
    truth = rss(ifft2c(samples))
    kept = equispaced_mask(samples.shape[1], acceleration, acs=n_acs).to(DEVICE)
    filled = filled_by_all(kept * samples, kept, truth)
    return filled, {way: filling_score(image, truth) for way, image in filled.items()}


# %% jupyter={"source_hidden": true}
def print_filling(case, scores):
    """A row of the table: the ways in dB, and RAKI against two of the GRAPPAs."""
    values = "".join(f"{score:10.1f}" for score in scores.values())
    over = [scores["RAKI"] - scores[way] for way in ("GRAPPA, 0.0001", "GRAPPA, best")]
    print(f"{case:20}{values}{over[0]:+12.1f}{over[1]:+8.1f}")


# %%
print(f"{'':20}              GRAPPA    GRAPPA    GRAPPA             RAKI over GRAPPA")
print(f"{'':20}     zeros    0.0001  from ACS      best      RAKI      0.0001    best")
filled = {}
real_dB = {}
for acceleration, n_acs in [(3, 32), (4, 24), (4, 32), (4, 48)]:
    case = (acceleration, n_acs)
    filled[case], real_dB[case] = fill_brain(brain_kspace, acceleration, n_acs)
    print_filling(f"R = {acceleration}, ACS of {n_acs}", real_dB[case])

# %% jupyter={"source_hidden": true}
truth = rss(ifft2c(brain_kspace))  # (256, 216)
head_only = (slice(20, 236), slice(18, 198))
panels = {"all lines": truth[head_only]}
for way in ["GRAPPA, from ACS", "GRAPPA, best", "RAKI"]:
    panels[f"{way}, {real_dB[4, 48][way]:.1f}"] = filled[4, 48][way][head_only]
show_images(panels, reference=truth[head_only], error_gain=5, scores=False)

# %% [markdown]
# Look at the last column of the table. At $R = 4$ RAKI is behind the best GRAPPA by 1.2
# dB with 24 lines, ahead by 0.9 dB with 32, and by 1.9 dB with 48: the more examples,
# the better for the larger model. At $R = 3$ with 32 lines it is 1.7 dB behind. There
# GRAPPA's noise is small, and there is little to gain.
#
# And the tuning? Compare its last two columns, at $R = 4$ with 32 lines. RAKI leads by
# 1.6 dB over GRAPPA with 0.0001, and by 0.9 dB over the best GRAPPA. The difference of
# 0.7 dB, nearly half of the lead, was nothing but an untuned rival.
#
# The figure shows $R = 4$ with 48 lines (numbers in dB, errors five times as bright).
# With $\lambda$ from the ACS the error is grain, in a band across the middle. With the
# best $\lambda$, which is larger, there is less grain, and arcs appear: skull at wrong
# places, since the kernel fits less well. RAKI has less of both.
#
# Why does the ACS not find the best $\lambda$? The ACS is loud, and noise hardly shows
# in it. In the outer lines samples are faint, and the noise that the kernel carries
# over is what counts. So hidden ACS lines ask for a smaller $\lambda$ than the image
# does.
#
# It is *one* slice, the course's development brain. Which axis of it was the phase
# encode is not documented, so we leave lines out along the other one, too.

# %% jupyter={"source_hidden": true}
turned = brain_kspace.mT.contiguous()  # (4, 216, 256): columns become lines
turned_dB = {}
for n_acs in [24, 32]:
    _, turned_dB[n_acs] = fill_brain(turned, 4, n_acs)
    print_filling(f"turned, ACS of {n_acs}", turned_dB[n_acs])

# %% [markdown]
# The columns are those of the table above. Along this axis RAKI is ahead of the best
# GRAPPA with 24 lines already, by 1.0 dB, and with 32 lines by 1.5 dB. So the number of
# examples is not all. (Here the coils lie such that GRAPPA does worse: 28 dB with 24
# lines, in place of 30.) For this brain we can say: at $R = 4$ and with 32 lines or
# more RAKI is ahead along both axes; with fewer lines, or at $R = 3$, it need not be.


# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def lead_of_raki(scores):
    """RAKI over the best GRAPPA, in dB."""
    return scores["RAKI"] - scores["GRAPPA, best"]


lead_few = lead_of_raki(real_dB[4, 24])
lead_many = lead_of_raki(real_dB[4, 48])
both_axes = torch.tensor([lead_of_raki(real_dB[4, 32]), lead_of_raki(turned_dB[32])])

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
of = {"samples": "axes of one brain", "unit": "dB"}
sentence = "brain, R = 4, 32 lines: RAKI over the best GRAPPA"
claim(sentence, both_axes, at_least=0.3, **of)
sentence = "brain, R = 3, 32 lines: the same"
claim(sentence, lead_of_raki(real_dB[3, 32]), at_most=0.0, unit="dB")
behind_few = simulated["RAKI"] - simulated["GRAPPA, best"]
sentence = "simulated slices, 24 lines: the same"
claim(sentence, behind_few, at_most=0.0, unit="dB")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# We had looked at this brain before, with the same lines; the bounds say what was seen,
# with some room. The ten slices were looked at once, too. An earlier comparison had
# left GRAPPA's $\lambda$ at 0.0001 everywhere, and found that RAKI wins.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What each can and cannot do
#
# A network is judged on scans like those it learned from. A clinic will bring others.
# We change one thing at a time, and scan the same 20 slices again:
#
# - *equispaced*: one line in three, in place of random lines;
# - *R = 5*: fewer lines;
# - *8 coils*: loops around the head, with known maps, in place of one uniform coil. The
#   network in the image sees the coils combined; networks in k-space and AUTOMAP see
#   one coil after the other, and combine afterwards. Once with random lines, once with
#   equispaced ones;
# - *late echo*: the centre of k-space comes 4 samples late along the readout. A shift
#   of k-space is a ramp of phase in the image, here of four turns from left to right;
#   the magnitude stays;
# - *unit x 1000*: what a scanner calls 1;
# - *noise x 10*: 0.05 in place of 0.005;
# - *96 x 160*: another matrix.


# %% jupyter={"source_hidden": true}
def changed_scans(shape):
    """Scans of the 20 slices of this matrix, with one thing changed: {name: Batch}."""
    _, x = TaskScans("test", 18, task="undersampling", shape=shape).images(20, DEVICE)
    return {
        "as trained": scan_slices(x),
        "equispaced": scan_slices(x, lines="equispaced"),
        "R = 5": scan_slices(x, acceleration=5),
        "8 coils": scan_slices(x, n_coils=8),
        "8 coils, equispaced": scan_slices(x, n_coils=8, lines="equispaced"),
        "late echo": scan_slices(x, echo_shift=4),
        "unit x 1000": scan_slices(x, unit=1000.0),
        "noise x 10": scan_slices(x, noise_std=0.05),
    }


# %%
cases = changed_scans((N, N))
cases["96 x 160"] = changed_scans((96, 160))["as trained"]
cases_32 = changed_scans((32, 32))
cases_32["96 x 160"] = cases["96 x 160"]

# %% [markdown]
# Two methods without training stand beside the networks. SENSE solves for the image
# with the known maps ([[sense]]), GRAPPA fills lines. With one uniform coil SENSE is
# the zero-filled image: one map that is 1 everywhere says nothing of where a pixel
# lies. `grappa` refuses what is not equispaced; the table says so.


# %% jupyter={"source_hidden": true}
def by_sense(A, kspace):
    """SENSE with a weight of 0.01: (n, coils, ky, kx) -> (n, y, x)."""
    return cg_sense(A, kspace, reg_weight=0.01, n_iterations=30)


def by_grappa(A, kspace):
    """GRAPPA, kernel 2 x 5, combined by the maps: (n, coils, ky, kx) -> (n, y, x)."""
    pairs = zip(kspace, A.mask[:, 0], strict=True)
    completed = [grappa(y, m, kernel_size=(2, 5), reg_weight=0.01) for y, m in pairs]
    return (A.smaps.conj() * ifft2c(torch.stack(completed))).sum(dim=1)


def gain(method, case):
    """Mean gain over the zero-filled image in dB, or the word "refuses"."""
    zero_filled = psnr(case.A.adjoint(case.kspace), case.reference)
    try:
        image = method(case.A, case.kspace)
    except ValueError:
        return "refuses"
    return float((psnr(image, case.reference) - zero_filled).mean())


# %%
predict("what-breaks")

# %%
table = {}
for name, case in cases.items():
    row = {words: gain(network, case) for words, network in networks.items()}
    row["AUTOMAP, 32 x 32"] = gain(automap, cases_32[name])
    row["SENSE"] = gain(by_sense, case)
    row["GRAPPA"] = gain(by_grappa, case)
    table[name] = row
label = "gain over the zero-filled image of the same scan (dB)"
show_gain_table(table, label=label, reach=6)

# %% [markdown]
# Each number is a gain over the zero-filled image of the *same* scan, so it says what a
# method is worth there. Purple is a gain, orange a loss; the colours end at 6 dB.
# Compare each row with the first one. The last two columns learned nothing from other
# scans.
#
# - *Late echo.* AUTOMAP falls from +1.5 to -3.3 dB. It has a weight for each place of
#   k-space, and nothing is at its place any more. The networks of convolutions lose
#   little, 0.4 or 0.5 dB: a convolution treats all places alike. And the ramp of phase
#   is smooth, so most of it is taken off before the U-Net in the image.
#   (At 32 x 32, where AUTOMAP is tested, the network in the image loses 0.3 dB.)
# - *Equispaced lines.* The network in the image falls from +5.0 to +2.6 dB. The one in
#   k-space *rises* from +2.4 to +3.3, and is ahead. Equispaced lines make sharp copies
#   of the head, which look like anatomy; random lines smear them
#   ([[compressed_sensing]]). In k-space it is the other way round: now every missing
#   line has a measured one beside it, while random lines leave wide gaps. (GRAPPA with
#   one coil does harm: all it has is a smooth factor.)
# - *R = 5, noise.* Both cost the three U-Nets some of their gain; their order stays.
# - *Unit.* Nothing changes, since each divides by the size of its scan (exercise 18.1).
# - *Another matrix.* AUTOMAP refuses. The others work, the one in the image best.

# %% [markdown]
# Is the order of the two networks really turned round with equispaced lines? And where
# does SENSE stand with eight coils? We take paired differences again.

# %%
case = cases["equispaced"]
by_network = {words: networks[words](case.A, case.kspace) for words in FILES}
scores = {words: psnr(image, case.reference) for words, image in by_network.items()}
lead = gain_in_words(scores["in k-space"] - scores["in the image"])
print(f"equispaced: in k-space over in the image {lead}")

# %%
sense_lead = {}
for name in ["8 coils", "8 coils, equispaced"]:
    case = cases[name]
    of_network = psnr(networks["in the image"](case.A, case.kspace), case.reference)
    sense_lead[name] = psnr(by_sense(case.A, case.kspace), case.reference) - of_network
    print(f"{name}: SENSE over in the image {gain_in_words(sense_lead[name])}")

# %% [markdown]
# With equispaced lines the network in k-space is ahead, and the interval does not touch
# 0. (So it is for these two networks and this head. Each was trained once.)
#
# With eight coils AUTOMAP's gain is gone: it maps one coil after the other, and a head
# that is bright on one side only is nothing that it has learned. The network in the
# image sees the coils combined and gains as before, 5 to 6 dB. But it does not know
# what the coils know. With equispaced lines SENSE gains 15 dB and GRAPPA 16: eight
# coils see three pixels on top of one another with different weights, and that can be
# solved. No knowledge of heads is needed.
#
# With *random* lines SENSE gains 4.6 dB only. Where several neighbouring lines are
# missing, many pixels lie on top of one another, and eight coils cannot tell them
# apart. We had expected SENSE to be ahead of the network by 1 dB there, too, and it is
# behind by 0.9 (the interval is all below 0). What heads look like is worth more there.
# The next lessons join both kinds of knowledge.
#
# So no domain is best for everything. What can be written down (the transform, the
# coils, the samples that were measured) should not have to be learned.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
late_case = cases_32["late echo"]
lost = {}
for words in ["AUTOMAP", "in the image"]:
    late_image = small_networks[words](late_case.A, late_case.kspace)
    lost[words] = dB_32[words] - psnr(late_image, late_case.reference)
claim("late echo, 32 x 32: AUTOMAP loses", lost["AUTOMAP"], at_least=1.0, unit="dB")
sentence = "late echo, 32 x 32: the network in the image loses"
claim(sentence, lost["in the image"], at_most=0.5, unit="dB")
sentence = "8 coils, equispaced lines: SENSE over the network in the image"
claim(sentence, sense_lead["8 coils, equispaced"], at_least=1.0, unit="dB")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# They were written down with networks that had learned for minutes. The last one was
# meant for random lines, too, and failed there with the final network: -0.9 dB, 95 %
# interval [-1.7, -0.2]. So it stands for equispaced lines alone, unchanged.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 18.4 · Go further: bring the echo back  (★★★, about 12 min)
#
# A late echo moves k-space along $k_x$, and the whole of $k_x$ is measured. So one can
# move it back before the network sees it. Find the column of k-space with the most
# energy, summed over all slices, coils and lines (all come equally late); it belongs
# into column `nx // 2`. Move k-space by whole samples, and call the network with the
# whole batch, `network(A, kspace)`, which returns images (n, y, x). Then give them
# their phase ramp back: to move k-space by $d$ samples multiplies the image by $e^{2\pi
# i\,d\,x/n_x}$, with $x$ zero in the middle.
#
# <details><summary>Hint 1: the shift</summary>
#
# `kspace.abs().square().sum(dim=(0, 1, 2))` is the energy of each column.
# `.argmax()` gives the number of the loudest one.
# </details>
#
# <details><summary>Hint 2: moving back</summary>
#
# `kspace.roll(-shift, dims=-1)`. What leaves at one end comes in at the other.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_recentred(network, A, kspace):
    """A network, operator, (n, coils, ky, kx) -> images (n, y, x), with their ramp."""
    ### BEGIN SOLUTION
    nx = kspace.shape[-1]
    energy = kspace.abs().square().sum(dim=(0, 1, 2))
    shift = int(energy.argmax()) - nx // 2
    images = network(A, kspace.roll(-shift, dims=-1))
    x = torch.arange(nx, device=kspace.device) - nx // 2
    return images * torch.exp(2j * torch.pi * shift * x / nx)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Early and late echoes, odd and even sizes, several coils. Then
# your function puts AUTOMAP right.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_recentred(my_recentred)
late = scan_slices(heads_32[[SHOWN]], echo_shift=4)  # one slice
panels = {
    "reference": late.reference[0],
    "AUTOMAP, late echo": automap(late.A, late.kspace)[0],
    "by your function": my_recentred(automap, late.A, late.kspace)[0],
}
show_images(panels, reference=late.reference[0], error_gain=3)

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it, and explain.** Let the echo come 4.5 samples late, `echo_shift=4.5`. Does
# your function still help? And why could you not do the same with a shift along $k_y$,
# the phase-encode direction?
#
# *Your answer:* (click here and write)

# %% tags=["solution"]
half_way = scan_slices(heads_32[[SHOWN]], echo_shift=4.5)
panels = {
    "reference": half_way.reference[0],
    "AUTOMAP, late echo": automap(half_way.A, half_way.kspace)[0],
    "by my_recentred": my_recentred(automap, half_way.A, half_way.kspace)[0],
}
show_images(panels, reference=half_way.reference[0], error_gain=3)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>What we found (after you have tried)</summary>
#
# With 4.5 samples half a sample is left, whichever way we round. That is a phase ramp
# of half a turn across the image. It costs AUTOMAP 0.9 dB on this slice (17.4 in place
# of 18.3 dB); without your function it would be 6. One could multiply the
# *coil images* by the opposite ramp and transform back: any fraction of a sample then.
#
# Along $k_y$ most lines are missing. If k-space moves, the lines that were measured
# move too: the sampled centre is no longer in the middle, and a mask results that no
# training has shown.
# </details>
#
# <details><summary>Why this form? (after you have solved it)</summary>
#
# The physics of the change is known, so it is undone by a formula, and the network
# never has to learn it. To train with late echoes would also work, and cost weights and
# data.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To forget the ramp at the end. The magnitude is right all the same; the phase, which a
# later step may need, is not.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Try it
#
# Pick a method, and change lines, acceleration and noise. The three pictures are the
# image, multiplied by the one number that brings it closest to the true one, its error
# (four times as bright), and its error in k-space. (The slice is that of the first
# figure. Its random lines are drawn anew, so the errors differ from those above.)


# %%
def try_it(method="in the image", acceleration=3, lines="random", noise=0.005):
    """What the sliders below call: names and numbers -> three pictures."""
    x = heads[[SHOWN]]
    again = {"lines": lines, "acceleration": acceleration, "noise_std": noise}
    case = scan_slices(x, **again)
    if method == "zero-filled":
        image = case.A.adjoint(case.kspace)
    else:
        image = networks[method](case.A, case.kspace)
    return error_views(image[0], case.reference[0], name=method)


# %%
choices = {"method": ["zero-filled", *FILES], "acceleration": (2, 8)}
choices.update(lines=["random", "equispaced"], noise=[0.001, 0.005, 0.02, 0.05])
explore(try_it, **choices)

# %% [markdown]
# **Questions to try.** With the network in k-space: what tells you, in the third
# picture, which lines were measured? Change to the network in the image: can you still
# tell? At equispaced lines and $R = 4$: which of the three leaves copies of the head?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %% jupyter={"source_hidden": true}
print(f"a ReLU in the image: {100 * share_after_relu:.0f} % into missing lines")
for words in FILES:
    print(f"{words}: {gain_in_words(dB[words] - dB['zero-filled'])} over zero-filled")
for words in ["in both", "in k-space"]:
    print(f"{words} over in the image: {gain_in_words(dB[words] - dB['in the image'])}")
print(f"32 x 32, AUTOMAP over in the image: {gain_in_words(-behind)}")
print(f"brain, R = 4, RAKI over the best GRAPPA: 24 lines {lead_few:+.1f} dB,", end=" ")
print(f"48 lines {lead_many:+.1f} dB")

# %% [markdown]
# - **Convolutions.** In the image one multiplies k-space, and fills no missing line
#   without an activation. In k-space one fills lines, and multiplies the image by a
#   smooth factor.
# - **A scale, and a fair comparison.** $W$ undoes the fall of k-space, $u$ the unit.
#   Equal weights, loss and time of the three U-Nets; paired differences; what was not
#   equal is said. Here the image is the best place, by 2.6 dB over k-space and 0.6 dB
#   over both.
# - **Dense layers.** The inverse transform is one dense layer. AUTOMAP's weights grow
#   with $N^4$, and fit one matrix.
# - **RAKI.** Three convolutions that learn from one ACS. They win where there are many
#   examples and much noise to avoid; nearly half of the lead was an untuned $\lambda$.
# - **Other scans.** Each change has its victim: a late echo AUTOMAP, equispaced lines
#   the network in the image. A formula before the network is the cheapest remedy.
#
# The next lesson, [[enhancement]], leaves k-space behind and improves images.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Zhu et al., Nature 555:487, 2018, [10.1038/nature25988](https://doi.org/10.1038/nature25988):
#   AUTOMAP, also for trajectories whose inverse is not known.
# - Akçakaya et al., MRM 81:439, 2019, [10.1002/mrm.27420](https://doi.org/10.1002/mrm.27420):
#   RAKI, with noise measured at several accelerations.
# - Han, Sunwoo, Ye, IEEE TMI 39:377, 2020, [10.1109/TMI.2019.2927101](https://doi.org/10.1109/TMI.2019.2927101):
#   a U-Net on k-space, and why low-rank completion of k-space suggests it.
# - Ravishankar, Ye, Fessler, Proc. IEEE 108:86, 2020, [10.1109/JPROC.2019.2936204](https://doi.org/10.1109/JPROC.2019.2936204):
#   the order of methods that this lesson follows.
