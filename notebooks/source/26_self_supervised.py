# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 26 · Learning without references
#
# **You will be able to**
# - split the measured samples of a scan, learn from one part and judge by the other;
# - test that nothing that is hidden reaches the network;
# - say which lines such a loss sees too rarely, and weigh their errors for that;
# - train on a single scan, and name what its validation loss cannot see.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | [[modl]], [[modl_in_practice]] | 118 minutes | 50 s | simulated, one measured brain |

# %% [markdown]
# Every network of the last lessons learned from *references*: complete scans, which it
# was shown as the truth. Where do they come from? A beating heart does not wait until
# k-space is full. A patient in pain does not lie still for twelve minutes. For many
# scans nobody owns a complete one, and nobody ever will.
#
# What one does own are undersampled scans, thousands of them. Can a network learn from
# these alone? Here are two small networks. They have the same layers, saw the same 300
# scans with one line of k-space in four, and took the same number of steps. The first
# was shown the complete scans as well. The second was not.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
import copy  # noqa: I001  packed below

import torch

from mricourse import SenseOperator, claim, device, fft2c, predict
from mricourse import random_complex, your_turn
from mricourse.datasets import load_real
from mricourse.evaluation import gain_in_words, psnr
from mricourse.exercises import check_gaussian_split, check_l1_l2
from mricourse.exercises import check_predict_hidden, check_split_weights
from mricourse.networks import apply_network
from mricourse.physics import drawn_lines, drawn_parts, line_density, noise_level
from mricourse.physics import outside_centre, radial_weight, split_weights
from mricourse.physics import splitting_density, stack
from mricourse.plotting import plot_lines, show_gains, show_images, show_kspace
from mricourse.plotting import show_mask
from mricourse.reconstruct import cg_sense
from mricourse.training import SSDU, AdaptationSettings, Parts, adapt, held_out_db
from mricourse.training import l1_l2, load_checkpoint

# %%
torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one, else the CPU
SHOWN = 3  # the slice that figures show
N_SLICES = 20  # of the test head


def trained(name):
    """A network that comes with the course, from (A, k-space) to images."""
    return load_checkpoint(name).network.to(DEVICE).requires_grad_(False)


def bench_for(name):
    """Slices of the test head, scanned as the training scans of a checkpoint were."""
    draws = load_checkpoint(name).recipe.slices("test", 26)
    scans = [draws[number].to(DEVICE) for number in range(N_SLICES)]
    return stack(scans)[0]


# %%
bench = bench_for("ssl_single_ssdu")  # one coil, 20 slices
A, kspace, reference = bench  # operator, (20, 1, ky, kx), (20, y, x)
images = {"reference": reference, "zero-filled": A.adjoint(kspace)}
NAMES = {"complete": "ssl_single_supervised", "without": "ssl_single_ssdu"}
for label, name in NAMES.items():
    images[label] = trained(name)(A, kspace)
shown = {label: image[SHOWN] for label, image in images.items()}
show_images(shown, reference=reference[SHOWN])

# %%
for label, image in list(images.items())[1:]:
    print(f"{label:15} {psnr(image, reference).mean():.1f} dB on average")

# %% [markdown]
# (The head, its single coil and the noise are simulated. Each scan has random lines of
# its own, denser in the centre.)
#
# (Beside the head even the zero-filled picture is black. Lines are missing along $k_y$,
# so ghosts spread up and down, and these columns have no head that could spread.)
#
# The last picture is sharper than the zero-filled one, but it has bars across the
# brain. Over 20 slices the network that never saw a complete scan gains 3.5 dB. So it
# has learned something. But from whom? And it is 2.4 dB behind the network that had
# complete scans. Is that the price of having no references? Or have we asked for the
# wrong thing? In this lesson we find out.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Noise that nobody can predict
#
# We begin with an easier case. All of k-space was measured, and what is wrong with the
# image is noise. A network shall remove it. For its training we have no image without
# noise. But we have measured each slice *twice*.
#
# The idea sounds wrong at first. Give the network the first image, and ask for the
# second. Then it is asked to turn one noisy image into another noisy image!
#
# Let us look at one pixel. Its true value is $x = 3$. In the second measurement noise
# adds $n$, which is $-1$ or $+1$, one as likely as the other. So the network is shown
# the *target* $t = x + n$: sometimes 2, sometimes 4. A **target** is the value that a
# loss compares the output of a network with. The network answers $z$. Whatever it
# answers, it cannot know which of the two it will be. Its mean squared loss is
#
# $$ \tfrac12 (z - 2)^2 + \tfrac12 (z - 4)^2 . $$
#
# For $z = 2$ this is $0 + \tfrac12 \cdot 4 = 2$. For $z = 3$ it is $\tfrac12 +
# \tfrac12 = 1$. For $z = 4$ it is 2 again.

# %%
answers = torch.linspace(1, 5, 41)
noisy_targets = 0.5 * (answers - 2) ** 2 + 0.5 * (answers - 4) ** 2
true_target = (answers - 3) ** 2
curves = {"target 2 or 4": noisy_targets, "target 3, the truth": true_target}
plot_lines(
    answers, curves, xlabel="answer z of the network", ylabel="mean squared loss"
)

# %% [markdown]
# Both curves have their lowest point at $z = 3$, the truth. They have the same shape.
# The upper one is higher by 1 everywhere, and 1 is the mean of $n^2$. A constant has no
# slope: the network learns the same from both.
#
# It is so in general. We multiply out the square of $z - t = z - x - n$:
#
# $$ E\,(z - x - n)^2 = (z - x)^2 - 2\,(z - x)\,E\,n + E\,n^2 . $$
#
# ($E$ is the mean over many draws of the noise.) The noise has mean zero, $E\,n = 0$,
# so the middle term is gone. What remains is the loss with the true target, and a
# constant. **Noise2Noise** is the training of a denoiser on pairs of noisy
# measurements of the same object, one as its input and the other as its target.
#
# Two conditions are hidden in this line. The loss is a squared one, of complex samples.
# (The noise of a magnitude image is never negative in the air: its mean is not zero.)
# And we took $z - x$ out of the mean, as if the answer had nothing to do with $n$.
#
# We try it with the smallest denoiser that there is. It has one number, $a$, and
# multiplies the outer samples of k-space with it. ($a = 1$ leaves everything as it is,
# $a = 0$ removes noise and detail.) By mistake somebody gives it the *same* measurement
# as its input and as its target.

# %%
predict("same-noise-twice")

# %%
truth = fft2c(reference[SHOWN])  # complex (ky, kx), all samples, no noise
outer = radial_weight(truth) > 12  # more than 12 samples from the centre
shape = truth.shape
scale = 0.07  # noise of real and imaginary part
first = truth + scale * random_complex(*shape, seed=1).to(DEVICE)
second = truth + scale * random_complex(*shape, seed=2).to(DEVICE)
targets = {"the truth": truth, "second measurement": second, "the same one": first}

