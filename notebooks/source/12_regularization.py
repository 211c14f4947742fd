# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 12 · Regularisation
#
# **You will be able to**
# - read a training and a validation curve, and tell underfitting from overfitting;
# - write weight decay and dropout, and say what each one assumes;
# - flip and turn a whole scan so that $y=Ax$ still holds;
# - measure what a remedy is worth on a head that no network saw.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[forward_model]] to [[compressed_sensing]] and [[optimizers]] | about 30 s | simulated scans of three heads |

# %% slideshow={"slide_type": "skip"}
import copy
from dataclasses import replace

import torch
from torch import nn

from mricourse import SenseOperator, claim, device, fft2c, ifft2c, random_complex, your_turn
from mricourse.physics import equispaced_mask, random_mask
from mricourse.plotting import plot_lines, show_images
from mricourse.reconstruct import cg_sense
from mricourse.simulate import contrast_scans, flipped, orientations, rotated

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
N, STEPS, SEEDS = 64, range(0, 161, 20), range(3)  # pixels; steps at which we look; every training is done three times
MASK = equispaced_mask(N, 4, acs=8).to(DEVICE)  # every fourth line, and eight in the centre: R = 2.9 in all

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two curves: underfitting and overfitting
#
# [[optimizers]] made the loss fall fast, on the training slices. We want good images of everyone else. So we split by
# head, as in [[learning_to_reconstruct]] but more strictly: one head for training; a second for validation, at which we
# look to choose and to stop; a third for the test, at the end.
#
# All is simulated: T1 contrast, smooth phase, four coils, noise of 0.01 in k-space (brightest pixel 1), references
# without noise. Twelve slices of one head: a rare disease may leave us no more.


# %% slideshow={"slide_type": "skip"}
def pairs(scans):  # -> zero-filled images A^H y and references, (n, 2, y, x) each: real and imaginary part
    images = [SenseOperator(s.smaps, s.mask).adjoint(s.kspace) for s in scans], [s.reference for s in scans]
    return [torch.view_as_real(torch.stack(part)).permute(0, 3, 1, 2).contiguous() for part in images]


def heads(split):
    return [scan.to(DEVICE) for scan in contrast_scans(split, 24, shape=(N, N), n_coils=4, noise_std=0.01)]


two_heads, third = heads("train"), heads("test")
first, second = ([s for s in two_heads if s.meta["anatomy"] == name] for name in ("mni152", "colin27"))
training, validation, test = (pairs([s.undersample(MASK) for s in scans]) for scans in (first, second, third))
print(", ".join(f"{len(images)} slices" for images, _ in (training, validation, test)))

# %% [markdown] slideshow={"slide_type": "subslide"}
# `PixelUnshuffle` makes a channel of each place in a block of 4 x 4 pixels. Three convolutions of 3 x 3 work on this
# coarse grid, then the pixels go back to their places. The result is a correction, added to the zero-filled image.
#
# The loss is the energy of the error after this, relative to the energy before, in dB: 0 is as good as no network, -3
# is half the energy, and above 0 the network does harm.


# %% slideshow={"slide_type": "skip"}
def network(width, drop):
    hidden = [nn.Conv2d(32, width, 3, padding=1), nn.ReLU(), nn.Dropout(drop)]
    hidden += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Dropout(drop)]
    last = nn.Conv2d(width, 32, 3, padding=1, bias=False)
    last.weight.data *= 0.1  # begin near no correction
    return nn.Sequential(nn.PixelUnshuffle(4), *hidden, last, nn.PixelShuffle(4))


def loss(model, zero_filled, reference):  # (n, 2, y, x) twice -> (n,) in dB
    before, after = ((x - reference).square().sum((1, 2, 3)) for x in (zero_filled, zero_filled + model(zero_filled)))
    return 10 * (after / before).log10()


