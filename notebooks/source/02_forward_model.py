# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 2 · The forward model
#
# **You will be able to**
# - build $A = M F S$ factor by factor, derive its adjoint, and show with one number that the two belong together;
# - predict from a sampling pattern where aliases land, and why random patterns have none that stand out;
# - say what skipping lines costs in signal-to-noise ratio;
# - write $A$ for radial and spiral MRI, for CT, for a moving object, and for tasks beyond undersampling.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[kspace]] | about 20 s | a real brain with simulated scalp, contrast, coils and noise; a drawn heart; two scans |

# %% slideshow={"slide_type": "skip"}
import torch

from mricourse import SenseOperator, claim, device, dot_test, fft2c, fftc, ifft2c, random_complex, your_turn
from mricourse.datasets import load_real
from mricourse.physics import (
    NufftOperator,
    RadonOperator,
    acceleration_of,
    equispaced_mask,
    point_spread,
    poisson_disc_mask,
    variable_density_mask,
)
from mricourse.plotting import explore, plot_lines, show_images, show_kspace, show_mask
from mricourse.simulate import beating_phantom, brain_slices, simulate_coils

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
NY, NX, R, NOISE_STD = 180, 151, 4, 0.01  # pixels; acceleration; noise per real and imaginary part (brightest pixel 1)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## From image to measurement
#
# Reconstruction asks which image explains the data. To answer we need the way from an image to its data, the
# **forward model**
# $$y = A x + n, \qquad A = M F S .$$
# The image $x$ is complex. $S$ multiplies it by the **sensitivity map** of each coil: how strongly, and with which
# phase, it hears each pixel. $F$ is the centred orthonormal Fourier transform of [[kspace]]. $M$ keeps the samples that
# were measured. The noise $n$ is complex Gaussian, independent from sample to sample and from coil to coil. (Real coils
# share some noise, which can be undone.)

# %% slideshow={"slide_type": "subslide"}
heads = brain_slices("test", 20, shape=(NY, NX)).to(DEVICE)  # (slices, y, x), complex
image = heads[12]
smaps = simulate_coils(4, (NY, NX), seed=1).to(DEVICE)
coil_images = smaps * image  # S: (coils, y, x)
noise = NOISE_STD * random_complex(4, NY, NX).to(DEVICE)
full_kspace = fft2c(coil_images) + noise  # F, and noise: (coils, ky, kx)
comb = equispaced_mask(NY, R, acs=0).to(DEVICE)  # M: (ky, 1)
A = SenseOperator(smaps, comb)
torch.testing.assert_close(comb * fft2c(coil_images), A.forward(image))
show_images([image, *coil_images[:3]], ["image x", "coil 0: S₀ x", "coil 1: S₁ x", "coil 2: S₂ x"])
show_kspace({"coil 0, all lines": full_kspace[0], "coil 0, every fourth": (comb * full_kspace)[0]})

# %% [markdown]
# Our product equals the library's `SenseOperator`, used from here on. As a matrix $A$ would have some 27,000 rows and
# as many columns. We only apply it.
#
# Each $k_y$ line costs one repetition time ([[kspace]]). So one line in $R$ makes the scan $R$ times as fast: $R$ is
# the **acceleration**.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The adjoint, and the test that convicts
#
# The **adjoint** $A^H$ is the operator with $\langle A u, v\rangle = \langle u, A^H v\rangle$ for all $u$ and $v$. It
# takes the factors in reverse order, each replaced by its own adjoint:
# $$A^H = S^H F^H M .$$
# $M$ is real and diagonal, its own adjoint. $F$ is orthonormal, so $F^H = F^{-1}$. $S^H$ multiplies each coil image by
# the *conjugate* map and sums over the coils. The image $A^H y$ is called **zero-filled**.
#
# Why insist? $\frac12\lVert A x - y\rVert^2$ falls fastest in the direction $A^H(y - A x)$, and iterative solvers
# build their steps from it. With a wrong adjoint nothing crashes; the solver ends at another image. The **dot test**
# draws random $u$ and $v$ and compares the two sides.


# %% slideshow={"slide_type": "subslide"}
class NoConjugate(SenseOperator):
    def adjoint(self, kspace):
        return (self.smaps * ifft2c(self.mask * kspace)).sum(dim=-3)