# %%
factors = torch.linspace(0, 1.2, 61)
losses = {}
for label, target in targets.items():
    each = [(a * first - target)[outer].abs().square().mean() for a in factors]
    losses[label] = torch.stack(each).cpu()
    print(f"{label:20} lowest at a = {factors[losses[label].argmin()]:.2f}")
plot_lines(factors, losses, xlabel="factor a", ylabel="mean squared loss")

# %% [markdown]
# With the true target and with the second measurement the lowest point is at the same
# place, 0.70: the denoiser shrinks the outer samples by 30 %. (In the mean 70 % of
# their energy is image and 30 % is noise. The best factor is the share of the image.)
# The curve of the second measurement is that of the truth, raised by the power of the
# second noise. With the same measurement the best factor is 1, and the loss is zero
# there: the denoiser learns to do nothing. Its answer $z$ contains the same $n$ as the
# target, and so the middle term is not zero.
#
# Does it work with a network, and with few slices? Two denoisers of the same size saw
# 300 slices each. One learned from pairs of noisy measurements, the other from a noisy
# measurement and the image without noise.

# %%
noisy_bench = bench_for("ssl_noise2noise")  # all of k-space, noise of 3 to 10 %
noisy_A, noisy_kspace, clean = noisy_bench
denoised = {"reference": clean, "noisy": noisy_A.adjoint(noisy_kspace)}
DENOISERS = {"from noisy": "ssl_noise2noise", "from clean": "ssl_noise2clean"}
for label, name in DENOISERS.items():
    denoised[label] = trained(name)(noisy_A, noisy_kspace)
shown = {label: image[SHOWN] for label, image in denoised.items()}
show_images(shown, reference=clean[SHOWN])

# %%
dB_noisy = {label: psnr(image, clean) for label, image in denoised.items()}
loss_of_noise = dB_noisy["from clean"] - dB_noisy["from noisy"]
removed = dB_noisy["from noisy"] - dB_noisy["noisy"]
print(f"from noisy over the noisy image: {gain_in_words(removed)}")
print(f"from clean over from noisy:      {gain_in_words(loss_of_noise)}")

