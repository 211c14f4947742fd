# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 29 · Generative priors
#
# **You will be able to**
# - say what a denoiser knows about images, and draw new images with it;
# - draw many images that all agree with one scan, by two steps that take turns;
# - test such a sampler where the exact answer is known;
# - say what the mean and the spread of the samples tell, and what they do not.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | [[modl]], [[uncertainty]] | 110 minutes | 60 s | simulated |

# %% [markdown]
# One line of k-space in three was measured. So two lines of three may hold anything,
# and still the image agrees with the scan. Most of these images are noise. Some are
# heads. And of the heads there are many, too: with a vessel here or without, with a
# sharper fold there.
#
# All networks of this course so far give *one* image. In this lesson we draw many, and
# look at how much they differ.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
import time  # noqa: I001  packed below
from dataclasses import replace

import torch

from mricourse import SenseOperator, claim, device, fft2c, ifft2c, predict, your_turn
from mricourse import random_complex
from mricourse.evaluation import best_on_others, gain_in_words, honest_coverage
from mricourse.evaluation import range_coverage, rank_correlations
from mricourse.exercises import check_best_on_others, check_data_draw
from mricourse.exercises import check_denoise_images, check_range_coverage
from mricourse.networks import ImplicitImage, fit_implicit
from mricourse.physics import random_mask, stack
from mricourse.plotting import plot_lines, show_images
from mricourse.reconstruct import cg_sense, image_under, posterior_samples
from mricourse.simulate import TaskScans, draw_scan
from mricourse.training import load_checkpoint

# %%
torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one, else the CPU
N = 96  # pixels of a side
WAY = {"n_levels": 24, "n_steps": 1}  # of our sampler; the lesson explains both
prior = load_checkpoint("diffusion").network.to(DEVICE).requires_grad_(False)
test_set = TaskScans("test", seed=29, task="undersampling", strength=(3, 3))
scan = test_set[0].to(DEVICE)  # one simulated head, one line in three
reference = scan.reference  # complex (y, x), the brightest pixel is 1

# %%
A = SenseOperator(scan.smaps, scan.mask)
start = time.perf_counter()
eight = prior.samples(A, scan.kspace, 8, **WAY)  # complex (8, y, x)
print(f"8 images of {N} x {N} pixels in {time.perf_counter() - start:.1f} s")
views = {"reference": reference, "zero-filled": A.adjoint(scan.kspace)}
views["one image"] = eight[0]
views["another one"] = eight[1]
show_images(views, reference=reference, scores=False)

# %%
left = A.mask * (A.forward(eight[:2]) - scan.kspace)
n_measured = scan.mask.sum() * N
misfit = (left.abs().square().sum((-3, -2, -1)) / (2 * n_measured)).sqrt()
print(f"noise of the scan {scan.meta['noise_std']:.4f};", end=" ")
print(f"off from the data by {misfit[0]:.4f} and {misfit[1]:.4f}")
views = {"difference of the two": eight[0] - eight[1]}
views["error of the first"] = eight[0] - reference
show_images(views, window=(0, 0.3), label="magnitude of the difference")

# %% [markdown]
# (Head, noise and lines are simulated, with one coil.)
#
# The last two images of the upper row nearly agree with the scan: in the lines that
# were measured they are off by 0.016, where the noise is 0.011. Yet they differ from
# each other, by a little in all of the head (lower left). And each differs from the
# reference by much more (lower right).
#
# How does one draw such images? And what may one conclude from their differences? These
# are the two questions of the lesson. We begin with an image of two pixels.
#
# (A word with two meanings. In this lesson a **sample** is an image that was drawn.
# What a scanner measured, the samples of k-space in the lessons before, we call
# *measured values* here.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two pixels, one sample
#
# By hand. An image has two pixels, $a$ and $b$. The scan has measured one number, their
# sum: 6. Which images agree? $(3, 3)$ does, and $(0, 6)$, and $(7, -1)$: a whole line
# of images.
#
# Now we know something about images *before* the scan: pixels of our kind lie around 2,
# with a standard deviation of 1, each by itself. Knowledge of this kind is a **prior**.
# Then $(3, 3)$ is likely, $(0, 6)$ is not: 6 lies four standard deviations above 2.
#
# How likely is each image of the line? We write it as $(3 + d, 3 - d)$. The two pixels
# are off from 2 by $1 + d$ and $1 - d$. For Gaussians the squares count:
#
# $$ (1 + d)^2 + (1 - d)^2 = 2 + 2 d^2 . $$
#
# The density falls as $e^{-(2 + 2d^2)/2}$, that is as $e^{-d^2}$: a bell around $d = 0$
# with a standard deviation of $1/\sqrt2 = 0.71$. So the scan and the prior together
# leave a small cloud of images around $(3, 3)$. This cloud is the **posterior**: what
# we know *after* the scan. Its middle is the **posterior mean**. An image drawn from
# it, for instance $(3.6, 2.4)$, is a **sample** of the posterior.

# %%
draws = 2 + torch.randn(200_000, 2)  # images of two pixels, from the prior
near = (draws.sum(1) - 6).abs() < 0.02  # those that agree with the scan, nearly
kept = draws[near]
half = (kept[:, 0] - kept[:, 1]) / 2  # the d of each
print(f"{len(kept)} of 200,000 agree;", end=" ")
print(f"mean ({kept[:, 0].mean():.2f}, {kept[:, 1].mean():.2f}),", end=" ")
print(f"standard deviation of d {half.std():.2f}")

# %% [markdown]
# We drew 200,000 images from the prior, and threw away all that do not agree with the
# scan. Those that are left are samples of the posterior, and their mean and spread are
# those that we found by hand.
#
# For two pixels this is a method. For 9216 it is none: no draw would ever agree. We
# need a way that goes *to* the images that agree. And we need a prior for heads. A
# denoiser has both.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What a denoiser knows
#
# Suppose that only two images of one pixel exist: 0 and 4, equally often. We see one of
# them with noise of standard deviation $\sigma = 2$, and read 3. Which was it?
#
# By hand: 3 is off from 4 by 1 and from 0 by 3. The weights are $e^{-1/8} = 0.88$ and
# $e^{-9/8} = 0.32$ (the squares, over $2\sigma^2 = 8$). In shares that is 73 % and
# 27 %. So the mean of the images that may lie under a reading of 3 is
#
# $$ D(3;\, 2) = 0.73 \cdot 4 + 0.27 \cdot 0 = 2.9 . $$
#
# With less noise the answer is clearer. For $\sigma = 1$ the weights are
# $e^{-1/2} = 0.61$ and $e^{-9/2} = 0.01$, so $D(3;\, 1) = 3.9$. With very much noise a
# reading says nothing, and $D$ is the mean of all images, 2.
#
# $D(x; \sigma)$, the mean of all images that may lie under $x$, is the best
# **denoiser** for the squared error. And it knows the prior: it pulls towards images
# that exist. [[loss_functions]] had it the other way round: a network that is trained
# with the squared error, on images with noise, becomes this mean.