# %% [markdown] slideshow={"slide_type": "skip"}
# Every 20 steps we look at both heads, and keep a copy of the network if it validates better than ever before. To use
# this copy instead of the last network is **early stopping**. (`AdamW` is Adam with weight decay, `train` and `eval`
# switch dropout on and off; both follow below.)


# %% slideshow={"slide_type": "skip"}
def fit(data, width=32, drop=0.0, weight_decay=0.0, seed=0):
    # -> last network, best network, losses (looks, 2) of training and validation head
    torch.manual_seed(seed)
    model, curve, best = network(width, drop).to(DEVICE), [], None
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=weight_decay)
    for step in range(STEPS[-1] + 1):
        if step in STEPS:
            curve.append([loss(model.eval(), *head).mean().item() for head in (training, validation)])
            best = copy.deepcopy(model) if curve[-1][1] == min(look[1] for look in curve) else best
        batch = torch.randperm(len(data[0]))[:4]
        optimiser.zero_grad()
        loss(model.train(), *(part[batch] for part in data)).mean().backward()
        optimiser.step()
    return model.eval(), best, torch.tensor(curve)


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict** both curves. The **generalisation gap** ([[learning_to_reconstruct]]) is here the validation loss minus
# the training loss. We claim that it passes 3 dB, a factor of two, and that the validation loss rises by at least 0.1
# dB after its best look.

# %% slideshow={"slide_type": "fragment"}
runs = {"no remedy": [fit(training, seed=seed) for seed in SEEDS]}
looks = torch.stack([curve for *_, curve in runs["no remedy"]])  # (seeds, looks, 2)
known, new = looks.mean(dim=0).T
plot_lines(STEPS, {"training": known, "validation": new}, xlabel="step", ylabel="loss (dB)")
claim("Gap after 160 steps", looks[:, -1, 1] - looks[:, -1, 0], at_least=3, unit="dB", samples="seeds")
claim("Validation, last minus best", looks[:, -1, 1] - looks[..., 1].amin(1), at_least=0.1, unit="dB", samples="seeds")

# %% [markdown] slideshow={"slide_type": "fragment"}
# The training loss falls to the end. The validation loss hardly falls at all, then rises above zero: the network harms
# this head. It learns the ghosts of twelve slices by heart, it **overfits**. A network that has not learned what the
# training slices can teach **underfits**, by too few steps (the left of the figure) or too few weights.
#
# **Predict** both losses after the same 160 steps with 2 to 32 channels.

# %% slideshow={"slide_type": "fragment"}
known, new = torch.stack([fit(training, width=width)[2][-1] for width in (2, 4, 8, 16, 32)]).T
plot_lines((2, 4, 8, 16, 32), {"training": known, "validation": new}, xlabel="channels", ylabel="loss (dB)")

# %% [markdown]
# More channels learn more of the training slices, and no size helps the validation head. (Size as such is no vice: with
# enough data larger networks usually generalise better.) What is missing is data, or knowledge in their place.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Penalties are prior knowledge
#
# **Regularisation** is what we add to the data so that the answer generalises. We know it from images: $\lambda\lVert
# x\rVert^2$ in [[sense]] (Tikhonov), $\lambda\lVert\Psi x\rVert_1$ with wavelets $\Psi$ in [[compressed_sensing]].
# Bayes' rule says what a penalty means. If the loss $L$ is minus the logarithm of the data's likelihood, the most
# probable weights minimise
#
# $$L(w)-\log\pi(w),\qquad \pi(w)\propto e^{-\frac{\lambda}{2}\lVert w\rVert^2}\;\Rightarrow\;
# L(w)+\tfrac{\lambda}{2}\lVert w\rVert^2 .$$
#
# So Tikhonov's term is a Gaussian **prior** $\pi$: before any data we expect small numbers. (Wavelets: a Laplace
# prior.) On weights it is called **weight decay**: its gradient $\lambda w$ shrinks them in each step, of size $\eta$,
#
# $$w\leftarrow w-\eta\,\bigl(\nabla L(w)+\lambda w\bigr)=(1-\eta\lambda)\,w-\eta\,\nabla L(w).$$
#
# Our network adds a correction. With all weights zero it leaves the image alone. The prior says: when in doubt, change
# nothing.

