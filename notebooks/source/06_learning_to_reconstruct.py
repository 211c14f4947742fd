# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 6 · Learning to reconstruct
#
# **You will be able to**
# - say what hand-crafted models lack, and why no convolution of the image fills missing lines;
# - write one step of a training, and name loss, weights, training, validation and test data;
# - compare learned maps with tuned rivals on four tasks, at equal data and budget;
# - measure how the error falls with data, and where a learned map loses.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[compressed_sensing]] | about 60 s | three heads (contrast, phase, noise simulated); drawn abdomens |

# %% slideshow={"slide_type": "skip"}
import torch
from torch.utils.flop_counter import FlopCounterMode

from mricourse import claim, device, fft2c, ifft2c, random_complex, your_turn
from mricourse.evaluation import best_scale, nrmse, psnr, tuned_tv
from mricourse.physics import stack
from mricourse.plotting import plot_lines, show_images
from mricourse.reconstruct import remove_nyquist_ghost, wavedec2, waverec2
from mricourse.simulate import TaskScans, abdominal_phantom
from mricourse.training import load_checkpoint

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
N, SHOWN, SIZES = 96, 5, (1, 4, 16, 64, 256, 12000)  # SIZES: of training data
TASKS = {
    "undersampling": {"strength": (3, 3)},
    "denoising": {"noise_std": (0.02, 0.1)},
    "super_resolution": {"strength": (2, 2)},
    "ghosting": {"strength": (0.2, 1.2)},
}

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where hand-crafted models fall short
#
# [[compressed_sensing]] ended with a wavelet that knows edges, not brains. To see it, we turn each band of the Haar
# details of a head by 180° and keep the coarse image. No coefficient changes its size, nor does $\lVert\Psi x\rVert_1$:
# to the wavelet both images are equally plausible.
#
# **Predict.** Could you tell which of them is the head?


# %% slideshow={"slide_type": "fragment"}
def scans(split, n, task="undersampling", **options):
    """Simulate n scans of a task with one uniform coil: A, kspace (n, 1, ky, kx), reference (n, y, x)"""
    drawn = TaskScans(split, 50, task=task, **TASKS[task] | options)
    return stack([drawn[i].to(DEVICE) for i in range(n)])[0]


test = A, kspace, reference = scans("test", 20)
coarse, *details = wavedec2(reference, "haar", levels=4)
mixture = waverec2([coarse, *(bands.flip(-2, -1) for bands in details)], "haar")
show_images([reference[SHOWN], mixture[SHOWN]], ["a head", "as sparse as a head"])

# %% [markdown]
# The model counts edges, wherever they lie; someone must tune its weight; each image takes tens of iterations. Could we
# learn from heads what heads look like?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A map learned from pairs
#
# Learning needs **pairs**: what we have, the data $y$ or their zero-filled image $z = A^H y$, and what we want, the
# truth $x$, which we own since we simulate. Our scans have one uniform coil and keep one line in three, at random but
# for a small centre.
#
# The plainest map multiplies each sample of k-space by a **weight** $w$, a number that data choose. Every convolution
# of the image is such a map: it adds up moved copies, and moving turns the phase of each sample ([[kspace]]). A
# **loss** says how wrong the result is:
#
# $$L(w) = \text{mean of } |w\,y - F x|^2 \text{ over all pairs} .$$
#
# It is a quadratic, and least squares finds its minimum in one go: $w = \sum \bar y\,Fx \,/ \sum |y|^2$.
#
# **Predict.** How many decibels does it gain? What does it put into the missing lines?

# %% slideshow={"slide_type": "fragment"}
zero_filled, (_, y, truth) = A.adjoint(kspace), scans("train", 50)
weights = (y.conj() * fft2c(truth)[:, None]).sum(0) / y.abs().square().sum(0)  # (1, ky, kx)
gain = psnr(A.adjoint(weights * kspace), reference) - psnr(zero_filled, reference)
claim("the best weights gain, on a new head", gain, at_most=0.3, unit="dB")

