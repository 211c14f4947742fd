# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 10 · Back-propagation
#
# **You will be able to**
# - draw a computation as a graph, and carry gradients through it from the end to the beginning;
# - build an engine that does so, train a network with it, and referee it by finite differences;
# - say what reverse mode saves, what it costs, and when gradients vanish or explode;
# - write the backward of a convolution, and read the gradient of a complex image.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[forward_model]] and [[convolution]], best after [[loss_functions]] | about 15 s | heads; signals and noise simulated |

# %% slideshow={"slide_type": "skip"}
import math

import torch
from torch.nn.functional import conv2d, pad

from mricourse import claim, device, fft2c, ifft2c, your_turn
from mricourse.fundamentals import backward, draw_graph, history
from mricourse.plotting import plot_lines, show_images
from mricourse.simulate import decay_rate, echo_slices

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
SCAN = {"te_ms": (20, 80), "noise_std": 0.03, "shape": (160, 144)}  # noise of each part, water gives 1; pixels


# %% [markdown] slideshow={"slide_type": "slide"}
# ## One number, many weights
#
# [[loss_functions]] chose the loss $L$, one number that says how wrong a network is. It left open how each weight
# learns which way to go. [[learning_to_reconstruct]] called the slopes $\partial L/\partial w$ the gradient, and let
# torch find them. Now we build an engine that does, and train with it.
#
# The MR signal decays: a **spin echo** at the echo time $TE$ has $S = S_0\,e^{-R_2 TE}$. The rate $R_2 = 1/T_2$ tells
# tissues apart. Two echoes give
#
# $$R_2 = \frac{\ln (S_1/S_2)}{TE_2 - TE_1} .$$
#
# Simulated are the magnitudes, from tissue maps of real heads, and the (Rician) noise. The true $R_2$ is the formula's
# without noise; with noise we clip the formula to 0 to 25 per second.
#
# **Predict.** Where does noise spoil the formula most?

# %% slideshow={"slide_type": "fragment"}
echoes, rate = echo_slices("test", 24, **SCAN)  # (slices, echo, y, x); true R2 (slices, y, x) in 1/s, 0 outside
echoes, rate = echoes.to(DEVICE), rate.to(DEVICE)
maps = {"true": rate, "formula": decay_rate(echoes, SCAN["te_ms"]).clamp(0, 25) * (rate > 0)}
show_images(echoes[12], ["echo at 20 ms", "echo at 80 ms"], window=(0, 0.7), label="signal (water = 1)")
show_images({name: r2[12] for name, r2 in maps.items()}, window=(0, 25), label="R2 (1/s)")

# %% [markdown]
# Where $R_2$ is large: the second echo is nearly gone. A small network that reads both echoes may do better. Ours has
# 17 weights. To nudge each in turn and look at $L$ takes 18 runs a step; common networks have millions. We want all
# slopes from *one* run.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The chain rule on a graph
#
# A program is made of small operations, and each has slopes that we can write down, its **local derivatives**. For
# $c = a\,b$ they are $\partial c/\partial a = b$ and $\partial c/\partial b = a$. A `Value` is a number that remembers
# its **parents**, the values it was made from, and its slope towards each. Values and arrows between them are a
# **computation graph**.


# %% slideshow={"slide_type": "fragment"}
class Value:  # a number that knows its parents and its slope towards each of them
    def __init__(self, data, parents=(), slopes=(), name=""):
        self.data, self.parents, self.slopes, self.name = data, parents, slopes, name
        self.grad, self.level = 0.0, 1 + max((parent.level for parent in parents), default=0)

    def __add__(self, other):
        return Value(self.data + other.data, (self, other), (1.0, 1.0), "+")

    def __mul__(self, other):
        return Value(self.data * other.data, (self, other), (other.data, self.data), "×")

    def tanh(self):
        return Value(math.tanh(self.data), (self,), (1 - math.tanh(self.data) ** 2,), "tanh")


