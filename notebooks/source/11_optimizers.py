# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 11 · Optimizers and the learning rate
#
# **You will be able to**
# - predict from the condition number how long gradient descent takes, and what momentum saves;
# - say how the batch size sets the noise of a gradient, and when that noise matters;
# - write momentum, Adagrad, RMSProp and Adam, and say what each repairs;
# - find a learning rate by measuring, and write a schedule for it.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[sense]], [[learning_to_reconstruct]] and [[backpropagation]] | about 15 s | heads; contrast, phase, coils, noise simulated |

# %% slideshow={"slide_type": "skip"}
import numpy as np
import torch

from mricourse import SenseOperator, claim, device, ifft2c, your_turn
from mricourse.evaluation import psnr
from mricourse.fundamentals import (
    SADDLE,
    T2_DECAY,
    PathExplorer,
    beside_torch,
    folded_pair,
    range_test,
    read_range_test,
    run_optimizers,
    show_paths,
    train_with_rates,
)
from mricourse.networks import DnCNN
from mricourse.plotting import plot_lines
from mricourse.reconstruct import conjugate_gradient, g_factor
from mricourse.simulate import TaskScans, draw_scan, simulate_coils
from mricourse.training import Settings, log_nmse

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
N, STEPS = 64, 180  # pixels along both axes; steps of a training

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Gradient descent: how long a step?
#
# [[backpropagation]] gave the gradient $\nabla L$ of a loss $L$ in every weight $w$. It left open what to do with it.
# **Gradient descent** (GD) walks against it, again and again:
#
# $$w\leftarrow w-\eta\,\nabla L(w)$$
#
# The **learning rate** $\eta$ ([[learning_to_reconstruct]] called it $\tau$) scales the steps. We watch it on SENSE at
# $R=2$ ([[sense]]): two pixels fold onto one another, two coils tell them apart. With the two unknowns $\rho$, true
# values $\rho^*$ (the star) and $N=C^HC$
#
# $$L(\rho)=\tfrac12\lVert C\rho-a\rVert^2,\qquad\nabla L=C^H(C\rho-a)=N(\rho-\rho^*)$$
#
# To draw it, we drop the phases of maps and image: the unknowns are real, without noise. (The velocity in the code is
# the gradient while `beta=0`.)
#
# **Predict.** Three learning rates: 0.1, 1 and 1.1. Which gets nearest the star?


# %% slideshow={"slide_type": "fragment"}
def descend(gradient, w, rates, beta=0.0):  # gradient(w) -> like w; one rate a step -> all w, (steps + 1, ...)
    velocity, path = 0.0, [w]
    for rate in rates:
        velocity = beta * velocity + gradient(w)
        path.append(w := w - rate * velocity)
    return torch.stack(path)


