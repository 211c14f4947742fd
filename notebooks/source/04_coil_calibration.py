# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 4 · Where the coil maps come from
#
# **You will be able to**
# - estimate coil maps from the centre of k-space, and say what an array alone cannot
#   tell about them;
# - explain ESPIRiT with a sliding window, and read its singular values and eigenvalues;
# - undo noise that coils share;
# - fill missing lines with a GRAPPA kernel;
# - name four failures of parallel imaging, and predict where their ghosts lie.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | [[sense]] | 100 minutes | 40 s | simulated head, one measured brain |

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
import torch

# fmt: off
# isort: off
from mricourse import (
    claim, device, fft2c, fftc, ifft2c, predict, random_complex, your_turn)
from mricourse.datasets import load_real
from mricourse.evaluation import (
    calibration_scores, compared_with_rss, ghost_distance, psnr)
from mricourse.exercises import check_coil_maps, check_grappa, check_prewhiten
from mricourse.physics import (
    acs_window, calibration_matrix, equispaced_mask, espirit, espirit_eigenvalues,
    low_resolution_maps, noise_covariance, prewhiten, rss)
from mricourse.plotting import (
    plot_lines, show_calibration_matrix, show_column, show_ghosts, show_grappa_kernel,
    show_images, show_smaps, show_windows)
from mricourse.reconstruct import sense_unfold
from mricourse.simulate import (
    brain_slices, inside_head, ring_noise_covariance, scan_while_moving,
    simulate_arrays, simulate_coils)
# isort: on
# fmt: on

# %% [markdown]
# In [[sense]] we unfolded images with the maps of the coils, and took these maps as
# known. Nobody hands them to a scanner. They depend on where the coils lie today and on
# who lies between them, so they are measured anew for every patient: in a short
# *reference scan* before, or in the scan itself. Here we do the latter.
#
# How good do they have to be? We take a slice, eight coils and noise, all simulated,
# and measure every third line.

# %%
torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
SHAPE = (120, 96)  # ny, nx; pixels of about 2 mm
N_COILS = 8
NOISE_STD = 0.01  # per real and imaginary part; the brightest pixel is 1
ACS = 24  # lines in the centre that are all measured

image = brain_slices("test", 1, contrast="T1w", shape=SHAPE)[0].to(DEVICE)  # (y, x)
smaps = simulate_coils(N_COILS, SHAPE, seed=1, kind="head_array").to(DEVICE)
noise = NOISE_STD * random_complex(N_COILS, *SHAPE).to(DEVICE)
kspace = fft2c(smaps * image) + noise  # (coils, ky, kx), every line

# %% [markdown]
# We unfold these lines three times: with the true maps; with the maps of the same coils
# lying 1 cm lower; and with maps of which two have changed places.

# %%
third = equispaced_mask(SHAPE[0], 3, acs=0).to(DEVICE)  # every third line
low_maps = smaps.roll(5, dims=1)  # 5 pixels, 1 cm
exchanged_maps = smaps[[0, 2, 1, 3, 4, 5, 6, 7]]
panels = {
    "reference": image,
    "true maps": sense_unfold(third * kspace, smaps, 3),
    "1 cm too low": sense_unfold(third * kspace, low_maps, 3),
    "two exchanged": sense_unfold(third * kspace, exchanged_maps, 3),
}
show_images(panels, reference=image, error_gain=3)

# %% [markdown]
# The data are the same in all three. The first image has some grain, as we know it from
# $R = 3$. With wrong maps, edges of the skull run through the brain, as the errors in
# the lower row show: faint where all maps lie 1 cm too low, bright where two are
# exchanged. (There whole regions are too dark or too bright as well.) One centimetre
# costs 6 dB (29.5 to 23.4), which is twice the error: a patient who moves after a
# reference scan pays it. (These dB are of the whole picture, air too. Where only the
# head counts, we say so.)
#
# So maps decide. We measure them in two ways. A third way fills the missing lines
# without them.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Maps from the centre of k-space
#
# Coil number $c$ sees $x_c = S_c\,x$, the image times its map. We measure $x_c$ and
# want $S_c$: one equation, two unknowns.
#
# Take one pixel and two coils, which see 0.6 and 0.8. Is the pixel 1, and are the
# sensitivities 0.6 and 0.8? Or is the pixel 2, and are they 0.3 and 0.4? Both give the
# same data, whatever lines we measure. The array alone cannot tell. What it does tell
# is the *ratio* of the coils: $x_1/x_2 = S_1/S_2$, here 3 to 4. The object cancels.
#
# <details><summary>Could another coil tell?</summary>
#
# Yes: the *body coil*, a large one around the patient, hears all places nearly alike. A
# second scan with it can tell, as far as its own map is even. Here we have the array
# alone.
# </details>

# %% [markdown]
# So we are free to choose a factor at every pixel. With an array alone, the usual
# choice is that the squared magnitudes of the maps add up to 1. Then 0.6 and 0.8 are
# right, since $0.36 + 0.64 = 1$. For any pixel it means
#
# $$ S_c = \frac{x_c}{\sqrt{\sum_{c'} |x_{c'}|^2}} . $$
#
# The denominator has a name. The **root sum of squares** (RSS) of the coil images is
# the square root of the sum of their squared magnitudes, at each pixel.

# %% [markdown]
# The image that belongs to these maps is $x = x_c / S_c$, the RSS itself. That is the
# price of the choice. A real array hears best what is near it, so its RSS is brighter
# there: this *shading* now counts as part of the image. (Our simulated coils have no
# shading: the squared magnitudes of their true maps add up to 1, so their RSS is
# $|x|$.) And the RSS has no phase: the phase of the image counts as part of the maps.

# %% [markdown]
# Our accelerated scan measures all lines in the centre, the ACS, for the maps, and
# leaves out lines elsewhere. (With a reference scan, every third line alone would do.)
# Since maps are smooth, coil images of low resolution should be enough. We cut a square
# out of the centre, 24 by 24 samples: the 24 lines of the ACS, and of each line the 24
# samples in its middle. The finest detail is then $120/24 = 5$ pixels high and $96/24 =
# 4$ pixels wide: about a centimetre both ways.
#
# A square that is cut out sharply makes images that ring ([[kspace]]). So we multiply
# k-space by a *window*, a factor for each sample, that is 1 in the middle and falls to
# zero at the edges of the square. (The price is a wider blur.)

# %%
window = acs_window(SHAPE, ACS).to(DEVICE)  # (ky, kx)
coarse = ifft2c(window * kspace)  # coil images of low resolution
panels = {"all of k-space, coil 1": ifft2c(kspace)[1], "the square, coil 1": coarse[1]}
show_images(panels)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 4.1 · maps from the centre  (★☆☆, about 7 min)
#
# Turn the window, the transform and the formula above into a function. It has to work
# for any number of coils.
#
# <details><summary>Hint 1: which axis holds the coils?</summary>
#
# The first of three. The sum over it is `.sum(dim=0)`, and the result has the shape (y,
# x). A tensor of shape (coils, y, x) can be divided by it as it is.
# </details>
#
# <details><summary>Hint 2: the squared magnitude of a complex number</summary>
#
# `coarse.abs().square()`. The square of the number itself, `coarse**2`, is something
# else: it is complex.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_coil_maps(kspace, window):
    """(coils, ky, kx), window on the centre (ky, kx) -> complex maps (coils, y, x)."""
    ### BEGIN SOLUTION
    coarse = ifft2c(window * kspace)
    power = coarse.abs().square().sum(dim=0)  # (y, x)
    return coarse / power.sqrt()
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The squared magnitudes have to add up to 1, and the maps stay
# complex. Then we look at four of your maps of our slice.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_coil_maps(my_coil_maps)
shown = [1, 3, 5, 7]
show_smaps(my_coil_maps(kspace, window)[shown], [f"coil {coil}" for coil in shown])

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Dividing by one coil would be enough to remove the object. But that coil has dark
# places, and there we would divide by almost nothing. The RSS is dark only where *all*
# coils are. The library's version, `low_resolution_maps`, also finds the ACS in an
# accelerated scan.
# </details>
#
# <details><summary>A common mistake</summary>
#
# Maps without a phase, from `coarse.abs()`. Their magnitudes look right, but coils add
# up folded pixels with the phases too, so SENSE would solve the wrong equations.
# </details>