print(f"3 × 4 = {(c := Value(3.0) * Value(4.0)).data}, with slopes {c.slopes} towards its parents")

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 10.1 · a local rule  (★☆☆, about 10 min)
#
# MR images are complex, and many losses compare magnitudes. Teach the engine $m = \sqrt{a^2 + b^2}$: the new Value
# needs its data, its parents (real part first) and its slopes. *Hint:* write the slopes with $m$. In the background of
# a simulated scan $a = b = 0$, where no slope exists. Choose 0 there, as torch does.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_magnitude(real, imag):
    """Real and imaginary part, two Values -> Value of the magnitude"""
    ### BEGIN SOLUTION
    m = math.hypot(real.data, imag.data)
    return Value(m, (real, imag), (real.data / m, imag.data / m) if m else (0.0, 0.0), "| |")
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Torch writes both slopes as one complex number; we come back to that.

# %% tags=["check"] slideshow={"slide_type": "skip"}
for z in (3 - 4j, -0.2 + 0j, 0.3 + 0.1j, 0j):
    mine, slope = my_magnitude(Value(z.real), Value(z.imag)), torch.func.grad(torch.abs)(torch.tensor(z)).item()
    assert [p.data for p in mine.parents] == [z.real, z.imag], "parents: expected the real and the imaginary part"
    assert abs(mine.data - abs(z)) < 1e-5, f"|{z}| is {abs(z):.3f}, yours {mine.data:.3f}"
    assert abs(complex(*mine.slopes) - slope) < 1e-5, f"slopes of |{z}|: {mine.slopes}; expected {slope:.3f}"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why the choice at zero?* Built from squares and a root, the rule divides 0 by 0. One such pixel turns the whole
# gradient into "not a number": the *common mistake* of hand-written magnitude losses.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### From the end to the beginning
#
# The **chain rule**: along a path slopes multiply; where several paths lead from $v$ to $L$, they add. Paths can be
# very many, but nobody needs to list them. Let $c$ run over the **children** of $v$, the values made from it:
#
# $$\frac{\partial L}{\partial v} = \sum_{c}\ \frac{\partial L}{\partial c}\;\frac{\partial c}{\partial v},
# \qquad \frac{\partial L}{\partial L} = 1 .$$
#
# So a value hands its gradient on to its parents once all its children have delivered theirs. Every arrow is used
# once. That is **back-propagation**.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 10.2 · backward  (★★☆, about 20 min)
#
# You get the result and the set of all values it was made from, in no order. Fill in their `grad`. *Hint:* `level` is
# the length of the longest way from an input. Who may go first? And two children may deliver to one parent.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_backward(root, values):
    """The result, the set of all Values it was made from and itself -> None; adds d root / d value to each grad"""
    ### BEGIN SOLUTION
    root.grad = 1.0
    for value in sorted(values, key=lambda value: value.level, reverse=True):
        for parent, slope in zip(value.parents, value.slopes, strict=True):
            parent.grad += slope * value.grad
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Values that are used more than once, near the result and far from it. The judge is torch.

# %% tags=["check"] slideshow={"slide_type": "skip"}
for f in (lambda a, b: a + a * b, lambda a, b: (c := a * b).tanh() + c, lambda a, b: (c := a * b.tanh()) * c.tanh()):
    (a, b), slopes = (Value(0.7), Value(-1.2)), torch.func.grad(f, (0, 1))(torch.tensor(0.7), torch.tensor(-1.2))
    my_backward(root := f(a, b), set(history(root)))
    assert math.dist((a.grad, b.grad), slopes) < 1e-5, f"d/da {a.grad:.3f}, d/db {b.grad:.3f}; expected {slopes}"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why by level?* A child's level is above that of its parents. From high to low all children have delivered before a
# parent hands on. *Common mistake:* to hand on as soon as anything arrives; what comes later is lost. Or `=` for `+=`.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A network of scalars
#
# We go on with the library's `backward`, the same loop; its `history` lists all values, parents first. `Value` and
# `backward` are the whole **engine**, sixteen lines. Our network has two **layers**. The first is made of **neurons**:
# each weights both echoes, adds a bias and bends the sum by the activation $\tanh$. The second adds up:
#
# $$R_2 = c + \sum_i v_i\,\tanh(u_i S_1 + w_i S_2 + b_i) .$$
#
# The signals enter as $8(S-0.4)$, the rate leaves in units of 10 per second, so that all numbers are near 1. Drawn is
# the squared error for two neurons and one voxel, with the gradients that `backward` found.
#
# **Predict.** The last × gets the error as both factors. Which gradient has the error?