scan = draw_scan("test", 3, shape=(N, N), n_coils=8, mask="random", acceleration=3, noise_std=0.0).to(DEVICE)
smaps, image = simulate_coils(2, (N, N), kind="biot_savart").abs().double().to(DEVICE), scan.reference
C = smaps.unflatten(1, (2, -1)).permute(2, 3, 0, 1)  # (y / 2, x, coils, 2): row y folds onto row y + 32
normal, g, true = C.mT @ C, g_factor(smaps, 2)[: N // 2], image.abs()[[27, 59], 39].double()
pair = folded_pair(C[27, 39].cpu(), true.cpu())
start, down = torch.tensor(pair.start, device=DEVICE).double(), lambda w: normal[27, 39] @ (w - true)
show_paths({pair: {f"learning rate {rate}": descend(down, start, [rate] * 25) for rate in (1.1, 1.0, 0.1)}})

# %% [markdown] slideshow={"slide_type": "subslide"}
# Neighbouring contours of $L$ differ by a factor of two. At 0.1 GD crawls along the ravine. At 1 it jumps across and
# still gets ahead. At 1.1 each jump is longer than the last.
#
# Along an eigenvector of $N$ with eigenvalue $\lambda$, every step multiplies the error by $1-\eta\lambda$. So GD
# converges only for $\eta<2/\lambda_{\max}$. The best rate makes the steepest and the flattest direction equally slow:
#
# $$\eta=\frac{2}{\lambda_{\max}+\lambda_{\min}},\qquad\text{error}\times\frac{\kappa-1}{\kappa+1}\text{ a step},\qquad
# \kappa=\frac{\lambda_{\max}}{\lambda_{\min}}$$
#
# $\kappa$ is the **condition number**. Here the maps have unit length, so $N$ has ones on its diagonal, $c$ beside
# them. Then $\lambda=1\pm c$, the g-factor is $1/\sqrt{1-c^2}$, the best rate is 1 for all pairs, and
#
# $$\kappa=\bigl(g+\sqrt{g^2-1}\bigr)^2\approx 4g^2$$
#
# Where SENSE amplifies noise, GD is slow: the same ravine.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Momentum: remember the direction
#
# A heavy ball would not jump from wall to wall. **Momentum** gives the walker a velocity $v$ that keeps a share $\beta$
# of what it was:
#
# $$v\leftarrow\beta v+\nabla L(w),\qquad w\leftarrow w-\eta\,v$$
#
# Gradients that agree add up, to $1/(1-\beta)$ times one; those that alternate cancel. For the best choice,
# $\eta=4/(\sqrt{\lambda_{\max}}+\sqrt{\lambda_{\min}})^2$ and
# $\beta=\bigl(\frac{\sqrt\kappa-1}{\sqrt\kappa+1}\bigr)^2$, theory promises a factor near
# $\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ a step (Polyak 1964).
#
# So the steps to a thousandth of the error should grow as $\kappa$ for GD, and as $\sqrt\kappa$ with momentum: we
# claim an exponent within 0.1 of ½, over all pairs of the image with $\kappa$ from 10 to 400.
#
# **Predict.** A pair with $g=5$ has $\kappa\approx100$. How many steps with each?

# %% slideshow={"slide_type": "fragment"}
kappa, order = ((g + (g**2 - 1).sqrt()).flatten() ** 2).sort()  # from the g-factor alone
kappa, pairs = (part[(kappa > 10) & (kappa < 400)] for part in (kappa, normal.flatten(0, 1)[order]))

factor = ((kappa - 1) / (kappa + 1))[:, None]
errors = torch.tensor([1.0, -0.3], device=DEVICE).double().expand(len(kappa), 2)
steep, flat, down = (1 + factor).sqrt(), (1 - factor).sqrt(), lambda e: (pairs @ e[..., None])[..., 0]  # roots of 1 ± c
gd = descend(down, errors, [1.0] * 1500).norm(dim=2)  # (steps + 1, pairs)
heavy = descend(down, errors, [4 / (steep + flat) ** 2] * 200, ((steep - flat) / (steep + flat)) ** 2).norm(dim=2)
claim("GD: factor of a step minus theory, κ from g", (gd[2] / gd[1] - factor[:, 0]).abs().max(), at_most=1e-6)
steps = {name: (norms > 1e-3 * norms[0]).sum(0) for name, norms in (("GD", gd), ("momentum", heavy))}
power = np.polyfit(kappa.log().cpu(), steps["momentum"].log().cpu(), 1)[0]
claim("Momentum: steps, power of κ", power, at_least=0.4, at_most=0.6)
plot_lines(kappa, steps, xlabel="condition number κ", ylabel="steps to 1/1000 of the error", log="xy")

# %% [markdown]
# Some 350 with GD, some 50 with momentum. The exponent is a little above ½: with these $\eta$ and $\beta$ the error
# after $k$ steps falls as $k\,\beta^{k/2}$, and the factor $k$ shows.
#
# Conjugate gradients (CG, [[sense]]) do better still: on a quadratic no method that walks along gradients has a lower
# loss after as many of them, and CG needs no $\eta$, $\beta$ or $\kappa$. Why do we not train networks with it?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A batch is a noisy guess
#
# The loss of a training is a mean over scans, and so is its gradient. **Stochastic gradient descent** (SGD) follows
# the same rule, but does not wait for all scans: each step uses a **batch** of $B$ of them, drawn at random. On average
# over draws its gradient is right. Its noise falls as $1/\sqrt B$, as an image's does with the number of averages.
#
# We measure it on a network: three convolutions of 16 channels clean zero-filled images ($R=2$, random lines, noise).
# The loss is the relative squared error in dB. Noise is the distance of a batch's gradient from that of all 24 training
# slices. 200 draws know it to 5 %, which moves the exponent by 0.02; we allow 0.05.
#
# **Predict.** The noise for one slice, relative to the gradient: a tenth, the same, ten times? And for 16?


# %% slideshow={"slide_type": "fragment"}
def task(split, n):  # -> zero-filled and true images of n scans, complex (n, y, x)
    scans = TaskScans(split, 10, task="undersampling", shape=(N, N), strength=(2, 2), noise_std=(0.03, 0.03))
    drawn = [scans[i].to(DEVICE) for i in range(n)]  # of one coil
    return ifft2c(torch.cat([one.kspace for one in drawn])), torch.stack([one.reference for one in drawn])


(zero_filled, images), sizes = task("train", 24), 2 ** torch.arange(6)
untrained = DnCNN(n_features=16, n_layers=3).to(DEVICE)
losses = [log_nmse(untrained(x[None]), y[None]) for x, y in zip(zero_filled, images, strict=True)]
each = [torch.autograd.grad(loss, list(untrained.parameters())) for loss in losses]
each = torch.stack([torch.cat([part.flatten() for part in gradient]) for gradient in each])  # (slices, weights)
away = [each[torch.randint(24, (200, B))].mean(1) - each.mean(0) for B in sizes]  # (batches, weights)
noise = torch.stack([d.square().sum(1).mean().sqrt() for d in away]) / each.mean(0).norm()
power = np.polyfit(sizes.log(), noise.log().cpu(), 1)[0]
claim("Gradient noise, power of the batch", power, at_least=-0.55, at_most=-0.45)
plot_lines(sizes, noise, xlabel="batch (slices)", ylabel="noise / gradient", log="xy")

# %% [markdown] slideshow={"slide_type": "subslide"}
# For one slice it is about half the gradient. Four times the batch halves the noise and takes four times as long. Far
# from the minimum the gradient stands above its noise: many cheap steps win. Near it the gradient vanishes and the
# noise stays.
#
# Now CG: SENSE with eight coils, random lines at $R=3$, plus $0.01\lVert\rho\rVert^2$: $\kappa\approx1/0.01$. Then with
# noise: each step sees two of the coils, drawn anew. SGD has a constant rate, or one with **decay**: half a cosine down
# to zero. We claim that CG, on two coils a step, ends at ten times the loss of SGD with decay. (Changed after a first
# look: with four coils, in the error's norm, the ratio was 1.6, our bound 3.)
#
# **Predict.** Whose loss is lowest after 150 steps with all coils? With two at a time?


# %% slideshow={"slide_type": "fragment"}
def product(x, n=8):  # (A^H A + λ) x, by n of the eight coils
    return 8 / n * SenseOperator(scan.smaps[torch.randperm(8)[:n]], scan.mask).normal(x) + 0.01 * x


rhs, cosine, found = product(image), (1 + torch.cos(torch.pi * torch.arange(150) / 150)) / 2, {}
for name, n, rates, beta in (
    ("GD", 8, [1.96] * 150, 0),
    ("momentum", 8, [3.27] * 150, 0.68),
    ("noisy SGD", 2, [0.2] * 150, 0),
    ("noisy SGD, decay", 2, 0.2 * cosine, 0),
):
    found[name] = descend(lambda x, n=n: product(x, n) - rhs, 0 * rhs, rates, beta)[1:]
for name, n in (("CG", 8), ("noisy CG", 2)):
    conjugate_gradient(lambda x, n=n: product(x, n), rhs, n_iterations=150, tolerance=0, trace=(path := []).append)
    found[name] = torch.stack(path)
left = {name: ((x - image).conj() * product(x - image)).real.sum((1, 2)) for name, x in found.items()}  # (steps,)
for worse, least in (("noisy CG", 10), ("noisy SGD", 1)):
    claim(f"{worse}: last loss over SGD with decay", left[worse][-1] / left["noisy SGD, decay"][-1], at_least=least)
by_hand = beside_torch(lambda w, v, g, lr, t: (descend(lambda _: g, w, [lr])[1], v), torch.optim.SGD)
claim("SGD by hand beside torch, 20 steps: largest difference", by_hand.max(), at_most=1e-12)
plot_lines(range(1, 151), left, xlabel="step", ylabel="loss above the minimum", log="y")

# %% [markdown] slideshow={"slide_type": "subslide"}
# On one quadratic CG wins by theorem. On two coils at a time it fails: each direction is built on all earlier ones, as
# if of the same quadratic. In training every batch brings another loss, and none is quadratic. SGD forgets. At a
# constant rate it ends where noise and gradient balance; decay averages the noise away.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A step size for every weight: Adagrad, RMSProp, Adam
#
# One $\eta$ must suit the steepest direction. **Adagrad** gives each weight its own: it divides by the root of all
# squared gradients $g^2$ ($g$: no longer the g-factor) so far. That sum only grows, so its steps shrink for ever.
# **RMSProp** takes a moving mean instead, $\alpha=0.99$:
#
# $$\text{Adagrad: }s\leftarrow s+g^2,\qquad\text{RMSProp: }s\leftarrow\alpha s+(1-\alpha)\,g^2,\qquad
# w\leftarrow w-\eta\,\frac{g}{\sqrt s+\varepsilon}$$
#
# for each weight alone; the small $\varepsilon$ avoids a division by zero.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 11.1 · three rules  (★★☆, about 10 min)
#
# Write a step of momentum ($\beta=0.9$), Adagrad and RMSProp. The memory, $v$ or $s$, is zero at first. *Hint:* each
# keeps a share of its memory and adds to it.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_rule(name, weights, memory, grad, lr, eps):
    """One of "momentum", "Adagrad", "RMSprop"; tensors of one shape; learning rate; ε -> (new weights, new memory)"""
    ### BEGIN SOLUTION
    share, news = {"momentum": (0.9, grad), "Adagrad": (1, grad**2), "RMSprop": (0.99, 0.01 * grad**2)}[name]
    memory = share * memory + news
    step = memory if name == "momentum" else grad / (memory.sqrt() + eps)
    return weights - lr * step, memory
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Two equal gradients: momentum's second step is 1.9 times its first, Adagrad's $1/\sqrt2$ times;
# RMSProp's first is $10\,\eta$ long. Then beside torch: 20 steps, a falling rate, gradients near 1 and $\varepsilon$.

# %% tags=["check"] slideshow={"slide_type": "skip"}
for name, one, two, eps in (("momentum", 4, 1.9, 1e-8), ("Adagrad", 1, 0.707, 1e-10), ("RMSprop", 10, 0.709, 1e-8)):
    w1, memory = my_rule(name, torch.zeros(3), 0.0, torch.tensor([-4.0, 1.0, 9.0]), 0.1, eps)
    w2, _ = my_rule(name, torch.zeros(3), memory, torch.tensor([-4.0, 1.0, 9.0]), 0.1, eps)
    assert abs(w1[0] - 0.1 * one) < 1e-5, f"{name}, gradient -4, η = 0.1: step 1 is {w1[0]:g}, should be {0.1 * one:g}"
    assert abs(w2[0] / w1[0] - two) < 1e-3, f"{name}: step 2 is {w2[0] / w1[0]:.3f} times step 1, should be {two}"
    torchs = getattr(torch.optim, name, lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9))
    off = sum(beside_torch(lambda *x, n=name, e=eps: my_rule(n, *x[:4], e), torchs, scale=s) for s in (1, eps))
    assert off.max() < 1e-12, f"{name}: wrong from step {1 + (off > 1e-12).int().argmax()} on (1: see ε; later: memory)"
    claim(f"{name} by hand beside torch, 20 steps: largest difference", off.max(), at_most=1e-12)

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why $\varepsilon$ beside the root?* Inside it would compete with $g^2$: $10^{-8}$ is the square of $10^{-4}$. *Common
# mistake:* $\eta$ inside $v$. A constant rate hides it; when the rate falls, old rates live on.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Adam
#
# **Adam** joins momentum and RMSProp, both as moving means, $\beta_1=0.9$ and $\beta_2=0.999$. They start at zero,
# hence too small: after $t$ steps the weights of all gradients add up to $1-\beta^t$ only. The **bias correction**
# divides by that:
#
# $$m\leftarrow\beta_1 m+(1-\beta_1)\,g,\quad s\leftarrow\beta_2 s+(1-\beta_2)\,g^2,\quad
# w\leftarrow w-\eta\,\frac{m/(1-\beta_1^t)}{\sqrt{s/(1-\beta_2^t)}+\varepsilon},\quad t=1,2,\dots$$
#
# At $t=1$ the corrected means are $g$ and $g^2$. The step is $\eta\,g/|g|$: only the sign counts.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 11.2 · Adam  (★★☆, about 10 min)
#
# Write step number $t$. The memory is $(m, s)$, at first two zeros. *Hint:* which $m$ and $s$ does the next step need?


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_adam_step(weights, memory, grad, lr, t, beta1=0.9, beta2=0.999, eps=1e-8):
    """Tensors of one shape, learning rate, step number 1, 2, ... -> (new weights, new memory)"""
    ### BEGIN SOLUTION
    m = beta1 * memory[0] + (1 - beta1) * grad
    s = beta2 * memory[1] + (1 - beta2) * grad**2
    return weights - lr * (m / (1 - beta1**t)) / ((s / (1 - beta2**t)).sqrt() + eps), (m, s)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The first step is $\eta$ long, whatever the gradient. Then beside torch, as before.