# %% [markdown]
# The two cannot be told apart by eye. Over 20 slices the denoiser that never saw a
# clean image gains 5.9 dB over the noisy images, and is 0.1 dB behind the other.
#
# The rule for the whole lesson is: *the target may be noisy, but its noise must be
# hidden from the network.*

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim("Noise2Noise: clean targets are better by", loss_of_noise, at_most=0.3, unit="dB")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Hide a part of what was measured
#
# Now the case that we came for. k-space is undersampled, and each slice was measured
# once. We call the set of all measured samples $\Omega$. The network should fill in the
# samples that are *not* in $\Omega$. Nobody knows them, so no loss can ask for them.
#
# But we can make a small copy of the problem, of which we do know the answer. Take away
# some of the samples that were measured, and let the network fill in those.
#
# - $\Theta$ is what the network is given, in its input and in every data step.
# - $\Lambda$ is what is hidden. The loss compares with these samples alone.
#
# Together they are all of $\Omega$, and no sample is in both. **SSDU**
# (self-supervised learning via data undersampling) is the training of an unrolled
# network by such a split: it reconstructs from $\Theta$, and the loss is its error in
# $\Lambda$. When the training is over, the network is given all of $\Omega$. (In
# [[modl_in_practice]] held-out lines judged an image. Here they teach.)
#
# Which samples shall be hidden? The authors [Yaman et al., 2020] hide two in five, and
# draw them from a normal distribution about the centre of k-space. They are *points*,
# though the scanner measured lines. A block of 4 x 4 samples in the very middle is
# never hidden: it holds the brightness of the image.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 26.1 · choose what is hidden  (★★☆, about 8 min)
#
# `mask` is $\Omega$, bool (ky, kx). `points` are places that were drawn already, whole
# numbers (n, 2), each a pair (ky, kx). Some lie outside k-space, some come twice. Go
# through them in order. Hide a point if it was measured, is new, and lies outside the
# block: rows `ny // 2 - 2` to `ny // 2 + 1`, columns alike. Stop when `n_hidden`
# samples are hidden.
#
# <details><summary>Hint 1: how to go through them</summary>
#
# `for ky, kx in points.tolist():` gives whole numbers of Python.
# </details>
#
# <details><summary>Hint 2: the block, with little writing</summary>
#
# Make a copy of the mask, `free`, and set the block to False in it. Of each point ask
# first `0 <= ky < ny and 0 <= kx < nx`: a negative index counts from the end and raises
# no error. Then ask `free[ky, kx]`, and set it to False when the point is taken: so no
# point is taken twice.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_gaussian_split(mask, points, n_hidden):
    """Bool (ky, kx), whole (n, 2), number -> bool (ky, kx), True where hidden."""
    ### BEGIN SOLUTION
    ny, nx = mask.shape
    free = mask.clone()
    free[ny // 2 - 2 : ny // 2 + 2, nx // 2 - 2 : nx // 2 + 2] = False
    hidden = torch.zeros_like(mask)
    for ky, kx in points.tolist():
        inside = 0 <= ky < ny and 0 <= kx < nx
        if inside and free[ky, kx] and hidden.sum() < n_hidden:
            hidden[ky, kx] = True
            free[ky, kx] = False
    return hidden
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Small masks first. Then the lines of our slice, with points of a
# standard deviation of a quarter of k-space, as in the paper.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_gaussian_split(my_gaussian_split)
ny, nx = kspace.shape[-2:]
omega = A.mask[SHOWN, 0].cpu().expand(ny, nx)  # bool (ky, kx)
drawn = torch.randn(40000, 2, generator=torch.Generator().manual_seed(0))
points = (drawn * (torch.tensor([ny, nx]) - 1) / 4).round().long()
points = points + torch.tensor([ny // 2, nx // 2])
mine = my_gaussian_split(omega, points, int(0.4 * omega.sum()))
show_mask({"measured": omega, "given": omega & ~mine, "hidden": mine})

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Near the centre samples are strong and many are hidden: a loss of weak samples alone
# would be a loss of noise. At the edge some are hidden, too.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To count the points, and not the samples that are hidden. A point that comes twice, or
# was never measured, hides nothing, and in the end too few samples are hidden.
# </details>

# %% [markdown]
# The library's `SSDU().parts(batch)` splits each scan of a batch in this way. Its
# result has `parts.hidden`, which is $\Lambda$, and `parts.A`, the operator of
# $\Theta$.

# %%
parts = SSDU().parts(bench)  # of all 20 slices
given = parts.A.mask[SHOWN, 0]
hidden = parts.hidden[SHOWN, 0]
show_mask({"measured": A.mask[SHOWN, 0], "given": given, "hidden": hidden})
print(f"hidden: {hidden.sum() / (given.sum() + hidden.sum()):.3f} of what was measured")

# %% [markdown]
# Left all measured samples, $\Omega$, then $\Theta$ and $\Lambda$. The lines have holes
# now, most of them near the centre. The small black square in the middle of $\Lambda$
# is the block that is never hidden. A scan has the same split whenever it comes back.
# With **several splits** a scan has more than one, and each step of the
# training takes one of them. (The authors call them several masks. The
# SSDU networks of this lesson have seven, unless we say so.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What is hidden must have no say
#
# From the rule above we know what may go wrong. If the hidden samples reach the
# network in any way, it can learn to copy them, noise included. They may come in by
# two doors: through the k-space, and through the data step, which has a mask of its
# own.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 26.2 · predict what is hidden  (★★☆, about 7 min)
#
# Give the network all samples but the hidden ones, and return what its image says
# about those. `network(A, kspace)` gives an image, (..., y, x). `A.smaps` are the maps,
# (..., coils, y, x), `A.mask` is bool, and `hidden` is bool and broadcasts to `kspace`.
#
# <details><summary>Hint 1: both doors</summary>
#
# The operator of what is given is `SenseOperator(A.smaps, A.mask & ~hidden)`. The
# samples that are given are `kspace * ~hidden`.
# </details>
#
# <details><summary>Hint 2: from the image to the samples</summary>
#
# A coil measures `fft2c` of its map times the image. `image.unsqueeze(-3)` adds the
# axis of coils. Where nothing is hidden, the result is zero.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_predict_hidden(network, A, kspace, hidden):
    """Complex (..., coils, ky, kx), predicted where hidden and zero elsewhere."""
    ### BEGIN SOLUTION
    theta = SenseOperator(A.smaps, A.mask & ~hidden)
    image = network(theta, kspace * ~hidden)
    return hidden * fft2c(A.smaps * image.unsqueeze(-3))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A made-up network, whose hidden samples we change. Then your
# function and the network of the first figure on our slice: the hidden samples as they
# were measured, as predicted, and the difference.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_predict_hidden(my_predict_hidden)
network = trained("ssl_single_ssdu")
mine = my_predict_hidden(network, A, kspace, parts.hidden)[SHOWN, 0]
true = parts.measured[SHOWN, 0]
show_kspace({"measured": true, "predicted": mine, "difference": mine - true}, scale=100)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# What the network is given, and what it is told about the mask, must agree. A sample
# that the mask calls measured, and that is zero, is for a data step a *measured zero*.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To hide the samples in `kspace` alone. Nothing fails, the loss even falls, and the
# network learns to work against its own data step.
# </details>

# %% [markdown]
# The library's form is `parts.predict(network)`. We put it to the test. We change all
# hidden samples of all 20 slices to nonsense, make the split anew, and look whether
# *any* number of the image changes.

# %%
predict("nonsense-in-lambda")

# %%
network = trained("ssl_single_ssdu")
noise = random_complex(*kspace.shape, seed=26).to(DEVICE)
nonsense = kspace + torch.where(parts.hidden, noise, 0)
parts_again = SSDU().parts(bench._replace(kspace=nonsense))
same_split = torch.equal(parts_again.hidden, parts.hidden)
change = (parts_again.predict(network) - parts.predict(network)).abs()
change_of_all = (network(A, nonsense) - network(A, kspace)).abs()
print(f"the same split: {same_split}")
print(f"largest change from given samples: {change.max():.1g}")
print(f"largest change when all samples are given: {change_of_all.max():.1g}")
blind = bench._replace(reference=None)
same_loss = torch.equal(SSDU()(network, bench), SSDU()(network, blind))
print(f"the same loss without references: {same_loss}")

# %% [markdown]
# From the given samples nothing changes, not by rounding. After the training the
# network is given all samples, the nonsense too, and then of course its image changes.
#
# The *split* did not change either. That is no matter of course: the authors center
# their points at the loudest sample, and with nonsense in $\Lambda$ that might move. In
# the library the split depends on the mask and on the middle block alone. And the loss
# is the same number when the references are taken away.
#
# References can come in by other doors as well: a k-space that was scaled by the
# largest pixel of the *complete* image, a training that was stopped where the *PSNR*
# was best, settings that were tuned by it. Our networks without references were stopped
# by held-out samples, those with complete scans by the PSNR. And the
# scaling? We did leave that door open: our simulated heads are made so that their
# brightest pixel is 1. It does no harm: a k-space times two gives these networks' image
# times two.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
largest = change.flatten(1).amax(1)  # of each slice
claim("nonsense in Lambda changes what is predicted by", largest, at_most=0)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The loss, by hand
#
# Samples near the centre are a hundred times as large as those far out. The squared
# error would see the centre alone, the absolute error gives the rest more say. SSDU
# takes half of each, and divides both by the size of what was measured, so that it does
# not depend on the unit. With $u$ the measured samples in $\Lambda$ and $v$ the
# predicted ones,
#
# $$ L = \tfrac12\,\frac{\lVert u - v\rVert_2}{\lVert u\rVert_2}
#      + \tfrac12\,\frac{\lVert u - v\rVert_1}{\lVert u\rVert_1} . $$
#
# $\lVert\cdot\rVert_2$ is the root of the sum of squares, and $\lVert\cdot\rVert_1$ the
# sum of magnitudes. The real and the imaginary part of a sample count as two numbers.
#
# By hand, with one sample: $u = 3 + 4i$ was measured and $v = 3$ predicted. The error
# is $4i$, two numbers: 0 and 4. Both its norms are 4. The measured numbers are 3 and 4:
# $\lVert u\rVert_2 = \sqrt{9 + 16} = 5$ and $\lVert u\rVert_1 = 7$. So $L = \tfrac12
# \cdot \tfrac45 + \tfrac12 \cdot \tfrac47 = 0.4 + 0.286 = 0.686$.
#
# (Our proof with noisy targets was for a sum of squares. For these norms it is a rule
# of thumb.)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 26.3 · the loss of SSDU  (★☆☆, about 5 min)
#
# `predicted` and `measured` are complex, (samples,): the hidden samples of one scan.
#
# <details><summary>Hint 1: two real numbers a sample</summary>
#
# `torch.view_as_real(samples)` is real, (samples, 2).
# </details>
#
# <details><summary>Hint 2: the norms</summary>
#
# `error.square().sum().sqrt()` and `error.abs().sum()`.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_l1_l2(predicted, measured):
    """Complex (samples,), the same -> the loss, a real number."""
    ### BEGIN SOLUTION
    error = torch.view_as_real(measured - predicted)
    size = torch.view_as_real(measured)
    l2 = error.square().sum().sqrt() / size.square().sum().sqrt()
    l1 = error.abs().sum() / size.abs().sum()
    return 0.5 * l2 + 0.5 * l1
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The sample by hand, then many. Then your loss of our slice, for a
# prediction of nothing at all and for that of the network.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_l1_l2(my_l1_l2)
where = parts.hidden[SHOWN, 0]
true = parts.measured[SHOWN, 0][where]
said = parts.predict(network)[SHOWN, 0][where]
print(f"nothing predicted: {my_l1_l2(0 * said, true):.3f}", end=", ")
print(f"the network: {my_l1_l2(said, true):.3f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# A prediction of nothing has the loss 1, whatever the unit, the coil or the number of
# samples. So losses of different scans can be added.
# </details>
#
# <details><summary>A common mistake</summary>
#
# `(measured - predicted).abs().sum()` takes the magnitude of complex numbers. For $3 +
# 4i$ that is 5, and here it should be $3 + 4 = 7$.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The wrong question
#
# Back to the first figure: why is SSDU 2.4 dB behind? Look at the picture of $\Theta$
# and $\Lambda$ once more. What the network is asked in its training is: *here is a line
# with holes, fill the holes*. The samples beside a hole, on the same line, are there.
# What it is asked at the end is: *here are lines that are missing altogether*. That is
# another question.
#
# So we should hide *whole lines*, as the scan leaves out whole lines.
#
# There is one more thing to repair. Suppose that the network makes the same error,
# say 1, in two lines that were not given: line $a$ near the centre and line $b$ at the
# edge. Complete scans would count both alike. But a loss on hidden lines can count a
# line only if it was *measured*. Our scanner measures line $a$ in 4 scans of 10 and
# line $b$ in 1 of 20. So line $b$ hardly ever counts, and the network does not care
# about it.
#
# We know how often each line is measured: the protocol says so. We call the probability
# $P$. A second mask keeps a measured line with the probability $\tilde P$, and hides it
# otherwise. By hand, for line $a$ with $P = 0.4$ and $\tilde P = 0.5$:
#
# - it is measured *and hidden* in $0.4 \cdot (1 - 0.5) = 0.2$ of all scans;
# - it is *not given*, whether measured or not, in $1 - 0.4 \cdot 0.5 = 0.8$ of them.
#
# The network cannot tell a line that was hidden from one that was never measured, so
# its error is the same in both cases, on average. Of the times when line $a$ is missing
# from the input, the loss sees it in $0.2/0.8 = 1/4$. If we count its error four
# times whenever we see it, we have the right mean. For line $b$ with $P = 0.05$ and
# $\tilde P = 0.1$ it is $0.05 \cdot 0.9 = 0.045$ of $1 - 0.005 = 0.995$, one time in
# 22. Its error counts 22 times.
#
# The weight of a line's error is therefore
#
# $$ w = \frac{1 - P \tilde P}{P\,(1 - \tilde P)} . $$

# %% [markdown]
# Weights repair the mean of a *sum* over lines, not a root of it. By hand: a squared
# error of 4 that is seen once in four scans and counted four times gives 16, 0, 0, 0,
# and its mean is 4, as it should be. The roots are 4, 0, 0, 0, with a mean of 1, where
# the root of 4 is 2. So the two norms go, and squared errors come in their place.
#
# **Weighted SSDU** is SSDU that hides lines as the scan leaves them out, and weighs
# each squared error by the inverse of the probability that a line which is not given
# was measured [Millard and Chiew, 2023].

# %%
P = line_density(96, 4, acs=8)  # (ky, 1): the centre always, the edge rarely
kept = splitting_density(P, ratio=0.25)  # hides one measured line in four
weights = split_weights(P, kept)
ky = torch.arange(96) - 48
curves = {"measured, P": P[:, 0], "kept by the second mask": kept[:, 0]}
plot_lines(ky, curves, xlabel="ky", ylabel="probability of a line")
print(f"P at the edge: {P[0, 0]:.3f}, its weight: {weights[0, 0]:.0f}")
print(f"P beside the centre: {P[43, 0]:.3f}, its weight: {weights[43, 0]:.1f}")

# %% [markdown]
# In the centre both are 1: it is always measured and never hidden, and its weight is
# set to 0. Outside both fall to the edge: what is given to the network is dense in the
# middle and thin outside, as a scan is. The second curve is cut off at 0.9. So every
# line outside the centre is hidden sometimes, and something is learned about it. At the
# edge an error counts 22 times. Beside the centre it counts 15 times, and
# not 4 as by hand: lines are measured often there, but the second mask keeps 9 in 10
# and not half. So they are hidden in $0.42 \cdot 0.1 = 0.042$ of all scans and not
# given in $1 - 0.42 \cdot 0.9 = 0.62$, one time in 15.
#
# Is the weighted loss right? We try it with an error that is 1 everywhere, on 2000
# draws of both masks. With complete scans the mean loss over all lines that are not
# given would be $\sum (1 - P \tilde P)$, since each line counts whenever it is missing.

# %%
predict("sum-of-weights")

# %%
generator = torch.Generator().manual_seed(0)
plain = []
weighted = []
for _ in range(2000):
    measured = drawn_lines(P, generator)  # bool (ky, 1)
    seen = measured & ~drawn_lines(kept, generator)  # measured and hidden
    plain.append(seen.sum().double())
    weighted.append((weights * seen).sum())
complete = (1 - P * kept).sum()
print(f"complete scans {complete:.1f} lines")
print(f"weighted       {torch.stack(weighted).mean():.1f}")
print(f"not weighted   {torch.stack(plain).mean():.1f}")

# %% [markdown]
# On average six lines are hidden in a draw. With the weights they stand for all lines
# that are missing, the number that complete scans would give.
#
# What this does for a network we see below, together with one more way.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What a turned head knows
#
# There is another way. We know something that we have not used yet. A head that is
# turned by 30 degrees in the scanner is a head as good as before. So the set of all
# images of heads does not change when each is turned. We write $T$ for such a turn.
#
# How does that help? A reconstruction that leaves the missing lines empty makes images
# whose k-space has holes: empty rows. Turn such an image by 90 degrees, and the holes
# of its k-space are columns. Now scan it again, with our mask, and reconstruct. Let us
# look.

# %%
holes = A.adjoint(kspace)  # zero-filled, (20, y, x)
turned = holes.rot90(1, (-2, -1))
again = A.adjoint(A.forward(turned))  # scanned again, zero-filled again
panels = {"zero-filled": holes, "turned": turned, "scanned again": again}
show_kspace({name: fft2c(each[SHOWN]) for name, each in panels.items()}, scale=100)

# %% [markdown]
# Left the k-space of the zero-filled image: missing lines are black. Middle: turned,
# the holes are columns. Right: scanned and zero-filled again, it has both kinds of
# holes. It is not what we turned. A network that fills all holes would get back what
# was turned: it would pass this test, and for the test nobody needs a reference.
#
# **Equivariant imaging** is the training of a network $f$ on undersampled scans by two
# demands: its image fits all measured samples, and the image, turned, scanned again and
# reconstructed, comes back as it was [Chen et al., 2021]:
#
# $$ \lVert A \hat x - y\rVert^2 + \alpha\,\lVert f(A\,T \hat x) - T \hat x\rVert^2 ,
#    \qquad \hat x = f(y) . $$
#
# (The first demand breaks our rule: its noise is not hidden. So it does not teach to
# remove noise. $\alpha$ says how much the second demand counts, 1 in ours. The turns
# are by any angle.)
#
# Four networks with the same layers learned from the same 300 scans, in as many steps.

# %%
predict("order-of-four")

# %%
ONE_COIL = {
    "SSDU": "ssl_single_ssdu",
    "weighted SSDU": "ssl_single_weighted",
    "equivariant": "ssl_single_equivariant",
    "complete": "ssl_single_supervised",
}
dB = {"zero-filled": psnr(A.adjoint(kspace), reference)}
one_coil = {"reference": reference}
for label, name in ONE_COIL.items():
    one_coil[label] = trained(name)(A, kspace)
    dB[label] = psnr(one_coil[label], reference)

# %%
behind = {}
for label in list(ONE_COIL)[:-1]:
    behind[label] = dB[label] - dB["complete"]
show_gains(behind, xlabel="over the network with complete scans (dB), 20 slices")
for label, each in dB.items():
    print(f"{label:15} {each.mean():.2f} dB")

# %%
shown = {label: image[SHOWN] for label, image in one_coil.items()}
shown.pop("equivariant")  # four panels a row; it looks like the weighted one
show_images(shown, reference=reference[SHOWN], error_gain=3)

# %% [markdown]
# The order is SSDU, then weighted SSDU and equivariant imaging, then complete scans.
# A better question alone brings 1.25 dB, half of the 2.4 dB that SSDU was behind. So
# that half was the price of a wrong question, and not of missing references. What is
# left is 1.15 dB. (Weighted SSDU differs from SSDU in five things:
# whole lines, weights, squares, the share that is hidden, and a new draw in each step.
# We have not taken them apart. And our complete scans are free of noise. Real ones are
# not.)
#
# One thing does not agree with the literature. In SSIBench, a published comparison with
# one coil, equivariant imaging was 0.3 dB ahead of weighted SSDU. Ours is not: it is
# 0.1 dB behind, which is level. (Our network is small and was trained briefly.) In the
# pictures SSDU has ghosts along $y$ in the brain, which the weighted form has fewer of.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gain = dB["SSDU"] - dB["zero-filled"]
claim("one coil: SSDU over zero-filled", gain, at_least=0.3, unit="dB")
gain = dB["weighted SSDU"] - dB["SSDU"]
claim("one coil: weighted SSDU over SSDU", gain, at_least=0.5, unit="dB")
gain = dB["complete"] - dB["weighted SSDU"]
claim("one coil: complete scans over weighted SSDU", gain, at_least=0, unit="dB")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# In SSIBench (one coil, R = 6) SSDU was 0.3 dB over zero-filled, and weighted SSDU 1.95
# dB over SSDU. We ask for the first, and for half a decibel of the second, since our R
# is lower. That equivariant imaging is ahead of weighted SSDU we had expected too. It
# was not so in a pilot with other slices, nor here: so there is no claim.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### One mask for all
#
# All scans so far had lines of their own. Many protocols have *one* mask: each patient
# is scanned with the same lines. Then a line that is missing is missing in all scans.
# Its probability $P$ is 0, and the weight would be $w = 1 / 0$. So we leave weighted
# SSDU out, and train the other three with one mask.

# %%
predict("one-mask-for-all")

# %%
fixed = bench_for("ssl_fixed_ssdu")  # one coil, the same lines in every scan
ONE_MASK = {
    "SSDU": "ssl_fixed_ssdu",
    "equivariant": "ssl_fixed_equivariant",
    "complete": "ssl_fixed_supervised",
}
fixed_images = {"zero-filled": fixed.A.adjoint(fixed.kspace)}
for label, name in ONE_MASK.items():
    fixed_images[label] = trained(name)(fixed.A, fixed.kspace)
dB_fixed = {}
for label, image in fixed_images.items():
    dB_fixed[label] = psnr(image, fixed.reference)
    print(f"{label:15} {dB_fixed[label].mean():.2f} dB")
shown = {"reference": fixed.reference[SHOWN]}
for label in ONE_MASK:
    shown[label] = fixed_images[label][SHOWN]
show_images(shown, reference=fixed.reference[SHOWN])

# %% [markdown]
# With this one mask SSDU is 3.3 dB behind complete scans, where it was 2.4 dB with
# many. No scan has ever told it what lies on a missing line. Equivariant imaging is
# 1.5 dB behind, where it was 1.2: it loses less. What lies on a missing line today lies
# on a measured one when the head is turned.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gain = dB_fixed["equivariant"] - dB_fixed["SSDU"]
claim("one mask: equivariant imaging over SSDU", gain, at_least=0.5, unit="dB")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Several coils
#
# With several coils a missing sample can be computed from its neighbours in whatever
# direction they lie ([[coil_calibration]]). So the two questions, holes and missing
# lines, become more alike. The first papers on SSDU had many coils, and reported images
# close to those of supervised training. But the network with complete scans has the
# coils as well. How close are ours? Eight coils, $R = 4$, maps from the twelve central
# lines.

# %%
predict("eight-coils")

# %%
eight = bench_for("ssl_multi_weighted")  # the same number of slices, eight coils
EIGHT_COILS = {
    "SSDU, one split": "ssl_multi_ssdu_one",
    "SSDU, seven splits": "ssl_multi_ssdu",
    "weighted SSDU": "ssl_multi_weighted",
    "complete": "ssl_multi_supervised",
}
dB_eight = {"zero-filled": psnr(eight.A.adjoint(eight.kspace), eight.reference)}
for label, name in EIGHT_COILS.items():
    image = trained(name)(eight.A, eight.kspace)
    dB_eight[label] = psnr(image, eight.reference)
for label, each in dB_eight.items():
    print(f"{label:18} {each.mean():.2f} dB")

# %%
gap_eight = dB_eight["complete"] - dB_eight["weighted SSDU"]
gap_one = dB["complete"] - dB["weighted SSDU"]
print(f"complete scans over weighted SSDU, eight coils: {gain_in_words(gap_eight)}")
print(f"one coil:                                       {gain_in_words(gap_one)}")
for name, scores in {"one coil": dB, "eight coils": dB_eight}.items():
    own = scores["weighted SSDU"] - scores["zero-filled"]
    whole = scores["complete"] - scores["zero-filled"]
    print(
        f"{name}: {100 * own.mean() / whole.mean():.0f} % of the gain over zero-filled"
    )

# %% [markdown]
# Plain SSDU is 2.0 dB behind complete scans, with one split a scan as with seven. (Its
# authors found several of them to help, at higher acceleration. Here they do not.) The
# weighted form is 0.6 to 0.7 dB better, and complete scans are 1.3 dB ahead of it, with
# an interval from 1.0 to 1.7. Before the training we had written down "within 1 dB",
# and that does not hold. Coils have made both networks better by about 4 dB, and so
# they are no nearer in decibels than with one coil. In another measure they are, a
# little: of the gain over zero-filled, weighted SSDU reaches 85 %, where it was 80 %
# with one coil.
#
# Published comparisons came closer: in SSIBench with four simulated coils 0.9 dB, and
# in the first papers, with many coils and a far larger network, readers hardly
# saw a difference. Why not ours? It is small, 300 scans are few, and the loss of
# weighted SSDU sees six lines of a scan where complete scans show all 96. We have not
# tried to find out which of these it is.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gain = dB_eight["weighted SSDU"] - dB_eight["zero-filled"]
claim("eight coils: weighted SSDU over zero-filled", gain, at_least=3, unit="dB")
claim(
    "eight coils: complete scans over weighted SSDU", gap_eight, at_least=0, unit="dB"
)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# In SSIBench (four coils) weighted SSDU was 5.2 dB over zero-filled; we ask for 3. The
# claim "within 1 dB of complete scans" was written before the trainings. It fails, so
# it is not among the claims, and stands in the text as what it is.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One scan alone
#
# So far 300 scans taught one network. Can a network learn from the very scan that it is
# to reconstruct? Then nobody need have similar scans at all. **Zero-shot** learning is
# the training of a network on the one scan that it then reconstructs [Yaman et al.,
# 2022].
#
# A network has thousands of weights, and one scan a few thousand samples. It will
# overfit ([[honest_experiments]]): in the end it knows the noise by heart. So one must
# stop in time, and nobody has a reference to say when. The authors split $\Omega$ in
# three. $\Theta$ and $\Lambda$ are drawn anew in each step; ours uniformly. A third
# part, $\Gamma$, a fifth of all samples, is a validation set: no step uses it. From
# time to time the network predicts $\Gamma$ from all others. One keeps the weights with
# which that went best.
#
# The authors start from an untrained network, or from one of other scans. To save time
# we do the second, and take that of weighted SSDU. Here is one slice, in three parts.

# %%
ALONE = 12  # the slice of this section
alone = bench._replace(
    A=SenseOperator(A.smaps[ALONE : ALONE + 1], A.mask[ALONE : ALONE + 1]),
    kspace=kspace[ALONE : ALONE + 1],
    reference=reference[ALONE : ALONE + 1],
)
omega = alone.A.mask[0, 0].expand(96, 96)  # bool (ky, kx)
free = omega.clone()
free[46:50, 46:50] = False  # the block that stays
n_measured = int(omega.sum())
generator = torch.Generator().manual_seed(0)
[gamma] = drawn_parts(free, [n_measured // 5], generator)
rest = free & ~gamma  # what a step may hide


def draw_hidden():
    """Two in five of the samples that are not validation: bool (ky, kx)."""
    [hidden] = drawn_parts(rest, [int(0.4 * (omega & ~gamma).sum())], generator)
    return hidden


# %%
hidden = draw_hidden()
theta = omega & ~gamma & ~hidden
show_mask({"given": theta, "hidden": hidden, "validation": gamma})


# %%
def hidden_loss(network, given, hidden):
    """Loss of the hidden samples, predicted from the given ones."""
    A_given = SenseOperator(alone.A.smaps, given[None, None])
    split = Parts(A_given, alone.kspace, hidden[None, None])
    return l1_l2(split.predict(network), split.measured)


@torch.no_grad()
def look(network):
    """Validation loss, and what nobody could know: the image's PSNR (dB)."""
    loss = hidden_loss(network, omega & ~gamma, gamma)
    image = network(alone.A, alone.kspace)
    return loss.item(), psnr(image, alone.reference).item()


# %%
start = trained("ssl_single_weighted")
network = copy.deepcopy(start).requires_grad_(True)
optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
steps = []
looks = []
states = []
for step in range(81):
    if step % 10 == 0:
        steps.append(step)
        looks.append(look(network))
        states.append(copy.deepcopy(network).requires_grad_(False))
    hidden = draw_hidden()
    optimiser.zero_grad()
    hidden_loss(network, omega & ~gamma & ~hidden, hidden).backward()
    optimiser.step()

# %%
for step, (loss, _) in zip(steps, looks, strict=True):
    print(f"step {step:2}: validation loss {loss:.3f}")

# %% [markdown]
# The validation loss falls from 0.54 to 0.34. By the rule of early stopping we take
# the step where it is lowest.

# %%
predict("lowest-validation-loss")

# %%
validation = torch.tensor([loss for loss, _ in looks])
truth_dB = torch.tensor([score for _, score in looks])
curves = {"validation samples": 20 * torch.log10(validation[0] / validation)}
curves["image, against the truth"] = truth_dB - truth_dB[0]
plot_lines(steps, curves, xlabel="step", ylabel="better than at the start (dB)")
best = validation.argmin()
print(f"stopped at step {steps[best]}: image {truth_dB[best] - truth_dB[0]:+.2f} dB")
print(f"at worst: {truth_dB.min() - truth_dB[0]:+.2f} dB")

# %% [markdown]
# The validation samples are predicted far better, by up to 4 dB. The image gets
# *worse*. At the step where the rule stops it has lost 1 dB, and in between twice as
# much. The validation loss has not lied: those samples *are* predicted better. But they
# are points on measured lines. The network is now better at holes in lines. At lines
# that are missing altogether it has become worse. It is the wrong question again, and a
# validation set of the same kind asks it, too.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A second guard
#
# So early stopping needs a guard that looks at something else. Here is one. Take an
# image that looks much like ours, and pretend that it is the truth. Scan it in the
# computer with *our* mask, *our* maps and *our* noise level. Reconstruct this scan by
# the network as it was, and by the network as it is now. Now we do know the truth, and
# all of k-space counts. A **twin** of a scan is a simulated scan of a known image with
# the same lines, maps and noise level.
#
# Which image? That of the old network would favour the old network, and that of the new
# one the new. We take the mean of both.


# %%
@torch.no_grad()
def twin_gain(network):
    """By how much the twin is reconstructed better than by the start (dB)."""
    known = (start(alone.A, alone.kspace) + network(alone.A, alone.kspace)) / 2
    sigma = noise_level(alone.kspace[0], omega).item()
    noise = sigma * random_complex(1, 1, 96, 96, seed=3).to(DEVICE)
    twin = torch.where(alone.A.mask, alone.A.forward(known) + noise, 0)
    before = (start(alone.A, twin) - known).norm()
    after = (network(alone.A, twin) - known).norm()
    return 20 * torch.log10(before / after).item()


# %%
curves["twin"] = torch.tensor([twin_gain(state) for state in states])
plot_lines(steps, curves, xlabel="step", ylabel="better than at the start (dB)")
print(f"the twin at step {steps[best]}: {curves['twin'][best]:+.2f} dB")

# %% [markdown]
# At step 10 the twin's curve is still slightly above zero, from step 20 on it is below.
# It falls by less than the truth, but it has the right sign, and it costs no reference.
# Whoever had looked at it would have kept the network as it was.
#
# One guard is not enough. On another slice, number 8, the image got worse in our pilot,
# and the twin did not object. So the library's `adapt` does three things:
#
# - it asks the right question: it hides whole *lines*, a tenth of them. It judges by
#   lines that no step learned from: each is hidden alone and predicted from all others;
# - it trains several copies, each with a validation set of its own, and takes the mean
#   of their weights;
# - it has more guards: the copies must agree, the image must not move too far, and the
#   twin must not get worse. Where one objects the network stays as it was.
#
# What is too far? The held-out lines tell by how much the energy of the error has
# fallen. By hand: it was 25 and is now 16, so the image was off from the truth by 5 and
# is now off by 4. How far did it have to move for that? By 3 at a right angle to what
# is left, since $3^2 + 4^2 = 5^2$ (Pythagoras): an energy of 9, and that is what the
# error has lost. If the image has moved by much more, by an energy of 30, then most of
# the way did not lead to the truth. The library allows about three times what the error
# lost.

# %%
draws = load_checkpoint("ssl_single_weighted").recipe.slices("test", 26)
options = AdaptationSettings(n_steps=20, check_every=10, n_splits=4, learning_rate=1e-3)
for number in [ALONE, 8, 9]:
    scan = draws[number].to(DEVICE)
    adapted = adapt(start, [scan], options)
    image = adapted.network(A, kspace)[number]
    gain = psnr(image, reference[number]) - dB["weighted SSDU"][number]
    print(f"slice {number}: {adapted}; image {gain:+.2f} dB")

# %% [markdown]
# The same slice that lost 1 dB now gains 1.1 dB. So one scan can teach. (Not only lines
# have taken the place of points. The steps are fewer, a tenth is hidden and not two
# fifths, and several copies are averaged.) Slice 8 gains 0.3 dB. On slice 9 a guard
# objects, and nothing changes. Was that right? A real scan does not tell. Guards are
# cautious: they also refuse adaptations that would have helped.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
fall = (1 - validation[best] / validation[0]).item()
claim("zero-shot: the validation loss has fallen by", 100 * fall, at_least=5, unit="%")
lost = (truth_dB[best] - truth_dB[0]).item()
claim("and the image has changed by", lost, at_most=0, unit="dB")
claim("the twin has changed by", curves["twin"][best].item(), at_most=0, unit="dB")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose this slice</summary>
#
# By looking. In a pilot with 80 steps on ten slices the validation loss fell and the
# image got worse on five. On one both got better, on four the loss did not fall. Of the
# five we show the plainest. So these three claims say that such a case exists, not how
# often it does. Slice 8 is there since the twin failed on it, slice 9 since a guard
# objects. With hidden lines, and nothing else changed in the loop above, slice 12
# gained 0.6 dB where it stopped, and slice 8 lost 1.0 dB: lines alone are not enough.
#
# How often does `adapt` help? With its own settings, on 31 other simulated scans, it
# was used on 9, which gained 1.2 dB on average, and none lost. On 6 a guard objected
# rightly, on 11 wrongly, and 5 had too few lines outside the centre.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## On real data: a brain that nobody has complete
#
# `sigpy_brain_8ch` is a slice of a brain, eight coils, *measured* undersampled: one
# sample in eight. There is no complete scan of it. So there is no PSNR, and there never
# will be. Both axes are phase encodes here, and the samples are scattered points. What
# is missing are points, too. So here hiding points would ask the right question. But
# with eight coils we have only trained a network that hid lines. Is it of use here?

# %%
brain = load_real("sigpy_brain_8ch").to(DEVICE)
show_mask(brain.mask)

# %%
without = trained("ssl_multi_weighted")  # it never saw a complete scan
large = trained("modl")  # more layers, a longer training, complete simulated scans
A_brain = SenseOperator(brain.smaps, brain.mask)
brain_images = {
    "zero-filled": A_brain.adjoint(brain.kspace),
    "CG-SENSE": cg_sense(A_brain, brain.kspace, reg_weight=1e-2, n_iterations=30),
    "no references": apply_network(without, brain),
    "MoDL": apply_network(large, brain),
}
middle = (slice(60, 160), slice(40, 140))  # where the fine detail is
show_images({label: image[middle] for label, image in brain_images.items()})

# %% [markdown]
# We show the middle of the head. The zero-filled image is blurred. CG-SENSE ([[sense]])
# is sharp and grainy. (Its weight is the best of 0.1, 0.01 and 0.001, by the samples
# below.) The network without references was trained on missing lines and on simulated
# heads of 96 x 96 pixels. It has a grain of its own, of fine stripes, and does not
# look cleaner than CG-SENSE. The last is the large MoDL of the earlier lessons, trained
# with complete simulated scans: the smoothest of the four.

# %% [markdown]
# Which one is best? "The smoothest" is no answer. We hide a tenth of the points outside
# the centre, reconstruct from the others, and ask how well the hidden ones are
# predicted. They are noisy themselves. So even the *true* image could not predict them
# beyond what the noise allows. We compute this ceiling from the noise level of the
# scan. A fair rival comes in as well: the network that has the layers of ours, and
# learned from the same scans with their complete k-space.

# %%
predict("beyond-the-noise")

# %%
generator = torch.Generator().manual_seed(0)
outer = outside_centre(brain.mask, brain.shape)
[held_out] = drawn_parts(outer, [int(outer.sum()) // 10], generator)
judged = torch.where(held_out, brain.kspace, 0)
fewer = brain.undersample(brain.mask & ~held_out)
A_fewer = SenseOperator(fewer.smaps, fewer.mask)
from_fewer = {
    "zero-filled": A_fewer.adjoint(fewer.kspace),
    "CG-SENSE": cg_sense(A_fewer, fewer.kspace, reg_weight=1e-2, n_iterations=30),
    "no references": apply_network(without, fewer),
    "complete": apply_network(trained("ssl_multi_supervised"), fewer),
    "MoDL": apply_network(large, fewer),
}

# %%
found = {}
for label, image in from_fewer.items():
    predicted = held_out * fft2c(brain.smaps * image)
    found[label] = held_out_db(predicted[None], judged[None])
    print(f"{label:15} {found[label]:.2f} dB")
# of each coil, in the real and in the imaginary part
sigma = noise_level(brain.kspace, brain.mask).item()
noise_energy = 2 * sigma**2 * held_out.sum() * len(judged)
ceiling = 10 * torch.log10(judged.abs().square().sum() / noise_energy).item()
print(f"{'the true image':15} about {ceiling:.1f} dB")

# %% [markdown]
# (The energy of the hidden samples over that of the error.) The network without
# references predicts them 0.5 dB better than CG-SENSE. Its rival with complete scans is
# level with it here. MoDL is 1.8 dB ahead: a larger network with a longer training, so
# this is no price of having no references. All stay below the ceiling of 15 dB, as they
# must. Who reports 20 dB has a leak, or a wrong noise level. At most 4 dB are left. The
# noise level is an estimate, which may be off by a few decibels, and nobody reaches the
# true image from an eighth of its samples, with noise.
#
# What may we say, then, about an image without a reference?
#
# - *Yes:* it predicts samples that it never saw, better than another method does, and
#   by so much. That is measured, on this very brain.
# - *No:* that the same holds for samples which nobody measured. The corners of k-space
#   are empty in this scan, and no hidden point speaks for them.
# - *No:* that every structure is there. The samples add up over the whole image, and a
#   small lesion is a tiny part of their energy ([[hallucinations]]).
# - *No:* a PSNR, or "close to supervised". There is nothing to be close to.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gain = found["no references"] - found["zero-filled"]
claim("real brain: held-out samples, over zero-filled", gain, at_least=3, unit="dB")
room = ceiling - max(found.values())
claim(
    "real brain: the best one stays below the ceiling by", room, at_least=0, unit="dB"
)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 26.4 · the weights  (★★☆, about 7 min) · Go further
#
# Compute $w$ for all lines, by the formula of *The wrong question*. `density` is $P$
# and `kept` is $\tilde P$, real (ky, 1). Lines that are never hidden get the weight 0.
#
# <details><summary>Hint 1: two probabilities</summary>
#
# A line is hidden with the probability $P\,(1 - \tilde P)$, and not given with $1 - P
# \tilde P$.
# </details>
#
# <details><summary>Hint 2: no 0/0</summary>
#
# `hidden.clamp_min(1e-12)` is never zero, so one may divide by it.
# `torch.where(hidden > 0, a, 0)` keeps `a` where something is hidden.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_split_weights(density, kept):
    """Real (ky, 1), the same -> weights of squared errors, (ky, 1)."""
    ### BEGIN SOLUTION
    hidden = density * (1 - kept)
    not_given = 1 - density * kept
    return torch.where(hidden > 0, not_given / hidden.clamp_min(1e-12), 0)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Lines $a$ and $b$, then two protocols. Then your weights of our
# protocol, for three shares of hidden lines.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_split_weights(my_split_weights)
RATIO = 0.25  # change it, see below
spread = {}
for share in [0.1, RATIO, 0.5]:
    second_mask = splitting_density(P, ratio=share)
    mine = my_split_weights(P, second_mask)
    spread[f"hidden: {share:.0%}"] = torch.where(mine > 0, mine, torch.nan)[:, 0]
    lines = (P * second_mask).sum()
    print(
        f"hidden {share:.0%}: {lines:.0f} lines given, largest weight {mine.max():.0f}"
    )
plot_lines(ky, spread, xlabel="ky", ylabel="weight of a squared error", log="y")

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change something.** The protocol measures 24 lines. Change `RATIO`, say to 0.15 and
# 0.4. Which weights change most? And how does the number of given lines compare with
# the 24 of the real task? What speaks for hiding few lines, and what for hiding many?
#
# *Your answer:* (click here and write)
#
# <details><summary>Hint</summary>
#
# With a tenth a scan has two or three hidden lines: how much does one of them decide?
# With a half the network is given 12 lines: is that the task of the end?
# </details>

# %% [markdown] tags=["solution"]
# At the edge the weights change little, from 20 to 31: what is small there is $P$. In
# between they change most: at ky = -28 from 9 (half of the lines hidden) to 67 (a
# tenth). With a tenth one scan has two or three hidden lines, and its loss is a
# lottery: right on average, but each step of the training goes in another direction.
# With a half the weights are small and alike. But the network is given 12 lines in
# place of 24: it learns to reconstruct a scan of half as many lines, and that is not
# the scan of the end. Hide as few as the noise of the steps allows.

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# The weight is one over the probability that a line's error is seen, given that the
# line is missing. So on average each missing line counts once.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To take $1/P$. It repairs how rarely a line is measured, and forgets that of the
# measured ones only the hidden ones are seen.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %% jupyter={"source_hidden": true}
print(f"nonsense in what is hidden changes the prediction by {change.max():.0f}")
for label, each in behind.items():
    print(f"one coil, {label}: {gain_in_words(each)} against complete scans")
for label in ["SSDU", "equivariant"]:
    each = dB_fixed[label] - dB_fixed["complete"]
    print(f"one mask, {label}: {gain_in_words(each)} against complete scans")
print(f"eight coils, weighted SSDU: {gain_in_words(-gap_eight)}")
print(
    f"zero-shot: validation loss {validation[0]:.3f} -> {validation[best]:.3f}", end=""
)
print(f", image {truth_dB[best] - truth_dB[0]:+.2f} dB")
for label, each in found.items():
    print(f"real brain, held-out samples, {label}: {each:.1f} dB")

# %% [markdown]
# - **Split.** Hide a part of what was measured, let the network predict it from the
#   rest, and compare there. The target may be noisy, if its noise is hidden.
# - **Test.** Change what is hidden to nonsense. If any number of the prediction
#   changes, something leaks.
# - **Weigh.** Hide as the scan leaves out, and count each error by one over the chance
#   that a missing line is seen. With all else that weighted SSDU does, it was half of
#   the distance to complete scans. The rest stayed, with one coil and with eight: our
#   networks without references were not within 1 dB.
# - **One scan.** A validation loss can fall while the image gets worse (ours: one coil,
#   missing lines), since it asks about samples that are measured. Look at a twin as
#   well, hide what looks like what is missing, and be ready to take the network back.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Yaman et al., Magn Reson Med 84:3172, 2020, [10.1002/mrm.28378](https://doi.org/10.1002/mrm.28378):
#   SSDU. Several masks: NMR Biomed 35:e4798, 2022, [10.1002/nbm.4798](https://doi.org/10.1002/nbm.4798).
# - Millard and Chiew, IEEE Trans Comput Imaging 9:707, 2023, [10.1109/TCI.2023.3299212](https://doi.org/10.1109/TCI.2023.3299212):
#   why a split works at all, and the weights.
# - Chen, Tachella and Davies, ICCV 2021, [10.48550/arXiv.2103.14756](https://doi.org/10.48550/arXiv.2103.14756):
#   equivariant imaging. Four methods side by side: SSIBench, [github.com/Andrewwango/ssibench](https://github.com/Andrewwango/ssibench).
#   Noise2Noise: Lehtinen et al., ICML 2018, [10.48550/arXiv.1803.04189](https://doi.org/10.48550/arXiv.1803.04189).
# - Yaman, Hosseini and Akçakaya, ICLR 2022, [10.48550/arXiv.2102.07737](https://doi.org/10.48550/arXiv.2102.07737):
#   zero-shot learning with a validation set.