# %% slideshow={"slide_type": "fragment"}
def network(weights, s, t):  # 4 n + 1 weights, both scaled signals, all Values or all tensors -> R2 in 10/s
    terms = [v * (u * s + w * t + b).tanh() for u, w, b, v in zip(*(weights[i:-1:4] for i in range(4)), strict=True)]
    return sum(terms[1:], terms[0]) + weights[-1]


start = torch.randn(17, dtype=torch.float64) / 2
small = [Value(w, name=n) for w, n in zip(start[:9].tolist(), "u₁ w₁ b₁ v₁ u₂ w₂ b₂ v₂ c".split(), strict=True)]
error = network(small, Value(0.4, name="S₁"), Value(-0.3, name="S₂")) + Value(-1.3, name="−R₂")
backward(loss := error * error)
draw_graph(loss, title=f"{len(history(loss))} values")

# %% [markdown]
# Twice its own value, the slope of a square: both arrows deliver. With one child, a gradient is that of the child times
# the slope between them. Echoes are inputs like weights: there is a gradient of the *image* as well.
#
# Torch keeps the same graph, with whole arrays as its values. Does it agree, for four neurons and 32 voxels?


# %% slideshow={"slide_type": "fragment"}
def squared_error(weights, voxels, number=Value):  # rows (first, second, R2) -> summed over the voxels
    return sum(((e := network(weights, number(s), number(t)) + number(-r)) * e for s, t, r in voxels), number(0.0))