# %% slideshow={"slide_type": "fragment"}
w, g = nn.Parameter(torch.randn(50, dtype=torch.float64)), torch.randn(50, dtype=torch.float64)
by_hand, w.grad = (1 - 0.1 * 0.3) * w.detach() - 0.1 * g, g
torch.optim.SGD([w], lr=0.1, weight_decay=0.3).step()
claim("Weight decay by hand minus torch's SGD", (by_hand - w).abs().max(), at_most=1e-6)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Adam divides each gradient by its recent size, and would divide $\lambda w$ with it: where gradients are large, there
# would be hardly any decay. **AdamW** multiplies by $1-\eta\lambda$ apart from Adam's step, alike for all weights.
# (That is no gradient of a penalty any more.)
#
# How strong? In 160 steps with $\eta=0.002$ the weights shrink to 73 % for $\lambda=1$, to 4 % for $\lambda=10$, unless
# the data object. The training loss cannot choose $\lambda$, since it is best with none. So we ask the validation head.
#
# **Predict** both losses against $\lambda$.

# %% slideshow={"slide_type": "fragment"}
runs["weight decay"] = [fit(training, weight_decay=10, seed=seed) for seed in SEEDS]
known, new = torch.stack([fit(training, weight_decay=strength)[2][-1] for strength in (1, 10, 100)]).T
plot_lines([1, 10, 100], {"training": known, "validation": new}, xlabel="λ", ylabel="loss (dB)", log="x")

# %% [markdown]
# From overfitting to underfitting, by one number. We keep $\lambda=10$, which validates best.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Dropout
#
# **Dropout** sets each feature $h_i$ to zero with probability $p$, drawn anew in each training step, so that none can
# rely on one other being there. Those that stay are divided by $1-p$ (*inverted* dropout):
#
# $$\tilde h_i=\frac{m_i}{1-p}\,h_i,\quad m_i=0\text{ with probability }p,\text{ else }1
# \quad\Rightarrow\quad \mathrm{E}\,\tilde h_i=h_i$$
#
# At test time nothing is dropped and nothing scaled.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 12.1 · dropout  (★☆☆, about 5 min)
#
# Write it without torch's. *Hint:* `torch.rand_like` draws uniformly from 0 to 1.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_dropout(features, p, training=True):
    """Any shape, probability to drop, training or test time -> the same shape"""
    ### BEGIN SOLUTION
    keep = torch.rand_like(features) >= p
    return features * keep / (1 - p) if training else features
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The mean stays; features fall one by one, and others each time.

# %% tags=["check"] slideshow={"slide_type": "skip"}
twos, out = torch.full((300, 200), 2.0), my_dropout(torch.full((300, 200), 2.0), 0.3)
assert torch.equal(my_dropout(twos, 0.3, training=False), twos), "at test time nothing is dropped, nothing scaled"
assert abs(out.mean() - 2) < 0.03, f"the mean of twos becomes {out.mean():.2f}: what do you do with those that stay?"
assert {round(v, 4) for v in out.unique().tolist()} == {0, 2.8571}, "p = 0.3 should turn each 2 into 0 or into 2 / 0.7"
assert max((out == 0).float().mean(dim=i).max() for i in (0, 1)) < 0.6, "whole rows or columns fall together"
assert not torch.equal(out, my_dropout(twos, 0.3)), "the second draw equals the first"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why divide?* The next layer sums over features, and its sum keeps its mean, with and without dropout. *Common
# mistake:* to drop at test time as well; then each look at a patient gives another image.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** Is a layer's output at test time the mean of its outputs over many draws? And after a ReLU? The mean of
# 20,000 draws scatters by about 0.5 %; we claim 1 %.