# %% tags=["check"] slideshow={"slide_type": "skip"}
w1, _ = my_adam_step(torch.zeros(3), (0.0, 0.0), torch.tensor([1e-3, -1.0, 1e3]), 0.1, 1)
assert (w1 + torch.tensor([0.1, -0.1, 0.1])).abs().max() < 1e-5, f"step 1 is {w1.tolist()}, should be -0.1, 0.1, -0.1"
off = sum(beside_torch(my_adam_step, torch.optim.Adam, memory=(0.0, 0.0), scale=size) for size in (1, 1e-8))
assert off.max() < 1e-12, f"torch differs from step {1 + (off > 1e-12).int().argmax()} on (1: see ε; later: t, memory)"
claim("Adam by hand beside torch, 20 steps: largest difference", off.max(), at_most=1e-12)

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why keep the uncorrected means?* They are the memory; corrected ones would be corrected again at every step. *Common
# mistake:* to count from $t=0$, which divides zero by zero.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Five optimisers, three surfaces
#
# The folded pair; amplitude and T2 fitted to eight echoes, a curved ravine; a **saddle**, which falls to two sides,
# with a start 0.01 beside its ridge. 100 steps each. GD and momentum have one $\eta$ for each surface, the others 0.05
# throughout.
#
# **Predict.** How long are their first steps? Who leaves the saddle first? Who never arrives?