# %% [markdown]
# How good are these maps? We compare the magnitude of one of them with the truth: once
# from the square of 24 by 24 samples, once from 12 by 12.

# %%
predict("maps-worst")

# %%
true_map = smaps[1].abs()
from_24 = low_resolution_maps(kspace, acs=24)[1].abs()
from_12 = low_resolution_maps(kspace, acs=12)[1].abs()
panels = {"true map": true_map, "24 samples": from_24, "12 samples": from_12}
options = {"window": (0, 1), "label": "|S|", "scores": False}  # window: of the greys
show_images(panels, reference=true_map, error_gain=3, **options)

# %% [markdown]
# The worst place is the air: there the map is noise divided by noise. The edges of the
# head come next. Borders between bright and dark tissue follow, faint here. With 12
# samples the blur is twice as wide. Errors reach further into the head; and signal of
# the head reaches further out, so that less of the air is noise alone.
#
# Why edges? The window does not blur the map alone, it blurs the *product* of map and
# image. At an edge it mixes a bright pixel with a dark one. The bright one counts for
# much more, so both get nearly *its* map.
#
# <details><summary>The same with numbers</summary>
#
# Take a bright pixel (value 1, sensitivities 0.8 and 0.6) beside a dark one (value 0.1,
# sensitivities 0.6 and 0.8). The coils see 0.8 and 0.6 of the bright one, 0.06 and 0.08
# of the dark one. A blur that mixes the pixels half and half gives
#
# $$ \tfrac12(0.8 + 0.06) = 0.43 , \qquad \tfrac12(0.6 + 0.08) = 0.34 . $$
#
# The RSS is $\sqrt{0.43^2 + 0.34^2} = 0.55$, and divided by that we get 0.78 and 0.62,
# nearly the 0.8 and 0.6 of the bright one.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## ESPIRiT: what can k-space look like?
#
# The next method does not look at blurred images. Several coils see one object, so
# their samples of k-space cannot be *anything*.
#
# ### Two coils on paper
#
# Take an object with one dimension, and let $\xi(k)$ be its k-space. The sample
# $\xi(k)$ says how much of the wave $e^{2\pi i k y/n_y}$ is in the image. When we
# multiply the image by the slowest wave, each of its waves becomes the next faster one:
#
# $$ e^{2\pi i k y/n_y} \cdot e^{2\pi i y/n_y} = e^{2\pi i (k+1) y/n_y} . $$
#
# So every sample moves from its place $k$ to $k + 1$. Place $k$ then holds what was one
# place before, $\xi(k-1)$.

# %% [markdown]
# A map that is a constant plus one slow wave adds such a shifted copy. Let
#
# $$ S_1 = 1 + \tfrac12\, e^{2\pi i y/n_y} , \qquad
#    S_2 = 1 - \tfrac12\, e^{2\pi i y/n_y} . $$
#
# Coil 1 hears best where the wave is $+1$, coil 2 where it is $-1$. In k-space
#
# $$ y_1(k) = \xi(k) + \tfrac12\,\xi(k-1) , \qquad
#    y_2(k) = \xi(k) - \tfrac12\,\xi(k-1) . $$
#
# (From here on, $y_1(k)$ is what coil 1 measures, and a plain $y$ is still a position.)

# %% [markdown]
# For $\xi = 2, 2, 4, 6, 2, 6, \dots$ coil 1 measures $2 + 1 = 3$, then $4 + 1 = 5$,
# then $6 + 2 = 8$; and coil 2 measures 1, 3, 4.
#
# From here on, a *window* is a small cut-out of k-space, and no longer a factor that
# fades. We slide a window of two samples over both coils. Each of its positions becomes
# a row:

# %%
xi = torch.tensor([2.0, 2, 4, 6, 2, 6, 4, 8, 2, 4])  # k-space of the object
coil_1 = xi[1:] + 0.5 * xi[:-1]
coil_2 = xi[1:] - 0.5 * xi[:-1]
signals = torch.stack([coil_1, coil_2])  # (coils, k)
show_windows(signals[:, :5], width=2, row=1)

# %% [markdown]
# The **calibration matrix** has all windows of the ACS as its rows, with all coils side
# by side. Here a row has four numbers, in this order:
#
# $$ y_1(k-1) , \quad y_1(k) , \quad y_2(k-1) , \quad y_2(k) . $$
#
# In the marked row they are 5, 8, 3, 4. They are made of $\xi(k)$, $\xi(k-1)$ and
# $\xi(k-2)$, which are only three. So the fourth number follows from the others.
#
# How? Multiply the image of coil 1 by $S_2$, and the image of coil 2 by $S_1$. Both
# give $S_1 S_2\,x$, so they are equal. In k-space, multiplying by $S_2$ means to
# subtract half of the sample before, and multiplying by $S_1$ means to add it:
#
# $$ y_1(k) - \tfrac12\, y_1(k-1) = y_2(k) + \tfrac12\, y_2(k-1) . $$
#
# Try it on the marked row: the left side is $8 - 2.5 = 5.5$, the right side $4 + 1.5 =
# 5.5$.

# %% [markdown]
# We bring all to one side, in the order of the row:
#
# $$ -\tfrac12\, y_1(k-1) + 1\, y_1(k) - \tfrac12\, y_2(k-1) - 1\, y_2(k) = 0 . $$
#
# So every row is perpendicular to the vector of these four factors,
#
# $$ n = (-\tfrac12,\; 1,\; -\tfrac12,\; -1) . $$
#
# The **null space** of a matrix is the set of all vectors that give zero with each of
# its rows. So $n$ is a *null vector*.
#
# The first half of $n$, $(-\tfrac12, 1)$, says how to multiply coil 1 by $S_2$; the
# second half, $(-\tfrac12, -1)$, how to multiply coil 2 by $-S_1$. *The null space
# knows the maps.*

# %% [markdown]
# We used the maps to find $n$. Can one find it from the rows alone? The *singular value
# decomposition* (SVD) does that. It finds perpendicular directions of length 1, sorted
# by how much of the rows lies along each. To see how much, take the scalar product of
# every row with the direction, square, add up, and take the root: that is the
# **singular value** of the direction. Where it is zero, the direction is a null vector.


# %%
def windows_of(signals, width):
    """Every window as a row: (coils, k) -> (windows, coils * width)."""
    windows = signals.unfold(1, width, 1)  # one step a window: (coils, windows, width)
    return windows.transpose(0, 1).flatten(1)


rows = windows_of(signals, width=2)
_, singular_values, directions = torch.linalg.svd(rows)
print("singular values", singular_values.numpy().round(3))
last = directions[-1]  # the smallest singular value comes last
print("last direction ", (last / last[1]).numpy().round(3))