mismatch, wrong = (dot_test(each, (NY, NX), device=DEVICE) for each in (A, NoConjugate(smaps, comb)))
print(f"mismatch {mismatch:.0e}, without the conjugate {wrong:.0e}")

# %% [markdown]
# An exact pair agrees to rounding, below $10^{-15}$ in double precision. The wrong one is far below 1 too, because long
# random vectors are nearly perpendicular. The gap convicts it.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 2.1 · the adjoint  (★☆☆, about 10 min)
# Apply the mask, return to image space, combine the coils. *Hint:* read $S^H F^H M$ from right to left.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_adjoint(kspace, smaps, mask):
    """Apply $A^H$: kspace (..., coils, ky, kx), smaps (coils, y, x), mask (ky, 1) or (ky, kx) -> (..., y, x)"""
    ### BEGIN SOLUTION
    coil_images = ifft2c(mask * kspace)
    return (smaps.conj() * coil_images).sum(dim=-3)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The property that defines an adjoint, on odd and unequal sizes and for two frames at once.

# %% tags=["check"] slideshow={"slide_type": "skip"}
odd = SenseOperator(simulate_coils(3, (31, 24), seed=2), variable_density_mask(31, 3, acs=5))
u, v = random_complex(31, 24), random_complex(2, 3, 31, 24, seed=1)  # two frames of data
mine = my_adjoint(v, odd.smaps, odd.mask)
assert mine.shape == (2, 31, 24), f"got shape {tuple(mine.shape)}; expected (2, 31, 24): coils are axis -3"
left, right = (odd.forward(u).conj() * v).flatten(1).sum(dim=1), (u.conj() * mine).flatten(1).sum(dim=1)
assert torch.allclose(left, right, atol=1e-3), f"<Au, v> is {left[0]:.2f}, <u, my_adjoint(v)> is {right[0]:.2f}"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why the mask again, on data that are zero there anyway?* The definition holds for all $v$, and solvers apply $A^H$ to
# more than data. *Common mistake:* no conjugate. Then the coil phases add up instead of cancelling, and the coils
# extinguish each other in places.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which samples to skip
#
# With one uniform coil, $A^H A = F^H M F$ is a circular convolution of the image with the **point spread** $p$, times
# the share of samples. $p$ is the image of a single point: the inverse transform of the mask, scaled to 1 at the
# centre. The transform of a comb is a comb. With lines $R$ apart, $p$ has $R$ equal peaks, one $R$-th of the field of
# view (FOV) apart.
#
# **Predict.** $R = 4$, 180 pixels. How many copies of the head overlap, and how far are they shifted? Which of the
# patterns below gives no visible copies?

# %% slideshow={"slide_type": "subslide"}
masks = {"equispaced": comb, "var. density": variable_density_mask(NY, R, acs=16).to(DEVICE)}
masks["Poisson disc"] = poisson_disc_mask((NY, NX), R, acs=16).to(DEVICE)
show_mask({**masks, "comb and ACS": equispaced_mask(NY, R, acs=24)}, n_readout=NX)

# %% [markdown]
# All four were asked for $R = 4$. The titles give the *realised* acceleration, positions over samples. A fully
# sampled centre, the **ACS** (autocalibration signal), comes on top of an equispaced comb and lowers $R$; random
# patterns keep to their budget. Report the realised number. The Poisson disc skips in two directions, which takes two
# phase encodes as in a 3-D scan: read its $k_x$ as the second one.

