# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 9 · Loss functions
#
# **You will be able to**
# - write MSE, L1 and SSIM as losses, and predict what each answers where the data leave several truths;
# - name what each of them cannot see;
# - teach a critic one step by hand, and say what an adversarial loss asks for;
# - place losses between distortion and realism, and find invented detail in the null space.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[learning_to_reconstruct]] to [[pooling_and_activations]] | about 20 s | heads; contrast, phase, noise simulated |

# %% slideshow={"slide_type": "skip"}
from copy import deepcopy

import torch
from skimage.metrics import structural_similarity
from torch.nn.functional import avg_pool2d, l1_loss, mse_loss

from mricourse import claim, device, fft2c, ifft2c, random_complex, your_turn
from mricourse.evaluation import null_space_part, psnr, split_error, ssim, texture_distance
from mricourse.networks import DnCNN
from mricourse.physics import stack
from mricourse.plotting import plot_lines, show_images
from mricourse.simulate import TaskScans
from mricourse.training import AdversarialLoss, PerceptualLoss, features, l1, load_checkpoint, mse, ssim_loss

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
TASK = {"task": "super_resolution", "strength": (3, 3), "noise_std": (0.002, 0.01)}  # factor; brightest pixel is 1

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One number to make small
#
# We trained on the mean squared error, as if there were no other loss. What does it prefer? The **loss** says how far
# an answer $x$ is from the reference $r$ ([[learning_to_reconstruct]]), and is all that a network ever learns about our
# wishes. Over $n$ pixels, with the modulus of the complex error:
#
# $$\mathrm{MSE}=\frac1n\sum|x-r|^2,\qquad L_1=\frac1n\sum|x-r|$$
#
# Our task is **super-resolution**: only the central third of the lines and of the columns of k-space is measured, one
# ninth of all samples. One uniform coil; references without noise, as no scanner gives them.
#
# **Predict.** We could compare in k-space instead. Would the MSE change? The L1?

# %% slideshow={"slide_type": "fragment"}
scans = TaskScans("test", 8, shape=(128, 128), **TASK)  # of an unseen head
[(A, kspace, reference)] = stack([scans[i].to(DEVICE) for i in range(24)])
truth, blurred, measured = reference[13], A.adjoint(kspace), A.mask[0, 0]  # (y, x); (slices, y, x); bool (ky, kx)
x, r = blurred.to(torch.complex128), reference.to(torch.complex128)
off = [((x - r).abs() ** 2).mean() - mse(x, r), (x - r).abs().mean() - l1(x, r)]
off += [mse_loss(x.real, r.real) - mse(x.real, r.real), l1_loss(x.real, r.real) - l1(x.real, r.real)]
claim("MSE and L1, by hand and by torch: largest difference", max(map(abs, off)), at_most=1e-6)
claim("MSE in k-space over MSE in the image, less 1", abs(mse(fft2c(x), fft2c(r)) / mse(x, r) - 1), at_most=1e-6)
show_images({"reference": truth, "measured block": blurred[13]}, reference=truth, error_gain=3)

# %% [markdown]
# Parseval: an orthonormal transform keeps sums of squares. It does not keep L1, which is smaller where the same error
# sits in few places, here at the borders of tissue.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Several truths, one answer
#
# Suppose that five training slices have *equal data*: the scan cannot tell at which of five places a border lies. The
# network has one answer $c$ for five references $v_1 \dots v_5$. The slope of
# $\sum(c-v_i)^2$ is zero at the **mean**. That of $\sum|c-v_i|$ counts how many $v_i$ lie below $c$, minus how many lie
# above: it is zero at the **median**. (Complex values have one too, the point with the least sum of distances.)
#
# Do networks find these answers? We train a small one with each loss, on a border and on a vessel two pixels wide, each
# at five places. The input says only which of the two it is.
#
# **Predict** the four answers.

