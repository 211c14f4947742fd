# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 7 · Convolution
#
# **You will be able to**
# - write the convolution of a network and predict the size of its output;
# - say what one shared kernel saves, and how far a stack of layers sees;
# - measure which shifts and turns a layer respects, and what breaks them;
# - read a kernel in k-space, and learn one that removes noise.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[kspace]], [[learning_to_reconstruct]]; one figure: [[forward_model]] | about 15 s | heads (scalps partly drawn); contrast, phase, noise simulated |

# %% slideshow={"slide_type": "skip"}
import torch
from torch.nn.functional import conv2d, pad, unfold

from mricourse import claim, device, fft2c, ifft2c, random_complex, your_turn
from mricourse.plotting import explore, plot_lines, show_images
from mricourse.simulate import brain_slices

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one
NY, NX, NOISE_STD = 160, 144, 0.05  # pixels; noise of the real and of the imaginary part, brightest pixel 1

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Convolution: one small kernel for every place
#
# [[learning_to_reconstruct]] trained networks; here we open one layer. A tissue border looks alike wherever it lies. So
# one detector is enough, carried to every place: a small array of weights, the **kernel** $w$, laid over the image $x$,
# multiplied, summed. In row $u$ and column $v$:
#
# $$(w\star x)[u,v]=\sum_{i,j} w[i,j]\;x[u+i,\,v+j],\qquad i,j=0,1,2$$
#
# We do it for a **Sobel** kernel: neighbours to the right minus neighbours to the left, averaged over three rows. Loops
# are slow; `unfold` writes the patch under the kernel at each place as a column of a matrix, and *one* product does all
# places. `conv2d` also takes a second kernel, here the first turned by 90°, and gives one image for each: its output
# **channels**.
#
# **Predict.** Which borders of the head does each kernel miss?

# %% slideshow={"slide_type": "fragment"}
heads = brain_slices("test", 24, shape=(NY, NX)).to(DEVICE)  # (slices, y, x) complex
images, image = heads.abs(), heads[3].abs()
sobel = torch.outer(torch.tensor([0.25, 0.5, 0.25]), torch.tensor([-1.0, 0.0, 1.0]))
near = image.cpu()  # number by number, a GPU only waits
loops = torch.tensor([[(sobel * near[u : u + 3, v : v + 3]).sum() for v in range(NX - 2)] for u in range(NY - 2)])
loops, sobel = loops.to(DEVICE), sobel.to(DEVICE)
unfolded = (sobel.flatten() @ unfold(image[None, None], 3)[0]).reshape(NY - 2, NX - 2)
by_torch = conv2d(image[None, None], torch.stack([sobel, sobel.T])[:, None])[0]  # (channels, y', x')
claim("Loops, unfold, conv2d: difference", (torch.stack([loops, unfolded]) - by_torch[0]).abs().max(), at_most=1e-6)
show_images([image, *by_torch.abs(), by_torch.norm(dim=0)], ["head", "|Sobel along x|", "|Sobel along y|", "both"])

# %% [markdown]
# Along $x$, borders that run from left to right are missed: there the brightness changes along $y$. Networks *learn*
# their kernels.
#
# **Predict.** We filter an image of one bright point. Does it show the kernel as we wrote it?

# %% slideshow={"slide_type": "fragment"}
arrow = torch.tensor([[1.0, 0.8, 0.6], [0.8, 0.4, 0.1], [0.6, 0.1, 0.2]], device=DEVICE)
point = pad(torch.ones(1, 1, 1, device=DEVICE), [3] * 4)
show_images([pad(arrow, [1] * 4), conv2d(point, arrow[None, None])[0]], ["kernel", "a point, filtered"], label="weight")

# %% [markdown]
# Turned by 180°. What networks call convolution is **cross-correlation**. True convolution has minus signs,
# $x[u-i,v-j]$; a point then shows the kernel itself, the *point spread* of an imaging system. A network learns the
# turned kernel and loses nothing; in an adjoint the difference matters.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Stride, padding, dilation
#
# **Padding** $p$ adds that many zeros on each side. **Stride** $s$ keeps every $s$-th place. **Dilation** $d$ spreads
# the **taps**, the single weights of the kernel, $d$ pixels apart. From $n$ pixels and $k$ taps along an axis come
#
# $$n'=\left\lfloor\frac{n+2p-d\,(k-1)-1}{s}\right\rfloor+1$$
#
# **Predict** the rows from $n=160$, $k=3$: plain ($p=0$, $s=d=1$); with $p=1$; with $p=1$ and $s=2$; with $d=8$ only.