# %% [markdown]
# Nothing: where $y$ is zero, $w\,y$ is zero. No convolution fills a missing line, however large. (A weight for each
# pair of pixels could, for one mask only: [[four_domains]].)
#
# So we make the map **non-linear**. The least we can do is to set negative numbers to zero between two convolutions:
#
# $$f_w(z) = z + W_2 \max(0,\, W_1 z) .$$
#
# $\max(0, \cdot)$ is the **ReLU**, rectified linear unit. Real and imaginary part enter as two **channels**; $W_1$
# makes 16 of them, a **hidden layer**; $W_2$ makes two again. Such a chain of layers is a **network**. No formula gives
# the minimum of $L$ any more.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How a network trains
#
# We walk downhill. The **gradient** says how $L$ changes with each weight. A **training step** moves all weights a
# little against it:
#
# $$w \leftarrow w - \tau\,\frac{\partial L}{\partial w} .$$
#
# $\tau$ is the step size or **learning rate**. `loss.backward()` finds the gradient by the chain rule
# (**back-propagation**, [[backpropagation]]) and adds it to `weight.grad`.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 6.1 · one training step  (★★☆, about 10 min)
#
# Compute the mean squared error and its gradient, then move the weights in place, under `torch.no_grad()`. *Hint:*
# `network.parameters()` lists them. What is in `weight.grad` when the step is called again?


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_training_step(network, inputs, targets, step_size):
    """Module, (n, channels, y, x), the same for its output, number -> loss before the step, a float"""
    ### BEGIN SOLUTION
    network.zero_grad()
    loss = (network(inputs) - targets).square().mean()
    loss.backward()
    with torch.no_grad():
        for weight in network.parameters():
            weight -= step_size * weight.grad
    return loss.item()
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Two weights can be followed by hand: for $L = \frac12(w_1^2 + w_2^2)$ a step of 0.5 halves both.

# %% tags=["check"] slideshow={"slide_type": "skip"}
toy = torch.nn.Conv2d(1, 2, 1, bias=False)  # two weights; ones in, zeros wanted
toy.weight.data[:, 0, 0, 0] = torch.tensor([4.0, -2.0])
for before, right in ((10.0, [2.0, -1.0]), (2.5, [1.0, -0.5])):
    mine, w = my_training_step(toy, torch.ones(3, 1, 4, 5), torch.zeros(3, 2, 4, 5), 0.5), toy.weight.flatten().tolist()
    assert max(abs(a - b) for a, b in zip(w, right, strict=True)) < 1e-4, f"the weights should be {right} now, not {w}"
    assert isinstance(mine, float) and abs(mine - before) < 1e-4, f"the loss was {before} before this step, not {mine}"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why `zero_grad`?* `backward` adds to what is there, which serves large batches. The common mistake leaves it out: the
# second step repeats the first. *Why `no_grad`?* The step itself needs no derivative.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now 300 steps. Each looks at four pairs, a **batch**; once through all 40 is an **epoch**. These 40 are the
# **training data**. Ten others of the same two heads are the **validation data**, on which we choose when to stop, and
# all else. The **test data** come from a third head and are looked at last. Split by head, never by slice: neighbouring
# slices nearly repeat each other. (Validation should have heads of its own, too; we own three.)
#
# The logarithm lets dark slices count as much as bright ones. `Adam` gives each weight its own step size
# ([[optimizers]]).
#
# **Predict.** Will validation follow training? We claim half a decibel on the test head.


# %% slideshow={"slide_type": "fragment"}
def channels(images):  # complex (n, y, x) -> real (n, 2, y, x)
    return torch.view_as_real(images).movedim(-1, 1)


hidden = torch.nn.Sequential(
    torch.nn.Conv2d(2, 16, (17, 3), padding=(8, 1), bias=False),
    torch.nn.ReLU(),
    torch.nn.Conv2d(16, 2, (9, 1), padding=(4, 0), bias=False),
).to(DEVICE)
optimizer, errors = torch.optim.Adam(hidden.parameters(), lr=3e-3), []
z, x = channels(ifft2c(y[:, 0])), channels(truth)
for step in range(300):
    batch = torch.arange(4 * step, 4 * step + 4) % 40
    loss = (z[batch] + hidden(z[batch]) - x[batch]).square().mean((1, 2, 3)).log().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        errors.append((z + hidden(z).detach() - x).square().mean((1, 2, 3)))

# %% slideshow={"slide_type": "fragment"}
left = 100 * torch.stack(errors) / (z - x).square().mean((1, 2, 3))  # (10, 50)
plot_lines(
    range(30, 301, 30),
    {"training": left[:, :40].mean(1), "validation": left[:, 40:].mean(1)},
    xlabel="step",
    ylabel="error (% of the zero-filled image's)",
)
cleaned = zero_filled + torch.view_as_complex(hidden(channels(zero_filled)).detach().movedim(1, -1).contiguous())
claim("one hidden layer gains", psnr(cleaned, reference) - psnr(zero_filled, reference), at_least=0.5, unit="dB")

