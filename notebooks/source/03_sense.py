# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 3 · Parallel imaging
#
# **You will be able to**
# - unfold an accelerated image with the coil maps, pixel by pixel and by conjugate gradients
# - predict the noise of an accelerated image from $g\sqrt R$ and check the prediction
# - estimate coil maps and a GRAPPA kernel from the centre of k-space
# - say before the scan where parallel imaging will fail.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[forward_model]] | about 20 s | simulated head, one measured brain |

# %% slideshow={"slide_type": "skip"}
import torch

from mricourse import SenseOperator, claim, device, fft2c, fftc, ifft2c, ifftc, random_complex, your_turn
from mricourse.datasets import load_real
from mricourse.evaluation import best_scale, psnr
from mricourse.physics import acceleration_of, combine, equispaced_mask, espirit, low_resolution_maps, random_mask, rss
from mricourse.plotting import explore, plot_lines, show_images
from mricourse.reconstruct import cg_sense, conjugate_gradient, g_factor, grappa, pseudo_replica, sense_unfold
from mricourse.simulate import brain_slices, simulate_coils

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
# Pixels of about 2 mm; ACS in lines; noise relative to the brightest pixel; λ: best of six on the two training heads
SHAPE, N_COILS, ACS, RATES, NOISE_STD, REG_WEIGHT = (120, 96), 8, 16, (2, 3, 4), 0.01, 0.005

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Many coils see the same object
#
# In [[forward_model]] an image from every $R$-th line was $R$ copies on top of one another. One coil cannot tell them
# apart: the missing information has to come from a model. Before networks such models were written by hand. A model of
# the noise gives denoising. A model of the receive coils gives **parallel imaging**. Coil $c$ records
#
# $$x_c(r) = S_c(r)\,x(r) ,$$
#
# the same object under its own **sensitivity map** $S_c$. Eight coils measure each pixel eight times, and this
# redundancy can replace lines of k-space.
#
# Simulated, up to the last section: T1-weighted slices of one test head with a smooth phase, eight wire loops (Biot
# and Savart's law), white complex noise in k-space. The maps are zero outside the head. Intervals below speak of
# slices, not of people.

# %% slideshow={"slide_type": "subslide"}
images = brain_slices("test", 12, contrast="T1w", shape=SHAPE).to(DEVICE)  # (slices, y, x)
# a pixel is inside the head when there is tissue to its left and to its right
heads = images.abs().cummax(-1).values.minimum(images.abs().flip(-1).cummax(-1).values.flip(-1)) > 0.05
smaps = simulate_coils(N_COILS, SHAPE, seed=1, kind="biot_savart").to(DEVICE) * heads[:, None]  # (slices, coils, y, x)
noise = NOISE_STD * random_complex(*smaps.shape).to(DEVICE)
kspace = fft2c(smaps * images[:, None]) + noise
image, maps, head = images[0], smaps[0], heads[0]  # the slice that we look at
show_images(list(ifft2c(kspace[0])[::2]), [f"coil {c}" for c in range(0, N_COILS, 2)])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One folded pixel is a small linear system
#
# Take every fourth line. In each coil's image four pixels, a quarter of the field of view (FOV) apart, fall onto one
# another, each weighted by what this coil sees there:
#
# $$a_c = \sum_{j=1}^{R} S_c(r_j)\,x(r_j) \quad\Longleftrightarrow\quad a = C\rho .$$
#
# That is 8 equations, one a coil, for 4 unknowns. **SENSE** solves them by least squares,
# $\hat\rho = (C^H C)^{-1} C^H a$, for every folded pixel.
#
# **Predict.** How many heads will you count in one coil's image at $R = 4$? The noise is 0.01. How far off will the
# four unfolded values be?