# %% slideshow={"slide_type": "fragment"}
y, start, learned = torch.arange(24), 8 + 2 * torch.arange(5)[:, None], {}
truths = torch.stack([y >= start, (y >= start) & (y < start + 2)]).float()  # (border or vessel, truths, y)
for loss, name, exact in ((mse, "mean", truths.mean(1)), (l1, "median", truths.median(1).values)):
    network = torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 24))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(400):
        optimiser.zero_grad()
        loss(network(torch.eye(2))[:, None].expand_as(truths), truths).backward()
        optimiser.step()
    learned[f"trained with {loss.__name__}"] = answer = network(torch.eye(2)).detach()
    claim(f"Trained with {loss.__name__}: distance from the {name}", (answer - exact).abs().max(), at_most=0.05)
for n, case in enumerate(("border", "vessel")):
    plot_lines(y, {"one truth": truths[n, 1]} | {k: v[n] for k, v in learned.items()}, xlabel="y (pixels)", ylabel=case)

# %% [markdown]
# MSE answers with a blur that none of the five ever showed. L1 answers with a sharp border, wrong four times out of
# five, and *removes the vessel*: at every place most truths are dark. What is rare, a median does not show.
#
# A third way is to answer with one of the truths, drawn at random. It always looks real, and it costs exactly twice the
# MSE of the mean, since $\mathbb E(v_i-v_j)^2=2\,\mathrm{Var}$. We shall need this number again.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### A spoilt reference
#
# References are measured too. A **spike**, an electric discharge, makes one sample of k-space as large as the largest,
# and draws stripes across the image. Let one of nine noisy references of a slice have one. We compare the best single
# answer (real part) with and without it.
#
# **Predict.** Which loss repeats the stripes? We claim that the error of the mean doubles at least. The median of nine
# becomes the fifth of the eight good values, which lies $0.15\,\sigma$ off: at most 20 % more error.

# %% slideshow={"slide_type": "fragment"}
unit = torch.eye(128, device=DEVICE)
repeats = (truth + 0.02 * random_complex(9, 128, 128).to(DEVICE)).real
spoilt = repeats + unit[0, :9, None, None] * fft2c(truth).abs().max() * ifft2c(torch.outer(unit[84], unit[77])).real
panels = {"spoilt reference": spoilt[0], "best MSE: mean": spoilt.mean(0), "best L1: median": spoilt.median(0).values}
error = [(z - truth.real).norm() for z in (repeats.mean(0), repeats.median(0).values, *panels.values())]
claim("One spike in nine: error of the mean, larger by a factor", error[3] / error[0], at_least=2)
claim("One spike in nine: error of the median, larger by a factor", error[4] / error[1], at_most=1.2)
show_images(panels, reference=truth.real, error_gain=8)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## SSIM: compare windows
#
# MSE and L1 look at each pixel alone. **Structural similarity** (SSIM) compares magnitudes in windows of 7 x 7: their
# means $\mu$, variances $\sigma^2$ and covariance $\sigma_{xr}$,
#
# $$\mathrm{SSIM}=\frac{2\mu_x\mu_r+c_1}{\mu_x^2+\mu_r^2+c_1}\cdot\frac{2\sigma_{xr}+c_2}{\sigma_x^2+\sigma_r^2+c_2},
# \qquad c_1=(0.01\,L)^2,\quad c_2=(0.03\,L)^2 .$$
#
# $L$ is the largest magnitude of the reference. The loss is one minus the average over all windows inside the image.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 9.1 · SSIM as a loss  (★★☆, about 15 min)
# Write it for one image. *Hint:* `avg_pool2d(z[None], 7, stride=1)` gives the mean of every window. Variances divide by
# 48, not 49: $\sigma_{xr}=\frac{49}{48}(\overline{xr}-\mu_x\mu_r)$.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_ssim_loss(image, reference):
    """complex (y, x), (y, x) -> (), 0 where the magnitudes are equal"""
    ### BEGIN SOLUTION
    x, r = image.abs(), reference.abs()
    c1, c2 = (0.01 * r.max()) ** 2, (0.03 * r.max()) ** 2
    mean_x, mean_r, xx, rr, xr = (avg_pool2d(z[None], 7, stride=1) for z in (x, r, x * x, r * r, x * r))
    cov, spread = 49 / 48 * (xr - mean_x * mean_r), 49 / 48 * (xx + rr - mean_x**2 - mean_r**2)
    luminance = (2 * mean_x * mean_r + c1) / (mean_x**2 + mean_r**2 + c1)
    return 1 - (luminance * (2 * cov + c2) / (spread + c2)).mean()
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Equal magnitudes cost nothing. The rest is compared with scikit-image and the library.