# %% slideshow={"slide_type": "fragment"}
layer = nn.Linear(200, 10).double().requires_grad_(False).to(DEVICE)
features = torch.randn(200, dtype=torch.float64).to(DEVICE)
dropped = nn.functional.dropout(features.expand(20000, 200), 0.3)
claim("Dropout by hand minus torch's", (dropped - (dropped != 0) * features / (1 - 0.3)).abs().max(), at_most=1e-6)
for name, f, bound in (("layer", layer, {"at_most": 1}), ("layer, ReLU", lambda h: layer(h).relu(), {"at_least": 1})):
    off = (f(dropped).mean(dim=0) - f(features)).norm() / f(features).norm()
    claim(f"{name}: mean of draws against test time", 100 * off, unit="%", **bound)

# %% [markdown]
# A linear layer and the mean change places, a ReLU and the mean do not. A label survives such an offset, a pixel value
# does not: one reason why networks for images rarely use dropout (Kong 2022). We expect no gain from it below.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Augmentation: what moves with the image
#
# A head that lies the other way round is still a head. **Augmentation** makes new training examples by changes that
# should not matter: prior knowledge again. But our example is a *scan*, $y=MFSx$. If $T$ flips the image,
#
# $$y'=M'F\,(TS)(Tx),\qquad M'=\text{mask of the flipped frequencies.}$$
#
# What does it do to k-space, along its axis? The origin is at pixel $\lfloor n/2\rfloor$. For odd $n$, $y'(k)=y(-k)$.
# For even $n$ the array has one more pixel on the left. Flipped, it is mirrored *and* moved by one pixel, and a shift
# is a phase ramp:
#
# $$y'(k)=e^{2\pi i k/n}\,y(-k)$$
#
# A quarter turn swaps phase encode and readout. The mask turns too, and has no $k_y$ lines any more. (In a real scan
# more has a direction and would turn, such as the chemical shift along the readout.)
#
# **Predict.** The **misfit** $\lVert Ax-y\rVert/\lVert y\rVert$ of a scan is its noise. How large is it if all is
# flipped? If the coils stay? If all is turned? If the mask stays? We claim at least twice the noise where a part stays.


# %% slideshow={"slide_type": "fragment"}
def misfit(s):  # what the reference does not explain, in percent of the data
    return 100 * float((SenseOperator(s.smaps, s.mask).forward(s.reference) - s.kspace).norm() / s.kspace.norm())


scan = first[2].undersample(MASK)
flip, turn = flipped(scan, -1), rotated(scan, 1)
moved = {
    "all flipped": flip,
    "coils stay": replace(flip, smaps=scan.smaps),
    "all turned": turn,
    "mask stays": replace(turn, kspace=torch.where(MASK, turn.kspace, 0), mask=MASK),
}
noise, flip_all, flip_some, turn_all, turn_some = map(misfit, (scan, *moved.values()))
show_images(pairs(moved.values())[0].norm(dim=1), [f"{name}, {misfit(s):.0f} %" for name, s in moved.items()])
claim("Change of the misfit if all moves", max(abs(flip_all - noise), abs(turn_all - noise)), at_most=1e-4, unit="%")
claim("Smallest misfit if a part stays, over the noise", min(flip_some, turn_some) / noise, at_least=2)

# %% [markdown]
# Shown is $A^Hy$, what the network gets. The wrong coils do not catch the eye. The third image is a trap of its own:
# consistent, but with ghosts along the readout, where no protocol makes them. So we turn the *fully sampled* scan, and
# then take $k_y$ lines.
#
# Another trap: "Flip both axes? Conjugate the data, as $y(-k)=y^*(k)$." That holds for real images only ([[kspace]]).
# With phase, or with coils, we get the turned image with the conjugate phase.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 12.2 · flip a scan  (★★☆, about 15 min)
#
# Move k-space, maps and mask. *Hint:* coil images flip as images do. For the mask: where is line $-k$, if $n$ is even?


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_flipped(kspace, smaps, mask, axis):
    """(coils, ky, kx), (coils, y, x), (ky, 1) or (ky, kx), axis -2 or -1 -> the same three of the flipped scan"""
    ### BEGIN SOLUTION
    mask = mask.flip(axis).roll(1 - mask.shape[axis] % 2, axis)  # frequency -n/2 of an even n is its own mirror
    return mask * fft2c(ifft2c(kspace).flip(axis)), smaps.flip(axis), mask
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The flipped image explains the new data, and no sample is lost.