# %% [markdown]
# Three singular values are not zero, as each row is made of three numbers. The fourth
# is zero, and its direction is our $n$. (We scaled its second entry to 1.)
#
# With a window of three samples a row has six numbers, made of four numbers $\xi$. So
# there are two null vectors, $n$ at either place: $(-\tfrac12, 1, 0, -\tfrac12, -1, 0)$
# and $(0, -\tfrac12, 1, 0, -\tfrac12, -1)$. A wider window, or more coils, gives more.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### From the null space to the maps
#
# What does the relation say about pixels? The first half of $n$ makes
# $y_1(k) - \tfrac12\,y_1(k-1)$ out of coil 1: its k-space, minus half of a shifted
# copy. A shifted copy is the image times the slow wave. So in the image it multiplies
# each pixel by
#
# $$ \hat n_1(y) = 1 - \tfrac12\, e^{2\pi i y/n_y} = S_2(y) . $$
#
# In the same way, the second half multiplies the image of coil 2 by $\hat n_2 = -S_1$.
# The relation holds at every $k$: the sum of the two products has nothing but zeros in
# its k-space. So its image is zero too, at every pixel:
# $\hat n_1 S_1\,x + \hat n_2 S_2\,x = 0$. With any number of coils it is
#
# $$ \sum_c \hat n_c(y)\, S_c(y)\, x(y) = 0 . $$
#
# Where there is an object we may divide by $x(y)$. What remains is *one linear equation
# for the maps, at each pixel, from each null vector*. With numbers: where the wave is
# $+1$, $\hat n_1 = 1 - 0.5 = 0.5$ and $\hat n_2 = -1 - 0.5 = -1.5$. The equation is
# $0.5\,S_1 - 1.5\,S_2 = 0$. So the maps are as 3 to 1 there, and they are indeed 1.5
# and 0.5.

# %% [markdown]
# We try it on one column of the head, with two of the coils and a window of eight
# samples: a row has 16 numbers. These maps need more than one wave, and there is noise,
# so no singular value is exactly zero. How small is small? Our noise is simulated, so
# we can look at the singular values of noise alone.

# %%
pair = [0, 4]  # two coils on opposite sides


def column_windows(kspace):
    """Windows of column 60 of two coils: (coils, ky, kx) -> (17 windows, 2 * 8)."""
    column = ifft2c(kspace)[pair, :, 60]  # (2, y)
    centre = fftc(column, dim=-1)[:, 48:72]  # k-space along y: 24 central samples
    return windows_of(centre, width=8)


_, singular_values, directions = torch.linalg.svd(column_windows(kspace))
largest = singular_values[0]
of_noise = torch.linalg.svdvals(column_windows(noise))  # the same noise, without a head

# %%
relative = singular_values / largest
curves = {"head and noise": relative, "noise alone": of_noise / largest}
words = {"xlabel": "number of the singular value", "ylabel": "relative to the largest"}
axes = plot_lines(range(1, 17), curves, log="y", **words)
axes.axhline(0.02, linestyle="--", color="gray")  # below this line: null vectors
n_signal = int((relative > 0.02).sum())
print(f"{n_signal} directions of signal, {16 - n_signal} null vectors")

# %% [markdown]
# The first nine values belong to the head. From number 10 on they are about as small as
# those of noise alone. The largest value of noise is 0.02, 2 % of the largest of all
# (the dashed line). What lies below may be noise, so we take the seven directions there
# as null.
#
# So at each pixel we have seven equations for two unknowns, and no pair of numbers will
# satisfy all of them exactly. What the left side of an equation gives for a pair, in
# place of 0, we call its *remainder*. We look for the pair of length 1 with the
# smallest sum of squared remainders.

# %% [markdown]
# How does one find it? On paper, where the wave was $+1$, the equation was $0.5\,S_1 -
# 1.5\,S_2 = 0$. The squared remainder of a pair is
#
# $$ (0.5\,S_1 - 1.5\,S_2)^2
#    = 0.25\,S_1^2 - 2 \cdot 0.75\,S_1 S_2 + 2.25\,S_2^2 . $$
#
# We write the factors into a matrix $E$. In its row 1 and column 2 stands the product
# of the first and the second factor, $0.5 \cdot (-1.5) = -0.75$. Multiply out
# $v^T E\,v$ for the pair $v = (S_1, S_2)$: it is the squared remainder. We try the pair
# $(3, 1)$, which has none:
#
# $$ E = \begin{pmatrix} 0.25 & -0.75 \\ -0.75 & 2.25 \end{pmatrix} , \qquad
#    E \begin{pmatrix} 3 \\ 1 \end{pmatrix}
#    = \begin{pmatrix} 0.75 - 0.75 \\ -2.25 + 2.25 \end{pmatrix} = 0 . $$
#
# So the maps are an eigenvector of $E$, with the eigenvalue 0.

# %% [markdown]
# With several null vectors, numbered by $j$, the squared remainders add up, and so do
# the matrices:
#
# $$ E_{cd} = \sum_j \hat n_{j,c}^*\, \hat n_{j,d} . $$
#
# With complex numbers the sum for a pair $v$ is $v^H E\,v$, and the factor of row $c$
# is conjugated. If $v$ is an eigenvector of length 1, $E v$ is its eigenvalue times
# $v$, and $v^H v = 1$: so the sum *is* the eigenvalue. (Other pairs mix the
# eigenvectors; their sum is a mean of the eigenvalues.) So we look for the smallest
# eigenvalue.

# %% [markdown]
# How large can the sum get? A remainder is the scalar product of a null vector with 16
# numbers, $(S_1 u_0, \dots, S_1 u_7,\; S_2 u_0, \dots, S_2 u_7)$, where $u_0$ to $u_7$
# are the values of the wave at the eight places of the window. The pair has length 1
# and the wave magnitude 1, so the squared length of the 16 numbers is 8. The null
# vectors are perpendicular and of length 1, so by Pythagoras the squared remainders add
# up to no more than 8. We divide $E$ by 8, and call its eigenvalues *violations*: 0
# says that all equations are satisfied, and none is above 1.
#
# The folded cell computes $\hat n_c(y)$ as on paper.


# %% jupyter={"source_hidden": true}
def transform_of_parts(null, width, ny):
    """Null vectors in the image: (vectors, coils * width) -> (vectors, coils, y)."""
    parts = null.unflatten(1, (-1, width))  # (vectors, coils, width)
    # Places are counted from the first sample of the window on. On paper we counted
    # back from the last one: the waves there have a plus. The two ways differ by one
    # wave that all coils share, and that changes no equation.
    place = torch.arange(width, device=null.device)[:, None]  # (width, 1)
    y = torch.arange(ny, device=null.device) - ny // 2  # (y,)
    waves = torch.exp(-2j * torch.pi * place * y / ny)  # 2j is 2i; (width, y)
    return parts @ waves


# %%
# A null vector v has windows @ v = 0. The last rows of `directions` have it after
# conj(): the SVD writes the matrix as U S V^H, and these are rows of V^H.
null = directions[n_signal:].conj()  # (7, 16)
n_hat = transform_of_parts(null, 8, SHAPE[0])  # (7, coils, y)
# sum over the null vectors j, for each pixel y and coils c (conjugated) and d:
E = torch.einsum("jcy,jdy->ycd", n_hat.conj(), n_hat) / 8  # (y, 2, 2)
violation, vectors = torch.linalg.eigh(E)  # the smallest eigenvalue first
found = vectors[:, :, 0].abs()  # the first eigenvector at each pixel: (y, 2)

# %%
true_pair = smaps[pair, :, 60].abs()
true_pair = true_pair / true_pair.norm(dim=0)  # length 1 with these two coils
curves = {"true map": true_pair[0], "found": found[:, 0]}
curves["1 - violation"] = 1 - violation[:, 0]
show_column(curves, image[:, 60], title="coil 0 along column 60")

# %% [markdown]
# Inside the head (grey) "1 - violation" is 1: there are maps that satisfy all
# equations. The found map lies on the true one, apart from the rim of the head. In the
# air at both ends the found map goes astray and "1 - violation" falls. We divided by
# $x(y)$, which is zero in the air: nothing makes the null vectors agree there.
#
# This is what **ESPIRiT** does: it takes the null space of the windows of the ACS, and
# finds at each pixel the maps that satisfy its equations best. It gives two things at
# once: the maps, and where the object is. What we call "1 - violation" is known as
# ESPIRiT's *eigenvalue*.
#
# <details><summary>The literature has another matrix, with an eigenvalue of 1. Is it
# the same?</summary>
#
# Yes. Papers use the directions of *signal* in place of the null vectors, and build the
# same matrix, $G$, from those. Signal and null directions together are all directions,
# and for those the matrix (divided by the width) is the identity. So $G = I - E$: an
# eigenvector of $E$ to the eigenvalue 0 is one of $G$ to the eigenvalue 1. One takes
# $G$ because there are fewer directions of signal.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Eight coils, two dimensions
#
# In an image the window is a square, here of 6 by 6 samples. With eight coils a row has
# $8 \cdot 36 = 288$ numbers. Nothing else changes. The library builds the matrix:

