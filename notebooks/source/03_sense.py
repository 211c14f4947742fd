# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 3 · SENSE: unfolding with many coils
#
# **You will be able to**
# - unfold an accelerated image with the sensitivity maps of its coils;
# - say where the unfolded image will be noisy, and by how much;
# - explain residual and direction of conjugate gradients, and write the iteration;
# - choose its settings, the number of iterations and a weight.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | [[kspace]], [[forward_model]] | 100 minutes, and 15 for the last exercise | about 30 s | simulated head, measured brain |

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
import torch

# fmt: off
# isort: off
from mricourse import (
    SenseOperator, claim, device, fft2c, ifft2c, predict, random_complex, your_turn,
)
from mricourse.datasets import load_real
from mricourse.evaluation import best_scale, nrmse, psnr, turned
from mricourse.exercises import (
    check_best_pair, check_conjugate_gradient, check_sense_unfold,
)
from mricourse.physics import acceleration_of, equispaced_mask, noise_level, rss
from mricourse.plotting import (
    plot_lines, show_comparison, show_folding, show_images, show_pull, show_smaps,
    show_two_pixels, show_walks,
)
from mricourse.reconstruct import cg_sense, cg_sense_iterates, g_factor, sense_unfold
from mricourse.simulate import brain_slices, inside_head, simulate_coils
# isort: on
# fmt: on

# %% [markdown]
# In [[forward_model]] we left out lines of k-space, and several heads appeared where
# one should be. Yet scanners leave out lines every day and show one head. What do they
# know that we did not use?
#
# They know where their coils are. Here is the same slice seen by four of eight coils.
# The slice, the coils and the noise are simulated; a measured brain waits at the end.

# %%
torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
SHAPE = (120, 96)  # ny, nx; pixels of about 2 mm
N_COILS = 8
NOISE_STD = 0.02  # per real and imaginary part; the brightest pixel is 1
RATES = (2, 3, 4)  # the accelerations R that we compare

image = brain_slices("test", 1, contrast="T1w", shape=SHAPE)[0].to(DEVICE)  # (y, x)
smaps = simulate_coils(N_COILS, SHAPE, seed=1, kind="head_array").to(DEVICE)
noise = NOISE_STD * random_complex(N_COILS, *SHAPE).to(DEVICE)
kspace = fft2c(smaps * image) + noise  # (coils, ky, kx)
coil_images = ifft2c(kspace)
shown = [1, 3, 5, 7]  # every second coil around the head
names = [f"coil {coil}" for coil in shown]
show_images(coil_images[shown], names)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What each coil sees
#
# It is one head, seen from four sides. Coil 1 hears the forehead, coil 5 the back of
# the head, and coils 3 and 7 hear the two sides.
#
# As in [[forward_model]], the coil with number $c$ sees $x_c = S_c\, x$. Here $x$ is
# the image. The **sensitivity map** $S_c$ of a coil is a complex number for every
# pixel: its magnitude says how strongly the coil hears the pixel, and its phase by
# which angle the coil turns the signal. We look at the maps themselves.

# %%
head = inside_head(image)  # (y, x), bool: where there is something to hear
show_smaps(head * smaps[shown], names)

# %% [markdown]
# The maps are smooth: the field of a wire loop changes slowly. They also differ from
# one another, most between coils on opposite sides. We take them as known;
# [[coil_calibration]] measures them. They are scaled so that $\sum_c |S_c|^2 = 1$ at
# every pixel.
#
# <details><summary>Do real coils have this sum, too?</summary>
#
# No. Together they hear the rim of the head better than the middle. The scaling takes
# this out of the maps, and so it stays in the image: the reconstructed rim is brighter
# than the true one. Our simulated coils have the sum 1 themselves.
# </details>
#
# A **comb** is a mask that keeps every $R$-th line of k-space and no others. Now we
# take a comb with the acceleration $R = 2$. We multiply by $R$, which makes up for the
# missing lines, and look at what each coil gives.

# %%
predict("brighter-copy")

# %%
comb = equispaced_mask(SHAPE[0], 2, acs=0).to(DEVICE)  # (ky, 1); no extra lines
folded = 2 * ifft2c(comb * kspace)  # (coils, y, x)
show_images(folded[shown], [f"coil {coil}, R = 2" for coil in shown])

# %% [markdown]
# Every panel shows two heads, half a field of view (FOV) apart. Each copy is the whole
# coil image, shifted. So in coil 1 one bright forehead is at the top, and its copy
# shines half a field of view lower. A copy where it does not belong is called a ghost.
#
# All coils see the same two heads, but *each coil mixes them in another proportion*.
# This is what the scanner knows. The upper and the lower half of a folded image are
# the same, so we keep the upper half.