# %% tags=["check"] slideshow={"slide_type": "skip"}
for ny, nx, axis, draw in ((9, 12, -1, (9, 12)), (9, 12, -2, 9), (8, 7, -1, 8), (8, 7, -2, 8), (8, 7, -2, (8, 7))):
    x, S, M = random_complex(ny, nx, seed=1), random_complex(3, ny, nx, seed=2), random_mask(draw, 2, acs=1, seed=3)
    y, where = SenseOperator(S, M).forward(x), f"{ny} x {nx}, axis {axis}, mask {tuple(M.shape)}"
    kspace, smaps, mask = my_flipped(y, S, M, axis)
    left = (SenseOperator(smaps, mask).forward(x.flip(axis)) - kspace).norm() / y.norm()
    assert left < 1e-5, f"{where}: the flipped image leaves {left:.0%} of the data unexplained"
    assert abs(kspace.norm() / y.norm() - 1) < 1e-5, f"{where}: samples were lost"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why the `roll`?* An even axis begins at $-n/2$, which has no partner at $+n/2$. Flipped, each frequency stands one
# place too early. *Common mistake:* to flip the array of k-space; on even axes the image is then one pixel off, and has
# a phase ramp that no magnitude shows.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Eight orientations make 96 scans out of twelve. We train on them rightly, and in two wrong ways: the coils stay; or
# the scans are turned too late, *after* the undersampling.

# %% slideshow={"slide_type": "skip"}
late = [t for half in (s.undersample(MASK) for s in first) for t in (half, flipped(half, -1))]
sides = {
    "flip + turn": [t.undersample(MASK) for s in first for t in orientations(s)],
    "coils stay": [replace(t, smaps=s.smaps).undersample(MASK) for s in first for t in orientations(s)],
    "turned too late": [rotated(s, n) for s in late for n in range(4)],
}
runs |= {name: [fit(pairs(scans), seed=seed) for seed in SEEDS] for name, scans in sides.items()}

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which remedy helps?
#
# Two more: dropout alone, and with flips and turns ("all three"). Steps and batches are the same for all. Now the third
# head: after the last step, paired slice by slice, means over three seeds. Bounds are zero: we claim an order only.
#
# **Predict** the order of all seven. Which has the smallest gap? What does early stopping gain?

# %% slideshow={"slide_type": "fragment"}
runs["dropout"] = [fit(training, drop=0.3, seed=seed) for seed in SEEDS]
runs["all three"] = [fit(pairs(sides["flip + turn"]), drop=0.3, seed=seed) for seed in SEEDS]
gaps = {name: torch.stack([curve[-1, 1] - curve[-1, 0] for *_, curve in three]) for name, three in runs.items()}
dB = {n: [sum(loss(run[i], *test).detach() for run in three) / len(SEEDS) for i in (0, 1)] for n, three in runs.items()}
for name, (last, early) in dB.items():
    print(f"{name:16} gap {gaps[name].mean():.1f}, test {last.mean():5.2f} dB, stopped early {early.mean():5.2f} dB")
smaller = gaps["no remedy"] - torch.stack([*gaps.values()][1:]).amax(dim=0)
claim("Gap without remedy minus the largest of the others", smaller, at_least=0, unit="dB", samples="seeds")
for better, worse in (
    ("weight decay", "no remedy"),
    ("dropout", "no remedy"),
    ("flip + turn", "no remedy"),
    ("no remedy", "coils stay"),
    ("flip + turn", "turned too late"),
    ("flip + turn", "all three"),
):
    claim(f"{better} over {worse}", dB[worse][0] - dB[better][0], at_least=0, unit="dB")