train_echoes, train_rate = echo_slices("train", 24, **SCAN)
voxels = torch.cat([8 * (train_echoes - 0.4), train_rate[:, None] / 10], 1).movedim(1, 3)[train_rate > 0].double()
weights, rows = [Value(w) for w in start.tolist()], voxels[:: len(voxels) // 31].tolist()
backward(squared_error(weights, rows))
exact = torch.func.grad(squared_error)(start, rows, float)
claim("Gradient: distance of ours from torch's", math.dist([w.grad for w in weights], exact.tolist()), at_most=1e-6)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now **training**, as in [[learning_to_reconstruct]]: draw 32 voxels of the training heads, take the gradient, step a
# little against it.
#
# **Predict.** On a head it never saw, do 17 weights beat the formula? We claim an error smaller by 10 %: the network
# can learn which rates occur in heads, and to distrust a noisy logarithm. And on a scanner of 30 % lower gain? The
# formula divides, gain does not matter to it. We claim that the network then loses.

# %% slideshow={"slide_type": "fragment"}
weights = [Value(w) for w in start.tolist()]
for batch in voxels[torch.randint(len(voxels), (1000, 32))].tolist():
    backward(loss := squared_error(weights, batch))
    for weight in weights:
        weight.data, weight.grad = weight.data - 0.1 / 32 * weight.grad, 0.0

learned = torch.tensor([weight.data for weight in weights], device=DEVICE)
maps |= {f"net, gain {g}": 10 * network(learned, *(8 * (g * echoes - 0.4)).unbind(1)) * (rate > 0) for g in (1, 0.7)}
off = [((r2 - rate).square().sum((1, 2)) / (rate > 0).sum((1, 2))).sqrt() for r2 in maps.values()]  # in 1/s
claim("New head: the network's error is smaller by", 100 * (1 - off[2] / off[1]), at_least=10, unit="%")
claim("Gain 0.7: the network's error minus the formula's", off[3] - off[1], at_least=0, unit="1/s")
show_images({name: r2[12] for name, r2 in maps.items()}, window=(0, 25), label="R2 (1/s)")

# %% [markdown]
# Back-propagation says how to fit, not what. The network has learned *this* gain and *these* tissues by heart (ours
# vary less than real ones, which helps it); the formula knows physics. [[generalization]] comes back to this. The
# intervals speak of slices of one head, not of people.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A referee: finite differences
#
# A hand-written gradient needs a judge that shares none of its mistakes. The **central difference**
#
# $$\frac{\partial L}{\partial w} \approx \frac{L(w + h) - L(w - h)}{2h}$$
#
# errs by some $h^2$, since $L$ is curved, and by rounding, some $\epsilon/h$: $\epsilon\approx10^{-7}$ in float32,
# $2\cdot10^{-16}$ in float64. Both are equal near $h=\epsilon^{1/3}$, where the error is $\epsilon^{2/3}$: about
# $2\cdot10^{-5}$ and $4\cdot10^{-11}$.
#
# **Predict** the curves of error against $h$. Constants that we do not know get a factor of 25.

# %% slideshow={"slide_type": "fragment"}
steps, errors = 10.0 ** torch.arange(-12, 0.1, 0.5, dtype=torch.float64), {}
moved = [start[:, None, None] + sign * steps[:, None] * torch.eye(17)[:, None] for sign in (1, -1)]
for dtype in (torch.float32, torch.float64):
    up, down = (squared_error(w.to(dtype), rows, float).double() for w in moved)  # (steps, weight that moved)
    errors[str(dtype)[6:]] = ((up - down) / (2 * steps[:, None]) - exact).norm(dim=1) / exact.norm()
plot_lines(steps, errors, xlabel="step size h", ylabel="relative error of the gradient", log="xy")
for (name, error), theory in zip(errors.items(), (2e-5, 4e-11), strict=True):
    claim(f"{name}: smallest error of a difference", error.min(), at_least=theory / 25, at_most=theory * 25)

# %% [markdown]
# A V: rounding on the left, curvature on the right. A wrong gradient makes no V, its error stays. (A single weight fell
# below the bound by luck, hence all 17.) Test in float64.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Why backwards?
#
# The chain rule can be read from the inputs as well. **Forward mode** carries along how each value changes with *one*
# weight, and needs a sweep for each weight, though only through values that depend on it. **Reverse mode**, our
# `backward`, takes one product for each arrow, once. We count, for the last step of training.
#
# **Predict** the ratio for 17 weights. All but $c$ act on at least 8 of the 58 arrows of a voxel. So we claim at least
# $16\cdot8/58\approx2$.

# %% slideshow={"slide_type": "fragment"}
depends = {}  # on which weights a value depends
for value in history(loss):
    depends[value] = set().union({value} & set(weights), *(depends[parent] for parent in value.parents))
arrows = [parent for value in depends for parent in value.parents]
ratio = sum(len(depends[parent]) for parent in arrows) / len(arrows)
claim(f"{len(depends)} values, {len(arrows)} products in reverse mode; forward mode, times as many", ratio, at_least=2)

# %% [markdown]
# Most weights of this small network act on little. In a deep one each acts on nearly all that follows: one common layer
# of [[convolution]] has 36,864 weights, as many sweeps against one. Forward mode pays where one input has many outputs:
# what does one knob of the scanner change in the image?
#
# The price is memory: all values of the forward pass wait until the sweep comes back. 64 channels of 320 x 320 pixels
# are 26 MB, in each layer.
#
# ### Deep chains
#
# The gradient of an early layer is a product over all later ones. Thirty layers that scale it by 0.7 leave
# $0.7^{30}\approx10^{-5}$: gradients **vanish**. At 1.4 they **explode**, to $10^4$. We measure it on 30 convolutions
# of 16 channels with ReLU ([[pooling_and_activations]]). Random weights of variance $2/(9\cdot16)$ should keep the size
# (He 2015); we multiply them by a factor.
#
# **Predict** the curves. And for a factor of 0.1, if each layer *adds* to its input, a **shortcut**? Our bounds leave a
# factor of 30 to chance.


# %% slideshow={"slide_type": "fragment"}
def gradient_sizes(factor, shortcut=0):  # -> at the input and after each of 30 layers, relative to the last
    outputs = [torch.randn(1, 16, 64, 64).to(DEVICE).requires_grad_()]
    for kernels in factor * (2 / 144) ** 0.5 * torch.randn(30, 16, 16, 3, 3).to(DEVICE):
        outputs.append(shortcut * outputs[-1] + conv2d(outputs[-1], kernels, padding=1).relu())
    grads = torch.autograd.grad(outputs[-1].square().sum(), outputs)
    return torch.stack([grad.norm() / grads[-1].norm() for grad in grads])


sizes = {f"factor {f}": gradient_sizes(f) for f in (0.7, 1.0, 1.4)} | {"0.1 and shortcut": gradient_sizes(0.1, 1)}
plot_lines(None, sizes, xlabel="layer", ylabel="gradient (last layer = 1)", log="y")
for (name, size), bound in zip(sizes.items(), (0.7**30, 1, 1.4**30, 1), strict=True):
    claim(f"{name}: gradient at the input", size[0], at_least=bound / 30, at_most=30 * bound)

# %% [markdown]
# On a logarithmic axis products are straight lines. With 0.7 a change after the first layer counts ten thousand times
# less than after the last. The shortcut keeps a path of slope 1 open: [[lenet_and_its_heirs]] builds on it.
# [[batch_normalization]] holds the sizes otherwise.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The backward of a convolution
#
# A layer needs no graph of scalars, only its own rule. In $y = w \star x$ a tap $w[i]$ carries pixel $x[p]$ to
# $y[p-i]$. Let $g = \partial L/\partial y$. Adding up what comes back,
#
# $$\frac{\partial L}{\partial x[p]} = \sum_i w[i]\,g[p-i],\qquad
#   \frac{\partial L}{\partial w[i]} = \sum_p g[p]\,x[p+i] .$$
#
# The minus makes the first a *true* convolution: the kernel of [[convolution]], turned by 180°, over $g$ with zeros
# around. It is the **adjoint** of the layer, so the dot test of [[forward_model]] must hold. The second correlates the
# image with $g$.
#
# **Predict.** In [[convolution]] a point, filtered, showed the kernel turned. What does a point in $g$ show?

# %% slideshow={"slide_type": "fragment"}
image, g = echoes[12:13, :1].double(), torch.randn(1, 1, 158, 142).double().to(DEVICE)
kernel = torch.tensor([[[[1.0, 0.8, 0.6], [0.8, 0.4, 0.1], [0.6, 0.1, 0.2]]]], device=DEVICE).double()
by_hand = conv2d(pad(g, [2] * 4), kernel.flip(2, 3)), conv2d(image, g)
output, by_torch = torch.func.vjp(conv2d, image, kernel)
off = [(mine - torchs).abs().max() / torchs.abs().max() for mine, torchs in zip(by_hand, by_torch(g), strict=True)]
claim("image and kernel, by hand against torch: relative", max(off), at_most=1e-6)
claim("dot test: relative mismatch", abs((output * g).sum() / (image * by_hand[0]).sum() - 1), at_most=1e-6)
point = pad(torch.ones(1, 1, 1, 1, device=DEVICE).double(), [3] * 4)
show_images([conv2d(point, k)[0, 0] for k in (kernel, kernel.flip(2, 3))], ["forward", "backward"], label="weight")

# %% [markdown]
# The kernel as written: one output pixel tells each pixel that it looked at how much it counted.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 10.3 · Go further: a whole layer backwards  (★★★, optional, about 20 min)
#
# Write both for several images and channels, without automatic differentiation. *Hint:* the gradient of the images
# sums over *output* channels, that of the kernels over images. `transpose(0, 1)` swaps the first two axes.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_conv2d_backward(images, kernels, grad):
    """(n, in, y, x), (out, in, i, j), gradient of conv2d(images, kernels) -> gradients of images and of kernels"""
    ### BEGIN SOLUTION
    by_images = conv2d(pad(grad, [kernels.shape[k] - 1 for k in (3, 3, 2, 2)]), kernels.transpose(0, 1).flip(2, 3))
    return by_images, conv2d(images.transpose(0, 1), grad.transpose(0, 1)).transpose(0, 1)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A layer is linear in the images *and* in the kernels: two dot tests. Then torch.

# %% tags=["check"] slideshow={"slide_type": "skip"}
X, W, G = torch.randn(2, 3, 9, 12), torch.randn(4, 3, 3, 5), torch.randn(2, 4, 7, 8)
out, back = torch.func.vjp(conv2d, X, W)
for which, one, own, good in zip(("images", "kernels"), (X, W), my_conv2d_backward(X, W, G), back(G), strict=True):
    assert own.shape == one.shape, f"{which}: gradient of shape {tuple(own.shape)}; expected {tuple(one.shape)}"
    assert ((one * own).sum() - (out * G).sum()).abs() < 1e-2, f"{which}: the dot test fails. Flip, order of axes?"
    assert torch.allclose(own, good, atol=1e-3), f"{which}: one dot test holds, but torch differs"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why swap?* Forward, input channels are summed; backward, output channels are, and `conv2d` sums over its second axis.
# *Common mistake:* no flip. With symmetric kernels nobody notices.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Complex images
#
# The loss is real, the image $x = a + ib$ complex. Then torch returns two real gradients as one number,
#
# $$g = \frac{\partial L}{\partial a} + i\,\frac{\partial L}{\partial b} = 2\,\frac{\partial L}{\partial x^*} ,$$
#
# so that $-g$ points downhill. The second form is the **Wirtinger derivative** by the conjugate, with $x$ and $x^*$
# treated as independent; many texts leave out the 2. For $L = \lVert A x - y\rVert^2$ it gives
# $g = 2 A^H(A x - y)$: the adjoint of [[forward_model]] is the backward of the forward model.
#
# We test one coil, $A = M F$, from a random image; the phase of the head is a ramp. On the samples $A A^H = 1$, so that
# half a step against $g$ should meet the data. **Predict.** What if we step against $g^*$?

# %% slideshow={"slide_type": "fragment"}
mask, phase = (torch.rand(160, 1) < 0.4).to(DEVICE), torch.linspace(-2, 2, 144, device=DEVICE).expand(160, 144)
y = mask * fft2c(torch.polar(echoes[12, 0], phase))
x = torch.randn(160, 144, dtype=torch.complex128).to(DEVICE)
misfit = (mask * fft2c(x.requires_grad_()) - y).abs().square().sum()
[g] = torch.autograd.grad(misfit, x)
claim("g against 2 A^H (A x - y), relative", (g - 2 * ifft2c(mask * fft2c(x) - y)).norm() / g.norm(), at_most=1e-6)
for name, step in {"g": g / 2, "its conjugate": g.conj() / 2}.items():
    print(f"half a step against {name} leaves {(mask * fft2c(x - step) - y).norm() ** 2 / misfit:.0%} of the misfit")

# %% [markdown]
# The misfit grows: every pixel steps with a wrong phase. That is what a missing conjugate does in a hand-written
# backward. (Exercise 10.1 was such a gradient: of $L=|x|$ it is $x/|x|$.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - A computation is a graph; each value hands its gradient to its parents once all its children have delivered.
# - `Value` and `backward` equal torch, and train a network: the claims above say what it gained, and where it loses.
#   Central differences, in float64, are the referee.
# - Reverse mode needs one sweep for all weights, and keeps all values. Products of slopes vanish or explode with depth.
# - The backward of a convolution is its adjoint, with the kernel turned; that of a forward model $A$ is $2A^H(Ax-y)$.
#
# The gradient says which way. How far to step, and what to remember of earlier steps, is the subject of [[optimizers]].
#
# ## Further reading
#
# - Rumelhart, *Nature* 1986, doi:10.1038/323533a0. The paper that made back-propagation known.
# - Baydin, *J. Mach. Learn. Res.* 2018, doi:10.48550/arXiv.1502.05767. Forward and reverse mode, and what they are not.
# - He, *ICCV* 2015, doi:10.1109/ICCV.2015.123. The variance that keeps gradients alive through ReLU.
# - Kreutz-Delgado, 2009, doi:10.48550/arXiv.0906.4835. Gradients by complex numbers.