# %% slideshow={"slide_type": "fragment"}
runs = {surface: run_optimizers(surface) for surface in (pair, T2_DECAY, SADDLE)}
first = torch.stack([paths["Adam"].diff(dim=0)[0].abs() for paths in runs.values()])  # of both unknowns
claim("Adam's first steps over η minus 1, largest", (first / 0.05 - 1).abs().max(), at_most=1e-4)
show_paths(runs)

# %% [markdown] slideshow={"slide_type": "fragment"}
# So $\eta$ of Adam is a *length* in the units of the weights, however large the loss; that of GD carries the units of
# the loss. RMSProp lacks the correction: its first step is $1/\sqrt{1-\alpha}=10$ times as long.
#
# On the ridge the gradient points along it. GD follows; the adaptive three divide each part by its own size and leave
# at once. Adagrad and GD are late. Momentum overshoots and returns.
#
# **Try it.** Click into the surface, or move the start by arrow keys or sliders. At which rate does GD diverge? Does
# Adam? What does noise on the gradient do to each?

# %% slideshow={"slide_type": "subslide"}
PathExplorer(list(runs))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The learning rate: measure it
#
# Nobody knows $\lambda_{\max}$ of a network. The **range test** (Smith 2017) tries all rates in one short training: the
# rate grows with every step, tenfold in 24. Shown is the loss of Adam minus that of the untrained network on the same
# batch of four, a mean over 25 steps and three such trainings: a single sweep misled us once.
#
# **Predict.** What will the curve do at either end?