# %%
def denoise_two(x, sigma):
    """Mean of the images 0 and 4 under readings x, a tensor of any shape."""
    zero = torch.exp(-(x**2) / (2 * sigma**2))
    four = torch.exp(-((x - 4) ** 2) / (2 * sigma**2))
    return 4 * four / (zero + four)


readings = torch.linspace(-3, 7, 201)
curves = {f"σ = {each}": denoise_two(readings, each) for each in [0.5, 1.0, 2.0, 6.0]}
plot_lines(readings, curves, xlabel="reading x", ylabel="mean of the images under x")
print(f"D(3; 2) = {denoise_two(torch.tensor(3.0), 2.0):.2f}", end=", ")
print(f"D(3; 1) = {denoise_two(torch.tensor(3.0), 1.0):.2f}")

# %% [markdown]
# With little noise (blue) the curve is a step: every reading below 2 was a 0, every one
# above it a 4. With much noise it is nearly flat: whatever one reads, 2 is the best
# answer. A network that reconstructs does the same. Where the data decide, it shows an
# image that exists. Where they do not, it shows the mean of several, and that is a
# blur.
#
# Note the curve for $\sigma = 2$ at the reading 2: there $D$ is 2, and an image of 2
# does not exist. *The mean of the images need not be an image.*

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 29.1 · a few images  (★★☆, about 6 min)
#
# Now there are several images of one pixel, equally often. `images` are their values,
# (n,), and `x` are readings, (m,). Give the mean of the images under each reading,
# (m,).
#
# <details><summary>Hint 1: all pairs</summary>
#
# `x[:, None] - images` has the shape (m, n): each reading against each image.
# </details>
#
# <details><summary>Hint 2: the weights</summary>
#
# $e^{-(x - x_k)^2 / 2\sigma^2}$ for the image $x_k$. Divide the weights of each reading
# by their sum, so that they are shares.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_denoise_images(x, images, sigma):
    """Readings (m,), images (n,), noise -> mean of the images under each, (m,)."""
    ### BEGIN SOLUTION
    squares = (x[:, None] - images) ** 2  # (m, n)
    weights = torch.exp(-squares / (2 * sigma**2))
    return (weights * images).sum(1) / weights.sum(1)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Two and three images. Then your curve for the images 0, 1 and 6.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_denoise_images(my_denoise_images)
three = torch.tensor([0.0, 1.0, 6.0])
mine = {}
for sigma in [0.3, 1.0, 3.0]:
    mine[f"σ = {sigma}"] = my_denoise_images(readings, three, sigma)
plot_lines(readings, mine, xlabel="reading x", ylabel="mean of the images under x")

# %% [markdown] slideshow={"slide_type": "skip"}
# With $\sigma = 0.3$ there are three steps. With $\sigma = 1$ the images 0 and 1 cannot
# be told apart any more: the two become one slope, and only 6 keeps its step.
#
# <details><summary>A common mistake</summary>
#
# To forget the division by the sum. Then readings far from all images give nearly zero.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## From noise to an image
#
# We can use this the other way round. Take a number that is nothing but noise, with
# $\sigma = 6$. Denoise it a *little*, so that it looks like a reading with
# $\sigma = 5$. Denoise that a little, and so on down to 0. Where do we end? At an image
# that exists.
#
# One such step goes from the noise level $t$ to a lower one, $t'$. The reading $x$ is
# the mean $D$ plus a rest, $x - D$, and the rest is mostly noise. By hand, with
# $t = 2$, $t' = 1$, and the reading 3: the mean is 2.9, so the rest is 0.1.
#
# The step keeps only a quarter of the rest, $(t'/t)^2 = 1/4$. Noise of strength 2 has
# then the strength 1/2. But a reading at the new level has to hold noise of strength 1.
# So new noise fills the gap. Squares of strengths add up, and
# $0.5^2 + 0.87^2 = 1^2$, so what is missing is noise of strength 0.87. In symbols
#
# $$ x \;\leftarrow\; D + \Bigl(\frac{t'}{t}\Bigr)^2 (x - D)
#    + t' \sqrt{1 - \Bigl(\frac{t'}{t}\Bigr)^2}\;\epsilon , $$
#
# where $\epsilon$ is noise of standard deviation 1. (In our numbers the last factor is
# $1 \cdot \sqrt{1 - 1/4} = 0.87$.) Thanks to the new noise two ways down from one start
# are two different ways, and may end at different images.
#
# <details><summary>Does it need new noise?</summary>
#
# No. One can keep *half* of the rest, $t'/t$: noise of strength 2 has then the strength
# 1 that it should have, and nothing is missing. Samplers of this kind (DDIM) choose the
# image by the start alone. With many steps both kinds reach every image as often as it
# occurs.
# </details>
#
# This is **diffusion**: the way back from noise to an image. (The name comes from the
# way there: noise that is added bit by bit spreads out like ink in water.)


# %%
def one_step(x, t, lower):
    """From readings with noise t to readings with less noise."""
    mean = denoise_two(x, t)
    kept = (lower / t) ** 2
    noise = torch.randn_like(x)
    return mean + kept * (x - mean) + lower * (1 - kept) ** 0.5 * noise


levels = torch.logspace(2, -1.3, 60).tolist()  # from 100 down to 0.05
ways = [levels[0] * torch.randn(2000)]  # 2000 starts: noise alone
for t, lower in zip(levels, levels[1:], strict=False):
    ways.append(one_step(ways[-1], t, lower))
ends = ways[-1]
print(f"near 0: {((ends).abs() < 0.5).float().mean():.3f}", end=", ")
print(f"near 4: {((ends - 4).abs() < 0.5).float().mean():.3f}")

# %% [markdown]
# Of the 2000 ways half end at 0 and half at 4, as often as these images occur. Hardly
# any ends between them. So a denoiser that knows the mean at every noise level can draw
# new images. Such a prior, from which one can draw, is a **generative prior**.
#
# (Why do we begin at 100? All readings of 0 and 4 lie around their mean, 2. Our starts
# lie around 0. With noise of 100 nobody sees the difference. With noise of 10 one does:
# from there 52 % end at 0.)

# %% [markdown]
# Now heads. Our prior is a U-Net ([[unet]]) that removes noise of *any* strength: it
# gets the noisy image and $\sigma$. It learned from complete simulated heads with noise
# added to them, and never saw an undersampled scan. It has complex images in and out,
# since heads have a phase. (The smooth part of the phase is the scanner's. It is
# estimated from the zero-filled image and turned away before.)
#
# We give it noise with $\sigma = 2$ and nothing else. (The brightest pixels of a head
# are near 1.) `image_under` of the library makes the steps from above.

