# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 17 · Image quality
#
# **You will be able to**
# - compute a PSNR as fastMRI does, and ask which definition a paper used;
# - find the part of a score that is air, peak or the noise of the reference;
# - show that a score prefers an image that has lost most of a lesion's contrast;
# - plan a blinded reader study, read it yourself, and analyse it.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | [[compressed_sensing]] | 110 minutes | 25 s | simulated, a patient, a knee, a brain |

# %% [markdown]
# Nearly every paper on reconstruction ends in a table of scores, and one line of it is
# bold. This lesson is about what such a number has seen, and what it has not.
#
# Here is a simulated head with a small bright spot, a *lesion*, and a noisy scan of it.
# Total variation ([[compressed_sensing]]) cleans the noisy scan, once with a small
# weight (*light*) and once with a large one (*strong*). Nothing else differs.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
import torch  # noqa: I001  packed below
from mricourse import SenseOperator, claim, device, fft2c, predict, random_complex
from mricourse import workspace_here, your_turn
from mricourse.datasets import load_open_ms, load_real
from mricourse.evaluation import GradeBook, ReaderStudy, agreement
from mricourse.evaluation import compare_methods, contrast_kept, exam_differences
from mricourse.evaluation import holm, lesion_template, non_inferiority, psnr
from mricourse.evaluation import psnr_by_definition, read_lesions, reference_noise
from mricourse.evaluation import signed_rank
from mricourse.evaluation import ssim, ssim_by_definition, ssim_inside, ssim_map
from mricourse.evaluation import volume_nmse, volume_psnr, volume_ssim, weighted_kappa
from mricourse.exercises import check_contrast_kept, check_ssim_inside
from mricourse.exercises import check_volume_psnr, check_weighted_kappa
from mricourse.physics import random_mask
from mricourse.plotting import ReadingView, plot_lines, show_by_definition
from mricourse.plotting import show_enlarged, show_gains, show_images
from mricourse.plotting import show_preferences
from mricourse.reconstruct import shift_invariant_prox, tv_reconstruction
from mricourse.reconstruct import wavelet_reconstruction
from mricourse.simulate import TaskScans, add_discs, flat_place

# %%
torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one, else the CPU
N = 96  # pixels along y and x of the simulated heads
NOISE_STD = 0.05  # of real and imaginary part; the brightest pixel is 1
RADIUS, CONTRAST = 1.5, 0.1  # of the lesions: pixels, and added magnitude
LIGHT, STRONG = 0.5, 1.25  # weights of total variation, in units of NOISE_STD


def clean(images, weight):
    """Total variation on complete scans, one uniform coil: (n, y, x) -> (n, y, x)."""
    ones = torch.ones(1, N, N, dtype=torch.complex64, device=DEVICE)
    A = SenseOperator(ones, torch.ones(N, 1, dtype=torch.bool, device=DEVICE))
    kspace = fft2c(images)[:, None]  # (n, 1 coil, ky, kx)
    options = {"reg_weight": weight * NOISE_STD, "tolerance": 1e-3}
    return tv_reconstruction(A, kspace, **options)


# %%
def with_lesions(split, n):
    """Pairs (2, n, y, x), with and without lesion, and masks of lesion and rim."""
    dataset = TaskScans(split, seed=17, shape=(N, N))
    _, heads = dataset.images(n, DEVICE)  # noisy scans, not used here, and truths
    places = [flat_place(head) for head in heads]  # (y, x): where each is flattest
    lesions = add_discs(heads, places, radius=RADIUS, contrast=CONTRAST)
    templates = [lesion_template((N, N), place, RADIUS) for place in places]
    # a template is positive in the disc and negative in a ring around it, the rim
    signs = torch.stack(templates).to(DEVICE)
    return torch.stack([lesions, heads]), signs > 0, signs < 0, places


truths, lesion, rim, places = with_lesions("test", 20)  # slices of the test head
noise = NOISE_STD * random_complex(20, N, N, seed=1).to(DEVICE)
scans = truths + noise  # the same noise with the lesion and without it
tissue = truths[0].abs() > 0.05  # bool (20, y, x): the heads without their air
light = torch.stack([clean(each, LIGHT) for each in scans])  # (2, 20, y, x)
strong = torch.stack([clean(each, STRONG) for each in scans])

# %%
SHOWN = 15  # the one of 20 slices that figures show: the eye sees its lesion well
row, column = places[SHOWN]
part = {"rows": slice(row - 12, row + 13), "columns": slice(column - 12, column + 13)}
truth = truths[0, SHOWN]
panels = {"truth, with lesion": truth, "scan": scans[0, SHOWN]}
for name, images in {"light": light, "strong": strong}.items():
    score = ssim(images[0, SHOWN], truth)
    panels[f"{name}: SSIM {score:.2f}"] = images[0, SHOWN]
show_enlarged(panels, truth, **part)

# %% [markdown]
# The lesion is in the middle of the enlarged parts. With the light weight
# we still see it, among some grain. With the strong one a pale patch is left. But the
# strong one has the much better score, 0.91 against 0.59. How can that be? (SSIM is one
# of the two scores that nearly all papers report. 1 is perfect.)
#
# (Head, lesions and noise are simulated, so here we know the truth. We show one slice
# of 20, where the lesion is well seen; the numbers below are of all 20. The lower row
# has a narrower window of grey values, as a radiologist would choose. `truths`,
# `scans`, `light` and `strong` hold each of 20 slices twice, with a lesion and without.
# The bool mask `tissue` is True in the heads, and False in air.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Three numbers
#
# We compare an image $x$ with a reference $r$, both magnitudes. Take four pixels:
#
# | | 1 | 2 | 3 | 4 |
# |---|---|---|---|---|
# | reference $r$ | 1 | 2 | 3 | 4 |
# | image $x$ | 1 | 2 | 3 | 2 |
#
# One pixel is wrong by 2, so the squared errors sum to 4. The **mean squared error**
# (MSE) is the sum of all squared errors over the number of pixels, here $4/4 = 1$.
#
# The **normalised mean squared error** (NMSE) is the sum of the squared errors over the
# sum of the squared reference:
#
# $$ \text{NMSE} = \frac{\lVert x - r\rVert^2}{\lVert r\rVert^2}
#    = \frac{4}{1 + 4 + 9 + 16} = 0.13 . $$
#
# The **NRMSE** is the root of the NMSE, the length of the error over the length of the
# reference; here 0.37. (Others divide by the mean of $r$, or by its range. So one has
# to ask.)
#
# PSNR ([[kspace]]) compares the peak, the brightest pixel of the reference, with the
# MSE, in decibels:
#
# $$ \text{PSNR} = 10\,\log_{10}\frac{(\max r)^2}{\text{MSE}}
#    = 10\,\log_{10}\frac{16}{1} = 12\;\text{dB} . $$

