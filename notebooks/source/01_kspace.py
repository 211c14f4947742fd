# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 1 · k-space and the image
#
# **You will be able to**
# - write the Fourier transform that links an image to its k-space, right for odd sizes too;
# - predict what an image loses when a part of its k-space is missing;
# - measure how far a scan is from conjugate symmetry, and say why;
# - say what noise in k-space does to a magnitude image.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | complex numbers, basic Python | < 30 s | a real head with simulated phase, coils and noise; three measured scans |

# %% [markdown] slideshow={"slide_type": "notes"}
# **This course** goes from the raw signal of an MRI scanner to networks that turn it into an image.
# Run each cell with Shift+Enter. At **predict**, answer first, then run. An **exercise** is a function to
# fill in; the cell below it **checks** your answer and says what is wrong. Nothing later needs it. **Solutions**
# are in `solutions`. A line with a ✔ is a **claim**: the notebook measured that number, and stops if it
# does not hold. `[1.5, 2.1], bootstrap over 24 slices of one head` says where the mean of more slices of that head
# would probably lie (95 %). It does not speak of other heads.

# %% slideshow={"slide_type": "skip"}
import torch

from mricourse import claim, device, fft2c, fftc, ifft2c, ifftc, random_complex, your_turn
from mricourse.datasets import load_real
from mricourse.physics import acs_mask, equispaced_mask, partial_fourier_mask
from mricourse.plotting import MaskPainter, plot_lines, show_images, show_kspace, show_phase
from mricourse.simulate import brain_slices, contrast_scan

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one: images, k-space and masks go there
ny, nx = SHAPE = 207, 185  # pixels of 1 mm: the field of view is 207 mm x 185 mm

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What a scanner measures
#
# A scanner has no lens. A radio pulse tips the magnetisation of a slice; what then rotates about the main field, the
# **transverse magnetisation** $m(y,x)$, induces *one* voltage in the receive coil, a sum over the whole slice. To
# tell places apart, gradients of the field first turn it by an angle that grows with position, a **phase ramp**:
#
# $$s(k_y,k_x)=\frac{1}{\sqrt{n_y n_x}}\sum_{y,x} m(y,x)\,e^{-2\pi i\,(k_y y/n_y+k_x x/n_x)}$$
#
# Here $y$ and $x$ count pixels from the centre of the field of view (FOV); $k_y$ and $k_x$ count the turns of the ramp
# across it, in **cycles per FOV**. All samples together are **k-space**. They are complex,
# since the receiver records the in-phase and the 90° component of the voltage.

# %% [markdown] slideshow={"slide_type": "subslide"}
# One **readout** records a line along $k_x$ in a few milliseconds. The ramp along $y$, the **phase encode**,
# changes from line to line, in the plainest sequence once per repetition time TR. Such a scan takes $n_y$ TR, so
# this course leaves out $k_y$ lines and never $k_x$ samples.
#
# Our slices come from a real head, `s1`: measured brain, drawn skull and scalp, contrast computed for a **T1-weighted**
# scan (white matter bright, fluid dark). For now they are real and free of noise.
#
# `s1` is the head that later lessons test on; no network trains on it, and no choice is made on it. It is not foreign
# in everything: cerebellum and brain stem are cut out along the outline of `colin27`, a training head, and the scalp is
# drawn by the rules that draw that of `mni152`, the other one.
#
# **Predict.** Where in k-space is the largest sample, and what does it measure?

# %% slideshow={"slide_type": "fragment"}
slices = brain_slices("test", 24, shape=SHAPE).to(DEVICE)  # (slices, y, x) complex, brightest pixel 1
images = slices.abs()
image, kspace = images[5], fft2c(images[5])
show_images([image], [f"T1-weighted slice, {ny} mm x {nx} mm"])
show_kspace([kspace], [f"its k-space, largest sample {kspace.abs().max():.1f}"])

# %% [markdown]
# It is the centre, $k_y=k_x=0$: no ramp, the sum of the slice, over $\sqrt{n_y n_x}$. Below, the real part of the
# slice under four ramps; each complex product, summed, gives one sample. With all ramps of an axis as the rows of a
# matrix, two products give all of k-space.