# %% [markdown]
# Flips and turns win. They add knowledge about images, where penalties only hold a network back. Turned too late, half
# of the ghosts run where no test ghost does, and half of the gain is lost. With the coils left behind the network does
# harm. Yet its gap is the *smallest*: it is bad on all heads alike. A gap tells how much a training misleads, not how
# good a network is.
#
# Two expectations failed. *Dropout gains nothing*: alone it gained (we turned that claim round), for with twelve slices
# overfitting costs more than dropout's noise. Where flips and turns leave little to overfit it lost, as we had thought.
# *Early stopping helps*: it did against the wrong coils only. Without remedy it stopped too soon for the test head. One
# head is a small validation set ([[honest_experiments]]). The intervals, too, speak of slices of one head, not of
# people.
#
# **Predict.** How does SENSE ([[sense]]) compare, which has learned nothing?

# %% slideshow={"slide_type": "subslide"}
images = {n: (test[0][:1] + runs[n][0][0](test[0][:1])).detach()[0].norm(dim=0) for n in ("no remedy", "flip + turn")}
images["SENSE"] = cg_sense(SenseOperator(third[0].smaps, MASK), MASK * third[0].kspace, reg_weight=0.01)
show_images({"reference": third[0].reference} | images, reference=third[0].reference, error_gain=3)

# %% [markdown]
# SENSE is better still: the coil maps (here the true ones) tell it where a ghost comes from. Our network sees three
# blocks to each side, the origin of a ghost is four blocks away, and $A$ is not given to it. [[four_domains]] and
# [[modl]] do that.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 12.3 · Go further: patience  (★☆☆, optional, about 5 min)
#
# We trained to the end and then looked back. To save time one stops after `patience` looks in a row without a new best.
# Which look is kept?


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_early_stop(losses, patience):
    """Validation losses in order (list of numbers) -> index of the best look when training stops"""
    ### BEGIN SOLUTION
    best = [losses.index(min(losses[: look + 1])) for look in range(len(losses))]  # so far, at each look
    return next((kept for look, kept in enumerate(best) if look - kept == patience), best[-1])
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Endless patience finds the minimum; a short one misses what comes later.

# %% tags=["check"] slideshow={"slide_type": "skip"}
losses = [5.0, 3.0, 4.0, 2.0, 2.5, 2.0, 6.0, 1.0]
mine = {patience: my_early_stop(losses, patience) for patience in (8, 4, 3, 2, 1)}
assert mine == {8: 7, 4: 7, 3: 3, 2: 3, 1: 1}, f"losses {losses}: by patience, yours keeps {mine}; which is not best?"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why the best and not the last?* The last look is `patience` looks past the minimum. *Common mistake:* to compare with
# the look before; then a zigzag resets the patience for ever.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - Underfitting: both losses stay high. Overfitting: the training loss falls on, the validation loss rises; the first
#   claim has the gap.
# - Weight decay shrinks the weights in each step: a Gaussian prior. Dropout keeps the mean of what a linear layer says.
# - A flip moves image, coils, data and mask; even sizes need a phase ramp. Turn first, undersample then.
# - On a new head right flips and turns gained most, and with the coils left behind they did harm: the table above.
#
# All this keeps a network from learning by heart. Why thirty layers learn at all, and do not lose the scale of their
# numbers on the way, is the question of [[batch_normalization]].
#
# ## Further reading
#
# - Fabian, *ICML* 2021, doi:10.48550/arXiv.2106.14947. Augmentation of multi-coil k-space, and when it stops to help.
# - Loshchilov, *ICLR* 2019, doi:10.48550/arXiv.1711.05101. Why Adam needs weight decay apart from the gradient.
# - Hinton 2012, doi:10.48550/arXiv.1207.0580. Dropout, and the idea behind it.
# - Kong, *CVPR* 2022, doi:10.48550/arXiv.2112.12089. Dropout in networks for images: where it hurts, where it helps.