# %%
folded_half = folded[:, : SHAPE[0] // 2]  # (coils, y / 2, x): one period
show_folding(coil_images[7], folded_half[7], row=30, column=30)

# %% [markdown]
# Two pixels, 60 rows apart, fall on one pixel of the folded image. We call their values
# in the head $\rho_1$ and $\rho_2$. The coil on the left sees each of them times its
# own sensitivity there, and the folded value $a$ is the sum of the two. How do we get
# $\rho_1$ and $\rho_2$ back?
#
# <details><summary>Is it always a plain sum?</summary>
#
# It is if $R$ divides the number of lines, here 120, and the central line is in the
# comb. Move the comb by one line: a shift in k-space becomes a phase in the image. The
# copy that lies half a field of view away gets the phase $-1$, and the coil gives the
# *difference* of the two. One may solve for them all the same.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two pixels, two coils, on paper
#
# Take a pencil. Coil 1 is close to the first pixel and hears it with sensitivity 0.8.
# The second pixel is far away, and coil 1 hears it with 0.2. For coil 2 it is the other
# way round. After folding, coil 1 measures 1.4 and coil 2 measures 2.6:
#
# $$ 0.8\,\rho_1 + 0.2\,\rho_2 = 1.4 , \qquad 0.2\,\rho_1 + 0.8\,\rho_2 = 2.6 . $$

# %%
predict("paper")

# %% [markdown]
# We shall need this way again: *add* the two equations, and *subtract* the second from
# the first.
#
# $$ 1.0\,(\rho_1 + \rho_2) = 4.0 , \qquad 0.6\,(\rho_1 - \rho_2) = -1.2 . $$
#
# The sum of the pixels is 4 and their difference is $-1.2/0.6 = -2$, so $\rho_1 = 1$
# and $\rho_2 = 3$.
#
# **SENSE** (sensitivity encoding) unfolds an accelerated image: every coil gives one
# equation for the pixels that fold together, with its sensitivities as weights, and one
# solves these equations for the pixels.

# %% [markdown]
# Our scan has eight coils, so it gives eight equations for two unknowns. With $R$
# pixels folded together there are $R$ unknowns. We collect the sensitivities in a
# matrix $C$ with a row for each coil and a column for each pixel, the folded values in
# $a$, and the pixel values in $\rho$:
#
# $$ a = C \rho . $$
#
# With noise, no $\rho$ satisfies eight equations at once. Each equation has a *misfit*,
# what its coil would measure of these pixels, minus what it did. They are the numbers
# in $z = C\rho - a$. The **least-squares** solution of $a = C\rho$ is the $\rho$ that
# makes $\lVert C\rho - a\rVert^2$, the sum of the squared misfits of all equations, as
# small as possible.

# %% [markdown]
# How do we find it? At the smallest value the derivatives are zero. Take the two coils
# on paper:
#
# $$ z_1 = 0.8\,\rho_1 + 0.2\,\rho_2 - 1.4 , \qquad
#    z_2 = 0.2\,\rho_1 + 0.8\,\rho_2 - 2.6 . $$
#
# Pixel 1 stands in $z_1$ with the weight 0.8 and in $z_2$ with the weight 0.2. So the
# derivative of $z_1^2 + z_2^2$ with respect to $\rho_1$ is $2\,(0.8\,z_1 + 0.2\,z_2)$.
# For pixel 2 it is $2\,(0.2\,z_1 + 0.8\,z_2)$. We write one below the other:
#
# $$ 2 \begin{pmatrix} 0.8\,z_1 + 0.2\,z_2 \\ 0.2\,z_1 + 0.8\,z_2 \end{pmatrix}
#    = 2 \begin{pmatrix} 0.8 & 0.2 \\ 0.2 & 0.8 \end{pmatrix}
#      \begin{pmatrix} z_1 \\ z_2 \end{pmatrix} . $$
#
# This matrix has a row for each *pixel*, with what all coils hear of it. It is $C$ with
# rows and columns exchanged.

# %% [markdown]
# Our sensitivities are complex, and what has to get small is $|z|^2 = \bar z z$. So
# each of them is conjugated as well (the fold shows how). The matrix is called $C^H$,
# the conjugate transpose; in the code it is `C.mH`. All derivatives together are
# $2\,C^H (C\rho - a)$. At the solution, marked by a hat, they are zero:
#
# $$ C^H C\,\hat\rho = C^H a , \qquad \hat\rho = (C^H C)^{-1} C^H a . $$
#
# <details><summary>Why is there a conjugate?</summary>
#
# Change $\rho$ by a small $\epsilon$. The misfit $z = C\rho - a$ changes by
# $C\epsilon$, and $\bar z z$, summed over the coils, by twice the real part of
# $(C\epsilon)^H z = \epsilon^H C^H z$. At the lowest point this is zero for every
# $\epsilon$. Take a small share of $C^H z$ itself as $\epsilon$: then it is that share
# of $\lVert C^H z\rVert^2$, and so $C^H z = C^H (C\rho - a) = 0$.
# </details>
#
# We try it on the two pixels of the figure above.

# %%
rows = [30, 90]  # the rows that fold together: 60 apart
C = smaps[:, rows, 30]  # two rows, column 30: (coils, 2)
a = folded_half[:, 30, 30]  # the pixel of the figure, in every coil: (coils,)
rho = torch.linalg.solve(C.mH @ C, C.mH @ a)
print("unfolded", rho.abs().cpu().numpy().round(2))
print("truth   ", image[rows, 30].abs().cpu().numpy().round(2))

# %% [markdown]
# The two values come back up to a few hundredths, which is about the noise.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 3.1 · unfold an image  (★★☆, about 10 min)
#
# Do for every pixel of the folded image what the last cell did for one. `folded` is one
# period, as `folded_half` above, and already multiplied by $R$. Two loops, over rows
# and columns, are fine.
#
# <details><summary>Hint 1: which rows fold together?</summary>
#
# At $R = 2$ the rows 30 and 30 + 60. At any $R$ the rows `row`, `row + n_rows`,
# `row + 2 * n_rows` and so on, where `n_rows` is the height of the folded image.
# </details>
#
# <details><summary>Hint 2: how does one pick them?</summary>
#
# A slice with a step does it: `smaps[:, 30::60, 30]` is the matrix $C$ of the cell
# above, (coils, 2). The same slice of the image takes the result.
# </details>
#
# <details><summary>Hint 3: the skeleton</summary>
#
# Make the image with `torch.zeros_like(smaps[0])`. For each `row` and `column` take
# $C$ and $a$, solve, and write the result into `image[row::n_rows, column]`.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_sense_unfold(folded, smaps, acceleration):
    """folded (coils, y / R, x), maps (coils, y, x), R -> complex image (y, x)."""
    ### BEGIN SOLUTION
    n_rows = smaps.shape[1] // acceleration
    unfolded = torch.zeros_like(smaps[0])
    for row in range(n_rows):
        for column in range(smaps.shape[2]):
            C = smaps[:, row::n_rows, column]  # (coils, R)
            rhs = C.mH @ folded[:, row, column]
            unfolded[row::n_rows, column] = torch.linalg.solve(C.mH @ C, rhs)
    return unfolded
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Without noise the object has to come back, at $R = 1$ too. With
# noise it has to be the least-squares solution. Then your function unfolds our slice.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_sense_unfold(my_sense_unfold)
mine = my_sense_unfold(folded_half, smaps, 2)
show_images({"folded, coil 1": folded[1], "unfolded by you": mine, "truth": image})

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Two coils would be enough for two unknowns. The other six are not wasted: each adds an
# equation for the same unknowns, and least squares averages their noise. The loops are
# slow but honest. The library solves all systems in one call, `sense_unfold`; it takes
# k-space and finds the comb itself. It also takes maps that are zero at some pixels, as
# we shall need below. There a column of $C$ is zero, $C^H C$ has no inverse, and your
# loop would stop; the library leaves such columns out.
# </details>
#
# <details><summary>A common mistake</summary>
#
# `smaps[:, R * row : R * row + R]` takes rows that are *neighbours*. Neighbours never
# fold together. Pixels fold that are FOV/$R$ apart, as far as they can be.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where the noise comes from
#
# We unfold the slice at $R = 2$, 3 and 4, from the same noisy data, with the library's
# `sense_unfold`. In air a coil hears nothing, so no scan can measure its map there. As
# after a real calibration we set the maps to zero in air (`known` below). Then air is
# no unknown: a pixel whose *partners* (those that fold onto it) all lie in air is
# alone, and needs no unfolding.
#
# The titles give the PSNR, as in [[kspace]]: 20 dB more is an error ten times smaller.

# %%
known = head * smaps  # (coils, y, x): zero in air
combs = {R: equispaced_mask(SHAPE[0], R, acs=0).to(DEVICE) for R in RATES}
unfolded = {R: sense_unfold(combs[R] * kspace, known, R) for R in RATES}
panels = {f"R = {R}": unfolded[R] for R in RATES}
show_images({"reference": image, **panels}, reference=image)

# %% [markdown]
# No second head is left at any $R$. What grows instead is grain, the speckle of noise.
# At $R = 2$ one has to look for it; at $R = 4$ it covers the brain. Where does the
# grain come from? Back to paper.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Two pixels with noise
#
# The two coils above heard the pixels with 0.8 and 0.2. Now move them closer together,
# so that they hear more nearly the same, with 0.6 and 0.4. The pixels are 1 and 3 as
# before, so they measure
#
# $$ 0.6\,\rho_1 + 0.4\,\rho_2 = 1.8 , \qquad 0.4\,\rho_1 + 0.6\,\rho_2 = 2.2 . $$
#
# Add and subtract these two as well, before you answer.

# %%
predict("similar-coils")

# %% [markdown]
# We draw both pairs, 400 measurements of each with noise of 0.1 (code folded). Every
# dot is the solution of one.

# %% jupyter={"source_hidden": true}
different = torch.tensor([[0.8, 0.2], [0.2, 0.8]])  # row: coil, column: pixel
similar = torch.tensor([[0.6, 0.4], [0.4, 0.6]])
truth = torch.tensor([1.0, 3.0])
errors = 0.1 * torch.randn(400, 2)  # of 400 repeated measurements
pairs = {
    "different coils, 0.8 and 0.2": different,
    "similar coils, 0.6 and 0.4": similar,
}
show_two_pixels(pairs, truth, errors)

# %% [markdown]
# Each equation is a line, and the solution is where the two lines cross. Noise shifts
# the lines a little to and fro. On the left they cross at a wide angle, and the
# crossing hardly moves. On the right they are nearly parallel, and it slides far along
# both of them.
#
# Adding gives $1.0\,(\rho_1 + \rho_2) = 4.0$, as for the different coils: both clouds
# are equally thin towards the upper right, where the sum grows. Subtracting gives only
# $0.2\,(\rho_1 - \rho_2) = -0.4$. We divide by 0.2 instead of 0.6, the noise is divided
# with it, and the cloud is three times as long. *Similar coils know the sum of the
# pixels and hardly know their difference.*

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The g-factor
#
# How much of this noise is the fault of folding? Let $\sigma$ be the standard deviation
# of the noise in each measurement, $a_1$ and $a_2$. Independent errors add in squares:
#
# - $a_1 + a_2$ has noise of $\sqrt{\sigma^2 + \sigma^2} = 1.41\,\sigma$, and so has
#   $a_1 - a_2$;
# - the *sum* of the pixels is $(a_1 + a_2)/1.0$, with noise of $1.41\,\sigma$;
# - their *difference* is $(a_1 - a_2)/0.2$, with noise of $7.07\,\sigma$;
# - $\rho_1$ is half of the sum plus half of the difference, with noise of
#   $\tfrac12\sqrt{1.41^2 + 7.07^2}\,\sigma = 3.61\,\sigma$.
#
# <details><summary>Are the two errors, of sum and difference, independent?</summary>
#
# They come from the same measurements, and still they add in squares. If $a_1$ and
# $a_2$ are wrong by $e_1$ and $e_2$, the product of the two errors is
# $(e_1 + e_2)(e_1 - e_2) = e_1^2 - e_2^2$, which is zero on average.
# </details>

# %% [markdown]
# And with the same coils, but *no* second pixel? Then $C$ is a single column, and least
# squares gives
#
# $$ \rho_1 = \frac{C^H a}{C^H C} = \frac{0.6\,a_1 + 0.4\,a_2}{0.6^2 + 0.4^2}
#    = \frac{0.6\,a_1 + 0.4\,a_2}{0.52} . $$
#
# The top has noise of $\sqrt{0.6^2 + 0.4^2}\,\sigma = 0.72\,\sigma$, so $\rho_1$ has
# $0.72\,\sigma / 0.52 = 1.39\,\sigma$.
#
# With the second pixel it is $3.61\,\sigma$, without it $1.39\,\sigma$: 2.6 times as
# much. The **g-factor** (g for geometry) of a pixel is how many times noisier it
# becomes because other pixels fold onto it.

# %% [markdown]
# There is a formula for it. It is made of variances, the squares of the noise, and of
# the matrix $C^H C$. For the similar coils this matrix and its inverse are
#
# $$ C^H C = \begin{pmatrix} 0.52 & 0.48 \\ 0.48 & 0.52 \end{pmatrix} , \qquad
#    (C^H C)^{-1} = \begin{pmatrix} 13 & -12 \\ -12 & 13 \end{pmatrix} . $$
#
# - *Alone*, a pixel has the variance $\sigma^2/0.52 = (1.39\,\sigma)^2$, as above. The
#   0.52 stands on the diagonal of $C^H C$.
# - *Together* they have $13\,\sigma^2 = (3.61\,\sigma)^2$, as above. The 13 stands on
#   the diagonal of the inverse.
#
# It is so for any coils and pixels (the fold has the proof). With $[\;]_{ii}$ for the
# entry of pixel $i$ on the diagonal, $g$ is the root of the ratio of the two variances,
#
# $$ g_i = \sqrt{\,[(C^H C)^{-1}]_{ii}\;[C^H C]_{ii}\,} \;\ge\; 1 , $$
#
# and here $\sqrt{13 \cdot 0.52} = 2.6$. (One more unknown never lowers the noise.)
#
# <details><summary>Why is the covariance σ²(CᴴC)⁻¹?</summary>
#
# The covariance is the matrix with the variance of each pixel on its diagonal. Write
# the solution as $B a$ with $B = (C^H C)^{-1} C^H$. Noise of covariance $\sigma^2 I$ in
# $a$ becomes noise of covariance $\sigma^2 B B^H$ in $B a$. Now $B B^H = (C^H C)^{-1}
# C^H C\,(C^H C)^{-1}$, and the middle cancels with one of its neighbours. This needs
# noise that is equal and independent in all coils. Real coils share some of it;
# [[coil_calibration]] shows how to undo that first. (It changes the maps too, and with
# them the scale of every $\lambda$ below.)
# </details>

# %%
for name, C in pairs.items():
    product = C.mH @ C  # (2, 2): a row and a column for each pixel
    alone = product.diagonal()
    together = torch.linalg.inv(product).diagonal()
    print(f"{name}: g =", (together * alone).sqrt().numpy().round(2))

# %% [markdown]
# For the similar coils it is 2.6, as on paper. The library's `g_factor` does the same
# for every group of pixels of an image.

# %%
predict("where-g")

# %%
g = {R: g_factor(known, R) for R in RATES}  # each (y, x)
maps_of_g = {f"g at R = {R}": g[R].where(head, torch.nan) for R in RATES}
show_images(maps_of_g, window=(1, 4), label="g", cmap="viridis")

# %% [markdown]
# Where three pixels of the head fold together at $R = 3$, the middle one has mostly the
# largest $g$: the lens in the middle, a little brighter than the rest. It lies between
# the other two, and most coils that hear it hear one of them as well. At $R = 2$ the
# picture is dark: $g$ is nearly 1 everywhere.
#
# The sharp edges are the outline of the head, shifted by FOV/$R$: inside it a pixel has
# one partner more. At $R = 4$ there are four thin lenses where all four pixels lie in
# the head, from top to bottom green, yellow, yellow, green. The two inner ones have
# partners on both sides. In the large green area between these two, three pixels lie in
# the head. (Pixels above 4 are drawn as 4.) At the left and right end of the middle
# rows, at $R = 3$ and 4, all partners lie in air, and $g$ is 1.

# %% [markdown]
# ### The second factor
#
# There is a second reason for grain: fewer lines are measured, so fewer measurements
# are averaged. Let $\sigma_\text{full}$ be the noise of a coil image from all lines. We
# follow the noise of one folded value:
#
# - One line in $R$ is measured. A line that is left out brings no noise, so the
#   variance is $R$ times smaller, and the noise is $\sigma_\text{full} / \sqrt R$.
# - Then we multiply by $R$, to make up for the missing lines: the noise is
#   $\sqrt R\;\sigma_\text{full}$.
#
# This is the $\sigma$ that we had on paper, the noise of one measurement. There a pixel
# alone had $\sigma / \sqrt{C^H C}$, where $C^H C$ is the sum of its squared
# sensitivities. Our maps have the sum 1, so alone a pixel has $\sigma$ (from all lines,
# $\sigma_\text{full}$). Unfolding multiplies this by $g$:
#
# $$ \sigma_\text{SENSE} = g\,\sqrt R\;\sigma_\text{full} . $$

# %% [markdown]
# Is it true? We measure. **Pseudo-replicas** are many scans of nothing but noise, sent
# through one reconstruction; the spread of their results is the noise of the image,
# pixel by pixel. (Our $\sigma_\text{full}$ is 0.02, that of k-space: the transform
# keeps the size of the noise.)

# %%
replicas = NOISE_STD * random_complex(100, N_COILS, *SHAPE).to(DEVICE)  # 100 scans
spread = {}
for R in RATES:
    results = sense_unfold(combs[R] * replicas, known, R)  # (100, y, x)
    spread[R] = results.real.std(dim=0)  # over the scans: (y, x)
    formula = g[R] * R**0.5 * NOISE_STD
    ratio = f"{(spread[R] / formula)[head].median():.3f}"
    print(f"R = {R}: g {g[R][head].median():.2f}, at most {g[R][head].max():.1f}")
    print(f"       noise {spread[R][head].median():.3f}, over the formula {ratio}")

# %% [markdown]
# All numbers are medians over the head; *at most* means the worst pixel. The measured
# noise agrees with the formula to half a per cent. At $R = 2$ nearly all of the price
# is $\sqrt R$. At $R = 4$ both factors are nearly 2: the typical pixel is 3.7 times as
# noisy as in the full scan (0.074 instead of 0.02), for a quarter of the time.
#
# This is one array of coils. We try 20 around the same head (code folded).

# %% jupyter={"source_hidden": true}
medians = []
for array in range(20):
    array_maps = simulate_coils(N_COILS, SHAPE, seed=array, kind="head_array")
    array_g = g_factor(head * array_maps.to(DEVICE), 4)
    medians.append(array_g[head].median().item())
print(f"20 arrays, R = 4: median g from {min(medians):.2f} to {max(medians):.2f}")

# %% [markdown]
# Ours, with 1.84, is among the noisier ones.
#
# *Half-way: a good place for a break. You can unfold a comb, and say what it costs:
# $g\sqrt R$. (In a new session choose Run, then Run All Above Selected Cell.)*

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for R in RATES:
    ratio = (spread[R] / (NOISE_STD * R**0.5 * g[R]))[head].median()
    sentence = f"noise of pseudo-replicas over σ g √R, R = {R}, median of the head"
    claim(sentence, ratio, at_least=0.98, at_most=1.02)
ratios = []
for array in range(20):
    array_maps = simulate_coils(N_COILS, SHAPE, seed=array, kind="head_array")
    array_maps = head * array_maps.to(DEVICE)
    array_noise = random_complex(N_COILS, *SHAPE, seed=array).to(DEVICE)
    result = sense_unfold(combs[4] * array_noise, array_maps, 4)
    array_g = g_factor(array_maps, 4)[head]
    share = (result[head] / array_g).abs().square().mean()
    ratios.append((share / (2 * 4)).sqrt())  # 2: real and imaginary part; 4: R
claim(
    "noise of one scan over σ g √R, R = 4",
    torch.stack(ratios),
    at_least=0.98,
    at_most=1.02,
    samples="arrays of eight coils",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# 100 replicas know the spread of one pixel to $1/\sqrt{200}$, or 7 %. The median over
# thousands of pixels is far more exact, and so is the mean over 20 arrays of coils. (Of
# 100 draws the spread is a little lopsided, and its median is 0.997 of the true one.)
# The formula has no free parameter. So 2 % would already be a fault of the code. How to
# read such a line is explained in [[kspace]].
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Any mask: why we need an iteration
#
# Unfolding works because a comb folds pixels in small groups. Many real scans measure
# more than a comb. The **ACS** (autocalibration signal) is the fully sampled centre of
# k-space, from which coil maps are estimated.

# %%
mask = equispaced_mask(SHAPE[0], 4, acs=16).to(DEVICE)  # every fourth line, and the ACS
print(f"one line in {acceleration_of(mask):.2f} is measured")

# %% [markdown]
# Which pixels are mixed now? We test it with a single bright point, at row 60. We leave
# out lines of its k-space, go back, and look at its column (code folded). Where the
# result is not zero, the point has got mixed with that row.

# %% jupyter={"source_hidden": true}
point = torch.zeros(SHAPE, dtype=torch.complex64, device=DEVICE)
point[60, 48] = 1
along = {}
for name, lines in {"comb, R = 4": combs[4], "comb and ACS": mask}.items():
    along[name] = ifft2c(lines * fft2c(point))[:, 48].abs()  # column 48: (y,)
plot_lines(range(SHAPE[0]), along, xlabel="row", ylabel="magnitude")

# %% [markdown]
# Under the comb the point comes back as four equal peaks, 30 rows apart, with nothing
# between them: four pixels mix. With the ACS something lies on nearly every row. So
# each pixel mixes with all others of its column, and 120 unknowns hang together instead
# of four. With other masks it would be all 11,520 of the image, whose matrix would fill
# a gigabyte.

# %% [markdown]
# As before we look for the image $x$ that makes $\lVert A x - y \rVert^2$ smallest,
# where $y$ is the measured k-space and $A = M F S$ the forward model: maps, Fourier
# transform, mask. It is least squares once more, with $A$ in place of $C$ and $y$ in
# place of $a$, so
#
# $$ A^H A\,x = A^H y , \qquad \text{in short} \quad N x = b . $$
#
# The **normal operator** $N = A^H A$ measures an image and returns with the adjoint,
# and $b = A^H y$ is the zero-filled image. We cannot store $N$, but we can *apply* it
# to an image. We need a method that solves $N x = b$ by applying $N$ a few times.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Walking downhill
#
# Two pixels on paper show the method. From here on we write them with the letters of
# images:
#
# | | so far | from here on |
# |---|---|---|
# | values of the pixels | $\rho$ | $x$ |
# | the matrix of the equations | $C^H C$ | $N$ |
# | their right side | $C^H a$ | $b$ |
#
# The coils lie between the two pairs above, with sensitivities 0.7 and 0.3, and the
# true pixels are 1 and 3. We start from a wrong guess. The **residual** $r = b - N x$
# is what is left of $b$ to explain: at the solution it is zero.

# %%
between = torch.tensor([[0.7, 0.3], [0.3, 0.7]])
N = between.T @ between
b = N @ truth  # so that the solution is (1, 3)
start = torch.tensor([3.3, 1.3])
r = b - N @ start
print(f"b = {b.numpy().round(2)}, N x = {(N @ start).numpy().round(2)}")
print(f"r = {r.numpy().round(2)}, -2r = {(-2 * r).numpy().round(2)}")

# %% [markdown]
# The residual tells where to go. Draw $\lVert C x - a\rVert^2$, the sum of the squared
# misfits, as a height over the plane of the two pixels. It is a valley, and the
# solution is its lowest point. Its derivatives were $2\,C^H (C\rho - a)$. In the new
# letters they are $2\,(N x - b)$, or $-2r$.
#
# At our start they are $1.24$ and $-0.04$. So the height grows by 1.24 per unit of
# $x_1$, and falls by 0.04 per unit of $x_2$. The derivative points *uphill*, where it
# is steepest. The residual has the opposite sign and points *downhill*. So we take a
# step along $r$. But how long?

# %% [markdown]
# As long as it goes downhill. For this we need the slope along a direction that changes
# both pixels. A small step $(u_1, u_2)$ changes the height by $1.24\,u_1 - 0.04\,u_2$:
# each derivative times its part of the step, added. Such a sum of products has a name.
# The **inner product** $\langle u, v\rangle$ of two images is the sum of $\bar u\,v$
# over all pixels. For two real pixels it is $u_1 v_1 + u_2 v_2$.
#
# So the slope along a direction is the inner product of the direction with the
# derivative. Along $r = (-0.62, 0.02)$ it is
#
# $$ \langle r, -2r\rangle = -0.62 \cdot 1.24 + 0.02 \cdot (-0.04) = -0.77 . $$
#
# It is negative: we go down.

# %% [markdown]
# We stop where the slope along $r$ has become zero, at the lowest point of our line.
#
# - After a step of length $\alpha$ we are at $x + \alpha r$. There the residual is
#   $r' = b - N(x + \alpha r) = r - \alpha N r$.
# - There the derivative is $-2r'$, and the slope along $r$ is $-2\langle r, r'\rangle$.
# - It is zero if $\langle r, r'\rangle = 0$. We say: the new residual $r'$ has *nothing
#   along* $r$.
#
# This tells how long the step is:
#
# $$ \langle r,\; r - \alpha N r\rangle = 0 \quad\Longrightarrow\quad
#    \alpha = \frac{\langle r, r\rangle}{\langle r, N r\rangle} . $$
#
# **Steepest descent** goes, in every step, along the residual, which is the steepest
# way down, to the lowest point there.

# %%
x = start
descent = [start]
for _ in range(10):
    r = b - N @ x
    alpha = r.dot(r) / r.dot(N @ r)  # dot: inner product of real vectors
    x = x + alpha * r
    descent.append(x)
print(f"distance from the solution after 10 steps: {(x - truth).norm():.2f}")
show_walks(N, truth, {"steepest descent": descent})

# %% [markdown]
# It works, but after ten steps we are still not there. The grey rings
# are lines of equal height. The dashed floor of the valley is where the sum is right,
# $x_1 + x_2 = 4$. The valley is steep across the floor and flat along it. The walker
# starts on one side, with a sum of 4.6, and crosses the floor in every step: the sum is
# 3.5 after the first, 4.3 after the second. Each step undoes a part of the one before.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A better second direction
#
# Back to the end of the first step. From now on $d$ is the direction of a step. The
# first one is the residual at the start, $d = r$. Where it ends, there is a new
# residual, $r'$.

# %%
r = b - N @ start
d = r
alpha = r.dot(r) / d.dot(N @ d)
first = start + alpha * d
r_new = r - alpha * (N @ d)  # r'
print(f"α = {alpha:.2f}, d = {d.numpy().round(2)}, r' = {r_new.numpy().round(2)}")
print(f"<d, r'> = {d.dot(r_new):.4f}")
# descent[2]: the end of steepest descent's second step, along r'
print(f"slope along d at the end of that: {-2 * d.dot(b - N @ descent[2]):.2f}")
arrows = {"d": (start, d), "r'": (first, r_new)}  # name: (from where, vector)
show_walks(N, truth, {"first step": [start, first]}, arrows=arrows)

# %% [markdown]
# The step went on beyond the tip of $d$, for $\alpha$ is more than 1. The slope along
# $d$ is $-2$ times $\langle d, \text{residual}\rangle$. Where the step ends it is zero:
# $\langle d, r'\rangle = 0$, so the arrow $r'$ stands at a right angle to $d$. Steepest
# descent now goes along $r'$, and the slope along $d$ comes back: at the end of that
# step it is $-0.40$. We want a second direction, $d'$, along which it *stays* zero.
#
# A step of length $\alpha$ along $d'$ changes the residual by $-\alpha N d'$. The
# residual has nothing along $d$ now. It stays so if the change has nothing along $d$
# either:
#
# $$ \langle d, N d'\rangle = 0 . $$
#
# Two **conjugate directions** $d$ and $d'$ have $\langle d, N d'\rangle = 0$: a step
# along one leaves the slope along the other as it is.

# %% [markdown]
# How do we find $d'$? We take the new residual and add a share $\beta$ of the old
# direction, $d' = r' + \beta d$. We put this into the condition and solve for $\beta$:
#
# $$ \langle d, N r'\rangle + \beta\,\langle d, N d\rangle = 0
#    \quad\Longrightarrow\quad
#    \beta = -\frac{\langle d, N r'\rangle}{\langle d, N d\rangle} . $$
#
# There is a shorter way to the same number, which needs no $N$. It is proved in the
# fold, and the code below prints both:
#
# $$ \beta = \frac{\lVert r'\rVert^2}{\lVert r\rVert^2} . $$
#
# <details><summary>Why are the two forms equal?</summary>
#
# The first step changed the residual by $r' - r = -\alpha N d$. And
# $\langle d, N r'\rangle = \langle N d, r'\rangle$, since $N = A^H A$ is its own
# adjoint: it may stand on either side. So with $d = r$
#
# $$ \langle d, N r'\rangle = \frac{\langle r - r', r'\rangle}{\alpha}
#    = -\frac{\lVert r'\rVert^2}{\alpha} , \qquad
#    \langle d, N d\rangle = \frac{\langle r, r - r'\rangle}{\alpha}
#    = \frac{\lVert r\rVert^2}{\alpha} , $$
#
# as $r'$ has nothing along $r$. Divide the first by the second.
# </details>

# %%
print(f"first form:  {-d.dot(N @ r_new) / d.dot(N @ d):.4f}")
beta = r_new.dot(r_new) / r.dot(r)
print(f"second form: {beta:.4f}")
d_new = r_new + beta * d  # d'
print(f"d' = {d_new.numpy().round(2)}, <d, N d'> = {d.dot(N @ d_new):.4f}")

# %% [markdown]
# So $d'$ is conjugate to $d$, up to rounding. These are all the arrows, and where each
# begins:
#
# | | what it is | begins at |
# |---|---|---|
# | $d = r$ | first direction, the first residual | the start |
# | $r'$ | the new residual | the end of step 1 |
# | $d' = r' + \beta d$ | second direction | the end of step 1 |
#
# How far do we go along $d'$? As before, until the residual has nothing along $d'$:
#
# $$ \langle d', r' - \alpha N d'\rangle = 0 \quad\Longrightarrow\quad
#    \alpha = \frac{\langle d', r'\rangle}{\langle d', N d'\rangle}
#    = \frac{\lVert r'\rVert^2}{\langle d', N d'\rangle} . $$
#
# The numerator is so short because $d'$ is $r'$ plus a share of $d$, and $r'$ has
# nothing along $d$.

# %%
predict("how-many-steps")

# %%
alpha = r_new.dot(r_new) / d_new.dot(N @ d_new)
second = first + alpha * d_new
print("after two steps:", second.numpy().round(4))
walks = {"steepest descent": descent, "conjugate gradients": [start, first, second]}
arrows = {"r'": (first, r_new), "βd": (first + r_new, beta * d), "d'": (first, d_new)}
show_walks(N, truth, walks, arrows=arrows)

# %% [markdown]
# Two steps bring us to the solution, which answers the prediction. The first is that of
# steepest descent (the blue line lies under it). The share $\beta d$ turns the second
# step from $r'$ to $d'$, which points at the solution. Then we stand lowest along two
# directions of the plane, and there is no third.
#
# With $n$ unknowns at most $n$ steps are needed, and a good image comes much earlier.
#
# <details><summary>Is a third direction conjugate to both? And the blue
# corners?</summary>
#
# From the third step on there are several older directions; the same $d'$ is conjugate
# to all of them (proved by Hestenes and Stiefel, listed at the end). In the figure, the
# second step meets every second corner of the blue walk on its way.
# </details>

# %% [markdown]
# **Conjugate gradients** (CG) solves $N x = b$ by steps along directions, each of which
# is conjugate to all before. From $x = 0$, $r = d = b$ it repeats
#
# $$ \alpha = \frac{\lVert r\rVert^2}{\langle d, N d\rangle}, \quad
#    x \leftarrow x + \alpha d, \quad r' = r - \alpha N d, \quad
#    \beta = \frac{\lVert r'\rVert^2}{\lVert r\rVert^2}, \quad
#    d \leftarrow r' + \beta d , $$
#
# and then $r'$ takes the place of $r$. Each repetition applies $N$ once.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 3.2 · conjugate gradients for images  (★★☆, about 10 min)
#
# Turn the two steps above into a loop, for complex images. `normal` is a function that
# applies $N$. Apply it once in each repetition.
#
# <details><summary>Hint 1: the inner product of complex images</summary>
#
# It conjugates its first argument: $\langle d, N d\rangle = \sum \bar d\,(N d)$.
# `torch.vdot` does so, for flat vectors: `torch.vdot(d.flatten(), p.flatten()).real`.
# The squared length is `r.abs().square().sum()`.
# </details>
#
# <details><summary>Hint 2: what has to be remembered?</summary>
#
# Three images live through the loop: `x`, `residual` and `direction`. The old squared
# length of the residual is needed twice, in $\alpha$ and in $\beta$. Keep it in a
# variable before you change the residual. Keep $N d$ too: it is needed twice.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_conjugate_gradient(normal, rhs, n_iterations):
    """Solve N x = rhs from x = 0; normal: (y, x) -> (y, x), rhs (y, x) -> (y, x)."""
    ### BEGIN SOLUTION
    x = torch.zeros_like(rhs)
    residual = rhs
    direction = rhs
    for _ in range(n_iterations):
        energy = residual.abs().square().sum()
        product = normal(direction)
        step = energy / torch.vdot(direction.flatten(), product.flatten()).real
        x = x + step * direction
        residual = residual - step * product
        beta = residual.abs().square().sum() / energy
        direction = residual + beta * direction
    return x
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** 15 unknowns need no more than 15 steps. Then your function
# reconstructs our slice, from the mask that unfolding cannot handle.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_conjugate_gradient(my_conjugate_gradient)
problem = SenseOperator(smaps, mask)
zero_filled = problem.adjoint(mask * kspace)
mine = my_conjugate_gradient(problem.normal, zero_filled, 8)
show_images({"truth": image, "zero-filled": zero_filled, "you, 8 steps": mine})

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# The residual is updated, $r - \alpha N d$, and never computed afresh as $b - N x$. The
# two are equal, but the second would apply $N$ again, and $N$ is what costs time.
# </details>
#
# <details><summary>A common mistake</summary>
#
# `(direction * product).sum()` forgets the conjugate. For real numbers nothing happens.
# For complex ones the product may even be zero, and the step lengths are nonsense.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Forty steps on our slice
#
# The library's `cg_sense` runs the same iteration; `cg_sense_iterates` keeps every
# image on the way. We take the maps `smaps`, which go on in the air, so air counts as
# unknown. This makes the scan harder, and shows better what the iteration does.

# %%
predict("more-iterations")

# %%
A = SenseOperator(smaps, mask)
iterates = cg_sense_iterates(A, mask * kspace, n_iterations=40)  # (40, y, x)
zero_filled = A.adjoint(mask * kspace)
panels = {f"iteration {n}": iterates[n - 1] for n in (1, 2, 5, 10, 20, 40)}
show_images({"reference": image, "zero-filled": zero_filled, **panels})

# %% [markdown]
# The first iterate is the zero-filled image times a number: CG had no other direction
# yet. Then ghosts fade: at iteration 2 the second outline is clear, at 5 two arcs of it
# are left, at 10 hardly any. Meanwhile grain comes up: some at iteration 5, and at 40
# it covers the brain.
#
# We follow the error: the norm of the difference of the magnitudes of image and
# reference, in per cent of the norm of the reference. And we repeat the run without
# noise.

# %%
clean = cg_sense_iterates(A, A.forward(image), n_iterations=40)
truths = image.expand_as(iterates)  # (40, y, x): the same reference for each iterate
curves = {
    "with noise": 100 * nrmse(iterates, truths),  # (40,)
    "without noise": 100 * nrmse(clean, truths),
}
plot_lines(range(1, 41), curves, xlabel="iteration", ylabel="error (%)")

# %% [markdown]
# Without noise the error falls as long as we like. With noise it falls, and then rises
# to twice its best value (from 17 % to 34 %). **Semi-convergence** means that an
# iteration on noisy data first comes closer to the truth, and then leaves it again.
#
# How strongly it rises depends on the scan. With maps that are zero in air there are
# fewer unknowns, and less noise comes in late. A folded cell counts in the head alone:

# %% jupyter={"source_hidden": true}
easier = SenseOperator(known, mask)
air_known = cg_sense_iterates(easier, mask * kspace, n_iterations=40)
for name, steps in {"maps go on": iterates, "maps are zero": air_known}.items():
    pixels = steps[:, head]  # (40, pixels): the head as one long row
    pixels = pixels[:, None]  # (40, 1, pixels): 40 images of one row, as nrmse expects
    error = 100 * nrmse(pixels, image[head].expand_as(pixels))
    late = f"at iteration 40 {error[-1]:.0f} %"
    print(f"in air the {name}: error in the head, best {error.min():.0f} %, {late}")

# %% [markdown]
# It rises from 14 % to 24 %, and with maps that are zero in air only from 12 % to 14 %.
#
# Why does it rise at all? Two pixels show it: the similar coils, with 0.6 and 0.4.

# %%
N = similar.T @ similar  # rows (0.52, 0.48) and (0.48, 0.52)
b = N @ truth  # without noise; CG starts at x = 0, with d = r = b
alpha = b.dot(b) / b.dot(N @ b)
first = alpha * b
print("b =", b.numpy().round(2), "and the first step goes to", first.numpy().round(2))
print(f"its sum is {first.sum():.2f}, its difference {first[0] - first[1]:.2f}")

# %% [markdown]
# The true pixels are 1 and 3, with the sum 4 and the difference $-2$. After one step
# the sum is right, and hardly anything of the difference is there. The reason is $N$:
#
# - applied to two equal pixels, $(1, 1)$, it gives $(1, 1)$: the sum is kept;
# - applied to $(1, -1)$ it gives $(0.04, -0.04)$: the difference is multiplied by 0.04.
#
# So $b$, which is $N$ applied to the true pixels, holds the whole sum, and 0.04 times
# the difference. The first step goes along $b$.
#
# And the noise? On paper the solved sum had noise of $1.41\,\sigma$ and the solved
# difference $7.07\,\sigma$. With $\sigma = 0.1$, as in the clouds that we drew, this is
# 0.14 and 0.71. All together:
#
# | | true | $N$ multiplies it by | after step 1 | noise once solved |
# |---|---|---|---|---|
# | sum $x_1 + x_2$ | 4 | 1 | 4.00 | $\pm\,0.14$ |
# | difference $x_1 - x_2$ | $-2$ | 0.04 | $-0.08$ | $\pm\,0.71$ |
#
# The later steps bring in the difference, and with it most of the noise.

# %% [markdown]
# An image has thousands of pixels, and many *combinations* of them, as sum and
# difference are of two. $N$ multiplies some by a number near 1: they are measured well,
# and CG has them after a few iterations. It multiplies others by a number near zero:
# they are measured badly, and come last, with their noise. Stopping early leaves them
# out.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A cost for large values
#
# But when should one stop? To pick the best iteration we needed the true image, which
# nobody has. There is a second way: to make large values cost something.
#
# $$ \text{minimise} \quad \lVert A x - y\rVert^2 + \lambda\,\lVert x\rVert^2
#    \quad\Longrightarrow\quad (N + \lambda I)\,x = b . $$
#
# (The derivative $2\,(N x - b)$ gains $2\lambda x$, and all together is zero.)
#
# The **weight** $\lambda$ of such a penalty says how much a large image costs. Take the
# similar coils again. As in the table, $b$ holds 1 times the sum and 0.04 times the
# difference. $N + \lambda I$ multiplies them by $1 + \lambda$ and $0.04 + \lambda$, and
# solving divides by these. So what comes out is
#
# - $1/(1 + \lambda)$ of the sum: with $\lambda = 0.04$ it is hardly changed;
# - $0.04/(0.04 + \lambda)$ of the difference: with $\lambda = 0.04$ one half is left,
#   and one half of its noise.
#
# We draw it, with three times the noise.

# %%
show_pull(similar, truth, 3 * errors, weights=[0, 0.04, 1])

# %% [markdown]
# Each title tells the typical distance of a dot from the truth (the star). Without
# $\lambda$ the cloud is centred on the truth, and long. With $\lambda = 0.04$ it is
# half as long, and its centre has moved: the two pixels have become more alike. The
# typical distance is smaller all the same. With $\lambda = 1$ even the sum is pulled
# towards zero.
#
# **Regularisation** pulls what is badly measured towards something known, for instance
# by an extra cost. We choose $\lambda$ on *another* head, with noise of its own: six
# weights, forty iterations each (code folded).

# %% jupyter={"source_hidden": true}
other = brain_slices("train", 1, contrast="T1w", shape=SHAPE)[0].to(DEVICE)
other_noise = NOISE_STD * random_complex(N_COILS, *SHAPE, seed=2).to(DEVICE)
other_kspace = A.forward(other) + mask * other_noise
other_error = {}
for weight in (0.0, 0.003, 0.01, 0.03, 0.1, 0.3):
    trial = cg_sense(A, other_kspace, reg_weight=weight, n_iterations=40)
    other_error[weight] = 100 * nrmse(trial, other)
    print(f"λ = {weight:5}: error {other_error[weight]:.0f} %")
best_weight = min(other_error, key=other_error.get)

# %% [markdown]
# The best is 0.03. With it we repeat the forty steps on our slice (code folded).

# %% jupyter={"source_hidden": true}
steady = cg_sense_iterates(A, mask * kspace, n_iterations=40, reg_weight=best_weight)
curves[f"with noise, λ = {best_weight}"] = 100 * nrmse(steady, truths)
plot_lines(range(1, 41), curves, xlabel="iteration", ylabel="error (%)")
panels = {"λ = 0": iterates[-1], f"λ = {best_weight}": steady[-1]}
show_images({"reference": image, **panels}, reference=image, error_gain=3)

# %% [markdown]
# With $\lambda$ the curve falls and stays, at the level of the best iteration: it no
# longer matters when we stop.
#
# The images, both after 40 iterations, show what it costs. Below each image is its
# error, drawn three times brighter than the image. Without $\lambda$ the error is
# grain, most of it in the air beside the head. With $\lambda$ there is less grain, and
# a ghost.

# %% [markdown]
# Why a ghost? If half of the difference is left, a quarter of each pixel lies on the
# other: they are not quite unfolded.
#
# <details><summary>Why a quarter?</summary>
#
# Take the pixels 1 and 3. Their sum is 4, their difference $-2$. If half of the
# difference is left, $-1$, the pixels come out as 1.5 and 2.5. Now
#
# $$ 1.5 = \tfrac34 \cdot 1 + \tfrac14 \cdot 3 , \qquad
#    2.5 = \tfrac14 \cdot 1 + \tfrac34 \cdot 3 . $$
# </details>
#
# In the right error map this is seen where the head is brightest. The skull has become
# a little too dark, which is the ring, and what it lost lies as faint arcs in the
# middle, where it folds to. Grain or ghost, $\lambda$ decides: grain is seen to be
# noise, but a ghost may be taken for anatomy.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
by_cg = cg_sense(SenseOperator(known, combs[2]), combs[2] * kspace, n_iterations=60)
gap = (by_cg - unfolded[2]).abs().max()
claim("CG minus unfolding on a comb, R = 2, largest difference", gap, at_most=1e-3)

slices = brain_slices("test", 20, contrast="T1w", shape=SHAPE).to(DEVICE)
many_noise = NOISE_STD * random_complex(20, N_COILS, *SHAPE, seed=7).to(DEVICE)
many_kspace = A.forward(slices) + mask * many_noise
for weight, bounds in ((0.0, {"at_least": 1.3}), (best_weight, {"at_most": 1.1})):
    steps = cg_sense_iterates(A, many_kspace, n_iterations=40, reg_weight=weight)
    errors_on_the_way = nrmse(steps, slices.expand_as(steps))  # (iterations, slices)
    late = errors_on_the_way[-1] / errors_on_the_way.amin(0)
    claim(f"error at iteration 40 over the best one, λ = {weight}", late, **bounds)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# On a comb CG and unfolding solve the same equations, so they differ by rounding and by
# what 60 iterations leave. For the other two we had seen the curves of the one slice
# above, with ratios of two and of one. The bounds leave room for other slices of the
# head, and were written before those were computed.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## On real data
#
# Here is one measured slice of one person: a T1-weighted brain with four coils.
# It is the course's *development* brain: choices were made while looking at it, so its
# numbers are no test of anything. The maps come from the centre of its k-space, by a
# method that [[coil_calibration]] explains.

# %%
brain = load_real("moco_brain_7ch").to(DEVICE)  # 4 of 7 coils; 3 hear hardly anything
show_smaps(brain.smaps)

# %% [markdown]
# All lines were measured. We leave some out afterwards, so that we know the answer, and
# keep 24 of the 256 in the centre as ACS.
#
# Which $\lambda$? Our 0.03 was found for another scan. Only the noise *relative to the
# image* matters: halve both, and the same $\lambda$ is best. This scan has less noise,
# which asks for a smaller $\lambda$. Its image is darker too, which makes the same
# noise count for more, and asks for a larger one:
#
# $$ \lambda \;\propto\; \frac{\text{variance of the noise}}
#    {\text{mean square of the image}} . $$
#
# The folded cell measures both, and scales our 0.03.
#
# <details><summary>Why these two ratios?</summary>
#
# Take one combination that $N$ multiplies by $\nu$, of size $s$. With $\lambda$ it
# comes out as $\nu/(\nu + \lambda)$ of its size, so it is wrong by
# $\lambda s/(\nu + \lambda)$. Its noise has the variance
# $\nu\sigma^2/(\nu + \lambda)^2$. Together that is
# $(\lambda^2 s^2 + \nu\sigma^2)/(\nu + \lambda)^2$, which is smallest at
# $\lambda = \sigma^2/s^2$, whatever $\nu$ is. The combinations that coils know badly
# are mostly fine detail and smaller than the typical pixel, so the $\lambda$ that we
# found, 0.03, is larger than the noise variance over the mean square of the image. That
# is $2 \cdot 0.02^2 = 0.0008$ (real and imaginary part together) over 0.289, or 0.0028:
# ours is eleven times as large. But it should grow and shrink with it.
# </details>

# %% jupyter={"source_hidden": true}
brain_noise = noise_level(brain.kspace, brain.mask).item()  # estimated from k-space
inside = rss(brain.smaps) > 0  # where there are maps
power = image[head].abs().square().mean().item()
brain_power = brain.reference[inside].abs().square().mean().item()
noise_ratio = (brain_noise / NOISE_STD) ** 2
power_ratio = brain_power / power
BRAIN_WEIGHT = best_weight * noise_ratio / power_ratio
print(f"noise {brain_noise:.4f}, not {NOISE_STD}: variance × {noise_ratio:.3f}")
print(f"mean square {brain_power:.3f}, not {power:.3f}: × {power_ratio:.2f}")
print(f"λ = {best_weight} × {noise_ratio:.3f} / {power_ratio:.2f} = {BRAIN_WEIGHT:.3f}")
for R in RATES:
    net = acceleration_of(equispaced_mask(brain.shape[0], R, acs=24))
    print(f"R = {R} and an ACS of 24 of {brain.shape[0]} lines: one in {net:.1f}")

# %% [markdown]
# The reference is the root sum of squares (`rss`) of all coil images, from all lines. A
# zero-filled image is darker, since lines are missing. So that we compare fairly, each
# image is multiplied by the one number that brings it closest to the reference. The
# function `compare` (folded) does this for three images: zero-filled, by CG without
# $\lambda$, and with it. CG runs for 200 iterations, long enough to solve the equation.
# The PSNR counts the pixels inside the head only.
#
# <details><summary>Why not the whole picture?</summary>
#
# In air the three images are zero, since the maps are. The reference is not: a root sum
# of squares of noise is never zero. That difference says nothing about the head.
# </details>

# %%
predict("real-four")


# %% jupyter={"source_hidden": true}
def compare(scan, R):
    """Three images, (y, x), from every R-th line and an ACS of 24 lines."""
    kept = scan.undersample(equispaced_mask(scan.shape[0], R, acs=24))
    A = SenseOperator(kept.smaps, kept.mask)
    images = {
        "zero-filled": A.adjoint(kept.kspace),
        "λ = 0": cg_sense(A, kept.kspace, n_iterations=200),
        "with λ": cg_sense(A, kept.kspace, n_iterations=200, reg_weight=BRAIN_WEIGHT),
    }
    full = rss(ifft2c(scan.kspace))  # the reference
    return {name: best_scale(x.abs(), full) for name, x in images.items()}


middle = (slice(75, 175), slice(55, 155))  # rows and columns that are drawn

# %%
reference = rss(ifft2c(brain.kspace))
results = {f"R = {R}": compare(brain, R) for R in RATES}
show_comparison(reference, results, view=middle, inside=inside)

# %% [markdown]
# The middle of the head is drawn; the decibels are of all of it.
#
# At $R = 2$ the brain looks untouched, and at $R = 3$ a little grain appears. At
# $R = 4$ it works and it is noisy, which answers the prediction: without $\lambda$ the
# image has 28.2 dB, 8.5 dB less than at $R = 3$ (36.7 dB). Away from the ACS four coils
# face four unknowns, and nothing is averaged. With $\lambda$ the image has 32.9 dB: of
# the 8.5 dB, 4.7 come back.
#
# The price is seen in the last panel: a double arc, light and dark, crosses the top,
# where the zero-filled image has one too. It is the rest of a ghost. (Part of it
# may come from maps that do not quite fit; they are measured themselves.)
#
# Would CG without $\lambda$ have been better, had we stopped it earlier? We count (code
# folded).

# %% jupyter={"source_hidden": true}
kept = brain.undersample(equispaced_mask(brain.shape[0], 4, acs=24))
A_brain = SenseOperator(kept.smaps, kept.mask)
for weight in (0.0, BRAIN_WEIGHT):
    options = {"n_iterations": 200, "reg_weight": weight}
    steps = cg_sense_iterates(A_brain, kept.kspace, **options)  # (200, y, x)
    for n in (5, 10, 30, 100, 200):
        scaled = best_scale(steps[n - 1].abs(), reference)
        decibels = psnr(scaled, reference, inside=inside)
        print(f"R = 4, λ = {weight:.3f}, iteration {n:3}: {decibels:.1f} dB")

# %% [markdown]
# Yes: after 5 iterations it has 32.5 dB, nearly as much as with $\lambda$. Then it
# falls, to 28.6 dB after 30 and 28.2 dB from 100 on. So a number without $\lambda$ is
# to be read with its iteration. And only the reference tells that 5 is a good choice.
# With $\lambda$ it is 32.9 dB from 30 on, whenever we stop.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for direction, scan in {"rows": brain, "columns": turned(brain)}.items():
    full = rss(ifft2c(scan.kspace))
    gains = []
    in_head = rss(scan.smaps) > 0
    for R in RATES:
        images = compare(scan, R)
        with_weight = psnr(images["with λ"], full, inside=in_head)
        zeros = psnr(images["zero-filled"], full, inside=in_head)
        gains.append(with_weight - zeros)
    claim(
        f"development brain, {direction} left out: CG with λ over zero-filled",
        torch.tensor(gains),
        at_least=2,
        unit="dB",
        samples="accelerations, 2 to 4",
    )

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 3.3 · Go further: two coils are enough, but which?  (★★☆, about 8 min)
#
# Two unknowns need two coils. Find the pair of coils with the lowest median $g$ at
# $R = 2$. `g_factor(smaps[[0, 3]], 2)` gives $g$ of coils 0 and 3 alone, shape (y, x).
# It is 0 where the maps are zero; leave those pixels out.
#
# It is not documented along which axis the scanner could have left out lines. We left
# out rows of k-space. Would columns need another pair? `turned` exchanges the axes.
#
# <details><summary>Hint 1: the median of one pair</summary>
#
# `g = g_factor(smaps[[first, second]], 2)`, then `g[g > 0].median()`.
# </details>
#
# <details><summary>Hint 2: all pairs</summary>
#
# Two nested loops: `first` over all coils, `second` from `first + 1` on. Remember the
# lowest median so far and its pair.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_best_pair(smaps):
    """The two coils with the lowest median g at R = 2: (coils, y, x) -> two numbers."""
    ### BEGIN SOLUTION
    lowest = float("inf")
    for first in range(len(smaps)):
        for second in range(first + 1, len(smaps)):
            g = g_factor(smaps[[first, second]], 2)
            median = g[g > 0].median()
            if median < lowest:
                lowest = median
                best_pair = (first, second)
    return best_pair
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Your function chooses on the measured maps, on the same maps with
# their axes exchanged, and on six other coils. Then we draw $g$ of your pairs beside
# that of coils 1 and 2. Where the partner of a pixel lies in air, $g$ is 1.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_best_pair(my_best_pair, brain.smaps)
panels = {}
for direction, maps in {"rows": brain.smaps, "columns": turned(brain).smaps}.items():
    for pair in (my_best_pair(maps), (1, 2)):
        coils = [int(coil) for coil in pair]
        g_pair = g_factor(maps[coils], 2)
        median = g_pair[g_pair > 0].median()
        title = f"{direction} left out, coils {coils}: median g {median:.2f}"
        drawn = g_pair if direction == "rows" else g_pair.mT
        panels[title] = drawn.where(drawn > 0, torch.nan)
show_images(panels, window=(1, 2), label="g", cmap="viridis")

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it, and explain.** (1) Coils 1 and 2 are quite good when rows are left out,
# and the worst pair of all when columns are. Which pixels fold together in each case,
# and what do the two coils hear of them? (2) Draw coils 0 and 1 instead, in the check
# cell. For which direction are they better, and why? (3) What should the builder of a
# coil array know about the scan?
#
# *Your answer:* (click here and write)

# %% tags=["solution"]
for direction, maps in {"rows": brain.smaps, "columns": turned(brain).smaps}.items():
    for pair in ([0, 1], [1, 2]):
        g_pair = g_factor(maps[pair], 2)
        print(f"{direction} left out, coils {pair}: {g_pair[g_pair > 0].median():.2f}")

# %% [markdown] tags=["solution"]
# (1) When rows are left out, pixels fold that lie above one another. When columns are
# left out, pixels fold that lie side by side. Coils 1 and 2 sit on the same side of the
# head, one above the other: they tell above from below, but hear left and right in
# nearly the same proportion.
#
# (2) Coils 0 and 1 sit beside one another. They are the worst pair for rows (1.21), and
# quite good for columns (1.11).
#
# (3) The direction in which lines will be left out: coils help only along a direction
# in which they differ.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %% jupyter={"source_hidden": true}
for R in RATES:
    times = R**0.5 * g[R][head].median()
    error = 100 * nrmse(unfolded[R], image)
    print(f"unfolded, R = {R}: {times:.1f} times the noise, error {error:.0f} %")
for name, curve in curves.items():
    print(f"CG {name}: best {curve.min():.0f} %, at iteration 40 {curve[-1]:.0f} %")
print("(CG with maps that go on in the air, unfolding with maps that are zero there)")

# %% [markdown]
# - **Unfold.** Pixels that fold together are a few unknowns, and every coil gives an
#   equation. SENSE solves them, group by group.
# - **Noise.** The price is $g\sqrt R$. $g$ grows where coils see the folded pixels
#   alike, and can be computed before the scan.
# - **Conjugate gradients.** The residual is what is left to explain; a conjugate
#   direction improves it and spoils nothing. This works for any mask.
# - **Stopping.** Late iterations fit noise. Stop early, or choose a $\lambda$ on other
#   data.
#
# Where do the maps come from? That is [[coil_calibration]]. And does an image have no
# better property than being small? That is [[compressed_sensing]].

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Pruessmann et al., MRM 42:952, 1999, [SENSE](https://doi.org/10.1002/%28SICI%291522-2594%28199911%2942:5%3C952::AID-MRM16%3E3.0.CO;2-S):
#   unfolding and the g-factor, in its first form.
# - Pruessmann et al., MRM 46:638, 2001, [10.1002/mrm.1241](https://doi.org/10.1002/mrm.1241):
#   SENSE for any trajectory, by conjugate gradients.
# - Robson et al., MRM 60:895, 2008, [10.1002/mrm.21728](https://doi.org/10.1002/mrm.21728):
#   noise by pseudo-replicas, for any linear reconstruction.
# - Hestenes and Stiefel, J Res Natl Bur Stand 49:409, 1952, [10.6028/jres.049.044](https://doi.org/10.6028/jres.049.044):
#   conjugate gradients, by their inventors.