# %% [markdown]
# The third number looks at small windows, one at a time. Take a window of two pixels:
# the reference has 1 and 3 there, the image 2 and 4. The means are $\mu_r = 2$ and
# $\mu_x = 3$. From their means the pixels are off by $-1$ and $+1$, in both. So both
# have the variance $v_r = v_x = 1$ (the mean of the squares). The **covariance** is the
# mean of the products, $v_{xr} = ((-1)(-1) + 1 \cdot 1)/2 = 1$: both rise together.
# (Were the image 4 and 2, it would be $-1$: one rises where the other falls.)
#
# For each window two questions are asked. *Do the means agree?* The fraction
# $2\mu_x\mu_r/(\mu_x^2 + \mu_r^2)$ is 1 if they do; here $12/13 = 0.92$. *Do the
# details agree?* The fraction $2v_{xr}/(v_x + v_r)$ is 1 if both rise and fall alike;
# here $2/2 = 1$. **Structural similarity** (SSIM) is the mean over all windows of the
# product of both, with two small numbers added:
#
# $$ \frac{2\mu_x\mu_r + c_1}{\mu_x^2 + \mu_r^2 + c_1} \cdot
#    \frac{2 v_{xr} + c_2}{v_x + v_r + c_2} ,
#    \qquad c_1 = (0.01\,\max r)^2 ,\; c_2 = (0.03\,\max r)^2 . $$
#
# The small $c_1$ and $c_2$ keep the fractions from being 0 divided by 0. fastMRI takes
# windows of 7 x 7 pixels, all with the same weight.

# %% [markdown]
# What does noise do to it? By hand, for noise of $\sigma = 0.05$ and a peak of 1, so
# $c_1 = 0.0001$ and $c_2 = 0.0009$.
#
# A window in *flat tissue* of brightness 0.5: both means are about 0.5, so the first
# factor is 1. The tissue has no details, $v_r = v_{xr} = 0$. The noise makes the
# variance of the image. A pixel is an arrow in the complex plane, and its magnitude is
# the arrow's length. Noise along the arrow makes it longer or shorter; noise across it
# only turns it. So only the part along counts, $v_x = \sigma^2 = 0.0025$. The second
# factor is $0.0009 / (0.0025 + 0.0009) = 0.26$.
#
# The same noise in *air*: there $r = 0$, so $\mu_r$, $v_r$ and $v_{xr}$ are 0, and only
# $c_1$ and $c_2$ are left above. The magnitude of noise is never negative. Its mean is
# $1.25\,\sigma = 0.063$, its variance $0.43\,\sigma^2 = 0.0011$. (These two are known
# for the magnitude of complex noise; we take them as given.) With $0.063^2 = 0.0039$
# the first factor is $0.0001 / (0.0039 + 0.0001) = 0.025$, the second
# $0.0009 / (0.0011 + 0.0009) = 0.46$, and the product is 0.011.
#
# So this noise costs nearly all of SSIM in air, and three quarters of it in flat
# tissue. There the noise has to be four times as strong, $\sigma = 0.2$, to leave as
# little: $0.0009 / (0.04 + 0.0009) = 0.022$.