# %%
card = load_checkpoint("diffusion").card
print(f"{card.n_parameters:,} weights, {card.seconds / 60:.0f} minutes of training")
generator = torch.Generator().manual_seed(0)
noise = 2.0 * random_complex(4, N, N, seed=3).to(DEVICE)
from_noise = image_under(prior.denoise, noise, 2.0, generator, n_steps=30)
brightest = from_noise.abs().amax((-2, -1))  # of each of the four
print("brightest pixels:", ", ".join(f"{each:.2f}" for each in brightest))

# %% [markdown]
# We wanted heads, and got air: three of the four images have no pixel above 0.13. Has
# the prior failed? In *one* pixel noise of 2 hides a head. But a head has thousands of
# bright pixels, and together they show through such noise. In the training each noisy
# image held a head, so our network has never met a reading like this one, and it
# answers with what fits: air. (An exact prior of heads would still name a head, the one
# that fits least badly. The third has a bright spot of 0.42.) To draw a head from
# nothing one has to begin with noise so strong that nobody can tell whether there is a
# head, far above 2. For a scan that does not matter: a scan says that there is a head.
#
# So we give it a little of a scan: the eight lines in the centre of k-space, and no
# other. (How a scan comes in is the next section.)

# %%
predict("eight-lines")

# %%
central = torch.zeros(N, 1, dtype=torch.bool, device=DEVICE)
central[N // 2 - 4 : N // 2 + 4] = True  # the eight lines in the centre
few = SenseOperator(scan.smaps, central)
heads = prior.samples(few, central * scan.kspace, 3, **WAY)
views = {"zero-filled, 8 lines": few.adjoint(central * scan.kspace)}
for number, head in enumerate(heads):
    views[f"sample {number}"] = head
show_images(views, reference=reference, scores=False)

# %% [markdown]
# Three heads where the zero-filled image has stripes. All three have the dark centre
# and the outline that the eight lines tell. What the lines do not tell is drawn: the
# skull at the lower left takes another way in each, and so do the folds. The folds look
# smeared, like no real ones. It is a small prior, of a million weights, trained for 49
# minutes on one core.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two draws that take turns
#
# Now the scan comes in. On our way from noise to an image we hold an image $x$ and a
# noise level $\rho$ (rho), which falls. Two draws take turns: one knows the scan, the
# other knows heads.
#
# ### The draw that knows the scan
#
# With one coil each value of k-space can be done by itself. By hand: our image says 0.4
# for one of them, and we trust it up to $\rho = 0.2$. The scanner measured 1.0 there,
# with noise of $\sigma_n = 0.1$. Which number fits both? We weigh each with one over
# its noise squared. That is $1/0.2^2 = 25$ for the image and $1/0.1^2 = 100$ for the
# scan:
#
# $$ \frac{25 \cdot 0.4 + 100 \cdot 1.0}{25 + 100} = 0.88 . $$
#
# The answer is nearer to the scan, which is surer. Where nothing was measured, the
# image has the only word: 0.4.
#
# We have met this step before. It is the data step of [[modl]], where
# $\lambda = (\sigma_n/\rho)^2 = 0.25$ weighs the image against the scan:
# $(1.0 + 0.25 \cdot 0.4)/(1 + 0.25) = 0.88$.
#
# So far it is a mean and no draw. It becomes one by noise that is added *before*: noise
# of strength $\rho$ to all of the image, and noise of strength $\sigma_n$ to the
# measured values. We call the image that comes out $z$. It is another one each time.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 29.2 · the draw that knows the scan  (★★☆, about 8 min)
#
# Write the step for all of k-space, with one coil. The noise was added already: `image`
# is $x$ with noise $\rho$, complex (y, x), and `kspace` are the measured values with
# noise $\sigma_n$ (`noise_std`), (ky, kx). `mask` is bool, (ky, 1).
#
# <details><summary>Hint 1: where to work</summary>
#
# `have = fft2c(image)` is what the image says about each value of k-space.
# </details>
#
# <details><summary>Hint 2: measured or not</summary>
#
# `torch.where(mask, mean, have)`, and back with `ifft2c`.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_data_draw(image, kspace, mask, noise_std, rho):
    """The image that agrees with both: complex (y, x) and (ky, kx) -> (y, x)."""
    ### BEGIN SOLUTION
    have = fft2c(image)
    of_image = 1 / rho**2
    of_scan = 1 / noise_std**2
    mean = (of_image * have + of_scan * kspace) / (of_image + of_scan)
    return ifft2c(torch.where(mask, mean, have))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Small images. Then your draw on our head, from an image that is
# noise alone, for a large, a middle and a small $\rho$.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_data_draw(my_data_draw)
noise_std = scan.meta["noise_std"]
mine = {}
for rho in [1.0, 0.1, 0.01]:
    start_image = rho * random_complex(N, N, seed=5).to(DEVICE)
    mine[f"ρ = {rho}"] = my_data_draw(
        start_image, scan.kspace[0], scan.mask, noise_std, rho
    )
show_images(mine, reference=reference, scores=False)

# %% [markdown] slideshow={"slide_type": "skip"}
# With $\rho = 1$ two lines of three hold noise of strength 1, and it hides the head.
# With $\rho = 0.1$ one sees the zero-filled image in noise. With $\rho = 0.01$ the
# image (noise, nearly zero) counts as much as the scan, so the head is darker.
#
# <details><summary>A common mistake</summary>
#
# To put the measured samples in the place of the others. That is right for a scan
# without noise. Here it would make every sample repeat the noise of the scan.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The draw that knows heads
#
# The second draw is that of the section before. $z$ agrees with the scan, and elsewhere
# it holds noise of strength $\rho$. So it is a reading, and we draw an image that may
# lie under it: by steps of denoising and new noise, from $\rho$ down to 0. It needs no
# scan, only the denoiser.
#
# Both draws together are a **turn**. Then $\rho$ becomes a little smaller, and the next
# turn begins with the image of the last one. After the last turn $\rho$ is a fifth of
# $\sigma_n$. `prior.samples` does all this for several images side by side, and after
# each turn it tells whoever listens (`trace`) what $\rho$, $z$ and the image are.


# %%
def turns_of_one_sample():
    """What each turn makes: rho, z and the image."""
    kept = []

    def keep(rho, z, images):
        kept.append((rho, z[0], images[0]))

    prior.samples(A, scan.kspace, 1, trace=keep, **WAY)
    return kept


# %%
turns = turns_of_one_sample()
four_turns = [turns[number] for number in [0, 8, 14, 23]]
views = {f"z, ρ = {rho:.2g}": z for rho, z, image in four_turns}
views |= {f"image, ρ = {rho:.2g}": image for rho, z, image in four_turns}
show_images(views, reference=reference, scores=False)

# %% [markdown]
# The upper row is what the first draw made, $z$, and the lower row what the second drew
# from it. In turn 0 there is noise of 2 everywhere but in the measured lines, and the
# image drawn from it is a vague head. In turn 8 and 14 the noise is less, and the image
# finer. In the last turn, 23, $z$ and the image are nearly the same: both draws agree.
#
# ### Is it right?
#
# We test it where the exact posterior is known: with images whose values in k-space are
# independent Gaussians, strong in the centre and weak outside. Take one value with the
# prior variance $p$. Where nothing was measured, we know after the scan what we knew
# before it: the variance is still $p$. Where it was measured with noise $\sigma_n$, the
# weights add up, $1/p + 1/\sigma_n^2$, and the variance that is left is one over this
# sum:
#
# $$ \frac{1}{1/p + 1/\sigma_n^2} = \frac{p\,\sigma_n^2}{p + \sigma_n^2} . $$
#
# (For $p = 1$ and $\sigma_n = 1$ that is $1/2$: two sources that are equally sure leave
# half of the variance.) The best denoiser of such images is a weighted mean, too: of
# the reading, and of 0, the mean of all images. It multiplies each value of k-space by
# $p/(p + \sigma^2)$.

# %%
SMALL = (24, 18)  # rows and columns of the toy
SIGMA_N = 0.05  # noise of the scan, per real and imaginary part
ky = torch.arange(SMALL[0])[:, None] - SMALL[0] // 2
kx = torch.arange(SMALL[1]) - SMALL[1] // 2
p = (1 + (ky**2 + kx**2) / 4) ** -1.5  # prior variance of each value, per part


def denoise_gaussian(x, sigma):
    """The mean of the images under x, (..., y, x)."""
    return ifft2c(fft2c(x) * p / (p + sigma**2))


# %%
def toy_scan(number):
    """Image, operator and data of one scan of the toy."""
    mask = random_mask(SMALL[0], 3, acs=4, seed=number)
    A_toy = SenseOperator(torch.ones(1, *SMALL) + 0j, mask)
    truth = ifft2c(p.sqrt() * random_complex(*SMALL, seed=100 + number))
    noise = SIGMA_N * random_complex(1, *SMALL, seed=200 + number)
    return truth, A_toy, A_toy.forward(truth) + mask * noise


def exact_variance(mask):
    """What a scan leaves open of each value of k-space, both parts together."""
    left = torch.where(mask.expand(SMALL), p * SIGMA_N**2 / (p + SIGMA_N**2), p)
    return 2 * left  # real and imaginary part


def spread_over_exact(samples, mask):
    """Spread of the samples over the exact one: not measured, measured."""
    measured = mask.expand(SMALL)
    ratio = (fft2c(samples).var(0) / exact_variance(mask)).sqrt()
    return ratio[~measured].mean(), ratio[measured].mean()


# %%
toy_truth, A_toy, y = toy_scan(0)
shared = {"noise_std": SIGMA_N, "n_samples": 150}
ways = {
    "60 turns of 6 steps": {"n_levels": 60, "n_steps": 6},
    "30 turns of 6 steps": {"n_levels": 30, "n_steps": 6},
    "24 turns of 1 step": WAY,
}
for name, way in ways.items():
    toy_samples = posterior_samples(denoise_gaussian, A_toy, y, **shared, **way)
    unmeasured, measured = spread_over_exact(toy_samples, A_toy.mask)
    print(f"{name}: spread over the exact one", end=" ")
    print(f"{unmeasured:.2f} not measured, {measured:.2f} measured")

# %% [markdown]
# A 1 means that the samples differ from each other exactly as much as they should.
#
# Take the first line. Where nothing was measured, the spread of 150 samples is the
# exact one, 1.00. In the measured lines it is a little too wide, 1.03. For that there
# is a reason: as long as $\rho$ is not 0, an image may be off from what the scan says
# by $\rho$, on top of $\sigma_n$. The last $\rho$ is a fifth of $\sigma_n$, and
# $\sqrt{1 + 0.2^2} = 1.02$. With half as many turns it is 1.08: the last turns, with
# their small $\rho$, move the image only a little each.
#
# The third line is a shortcut. Its second draw has one step only. With one step there
# is no new noise, and the "draw" is the denoised image, the *mean* of what may lie
# under $z$. Means differ less than draws do. So the spread is too small, 0.67 of the
# exact one. The shortcut needs 24 denoisings for a sample where the first way needs
# 360. For heads we take the shortcut, since a denoising of a head costs time. We shall
# see the 0.67 again.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One sample, and the mean of many
#
# Which image should a radiologist get, one sample or the mean of all? We compare their
# errors, first with the two images of one pixel, 0 and 4.
#
# The reading is 2, so both images are equally likely. Take the mean, 2, as the answer.
# Whatever the truth is, it is off by 2, and the squared error is 4. Now take a sample
# as the answer, 0 or 4. In half of the cases it is the truth, with an error of 0. In
# the other half it is off by 4, and the squared error is 16. On average that is 8:
# *twice as much as that of the mean*.
#
# It is so for every posterior. Truth and sample are two draws from the same posterior,
# each off from the posterior mean by a variance $v$. What both are off from *each
# other* is $v + v = 2v$. And the mean of $J$ samples is off from the posterior mean by
# $v/J$ (a mean of $J$ draws has the variance over $J$). So its squared error is
#
# $$ v + \frac{v}{J} . $$
#
# $J = 1$ gives $2v$, and many samples give $v$. Twice is 3.0 dB. For eight samples
# against one it is $2/(1 + 1/8) = 1.78$, or 2.5 dB.
#
# In the toy this can be counted, over 20 scans with 20 samples each.

# %%
wide = []  # spread over the exact one, where nothing was measured
as_exact = []  # squared error of the mean over that of an exact mean of 20
twice = []  # squared error of one sample over that of their mean
toy_scores = []  # for an exercise at the end
LONG = {"n_levels": 20, "n_steps": 6}
for number in range(20):
    toy_truth, A_toy, y = toy_scan(number)
    of_one = {"noise_std": SIGMA_N, "n_samples": 20, "seed": number}
    toy_samples = posterior_samples(denoise_gaussian, A_toy, y, **of_one, **LONG)
    wide.append(spread_over_exact(toy_samples, A_toy.mask)[0])
    each = (toy_samples - toy_truth).abs().square().mean((-2, -1))  # (20,)
    toy_scores.append(-10 * each.log10())  # in dB, of each sample
    mean = (toy_samples.mean(0) - toy_truth).abs().square().mean()
    twice.append(each.mean() / mean)
    as_exact.append(mean / (exact_variance(A_toy.mask).mean() * (1 + 1 / 20)))

# %%
wide = torch.stack(wide)
as_exact = torch.stack(as_exact)
twice = torch.stack(twice)
toy_scores = torch.stack(toy_scores, dim=1)  # (20 samples, 20 scans)
print(f"spread over the exact one, not measured: {wide.mean():.2f}")
print(f"squared error of one sample over that of the mean: {twice.mean():.2f}")
print(f"squared error of the mean over that of an exact one: {as_exact.mean():.2f}")

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
of_toy = {"samples": "scans of the toy"}
claim("toy: spread over the exact one", wide, at_least=0.95, at_most=1.05, **of_toy)
claim("toy: one sample over the mean", twice, at_least=1.7, at_most=2.3, **of_toy)
claim("toy: mean over an exact one", as_exact, at_least=0.9, at_most=1.2, **of_toy)

# %% [markdown]
# The spread is the exact one again, 1.00. And one sample has 1.90 times the squared
# error of the mean of 20, where the formula says $2/(1 + 1/20) = 1.90$.
#
# Do these two numbers prove that the sampler is right? No. A sampler that never looks
# at the scan and draws from the prior would have both: samples and truth would still be
# draws from one density. So the last line asks how large the error *is*. The mean of 20
# exact samples has $v + v/20$, with the $v$ that we know by heart here. Ours has as
# much, within a few percent. Who ignores the scan has far more. So the sampler keeps
# its promise where the denoiser is exact.
# Now to heads, where the denoiser is a
# network. We draw four samples for each of 20 slices.
#
# Beside them stands a network of the old kind: the U-Net of [[enhancement]] that
# learned with a squared error (its logarithm, slice by slice), from scans of this very
# kind, to give one image. It was asked for the posterior mean from the start, or nearly
# so. It has no data step, so we also put the
# measured values in the place of its own.

# %%
predict("one-against-mean")

# %%
scans = [test_set[number].to(DEVICE) for number in range(20)]
bench = stack(scans)[0]  # operator, k-space, references of 20 slices
rows = []
for number, each in enumerate(scans):
    of_scan = SenseOperator(each.smaps, each.mask)
    rows.append(prior.samples(of_scan, each.kspace, 4, seed=number, **WAY))
samples = torch.stack(rows)  # complex (20, 4, y, x)

# %%
unet = load_checkpoint("task_undersampling").network.to(DEVICE).requires_grad_(False)
kspace = bench.kspace[:, 0]  # one coil, (20, ky, kx)
answers = {"zero-filled": bench.A.adjoint(bench.kspace)}
answers["U-Net"] = unet(bench.A, bench.kspace)
filled = torch.where(bench.A.mask[:, 0], kspace, fft2c(answers["U-Net"]))
answers["U-Net, data put back"] = ifft2c(filled)
answers["one sample"] = samples[:, 0]
answers["mean of two"] = samples[:, :2].mean(1)
answers["mean of four"] = samples.mean(1)


# %%
def decibels(images):
    """Peak (1) over squared error of complex images, one number a slice, in dB."""
    error = (images - bench.reference).abs().square().mean((-2, -1))
    return -10 * error.log10().cpu()


dB = {name: decibels(each) for name, each in answers.items()}
for name, each in dB.items():
    print(f"{name:21}: {each.mean():.1f} dB")
for name in ["task_undersampling", "diffusion"]:
    card = load_checkpoint(name).card
    minutes = card.seconds / 60
    print(f"{name}: {card.n_parameters:,} weights, {minutes:.0f} minutes")

# %%
views = {"reference": reference}
for name in ["U-Net, data put back", "one sample", "mean of four"]:
    views[name] = answers[name][0]
show_images(views, reference=reference, error_gain=4, scores=False)

# %%
gain = dB["mean of four"] - dB["one sample"]
over_unet = dB["mean of four"] - dB["U-Net, data put back"]
print(f"mean of four over one sample: {gain_in_words(gain)}")
print(f"mean of four over the U-Net, data put back: {gain_in_words(over_unet)}")

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim("mean of four samples over one", gain, at_least=0.3, at_most=2.0, unit="dB")
claim("mean of four over the U-Net with the data", over_unet, at_least=0.0, unit="dB")

# %% [markdown]
# The mean of four gains 0.7 dB over one sample, where exact samples would give 2.0. So
# our samples are too much alike. How much? Let $b$ be the squared error that all
# samples share, and $v$ what differs from sample to sample. One sample has $b + v$, the
# mean of four $b + v/4$. For exact samples $b = v$. We have 0.7 dB, a ratio of 1.17,
# and that needs $v = 0.24\,b$. (Try it: $1.24/1.06 = 1.17$.) So the spread, the root of
# $v$, is $\sqrt{0.24} = 0.49$ of what it should be.
#
# A part of this we know from the toy: the shortcut alone leaves 0.67. The rest has
# other sources: a network whose mistakes are the same in every sample, and too few
# turns. (In a trial outside of this notebook six steps in place of one, on the same
# slices, gained 1.5 dB in place of 0.7.)
#
# The second surprise goes the other way. The mean of four is 2.1 dB better than the
# U-Net with the data put back, and even one sample is better. Yet no network can have a
# smaller squared error than the true posterior mean, and the U-Net was trained to be
# that mean, but for the logarithm. It did not get there: it has a ninth of the weights,
# learned for 11 minutes where the prior had 49, and sees the scan once, while the
# sampler returns to it 24 times. So these 2.1 dB say nothing about generative against
# other networks. For that one needs two of the same size and training.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What a short way costs
#
# The sampler has two numbers that cost time: how often the two draws take turns
# (`n_levels`), and in how many steps each turn goes from noise to an image (`n_steps`).
# We try a few on the first head, with four samples.

# %%
for n_levels, n_steps in [(8, 1), (24, 1), (12, 2), (6, 4)]:
    way = {"n_levels": n_levels, "n_steps": n_steps}
    tried = prior.samples(A, scan.kspace, 4, **way)
    error = (tried.mean(0) - reference).abs().square().mean()
    spread = tried.var(0).mean()  # complex: both parts together
    print(f"{n_levels:2} levels, {n_steps} step(s):", end=" ")
    print(f"mean of four {-10 * error.log10():.1f} dB;", end=" ")
    print(f"spread {spread.sqrt():.3f}, error {error.sqrt():.3f}")

# %% [markdown]
# All but the first need 24 denoisings for a sample. The error of the mean is smallest
# for many turns of one step, 0.118, with a spread of 0.046. Few turns of four steps
# have the wider spread, 0.074, but a larger error, 0.155. With more of both one would
# get both, as in the toy, and wait for minutes. (This is the slice of the first figure,
# a hard one: its mean has 18.5 dB, the average over 20 slices is 25.6 dB.)
#
# What "enough levels" is can be seen without the truth: draw with twice as many, and
# look whether anything changes.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Spread against error
#
# Where the samples differ, the scan leaves something open. So the spread is a map of
# uncertainty, and the two tests of [[uncertainty]] apply. *Does it find the errors?*
# That is the rank correlation of spread and error in the head. *Is it as wide as it
# says?*
#
# For the second we need no formula for the density. Think of five exact draws from one
# posterior: four samples and the truth. Put one pixel of all five in order. The truth
# may have any place, each with a chance of one in five. It is the smallest or the
# largest in two cases of five. So in three of five, 60 %, it lies *within the range* of
# the four samples. For $J$ samples that is
#
# $$ \frac{J - 1}{J + 1} . $$
#
# The library calls it `honest_coverage(4)`.

# %%
predict("range-of-four")

# %%
magnitude = samples.abs()  # complex numbers have no order
truth = bench.reference.abs()
inside = truth > 0.05  # the head, without air
spread_map = samples.std(1)  # (20, y, x)
error_map = (samples.mean(1) - bench.reference).abs()
ranks = rank_correlations(error_map, spread_map, inside)
covered = []
for each, true, where in zip(magnitude, truth, inside, strict=True):
    covered.append(range_coverage(each, true, where))
covered = torch.tensor(covered)  # percent, one number a slice
print(f"rank correlation {ranks.mean():.2f}, from {ranks.min():.2f}", end=" ")
print(f"to {ranks.max():.2f}")
print(f"within the range: {covered.mean():.0f} %, from {covered.min():.0f}", end=" ")
print(f"to {covered.max():.0f} %; honest: {honest_coverage(4):.0f} %")

# %%
views = {"spread of four samples": spread_map[0] * inside[0]}
views["error of their mean"] = error_map[0] * inside[0]
show_images(views, window=(0, 0.2), label="magnitude")

# %% [markdown]
# Does it find the errors? The rank correlation is 0.21, and above 0 in every slice: it
# knows something. Is that little? Four samples cannot tell much more: in a trial we
# took a fifth sample for the truth, so that the four were honest, and found 0.15. In
# the figure the two maps have one scale. The spread is dark and nearly even, and the
# error is bright, with patches and streaks that the spread does not have.
#
# Is it as wide as it says? No. The range of four samples holds the truth in 37 % of the
# pixels, where honest samples hold 60 %. No slice reaches 60; the best has 51 %. It
# fits what the gain of the mean told: the spread is about half of what it should be.
#
# So these samples are *too sure*. Who shows them as "all that the patient may look
# like" says more than he knows. In [[uncertainty]] a factor mended such a spread on
# average. It can do so here, too, with the same care: on subjects of its own, and for
# scans of the same kind only.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim("rank correlation of spread and error", ranks, at_least=0.15)
claim("within the range of four, honest 60 %", covered, at_most=55, unit="%")

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 29.3 · within the range  (★☆☆, about 5 min)
#
# `samples` are real, (J, y, x), `truth` is (y, x), and `inside` is bool, (y, x). Give
# the share of pixels inside whose truth lies within the range of the samples, in
# percent.
#
# <details><summary>Hint 1: the range</summary>
#
# `samples.amin(0)` is the smallest sample of each pixel.
# </details>
#
# <details><summary>Hint 2: the share</summary>
#
# `within[inside]` are the pixels that count, True or False. `.float().mean()` is the
# share of True.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_range_coverage(samples, truth, inside):
    """Real (J, y, x), (y, x) and bool (y, x) -> percent."""
    ### BEGIN SOLUTION
    low = samples.amin(0)
    high = samples.amax(0)
    within = (truth >= low) & (truth <= high)
    return 100 * within[inside].float().mean().item()
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Random numbers. Then your count for 2, 4 and 8 samples of the
# first head, and the pixels that are not within the range of eight.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_range_coverage(my_range_coverage)
for n_samples in [2, 4, 8]:
    counted = my_range_coverage(eight.abs()[:n_samples], truth[0], inside[0])
    honest = honest_coverage(n_samples)
    print(f"{n_samples} samples: {counted:.0f} %; honest {honest:.0f} %")
low = eight.abs().amin(0)
high = eight.abs().amax(0)
outside = ((truth[0] < low) | (truth[0] > high)) & inside[0]
show_images({"reference": reference, "truth out of range": outside.float()})

# %% [markdown] slideshow={"slide_type": "skip"}
# The range grows with the number of samples, and so does the share. But it stays behind
# the honest number. The pixels out of range come in pieces and not one by one: where
# the samples are wrong, all of them are wrong together.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### When the head is not one of the prior's
#
# Two changes. First *other lines*: one in five instead of one in three. The prior never
# learned with lines at all, so nothing about it has to be trained anew. Then *a head on
# its side*: the image is turned by 90 degrees, and the lines with it, so that as much
# of it is measured as before. Only the prior has never seen a head like this.

# %%
predict("turned-head")


# %%
def judged(scan, four):
    """Spread, error of the mean, and percent within the range of four samples."""
    off = four.mean(0) - scan.reference
    truth = scan.reference.abs()
    share = range_coverage(four.abs(), truth, truth > 0.05)
    spread = four.var(0).mean().sqrt()  # complex: both parts together
    error = off.abs().square().mean().sqrt()
    return torch.tensor([float(spread), float(error), share])


# %%
def measured_as(scan, image, mask):
    """Another image, with as much noise."""
    noise = random_complex(1, N, N, seed=6).to(DEVICE)
    full = fft2c(image)[None] + scan.meta["noise_std"] * noise
    return replace(scan, kspace=mask * full, mask=mask, reference=image)


def on_the_side(scan):
    """The head and its lines, both turned by 90 degrees."""
    return measured_as(scan, scan.reference.rot90(), scan.mask.mT)


# %%
fewer = TaskScans("test", seed=29, task="undersampling", strength=(5, 5))
pots = {"as in training": scans[:3]}
pots["one line in five"] = [fewer[number].to(DEVICE) for number in range(3)]
pots["on the side"] = [on_the_side(each) for each in scans[:3]]
shifted = {"as in training": samples[:3]}
for name in list(pots)[1:]:
    rows = []
    for number, each in enumerate(pots[name]):
        of_scan = SenseOperator(each.smaps, each.mask)
        rows.append(prior.samples(of_scan, each.kspace, 4, seed=number, **WAY))
    shifted[name] = torch.stack(rows)

# %%
for name, pot in pots.items():
    rows = []
    for each, four in zip(pot, shifted[name], strict=True):
        rows.append(judged(each, four))
    spread, error, share = torch.stack(rows).mean(0).tolist()
    print(f"{name:16}: spread {spread:.3f}, error {error:.3f},", end=" ")
    print(f"within the range {share:.0f} %")
views = {}
for name, four in list(shifted.items())[1:]:
    views[f"{name}: truth"] = pots[name][0].reference
    views[f"{name}: mean"] = four[0].mean(0)
show_images(views, scores=False)

# %% [markdown]
# With *fewer lines* the error grows from 0.069 to 0.104, 1.5 times, and the spread from
# 0.030 to 0.045, as much. So the sampler notices that less was measured. It was too
# sure before, and is so still: 34 % lie within the range.
#
# With the head *on its side* hardly anything changes. What this prior knows seems to be
# small pieces of heads, edges and folds, and these run in all directions in every head.
# (We had expected an error that grows. In a first version of this cell it did: there we
# had turned the head and not the lines, and that was the lines' doing. Who changes two
# things at once learns little about either.)
#
# (Three slices, so these are examples and no claim. In the second picture, from one
# line in five, folds are missing and others are drawn.) So neither change has shown a
# prior that is wrong. The next section has one.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two ways to fool oneself
#
# **A prior of magnitudes.** Most images that one can download are magnitudes. A prior
# that learned from them knows real numbers that are not negative. But the image that a
# scanner measures is complex. What happens if we use it all the same? We make such a
# prior from ours: before and after each denoising it takes the real part, and nothing
# below 0. And nobody turns the phase away.
#
# The scan is our head with a phase that grows from $-1.5$ at the left edge to $+1.5$ at
# the right one, in radians. A scanner makes it when the echo is half a sample off the
# middle of the readout. The magnitude is as before.

# %%
predict("magnitude-prior")


# %%
def magnitudes_alone(noisy, sigma):
    """A denoiser that knows no phase."""
    clean = prior.denoise(noisy.real + 0j, sigma)
    return clean.real.clamp_min(0) + 0j


# %%
phase = torch.linspace(-1.5, 1.5, N).to(DEVICE)  # radians, from left to right
bent = measured_as(scan, reference * torch.exp(1j * phase), scan.mask)
level = {"noise_std": scan.meta["noise_std"], "n_samples": 4}
without = posterior_samples(magnitudes_alone, A, bent.kspace, **level, **WAY)
left_in = posterior_samples(prior.denoise, A, bent.kspace, **level, **WAY)
views = {"reference": reference.abs()}
views["phase turned away"] = prior.samples(A, bent.kspace, 4, **WAY).mean(0).abs()
views["phase left in"] = left_in.mean(0).abs()
views["magnitudes alone"] = without.mean(0).abs()
for name in list(views)[1:]:
    error = (views[name] - reference.abs()).square().mean()
    print(f"{name}: {-10 * error.log10():.1f} dB in magnitude")
show_images(views, reference=reference.abs(), error_gain=2, scores=False)

# %% [markdown]
# The magnitudes alone reach 13.7 dB, where our prior with the phase turned away has
# 18.8. These are two differences at once, so the third row has one of them: our prior
# with the phase left in has 16.7 dB. It has learned a phase, but not so large a one.
# The other 3 dB are lost since a large phase is left in and the prior has no imaginary
# part. (Where the smooth phase is turned away first, little of it is left, and
# magnitudes lose much less.) In the middle of the head,
# where the phase is near 0, all have about the same error. At the left
# and the right edge the skull is torn and too dark. By hand: a pixel of 1 with a phase
# of 0.5 has the real part $\cos 0.5 = 0.88$, and one with a phase of 1.5 only
# $\cos 1.5 = 0.07$. There nearly all of the pixel is imaginary, and this prior has no
# imaginary part to give.

# %% [markdown]
# **A number tuned on the truth.** Many samplers pull towards the data by a step with a
# strength that somebody has to choose, and call it **guidance**, which is the pull of a
# sampler towards the measured data. Papers often try several strengths and show the
# best one, by its error against the truth. At a patient's scan there is no truth.
#
# How much can such a choice seem to gain? We take a setting that certainly does
# nothing: the *number* of the sample. For each slice we have samples 0, 1, 2 and 3. No
# number is better than another.

# %%
scores = torch.stack([decibels(samples[:, k]) for k in range(4)])  # (4, 20)
chosen = best_on_others(scores)
print(f"each slice with its own best sample: {scores.amax(0).mean():.2f} dB")
print(f"the best number on the other slices: {chosen.mean():.2f} dB")
print(f"all samples on average: {scores.mean():.2f} dB")
feigned = scores.amax(0) - scores.mean(0)  # a number a slice
print(f"own best sample over the average: {feigned.mean():+.2f} dB")

# %% [markdown]
# Who takes for each slice the sample that is nearest to its truth shows 25.26 dB in
# place of 24.96: a gain of 0.30 dB, from a setting that does nothing. (Such a gain is
# never negative: each slice may choose.) With the number that was best on the *other*
# slices all of it is gone, 24.77 dB.
#
# Four numbers give 0.30 dB. A real search tries more settings, and they differ by more
# than a number does. This is the trap of [[honest_experiments]] again: what was used to
# choose does not test.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim("feigned gain of the best of four", feigned, at_least=0.1, unit="dB")

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 29.4 · an honest choice  (★★★, about 8 min, go further)
#
# `scores` are (settings, slices), the larger the better. For each slice choose the
# setting with the best mean over all *other* slices, and give the score that the slice
# has with it, (slices,).
#
# Then change something: add 0.5 dB to all scores of setting 2, as if it really were
# better. Does the honest choice find it? Explain.
#
# <details><summary>Hint 1: the mean of the others</summary>
#
# The sum over all slices, minus the slice itself, over one less than their number.
# </details>
#
# <details><summary>Hint 2: the score</summary>
#
# `others.argmax(0)` are the settings, one a slice. `scores[settings, numbers]` takes
# one score of each column, with `numbers = torch.arange(n)`.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_best_on_others(scores):
    """(settings, slices) -> (slices,): scores with what the other slices chose."""
    ### BEGIN SOLUTION
    n = scores.shape[1]
    others = (scores.sum(1, keepdim=True) - scores) / (n - 1)
    settings = others.argmax(0)  # (slices,)
    return scores[settings, torch.arange(n)]
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Random scores. Then the toy: the settings are the numbers of its
# 20 samples, the slices are its 20 scans. Once as they are, and once with a better
# setting 2.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_best_on_others(my_best_on_others)
better = toy_scores.clone()
better[2] += 0.5
gains = {}
for name, table in {"as they are": toy_scores, "setting 2 better": better}.items():
    honest = my_best_on_others(table) - table.mean(0)
    own = table.amax(0) - table.mean(0)
    gains[f"on others, {name}"] = honest
    gains[f"on its own truth, {name}"] = own
    print(f"{name}: {honest.mean():+.2f} dB on others, {own.mean():+.2f} on its truth")
plot_lines(None, gains, xlabel="scan", ylabel="gain over the mean setting (dB)")

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *One answer.* As they are, no number is better, and the honest choice gains nothing.
# The choice on the truth seems to gain, by luck alone. With 0.5 dB more for setting 2
# the honest choice takes it (nearly) every time, and gains what it is better by: 0.5 dB
# over the 19 others, so 0.475 dB over the mean of all 20. The choice on the truth gains
# more than that. What it gains beyond is luck that the next patient does not have.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A network that is the image
#
# At last a prior that has learned from nothing at all. An **implicit neural
# representation** is a network that takes a position and gives the image there. Its
# weights *are* the image. It is fitted to the measured values of one scan, through the
# forward model: all its pixels are computed, k-space is made of them, and the weights
# change until that agrees with the scan.
#
# By hand, in one dimension, with two sines: $g(r) = \sin(3r) + 0.5 \sin(9r)$. At
# $r = 0.5$ that is $\sin 1.5 + 0.5 \sin 4.5 = 1.00 - 0.49 = 0.51$. Here six numbers
# (the two factors 3 and 9, the weights 1 and 0.5, and two shifts that are 0) give a
# value at *every* position, also between pixels.
#
# Our network has three layers of 128 sines. What is its prior? It begins with waves
# that are not too fine, and needs many steps to make noise out of them. So smooth
# images come first.
#
# For the same reason it has to be stopped in time, before it fits the noise. As in
# [[self_supervised]] an eighth of the measured values outside the centre is *held out*:
# the fit never sees it, and it tells how wrong the image is where nothing was measured.
# What we want small is the error of *all* of k-space. It has two parts: what is left of
# the values that are fitted, and what is wrong with all the others. The held-out values
# stand for these others, so their error counts as many times as there are others for
# each of them. The sum is the **expected error**, and the step where it is smallest is
# kept.
#
# With one coil the missing lines can be anything, and smoothness does not help. So we
# take a scan of the same kind with six coils, and compare with SENSE.

# %%
many = draw_scan("test", 0, seed=29, shape=(N, N), n_coils=6, noise_std=0.01)
many = many.undersample(random_mask(N, 3, acs=16, seed=1)).to(DEVICE)
A_many = SenseOperator(many.smaps, many.mask)
network = ImplicitImage(n_features=128, n_layers=3, frequency=20.0)
options = {"n_steps": 200, "learning_rate": 1e-3, "network": network}
fit = fit_implicit(A_many, many.kspace, **options)
curves = {"fitted": torch.tensor(fit.fitted), "held out": torch.tensor(fit.held_out)}
curves["expected, all of k-space"] = torch.tensor(fit.expected)
label = "energy not explained, a share"
plot_lines(fit.steps, curves, xlabel="step", ylabel=label, log="y")
n_weights = sum(each.numel() for each in network.parameters())
print(f"{n_weights:,} weights; the best step was {fit.best_step}")
print(f"held out, there: {fit.held_out[fit.steps.index(fit.best_step)]:.2f}")

# %%
views = {"reference": many.reference, "zero-filled": A_many.adjoint(many.kspace)}
views["SENSE, λ = 0.01"] = cg_sense(A_many, many.kspace, reg_weight=0.01)
views["implicit"] = fit.image
views["prior, mean of 4"] = prior.samples(A_many, many.kspace, 4, **WAY).mean(0)
for name, image in list(views.items())[1:]:
    error = (image - many.reference).abs().square().mean()
    print(f"{name:17}: {-10 * error.log10():.1f} dB")
show_images(views, reference=many.reference, scores=False)

# %% [markdown]
# After 200 steps 1 % is left of the fitted values (blue). Of the held-out ones (orange)
# more than half is never explained. The expected error (green) first falls with the
# blue curve, then follows the orange one. It is smallest at step 120, and that fit is
# kept. There 0.57 of the held-out energy is left.
#
# The image is smooth and has no aliasing to speak of. It has 18.0 dB, 1.5 more than the
# zero-filled one, and 1.8 *less* than SENSE. The prior that has seen other heads
# reaches 26.0 dB. Smoothness is a weak thing to know about a head. (We tried six sizes
# and first frequencies on this very scan, and none was above 18.2 dB. In the literature
# such networks do better when they begin at an earlier image of the same patient.)
#
# What it has for itself: it needs no training data at all, so it cannot draw another
# patient's folds, and it gives a value at every position, on any grid.

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose the bounds of this lesson</summary>
#
# The bounds of the toy come from theory: 1, 2 and 1, with what 20 samples and 20 scans
# leave uncertain. Those of the heads come from a pilot with eight other slices (another
# seed) and an earlier state of the prior's training. There the mean of eight samples
# gained 0.7 to 1.2 dB over one, depending on the number of levels and steps; for exact
# samples it would be 2.5 dB. The range of eight held 50 to 63 %, where 78 % are honest.
# We had hoped for more, and asked for no more than the pilot showed.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %%
print(f"toy: spread over the exact one {wide.mean():.2f}", end="; ")
print(f"one sample over the mean {twice.mean():.2f}")
print(f"heads: mean of four over one sample {gain.mean():.1f} dB, exact 2.0 dB")
print(f"heads: within the range of four {covered.mean():.0f} %, honest 60 %")
print(f"heads: rank correlation of spread and error {ranks.mean():.2f}")
print(f"best of four numbers over their average: {feigned.mean():+.2f} dB, by luck")

# %% [markdown]
# - **What a denoiser knows.** The mean of all images under a reading, at every noise
#   level. Steps of denoising and new noise lead from noise to images of its kind.
# - **Two draws that take turns.** One knows the data, one the prior. Together they draw
#   images that agree with one scan.
# - **Test it where the answer is known.** On Gaussian images the spread is exact where
#   nothing was measured, and one sample has twice the squared error of the mean.
# - **Mean and spread of heads.** The mean of a few samples is better than one sample,
#   by less than exact samples would give. Their range holds the truth too rarely: the
#   spread is a hint and not a promise.
# - **How one fools oneself.** A prior of magnitudes cannot make a phase. A setting
#   chosen by the truth of the very slice seems to help, even if it does nothing. And
#   who turns a head has to turn its lines, or compares two things at once.
# - **An image as a network.** It needs no training data, and knows only that images are
#   smooth.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Song, Ermon, 2019, doi:10.48550/arXiv.1907.05600: the slope of the log-density from
#   denoising, and images drawn with it.
# - Ho, Jain, Abbeel, 2020, doi:10.48550/arXiv.2006.11239: the steps of this lesson, as
#   most people use them.
# - Chung, Ye, Med Image Anal 80:102479, 2022, doi:10.1016/j.media.2022.102479: a prior
#   of this kind for MRI, from magnitude images, coil by coil.
# - Jalal et al., 2021, doi:10.48550/arXiv.2108.01368: posterior sampling with measured
#   scans, and what happens under a shift.
# - Shen, Pauly, Xing, IEEE Trans Neural Netw Learn Syst, 2022,
#   doi:10.48550/arXiv.2108.10991: an implicit representation that begins at an earlier
#   image of the same patient.