# %% slideshow={"slide_type": "fragment"}
panels = {}
for p, s, d in ((0, 1, 1), (1, 1, 1), (1, 2, 1), (0, 1, 8)):
    out = conv2d(image[None, None], sobel[None, None], padding=p, stride=s, dilation=d)[0, 0].abs()
    panels[f"p, s, d = {p}, {s}, {d}: {len(out)} rows, formula {(NY + 2 * p - 2 * d - 1) // s + 1}"] = out
show_images(panels, window=(0, 1), label="|Sobel along x|")

# %% [markdown]
# Dilation 8 compares pixels 16 apart and shows each border twice.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 7.1 · the convolution of a network  (★★☆, about 15 min)
#
# A layer also has several input channels, as a scan has coils. Each output channel $o$ has one kernel for each input
# channel $c$ and adds up the results:
#
# $$\mathrm{out}_o=\sum_c w_{oc}\star x_c$$
#
# Write it with all three options, without `conv2d`. *Hint:* `unfold` takes `dilation`, `padding` and `stride` and
# returns (n, channels · i · j, places).


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_conv2d(images, kernels, stride=1, padding=0, dilation=1):
    """(n, channels_in, y, x), (channels_out, channels_in, i, j) -> (n, channels_out, y', x')"""
    ### BEGIN SOLUTION
    ny = (images.shape[2] + 2 * padding - dilation * (kernels.shape[2] - 1) - 1) // stride + 1
    columns = unfold(images, kernels.shape[2:], dilation=dilation, padding=padding, stride=stride)
    return (kernels.flatten(1) @ columns).reshape(len(images), len(kernels), ny, -1)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A kernel of one tap fetches a neighbour. The rest is compared with torch.

# %% tags=["check"] slideshow={"slide_type": "skip"}
x, w, tap = torch.randn(2, 3, 11, 14), torch.randn(4, 3, 3, 5), pad(torch.ones(1, 1, 1, 1), (1, 3, 2, 0))
assert torch.equal(my_conv2d(x[:, :1], tap), x[:, :1, 2:, 1:11]), "tap (2, 1) fetches x[u + 2, v + 1]: is w turned?"
for options in ({}, {"padding": 2}, {"stride": 3}, {"dilation": 2}, {"stride": 2, "padding": 1, "dilation": 3}):
    mine, torchs = my_conv2d(x, w, **options), conv2d(x, w, **options)
    assert mine.shape == torchs.shape, f"{options}: shape {tuple(mine.shape)}; expected {tuple(torchs.shape)}"
    assert torch.allclose(mine, torchs, atol=1e-4), f"{options}: right shape, wrong values (3 channels in, 4 out)"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why one matrix product?* `flatten(1)` makes one row of each output channel, in the order of the columns of `unfold`:
# channel, $i$, $j$. *Common mistake:* no sum over the input channels; with one channel nobody notices.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Shared and sparse
#
# A **dense** layer gives each pair of input and output pixel its own weight. A convolution is constrained twice:
# **sparse**, an output sees only the pixels under the kernel; **shared**, all places use the same weights.
#
# Every linear layer is a matrix. We get its columns by sending in one point after the other, here on 12 x 12 pixels.
# **Circular padding** continues the image on the other side, as the discrete Fourier transform does. The last panel
# keeps every third $k_y$ line, the $F^H M F$ of [[forward_model]].
#
# **Predict.** How many weights has a dense layer from 320 x 320 to 320 x 320 pixels? What does aliasing look like as a
# matrix?