# %%
flat = torch.full((N, N), 0.5, device=DEVICE)
flat[: N // 2] = 0  # upper half: air
flat[-1, -1] = 1  # one pixel as the peak
for level in [0.005, 0.02, 0.05, 0.2]:
    noisy = (flat + level / NOISE_STD * noise[0]).abs()
    values = ssim_map(noisy, flat)  # one SSIM a window; the peak is that of `flat`
    print(f"noise {level}: air {values[:30].mean():.3f}, flat {values[60:].mean():.3f}")

# %% [markdown]
# The maps of a simulated picture, half air and half tissue, agree. Noise of 0.05 leaves
# 0.011 and 0.27. With a tenth of it air keeps 0.7, but at 2 % of the peak hardly more
# than 0.1.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One volume, five definitions
#
# A scan has many slices. fastMRI scores the *volume*: one peak, the brightest pixel of
# all slices, and one mean of all squared errors. Many others score each slice with its
# own peak, and average the decibels. Does it matter? Two slices of a volume:
#
# | | peak of the slice | MSE | PSNR with its own peak |
# |---|---|---|---|
# | first | 4 | 1 | 12 dB |
# | second | 1 | 0.25 | 6 dB |
#
# The mean of both is 9 dB. For the volume the peak is 4 and the MSE is $(1 + 0.25)/2 =
# 0.625$, so the PSNR is $10\,\log_{10}(16/0.625) = 14$ dB. The same images, 5 dB apart.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 17.1 · the PSNR of a volume  (★☆☆, about 6 min)
#
# Write fastMRI's PSNR. Both volumes are (slices, y, x), perhaps complex.
#
# <details><summary>Hint 1: which means and maxima?</summary>
#
# One maximum and one mean, over all three axes: `.max()` and `.mean()` without an axis.
# </details>
#
# <details><summary>Hint 2: the order</summary>
#
# Magnitudes first, then the difference, then the square, then the mean.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_volume_psnr(volume, references):
    """Volumes (slices, y, x) -> PSNR in dB, one peak and one mean error for all."""
    ### BEGIN SOLUTION
    r = references.abs()
    mse = (volume.abs() - r).square().mean()
    return float(10 * torch.log10(r.max() ** 2 / mse))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Slices of different brightness. Then your function scores both of
# our results.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_volume_psnr(my_volume_psnr)
mine = {}
for name, images in {"light": light, "strong": strong}.items():
    of_volume = my_volume_psnr(images[0], truths[0])
    mine[f"{name}, {of_volume:.1f} dB"] = images[0, SHOWN]
show_images(mine)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# All slices of a scan are in one unit, and noise is the same in all of them. So one
# peak for all is sensible. A dark slice then counts by its error, and not by its
# brightness.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To take the peak of the image that is judged. Then an image that is too bright gets a
# higher score.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The definitions of five programs
#
# `open_ms` holds measured images of patients with multiple sclerosis. We take the T1w
# volume of one of them, 12 slices without skull, as the reference. We add noise (this
# is simulated), and remove it by wavelets ([[compressed_sensing]]). Then we score the
# *one* result by five definitions of PSNR, all of which are in use:
#
# - **Volume peak:** that of fastMRI, from the exercise.
# - **Slice peak:** each slice with its own peak; the mean of the decibels.
# - **Peak of the image:** the peak of each slice of what is judged. This happens where
#   somebody swaps the two arguments.
# - **0 to 1:** both images of a slice are first stretched so that their minimum is 0
#   and their maximum 1, as in the published program of MoDL.
# - **Peak of 1:** whatever the images hold. It is the default of deepinv, a library
#   for reconstruction.
#
# (fastMRI is a large collection of raw data with its own program for scores; MoDL is a
# network that we build in [[modl]].)

# %% [markdown]
# And by five of SSIM:
#
# - **Volume peak** and **slice peak:** as above, with windows of 7 x 7.
# - **Gaussian window:** slice peak, and windows of 11 x 11 pixels that weigh less
#   towards the rim. It is the window of the first paper on SSIM.
# - **Range of the slice:** windows of 7 x 7, and in place of the peak the maximum minus
#   the minimum of the slice.
# - **Peak of 1:** the Gaussian window again, now with a peak of 1.

# %%
predict("peak-in-ssim")

# %%
references = load_open_ms("19").t1.to(DEVICE)  # (12, y, x), measured magnitudes
references = references / references.max()
extra = 0.03 * random_complex(*references.shape, seed=2).to(DEVICE)
# the threshold, 0.045, is 1.5 times the noise
volume = shift_invariant_prox(references + extra, 0.045, wavelet="db1")
by_psnr = psnr_by_definition(volume, references)
by_ssim = ssim_by_definition(volume, references)
print(f"peaks of the slices: {references.amax((1, 2)).min():.2f} to 1")
show_by_definition({"PSNR (dB)": by_psnr, "SSIM": by_ssim})

# %% [markdown]
# This is the *same* volume ten times. (Each bar begins at the smallest of five scores.)
# PSNR goes from 30.5 to 35.2 dB, and SSIM from 0.62 to 0.73. Papers on new networks
# often claim a gain that is smaller. So two tables can only be compared if both used
# one definition, program, and set of references.
#
# Most of it is the peak. Two pairs are nearly equal. The peak of our volume *is* 1, so
# volume peak and peak of 1 agree. Each slice has black air, so its range is its peak.
#
# The slices have peaks from 0.57 to 1. With one peak of 1 for all, a slice whose own
# peak is 0.57 gains $20\,\log_{10}(1/0.57) = 4.9$ dB, and nobody has touched its
# pixels. SSIM rises with the peak, too: larger $c_1$ and $c_2$ hide the
# noise.
#
# Cleaning has lowered most peaks. So *peak of the image* is below *slice peak*. *0 to
# 1* makes each peak 1 again. Then the cleaned image is too bright, and this counts as
# an error.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
psnr_spread = max(by_psnr.values()) - min(by_psnr.values())
claim(
    "one volume, five definitions of PSNR: largest minus smallest",
    psnr_spread,
    at_least=2,
    unit="dB",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What the mean does not see
#
# Back to light and strong. All scores are means over pixels or windows. In the mean,
# two things get the wrong weight: air has too much, and a lesion has hardly any.
#
# ### Air
#
# More than half of our pictures is air. Nobody reads air. We have seen how small SSIM
# is there from noise of 2 % of the peak on. So whoever makes the air black may gain
# half of all SSIM at once. Here are the maps of both.

# %%
maps = {}
for name, images in {"light": light, "strong": strong}.items():
    maps[name] = ssim_map(images[0, SHOWN], truth)
print(f"air: {100 * (~tissue).float().mean():.0f} % of the pixels of 20 slices")
show_images(maps, window=(0, 1), label="SSIM of a window", cmap="viridis")

# %% [markdown]
# Bright is good. On the left the air is dark: there some noise is left. On the right
# the air is bright, but for a thin dark line along the skin and some patches beside the
# head, where total variation has smeared some of the head into the air. Inside the head
# the left map is the brighter one. (Its dark patch is the flat tissue in which we put
# the lesion. There noise meets no detail, as in our sum by hand.)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 17.2 · SSIM inside the head  (★★☆, about 10 min)
#
# Average the map over the windows whose middle pixel lies inside a mask. `ssim_map` of
# an image (y, x) has the shape (y - 6, x - 6): its first value is that of the window
# around pixel (3, 3). `inside` is a bool mask, (y, x).
#
# <details><summary>Hint 1: the same shape</summary>
#
# The map lacks 3 pixels on each side. Cut the mask by as many: `inside[3:-3, 3:-3]`.
# </details>
#
# <details><summary>Hint 2: choose</summary>
#
# `values[mask]` are the values where a bool mask of the same shape is True.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_ssim_inside(image, reference, inside):
    """Images (y, x) and a bool mask (y, x) -> mean SSIM of the windows inside."""
    ### BEGIN SOLUTION
    values = ssim_map(image, reference)
    return float(values[inside[3:-3, 3:-3]].mean())
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Three masks. Then your function scores both images inside the head
# and outside of it.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_ssim_inside(my_ssim_inside)
in_head = tissue[SHOWN]
for name, images in {"light": light, "strong": strong}.items():
    shown = images[0, SHOWN]
    both = [my_ssim_inside(shown, truth, where) for where in (in_head, ~in_head)]
    print(f"{name}: SSIM {both[0]:.3f} in the head, {both[1]:.3f} in air")
show_images({"head": truth, "where it counts": in_head.float()}, window=(0, 1))

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it, and explain.** Score both images inside the head with windows of 3, 7 and
# 21 pixels. (The library's `ssim_inside(image, reference, mask, window_size=3)` cuts
# the mask by itself.) Which windows are kinder to which image? How would you choose one
# for a paper?
#
# <details><summary>What we found</summary>
#
# Large windows are kinder to both, and most to the strong weight: a large window always
# holds some edge, and beside its variance small errors are small. The light weight is
# ahead with all three. We take 7 x 7, as others do.
# </details>
#
# *Your answer:* (click here and write)

# %% tags=["solution"]
in_head = tissue[SHOWN]
for size in [3, 7, 21]:
    for name, images in {"light": light, "strong": strong}.items():
        score = ssim_inside(images[0, SHOWN], truth, in_head, window_size=size)
        print(f"windows of {size:2}: {name} {score:.3f}")

# %% [markdown] tags=["solution"]
# There is no right window. In a paper take the one that all others took, 7 x 7 or the
# Gaussian, and name it. Whoever tries five and reports one has chosen the winner.

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# The images stay as they are, and the choice is made in the map.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To set both images to zero outside the head, and to take the usual mean. Two black
# windows agree perfectly. So each window of air counts as 1, and the score is high for
# *any* image.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Which weight would you choose?
#
# We tune the weight of total variation by a score, on eight slices of the *training*
# heads, for seven weights, with four scores: PSNR and SSIM, each over the whole image
# and inside the head only.

# %%
train_truths, train_lesion, train_rim, _ = with_lesions("train", 8)
train_noise = NOISE_STD * random_complex(8, N, N, seed=3).to(DEVICE)
weights = [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0]
cleaned = []  # one (2, 8, y, x) for each weight
for weight in weights:
    pair = [clean(each + train_noise, weight) for each in train_truths]
    cleaned.append(torch.stack(pair))


# %%
def mean_ssim_inside(images, references):
    """Mean over slices of SSIM inside the head: (n, y, x), (n, y, x) -> float."""
    values = []
    for image, reference in zip(images, references, strict=True):
        values.append(ssim_inside(image, reference, reference.abs() > 0.05))
    return sum(values) / len(values)


goal = train_truths[0]  # with lesions
heads_only = goal.abs() > 0.05
scores = {"PSNR (dB)": {"all": [], "head": []}, "SSIM": {"all": [], "head": []}}
for pair in cleaned:
    decibels = psnr(pair[0], goal, inside=heads_only)
    scores["PSNR (dB)"]["all"].append(psnr(pair[0], goal).mean())
    scores["PSNR (dB)"]["head"].append(decibels.mean())
    scores["SSIM"]["all"].append(ssim(pair[0], goal).mean())
    scores["SSIM"]["head"].append(mean_ssim_inside(pair[0], goal))
show_preferences(weights, scores, xlabel="weight (in units of the noise)")

# %% [markdown]
# (Circles mark the best of each curve.) Over the whole image SSIM asks for a weight of
# 1.25. That is *strong*. PSNR asks for 0.75. Inside the head both ask for 0.5. That is
# *light*. So with this one change, which pixels count, another weight wins. (Eight
# slices and seven weights: between neighbours the choice is not sharp.)

# %%
lead = {}  # strong minus light, 20 slices of the test head
lead["SSIM, all"] = ssim(strong[0], truths[0]) - ssim(light[0], truths[0])
inside = []
for number, head in enumerate(truths[0]):
    mask = tissue[number]
    of_strong = ssim_inside(strong[0, number], head, mask)
    inside.append(of_strong - ssim_inside(light[0, number], head, mask))
lead["SSIM, head"] = torch.tensor(inside)
show_gains(lead, unit="", xlabel="SSIM, strong minus light, a dot a slice")

# %% [markdown]
# On the test head it is the same: the strong weight leads by 0.24 over
# all windows, and is 0.07 behind where the head is. (The black line is the 95 %
# interval of the mean, the bracket of a claim.)

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim("SSIM over all windows: strong minus light", lead["SSIM, all"], at_least=0.1)
claim("SSIM inside the head: strong minus light", lead["SSIM, head"], at_most=0)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A lesion weighs nothing
#
# Now take the truth itself, and *erase the lesion*. This is the worst that a
# reconstruction could do to this patient. What would PSNR say?

# %%
predict("lesion-erased")

# %%
erased = psnr(truths[1], truths[0])  # without the lesion, judged by the truth with it
similar = ssim(truths[1], truths[0])
print(f"{lesion[SHOWN].sum()} of {N * N} pixels belong to the lesion of this slice")
print(f"erased: {erased.mean():.0f} dB, SSIM {similar.mean():.4f}, mean of 20 slices")
print(f"light:  {psnr(light[0], truths[0]).mean():.0f} dB")

# %% [markdown]
# An image without the lesion has 52 dB and an SSIM of 0.999, far more
# than the light weight will ever reach. By hand: 9 pixels are wrong by at most 0.1. If
# all were, the MSE would be $9 \cdot 0.01 / 9216 = 10^{-5}$, which is 50 dB. (The disc
# covers its four corner pixels in part. There it is less, so we have 52.) A score that
# is a mean over 9216 pixels cannot see 9 of them. So the lesion needs a number of its
# own.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 17.3 · how much of the lesion is left?  (★★☆, about 8 min)
#
# The contrast of a lesion is the mean over its pixels minus the mean over a rim around
# it. A part of this was there before, since brains are not flat. So subtract the same
# number of the image *without* the lesion. Then divide by what it is in the truth.
# `images` and `references` are pairs, (2, y, x): number 0 with the lesion, number 1
# without it. `lesion` and `rim` are bool masks, (y, x).
#
# <details><summary>Hint 1: a function inside</summary>
#
# Write what is done to one image first: `image.abs()[lesion].mean()` minus the same of
# the rim. Four images need it.
# </details>
#
# <details><summary>Hint 2: the quotient</summary>
#
# (image with minus image without) over (reference with minus reference without).
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_contrast_kept(images, references, lesion, rim):
    """Pairs (2, y, x), masks (y, x) -> share of the lesion's contrast that is left."""

    ### BEGIN SOLUTION
    def contrast(image):
        return image.abs()[lesion].mean() - image.abs()[rim].mean()

    seen = contrast(images[0]) - contrast(images[1])
    true = contrast(references[0]) - contrast(references[1])
    return float(seen / true)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A bright and a dark lesion on a slope. Then your function reads
# the slice shown above.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_contrast_kept(my_contrast_kept)
masks = (lesion[SHOWN], rim[SHOWN])
mine = {"truth": truth[part["rows"], part["columns"]]}
for name, images in {"light": light, "strong": strong}.items():
    left = my_contrast_kept(images[:, SHOWN], truths[:, SHOWN], *masks)
    mine[f"{name}: {100 * left:.0f} % kept"] = images[0, SHOWN][
        part["rows"], part["columns"]
    ]
show_images(mine)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Both scans have the same noise, so all that differs is the lesion. What the method
# does to the rest of the head cancels. A scanner cannot do this, but a simulation can.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To forget the rim. If a lesion is smeared into its surroundings, they become brighter,
# too. The eye sees less of it, and only the rim tells us.
# </details>

# %%
kept = {}  # in percent, 20 slices of the test head
for name, images in {"light": light, "strong": strong}.items():
    kept[name] = 100 * contrast_kept(images, truths, lesion, rim)
    print(f"{name}: least {kept[name].min():.0f} %, in slice {kept[name].argmin()}")
show_gains(
    kept, unit="%", form=".0f", xlabel="contrast that is kept (%), a dot a slice"
)

# %% [markdown]
# Each dot is a slice. The light weight keeps 78 % of the contrast in the
# mean, the strong one only 43 %, and in one slice 5 %. This answers the question of the
# first figure: SSIM prefers the strong weight for its black air, and the contrast that
# it has lost weighs nothing.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim("contrast of the lesion kept, light", kept["light"], at_least=60, unit="%")
claim("contrast of the lesion kept, strong", kept["strong"], at_most=60, unit="%")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Has the lesion gone, then?
#
# Contrast is not all. A lesion is found if its contrast is large beside the noise.
# Noise falls as well. But which noise? We *read* a lesion by one number, the mean over
# its disc minus the mean over a ring around it. With new noise this number is a little
# different. So we need the noise of that number. We repeat ten slices five times with
# new noise, with the lesion and without it.


# %%
def as_scanned(images):
    return images


def by_light(images):
    return clean(images, LIGHT)


def by_strong(images):
    return clean(images, STRONG)


methods = {"scan": as_scanned, "light": by_light, "strong": by_strong}
ten = [truths[1, :10], truths[0, :10], places[:10]]  # without, with, where
read = read_lesions(methods, *ten, radius=RADIUS, noise_std=NOISE_STD, n_draws=5)

# %%
for name, each in read.items():
    contrast = each.contrast.mean()
    its_noise = each.reading_noise.mean()
    print(f"{name:6} contrast {contrast:.3f}, noise {its_noise:.4f},", end=" ")
    print(f"ratio {contrast / its_noise:.1f},", end=" ")
    without, present = each.pooled  # all readings, (50,) and (50,)
    larger = (present[:, None] > without).float().mean()
    print(f"larger with the lesion: {100 * larger:.1f} % of pairs")

# %% [markdown]
# In the ten slices the contrast falls from 0.084 to 0.032. (In the scan it is not 0.1,
# mostly because the disc covers its corner pixels in part.) But the noise of the
# reading falls as well, from 0.0159 to 0.0082. So the ratio falls from 5.3 to 3.8, by
# much less than the contrast. Take any reading with the lesion and any without it. In
# 99 % of these pairs the first is larger, even with the strong weight. So somebody who
# *knows the place* still finds this lesion. Contrast is lost here, and not the lesion.
#
# Would a person who has to search see it? These numbers cannot tell. So we name both,
# the contrast and its ratio to the noise. ([[enhancement]] goes on with such readings.
# Five draws are few, so the ratios are rough. Slice 16, which kept 5 %, is not among
# the ten. There the ratio is smaller.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The reference is noisy, too
#
# So far our references were perfect. No scanner gives such a reference. A measured one
# is $r = |x_\text{true} + \varepsilon|$, with noise $\varepsilon$ of its own. What
# score would a *perfect* image get, the truth itself?

# %%
predict("true-image")

# %% [markdown]
# Let the noise be $\sigma$ in the real and in the imaginary part. In tissue only the
# part along the arrow of $x_\text{true}$ changes its length. So inside the head the
# mean squared difference of $r$ and the truth is $\sigma^2$, and the truth itself has
#
# $$ \text{PSNR} = 10\,\log_{10}\frac{(\max r)^2}{\sigma^2} . $$
#
# By hand, for $\max r = 1.1$ (noise sits on the peak, too) and $\sigma = 0.05$:
# $10\,\log_{10}(1.21 / 0.0025) = 26.8$ dB. The **noise ceiling** is the score that the
# true image gets from a noisy reference.
#
# In air the rules are others. There the truth is 0 and the reference is the magnitude
# of noise, so both parts of the noise count: the mean squared difference is
# $2\,\sigma^2$, twice as much as in tissue. An image with grey air, $1.25\,\sigma$
# everywhere, would be nearer to this reference than the truth: off by its variance,
# $0.43\,\sigma^2$. So we leave the air out. (In dim tissue a part of both effects is
# left.)

# %%
noisy_references = truths[0] + NOISE_STD * random_complex(20, N, N, seed=5).to(DEVICE)
peak = noisy_references.abs().amax((-2, -1)).cpu()
predicted = 10 * torch.log10(peak**2 / NOISE_STD**2)
ceiling = psnr(truths[0], noisy_references, inside=tissue)
print(f"truth against a noisy reference: {ceiling.mean():.1f} dB")
print(f"by the formula:                  {predicted.mean():.1f} dB")

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    "noise ceiling, measured minus formula",
    ceiling - predicted,
    at_least=-0.3,
    at_most=0.3,
    unit="dB",
)

# %% [markdown]
# Now the trap. Often the reference and the image are made of the *same* samples. The
# reference uses all of them, the image a part. Then they share noise. We score the
# light result by two noisy references: one from another scan, with noise of its own,
# and `scans`, from which it was made.

# %%
judges = {"the truth": truths[0], "another scan": noisy_references, "its own": scans[0]}
for name, judge in judges.items():
    own = psnr(light[0], judge, inside=tissue).mean()
    raised = 20 * judge.abs().amax((-2, -1)).log10().mean()  # dB, by a peak above 1
    print(
        f"light by {name}: {own:.1f} dB, with a peak of 1 {own - raised.cpu():.1f} dB"
    )

# %% [markdown]
# The truth says 26.7 dB. (Inside the head. The 28 dB above were of all pixels.) Another
# noisy scan says 24.3 dB: its own noise is added to the error. The scan from which the
# image was made says 29.5 dB, more than the ceiling of 26.9. It rewards the noise that
# is left in the image.
#
# (Each score has the peak of its own reference. A noisy reference has a peak of 1.1 in
# place of 1, and that alone is worth $20\,\log_{10} 1.1 = 0.8$ dB. The last column has
# it taken off. The order of the three stays.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### On real data: a knee and a brain
#
# Two measured scans with all lines. The knee has one coil and is fat-suppressed, so it
# has little signal. The brain has seven channels; our file keeps four. (It is a
# development scan: choices of this course were made on it.) `reference_noise` finds the
# noise of such a reference, from the air or from k-space itself.

# %%
measured = {}
for name, file in {"knee": "larson_knee", "brain": "moco_brain_7ch"}.items():
    measured[name] = load_real(file).to(DEVICE)
found = {name: reference_noise(scan) for name, scan in measured.items()}
below = {}  # by how much the noise of the reference is below its peak (dB)
for name, scan in measured.items():
    in_maps = scan.smaps.abs().sum(0) > 0  # elsewhere the reference is 0, noise and all
    variance = found[name].variance[in_maps].mean()  # of the part along the arrow
    below[name] = float(10 * torch.log10(scan.reference.abs().max() ** 2 / variance))
    weak = (scan.reference.abs()[in_maps] < 2 * variance.sqrt()).float().mean()
    print(f"{name}: noise {below[name]:.1f} dB below the peak,", end=" ")
    print(f"{100 * weak:.0f} % of the pixels below twice the noise")
show_images({name: scan.reference for name, scan in measured.items()})

# %% [markdown]
# The peak of the knee is only 28.1 dB above its noise, that of the brain 43.1 dB.
# (Both inside the coil maps. Outside of them the reference is 0, without noise.) These
# numbers count the part of the noise along the arrow, $\sigma^2$, as in bright tissue.
# But about a third of the pixels is hardly brighter than noise. There, as in air, up to
# $2\,\sigma^2$ counts, so the truth is farther from the reference and its score lower.
# So the ceilings are *at most* 28 and 43 dB. A table for
# this knee with 35 dB in it would mostly tell of shared noise, or of a reference that
# was filtered.
#
# We try it: we remove noise from the knee by wavelets, and score the results by the
# knee as it was measured.

# %%
predict("knee-best")

# %%
knee = measured["knee"].reference
sigma = float(found["knee"].variance.mean().sqrt())
thresholds = [0.25, 0.5, 1.0, 1.5, 2.0, 3.0]  # in units of the noise
for factor in thresholds:
    image = shift_invariant_prox(knee, factor * sigma, wavelet="db1")
    print(f"threshold {factor} x noise: {psnr(image, knee):.1f} dB")

# %% [markdown]
# The less is done, the better the score: 42.7 dB for a threshold that removes hardly
# anything. More than 28 dB can only be shared noise. Without any threshold it would be
# infinite. Who tunes a denoiser by its own noisy reference learns to do nothing.

# %% [markdown]
# In undersampled scans the effect is smaller, and it can be computed and taken away.
# Call the noise in a pixel of the image $a$ and that in the reference $b$. The squared
# error holds
#
# $$ (a - b)^2 = a^2 + b^2 - 2ab . $$
#
# By hand: with $a = 2$ and $b = 3$ the two are alike, and the error is only
# $(2 - 3)^2 = 1$. With $a = 2$ and $b = -3$ it is 25. If the two noises had nothing to
# do with each other, both cases would be as frequent, with a mean of 13, and that is
# $a^2 + b^2$. So shared noise lowers the error by twice the mean of $ab$.
#
# We cannot see $a$ and $b$. But we can add a little fresh noise, *which we know*, to
# the samples, and reconstruct again. The image changes, and so does the reference. The
# fresh noise takes the same way into both as the old. So we multiply the two changes,
# pixel by pixel, and take the mean. Our fresh noise is 0.3 times as strong as the old,
# in both changes. So their mean product is $0.3 \cdot 0.3 = 0.09$ times the mean of
# $ab$, and we divide by 0.09.
#
# The cell does so. What `reference_noise` returned holds the change of the reference
# (`answer`), and it has a `psnr` that takes away the shared noise, and $b^2$, too. It
# leaves $a^2$, which is an error of the image.

# %%
brain = measured["brain"]
noise_of_brain = found["brain"]


def two_images(acceleration):
    """The brain by wavelets from some of its lines, and once more with fresh noise."""
    mask = random_mask(brain.kspace.shape[-2], acceleration, acs=24, seed=1).to(DEVICE)
    scan = brain.undersample(mask)
    A = SenseOperator(scan.smaps, scan.mask)
    fresh = noise_of_brain.disturbed(scan)  # the same samples with some more noise
    options = {"reg_weight": 1e-3, "n_iterations": 40}
    image = wavelet_reconstruction(A, scan.kspace, **options)
    return image, wavelet_reconstruction(A, fresh.kspace, **options)


# %%
for acceleration in [2, 4]:
    image, with_fresh = two_images(acceleration)
    change = with_fresh.abs() - image.abs()  # by the fresh noise
    ab = (change * noise_of_brain.answer).mean() / 0.09
    share = ab / noise_of_brain.variance.mean()
    corrected = noise_of_brain.psnr(image, with_fresh - image)
    plain = psnr(image, brain.reference)
    print(f"R = {acceleration}: mean of ab over that of b² {share:.2f};", end=" ")
    print(f"{plain:.1f} dB, noise apart {corrected:.1f} dB")

# %% [markdown]
# The image shares 0.64 of the reference's noise at $R = 2$, and 0.30 at $R = 4$: about
# the share of the lines that both are made of.
#
# At $R = 2$ the noise of the reference raised this score by 1.4 dB in all: shared noise
# raised it, and the reference's own noise lowered it by less. (One slice, one mask, one
# fresh noise.) At $R = 4$ the error of the image is far larger than the noise, and the
# two nearly agree. So first look how far the scores of a table lie below the ceiling.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Ask readers
#
# In the end a person reads the image. A **reader study** lets people who do not know
# which method made an image give grades to it. Its rules are there because people see
# what they hope to see:
#
# - **Blinded:** readers see A and B, and no names of methods.
# - **Random order and sides:** from a seed. So nobody tires of one method first.
# - **Grades:** for each criterion that the clinical question needs. A **Likert scale**
#   has a few whole numbers in order, here from 1 (worst) to 5 (best).
# - **More than one reader:** each alone; and some weeks, the *washout*, between two
#   readings of the same images.
# - **The plan first:** criteria, number of exams, tests, and what difference would
#   still be small enough, are fixed before anybody looks.
#
# Our question: what do readers see differently with the strong weight? (Whether it is
# *as good* comes below.) The criteria: sharpness, freedom from noise, and confidence
# that a small lesion would be seen. Eight exams.

# %%
CRITERIA = ("sharpness", "freedom from noise", "confidence")
study = ReaderStudy(
    "total_variation", ("light", "strong"), CRITERIA, n_exams=8, seed=17
)
for pair in study.pairs("a reader")[:3]:
    print(pair)

# %% [markdown]
# `study.pairs` gives the order and the sides of a reader, a different one for each
# name. (Our "exams" are eight slices of *one* simulated head. A real study takes one
# exam from each of many patients.)
#
# Now *you* are the first reader. Grade all eight pairs without scrolling up. Below each
# image choose a grade from 1 (worst) to 5 (best) for each criterion, and press *Save
# and go on*. It takes about ten minutes. Grades are kept after each pair in your
# workspace. If you close the notebook, you go on where you stopped.

# %%
book = GradeBook(study, workspace_here())
to_read = {"light": light[0, :8], "strong": strong[0, :8]}
ReadingView(book, to_read, reader="me")

# %% [markdown]
# (Without a kernel you see the first pair only, and no menus. You are not blind. The
# names are hidden, but grain in the air tells at sight that an image is *light*. One
# could black out the air; the grain inside the head would still tell much. Real studies
# have this problem, too, and have to say so. To find out how well you agree with
# yourself, change `reader="me"` to `reader="me again"` in a week.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Two simulated readers
#
# To show the analysis we make two *simulated* readers. Each image has a quality for
# each criterion, which *we* have written down. A reader adds a habit (one is milder
# than the other) and an error of his own, and rounds to a grade.

# %%
effect = torch.tensor([[4.0, 2.6, 3.6], [2.8, 4.2, 2.4]])  # (methods, criteria)
generator = torch.Generator().manual_seed(2)
ease = 0.5 * torch.randn(8, 1, 1, generator=generator)  # of each exam: above 0 is easy
quality = effect + ease  # (exams, methods, criteria)


def simulated_reader(habit, spread, seed):
    """Grades (exams, methods, criteria), whole numbers from 1 to 5."""
    generator = torch.Generator().manual_seed(seed)
    error = spread * torch.randn(quality.shape, generator=generator)
    return (quality + habit + error).round().clamp(1, 5)


first = simulated_reader(habit=0.0, spread=0.5, seed=3)
second = simulated_reader(habit=0.3, spread=0.5, seed=4)
grades = torch.stack([first, second])  # (readers, exams, methods, criteria)

# %%
differences = exam_differences(grades, 0, 1)  # strong minus light, (exams, criteria)
by_criterion = dict(zip(CRITERIA, differences.T, strict=True))
label = "strong minus light (grades), a dot an exam"
show_gains(by_criterion, unit="", xlabel=label)

# %% [markdown]
# Each dot is one exam, the mean over both readers. Equal ones stand in a column. With
# the strong weight sharpness falls, noise is better, and confidence falls. (This is
# what we have put in.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Is it chance?
#
# Suppose that there is no difference. Then for each exam plus and minus are equally
# likely, as with a coin. The **p-value** is the chance that luck alone, a coin for each
# exam, gives differences at least as one-sided as those seen. **Wilcoxon's signed-rank
# test** ranks all differences by size, without their signs, adds up the ranks of the
# negative ones, and asks how often coins give such a sum.
#
# By hand, six exams with differences $-0.5, 1, 1.5, 2, 2.5, 3$. Only the smallest is
# negative, so the sum of the ranks of the negatives is 1. Six coins have $2^6 = 64$
# outcomes. With a sum of 0 or 1 there are two, all plus, and all plus but the smallest.
# To the other side there are two more. So $p = 4/64 = 0.0625$.

# %%
six = torch.tensor([-0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
print(f"p = {signed_rank(six):.4f}")

# %% [markdown]
# We ask three questions, one for each criterion. With three independent questions about
# nothing, the chance that at least one has $p < 0.05$ is $1 - 0.95^3 = 14$ %. **Holm's
# correction** multiplies the smallest of $m$ p-values by $m$, the next by $m - 1$, and
# so on, and lets none fall below the one before. By hand, for 0.01, 0.03 and 0.04: they
# become 0.03, 0.06, and 0.04, which is raised to 0.06.

# %%
print(holm([0.01, 0.03, 0.04]).tolist())
for each in compare_methods(study, grades):
    print(f"{each.criterion:19}{each.mean:+.2f} grades, p = {each.p:.3f},", end=" ")
    print(f"after Holm {each.p_holm:.3f}")

# %% [markdown]
# All three remain below 0.05. (With eight exams no p-value can be below $2/2^8 =
# 0.008$.) These p-values speak of new exams with *these two* readers, and not of other
# readers.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What is one observation?
#
# Think of 10 patients with 12 slices each, and a reader who grades them all. Why not
# test over slices, and have 120 numbers in place of 10? Because slices of a patient are
# alike. A patient who moved has twelve bad slices.
#
# We simulate such studies of two methods that are *equally good*. Each patient has a
# number of his own, with a standard deviation of 0.5: how much better one method suits
# him. To this each slice adds a number of its own, with a standard deviation of 0.5.
#
# By hand: the mean of all 120 numbers really varies as the mean of 10 patients does, by
# $0.5/\sqrt{10} = 0.16$. A test that takes slices for patients sees 120 numbers with a
# standard deviation of $\sqrt{0.5^2 + 0.5^2} = 0.71$, and believes that their mean
# varies by $0.71/\sqrt{120} = 0.065$. It sees a difference from $2 \cdot 0.065 = 0.13$
# on.

# %%
predict("slices-as-patients")

# %%
generator = torch.Generator().manual_seed(7)
alarms = {"mean of each patient": [], "every slice": []}
for _ in range(200):
    patients = 0.5 * torch.randn(10, 1, generator=generator)
    slices = patients + 0.5 * torch.randn(10, 12, generator=generator)
    alarms["mean of each patient"].append(signed_rank(slices.mean(1)) < 0.05)
    alarms["every slice"].append(signed_rank(slices.flatten()) < 0.05)
for unit, each in alarms.items():
    share = 100 * sum(each) / len(each)
    print(f"{unit}: 'a difference' in {share:.0f} % of 200 studies without one")

# %% [markdown]
# With one number for each patient the test finds a difference in 4 %, as it promises,
# about 5 %. With slices as observations, 41 % of our simulated studies find a
# difference that is not there: 0.13 is less than one true standard deviation, 0.16, and
# chance goes beyond that in four cases of ten. For pixels it would be worse still. So
# average over slices first. *The patient is the unit*, of tests and of intervals.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
of_studies = {"unit": "%", "samples": "simulated studies of equal methods"}
per_slice = 100 * torch.tensor(alarms["every slice"]).float()
per_patient = 100 * torch.tensor(alarms["mean of each patient"]).float()
claim("false alarms, every slice an observation", per_slice, at_least=20, **of_studies)
claim("false alarms, one number a patient", per_patient, at_most=10, **of_studies)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### "No difference" is not "as good"
#
# A product is often said to be as good as the old one, since $p > 0.05$. But the
# smaller the study, the easier that is. **Non-inferiority** means that the new method
# is worse by less than a margin, which was fixed before: even the low end of the 95 %
# interval must lie above minus the margin. Here are six exams, with a margin of half a
# grade.

# %%
few = torch.tensor([-1.5, 0.5, -1.0, 1.0, -0.5, 0.5])  # new minus old
answer = non_inferiority(few, margin=0.5)
span = answer.interval
print(f"p = {signed_rank(few):.2f}, mean {answer.mean:+.2f}", end=" ")
print(f"[{span.low:.2f}, {span.high:.2f}]")
print(f"not worse by half a grade: {'shown' if answer.shown else 'not shown'}")

# %% [markdown]
# The test sees no difference, $p = 0.81$. But the new method might be worse by more
# than a grade. Six exams have shown neither that it is worse, nor that it is not. (They
# are too few for a bootstrap. The bracket is *Student's interval*, made for few.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Do two readers agree?
#
# If two readers give grades like dice, their mean is worth nothing. They also agree
# sometimes by chance. **Weighted kappa** is the agreement of two readers beyond chance,
# where far disagreements weigh more:
#
# $$ \kappa = 1 - \frac{D}{D_\text{chance}} . $$
#
# $D$ is the mean squared difference of the two grades of an image. $D_\text{chance}$ is
# the mean squared difference of *all* combinations of a grade of the first reader and a
# grade of the second, whichever image they belong to. $\kappa$ is 1 if they always
# agree, and 0 if they do no better than chance. (In [[optimizers]] the letter $\kappa$
# was the condition number. The two have nothing in common.)
#
# By hand: the first gives 1, 2, 4, 5 to four images, the second 2, 2, 4, 4. The squared
# differences are 1, 0, 0, 1, so $D = 0.5$. The 16 combinations: 1 with each of 2, 2, 4,
# 4 gives $1 + 1 + 9 + 9 = 20$; 2 gives 8; 4 gives 8; 5 gives 20. So $D_\text{chance} =
# 56/16 = 3.5$, and $\kappa = 1 - 0.5/3.5 = 0.86$.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 17.4 · Go further: weighted kappa  (★★☆, about 10 min)
#
# Write it for grades (n,) of two readers. Then look what it says of simulated readers.
#
# <details><summary>Hint 1: all combinations</summary>
#
# `first[:, None] - second` has the shape (n, n): every grade of the first minus every
# grade of the second.
# </details>
#
# <details><summary>Hint 2: the mean of whole numbers</summary>
#
# `.mean()` wants numbers with a point: `first.double()`.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_weighted_kappa(first, second):
    """Grades (n,) of two readers, same images -> kappa with squared weights."""
    ### BEGIN SOLUTION
    a = first.double()
    b = second.double()
    observed = (a - b).square().mean()
    by_chance = (a[:, None] - b).square().mean()
    return float(1 - observed / by_chance)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Readers who agree, and readers who do not. Then simulated readers
# whose own error, `spread`, we choose ourselves.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_weighted_kappa(my_weighted_kappa)
spreads = [0.1, 0.5, 1.0, 2.0]
curve = []
for spread in spreads:
    one = simulated_reader(0.0, spread, seed=11).flatten().long()
    other = simulated_reader(0.0, spread, seed=12).flatten().long()
    curve.append(my_weighted_kappa(one, other))
plot_lines(spreads, {"two simulated readers": curve}, xlabel="spread", ylabel="kappa")

# %% [markdown] slideshow={"slide_type": "skip"}
# **Explain.** (1) Kappa falls as the spread grows. What have we learned about
# radiologists? (2) In the line that makes `other`, make this reader milder by a whole
# grade: 1.0 in place of 0.0. Does kappa mind? Would a correlation?
#
# <details><summary>What we found</summary>
#
# (1) Nothing, because we chose the spread. (2) Kappa falls, a correlation hardly does.
# It subtracts the mean of each reader first.
# </details>
#
# *Your answer:* (click here and write)

# %% tags=["solution"]
for habit in [0.0, 1.0]:
    one = simulated_reader(0.0, 0.5, seed=11).flatten()
    other = simulated_reader(habit, 0.5, seed=12).flatten()
    together = torch.corrcoef(torch.stack([one, other]))[0, 1]
    kappa = weighted_kappa(one, other)
    print(f"habit {habit}: kappa {kappa:.2f}, correlation {together:.2f}")

# %% [markdown] tags=["solution"]
# (1) Nothing at all. The agreement is what we have put in by `spread`. Simulated
# readers can show that the program computes right, and how many exams a study would
# need. They cannot show that people agree. (2) Kappa falls, since equal grades are
# asked for. A correlation first subtracts the mean of each reader. So a habit is gone,
# and it asks only whether both rise together.

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# With squared weights kappa is 1 minus a ratio of two mean squares. The textbook's
# form, with a table of how often each pair of grades came, gives the same number.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To count how often the two agree. If both give a 4 to nearly everything, they agree in
# nearly all images, and may still know nothing about them.
# </details>

# %% [markdown]
# And your own grades? This cell analyses them as soon as all pairs are read.

# %%
for criterion, kappa in agreement(study, first, second).items():
    print(f"two simulated readers, {criterion}: kappa {kappa:.2f}")
readings = {}  # of real readers who are through
for reader in book.readers():
    if book.n_graded(reader) == study.n_exams:
        readings[reader] = book.grades(reader)  # (exams, methods, criteria)
print(f"{len(readings)} real readings are complete")
for reader, its_grades in readings.items():
    for each in compare_methods(study, its_grades[None]):
        print(f"{reader}: {each.criterion} {each.mean:+.2f}, p {each.p_holm:.3f}")
if len(readings) == 2:
    print("kappa of both:", agreement(study, *readings.values()))

# %% [markdown]
# Kappa is higher where the images differ more. Light and strong differ most in noise,
# so the readers agree best there. Within one method kappa would be lower. (16 images
# are few, too.)
#
# (Your own number is real. But it is about one reader and eight slices of one head.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Start from the problem
#
# We end with advice: start from the problem, know your data and your signal
# model, and do not get lost in numbers. For scores this means five questions, in this
# order:
#
# 1. *What must the image show?* A small lesion? Then measure lesions.
# 2. *Which pixels count?* Leave out the air, and say so.
# 3. *Which definition, which program?* Peak, window, volume or slice.
# 4. *How noisy is the reference?* Compare the scores with the ceiling.
# 5. *What is one observation?* The patient. How many are there, and how far may the
#    mean be off?
#
# A table that answers them needs no bold line.

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose the bounds of this lesson</summary>
#
# Most bounds come from a pilot on the *training* heads, before the test head was looked
# at: there the strong weight led by 0.19 in SSIM over all windows, was 0.05 behind
# inside the head, and kept 39 % of the contrast, the light one 77 %. We asked for half
# of the lead, for any loss inside the head, and for 60 % as the line between the two.
# That formula and ceiling agree within 0.3 dB was our guess. In weak tissue the part of
# the noise across the arrow counts a little, too. (At first we had scored the
# whole image. Then the light result got more than the truth, for its grey air. The test
# head was scored again, and no bound moved.) For false alarms we asked for twice of 5 %
# at most where the test is right, and four times at least where it is wrong. The 2 dB
# between definitions was chosen with the volumes in view.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %% jupyter={"source_hidden": true}
print(f"light: NMSE {volume_nmse(light[0], truths[0]):.4f},", end=" ")
print(f"PSNR {volume_psnr(light[0], truths[0]):.1f} dB,", end=" ")
print(f"SSIM {volume_ssim(light[0], truths[0]):.3f}, as fastMRI")
print(f"one volume, five definitions: {psnr_spread:.1f} dB apart")
for name, each in lead.items():
    print(f"strong minus light, {name}: {each.mean():+.2f}")
for name, each in kept.items():
    print(f"{name} keeps {each.mean():.0f} % of the lesion's contrast")
print(f"noise ceiling: {ceiling.mean():.1f} dB simulated,", end=" ")
print(f"at most {below['knee']:.1f} knee, {below['brain']:.1f} brain")
for name, each in read.items():
    ratio = each.contrast.mean() / each.reading_noise.mean()
    print(f"{name}: contrast over the noise of a reading {ratio:.1f}")
for unit, each in alarms.items():
    print(f"false alarms, {unit}: {100 * sum(each) / len(each):.0f} %")

# %% [markdown]
# - **Three numbers.** NMSE and PSNR are mean squared errors in another dress, SSIM
#   compares windows. Peak, window, and volume or slice have to be named. They change
#   one result by decibels.
# - **What is in a score.** Here air makes half of SSIM, the peak several decibels. The
#   noise of the reference is a ceiling, and shared noise is rewarded.
# - **Lesions.** A lesion weighs nothing in a mean over pixels. Measure its contrast,
#   and put the noise of its reading beside it.
# - **Readers.** Blinded, in random order, by a plan. The patient is the unit. Wilcoxon
#   for each criterion, Holm for all, kappa for the agreement, and a margin where
#   something shall be as good.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Wang et al., IEEE Trans Image Process 13:600, 2004, [10.1109/TIP.2003.819861](https://doi.org/10.1109/TIP.2003.819861):
#   SSIM, with the Gaussian window.
# - Mason et al., IEEE Trans Med Imaging 39:1064, 2020, [10.1109/TMI.2019.2930338](https://doi.org/10.1109/TMI.2019.2930338):
#   ten scores beside the grades of radiologists, on MR images.
# - Muckley et al., IEEE Trans Med Imaging 40:2306, 2021, [10.1109/TMI.2021.3075856](https://doi.org/10.1109/TMI.2021.3075856):
#   the fastMRI challenge of 2020: SSIM chose the finalists, then radiologists read
#   them, and saw structures that were not there.
# - Cohen, Psychol Bull 70:213, 1968, [10.1037/h0026256](https://doi.org/10.1037/h0026256): weighted kappa.