# %%
matrix = calibration_matrix(kspace, acs=ACS)  # (windows, coils * 6 * 6)
show_calibration_matrix(matrix, N_COILS)

# %% [markdown]
# The window of 6 by 6 fits into the square of 24 by 24 samples at $19 \cdot 19 = 361$
# places. The bright strokes are the centre of k-space, which moves through the window
# from row to row.

# %%
singular_values = torch.linalg.svdvals(matrix)
of_noise = torch.linalg.svdvals(calibration_matrix(noise, acs=ACS))
relative = singular_values / singular_values[0]
curves = {"head and noise": relative, "noise alone": of_noise / singular_values[0]}
axes = plot_lines(range(1, 289), curves, log="y", **words)
axes.axhline(0.02, linestyle="--", color="gray")
n_signal = int((relative > 0.02).sum())
print(f"{n_signal} of {len(relative)} are above 2 % of the largest")

# %% [markdown]
# Of 288 directions 65 lie above the limit of 2 %.
#
# <details><summary>Why 2 %, and why about 65?</summary>
#
# Noise alone stays below 1 % here. But in a measured scan nobody knows the noise so
# well, and the library's limit has to serve all scans. It decides the exact number. The
# directions between 1 and 2 % hold so little signal that the maps hardly change with
# them.
#
# The number 65 fits what we did on paper: if every map were made of $3 \times 3$ slow
# waves, a window would depend on $(6 + 2)^2 = 64$ samples $\xi$.
# </details>
#
# So each pixel has more than 200 equations for eight unknowns, and a matrix $E$ with
# eight eigenvalues. For each of them we show "1 - violation", the largest first.

# %%
predict("eigenvalue-image")

# %%
head = inside_head(image)  # (y, x), True in the head
eigenvalues = espirit_eigenvalues(kspace, acs=ACS)  # (coils, y, x), largest first
panels = {"first": eigenvalues[0], "second": eigenvalues[1]}
for axes in show_images(panels, window=(0, 1), label="eigenvalue", cmap="viridis"):
    axes.contour(head.cpu(), levels=[0.5], colors="white")  # the outline of the head
print(f"second, median in the head: {eigenvalues[1][head].median():.2f}")

# %% [markdown]
# The white line is the outline of the head. Inside it the first eigenvalue is 1, also
# in dark bone and fluid: the equations do not ask how bright a pixel is. The second one
# is about 0.3. So only one set of maps fits. (Were the head larger than the FOV, its
# left end would appear at the right side. Two places would share a pixel there, each
# with maps of its own, and one set would not do.)
#
# The first eigenvalue falls some pixels beyond the outline. The library sets the maps
# to zero where it is below 0.8, here in the corners of the picture.

# %% [markdown]
# <details><summary>In the middle of the four sides the second eigenvalue is bright too.
# Why?</summary>
#
# The Fourier transform repeats the picture: beyond the left side it goes on with the
# right side. So a pixel at the left side has the left rim of the head on one side, and
# the repeated right rim on the other. A window of six samples cannot keep them apart:
# its finest detail is $96/6 = 16$ columns wide and $120/6 = 20$ rows high, and both
# rims are nearer than that. So two sets of maps fit there.
# </details>

# %%
by_espirit = espirit(kspace, acs=24)[1].abs()
panels = {"centre": head * from_24, "ESPIRiT": head * by_espirit}
inside = head * true_map
show_images({"true map": inside, **panels}, reference=inside, error_gain=20, **options)

# %% [markdown]
# Inside the head (errors are shown 20 times as bright) the map from the centre follows
# the borders of the tissue. That of ESPIRiT does not: it never blurred an image. Its
# largest errors are two patches at the rim.

# %% [markdown]
# *Half-way: a good place for a break. We have two ways to get maps: blurred coil images
# over their RSS, or the equations of ESPIRiT's null vectors. When you come back in a
# new session, choose Run, then Run All Above Selected Cell.*

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Noise that coils share
#
# So far the noise of each coil was independent of all others, and equally strong. Real
# coils listen to one body. Its warm, conducting tissue makes most of the noise, and
# neighbouring coils hear the same of it. And sometimes a coil has a poor amplifier.
#
# <details><summary>Always?</summary>
#
# At 1.5 or 3 tesla, and with loops of this size. Small coils, and coils at low field,
# make most of the noise themselves.
# </details>
#
# The *power* of noise is the mean of its squared magnitude: twice the square of
# `NOISE_STD`, which is the size of each part. The powers of independent noises add up.
# The *size* of noise is the root of its power.

# %% [markdown]
# Two coils on paper again. Coil 1 hears the signal $s$ and noise $a$. Coil 2 lies on
# the far side, and hears noise only:
#
# $$ y_1 = s + a , \qquad y_2 = 0.8\,a + 0.6\,b . $$
#
# $a$ and $b$ are independent, and each has the power 1. Coil 2 is as noisy as coil 1:
# its power is $0.8^2 + 0.6^2 = 1$.
#
# We may subtract $w$ times coil 2 from coil 1. Take pencil and paper: with the best
# number $w$, how much of the noise is left?

# %%
predict("silent-coil")

# %% [markdown]
# With $w = 0.8$ we get
#
# $$ y_1 - 0.8\,y_2 = s + 0.36\,a - 0.48\,b . $$
#
# The power of this noise is $0.36^2 + 0.48^2 = 0.36$, its size 0.6 instead of 1. (For
# any $w$ the power is $(1 - 0.8\,w)^2 + (0.6\,w)^2 = 1 - 1.6\,w + w^2$, and this is
# smallest at $w = 0.8$.) A coil that hears no signal has made the signal clearer.

# %% [markdown]
# How does one find the best combination of many coils? Least squares, which unfolds in
# [[sense]], counts all coils alike. That is right where their noise is independent and
# equally strong. So we change to new coils, mixtures of the old ones, whose noise is
# like that.
#
# For this we need a table of what is shared. The **noise covariance** is the matrix of
# the mean products of the noise $\varepsilon_c$ of two coils,
# $\Psi_{cd} = \langle \varepsilon_c\, \varepsilon_d^* \rangle$. (The angles mean:
# averaged over many samples.) On its diagonal it has the power of each coil, and beside
# it what two coils share. For our two coils
#
# $$ \Psi = \begin{pmatrix} 1 & 0.8 \\ 0.8 & 1 \end{pmatrix} , $$
#
# since the mean of $a\,(0.8\,a + 0.6\,b)$ is 0.8: $a$ has the power 1, and is
# independent of $b$.

# %% [markdown]
# The recipe of the two noises is a matrix too. Noise 1 is $a$, and noise 2 is $0.8\,a +
# 0.6\,b$:
#
# $$ L = \begin{pmatrix} 1 & 0 \\ 0.8 & 0.6 \end{pmatrix} , \qquad
#    L^{-1} = \begin{pmatrix} 1 & 0 \\ -\tfrac43 & \tfrac53 \end{pmatrix} . $$
#
# And $L L^H = \Psi$. (Its last number: $0.8^2 + 0.6^2 = 1$.) Every covariance can be
# split like this, with a lower triangular $L$, the *Cholesky factor*.