# %% tags=["check"] slideshow={"slide_type": "skip"}
v, u = (2 + random_complex(23, 18, seed=s, dtype=torch.complex128) for s in (0, 1))
goals = 1 - structural_similarity(u.abs().numpy(), v.abs().numpy(), data_range=v.abs().max().item()), ssim_loss(u, v)
assert abs(my_ssim_loss(v, 1j * v)) < 1e-9, "equal magnitudes should cost 0: is it one minus the mean?"
assert all(abs(my_ssim_loss(u, v) - goal) < 1e-9 for goal in goals), "49 / 48? L of the reference? windows inside only?"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why $c_1$, $c_2$?* In empty windows both fractions would be 0/0. *Common mistake:* to pad; windows that reach beyond
# the image compare zeros with zeros.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What SSIM does not see, and what it sees too well
#
# Magnitudes have no phase. Whoever needs it, for flow, for fat and water, must not train on magnitudes.
#
# **Predict.** One percent of noise is added in the air only, or in the tissue only. Which costs more SSIM for each
# pixel spoilt? To the eye the air stays black.

# %% slideshow={"slide_type": "fragment"}
turned = reference * torch.exp(6j * torch.linspace(-1, 1, 128, device=DEVICE))  # from -6 to 6 rad along x
claim(f"Wrong phase, MSE {mse(turned, reference):.2f}: SSIM loss", ssim_loss(turned, reference), at_most=1e-6)
smooth, cost = avg_pool2d(reference.abs()[:, None], 7, 1, 3)[:, 0], {}
noise = random_complex(24, 128, 128).to(DEVICE)
for place, where in (("air", smooth < 0.005), ("tissue", smooth > 0.1)):
    pairs = zip(reference + 0.01 * noise * where, reference, strict=True)
    cost[place] = torch.stack([ssim_loss(*pair) for pair in pairs]) / where.float().mean((1, 2))
claim("1 % of noise: SSIM loss in air over that in tissue", cost["air"] / cost["tissue"], at_least=5)

# %% [markdown]
# At first we expected the opposite, that SSIM hardly minds noise in the dark. Then we did the sum. Magnitudes of pure
# noise have the mean $1.25\,\sigma$. With $\sigma=0.01\,L$ and $\mu_r=0$ the first fraction falls to
# $1/(1+1.25^2)=0.4$, while in tissue $c_2$ hides the noise; hence our bound of five. A network trained with SSIM works
# hard on black air. (Noisy references soften this.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Compare what a network sees
#
# Pixels are a poor language for structure. A **perceptual loss** adds **features**: what the hidden layers $\varphi_l$
# of a *trained* network make of both images,
#
# $$L_1(x,r)+\frac{0.3}{4}\sum_{l=1}^4\frac{\lVert\varphi_l(x)-\varphi_l(r)\rVert_1}{\lVert\varphi_l(r)\rVert_1} .$$
#
# Often that network has learned to name photographs. Ours has learned to remove noise from heads.