# %% slideshow={"slide_type": "subslide"}
def ramps(n):
    """Every phase ramp of one axis: complex (n cycles per FOV, n positions)"""
    centred = torch.arange(n, dtype=torch.float64, device=DEVICE) - n // 2
    return torch.exp(-2j * torch.pi * torch.outer(centred, centred) / n)


by_hand = ramps(ny) @ image.cdouble() @ ramps(nx).T / (ny * nx) ** 0.5
panels = {}
for ky, kx in ((0, 0), (1, 0), (0, 4), (6, 9)):
    at = ny // 2 + ky, nx // 2 + kx
    ramp = torch.outer(ramps(ny)[at[0]], ramps(nx)[at[1]])
    panels[f"ky={ky}, kx={kx}: |s|={by_hand[at].abs():.2f}"] = (image * ramp).real
show_images(panels, window=(-1, 1), label="real part of m · ramp")
assert torch.allclose(by_hand, fft2c(image.double())), "the sum over phase ramps is not fft2c"

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 1.1 · the centred transform  (★☆☆, about 10 min)
#
# The matrix product costs $n$ operations per sample and axis, the fast Fourier transform (FFT) about $\log n$.
# `torch.fft.fft2` has its origins at index 0; ours are at index `n // 2`. Write `my_fft2c` with `torch.fft.fft2`,
# `torch.fft.fftshift` and `torch.fft.ifftshift`. *Hint:* one shift moves index `n // 2` to 0, the other moves 0 to
# `n // 2`. For odd `n` they differ.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_fft2c(image):
    """Centred orthonormal transform of the last two axes: (..., y, x) -> complex (..., ky, kx)"""
    ### BEGIN SOLUTION
    at_origin = torch.fft.ifftshift(image, dim=(-2, -1))
    return torch.fft.fftshift(torch.fft.fft2(at_origin, norm="ortho"), dim=(-2, -1))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A flat image has a point in the middle of k-space; a point in the middle has no phase.

# %% tags=["check"] slideshow={"slide_type": "skip"}
stack, flat = random_complex(3, 7, 10), torch.ones(7, 10)  # ny odd, ny != nx
largest = divmod(int(my_fft2c(flat).abs().argmax()), 10)
assert largest == (3, 5), f"your k-space is not centred: a flat image peaks at {largest} instead of (3, 5)"
assert my_fft2c(ifft2c(flat).real).angle().abs().max() < 1e-4, "a centred point has a phase: which shift is first?"
assert abs(my_fft2c(stack).norm() / stack.norm() - 1) < 1e-4, "energy is not kept: is your transform orthonormal?"
assert (my_fft2c(stack) - fft2c(stack)).abs().max() < 1e-5, "not fft2c: which sign? only the last two axes?"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why `ifftshift` first?* It moves index `n // 2` to 0, where the FFT expects the origin. A common mistake is
# `fftshift` on both sides, equal for even `n`. For odd `n` the image is one pixel off: a phase ramp
# of a full turn across k-space. Its magnitude does not show it; coil maps made elsewhere no longer fit.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Energy: what lives where
#
# The factor $1/\sqrt{n_y n_x}$ makes the transform $F$ **orthonormal**: $F^{-1}=F^H$. So image and
# k-space have the same energy (Parseval), $\sum|m|^2=\sum|s|^2$.
#
# **Predict.** We keep a tenth of k-space: the central tenth of the *lines*, or a central square of a tenth
# of the *area*. Which holds more energy? What image do the other 90 % give?


# %%
def energy_share(kspace, mask):
    """Share of the energy that a mask keeps: (..., ky, kx) -> (...)"""
    return (mask * kspace).abs().square().sum(dim=(-2, -1)) / kspace.abs().square().sum(dim=(-2, -1))