# %% slideshow={"slide_type": "fragment"}
def batch_loss(network, step):
    return log_nmse(network(zero_filled[batches[step]]), images[batches[step]])


batches, rates = torch.randint(24, (3 * 132, 4)), torch.logspace(-5, 0.5, 132)  # three sweeps
curve = range_test(untrained, batch_loss, rates)
plot_lines(rates, curve, xlabel="learning rate of Adam", ylabel="change of the loss (dB)", log="x")

# %% [markdown] slideshow={"slide_type": "subslide"}
# From the left: too small to matter; falling; lowest; broken. The loss is lowest where trouble begins. We take the rate
# where it *falls fastest*.
#
# Three trainings of 180 steps: at that rate; at a thirtieth; and at the first rate beyond the minimum where the loss is
# up by half a dB. A fourth adds decay. Twenty slices of a new head judge. We claim that the first beats both others by
# half a dB, and expect that decay does not hurt.

# %% slideshow={"slide_type": "fragment"}
fastest, _, broken = read_range_test(rates, curve, rise=0.5)
schedules = {
    "fastest": [fastest] * STEPS,
    "a thirtieth": [fastest / 30] * STEPS,
    "broken": [broken] * STEPS,
    "decay": [fastest * Settings(STEPS, warmup=1).rate(step) for step in range(STEPS)],
}
dB = {"zero-filled": psnr(*(test := task("test", 20)))}
for name, schedule in schedules.items():
    dB[name] = psnr(train_with_rates(untrained, batch_loss, schedule)[0](test[0]), test[1])  # (slices,)
