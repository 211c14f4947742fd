# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 15 · The U-Net
#
# **You will be able to**
# - build a U-Net from its levels, poolings, enlargements and skips;
# - say how far it sees, and why a stack of blocks does not see as far;
# - measure what its skips are worth, and where in k-space.
#
# | Prerequisites | Run time (CPU) | Data |
# |---|---|---|
# | [[lenet_and_its_heirs]] | about 15 s | heads with contrast, phase, noise simulated; three trained networks |

# %% slideshow={"slide_type": "skip"}
import torch
from torch.nn.functional import avg_pool2d, interpolate  # noqa: F401

from mricourse import claim, device, fft2c, random_complex, your_turn
from mricourse.evaluation import psnr
from mricourse.networks import UNet, fastmri_paper_unet, fastmri_unet, ronneberger_unet
from mricourse.physics import stack
from mricourse.plotting import plot_lines, show_images
from mricourse.training import load_checkpoint

torch.manual_seed(0)
DEVICE = device()  # the GPU where there is one


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


# %% [markdown] slideshow={"slide_type": "slide"}
# ## U-Net: far and near
#
# Noise is local. Aliasing is not: with every third line of 96, copies lie 32 pixels apart, and random lines spread
# them over the whole column. Our stacks of blocks see some 18 pixels to each side. **U-Net** (2015) pools, like LeNet,
# and comes back:
#
# ![A U with three levels; skips from left to right](figures/unet.svg)
#
# On the **contracting path** each **level** has two convolutions; then 2 x 2 pooling halves the map, and the channels
# double. A 3 x 3 kernel at the bottom spans 24 pixels of the image. On the **expanding path** a **transposed
# convolution**, the backward pass of one with stride 2 ([[backpropagation]]), writes each pixel into 2 x 2. A **skip**
# hands the map of the same level across, as further channels.
#
# The network of 2015 outlined cells: no padding, 572 x 572 pixels in, 388 x 388 out, a softmax for each pixel. For
# reconstruction one pads with zeros, returns an image, and usually adds the input: a residual block as large as a
# network. Two others are called "the fastMRI U-Net", its repository's and its paper's:

# %% slideshow={"slide_type": "fragment"}
for net, n in (ronneberger_unet, 31_030_658), (fastmri_unet, 7_756_097), (fastmri_paper_unet, 3_348_227):
    claim(net.__name__, count(net()), at_least=n, at_most=n, unit="parameters")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The drawn U in numbers
#
# Count once by hand before the network does. The drawn one has three poolings, 8 channels at the first level, images of
# $96\times96$ with two channels (real and imaginary part), kernels of 3 x 3 and no constants.
#
# - *Maps.* A side halves three times: 96, 48, 24, 12. Channels double three times: 8, 16, 32, 64. So a level has a
#   quarter of the pixels and twice the channels: half as many numbers as the level above. At the bottom 64 maps of
#   12 x 12 are 9216 numbers, half of the $2\cdot96\cdot96=18{,}432$ of the image itself. What does not fit has to come by
#   the skips, or not at all.
# - *Weights.* A convolution from $m$ to $n$ channels has $9mn$. When both double, the weights grow fourfold, so most sit
#   at the bottom: $9\cdot32\cdot64+9\cdot64\cdot64=55{,}296$. The first block has $9\cdot2\cdot8+9\cdot8\cdot8=720$.
# - *Work.* A weight is used once for each pixel of its level. Four times the weights at a quarter of the pixels: each level
#   costs about the same, and a deep U-Net little more than a shallow one.
# - *Sight.* Two convolutions widen what a pixel depends on by 4 pixels of their own level in all: 4 pixels of the image at the top, 32
#   at the bottom, where a pixel spans 8.
#
# That is the trade of the architecture: the bottom is cheap in pixels, rich in weights and far-sighted, the top the other
# way round. On the way up every block sees twice its channels, half of them from the skip.

# %% slideshow={"slide_type": "fragment"}
drawn = UNet(n_in=2, n_out=2, n_features=8, n_levels=3, norm="none", bias="none")
maps = torch.zeros(1, 2, 96, 96)
for level, part in enumerate([*drawn.down_blocks, drawn.bottom]):
    maps = part(maps)
    print(f"level {level}: {tuple(maps.shape[1:])}, {maps.numel():,} numbers, {count(part):,} weights")
    maps = avg_pool2d(maps, 2)
print(f"the whole U: {count(drawn):,} weights")

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 15.1 · Go further: a U-Net  (★★☆, about 15 min)
#
# Write the drawn U. Pooling is `avg_pool2d(x, 2)`; enlarged maps come before the skip's. *Hint:* the skip kept last is
# needed first.


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_unet(x, down_blocks, bottom, enlargements, up_blocks):
    """(n, channels, y, x); blocks in the order of their use -> (n, channels', y, x)"""
    ### BEGIN SOLUTION
    skips = []
    for block in down_blocks:
        skips.append(block(x))
        x = avg_pool2d(skips[-1], 2)
    x = bottom(x)
    for enlarge, block in zip(enlargements, up_blocks, strict=True):
        x = block(torch.cat([enlarge(x), skips.pop()], dim=1))
    return x
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** Where the bottom gives zeros, skips still bring the image. Then the library's.