# %% [markdown]
# It follows, and falls behind: the network learns part of its slices by heart, the beginning of **overfitting**.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What deep learning is
#
# Add more layers and train them all at once: **deep learning**. Nobody designs what they compute. Our network from here
# on is a U-Net ([[unet]]). What its first layers make of a zero-filled image are **learned features**, where
# [[compressed_sensing]] had wavelets.
#
# **Predict.** What do they respond to?

# %% slideshow={"slide_type": "fragment"}
networks = {task: load_checkpoint(f"task_{task}").network.to(DEVICE) for task in TASKS}
features = networks["undersampling"].body.unet.down_blocks[0](channels(zero_filled[SHOWN:][:1].abs() + 0j))[0].detach()
show_images(features / features.amax((1, 2), keepdim=True), [f"channel {n}" for n in range(8)], window=(0, 1))

# %% [markdown]
# Outlines, brightness, ripples of aliasing. (Channels 0 and 4 are negative, drawn black: no imaginary part came in.)
# Deeper layers combine them over larger areas. The price: 120,352 weights are hungry for data.
#
# The parts, and their lessons: convolution (6); activations such as the ReLU, and pooling, which shrinks images to see
# further (7); loss (8); back-propagation (9); the optimizer, which steps (10); regularisation against overfitting (11);
# normalisation, which keeps numbers in range (12).
#
# ### Four reasons for its success
#
# Convolutional networks are from the 1980s. Why did they win only in the 2010s?
#
# - **compute**: graphics processors (GPU);
# - **public data**: ImageNet's million photographs, fastMRI's raw data of a thousand knees ([[public_datasets]]);
# - **architectures and training**: ReLU, Adam, normalisation, skip connections;
# - **toolboxes** that derive the gradient for us.
#
# **Predict.** What do loss and gradient cost, in passes through the network? Finite differences take 120,353. Theory
# says: at most five.

# %% slideshow={"slide_type": "fragment"}
with FlopCounterMode(display=False) as counter:
    networks["undersampling"](*scans("train", 1)[:2]).abs().sum().backward()
work, counts = 12000 * counter.get_total_flops(), counter.get_flop_counts()["Global"]
claim("loss and gradient cost, in passes", work / 12000 / counts[torch.ops.aten.convolution], at_most=5)
print(f"one training: {work:.1e} operations, {work / 1.58e12:.1f} s on a GPU of 2010, {work / 989e12:.3f} s of 2022")

# %% [markdown]
# One pass forward, two back. (GTX 580 in 32 bits, H100 in 16, at peak speeds, never reached.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Four tasks, one network
#
# What spoils an image, a map may learn to undo:
#
# - **undersampling**: one random line in three;
# - **denoising**: all samples, noise 0.02 to 0.1;
# - **super-resolution**: the central half of both axes;
# - **artefact reduction**: an echo-planar scan (EPI) reads every other line backwards. A phase and a delay between
#   both directions make the Nyquist ghost, half a field of view away.
#
# One network each, one **budget**, the same two heads:

# %% slideshow={"slide_type": "fragment"}
for name in [*(f"task_{task}" for task in TASKS), *(f"undersampling_{n}" for n in SIZES[:-1])]:
    card = load_checkpoint(name).card  # how it was made
    print(f"{name:22}{card.n_parameters:8,} weights{card.n_steps:8,} steps{card.seconds:5} s on a CPU core")

# %% [markdown]
# Trainings on 4 to 64 slices ended after three validations without a new best; each keeps its best weights. (The core
# was shared.)
#
# The rival is total variation, solved to 1 % of its objective ([[compressed_sensing]]). Its weight is tuned on the very
# slice and its answer, as no clinic can. (`tuned_sparsity` instead of `tuned_tv` takes the better of it and Haar
# wavelets for each slice, in twice the time. Try it: the verdicts below stay.)
#
# Ghosts have an exact model with two numbers, found without an answer: they give the least spread image, by its
# **entropy** $-\sum_i p_i \ln p_i$ with $p_i = |x_i| / \lVert x\rVert$.
#
# **Predict.** Who wins each? We asked the network for 0.5 dB in the first three, and expected it to lose the ghosts by
# 3 dB. Which of the first two images will the denoiser change more?


# %% slideshow={"slide_type": "fragment"}
def without_ghost(A, kspace, reference):
    return ifft2c(remove_nyquist_ghost(kspace[:, 0])[0])


def total_variation(A, kspace, reference):
    return tuned_tv(A, kspace, reference, tolerance=1e-2)[0]


RIVALS = dict.fromkeys(TASKS, total_variation) | {"ghosting": without_ghost}