# %% slideshow={"slide_type": "fragment"}
perceptual = PerceptualLoss(load_checkpoint("features").network.body).double().to(DEVICE)
seen = zip(features(perceptual.denoiser, x[:2]), features(perceptual.denoiser, r[:2]), strict=True)
by_hand = l1(x[:2], r[:2]) + 0.3 / 4 * sum(l1(f, g) / g.abs().mean() for f, g in seen)
claim("Perceptual loss by hand: difference", abs(by_hand - perceptual(x[:2], r[:2])), at_most=1e-6)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A critic that learns
#
# Could a network learn the loss itself? A **generative adversarial network** (GAN) is a pair. The **critic** $C$ scores
# patches of an image, high for measured ones, low for made ones. It learns from its **hinge loss**, which is content
# once real patches score above 1 and made ones below $-1$:
#
# $$\mathrm{mean}\,\max(0,\,1-C(r))+\mathrm{mean}\,\max(0,\,1+C(x))$$
#
# The **generator**, our reconstruction network, learns from the **adversarial loss** $L_1(x,r)-w\,\mathrm{mean}\,C(x)$.
# They take turns. The critic is never told which reference belongs to which image: it asks whether $x$ looks real, not
# whether it is true.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 9.2 · Go further: one step of a critic  (★★☆, optional, about 15 min)
#
# Training moves each weight $v$ against the gradient $g$ of the loss, which `torch.autograd.grad(loss, weights)` finds
# ([[backpropagation]]). The rule used here, Adam ([[optimizers]]), begins with steps of nearly the learning rate
# $\eta$, whatever the gradient: $v-\eta\,g/(|g|+10^{-8})$. Write the critic's loss and its first step.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_critic_step(critic, real, made, rate):
    """Network, images (n, y, x), images (m, y, x), eta -> its hinge loss (), list of its weights after the step"""
    ### BEGIN SOLUTION
    weights = list(critic.parameters())
    loss = (1 - critic(real)).relu().mean() + (1 + critic(made)).relu().mean()
    gradients = torch.autograd.grad(loss, weights)
    return loss, [v - rate * g / (g.abs() + 1e-8) for v, g in zip(weights, gradients, strict=True)]
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A critic that is right and sure pays nothing and stays. Then the library's, with 2 real images and
# 3 made ones.

# %% tags=["check"] slideshow={"slide_type": "skip"}
sure = torch.nn.Linear(1, 1, bias=False)
loss, [weight] = my_critic_step(sure, 3 / sure.weight.data, -2 / sure.weight.data, 0.1)
assert loss == 0 and weight == sure.weight, "scores of 3 for real and -2 for made cost nothing and change nothing"
library = AdversarialLoss(n_features=8).double().to(DEVICE)
loss, weights = my_critic_step(deepcopy(library.critic).train(), r[:2], x[:3], 4e-4)
assert abs(loss - library.learn(x[:3], r[:2])) < 1e-6, "the loss is off: two means, one for each side?"
same = [torch.allclose(w, v, rtol=0, atol=1e-6) for w, v in zip(weights, library.critic.parameters(), strict=True)]
assert all(same), "the loss is right, the new weights are not: against the gradient? rate? 1e-8?"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why stop at 1?* Otherwise the critic could lower its loss for ever by scaling its scores. *Common mistake:* one mean
# over all patches, which weighs the side that has more of them.

# %% [markdown]
# Now live, on small images: 100 steps for the critic alone, then 100 in which a small generator answers.
#
# **Predict** the critic's loss. It begins near 2. We claim: below 1.8 alone, and 0.05 higher once it is answered.

# %% slideshow={"slide_type": "fragment"}
[(small, data, real)] = stack([TaskScans("train", 8, shape=(64, 64), **TASK)[i].to(DEVICE) for i in range(6)])
duel, generator, hinge = AdversarialLoss(weight=0.1).to(DEVICE), DnCNN(n_features=16, n_layers=3).to(DEVICE), []
optimiser = torch.optim.Adam(generator.parameters(), lr=2e-3)
for step in range(200):
    made = generator(small.adjoint(data))
    if step >= 100:
        optimiser.zero_grad()
        duel(made, real).backward()
        optimiser.step()
    hinge.append(duel.learn(made, real))