lines = acs_mask(ny, round(0.1 * ny)).to(DEVICE)
square = acs_mask(SHAPE, round((0.1 * ny * nx) ** 0.5)).to(DEVICE)
by_lines, by_square = (100 * energy_share(fft2c(images), mask) for mask in (lines, square))
parseval = fft2c(images.double()).norm(dim=(-2, -1)) / images.double().norm(dim=(-2, -1)) - 1
claim("Norms of image and k-space (Parseval), largest relative difference", parseval.abs().max(), at_most=1e-10)
claim("Energy in the central 10 % of the lines", by_lines, at_least=60, unit="%")
claim("Energy in the central 10 % of the area", by_square, at_least=75, unit="%")
claim("The area holds more than the lines: difference", by_square - by_lines, at_least=0, unit="points")

# %% [markdown]
# The bounds come from photographs, whose amplitudes fall as $1/|k|$ (Field 1987): without their mean they hold a
# little more. The square wins because energy falls in all directions, not along $k_y$ only.

# %% slideshow={"slide_type": "fragment"}
masks = {"all": square | ~square, "10 % of the lines": lines, "10 % of the area": square, "the rest": ~square}
titles = [f"{name}, energy {100 * energy_share(kspace, mask):.1f} %" for name, mask in masks.items()]
show_images([ifft2c(mask * kspace) for mask in masks.values()], titles)

# %% [markdown]
# The centre of k-space holds contrast and coarse shape, the periphery edges. Few lines blur along $y$ only.
# A high share of energy proves no good image: the last percent are edges that a radiologist needs.
#
# Now paint: a dot beside the centre, a ring, one half, every second line; then erase the centre only.


# %% slideshow={"slide_type": "skip"}
def masked_image(mask):
    """What a mask leaves of the slice: bool (ky, kx) -> titled image (y, x)"""
    mask = mask.to(DEVICE)
    return {f"{100 * energy_share(kspace, mask):.1f} % of energy": ifft2c(mask * kspace)}


MaskPainter(SHAPE, kspace=kspace, mask=square, on_change=masked_image)

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *What one sees.* One sample is one wave, whose magnitude is flat; a ring gives edges of one scale, half of k-space a
# blur, every second line two heads.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Resolution and field of view
#
# Two lengths describe an image. Each is the inverse of a length in k-space (here in cycles per mm): of its width,
# $2k_{\max}$, and of the distance $\Delta k$ between its lines.
#
# $$\mathrm{pixel}=\frac{1}{2\,k_{\max}}\qquad\qquad \mathrm{FOV}=\frac{1}{\Delta k}$$
#
# **Predict.** We keep the central quarter of the $k_y$ lines, or every second line of all. Which image is
# blurred, which is folded, and along which direction?