# %% slideshow={"slide_type": "fragment"}
combs = {R: equispaced_mask(SHAPE[0], R, acs=0).to(DEVICE) for R in RATES}
aliased = {R: R * ifft2c(combs[R] * kspace[0]) for R in RATES}  # times R for the lines left out
# rows 15, 45, 75 and 105 fold onto row 15; here in column 50, where C is (coils, 4)
rho = torch.linalg.lstsq(maps[:, 15::30, 50], aliased[4][:, 15, 50, None]).solution[:, 0]
print("unfolded", rho.abs().cpu().numpy().round(2), "truth", image[15::30, 50].abs().cpu().numpy().round(2))
show_images({"object": image, **{f"one coil, R = {R}": aliased[R][0] for R in RATES}})

# %% [markdown] slideshow={"slide_type": "notes"}
# Four heads, and errors of several times the noise.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 3.1 · unfold an image  (★★☆, about 15 min)
# Solve the systems of all folded pixels at once. `aliased` holds one period of the folded coil images: its row `y` is
# the sum of rows `y`, `y + ny / R`, `y + 2 ny / R` ... *Hint:* `smaps.unflatten(-2, (R, -1))` separates the copies,
# and `torch.linalg.lstsq` takes any number of leading axes.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_sense_unfold(aliased, smaps, acceleration):
    """(coils, y / R, x), (coils, y, x), R -> (y, x)"""
    ### BEGIN SOLUTION
    alias_maps = smaps.unflatten(-2, (acceleration, -1)).permute(2, 3, 0, 1)  # (y / R, x, coils, R)
    rho = torch.linalg.lstsq(alias_maps, aliased.permute(1, 2, 0)[..., None]).solution[..., 0]
    return rho.permute(2, 0, 1).flatten(0, 1)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Without noise unfolding returns the object, at $R = 1$ too; with noise it is the least-squares
# solution.