hinge = torch.tensor(hinge).reshape(20, 10).mean(1)  # of ten steps each
plot_lines(range(10, 201, 10), hinge, xlabel="step (the generator answers after 100)", ylabel="critic's loss")
claim("The critic alone: its loss after 100 steps", hinge[9], at_most=1.8)
claim("The generator answers: the critic's loss rises by", hinge[19] - hinge[9], at_least=0.05)

# %% [markdown]
# Such a pair does not settle as one loss does: with a slower generator the critic won it back. The curve tells who is
# ahead, not how good the images are.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Five losses, one network
#
# Five U-Nets ([[unet]]) were trained for super-resolution on two heads. They differ in the loss alone: equal first
# weights, equal scans in equal order, equal steps. (The machine was busy: seconds are no measure.)
#
# **Predict.** Which images are blurred? Which look real?

# %% slideshow={"slide_type": "fragment"}
found = {name: load_checkpoint(f"loss_{name}") for name in ("mse", "l1", "ssim", "perceptual", "adversarial")}
for name, card in ((name, checkpoint.card) for name, checkpoint in found.items()):
    print(f"{name:12}{card.n_parameters} weights{card.n_steps:6} steps{card.seconds:6} s  seed {card.seed}")
images = {name: checkpoint.network.to(DEVICE).requires_grad_(False)(A, kspace) for name, checkpoint in found.items()}
show_images({"truth": truth} | {name: image[13] for name, image in images.items()}, reference=truth, error_gain=3)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Distortion against realism
#
# **Distortion** compares an image with its own reference: PSNR, SSIM. **Realism** asks whether a *set* of images could
# be told from a set of references, whoever belongs to whom. Our measure, chosen before we saw an image: take the
# differences between neighbouring pixels, of all 24 outputs and of all 24 references. A blur lacks large ones, grain
# lacks small ones. `texture_distance` is the area between the two cumulative distributions, here for slices drawn again
# with replacement, 1000 times. No loss was trained on it.
#
# Blau and Michaeli proved that, at the best that is possible, one is paid with the other. In MSE perfect realism costs
# at most the factor two, 3 dB, of a truth at random.
#
# **Predict** the order along both axes. We claim: MSE wins in PSNR, SSIM in SSIM; the adversarial network is the most
# real, at a lower PSNR than L1.

# %% slideshow={"slide_type": "fragment"}
dB, similar = ({n: score(image, reference) for n, image in images.items()} for score in (psnr, ssim))
unlike = 100 * torch.stack([texture_distance(image, reference, n_resamples=1000) for image in images.values()])
points = torch.where(torch.eye(5) > 0, unlike.mean(1), torch.nan)
points = {f"{n}, SSIM {similar[n].mean():.2f}": point for n, point in zip(images, points, strict=True)}
plot_lines([d.mean() for d in dB.values()], points, xlabel="PSNR (dB)", ylabel="distance of textures (%)")
for other in ("mse", "ssim", "perceptual", "adversarial"):
    claim(f"PSNR: l1 over {other}", dB["l1"] - dB[other], at_least=-0.2 if other == "mse" else 0, unit="dB")
claim("Textures: next best over adversarial, lower end", (unlike[:4].amin(0) - unlike[4]).quantile(0.025), at_least=0)
claim("SSIM: ssim over l1", similar["ssim"] - similar["l1"], at_least=0)
black = [ssim(torch.where(reference.abs() < 0.005, 0, image), reference).mean() for image in images.values()]
claim("SSIM once the air is black: best minus worst", max(black) - min(black), at_most=0.02)