# %% [markdown]
# The inverse takes the noise apart again. The first row of $L^{-1}$ keeps $y_1 = s + a$
# as new coil 1, and the second row makes new coil 2,
#
# $$ -\tfrac43\,y_1 + \tfrac53\,y_2 = -\tfrac43\,s + b . $$
#
# No $a$ is left in it. But with $y_1$ the signal has come in: the new coils hear $s$
# with the sensitivities 1 and $-\tfrac43$. **Prewhitening** replaces the coils by
# mixtures of them, $L^{-1} y$, whose noise is independent and of power 1.
#
# Now least squares is right. It multiplies each new coil by its sensitivity, adds up,
# and divides by the sum of the squared sensitivities, $1 + \tfrac{16}{9} =
# \tfrac{25}{9}$. That gives $s + 0.36\,a - 0.48\,b$, with the noise 0.6 that we found
# by hand.
#
# <details><summary>The calculation</summary>
#
# $$ \tfrac{9}{25} \big[ (s + a) - \tfrac43\,(-\tfrac43\,s + b) \big]
#    = s + 0.36\,a - 0.48\,b . $$
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 4.2 · prewhitening  (★★☆, about 8 min)
#
# A scanner measures the noise by listening without a pulse, with the receiver set as in
# the scan. The argument `samples`, (coils, n), holds such noise: n samples of each
# coil. Estimate $\Psi$ from them, split it, and apply $L^{-1}$ to all of `kspace`.
#
# <details><summary>Hint 1: the covariance</summary>
#
# `samples @ samples.mH` adds up $\varepsilon_c\, \varepsilon_d^*$ over the samples, for
# all pairs of coils at once. The mean is that, divided by the number of samples. (To
# try your function on this lesson's `noise`, which is (coils, ky, kx), pass
# `noise.flatten(1)`.)
# </details>
#
# <details><summary>Hint 2: applying the inverse</summary>
#
# `torch.linalg.cholesky` gives $L$. `torch.linalg.solve(L, b)` gives $L^{-1} b$ for a
# matrix `b` with a row for each coil. `kspace.flatten(1)` is such a matrix, and
# `.reshape(kspace.shape)` undoes the flattening.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_prewhiten(kspace, samples):
    """(coils, ky, kx), noise samples (coils, n) -> mixed coils (coils, ky, kx)."""
    ### BEGIN SOLUTION
    covariance = samples @ samples.mH / samples.shape[1]
    lower = torch.linalg.cholesky(covariance)
    white = torch.linalg.solve(lower, kspace.flatten(1))
    return white.reshape(kspace.shape)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The noise of the mixed coils must have the covariance 1 on the
# diagonal and 0 elsewhere. Then we look at the magnitudes of a covariance before and
# after your function.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_prewhiten(my_prewhiten)
recipe = torch.tensor([[1, 0, 0], [0.8, 0.6, 0], [0.4j, 0, 0.9]], dtype=torch.complex64)
parts = random_complex(3, 4000, seed=5)  # real and imaginary part: power 1 each
heard = recipe @ parts / 2**0.5  # so that the power of a complex number is 1
mine = my_prewhiten(heard[:, None], heard)[:, 0]  # as if k-space had one line
panels = {"before": noise_covariance(heard), "after": noise_covariance(mine)}
show_images(panels, label="|covariance|", cmap="viridis", window=(0, 1))

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Other mixtures whiten as well: after $L^{-1}$ one may still rotate the coils among
# themselves, and the check accepts that. The image is the same. The library's
# `prewhiten` takes the covariance in place of the samples.
# </details>
#
# <details><summary>A common mistake</summary>
#
# Only dividing each coil by its own noise. That makes the diagonal 1 and leaves the
# shared noise where it is.
# </details>

# %% [markdown]
# Now our slice. Neighbouring coils share half of their noise, coils two places apart a
# quarter, and coil 2 has a poor amplifier: its noise has three times the size. We
# unfold at $R = 3$, once as if nothing had happened, and once after prewhitening. The
# maps must be mixed like the data. (A scanner prewhitens first, and estimates the maps
# afterwards.)

# %%
covariance = ring_noise_covariance(N_COILS, shared=0.5, loudness={2: 3}).to(DEVICE)
mixing = torch.linalg.cholesky(covariance)  # L
shared_noise = torch.einsum("dc,cyx->dyx", mixing, noise)  # L times the noise
shared_kspace = third * (fft2c(smaps * image) + shared_noise)

# %%
white_kspace = prewhiten(shared_kspace, covariance)
white_maps = prewhiten(smaps, covariance)
as_if = sense_unfold(shared_kspace, smaps, 3)
whitened = sense_unfold(white_kspace, white_maps, 3)
panels = {"reference": image, "as if independent": as_if, "prewhitened": whitened}
show_images(panels, reference=image, error_gain=3)

# %% [markdown]
# The data are the same, and so is the method. Prewhitening brings the image from 26.9
# to 29.3 dB. Without it, the loud coil speaks with the same weight as all others.
#
# <details><summary>Units of the noise</summary>
#
# The `covariance` of this cell is a relative one: an ordinary coil has power 1 in it,
# where its noise has the power $2 \cdot 0.01^2$. For the best combination that is
# enough: it does not change when $\Psi$ is multiplied by a number. But the squared
# magnitudes of the mixed maps no longer add up to 1. So a $\lambda$ that was chosen
# before prewhitening does not fit afterwards.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## GRAPPA: fill the lines instead
#
# Maps are not the only way to use the coils. Back to the numbers on paper. Coil 1
# measured 3, 5, 8, 5 and coil 2 measured 1, 3, 4, $-1$. Suppose the third sample of
# both coils was left out, 8 and 4. Can we get the 8 back from its neighbours: 5 and 3
# before the gap, 5 and $-1$ after it?
#
# $y_1 = \xi(k) + \tfrac12\,\xi(k-1)$ and $y_2 = \xi(k) - \tfrac12\,\xi(k-1)$. So at
# each place the *sum* of the two coils is $2\,\xi(k)$, and their *difference* is
# $\xi(k-1)$.
#
# - After the gap, the difference is the $\xi$ of the gap: $5 - (-1) = 6$.
# - Before the gap, half of the sum is the $\xi$ there: $(5 + 3)/2 = 4$.
#
# Coil 1 adds half of the $\xi$ before to the $\xi$ of the gap: $6 + \tfrac12 \cdot 4 =
# 8$. Written as one formula:
#
# $$ y_1(k) = y_1(k+1) - y_2(k+1) + \tfrac14\, y_1(k-1) + \tfrac14\, y_2(k-1) . $$
#
# Four weights: 1, $-1$, ¼, ¼. They do not depend on $k$, nor on the object. They are
# made of the maps alone. And so we need not know the maps to fill the lines: we can
# learn the weights where everything was measured. (Learned from noisy lines, they do
# depend a little on the noise and the object.)

# %%
after = signals[:, 2:]  # (coils, k)
before = signals[:, :-2]
sources = torch.cat([after, before]).T  # (k, 4): coils 1, 2 after, coils 1, 2 before
target = coil_1[1:-1, None]  # the samples between: (k, 1)
weights = torch.linalg.lstsq(sources, target).solution
print("weights", weights.flatten().numpy().round(3))

# %% [markdown]
# The fit finds our four weights. **GRAPPA** fills each missing sample of each coil with
# a weighted sum of measured samples nearby, of all coils, and learns the weights in the
# ACS. As a formula,
#
# $$ y_c(k) \approx \sum_{c'} \sum_{\delta} w_{c c' \delta}\; y_{c'}(k + \delta) . $$
#
# $k$ now stands for a place in the plane of $k_y$ and $k_x$, $\delta$ runs over the
# displacements of the neighbours, and the weights $w$ together are called the *kernel*.
# (Each of the $R - 1$ lines of a gap has a kernel of its own.) For $R = 2$ it may look
# like this. (A row of dots is a line. It runs along $k_x$, the *readout*, and there
# every sample is measured.)