# %% tags=["check"] slideshow={"slide_type": "skip"}
odd_maps, odd_image = simulate_coils(6, (45, 37), seed=2, kind="biot_savart"), random_complex(45, 37, seed=3)
for R, scale in ((1, 0.0), (3, 0.0), (3, 0.1)):
    folded = equispaced_mask(45, R, acs=0) * (fft2c(odd_maps * odd_image) + scale * random_complex(6, 45, 37))
    answer = my_sense_unfold(R * ifft2c(folded)[:, : 45 // R], odd_maps, R)
    assert answer.shape == (45, 37), f"R = {R}: your image has shape {tuple(answer.shape)}; expected (45, 37)"
    off = (answer - (sense_unfold(folded, odd_maps, R) if scale else odd_image)).abs().max()
    assert off < 0.02, f"R = {R}, noise {scale}: your image is off by up to {off:.2f}, its pixels are about 1"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why more coils than unknowns?* Each further coil averages noise down. A common mistake is `unflatten(-2, (-1, R))`:
# it groups neighbouring rows, but pixels fold that are `ny / R` rows apart.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Noise amplification: the g-factor
#
# Fewer samples average less noise, which costs $\sqrt R$. Solving the small systems costs more where the coils see
# the folded pixels alike. Together
#
# $$\frac{\sigma_\mathrm{SENSE}}{\sigma_\mathrm{full}} = g\sqrt R , \qquad
# g_i = \sqrt{[(C^H \Psi^{-1} C)^{-1}]_{ii}\,[C^H \Psi^{-1} C]_{ii}} \ge 1 .$$
#
# $g$ is the **g-factor**, $i$ one of the $R$ pixels. $\Psi$ is the covariance of the noise between coils, here a
# multiple of the identity, which cancels. A scanner measures $\Psi$ without excitation; then one mixes the coils until
# their noise is white (`prewhiten` in `mricourse.physics`).
#
# **Pseudo-replicas** measure $g$ without the formula: send noise alone through any linear reconstruction, here 200
# times, and take each pixel's standard deviation. It scatters by $1/\sqrt{2 \cdot 200} = 5\,\%$; the median over
# thousands of pixels has to agree within 2 %.
#
# **Predict.** Where is $g$ largest? What is it where nothing folds onto a pixel?

# %% slideshow={"slide_type": "fragment"}
g = {R: g_factor(maps, R) for R in RATES}
std = pseudo_replica(lambda data: sense_unfold(data, maps, 3), combs[3], (N_COILS, *SHAPE), n_replicas=200)
claim("g by pseudo-replicas over formula, R = 3", (std / 3**0.5 / g[3])[head].median(), at_least=0.98, at_most=1.02)
show_images({f"R = {R}, largest g {x.max():.1f}": x for R, x in g.items()}, window=(0, 6), label="g", cmap="viridis")

# %% [markdown] slideshow={"slide_type": "subslide"}
# $g$ jumps where one more copy of the head begins: one more unknown. Of pixels that fold together, those in the
# middle, far from all coils, fare worst. Where only air folds onto a pixel, $g = 1$.
#
# Does it hold in 12 slices, one noisy scan each? SENSE is linear, so we unfold the noise alone. The standard deviation
# of several thousand pixels is known to about 1 %; we allow 2 %.

# %% slideshow={"slide_type": "fragment"}
for R in RATES:  # and a factor √2, since the norm takes real and imaginary part together
    ratio = [sense_unfold(combs[R] * n, S, R).norm() / g_factor(S, R).norm() for n, S in zip(noise, smaps, strict=True)]
    claim(f"noise over σ g √R, R = {R}", torch.stack(ratio) / (2 * R) ** 0.5 / NOISE_STD, at_least=0.98, at_most=1.02)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Any mask: conjugate gradients
#
# Only a comb folds pixels in small groups. With an ACS or random lines each pixel meets many others. Then we minimise
# $\lVert A x - y\rVert^2 + \lambda\lVert x\rVert^2$, least squares with a price on large images. The minimum solves
# $N x = A^H y$ with $N = A^H A + \lambda I$. **Conjugate gradients** (CG) need nothing of $N$ but products $N d$. They
# start at $x = 0$, $r = d = A^H y$ and repeat
#
# $$\alpha = \frac{\lVert r\rVert^2}{\langle d, N d\rangle},\quad x \leftarrow x + \alpha d,\quad
# r' = r - \alpha N d,\quad d \leftarrow r' + \frac{\lVert r'\rVert^2}{\lVert r\rVert^2}\,d,\quad r \leftarrow r' .$$

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 3.2 · conjugate gradients  (★★☆, about 15 min)
# Write this iteration for a Hermitian, positive `normal`. *Hint:* `torch.vdot` conjugates its first argument and takes
# flat vectors.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_conjugate_gradient(normal, rhs, n_iterations):
    """normal: (y, x) -> (y, x); rhs (y, x), number of iterations -> (y, x)"""
    ### BEGIN SOLUTION
    x, residual, direction = torch.zeros_like(rhs), rhs, rhs
    for _ in range(n_iterations):
        energy, product = residual.abs().square().sum(), normal(direction)
        step = energy / torch.vdot(direction.flatten(), product.flatten()).real
        x, residual = x + step * direction, residual - step * product
        direction = residual + residual.abs().square().sum() / energy * direction
    return x
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** CG solves a system of 15 unknowns in 15 iterations, which steepest descent does not.

# %% tags=["check"] slideshow={"slide_type": "skip"}
tiny = SenseOperator(random_complex(6, 5, 3, dtype=torch.complex128), random_mask(5, 1.7, acs=1))
rhs = random_complex(5, 3, seed=1, dtype=torch.complex128)
left = (tiny.normal(my_conjugate_gradient(tiny.normal, rhs, 15)) - rhs).norm() / rhs.norm()
assert left < 1e-6, f"after 15 iterations for 15 unknowns the residual is {left:.1e} of the right-hand side"
apart = (my_conjugate_gradient(tiny.normal, rhs, 4) - conjugate_gradient(tiny.normal, rhs, n_iterations=4)).norm()
assert apart < 1e-6, f"after 4 iterations your image is {apart:.1e} away from that of CG"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why 15?* Each direction is conjugate to all before, $\langle d_i, N d_j\rangle = 0$, so no step undoes another. A
# common mistake is `(direction * product).sum()`: without the conjugate it is right for real data alone.

# %% [markdown] slideshow={"slide_type": "subslide"}
# On a comb CG has to arrive at the unfolded image, since both solve the same problem. Random lines need CG.
#
# **Predict.** The data is noisy. Does the error always fall with more iterations?

# %% slideshow={"slide_type": "fragment"}
gap = cg_sense(SenseOperator(maps, combs[2]), kspace[0], n_iterations=60) - sense_unfold(kspace[0], maps, 2)
claim("CG-SENSE minus unfolding on the comb, largest difference", gap.abs().max(), at_most=1e-3)
A, traces = SenseOperator(smaps, random_mask(SHAPE[0], 3, acs=ACS)), {}
for name, factor, reg_weight in (("no noise", 0, 0.0), ("noise", 1, 0.0), ("noise + λ", 1, REG_WEIGHT)):
    data, trace = A.forward(images) + factor * A.mask * noise, []
    cg_sense(A, data, reg_weight=reg_weight, n_iterations=40, trace=lambda x, t=trace: t.append(psnr(x, images)))
    traces[name] = torch.stack(trace)  # (iterations, slices)
plot_lines(range(1, 41), {name: t.mean(1) for name, t in traces.items()}, xlabel="CG iteration", ylabel="PSNR (dB)")

# %% [markdown] slideshow={"slide_type": "subslide"}
# The error falls, then rises: **semi-convergence**. Early iterations follow directions that the coils measure well,
# late ones fit what they hardly measure, mostly noise. Stopping early is **regularisation**, and so is $\lambda$. The
# best iteration is even a little better, but to pick it takes the true image. We chose $\lambda$ on two other heads.

# %% slideshow={"slide_type": "fragment"}
for name, bound in (("noise", {"at_least": 0.5}), ("noise + λ", {"at_most": 0.2})):
    claim(f"CG, {name}: best iteration over 40th", traces[name].max(0).values - traces[name][-1], unit="dB", **bound)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where the maps come from
#
# So far we knew $S$, and where the head ends. A scanner knows neither; it has an ACS, and two ways from there.
#
# *From the centre:* divide the low-resolution coil images by their root sum of squares. Edges of the object leak into
# the maps.
#
# **ESPIRiT** looks at patches of k-space, a few samples wide, in all coils. Smooth maps tie the samples together, so
# patches lie in a small subspace, which an eigenvalue decomposition finds in the ACS. True data survive the projection
# onto it. In the image the projection is a small matrix between coils at each pixel; its eigenvector to the eigenvalue
# 1 is the maps there. In air the eigenvalue is smaller, and the maps are set to zero.
#
# Both find $S$ up to a complex factor at each pixel. Its magnitude is fixed by $\sum_c|S_c|^2 = 1$, which no real array
# obeys: the shading of the receive coils, bright near them, goes from the maps into the image. (Our simulated maps obey
# it, so that simulated images have no such shading.) The factor's phase ends in the image too. So we compare
# magnitudes, and ask what share of the coil images the maps cannot explain as maps times *one* image.
#
# **Predict.** What do more ACS lines do for each way, and what if there is four times the noise?

# %% slideshow={"slide_type": "fragment"}
coil_images, sizes, curves = maps * image, (12, 16, 24, 32), {}
for way, factor in ((low_resolution_maps, 1), (low_resolution_maps, 4), (espirit, 1), (espirit, 4)):
    found = [way(fft2c(coil_images) + factor * noise[0], acs=n) for n in sizes]
    share = [(coil_images - S * combine(coil_images, S)).norm() / coil_images.norm() for S in found]
    curves[f"{way.__name__}, noise × {factor}"] = 100 * torch.stack(share)
plot_lines(sizes, curves, xlabel="ACS lines", ylabel="not explained (%)")

# %% [markdown] slideshow={"slide_type": "subslide"}
# A larger ACS resolves the maps better. ESPIRiT gains little beyond 16 lines. With strong noise both stop gaining.
#
# **Predict** the lead of ESPIRiT in the image with 16, 24 and 32 lines at $R = 3$. We expected 0.3 dB at 24 and were
# wrong. Calling less than 0.2 dB no lead, we now claim one at 16 only. For the reason, the last claim masks all maps
# with the true head.

# %% slideshow={"slide_type": "fragment"}
masks = {n: equispaced_mask(SHAPE[0], 3, acs=n).to(DEVICE) for n in (ACS, 24, 32)}
eigen = {n: torch.stack([espirit(k, acs=n) for k in mask * kspace]) for n, mask in masks.items()}


def sense_psnr(S, n, reg_weight=REG_WEIGHT):  # inside the head
    return psnr(heads * cg_sense(SenseOperator(S, masks[n]), masks[n] * kspace, reg_weight=reg_weight), images)


for n, told, bound in ((ACS, "", "at_least"), (24, "", "at_most"), (32, "", "at_most"), (ACS, ", masked", "at_most")):
    outline = heads[:, None] | (not told)
    lead = sense_psnr(outline * eigen[n], n) - sense_psnr(outline * low_resolution_maps(masks[n] * kspace, acs=n), n)
    claim(f"ESPIRiT over centre, {n} lines, R = {acceleration_of(masks[n]):.1f}{told}", lead, unit="dB", **{bound: 0.2})

# %% [markdown] slideshow={"slide_type": "subslide"}
# With the mask ESPIRiT has no lead left, although its maps are more exact: it won mostly by leaving out air. Pixels
# known to be empty are no unknowns, which lowers $g$.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## GRAPPA: fill the lines instead
#
# The redundancy can be used without maps. **GRAPPA** estimates each missing sample of each coil from the neighbouring
# samples of *all* coils:
#
# $$\hat y_c(k) = \sum_{c'} \sum_{\delta} w_{c,c',\delta}\; y_{c'}(k + \delta) .$$
#
# Maps multiply in the image, so they convolve in k-space, and the weights do not depend on $k$, only on which of the
# $R - 1$ lines in a gap is filled. In the ACS targets and neighbours are known: the weights are a least-squares fit
# there.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 3.3 · Go further: a GRAPPA kernel  (★★★, about 25 min)
# At $R = 2$ a missing line has a sampled line above and below. Use these two lines and three readout points, in all
# coils. Fit on the sampled lines whose upper and lower neighbours are sampled too, then fill the missing lines.
# *Hint:* `kspace.roll((dy, dx), (1, 2))` brings a neighbour to each place; take k-space as periodic.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_grappa(kspace, mask):
    """R = 2, kernel 2 lines x 3 points: (coils, ky, kx), (ky, 1) -> (coils, ky, kx)"""
    ### BEGIN SOLUTION
    sources = torch.cat([kspace.roll((dy, dx), (1, 2)) for dy in (-1, 1) for dx in (-1, 0, 1)])  # (6 coils, ky, kx)
    known = (mask & mask.roll(1, 0) & mask.roll(-1, 0))[:, 0]
    weights = torch.linalg.lstsq(sources[:, known].flatten(1).mT, kspace[:, known].flatten(1).mT).solution
    return torch.where(mask, kspace, torch.einsum("sc,syx->cyx", weights, sources))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Measured samples stay as they are. The filled ones equal the library's.

# %% tags=["check"] slideshow={"slide_type": "skip"}
few_coils = simulate_coils(4, (62, 45), seed=2).to(DEVICE) * image[29:91, 25:70]
truth = (fft2c(few_coils) + noise[0, :4, :62, :45]).to(torch.complex128)
half = equispaced_mask(62, 2, acs=20).to(DEVICE)
answer = my_grappa(half * truth, half)
assert answer.shape == truth.shape and not (half * (answer - truth)).any(), "keep the shape and the measured samples"
apart = (answer - grappa(half * truth, half, kernel_size=(2, 3), reg_weight=1e-12)).norm() / (~half * truth).norm()
assert apart < 1e-3, f"your filled lines differ from the library's by {100 * apart:.1f} % of their norm"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why may lines of every position serve the fit?* The weights hold everywhere, so each ACS line is an example. A
# common mistake is to use a coil's own neighbours only: one coil knows nothing about its missing lines.

# %% [markdown] slideshow={"slide_type": "subslide"}
# SENSE or GRAPPA? With exact maps SENSE without $\lambda$ has the least noise of all *unbiased* linear methods (Gauss
# and Markov). Estimated maps and a small kernel bring bias, so theory names no winner. We expected GRAPPA to win by
# damping noise. With 16 ACS lines it does not: they show the kernel, 10 lines high, in 8 positions. With 24 it is 16.

# %% slideshow={"slide_type": "fragment"}
for n, bound in ((ACS, "at_most"), (24, "at_least")):
    filled = torch.stack([grappa(k, masks[n]) for k in masks[n] * kspace])
    lead = psnr(heads * combine(ifft2c(filled), eigen[n]), images) - sense_psnr(eigen[n], n, reg_weight=0)
    claim(f"GRAPPA over SENSE without λ, {n} ACS lines, R = 3", lead, unit="dB", **{bound: 0.2})

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Failures one can compute in advance
#
# Noise amplification is one: given the maps, $g$ shows it before the accelerated scan. Motion is another. If the
# object sits $d$ pixels lower while line $k_y$ is read, the Fourier shift theorem turns this line by
# $e^{-2\pi i k_y d / n_y}$. (We let the smooth maps move along.) If $d$ repeats every $P$ acquired lines, the
# modulation has period $PR$ in $k_y$, and **ghosts** appear at multiples of
#
# $$\Delta y = \frac{\mathrm{FOV}}{P R} .$$
#
# For small $d$ the error is $-2\pi i\,k_y d/n_y$ times the data, so a ghost is a copy of the object's *edges* along
# y. We correlate the error with these edges; the highest peak tells the distance.
#
# **Predict.** The head slides half a pixel up and down with a period of 4 acquired lines. Where are the ghosts at
# $R = 1$, 2 and 3?

# %% slideshow={"slide_type": "fragment"}
ky = torch.arange(SHAPE[0], device=DEVICE)[:, None] - SHAPE[0] // 2


def moving_head(P, R):  # all slices, no noise; 0.5 pixel is about 1 mm; unfolding uses every R-th line
    turn = torch.exp(-2j * torch.pi * ky / SHAPE[0] * 0.5 * torch.cos(2 * torch.pi * (ky // R) / P))
    return torch.stack([sense_unfold(scan, S, R) for scan, S in zip(turn * (kspace - noise), smaps, strict=True)])


for P, R in ((2, 1), (4, 1), (6, 1), (4, 2), (5, 2), (4, 3)):
    error, edges = fftc(moving_head(P, R) - images, -2), ky * fftc(images, -2)
    distance = (ifftc((error * edges.conj()).sum(-1)).abs().argmax(-1) - SHAPE[0] // 2).abs()
    claim(f"ghosts off FOV / {P * R}, P = {P}, R = {R}", (distance - SHAPE[0] / P / R).abs(), at_most=1, unit="pixels")
show_images({"still": image, **{f"R = {R}": moving_head(4, R)[0] for R in (1, 2, 3)}}, reference=image, error_gain=3)

# %% [markdown] slideshow={"slide_type": "subslide"}
# FOV/4, FOV/8, FOV/12. So *known* failure means: from $R$ and the rhythm we say where ghosts lie, from $R$ and the maps
# where noise grows. A trained network can fail where no formula warns. [[hallucinations]] and [[generalization]] look
# for that.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## On real data
#
# A measured brain: T1-weighted, fully sampled, the four strongest of seven coils of one slice of one person. We drop
# lines afterwards and keep 24 for the ACS. At $R = 4$ a folded pixel has as many unknowns as coils. It is the course's
# **development brain**: later lessons made choices while looking at it. Which axis its phase encode ran along is not
# documented.
#
# A reference combined with the same maps would hide their errors. So we compare magnitudes, scaled to fit best, with
# the root sum of squares of all lines, which needs no maps (but shares their noise). SENSE with $\lambda = 0.01$, not
# tuned here, should gain at least 2 dB.

# %% slideshow={"slide_type": "fragment"}
brain = load_real("moco_brain_7ch").to(DEVICE)
brain_maps, reference = espirit(brain.kspace, acs=24), rss(ifft2c(brain.kspace))  # maps: from the centre alone


def reconstruct(acceleration=4, n_iterations=15, reg_weight=0.01):
    A = SenseOperator(brain_maps, equispaced_mask(brain.shape[0], acceleration, acs=24))
    sense = cg_sense(A, A.mask * brain.kspace, reg_weight=reg_weight, n_iterations=n_iterations)
    pair = {"zero-filled": A.adjoint(brain.kspace), f"SENSE, R = {acceleration} ({acceleration_of(A.mask):.1f})": sense}
    return {name: best_scale(x.abs(), reference) for name, x in pair.items()}


for R in RATES:
    (_, before), (name, after) = ((name, psnr(x, reference)) for name, x in reconstruct(R).items())
    claim(f"development brain, {name}: {after:.1f} dB, over zero-filled", after - before, at_least=2, unit="dB")
show_images({"reference": reference, **reconstruct(4)}, reference=reference, error_gain=5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# At $R = 4$ set $\lambda$ to 0 and go from 5 to 40 iterations: semi-convergence on measured data.

# %% slideshow={"slide_type": "fragment"}
explore(reconstruct, acceleration=(1, 6), n_iterations=(1, 40), reg_weight=[0.0, 0.001, 0.01, 0.1])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - Aliased pixels are a small linear system. Unfolding solves it for a comb, conjugate gradients for any mask.
# - The noise is $g\sqrt R$ times that of a full scan: formula and measurements agree within the claimed 2 %.
# - Maps and GRAPPA kernels come from the ACS. ESPIRiT's maps are more exact; in the image they lead where the ACS is
#   small, mostly by leaving out air.
# - These failures are known in advance: noise where $g$ is large, noise that grows with the iterations, ghosts at
#   FOV$/(PR)$.
#
# What is missing is a better model of the *image* than $\lambda\lVert x\rVert^2$. That is [[compressed_sensing]].

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Pruessmann et al., MRM 42:952, 1999,
#   [SENSE](https://doi.org/10.1002/%28SICI%291522-2594%28199911%2942:5%3C952::AID-MRM16%3E3.0.CO;2-S): unfolding and
#   $g\sqrt R$; CG is in their paper of [[forward_model]].
# - Griswold et al., MRM 47:1202, 2002, [10.1002/mrm.10171](https://doi.org/10.1002/mrm.10171): GRAPPA.
# - Uecker et al., MRM 71:990, 2014, [10.1002/mrm.24751](https://doi.org/10.1002/mrm.24751): ESPIRiT, where SENSE
#   meets GRAPPA.
# - Robson et al., MRM 60:895, 2008, [10.1002/mrm.21728](https://doi.org/10.1002/mrm.21728): pseudo-replicas.