# %% slideshow={"slide_type": "fragment"}
def circular(x, kernel):
    """Cross-correlate with circular padding: (n, y, x) real or complex, (i, i) with i odd -> (n, y, x)"""
    return conv2d(pad(x[:, None], [len(kernel) // 2] * 4, mode="circular"), kernel[None, None].to(x.dtype))[:, 0]


points = torch.eye(144, device=DEVICE).reshape(144, 12, 12)
aliased = ifft2c((torch.arange(12, device=DEVICE) % 3 == 0)[:, None] * fft2c(points)).abs()
responses = circular(points, arrow), conv2d(points[:, None], arrow[None, None], padding=1), aliased
show_images([r.flatten(1).T for r in responses], ["circular", "zeros", "every third ky"], window=(0, 1), label="weight")

# %% [markdown]
# A dense layer would fill the square; on 320 x 320 pixels that is $320^4\approx10^{10}$ weights, 42 GB as float32. Here
# each row holds the same nine numbers, moved on by one pixel. Zero padding drops some at the edges. A common layer of
# 64 channels in and out has $64\cdot64\cdot9=36{,}864$ weights for any image.
#
# Aliasing is a convolution too, a *dilated* one: three equal taps, a third of the field of view (FOV) apart.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### How far does a network see?
#
# The **receptive field** of an output pixel is the part of the input that can change it. Each layer with $k$ taps adds
# $(k-1)\,d$ steps of its own input grid, which earlier strides have widened:
#
# $$r=1+\sum_l (k_l-1)\,d_l\prod_{m<l}s_m$$
#
# We take five layers of 3 x 3 with equal weights (`AvgPool2d` with stride 1). All are positive, so nothing cancels: the
# gradient of one output pixel with respect to the input is non-zero exactly in its field.
#
# **Predict** $r$. Do all pixels of the field count alike?

# %% slideshow={"slide_type": "fragment"}
network = torch.nn.Sequential(*(torch.nn.AvgPool2d(3, stride=1, padding=1) for _ in range(5)))
start = torch.zeros(1, 1, 31, 31, requires_grad=True)
field = torch.autograd.grad(network(start)[0, 0, 15, 15], start)[0][0, 0].abs()
claim("Five layers of 3 x 3 see, by gradient", (field > 0).any(dim=0).sum(), at_least=11, at_most=11, unit="pixels")
show_images([(field > 0).float(), field / field.max()], ["can change it", "how much"], label="gradient (largest = 1)")

# %% [markdown]
# Not alike: many paths lead to the middle, one to each corner. The **effective** receptive field is a bell, narrower
# than the square (Luo 2016). Dilation and stride reach further. At $R=4$ and 320 lines copies lie 80 pixels apart: a
# pixel sees its copy only after 80 plain layers.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 7.2 · the receptive field  (★☆☆, about 5 min)
#
# Compute $r$ from the list of layers. *Hint:* carry two numbers along, field and step.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_receptive_field(layers):
    """List of (size, stride, dilation), first layer first -> width of the receptive field in pixels, int"""
    ### BEGIN SOLUTION
    field, step = 1, 1
    for size, stride, dilation in layers:
        field, step = field + (size - 1) * dilation * step, step * stride
    return field
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The gradient knows the answer.

# %% tags=["check"] slideshow={"slide_type": "skip"}
for layers in ([], [(4, 1, 1)], [(3, 1, 2), (3, 1, 1)], [(5, 1, 1), (3, 2, 1)], 2 * [(3, 2, 1), (5, 1, 1)]):
    chain = torch.nn.Sequential(*(torch.nn.Conv2d(1, 1, k, s, dilation=d) for k, s, d in layers))
    seen = int((torch.autograd.grad(chain(start)[0, 0, 0, 0], start)[0] != 0).any(dim=2).sum())
    assert my_receptive_field(layers) == seen, f"{layers}: {my_receptive_field(layers)}, but by gradient {seen} pixels"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why does the step grow last?* A stride widens the steps of the layers *after* it; its own taps still lie one input
# step apart. *Common mistake:* to multiply first, so that one layer of stride 2 sees 5 pixels.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Equivariance: what a layer respects
#
# Let $T$ move the image. A layer $f$ is **equivariant** to $T$ when it does not matter which comes first:
#
# $$f(T x)=T' f(x)$$
#
# $T'$ is the same movement on the grid of the output: after stride 2, half as many steps. A shared kernel gives this
# for whole-pixel shifts, away from borders: a network need not see a lesion in every place to learn it.
#
# **Predict.** Which hold exactly for the Sobel kernel with circular padding: a shift; with stride 2, a shift of two
# pixels; with stride 2, a shift of one; a turn by 90°?


# %% slideshow={"slide_type": "fragment"}
def error(a, b):
    """Relative error of each image: (n, y, x), (n, y, x) -> (n,)"""
    return (a - b).flatten(1).norm(dim=1) / b.flatten(1).norm(dim=1)


full, moved, turned = (circular(x, sobel) for x in (images, images.roll((7, -4), (1, 2)), images.rot90(1, (1, 2))))
half, by_1, by_2 = (circular(images.roll(n, 2), sobel)[:, ::2, ::2] for n in (0, 1, 2))  # stride 2
kept = torch.cat([error(moved, full.roll((7, -4), (1, 2))), error(by_2, half.roll(1, 2))])
claim("Any shift; stride 2, even shift: relative error", kept.max(), at_most=1e-6)
claim("Stride 2, odd shift: relative error", torch.min(error(by_1, half), error(by_1, half.roll(1, 2))), at_least=0.1)
claim("Turn by 90°: relative error", error(turned, full.rot90(1, (1, 2))), at_least=0.1)

# %% [markdown]
# (A tenth was our bound for "broken".) Stride 2 keeps every second pixel. After an odd shift it keeps *the others*;
# [[pooling_and_activations]] mends most of that. The turned slice gives an error near $\sqrt2$, as of two unrelated
# images. Only a kernel that is its own turned copy respects turns.
#
# Most networks pad with zeros. We cut two windows out of each slice, 7 and 4 pixels apart (a scan of so small a FOV
# would alias), send both through the five layers and compare the shared pixels.
#
# **Predict.** Where do the outputs disagree, and how deep?

# %% slideshow={"slide_type": "fragment"}
first = network(images[:, None, 40:120, 30:110])[:, 0, 7:, :76]
second = network(images[:, None, 47:127, 26:106])[:, 0, :73, 4:]  # the same pixels of the head
depth = next(d for d in range(1, 30) if error(second[:, d:-d, d:-d], first[:, d:-d, d:-d]).max() < 1e-6)
claim("Zero padding: depth of the rim where two windows disagree", depth, at_least=5, at_most=5, unit="pixels")
show_images([first[3], second[3]], ["first window", "second window"], reference=first[3], error_gain=50, scores=False)

# %% [markdown]
# The rim is as deep as the field reaches to one side, $(r-1)/2=5$. From it networks can learn *where* in the
# image they are (Kayhan 2020).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Convolution is multiplication in k-space
#
# A phase ramp, moved, is the same ramp times a number. A circular convolution adds up moved copies: a ramp comes out as
# the same ramp, times a number. The Fourier transform is made of ramps; hence the **convolution theorem**, for our
# orthonormal $F$ and true circular convolution $*$:
#
# $$F(h * x)=H\cdot F x,\qquad H=\sqrt{n_y n_x}\;F h$$
#
# $h$, the response to a point in the middle of the image, is the turned kernel; $H$ is the **transfer function**.


# %% slideshow={"slide_type": "subslide"}
def transfer(kernel):
    """Factor of circular() for each sample of k-space: (i, i) -> complex (ky, kx)"""
    point = pad(torch.ones(1, 1, 1, device=DEVICE), (NX // 2, NX - NX // 2 - 1, NY // 2, NY - NY // 2 - 1))
    return (NY * NX) ** 0.5 * fft2c(circular(point, kernel)[0])


claim("F(h * x) against H F x: relative error", error(fft2c(full), transfer(sobel) * fft2c(images)), at_most=1e-6)

# %% [markdown]
# **Predict.** Where in k-space is $|H|$ large for a Gaussian? For an edge filter? What if the kernel gets wider?


# %% slideshow={"slide_type": "fragment"}
def gaussian(width):
    """Gaussian of standard deviation width (pixels), sum 1: -> (13, 13)"""
    line = torch.exp(-0.5 * ((torch.arange(13, device=DEVICE) - 6) / width) ** 2)
    return torch.outer(line, line) / line.sum() ** 2


def filtered(kind="Gaussian", width=1.5):
    smooth, across = gaussian(width), torch.arange(13, device=DEVICE) - 6
    w = {"Gaussian": smooth, "edges": across * smooth, "sharpen": gaussian(0.01) - smooth / 2}[kind]
    return {f"{kind}, {width} px": circular(heads[3:4], w)[0], f"|H|, {kind}": transfer(w).abs()}


show_images(filtered() | filtered("edges"), window=(0, 1))

# %% [markdown]
# **Try it.** What does sharpening do, the image minus half a smooth one?

# %%
explore(filtered, kind=["Gaussian", "edges", "sharpen"], width=(0.3, 2.5, 0.1), window=(0, 1))

# %% [markdown]
# Smoothing is a **low-pass**: the centre of k-space passes; the wider the kernel, the less. An edge filter along $x$ is
# zero at $k_x=0$. Sharpening favours the outer k-space, where signal is weakest: it lifts noise over signal.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A kernel that removes noise
#
# Noise in k-space is white, while the energy of a head sits in the centre ([[kspace]]). A low-pass removes more noise
# than signal, up to a point. We add noise to k-space, apply $H$ there, and choose the width on the training heads. Our
# measure is the squared error of the *complex* image.
#
# **Predict** the curve of quality against width.


# %% slideshow={"slide_type": "fragment"}
def quality(kspace, gain, true, inside=1):
    """Signal over error after a filter: (n, ky, kx), (ky, kx), (n, y, x) complex -> (n,) in dB"""
    return -20 * error(inside * ifft2c(gain * kspace), inside * true).log10()


train = brain_slices("train", 24, shape=(NY, NX)).to(DEVICE)
train_kspace = fft2c(train) + NOISE_STD * random_complex(*train.shape, seed=1).to(DEVICE)
widths = torch.linspace(0.3, 0.9, 13)
curve = torch.stack([quality(train_kspace, transfer(gaussian(width)), train).mean() for width in widths])
plot_lines(widths, curve, xlabel="width of the Gaussian (pixels)", ylabel="signal / error (dB)", title="training heads")

# %% [markdown]
# Of all 5 x 5 kernels we now take the one with the least squared error on the training heads. The error is quadratic in
# the 25 weights: `unfold` gives the equations, one solve the answer. Of circular convolutions of *any* size
# **Wiener's** has the least error: $H=S/(S+N)$, the power of signal and noise at each sample of k-space. We know $S$ of
# the training heads only.
#
# **Predict.** How will the learned $H$ differ from the Gaussian's?

# %% slideshow={"slide_type": "fragment"}
patches = unfold(pad(ifft2c(train_kspace)[:, None], (2, 2, 2, 2), mode="circular"), 5)  # (n, 25, places)
normal, right = (torch.einsum("nip,njp->ij", patches.conj(), y).real for y in (patches, train.flatten(1)[:, None]))
learned = torch.linalg.solve(normal, right).reshape(5, 5)
wiener = 1 / (1 + 2 * NOISE_STD**2 / fft2c(train).abs().square().mean(dim=0))  # (ky, kx)
kernels = {"none": gaussian(0.01), "Gaussian": gaussian(widths[curve.argmax()]), "learned": learned}
filters = {name: transfer(kernel) for name, kernel in kernels.items()} | {"Wiener": wiener}
plot_lines(range(-80, 80), {n: g.real[:, NX // 2] for n, g in filters.items()}, xlabel="ky (1/FOV)", ylabel="H")

# %% [markdown]
# The learned kernel keeps the centre of k-space flatter and cuts the outside more steeply than a Gaussian can.
#
# **Predict.** Who wins on a new head, tissue alone? Our bounds: a Gaussian of 0.5 pixels removes 4 dB of noise, 1 dB
# should be left after the blur. The learned kernel could become (nearly) that Gaussian: it should not lose. Wiener
# should not lose on the training heads; on a new one it should be within 1 dB.

# %% slideshow={"slide_type": "fragment"}
noisy = fft2c(heads) + NOISE_STD * random_complex(*heads.shape, seed=2).to(DEVICE)
tissue = images > 0.02
db = {name: quality(noisy, gain, heads, tissue) for name, gain in filters.items()}  # (slices,) each
fit = quality(train_kspace, wiener, train) - quality(train_kspace, filters["learned"], train)
claim("The tuned Gaussian against the noisy image", db["Gaussian"] - db["none"], at_least=1, unit="dB")
claim("The learned 5 x 5 kernel against the tuned Gaussian", db["learned"] - db["Gaussian"], at_least=0, unit="dB")
claim("Training heads: Wiener against the learned kernel", fit, at_least=0, unit="dB", samples="slices of two heads")
claim("New head: Wiener against the learned kernel", db["Wiener"] - db["learned"], at_least=-1, at_most=1, unit="dB")
best = torch.stack([quality(noisy, transfer(gaussian(width)), heads, tissue).mean() for width in widths]).max()
print(f"The Gaussian that suits this new head best: {best:.1f} dB; the learned kernel: {db['learned'].mean():.1f} dB")
show_images({n: ifft2c(g * noisy[3]) for n, g in filters.items()}, reference=heads[3], error_gain=5, scores=False)

# %% [markdown]
# Wiener leads where it was fitted and trails on the new head: one number for each of 23,040 samples learns two heads
# partly by heart. The last line keeps us modest: a Gaussian of the width that suits *this* head does as well. (One
# noise level, one test head.)
#
# All three blur the borders: a linear filter that treats all places alike cannot smooth tissue and spare its outline.
# [[pooling_and_activations]] adds what can.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Complex images: two channels
#
# Networks compute with real numbers: a complex image comes in as two channels. A complex weight $a+ib$ has two free
# numbers for each tap, a real layer from two channels to two has four:
#
# $$\begin{pmatrix}a&-b\\b&a\end{pmatrix}\;\text{against}\;\begin{pmatrix}w_{11}&w_{12}\\w_{21}&w_{22}\end{pmatrix}$$
#
# The other two buy the conjugate: any real 2 x 2 matrix is $x\mapsto \alpha\,x+\beta\,x^*$ with complex
# $\alpha,\beta$. Such a layer can take the real part, as partial Fourier does in [[kspace]]; a complex one cannot. The
# price is equivariance to the global phase, arbitrary in MR.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 7.3 · Go further: complex images in two channels  (★★☆, optional, about 15 min)
#
# Write the complex convolution with *one* call of the real `conv2d`. *Hint:* real and imaginary parts as channels.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_complex_conv2d(images, kernels):
    """complex (n, channels_in, y, x), (channels_out, channels_in, i, j) -> complex (n, channels_out, y', x')"""
    ### BEGIN SOLUTION
    rows = torch.cat([kernels.real, -kernels.imag], dim=1), torch.cat([kernels.imag, kernels.real], dim=1)
    real, imaginary = conv2d(torch.cat([images.real, images.imag], dim=1), torch.cat(rows)).chunk(2, dim=1)
    return torch.complex(real, imaginary)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A complex layer lets a global phase pass.

# %% tags=["check"] slideshow={"slide_type": "skip"}
stack, layer = random_complex(2, 3, 9, 8), random_complex(4, 3, 3, 5, seed=1)
mine, torchs = my_complex_conv2d(stack, layer), conv2d(stack, layer)
assert (my_complex_conv2d(1j * stack, layer) - 1j * mine).abs().max() < 1e-4, "a phase of 90° does not pass the layer"
assert mine.shape == torchs.shape and torch.allclose(mine, torchs, atol=1e-4), "phases pass; a conjugate, a flip?"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why the minus?* $i\cdot i=-1$. *Common mistake:* a plus there; the shapes fit, but a phase no longer passes.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - A network's convolution is a cross-correlation and one matrix product; four numbers give the size of its output.
# - One shared kernel repeats nine entries in each row of a matrix; five layers see as far as the second claim says.
# - Circular padding respects whole-pixel shifts. Zeros break a rim, stride 2 odd shifts, turns most kernels.
# - A kernel is a factor on k-space; 25 learned weights beat a Gaussian tuned alike by the decibels above.
#
# ## Further reading
#
# - LeCun, *Neural Computation* 1989, doi:10.1162/neco.1989.1.4.541. Shared kernels, trained on real images.
# - Luo, *NeurIPS* 2016, doi:10.48550/arXiv.1701.04128. The effective receptive field.
# - Kayhan, *CVPR* 2020, doi:10.1109/CVPR42600.2020.01428. How padding tells a network where it is.
# - Cole, *Magn. Reson. Med.* 2021, doi:10.1002/mrm.28733. Complex against two-channel networks.