# %%
few_lines = equispaced_mask(22, 2, acs=6)
show_grappa_kernel(few_lines, {"learn here": (11, 3), "fill here": (4, 7)})

# %% [markdown]
# The missing sample (above) has a measured line on either side. We use three samples of
# each, in all coils. In the ACS (below) the same six neighbours surround a sample that
# *was* measured: there we know both sides of the equation. Eight coils with six
# neighbours are 48 weights, for each coil that is filled. The ACS holds thousands of
# such examples.
#
# The neighbours of *all* samples can be collected at once, by shifting k-space:


# %%
def neighbours(kspace):
    """Six neighbours of every sample: (coils, ky, kx) -> (6 * coils, ky, kx)."""
    shifted = []
    for dy in (1, -1):  # brings the line above to this place, then the line below
        for dx in (-1, 0, 1):
            shifted.append(kspace.roll((dy, dx), dims=(1, 2)))
    return torch.cat(shifted)


# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 4.3 · Go further: a GRAPPA kernel  (★★★, about 12 min)
#
# Write GRAPPA for $R = 2$ with `neighbours`. Find the lines to learn from: those that
# were sampled, and whose line above and line below were sampled too. Fit the weights
# there, apply them everywhere, and keep what was measured.
#
# <details><summary>Hint 1: the lines to learn from</summary>
#
# `mask.roll(1, 0)` says for each line whether the line before it was sampled. `&` joins
# such conditions, and `[:, 0]` makes a list of lines out of (ky, 1). Take them from
# `mask`: the scans of the check have other sizes, and another ACS.
# </details>
#
# <details><summary>Hint 2: the fit</summary>
#
# Least squares wants a matrix with a row for each example. `sources[:, lines]` has the
# shape (6 coils, lines, kx). `.flatten(1).T` makes it (examples, 6 coils). The same for
# the targets, and then `torch.linalg.lstsq(examples, targets).solution` has the shape
# (6 coils, coils).
# </details>
#
# <details><summary>Hint 3: applying the weights</summary>
#
# `torch.einsum("sc,syx->cyx", weights, sources)` sums over the sources. Then
# `torch.where(mask, kspace, filled)` keeps what was measured.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_grappa(kspace, mask):
    """Fill every second line: (coils, ky, kx), (ky, 1) -> (coils, ky, kx)."""
    ### BEGIN SOLUTION
    sources = neighbours(kspace)
    lines = (mask & mask.roll(1, 0) & mask.roll(-1, 0))[:, 0]
    examples = sources[:, lines].flatten(1).T  # (examples, 6 * coils)
    targets = kspace[:, lines].flatten(1).T  # (examples, coils)
    weights = torch.linalg.lstsq(examples, targets).solution
    filled = torch.einsum("sc,syx->cyx", weights, sources)
    return torch.where(mask, kspace, filled)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Measured samples must stay, and the filled ones must be about as
# good as the fit allows. Then your function fills every second line of a *measured*
# brain (the four strongest of its seven coils).

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_grappa(my_grappa)
measured = load_real("moco_brain_7ch").kspace.to(DEVICE)  # (4, 256, 216), every line
half = equispaced_mask(measured.shape[1], 2, acs=ACS).to(DEVICE)
mine = my_grappa(half * measured, half)
panels = {
    "all lines": rss(ifft2c(measured)),
    "missing lines zero": rss(ifft2c(half * measured)),
    "filled by you": rss(ifft2c(mine)),
}
show_images(panels, reference=panels["all lines"])

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it, and explain.** Give your function one coil alone, `measured[[0]]`, and
# look at `ifft2c(...)` of the result. What does GRAPPA do with one coil?
#
# *Your answer:* (click here and write)