@torch.no_grad()
def lead(name, A, kspace, reference, task="undersampling"):
    """Show a slice; PSNR of the learned map minus that of its rival, each at best scale: (n,) in dB"""
    images = {"measured": A.adjoint(kspace), "rival": RIVALS[task](A, kspace, reference)}
    images = {n: best_scale(i, reference) for n, i in (images | {"learned": networks[task](A, kspace)}).items()}
    show_images({n: i[SHOWN] for n, i in {name: reference, **images}.items()}, reference=reference[SHOWN])
    return psnr(images["learned"], reference) - psnr(images["rival"], reference)


leads = {task: lead(task, *scans("test", 20, task), task) for task in TASKS}

# %% slideshow={"slide_type": "fragment"}
claim("undersampling: learned over rival, a draw", leads["undersampling"], at_least=-1, at_most=1, unit="dB")
for task in ("denoising", "super_resolution"):
    claim(f"{task}: learned over rival", leads[task], at_least=0.5, unit="dB")
claim("ghosting: rival over learned", -leads["ghosting"], at_least=3, unit="dB")
complete = scans("test", 20, "denoising")[0]
change = [(networks["denoising"](complete, fft2c(i)[:, None]) - i).flatten(1).norm(dim=1) for i in (mixture, reference)]
claim("the denoiser changes mixtures more than heads, by a factor of", change[0] / change[1], at_least=2)

# %% [markdown]
# Two wins, and a draw where we had expected a win: the interval of undersampling includes zero. (We once had a win
# there, against a rival of two weights that was stopped early. And PSNR forgives the texture in the network's image.)
# The denoiser knows what sparsity does not.
#
# The ghosts are lost by far. The exact model ends at the noise; the network must guess, place by place, which of two
# overlaid heads is true. Where the physics is known, use it, and learn the rest: from [[four_domains]] on.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How much data it takes
#
# Six networks differ in data, and so in steps: 1 to 256 slices, with new noise and lines at every step, or a new slice
# at every step, 12,000. The distance from the error on training slices to that on the test head is the **generalisation
# gap**. A power law, error $\propto n^{-s}$, is a straight line on logarithmic axes.
#
# **Predict.** Where does it bend? We claim that one slice leaves at least twice the error on the test head, 12,000 at
# most 1.5 times.

# %% slideshow={"slide_type": "fragment"}
names = {n: "task_undersampling" if n == SIZES[-1] else f"undersampling_{n}" for n in SIZES}
nets = {n: load_checkpoint(name).network.to(DEVICE) for n, name in names.items()}
with torch.no_grad():
    error = {
        (n, where): nrmse(net(*scan[:2]), scan[2])
        for n, net in nets.items()
        for where, scan in (("training", scans("train", 20, n_slices=n)), ("test", test))
    }
means = {where: torch.stack([error[n, where].mean() for n in SIZES]) for where in ("training", "test")}
means["zero-filled, test"] = nrmse(zero_filled, reference).mean().expand(len(SIZES))
plot_lines(SIZES, means, xlabel="number of training slices", ylabel="relative error", log="xy")
print("slopes on the test head:", (means["test"].log().diff() / torch.tensor(SIZES).log().diff()).numpy().round(2))
claim("1 slice: error on the test head over that on it", error[1, "test"] / error[1, "training"].mean(), at_least=2)
claim("12,000 slices: the same ratio", error[12000, "test"] / error[12000, "training"].mean(), at_most=1.5)

# %% [markdown]
# With one slice, or four, the network is worse than doing nothing. Then each factor of four pays, until the line bends:
# the last 47-fold buys almost nothing. The error on training slices no longer falls either: this small network is at
# its limit. The rest of the gap is the other head: 12,000 slices of two heads are still two heads.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where it loses
#
# Beside the ghosts: scans unlike those trained on, a **distribution shift**. We try $R = 5$; noise of 0.05, where 0.02
# was the most; $R = 2$; and drawn abdomens.
#
# **Predict.** Who wins each? We expected the network to win at $R = 2$, which should be easier, and to lose the others.

# %% slideshow={"slide_type": "fragment"}
body = torch.stack([abdominal_phantom((N, N), seed=seed).echoes([2.3])[0] for seed in range(20)]).to(DEVICE)
noise = 0.01 * random_complex(20, 1, N, N).to(DEVICE)
easy = B, data, truth = scans("test", 20, strength=(2, 2))
others = {
    "R = 5": scans("test", 20, strength=(5, 5)),
    "noise 0.05": scans("test", 20, noise_std=(0.05, 0.05)),
    "R = 2": easy,
    "abdomen": (A, A.mask * (fft2c(body)[:, None] + noise), body),
}
leads |= {name: lead(name, *scan) for name, scan in others.items()}