print(f"rates {fastest:.1e}, {broken:.1e};", ", ".join(f"{n} {v.mean():.2f} dB" for n, v in dB.items()))
for other in ("a thirtieth", "broken"):
    claim(f"Fastest fall over {other}", dB["fastest"] - dB[other], at_least=0.5, unit="dB")
claim("Decay over the constant rate", dB["decay"] - dB["fastest"], at_most=0, unit="dB")

# %% [markdown] slideshow={"slide_type": "fragment"}
# The broken training did not explode: Adam's long steps drove the ReLUs into their dead zone
# ([[pooling_and_activations]]). What comes out is the zero-filled image, and no gradient leads back.
#
# The last claim is our expectation turned round. Decay *lost*. It pays where noise keeps the loss up, as with the coils
# above; after 180 steps this network is far from there, and a falling rate gives away distance.
#
# At the other end stands **warm-up**: the rate rises over the first steps, while Adam's means rest on few gradients.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 11.3 · Go further: a schedule  (★☆☆, optional, about 10 min)
#
# Write the factor on the learning rate of this course's recipes: half a cosine from 1 at step 0 towards 0.02 at step
# `n_steps`, times a warm-up, a straight line that is 1/`warmup` at step 0, reaches 1 at step `warmup` - 1 and stays
# there. *Hint:* `np.cos`, `np.pi`.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_rate(step, n_steps, warmup):
    """Step 0, 1, ..., n_steps - 1 -> factor on the learning rate"""
    ### BEGIN SOLUTION
    return min(1, (step + 1) / warmup) * (0.02 + 0.98 * (1 + np.cos(np.pi * step / n_steps)) / 2)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** After the warm-up it only falls. It equals the library's.

# %% tags=["check"] slideshow={"slide_type": "skip"}
for n, warmup in ((50, 10), (37, 1), (120, 100)):
    mine, theirs = np.array([(my_rate(i, n, warmup), Settings(n, warmup=warmup).rate(i)) for i in range(n)]).T
    assert (np.diff(mine[warmup - 1 :]) < 0).all(), f"warm-up {warmup}: it should fall from step {warmup - 1} on"
    assert np.allclose(mine, theirs, atol=1e-9), f"{n} steps: off most at {np.abs(mine - theirs).argmax()}"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why `step + 1`?* With `step` the first step has rate 0 and is wasted. *Common mistake:* a whole cosine, back at the
# full rate at the end.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# Numbers stand beside the claims (✔) above.
#
# - GD needs steps in proportion to $\kappa$, momentum to its root. For a folded pair $\kappa\approx4g^2$.
# - The noise of a batch's gradient falls as one over the root of the batch. It decides late in a training, where decay
#   helps, and it is why we do not train with CG.
# - Momentum remembers directions; Adagrad, RMSProp and Adam scale each weight's step by its gradients; Adam corrects
#   the bias of its means, so that its first step is $\eta$ long. All equal torch's, step for step.
# - A range test finds the learning rate in short trainings: take where the loss falls fastest.
#
# A loss that falls on the training slices says nothing about others. [[regularization]] asks what keeps a network from
# learning them by heart.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Polyak, USSR Comput Math Math Phys 4(5):1, 1964, [momentum](https://doi.org/10.1016/0041-5553%2864%2990137-5).
# - Smith, WACV 2017, [10.1109/WACV.2017.58](https://doi.org/10.1109/WACV.2017.58): the range test.
# - Bottou, Curtis, Nocedal, SIAM Review 60:223, 2018, [10.1137/16M1080173](https://doi.org/10.1137/16M1080173): noise,
#   batches and rates.
# - Kingma, Ba, ICLR 2015, [10.48550/arXiv.1412.6980](https://doi.org/10.48550/arXiv.1412.6980): Adam.