# %% tags=["solution"]
one = my_grappa(half * measured[[0]], half)
coil_0 = ifft2c(measured)[0]
panels = {
    "coil 0, all lines": coil_0,
    "missing lines zero": ifft2c(half * measured)[0],
    "filled alone": ifft2c(one)[0],
    "filled with all coils": ifft2c(mine)[0],
}
show_images(panels, reference=coil_0, error_gain=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>What we found (after you have tried)</summary>
#
# We compare with the image of coil 0 from all lines. With zeros in the missing lines it
# reaches 32.8 dB, filled from this coil alone 36.3 dB, and filled from all four coils
# 43.6 dB.
#
# In the image, a kernel of one coil multiplies the folded image by a smooth function.
# It learns where this coil is bright as a whole, and dims the dark places, so a part of
# the copy goes. Two pixels that are both bright stay mixed: that takes a second coil.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# The same weights serve all lines, so every line of the ACS is an example, wherever it
# lies.
# </details>
#
# <details><summary>A common mistake</summary>
#
# Learning on lines whose neighbours were not sampled. Those neighbours are stored as
# zeros, and the fit learns from them without complaint.
# </details>

# %% [markdown]
# From here on we use the library's GRAPPA. It takes any $R$, and its kernel is larger:
# four measured lines with five samples of each. Its fit has a small $\lambda$ of its
# own, which keeps the weights of the kernel small, not the image. It ends with a
# complete k-space for each coil, and we combine the images of the coils with ESPIRiT's
# maps. (So only the filling needs no maps.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Which way is best?
#
# We have three ways to use the same lines: SENSE with maps from the centre, SENSE with
# ESPIRiT's maps, and GRAPPA. To be fair, each gets its best $\lambda$ out of a list (of
# SENSE, or of GRAPPA's fit). We pick it *with the truth in hand*, as no scanner could.
#
# <details><summary>The lists</summary>
#
# SENSE has six values, from 0.001 to 0.02, and GRAPPA's fit nine, from 0.00001 to 0.1.
# We checked that no best value lies at an end of its list. SENSE is solved until it
# stands still, so that stopping early plays no part.
# </details>
#
# Lines of the ACS cost time, so one would like few of them. Our scan, at $R = 3$, gets
# an ACS of 32, 24, 16, 12 and 10 lines. The library makes ESPIRiT's window smaller
# where the ACS gets small: 6 by 6 samples down to 16 lines, 5 by 5 for 12, 4 by 4 for
# 10. GRAPPA's kernel stays as it is. We take the PSNR inside the head: only its pixels
# count.

# %%
predict("which-way")

# %% jupyter={"source_hidden": true}
few_or_many = [10, 12, 16, 24, 32]
curves = {"centre": [], "ESPIRiT": [], "GRAPPA": [], "GRAPPA, 2 lines": []}
for n in few_or_many:
    lines = equispaced_mask(SHAPE[0], 3, acs=n).to(DEVICE)
    # a list of one scan ([None]): its k-space, lines, truth, and where to compare
    scan = ((lines * kspace)[None], lines, image[None], head[None])
    result = calibration_scores(*scan, acs=n)
    two_lines = {"ways": ["GRAPPA"], "grappa_kernel": (2, 5)}  # 2 lines, not 4
    small = calibration_scores(*scan, acs=n, **two_lines)
    result["GRAPPA, 2 lines"] = small["GRAPPA"]
    for way, score in result.items():
        curves[way].append(score.item())
plot_lines(few_or_many, curves, xlabel="lines in the centre", ylabel="PSNR (dB)")
for way, curve in curves.items():
    print(f"{way}: {curve[0]:.1f} dB with 10 lines, {curve[-1]:.1f} dB with 32")

# %% [markdown]
# With 32 lines all three are equal within 0.2 dB. With 10 lines GRAPPA has lost more
# than 10 dB, and ESPIRiT 1.2 dB. Maps from the centre, which become blurred step by
# step, cost 4.5 dB.
#
# Why does GRAPPA fall off a cliff? At $R = 3$ the four lines of its kernel lie three
# apart, so the kernel is $3 \cdot 3 + 1 = 10$ lines high. The ten lines of the ACS hold
# it once. But a sampled line happens to lie next to them, which makes eleven lines in a
# row: they hold it at two heights. Each height gives 96 examples, one for each sample
# of a line. So there are 192 examples for the $8 \cdot 4 \cdot 5 = 160$ weights of the
# kernel, and the fit learns the noise of the examples too. (This is with the best
# $\lambda$ of the fit. A larger $\lambda$ makes it worse.)
#
# A kernel of two measured lines is 4 lines high, and eleven lines hold it at eight
# heights: with it GRAPPA loses only 1.3 dB. (With a large ACS, four lines are better.)
#
# <details><summary>And if ESPIRiT's window did not shrink?</summary>
#
# Then it would fail as well: one of six fits into ten lines at $5 \cdot 5 = 25$ places,
# and 25 rows cannot hold 65 directions of signal.
# </details>

# %% [markdown]
# Is that only this slice, and these coils? The claims below (in folded cells, with
# these numbers) take 20 slices, each with eight coils of its own. The simulation makes
# each coil a loop of wire: all of them close to the head, as in this lesson, or all far
# from it. With 16 lines ESPIRiT leads over maps from the centre by 1.3 dB for close
# loops and by 0.8 dB for far ones. With 24 lines and far loops the two are equal. With
# 10 lines and close loops ESPIRiT leads over GRAPPA with four lines by 7 dB.
#
# <details><summary>Where does ESPIRiT's lead with 16 lines come from?</summary>
#
# One part is *air*. Far from the head ESPIRiT's maps are zero, so SENSE does not look
# for an image there and has fewer unknowns. The claims below test it: they give the
# outline of the head to both kinds of maps. For far loops hardly anything of the lead
# is left. For close loops half of it is left, 0.7 dB: their maps change faster, so that
# blur hurts more, and ESPIRiT's maps are better. A real head coil is close.
# </details>

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
slices = brain_slices("test", 20, contrast="T1w", shape=SHAPE).to(DEVICE)
draws = NOISE_STD * random_complex(20, N_COILS, *SHAPE, seed=7).to(DEVICE)
of = {"samples": "slices of one head, each with its own coils", "unit": "dB"}


def lead_of(model, acs, over="centre", **options):
    """PSNR in the head, ESPIRiT over another, 20 slices through 20 arrays: (20,)."""
    arrays = simulate_arrays(20, N_COILS, SHAPE, kind=model, seed=300).to(DEVICE)
    lines = equispaced_mask(SHAPE[0], 3, acs=acs).to(DEVICE)
    data = lines * (fft2c(arrays * slices[:, None]) + draws)
    head_only = inside_head(slices)
    options = {"acs": acs, "ways": ["ESPIRiT", over], **options}
    scores = calibration_scores(data, lines, slices, head_only, **options)
    return scores["ESPIRiT"] - scores[over]


lead = lead_of("biot_savart", 16)
claim("far loops, 16 lines: ESPIRiT over centre", lead, at_least=0.4, **of)
lead_close = lead_of("head_array", 16)
claim("close loops, 16 lines: ESPIRiT over centre", lead_close, at_least=0.6, **of)
lead = lead_of("head_array", 10, over="GRAPPA")
claim("close loops, 10 lines: ESPIRiT over GRAPPA, 4 lines", lead, at_least=3, **of)

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
known = lead_of("biot_savart", 16, outline_known=True)
claim("far loops, the same with the outline known", known, at_most=0.2, **of)
known = lead_of("head_array", 16, outline_known=True)
claim("close loops, the same with the outline known", known, at_least=0.3, **of)
lead = lead_of("biot_savart", 24)
sentence = "far loops, 24 lines: ESPIRiT over centre"
claim(sentence, lead, at_least=-0.2, at_most=0.2, **of)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# From a pilot with 20 other arrays of each model (seeds 100 to 119). With 16 lines
# ESPIRiT led over the centre by 0.8 dB for far loops and 1.3 dB for close ones, with
# the outline known by 0.1 and 0.6 dB; with 24 lines and far loops by 0.1 dB. With 10
# lines and close loops it led over GRAPPA by 7.2 dB. The bounds are about half of that
# or less, or 0.2 dB where we say "equal".
#
# We had tried a third model too, smooth lobes (drawn, not physics), and claimed a lead
# of 0.2 dB with 16 lines. Arrays that nobody had seen before gave 0.36 dB with an
# interval from 0.16 to 0.60. That does not keep to the bound, so we make no claim for
# lobes. With 24 lines, maps from the centre were 0.2 dB ahead there.
#
# An older version of this lesson had looked at far loops alone, and said that the lead
# comes from air: for close loops that is wrong. It had compared GRAPPA with SENSE
# without $\lambda$, and found that GRAPPA wins with 24 lines: against SENSE with
# $\lambda$ it does not.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Failures one can compute in advance
#
# Every method fails somewhere. Of parallel imaging one can compute before the scan
# where noise will grow, and at what distance ghosts will lie, though not how strong
# they will be. The most common failure we have met: an object larger than the FOV. Of
# four others we know two. Failure 1: noise grows by $g\sqrt R$ ([[sense]]). Failure 2:
# an ACS may be too small for a kernel, or for sharp maps. Failures 3 and 4 are new.

# %% [markdown]
# ### Failure 3: a wrong map
#
# Back to the two pixels of [[sense]]. Coil 1 has the sensitivities 0.8 and 0.2, coil 2
# has 0.2 and 0.8. The truth is $\rho_1 = 1$ and $\rho_2 = 3$, and the coils measure 1.4
# and 2.6. But now we believe wrong maps, 0.7 and 0.3:
#
# $$ 0.7\,\rho_1 + 0.3\,\rho_2 = 1.4 , \qquad 0.3\,\rho_1 + 0.7\,\rho_2 = 2.6 . $$
#
# Their sum says $\rho_1 + \rho_2 = 4$, which is still right. Their difference says
# $0.4\,(\rho_1 - \rho_2) = -1.2$, so $\rho_1 - \rho_2 = -3$ where $-2$ is true: it is
# 1.5 times too large. $\rho_1$ is half of the sum plus half of the difference,
#
# $$ \rho_1 = \tfrac12\,(1 + 3) + 1.5 \cdot \tfrac12\,(1 - 3)
#    = 1.25 \cdot 1 - 0.25 \cdot 3 = 0.5 . $$
#
# A quarter of pixel 2 has come into pixel 1, with a minus. So a wrong map leaves a
# *ghost*, a faint copy of the object at a wrong place. The place is known: pixel 1 gets
# a share of the pixel that folds onto it, FOV$/R$ away. At $R = 3$ that is 40 rows.
# In the first figure of this lesson, each edge in the brain is skull, from 40 or 80
# rows away.

# %% [markdown]
# ### Failure 4: motion
#
# The lines are read one after another, from the lowest $k_y$ to the highest. While one
# of them is read, the head sits $d$ pixels lower. A shift turns the phase of waves:
# line $k_y$ of the shifted head's k-space is that of the resting head times $e^{-2\pi i
# k_y d / n_y}$. Now let the head go to and fro, so that $d$ repeats after $P$ acquired
# lines: a nod, a breath, a pulse.
#
# <details><summary>And the coils?</summary>
#
# They stay where they are. So the factor belongs to the k-space of the head alone, and
# not to that of a coil image. The program shifts the head first, and multiplies by the
# maps afterwards.
# </details>
#
# We know a pattern that repeats from [[forward_model]]: a comb of every $R$-th line
# made copies that are FOV$/R$ apart.

# %%
predict("motion-ghost-distance")

# %%
PERIOD = 4  # acquired lines
to_and_fro = [0.5, 0.0, -0.5, 0.0]  # pixels: 1 mm down and 1 mm up


def moving(images, R):
    """Unfolded images of heads that move under coils that stay: (..., y, x)."""
    lines = equispaced_mask(SHAPE[0], R, acs=0).to(DEVICE)
    return sense_unfold(scan_while_moving(images, smaps, lines, to_and_fro), smaps, R)


panels = {f"R = {R}": moving(image, R) for R in (1, 2, 3)}
predicted = [SHAPE[0] / (PERIOD * R) for R in (1, 2, 3)]
show_ghosts(panels, image, predicted, gain=3)

# %% [markdown]
# At acceleration $R$ the acquired lines are $R$ apart. So the error repeats every $P R$
# lines of $k_y$, and the ghosts lie at multiples of
#
# $$ \Delta y = \frac{\mathrm{FOV}}{P\,R} . $$
#
# The same motion, of half a pixel, makes ghosts at three distances: a quarter of the
# FOV, an eighth and a twelfth. The arrows are as long as that, from the top of the head
# to the *first ghost* of this edge. Arcs that are bent like the top of the head are its
# multiples; those bent the other way are ghosts of the lower edge.
#
# This needs a $P$ that is whole and steady, and lines in the order of $k_y$, without an
# ACS. Another order (from the centre outwards, say) puts the ghosts elsewhere.
#
# The faster the scan, the closer are the ghosts to the object. And since the error of a
# line is large where $k_y$ is large, it is the *edges* that are copied.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
off = []
for R in (1, 2, 3):
    distance = ghost_distance(moving(slices, R), slices)
    off.append((distance - SHAPE[0] / (PERIOD * R)).abs().double())
off = torch.stack(off).amax().cpu()  # without noise or chance: no bracket
sentence = "ghosts off FOV / (P R), P = 4, worst of R = 1, 2, 3 and of 20 slices"
claim(sentence, off, at_most=1, unit="pixels")

# %% [markdown]
# These are *known* failures: a radiologist knows such a ghost. Networks can fail where
# no formula warns: see [[hallucinations]] and [[generalization]].

# %% [markdown] slideshow={"slide_type": "slide"}
# ## On real data
#
# The slice of exercise 4.3 once more: a T1-weighted brain of one person, four coils,
# every line measured. Which of its axes was the phase encode is not documented, so we
# leave out rows of k-space, and then columns.
#
# We compare the three ways at $R = 2$, 3 and 4, with 24 lines in the centre. The
# reference is the RSS of all lines. We count the pixels of tissue only, those brighter
# than a tenth of the brightest. The $\lambda$ of SENSE is 0.01 throughout, and
# that of GRAPPA's fit is 0.001.
#
# <details><summary>How we compare</summary>
#
# The RSS needs no maps, so errors of the maps count as errors. It contains the noise of
# the full scan. Each image is scaled by the one number that brings it closest to the
# reference: $\lambda$ makes images a little too dark, which a viewer would turn up
# again. It is the course's *development* brain: both $\lambda$, and choices of later
# lessons, were made on this very brain. Its coils share noise, but little, and we do
# not prewhiten: a claim below measures it. (Other values of $\lambda$, from 0.003 to
# 0.03 for SENSE and 0.0001 to 0.1 for GRAPPA, gain at most 0.4 dB each, and do not
# change the order at $R = 4$.)
# </details>

# %%
predict("four-coils")


# %% jupyter={"source_hidden": true}
brain = load_real("moco_brain_7ch").to(DEVICE)
results = {}
for R in (2, 3, 4):
    results["rows", R] = compared_with_rss(brain.kspace, R, acs=ACS)
    turned = brain.kspace.mT.contiguous()  # columns become rows
    results["columns", R] = compared_with_rss(turned, R, acs=ACS)


# %% jupyter={"source_hidden": true}
def in_tissue(shown, way):
    """PSNR of one way over the pixels of tissue; elsewhere the reference is 0."""
    reference = shown["reference"]
    return psnr(shown[way], reference, inside=reference > 0)


WAYS = ("centre", "ESPIRiT", "GRAPPA")
for (direction, R), shown in results.items():
    print(f"R = {R}, {direction} left out:", end="  ")
    for way in WAYS:
        print(f"{way} {in_tissue(shown, way):.1f} dB", end="  ")
    print()

# %% jupyter={"source_hidden": true}
at_4 = results["rows", 4]
panels = {"reference": at_4["reference"]}
for way in WAYS:
    panels[f"{way}, {in_tissue(at_4, way):.1f} dB"] = at_4[way]
show_images(panels, reference=at_4["reference"], error_gain=5, scores=False)

# %% [markdown]
# At $R = 2$ and 3 ESPIRiT's maps and GRAPPA are equal within about 0.2 dB, and ESPIRiT
# is 0.9 to 1.5 dB better than maps from the centre. At $R = 4$ GRAPPA falls behind
# ESPIRiT by 0.9 dB (rows) and 2.7 dB (columns): look at the grain in its error image.
# Four coils have to fill gaps of three lines. The $\lambda$ of GRAPPA's fit keeps its
# weights small. But SENSE has a $\lambda$ for the *image*, and GRAPPA has none to hold
# its noise back.
#
# The figure shows $R = 4$, rows. The arcs in the error images are skull at the wrong
# place. Small errors of the maps leave ghosts, and so do those of GRAPPA's weights,
# fainter here. (It is one slice: we claim only the order of the two kinds of maps.)

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
leads_real = []
for shown in results.values():
    leads_real.append(in_tissue(shown, "ESPIRiT") - in_tissue(shown, "centre"))
sentence = "development brain, all R, both axes: smallest lead of ESPIRiT over centre"
claim(sentence, min(leads_real), at_least=0.2, unit="dB")
air = ifft2c(brain.kspace)[:, :24, :24]  # (coils, 24, 24): a corner without signal
correlation = torch.corrcoef(air.flatten(1)).abs().cpu() - torch.eye(len(air))
sentence = "the same brain: largest correlation of the noise of two coils, in air"
claim(sentence, correlation.max(), at_most=0.3)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# We had looked at this brain before: the two bounds say what was seen, with some room.
# That is no test, and the next brain may differ.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %%
print(f"16 lines, close loops: ESPIRiT leads by {lead_close.mean():.1f} dB")
print(f"ESPIRiT: {n_signal} of 288 directions hold signal")
print(f"prewhitening: {psnr(whitened, image) - psnr(as_if, image):.1f} dB")
print("ghosts of motion at", predicted, "rows")

# %% [markdown]
# - **Maps from the centre.** Coil images of low resolution over their root sum of
#   squares. From the array alone, a factor at each pixel stays unknown.
# - **ESPIRiT.** Windows of k-space lie in a small subspace. Each null vector is an
#   equation for the maps at every pixel; where they agree there is an object.
# - **Prewhitening.** Coils share noise. Mix them with $L^{-1}$, and least squares is
#   right again.
# - **GRAPPA.** Missing samples are weighted sums of neighbours in all coils. The
#   weights are learned in the ACS.
# - **Known failures.** 1: noise by $g\sqrt R$. 2: an ACS too small for its method. 3:
#   ghosts of wrong maps at FOV$/R$. 4: ghosts of steady motion at FOV$/(PR)$, where
#   lines are read in the order of $k_y$.
#
# All this was about coils; the image could have been anything. The next lesson,
# [[compressed_sensing]], asks what an image looks like.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Griswold et al., MRM 47:1202, 2002, [10.1002/mrm.10171](https://doi.org/10.1002/mrm.10171):
#   GRAPPA.
# - McKenzie et al., MRM 47:529, 2002, [10.1002/mrm.10087](https://doi.org/10.1002/mrm.10087):
#   maps from lines in the centre of the same scan.
# - Uecker et al., MRM 71:990, 2014, [10.1002/mrm.24751](https://doi.org/10.1002/mrm.24751):
#   ESPIRiT, where SENSE meets GRAPPA.
# - Roemer et al., MRM 16:192, 1990, [10.1002/mrm.1910160203](https://doi.org/10.1002/mrm.1910160203):
#   arrays of coils, and the noise that they share.