# %% [markdown]
# MSE does not win by its own measure: L1 is level with it (the bound of -0.2 dB came afterwards). Zhao et al. saw that
# too. A likely reason: the gradient of MSE grows with the error, and large errors at borders, which nobody can avoid,
# drown small ones that one could. After 8000 steps MSE still leaves a haze in the air. (Twice the steps help MSE and L1
# alike.)
#
# SSIM wins by its own measure. What is that worth? We looked afterwards: with black air all five are nearly equal (last
# claim). The perceptual network blurs; a denoiser's features, it seems, mind noise more. The adversarial one pays a
# small part of the 3 dB, and is not perfectly real.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Detail that is not there
#
# $P=I-F^HMF$ keeps what the scan did not measure: the **null space** ([[compressed_sensing]]), here all of k-space
# outside the block. We split the error into three. $F^HMF(x-r)$ contradicts what was *measured*. In the null space no
# data can contradict us. A cautious answer shows a weakened $Pr$, and the rest of $Pr$ is *missing*. What no multiple
# of $Pr$ explains in $Px$ is *invented*.
#
# **Predict.** Which part is largest, and who invents most? We claim that the adversarial network invents more than L1.

# %% slideshow={"slide_type": "fragment"}
parts = {name: 100 * torch.stack(split_error(image, reference, measured)) for name, image in images.items()}
for name, (seen, missing, invented) in parts.items():
    print(f"{name:12}measured {seen.mean():3.1f} %, missing {missing.mean():3.0f} %, invented {invented.mean():3.0f} %")
claim("Adversarial over L1, invented energy", parts["adversarial"][2] / parts["l1"][2], at_least=1)
show_images({n: null_space_part(z[13], measured) for n, z in {"truth": reference, **images}.items()}, window=(0, 0.3))

# %% [markdown]
# (In % of the energy of $Pr$.) Most of the error is where no data can show it. Four networks leave the brain nearly
# empty. The fifth fills it: less is missing, twice as much is invented, folds that this head does not have, and nothing
# in the image tells which. Data consistency ([[modl]]) mends the measured part only. That is largest for SSIM, partly
# as phase, which its loss does not see.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Two truths, one scan
#
# A bleeding smaller than a voxel can make it dark. We darken one, and put back what the block would show of that.
#
# **Predict.** How much of the dark spot is left? How different are the network's two answers?

# %% slideshow={"slide_type": "fragment"}
hidden = null_space_part(-truth * torch.outer(unit[60], unit[50]), measured)  # of one pixel's signal
answer = found["adversarial"].network(A, kspace + A.forward(hidden.expand_as(reference)))
claim("Largest difference of the answers", (answer - images["adversarial"]).abs().max(), at_most=1e-3)
show_images(torch.stack([truth, truth + hidden, answer[13]])[:, 36:84, 26:74], ["truth", "a twin", "answer to both"])

# %% [markdown]
# A single pixel has equal energy at all samples of k-space: $1-(43/128)^2$ of it, eight ninths, is never measured. No
# loss mends that. A network can guess well, or say that it guesses ([[uncertainty]]).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# Every number is beside its claim (✔) above.
#
# - MSE answers with the mean and blurs; L1 with the median, which ignores a spoilt reference and removes what is rare.
# - SSIM sees no phase, and noise in black air most of all; features see what their network was taught.
# - A critic learns from a hinge loss what looks real; it does not ask what is true.
# - Realism and distortion are two axes. What the scan did not measure is guessed, and the loss decides how boldly.
#
# A loss is one number; a network has 100,000 weights. [[backpropagation]] finds out how each of them learns which way
# to go.
#
# ## Further reading
#
# - Zhao et al., *IEEE Trans. Comput. Imaging* 2017, doi:10.1109/TCI.2016.2644865. L1, MSE and SSIM as losses.
# - Johnson et al., *ECCV* 2016, doi:10.1007/978-3-319-46475-6_43. Perceptual losses.
# - Blau and Michaeli, *CVPR* 2018, doi:10.1109/CVPR.2018.00652. The theorem.
# - Bhadra et al., *IEEE Trans. Med. Imaging* 2021, doi:10.1109/TMI.2021.3077857. Hallucinations in the null space.