# %% slideshow={"slide_type": "fragment"}
for name, sign in {"R = 5": 1, "noise 0.05": 1, "R = 2": -1, "abdomen": -1}.items():
    units = "drawn abdomens" if name == "abdomen" else "slices of one head"
    winner = "learned" if sign > 0 else "rival"
    claim(f"{name}, ahead: {winner}", sign * leads[name], at_least=0, unit="dB", samples=units)

# %% [markdown]
# We were wrong three times out of four. The less is measured, the more the prior decides, and the network's is better
# even out of its range. At $R = 2$ the data nearly decide, and the network does not ask them: it repaints measured
# lines. The abdomens have two reasons: flat drawn organs are what total variation expects, and no training slice had
# any. (Still, it gains on zero-filling: it knows aliasing.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In the image or in k-space?
#
# In the image aliasing lies everywhere, and a network must look far. In k-space missing lines have their place. There a
# convolution adds up neighbouring *samples*; in the image that is a smooth factor. Neighbours know of one another
# because the head fills only a part of the field of view, and coil maps are smooth. GRAPPA ([[coil_calibration]]) is
# such a map, learned by least squares from the scan's own ACS lines. Yet outer k-space looks like noise.
# [[four_domains]] compares both.
#
# But what was measured need not be guessed.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 6.2 · Go further: put the measured lines back  (★★☆, optional, about 10 min)
#
# Give the network's image the samples that were measured, and leave it the others. *Hint:* `torch.where`. What tells
# whether a sample was measured, its value or the mask?


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_put_back(image, kspace, mask):
    """(..., y, x) from a network, (..., ky, kx), bool (..., ky, 1) or (..., ky, kx) -> (..., y, x) with these data"""
    ### BEGIN SOLUTION
    return ifft2c(torch.where(mask, kspace, fft2c(image)))
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Measured lines are the data, a measured zero included; the others stay as they were.

# %% tags=["check"] slideshow={"slide_type": "skip"}
guess, measured, rows = random_complex(2, 9, 8), random_complex(2, 9, 8, seed=1), torch.arange(9)[:, None] % 3 == 0
measured[:, 3, 5] = 0  # a sample that was measured, and is zero
mine = fft2c(my_put_back(guess, rows * measured, rows))
assert mine.shape == guess.shape and torch.allclose(mine[:, ::3], measured[:, ::3], atol=1e-5), "the data are not there"
assert torch.allclose(mine[:, 1::3], fft2c(guess)[:, 1::3], atol=1e-5), "lines that were not measured have changed"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why the mask?* A measured sample may be zero. The common mistake adds the zero-filled image to the network's:
# measured lines then count twice.

# %% [markdown] slideshow={"slide_type": "subslide"}
# With one uniform coil, ISTA's gradient step ([[compressed_sensing]]) does the same: $x + A^H(y - A x)$.
#
# **Predict.** How much does it gain at $R = 2$? We claimed 1 dB, and a win over the rival.

# %% slideshow={"slide_type": "fragment"}
learned = networks["undersampling"](B, data).detach()
before, after = (psnr(best_scale(i, truth), truth) for i in (learned, learned + B.adjoint(data) - B.normal(learned)))
claim("R = 2: putting measured lines back gains", after - before, at_least=1, unit="dB")
claim("R = 2: learned over rival, now", leads["R = 2"] + after - before, at_least=-0.5, unit="dB")

# %% [markdown]
# The gain holds; the win is a draw: the interval includes zero.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# Numbers stand at the claims (✔).
#
# - Sparsity cannot tell a head from a mixture. No convolution of the image fills lines.
# - Training data move the weights, against the gradient; validation data choose; test data from another head judge.
# - At equal budgets networks beat tuned rivals in two tasks, and draw in one; ghosts belong to the exact model.
# - More slices help until the network is the limit. It lost where it did not ask the data, and on unseen organs.
#
# [[convolution]] opens the box at its main part, the convolution.
#
# ## Further reading
#
# - LeCun, *Nature* 2015, doi:10.1038/nature14539. Deep learning, by three who made it.
# - Krizhevsky, *NIPS* 2012, doi:10.1145/3065386. All four reasons in one paper.
# - Knoll, *Radiol. Artif. Intell.* 2020, doi:10.1148/ryai.2020190007. fastMRI, the public data.
# - Bruder, *Magn. Reson. Med.* 1992, doi:10.1002/mrm.1910230211. Where the ghost comes from.