# %% slideshow={"slide_type": "subslide"}
zero_filled = {name: SenseOperator(smaps, mask).adjoint(full_kspace) for name, mask in masks.items()}
show_images({"reference": image, **zero_filled}, reference=image)
spread = {name: point_spread(mask)[:, mask.shape[1] // 2].abs() for name, mask in masks.items()}
decibels = {name: (20 * line.log10()).clamp(-50) for name, line in spread.items()}
plot_lines(torch.arange(NY) - NY // 2, decibels, xlabel="pixels from the point", ylabel="point spread (dB, cut at -50)")

# %% [markdown]
# Four heads, 45 pixels apart, each weighted by what the coils see of it. The other patterns smear their aliases over
# the image, where they resemble noise: they are **incoherent**. (They also blur, as they sample the edge of k-space
# thinly or not at all.) To measure the ghosts we ask at which shift the edges of the true image are seen again.


# %% slideshow={"slide_type": "fragment"}
def ghost_distance(seen, image):
    """Shift along y, 10 pixels or more, at which the edges of the complex image (y, x) are seen best."""
    seen, edges = (torch.fft.fft(x - x.roll(1, dims=0), dim=0) for x in (seen, image))  # complex: aliases add up so
    return 10.0 + int(torch.fft.ifft(seen * edges.conj(), dim=0).sum(dim=1).abs()[10 : len(image) // 2 + 1].argmax())


ghosts = torch.tensor([ghost_distance(A.adjoint(A.forward(head)), head) for head in heads])
claim("ghosts of the image lie FOV/R away", ghosts, at_least=NY / R, at_most=NY / R, unit="pixels")
gaps = (spread["equispaced"] > 0.999).nonzero()[:, 0].diff().double()
claim("peaks of the comb's point spread, pixels apart", gaps.mean(), at_least=NY / R, at_most=NY / R)

# %% [markdown]
# For $m$ uniformly random samples theory gives side lobes of root mean square $\sqrt{(1 - 1/R)/m}$: $-18$ dB for 45
# lines, $-40$ dB for some 6800 points. The highest of many lobes is 7 to 10 dB above. Ours are not uniform: they are
# dense in the centre and thin outside. The energy of all lobes together depends on $m$ alone, but ours keep more of it
# beside the main lobe, so far lobes lie lower than the formula says: it is a guide, on the safe side. With a margin we
# claim a **peak side lobe** at least 6 dB (lines) and 20 dB (points) below the comb's, which is 0 dB.


# %% slideshow={"slide_type": "fragment"}
def side_lobe_db(mask):
    """Largest point spread outside the main lobe, which is NY / 16 = 11 pixels wide to each side."""
    lobes, column = point_spread(mask.to(DEVICE)).abs(), mask.shape[1] // 2
    lobes[NY // 2 - 11 : NY // 2 + 12, max(column - 11, 0) : column + 12] = 0
    return 20 * lobes.max().log10()


lines = torch.stack([side_lobe_db(variable_density_mask(NY, R, acs=16, seed=seed)) for seed in range(20)])
below, points_below = side_lobe_db(comb) - lines, side_lobe_db(comb) - side_lobe_db(masks["Poisson disc"])
claim("variable density: peak side lobe below the comb's", below, at_least=6, unit="dB", samples="masks")
claim("Poisson disc: peak side lobe below the comb's", points_below, at_least=20, unit="dB")

# %% [markdown] slideshow={"slide_type": "slide"}
# **Try it.** Which pattern keeps the outline of the head longest as $R$ grows? What happens to the comb at $R = 7$,
# which does not divide 180?


# %%
def look(acceleration=4, pattern="equispaced"):
    """Zero-filled image and point spread along y."""
    mask = (equispaced_mask if pattern == "equispaced" else variable_density_mask)(NY, acceleration, acs=0)
    seen = SenseOperator(smaps, mask).adjoint(full_kspace)
    return {f"realised R = {acceleration_of(mask):.2f}": seen, "point spread": point_spread(mask).expand(NY, NX)}


explore(look, acceleration=(1, 8), pattern=["equispaced", "variable density"])

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Variable density* keeps the outline, which lives at low frequencies. At $R = 7$ the 26 lines of the comb are still
# seven apart, but 180/7 is no whole number of pixels: the peaks fall between pixels and lose height.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 2.2 · the point spread  (★★☆, about 10 min)
# Compute the image of a point under a mask, scaled to 1 at the centre. *Hint:* what is the
# k-space of a point in the centre of the image?


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_point_spread(mask):
    """mask (ky, 1) or (ky, kx), bool -> complex of the same shape, 1 at index (ky // 2, kx // 2)"""
    ### BEGIN SOLUTION
    spread = ifft2c(mask.to(torch.complex64))
    return spread / spread[mask.shape[0] // 2, mask.shape[1] // 2]
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A point anywhere is seen as the point spread moved there, times the share of samples.

# %% tags=["check"] slideshow={"slide_type": "skip"}
mask, point = variable_density_mask((31, 24), 3, acs=4), torch.zeros(31, 24)
point[20, 5] = 1
moved = mask.float().mean() * my_point_spread(mask).roll((20 - 15, 5 - 12), dims=(0, 1))
assert moved.shape == (31, 24), f"got shape {tuple(moved.shape)}; expected that of the mask, (31, 24)"
assert (moved - ifft2c(mask * fft2c(point))).abs().max() < 1e-4, "not a point at (20, 5): is yours 1 at index (15, 12)?"
assert (my_point_spread(comb) - point_spread(comb)).abs().max() < 1e-4, "wrong for lines, (ky, 1)"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why does one point tell all?* $F^H M F$ treats all positions alike, so every image is a sum of moved point spreads.
# *Common mistake:* taking the magnitude. Side lobes are complex; where those of two points meet, they interfere.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two consequences: speed and noise
#
# **Speed.** `fft2c` shifts data before and after each transform. A circular convolution commutes with circular shifts,
# so in $F^H M F$ they cancel once the *mask* is shifted. An axis without gaps cancels too, as $F_x^H F_x = 1$. The
# library's `A.normal`, which is $A^H A$, uses both.
#
# **Noise.** $F^H$ is orthonormal, so white noise in k-space is white in the image, of the same standard deviation.
# With one sample in $R$, the signal falls by $R$ and the noise by $\sqrt R$. Scaled back to full signal, noise has
# *grown* by $\sqrt R$.

# %% slideshow={"slide_type": "fragment"}
difference = (A.normal(image) - A.adjoint(A.forward(image))).abs().max()
claim("normal, without shifts, minus adjoint(forward): largest value", difference, at_most=1e-5)
noise = NOISE_STD * random_complex(20, NY, NX, seed=3).to(DEVICE)  # 20 repeated scans of nothing
growth = (R * ifft2c(comb * noise)).std() / ifft2c(noise).std()
claim("noise at full signal grows by sqrt(R) = 2", growth, at_least=1.98, at_most=2.02)

# %% [markdown]
# No unbiased reconstruction from these data alone escapes this price, and unfolding the copies adds to it ([[sense]]).
# A prior on the image can buy it back ([[compressed_sensing]] and later).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Off the grid: radial and spiral
#
# A scanner can steer through k-space along any smooth curve. $F$ then becomes a sum over the $N$ pixels, with $r$ in
# pixels and $k_j$ in cycles per pixel,
# $$y_c(k_j) = \frac{1}{\sqrt N}\sum_r S_c(r)\,x(r)\,e^{-2\pi i\,k_j\cdot r} ,$$
# which the **non-uniform FFT** (NUFFT) evaluates fast, to a chosen accuracy. Its adjoint is no inverse even when
# nothing is skipped, because samples crowd where spokes meet, as $1/|k|$. **Density weights** $W$, the k-space area
# that each sample stands for, correct that: $A^H W y$.
#
# **Predict.** What does $A^H y$ look like without weights? What replaces the ghosts when most spokes are missing?

# %% slideshow={"slide_type": "subslide"}
from mricourse.physics import kt_mask, radial_trajectory, spiral_trajectory

nuffts = {f"{n} spokes": NufftOperator(radial_trajectory(n, 360, golden=False), smaps) for n in (283, 45)}
nuffts["spiral"] = NufftOperator(spiral_trajectory(12, 2400, n_turns=8), smaps)
gridded = {name: nufft.adjoint(nufft.density_weights() * nufft.forward(image)) for name, nufft in nuffts.items()}
blur = nuffts["283 spokes"].normal(image)  # no weights
show_images({"no weights": blur / blur.abs().max(), **gridded}, reference=image)

# %% [markdown]
# (No noise here.) Without weights, low frequencies count too often: a blur. Missing spokes give
# streaks: radial sampling is incoherent too. 45 spokes take as long as 45 lines: $R = 4$ in time. Spokes that are
# Nyquist-close at their ends are $\pi/2$ times as many as lines, 283 for 180: $R = 6.3$ in sampling. Papers use both.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## CT measures radial k-space
#
# A CT scanner measures line integrals (of attenuation, after a logarithm). With parallel rays its $A$ is the **Radon
# transform**, one projection for each view angle. The **Fourier slice theorem**: the 1-D transform of a projection
# equals the 2-D transform of the image on the spoke of that angle. So CT and radial MRI sample alike. **Predict** which
# curve a point draws in the stack of projections.

# %% slideshow={"slide_type": "subslide"}
radon = RadonOperator(torch.arange(90, device=DEVICE) * torch.pi / 90, (NY, NX))
sinogram = radon.forward(image.abs())
uniform = torch.ones(1, NY, NX, dtype=torch.complex64, device=DEVICE)  # one uniform coil
spokes = NufftOperator(radial_trajectory(90, radon.n_detectors, golden=False), uniform).forward(image.abs())
spokes = spokes.reshape(sinogram.shape) * (NY * NX / radon.n_detectors) ** 0.5  # both transforms are orthonormal
point = 50.0 * (torch.arange(NY * NX, device=DEVICE).view(NY, NX) == 60 * NX + 40)
show_images({"90 projections, one a row": sinogram, "of one point": radon.forward(point)}, label="line integral")
error = (fftc(sinogram) - spokes).norm() / spokes.norm()
claim("transformed projections equal the spokes: relative difference", error, at_most=0.05)

# %% [markdown]
# Half a sine wave, hence *sinogram*. The bound of 5 % leaves room for the detector, whose bins share each pixel by
# linear interpolation.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A moving object: k-t sampling
#
# A heart does not wait for all lines. **k-t sampling** measures a comb in each time frame and moves it on by one line
# from frame to frame, so that $R$ frames together cover k-space. $A$ is the same; $M$ has a frame axis. Moving the comb
# by one line multiplies ghost $m$ by $e^{2\pi i m/R}$: the ghosts rotate in time. **Predict** what is left of them in
# the temporal average.

# %% slideshow={"slide_type": "subslide"}
beating = beating_phantom(24, (NY, NX)).to(DEVICE)  # (frames, y, x), one beat
kt = SenseOperator(uniform, kt_mask(24, NY, R))  # mask (frames, 1, ky, 1)
series = kt.normal(beating)  # zero-filled frames
panels = [beating[0], series[0], series[1], R * series.mean(dim=0)]
show_images(panels, ["frame 0", "seen, R = 4", "next, R = 4", "R × average"], reference=beating[0], scores=False)
error = (R * series - beating).mean(dim=0).norm() / beating.mean(dim=0).norm()
claim("no ghosts in the temporal average: relative difference", error, at_most=0.02)

# %% [markdown]
# In frame 1 the turned ghosts add up to less, in the average they cancel. In temporal frequency those of the still
# chest sit at $m/R$ per frame, the chest itself at zero: there k-t methods separate them.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One equation, many tasks
#
# | task | $A$ |
# |---|---|
# | undersampled Cartesian (equispaced, variable density, k-t) | $M F S$; fully sampled: $F S$ |
# | radial, spiral | non-uniform $F$, times $S$ |
# | CT | Radon transform |
# | denoising | 1: all is measured, but $n$ is large |
# | sharpening | $F^H B F$, where the filter $B$ weakens high frequencies |
# | super-resolution | $M$ keeps only the centre of k-space |
# | motion artefacts (shifts) | each line has a phase of its own, from the shift at its time |
# | ghosts of echo-planar imaging, a hardware artefact | odd and even lines differ by a phase |
#
# The last five are enhancement tasks: the same theory, another $A$ or another $n$. An unknown $A$, as with motion, has
# to be estimated too. Every operator of this lesson passes the dot test.

# %% slideshow={"slide_type": "fragment"}
for name, operator in {"Cartesian": A, "Radon": radon, **nuffts}.items():
    claim(f"dot test, {name}", dot_test(operator, (NY, NX), device=DEVICE), at_most=1e-12)
claim("dot test, k-t", dot_test(kt, (24, NY, NX), device=DEVICE), at_most=1e-12)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 2.3 · Go further: the non-uniform transform  (★★★, optional, about 15 min)
# Evaluate the sum of *Off the grid* by its definition, for one uniform coil. *Hint:* pixel $(i, j)$ lies at
# $r = (i - \lfloor n_y/2\rfloor, j - \lfloor n_x/2\rfloor)$; list all positions with `torch.cartesian_prod`.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_nufft(image, trajectory):
    """image (y, x), trajectory (samples, 2) as (ky, kx) in cycles per pixel -> complex (samples,)"""
    ### BEGIN SOLUTION
    positions = torch.cartesian_prod(*(torch.arange(n) - n // 2 for n in image.shape)).float()  # (pixels, 2)
    return torch.exp(-2j * torch.pi * (trajectory @ positions.T)) @ image.flatten() / image.numel() ** 0.5
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** On the points of the Cartesian grid the sum is the FFT; between them it is the library's.

# %% tags=["check"] slideshow={"slide_type": "skip"}
tiny, between = random_complex(7, 6, seed=4), NufftOperator(spiral_trajectory(3, 20), torch.ones(1, 7, 6) + 0j)
grid = torch.cartesian_prod((torch.arange(7) - 3) / 7, (torch.arange(6) - 3) / 6)
assert (my_nufft(tiny, grid) - fft2c(tiny).flatten()).abs().max() < 1e-4, "on the grid not fft2c: sign, origin, scale?"
assert (my_nufft(tiny, between.trajectory) - between.forward(tiny)[0]).abs().max() < 1e-3, "wrong off the grid"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why not always like this?* It costs samples times pixels, almost three billion exponentials for our 283 spokes; the
# non-uniform FFT costs as much as a few FFTs. *Common mistake:* the origin at the first pixel. That multiplies the data
# by a phase ramp, which no magnitude shows.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## On real data
#
# The first brain (256 lines) was published as complete complex coil images; we transform them and leave lines out.
# Coils, phase and noise are real. Along which axis its phase encode ran is not documented: we leave out rows. The
# second was measured with a Poisson disc: nobody knows the full data, and the mask is read off the empty samples; it
# leaves out the corners too. Each is one slice of one person.

# %% slideshow={"slide_type": "subslide"}
brain, other = load_real("moco_brain_7ch").to(DEVICE), load_real("sigpy_brain_8ch")
combed = SenseOperator(brain.smaps, equispaced_mask(brain.shape[0], R, acs=0)).adjoint(brain.kspace)
sparse = SenseOperator(brain.smaps, variable_density_mask(brain.shape[0], R, acs=24)).adjoint(brain.kspace)
show_images([brain.reference, combed, sparse], ["all lines", "comb", "var. density"], reference=brain.reference)
claim("pixels to the ghosts, measured brain", ghost_distance(combed, brain.reference), at_least=64, at_most=64)
show_mask({"measured mask": other.mask, "ours": poisson_disc_mask(other.shape, acceleration_of(other.mask))})

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - $A = M F S$ and $A^H = S^H F^H M$: factors in reverse order, the conjugate on the maps. Six operators passed the dot
#   test to rounding.
# - A comb's ghosts lie FOV/R away, on the point spread, on 20 slices and on a real brain. Random patterns spread their
#   aliases; the claims give the peak side lobes.
# - Skipping costs $\sqrt R$ in signal-to-noise ratio (SNR) before any unfolding.
# - Radial, spiral, CT, k-t and the enhancement tasks differ in $A$ or $n$; the Fourier slice theorem links two of them.
#
# ## Further reading
#
# - Pruessmann et al., Magn Reson Med 2001, [10.1002/mrm.1241](https://doi.org/10.1002/mrm.1241): $A$ and $A^H$ for any
#   trajectory, and the iteration that inverts them.
# - Lustig et al., Magn Reson Med 2007, [10.1002/mrm.21391](https://doi.org/10.1002/mrm.21391): incoherence, point
#   spread and variable density.
# - Tsao et al., Magn Reson Med 2003, [10.1002/mrm.10611](https://doi.org/10.1002/mrm.10611): k-t sampling in the space
#   of position and temporal frequency.
# - Barnett et al., SIAM J Sci Comput 2019, [10.1137/18M120885X](https://doi.org/10.1137/18M120885X): how the
#   non-uniform FFT that we call works, and how accurate it is.