# %% slideshow={"slide_type": "fragment"}
cropped = ifft2c(acs_mask(ny, ny // 4).to(DEVICE) * kspace)
folded = ifft2c(equispaced_mask(ny, 2, acs=0).to(DEVICE) * kspace)
titles = ["all lines", f"central quarter, pixel {ny / (ny // 4):.1f} mm", f"every 2nd, FOV {ny / 2:.0f} mm"]
show_images([image, cropped, folded], titles, reference=image)

# %% [markdown]
# (dB in titles: peak signal-to-noise ratio against the first panel, [[image_quality]].) Skipping lines folds the image:
# **aliasing**, the subject of [[forward_model]] to [[compressed_sensing]]. Cropping blurs, and adds stripes beside
# sharp edges: **Gibbs ringing**. A cut-off sum of many waves overshoots an edge by 8.95 % of the step; more lines make
# the stripes narrower, not lower.

# %% slideshow={"slide_type": "subslide"}
position = (torch.arange(2048) - 1024) / 20.48  # % of the FOV, 2048 points fine
bar = (position.abs() < 25).float()
profiles = {f"{n} lines": ifftc(acs_mask(2048, n)[:, 0] * fftc(bar)).real for n in (17, 33, 65, 129)}
overshoot = torch.stack([100 * (profile.max() - 1) for profile in profiles.values()])
plot_lines(
    position[1280:1691],
    {name: profile[1280:1691] for name, profile in profiles.items()},
    ylabel="signal",
    xlabel="y (% of FOV)",
    title=f"overshoot {overshoot.min():.1f} to {overshoot.max():.1f} %",
)
claim("Gibbs overshoot, largest distance from 8.95 %", (overshoot - 8.95).abs().max(), at_most=1, unit="%")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Conjugate symmetry, and what breaks it
#
# If $m$ were real, opposite samples would be complex conjugates, and half of the scan would do:
#
# $$m\in\mathbb{R}\quad\Longrightarrow\quad s(-k_y,-k_x)=s^*(k_y,k_x)$$

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 1.2 · the conjugate mirror  (★★☆, about 10 min)
#
# Return the k-space whose entry at $k$ is $s^*(-k)$, for odd *and* even sizes. *Hint:* write down the frequencies of
# `n = 4` and `n = 5`. Which index of an even axis is its own partner? `flip` and `roll` help.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_conjugate_mirror(kspace):
    """Mirror the last two axes at k = 0 and conjugate: (..., ky, kx) -> (..., ky, kx)"""
    ### BEGIN SOLUTION
    even = [1 - n % 2 for n in kspace.shape[-2:]]  # there, -n/2 stays where it is
    return kspace.conj().flip(-2, -1).roll(even, dims=(-2, -1))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The k-space of a real image is its own mirror.

# %% tags=["check"] slideshow={"slide_type": "skip"}
for shape in ((5, 7), (5, 6), (6, 7), (4, 6)):
    stack = random_complex(2, *shape)
    own, other = (my_conjugate_mirror(fft2c(each)) for each in (stack.real, stack))
    assert (own - fft2c(stack.real)).abs().max() < 1e-5, f"size {shape}: a real image's k-space should not change"
    assert (other - fft2c(stack.conj())).abs().max() < 1e-5, f"size {shape}: not s*(-k) for a complex image"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why the roll?* For `n = 4` the frequencies are -2, -1, 0, 1: `flip` puts 1 where -2 was. But -2 is its own
# partner, since 2 and -2 are the same wave on four points. A common mistake is the flip alone: right for every odd
# size, wrong for 256 x 256.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Mirroring k-space conjugates the image, so a symmetric k-space means a real image. The distance to the nearest one is
# the norm of the *imaginary part*, once the best constant phase is out. Relative to the norm of the image we call it
# **symmetry error**: 0 for a real image, 0.71 for random phase, about 0.1 for a phase that spreads by 0.1 rad.
#
# Magnetisation does have a phase: the main field is not uniform, echoes come early or late, coils and flow
# add theirs. Our slices carry a smooth simulated phase within ±1 rad.
#
# **Predict.** We measure half of the lines and fill the others by symmetry. What happens to the slice with phase?


# %% slideshow={"slide_type": "fragment"}
def symmetry_error(kspace):
    """Distance to the nearest conjugate-symmetric k-space, relative: (..., ky, kx) -> (...), 0 to 0.71"""
    image = ifft2c(kspace)
    image = image * torch.exp(-0.5j * image.square().sum(dim=(-2, -1), keepdim=True).angle())  # least imaginary part
    return image.imag.norm(dim=(-2, -1)) / image.norm(dim=(-2, -1))


half = partial_fourier_mask(ny, 0.5).to(DEVICE)
filled = [ifft2c(torch.where(half, fft2c(m), fft2c(m.conj()))) for m in (image, slices[5])]
show_images([image, *filled], ["all lines", "half, real", "half, with phase"], reference=image)
claim("Symmetry error of real slices, largest", symmetry_error(fft2c(images)).max(), at_most=1e-5)
claim("Symmetry error of slices with phase", symmetry_error(fft2c(slices)), at_least=0.1)

# %% [markdown]
# Phase makes the filled half wrong: the slice is shaded, and streaked along $y$.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Noise, and the magnitude image
#
# Every sample carries thermal noise, independent and Gaussian in its real and imaginary part, of standard deviation
# $\sigma$ each. $F$ is orthonormal, so the complex image has the same noise. The *magnitude* (of one coil) does not: it
# follows a **Rician** distribution, with mean $\sigma\sqrt{\pi/2}=1.25\,\sigma$ in air.
#
# **Predict.** What is the mean magnitude where the true signal equals $\sigma$?

# %% slideshow={"slide_type": "fragment"}
signal = torch.linspace(0, 5, 11, device=DEVICE)  # in units of sigma; a flat region of 200 x 200 pixels for each
noise = random_complex(11, 200, 200, seed=1).to(DEVICE)
noisy = fft2c(signal[:, None, None].expand(-1, 200, 200)) + noise
magnitude = ifft2c(noisy).abs().mean(dim=(-2, -1))
plot_lines(
    signal,
    {"mean magnitude": magnitude, "true signal": signal},
    xlabel="true signal (σ)",
    ylabel="signal (σ)",
    title=f"true signal 1 σ, mean magnitude {magnitude[2]:.2f} σ",
)
claim("Mean magnitude in air", magnitude[0], at_least=1.23, at_most=1.28, unit="σ")

# %% [markdown]
# Averaging magnitudes keeps that floor, averaging complex data lowers it. So this course keeps data complex and
# adds noise in k-space.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What makes MRI different
#
# A network for photographs starts from pixels; one for MRI can know more:
#
# | In MRI | so a network | lessons |
# |---|---|---|
# | raw data are complex samples of k-space | can learn in k-space, in the image, or both | 16, 20 |
# | the physics from image to data is known | can be held to what was measured | 2, 18 |
# | several coils see one slice, each with its own phase | gets redundant data | 3 |
# | several contrasts show one anatomy | can share edges between scans | 21 |
# | in the clinic scanners change and missed lesions count | is tested on what it never saw | 15, 22 to 28 |

# %% slideshow={"slide_type": "subslide"}
scans = {name: contrast_scan("s1", name, shape=SHAPE, n_coils=4) for name in ("T1w", "T2w", "FLAIR")}
show_images({f"{name}, same slice": scan.reference for name, scan in scans.items()})
show_phase(ifft2c(scans["T1w"].kspace), [f"coil {c}" for c in range(4)], support=scans["T1w"].reference != 0)

# %% [markdown]
# All simulated: contrast by signal equations at 3 T, coils with smooth phase, noise of 0.5 % of the brightest pixel.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 1.3 · Go further: partial Fourier  (★★★, about 20 min)
#
# Scanners do leave out lines on one side, because the phase $\varphi$ is *smooth*: the lines on both sides of the
# centre show it. Then alternate, from the zero-filled k-space:
# 1. in the image, keep what lies along the phase: $e^{i\varphi}\,\mathrm{Re}(e^{-i\varphi}m)$;
# 2. in k-space, put the measured samples back.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_partial_fourier(kspace, mask, phase, n_iterations=20):
    """kspace (..., ky, kx), mask (ky, 1), phase (..., y, x) in rad -> complex image (..., y, x)"""
    ### BEGIN SOLUTION
    turn = torch.exp(1j * phase)
    estimate = kspace
    for _ in range(n_iterations):
        along = turn * (turn.conj() * ifft2c(estimate)).real
        estimate = torch.where(mask, kspace, fft2c(along))
    return ifft2c(estimate)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** With the true phase the image comes back. Then a noisy slice with 5/8 of its lines, its phase
# taken from the 51 in the middle.

# %% tags=["check"] slideshow={"slide_type": "skip"}
phase = torch.linspace(0, 1, 12)[:, None].expand(12, 9)
truth, mask = torch.exp(1j * phase) * random_complex(12, 9).real, partial_fourier_mask(12, 0.7)
answer = my_partial_fourier(mask * fft2c(truth), mask, phase)
assert (mask * fft2c(answer - truth)).abs().max() < 1e-4, "measured samples have changed: step 2 comes last"
assert (answer - truth).abs().max() < 0.01, "the phase is known, but the image is not back: what does step 1 keep?"
mask = partial_fourier_mask(ny, 5 / 8).to(DEVICE)
measured = mask * (fft2c(slices[5]) + 0.005 * random_complex(ny, nx).to(DEVICE))
centre = acs_mask(ny, 51).to(DEVICE) * measured
answer = my_partial_fourier(measured, mask, ifft2c(centre).angle())
show_images([slices[5], ifft2c(measured), answer], ["all lines", "zero-filled", "yours"], reference=slices[5])

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why does it converge?* Both steps are projections onto convex sets (POCS). The mirror partner of a missing sample is
# measured, so each turn halves the error of a real image. A common mistake is `abs` in step 1: it forbids negative
# values. Where phase changes faster than the central lines show (vessels, air), the image is wrong.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## On real data
#
# Three *measured* scans: a sagittal head (spin echo) and a fat-suppressed knee with one coil, an axial brain with
# four (published as complex coil images). An echo off the middle, even by part of a sample, is
# a phase ramp over $m$. Without it the squared error is
# $\frac12-\frac12\max_q|\sum m^2 e^{-2\pi i q r}|/\sum|m|^2$; one FFT of $m^2$ tries all ramps. Noise breaks
# symmetry too; a corner of k-space, where signal is least, bounds its share from above.
#
# **Predict.** Which is closest to symmetric?

# %% slideshow={"slide_type": "fragment"}
panels = {}
for scan_name in ("larson_head", "larson_knee", "moco_brain_7ch"):
    scan = load_real(scan_name).to(DEVICE)
    name, coil_images, power = scan.meta["source"], ifft2c(scan.kspace), scan.kspace.abs().square()
    sizes = [4 * n for n in coil_images.shape[-2:]]  # steps of 1/8 sample: m² turns twice as fast as m
    ramped = torch.fft.fft2(coil_images.square(), s=sizes).abs().amax(dim=(1, 2))
    error = (0.5 - 0.5 * ramped / coil_images.abs().square().sum(dim=(1, 2))).sqrt()  # (coils,)
    by_noise = (power[:, :8, :8].mean(dim=(1, 2)) / power.mean(dim=(1, 2)) / 2).sqrt()  # imaginary half
    claim(f"Measured {name}: symmetry error, echo centred, best coil", error.min(), at_least=0.1)
    claim(f"Measured {name}: symmetry error over that of its noise", (error / by_noise).min(), at_least=1)
    panels[f"{name}:\nerror {error.min():.2f}, of noise {by_noise[error.argmin()]:.2f}"] = scan.reference
show_images(panels)
show_phase(list(panels.values()), ["measured phase"] * len(panels))

# %% [markdown]
# None is conjugate symmetric, and the phase maps show why: smooth turns, steps at vessels and skin, noise outside. The
# head comes closest: most of its turn is the echo's ramp, and a spin echo undoes the main field. A symmetric object
# would stay below 1 in the second claim. Before looking we expected 3; only the brain gets there. Three slices say
# nothing about scanners at large.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - k-space is the image summed under phase ramps: `ifftshift`, FFT, `fftshift`, orthonormal. Energy is kept (first
#   claim).
# - The central tenth holds the claimed shares of energy, and the contrast; the rest holds edges. Cropping blurs and
#   rings with the claimed overshoot; skipping lines folds.
# - Conjugate symmetry holds for real slices and fails for every measured scan, by the errors claimed.
# - Noise is Gaussian in the complex image; the magnitude has a floor, the claimed mean in air.
#
# ## Further reading
#
# - Twieg, *Med Phys* 1983, [10.1118/1.595331](https://doi.org/10.1118/1.595331): imaging methods as paths through
#   k-space.
# - Gudbjartsson and Patz, *Magn Reson Med* 1995,
#   [10.1002/mrm.1910340618](https://doi.org/10.1002/mrm.1910340618): the Rician magnitude, and a correction.
# - Noll, Nishimura and Macovski, *IEEE Trans Med Imaging* 1991,
#   [10.1109/42.79473](https://doi.org/10.1109/42.79473): half of k-space and a low-resolution phase, in one step.
# - Field, *J Opt Soc Am A* 1987, [10.1364/JOSAA.4.002379](https://doi.org/10.1364/JOSAA.4.002379): amplitudes of six
#   natural images fall about as $1/|k|$.