# %% tags=["check"] slideshow={"slide_type": "skip"}
u, z = UNet(n_in=2, n_features=4, n_levels=3, norm="none"), torch.randn(3, 2, 24, 40)
rest, mine = (my_unet(z, u.down_blocks, b, u.enlargements, u.up_blocks) for b in (lambda z: 0 * u.bottom(z), u.bottom))
assert mine.shape == (3, 4, 24, 40), f"shape {tuple(mine.shape)}; expected (3, 4, 24, 40)"
assert rest.abs().max() > 0, "when the bottom returns zeros, nothing is left: where are the skips?"
assert torch.allclose(u.head(mine), u(z), atol=1e-5), "the right shape, and skips; but other values"

# %% [markdown] tags=["solution"] slideshow={"slide_type": "skip"}
# *Why a stack, last in, first out?* The deepest map fits the first enlargement. *Common mistake:* to keep the pooled
# map; its size does not fit.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What are the skips worth?
#
# Two U-Nets of the drawn size learned to remove the aliasing of random lines, $R=3$, one coil: `unet_small`, and
# `unet_no_skips`, where everything has to pass the bottom. What its expanding blocks lack in inputs they get as
# features between their convolutions: equal weights, data and steps. Both add the input.
#
# **Predict.** How far does each see? How much worse is the one without skips, and where in k-space? We claim: 92 to 100
# pixels ([[convolution]]), half a decibel at least, and that the outer half of k-space (by the larger of $|k_x|$,
# $|k_y|$) loses more.

# %% slideshow={"slide_type": "fragment"}
nets = {name: load_checkpoint(name) for name in ("block_residual", "unet_small", "unet_no_skips")}
start = random_complex(128, 128).to(DEVICE).requires_grad_()
bodies = {n: net.network.to(DEVICE).body for n, net in nets.items()}
fields = {n: torch.autograd.grad(body(start)[64, 64].real, start)[0].abs() for n, body in bodies.items()}
show_images({n: (f / f.max() + 1e-9).log10() for n, f in fields.items()}, window=(-5, 0), label="log10 of the gradient")
claim("the U-Net sees", (fields["unet_small"] > 0).any(dim=0).sum(), at_least=92, at_most=100, unit="pixels")

# %% slideshow={"slide_type": "fragment"}
[(A, kspace, truth)] = stack([nets["unet_small"].recipe.slices("test", 13)[i].to(DEVICE) for i in range(24)])
images = {"zero-filled": A.adjoint(kspace)} | {n: nets[n].network(A, kspace).detach() for n in list(nets)[1:]}
show_images({"reference": truth[5]} | {name: x[5] for name, x in images.items()}, reference=truth[5], error_gain=3)
_, with_skips, without = (psnr(image, truth) for image in images.values())
claim("U-Net with skips over the one without", with_skips - without, at_least=0.5, unit="dB")

# %% slideshow={"slide_type": "fragment"}
k = torch.arange(-48, 48, device=DEVICE).abs() // 4
error = {n: ~A.mask[:, 0] * fft2c(x - truth) for n, x in images.items()}
lost = {n: torch.stack([e[:, k.maximum(k[:, None]) == r].norm(dim=1) for r in range(1, 12)]) for n, e in error.items()}
restored = {n: 100 - 100 * (lost[n] / lost["zero-filled"]).square() for n in list(nets)[1:]}  # % of unmeasured energy
plot_lines(range(4, 48, 4), {n: r.mean(1) for n, r in restored.items()}, xlabel="|k| (1/FOV)", ylabel="restored (%)")
less, ratio = restored["unet_small"] - restored["unet_no_skips"], lost["unet_no_skips"] / lost["unet_small"]
print(f"error without skips over that with skips: inner half {ratio[:5].mean():.2f}, outer {ratio[5:].mean():.2f}")
claim("skips restore more: outer less inner half", less[5:].mean(0) - less[:5].mean(0), at_least=0, unit="points")

# %% [markdown]
# The gradient of the U-Net is a bright spot on a wide, dim field: the near in detail, the far in summary. Without
# skips only the field is left, and one bright pixel, the added input.
#
# Its bottom holds 64 maps of 12 x 12 numbers: of the outermost unmeasured k-space *nothing* comes back. One
# expectation failed: that the *ratio* of the two errors grows outwards as well. It falls, as the printed line says:
# near the centre most is restored, and small errors double easily. The measure one picks decides what one sees.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned
#
# - A U-Net has levels: two convolutions, then pooling, down to the bottom; enlargement, the skip's maps, two
#   convolutions, up again.
# - Pooling makes it see far, 92 to 100 pixels with three poolings, where the stack of residual blocks sees 37.
# - Skips let it see sharply, by the decibels above; most of what they bring back lies in the outer half of k-space.
#
# We compared single trainings on one test head. [[honest_experiments]] asks how far that can be trusted.
#
# ## Further reading
#
# - Ronneberger, *MICCAI* 2015, [U-Net](https://doi.org/10.1007/978-3-319-24574-4_28).
# - Zbontar, 2018, [fastMRI](https://doi.org/10.48550/arXiv.1811.08839), with the U-Net as baseline.
