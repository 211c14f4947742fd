# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 20 · MoDL
#
# **You will be able to**
# - write the two steps of MoDL, and say where each of them comes from;
# - say how far its denoiser sees, and what data consistency adds to it;
# - differentiate through a solver without keeping its iterations, and test the result;
# - unroll $K$ iterations, compare one with five, and say what each step is for.
#
# | Prerequisites | Time | Run time (CPU) | Data |
# |---|---|---|---|
# | [[compressed_sensing]], [[unet]] | 100 minutes | 45 s | simulated scans of a head that no network trained on |

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
import torch  # noqa: I001  packed below

from mricourse import SenseOperator, claim, device, fft2c, predict, your_turn
from mricourse.evaluation import (
    best_scale, compare, memory_of_gradients, psnr, reg_weight_gradients,
    surviving_error,
)  # fmt: skip
from mricourse.exercises import (
    check_data_consistency, check_modl, check_psnr_by_iteration,
    check_reg_weight_gradient,
)  # fmt: skip
from mricourse.networks import MoDL, data_consistency
from mricourse.physics import stack
from mricourse.plotting import (
    plot_lines, plot_rounds, show_close_up, show_frozen_steps, show_images,
    show_kspace, show_modl_diagram, show_paired_differences,
)  # fmt: skip
from mricourse.reconstruct import conjugate_gradient
from mricourse.simulate import SimulatedScans
from mricourse.training import Settings, load_checkpoint, train

torch.manual_seed(0)

# %% [markdown]
# In [[compressed_sensing]] we asked for an image that fits the data and has few edges.
# It never strays far from the measurement, but all it knows of heads is that they have
# edges. In [[unet]] a network learned from many examples what heads look like. But
# nothing keeps it from contradicting the data.
#
# Each has what the other one lacks. Today we join them. First the problem: one slice,
# eight coils, one line in four.

# %%
DEVICE = device()  # the GPU where there is one
NOISE = (0.004, 0.014)  # per real and imaginary part; the brightest pixel is about 1
OPTIONS = {"matrix": (160, 160), "n_coils": (8, 8), "acceleration": (4, 4)}  # R = 4
OPTIONS.update(noise_std=NOISE, pool=1, reuse=1)  # pool, reuse: each scan a new draw
scan = SimulatedScans("test", 18, **OPTIONS)[7].to(DEVICE)  # seed 18, slice 7
A = SenseOperator(scan.smaps, scan.mask)
y = scan.kspace  # (coils, ky, kx), zero where nothing was measured
reference = scan.reference  # (y, x), from all lines, with their noise

# %%
# {} says: no networks yet; tolerance: the rival is solved to within 1 %
known = compare({}, A, y, reference, tolerance=1e-2)
show_images({"reference": reference, **known}, reference=reference)

# %% [markdown]
# All of this is simulated. Contrast, phase and noise are drawn at random. The lines lie
# at random places here, and at equal distances in other scans. As on a scanner, the
# coil maps are estimated from the noisy centre of k-space ([[coil_calibration]]), and
# the reference is the image of all lines, combined with the same maps. (It shares their
# errors, and the noise of the measured lines.)
#
# The third panel is what a network has to beat. Our **rival** is compressed sensing
# with Haar wavelets or with total variation, whichever comes closer. We give it more
# than a clinic could: the weight that is best *for this very slice*, found by comparing
# with the reference. It has removed the smear and gained more than 6 dB, but not
# brought back the fine folds. (Every image is scaled to fit the reference.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One objective, two steps
#
# What do we want of an image $x$? Two things. It should explain the data: with
# $A = M F S$ from [[forward_model]], $\lVert A x - y\rVert^2$ should be small. And it
# should look like an image.
#
# For the second we need a judge. A **denoiser** is a function $D$ that takes an image
# and returns a cleaner one. What it removes is $x - D(x)$. When an image is clean
# already, this is small. So we minimise both together:
#
# $$ \text{minimise}\quad
#    \lVert A x - y\rVert^2 + \lambda\,\lVert x - D_w(x)\rVert^2 . $$
#
# The number $\lambda > 0$ says how much the denoiser's opinion counts beside the data.
# The denoiser is a network, and $w$ are its weights; they are learned. **MoDL**
# (model-based deep learning) is a reconstruction that alternates between a learned
# denoiser and the measured data, and this is its objective.
#
# There is a difficulty: $x$ stands inside $D_w$ too. To see what that means we shrink
# the problem to a single pixel.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### One pixel on paper
#
# One pixel, one coil that hears it with sensitivity 1, no Fourier transform: $A = 1$.
# The measured value is $y = 2$. Our denoiser believes that pixels are 1. It is
# careful and moves half of the way there: $D(x) = (x + 1)/2$. For $x = 2$ it says 1.5.
# Since $x - (x + 1)/2 = (x - 1)/2$, the objective with $\lambda = 1$ is
#
# $$ (x - 2)^2 + \tfrac14 (x - 1)^2 . $$
#
# Its derivative, $2(x - 2) + \tfrac12(x - 1)$, is zero at $x = 1.8$. For this we had to
# put the formula of $D$ into the objective and solve for $x$. With a network of 30,000
# weights in its place, nobody can solve for $x$.
#
# So we *freeze* the denoiser: we ask it once, for the image that we have now, write
# down the answer $z$, and treat $z$ as a fixed number. What is left is easy:
#
# $$ (x - y)^2 + \lambda\,(x - z)^2 \quad\text{has the derivative}\quad
#    2\,(x - y) + 2\lambda\,(x - z) , $$
#
# and this is zero at
#
# $$ x = \frac{y + \lambda z}{1 + \lambda} , $$
#
# a weighted mean of what was measured and what the denoiser said. Then we ask the
# denoiser again, for the new $x$, and so on. Do two rounds with a pencil, from
# $x = 2$.

# %%
predict("where-freezing-ends")


# %%
def half_way(x):
    """A denoiser of one pixel: it believes in 1, and moves half of the way there."""
    return (x + 1) / 2


x = 2.0  # begin with the measured value
for _ in range(6):
    z = half_way(x)  # ask the denoiser
    x = (2.0 + 1.0 * z) / (1.0 + 1.0)  # (y + lambda z) / (1 + lambda)
    print(f"the denoiser says z = {z:.4f}, the weighted mean is x = {x:.4f}")

# %%
show_frozen_steps(half_way, data=2.0, reg_weight=1.0)

# %% [markdown]
# The black curve is the whole objective, with its minimum at 1.8. The dashed curves are
# the frozen ones, and the dots their minima. They go to 1.75, 1.69, 1.67, and stay at
# $5/3$: there $x = (2 + D(x))/2$, so neither step changes anything.
#
# So freezing does *not* find the minimum of the objective. It ignores that the
# denoiser's answer moves when $x$ moves. But no law says that the minimum is the true
# image. What we will train is the *chain of steps*, such that its last image comes
# close to the truth. The objective only tells us how to build the chain.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The chain
#
# For images the two steps read the same. From the zero-filled image $x_0 = A^H y$ we
# repeat, for $k = 0, 1, 2, \dots$
#
# $$ z_k = D_w(x_k) , \qquad
#    x_{k+1} = \text{the minimum of}\ \lVert A x - y\rVert^2
#    + \lambda\,\lVert x - z_k\rVert^2 . $$
#
# The first step is the denoiser. The second one has a name too: **data consistency** is
# the step that takes, among all images near the denoised one, the one that the data
# like best. We stop after $K$ iterations, and $x_K$ is the result. We call them
# *rounds*, since the solver of the second step will have iterations of its own.
#
# Then we look at the whole as one network with $2K$ blocks, and train it from end to
# end. An **unrolled network** is a network whose layers are the steps of an iteration.

# %%
show_modl_diagram()

# %% [markdown]
# The data $y$ enter every round, not only the first one. And all rounds use the same
# $w$ and the same $\lambda$, so that a chain of any length has the same number of
# weights. Now we build the two blocks. (The formula in the right block is what the
# minimum comes to; we derive it there.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The denoiser
#
# MoDL's denoiser is short: five convolutions of 3 x 3 pixels with a ReLU between them
# ([[convolution]], [[pooling_and_activations]]). A complex image enters as two
# channels, real and imaginary part. What comes out is *added to the image*:
#
# $$ D_w(x) = x + N_w(x) . $$
#
# So the convolutions $N_w$ need not copy the image. They only have to find what to
# change. That is the residual connection of [[lenet_and_its_heirs]]. In code:


# %%
def denoise(image, kernels):
    """D(x) = x + N(x): image (y, x), five kernels (out, in, 3, 3) -> (y, x)."""
    channels = torch.view_as_real(image).permute(2, 0, 1)  # (2, y, x)
    for number, kernel in enumerate(kernels):
        if number > 0:
            channels = channels.relu()
        channels = torch.conv2d(channels, kernel, padding=1)
    change = torch.view_as_complex(channels.permute(1, 2, 0).contiguous())
    return image + change


# %% [markdown]
# Our convolutions have 32 channels between them, and no bias. $\mathrm{ReLU}(2a) =
# 2\,\mathrm{ReLU}(a)$, so twice the image gives twice the result, and the network works
# in whatever unit the data have.
#
# <details><summary>And the authors' denoiser?</summary>
#
# It has 64 channels, about four times as many weights; we train on a laptop's
# processor. And after each convolution the authors normalise ([[batch_normalization]]).
# </details>
#
# We load a network with $K = 1$ that we have trained for this course (how, we see
# below; `published` in its name is its *form*) and take its five kernels. Does our
# function compute what the library's does?

# %%
one = load_checkpoint("modl_published_k1").network.to(DEVICE).requires_grad_(False)
kernels = list(one.denoiser.parameters())
by_hand = denoise(reference, kernels)
print(f"by hand minus library: {(by_hand - one.denoiser(reference)).abs().max():.1e}")
print(f"{sum(kernel.numel() for kernel in kernels):,} weights")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>The weights, counted by hand</summary>
#
# A convolution has one 3 x 3 kernel for each pair of an input and an output channel.
# With 32 channels the first layer has $9 \cdot 2 \cdot 32 = 576$ weights, the three in
# the middle $9 \cdot 32 \cdot 32 = 9216$ each, and the last one $9 \cdot 32 \cdot 2 =
# 576$: 28,800 together. With 64 channels it would be 112,896.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How far does it see?
#
# Now we make one pixel of the image brighter and ask which pixels of $D_w(x)$ change.

# %%
predict("reach")

# %%
brighter = reference.clone()
brighter[80, 80] += 1
change = (denoise(brighter, kernels) - by_hand).abs()[68:93, 68:93]  # 25 x 25 pixels
reached = (change > 0).float()
for axes in show_images({"where D changes": reached}, label="1: changed, 0: not"):
    axes.plot(12, 12, "r+")  # the pixel that was made brighter

# %% [markdown]
# The red cross is the pixel that we made brighter. A square of 11 x 11 pixels around it
# changes: each of the five convolutions adds one pixel on every side. The **receptive
# field** of a network is the part of the image that one pixel of its result depends on;
# here it is as large as that square.
#
# Is five pixels far? Lines at equal distances, one in four, put ghosts $160 / 4 = 40$
# pixels from what they are ghosts of ([[forward_model]]). The lines of our slice are
# drawn at random, and instead of a ghost there is a smear along $y$ over still larger
# distances. The denoiser can make the smear fainter, but it never sees where it came
# from.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Data consistency
#
# The second step minimises $\lVert A x - y\rVert^2 + \lambda\,\lVert x - z\rVert^2$.
# As for the pixel, the derivative has to be zero. The derivative of the first term is
# $2 A^H(A x - y)$ ([[sense]]), that of the second $2\lambda\,(x - z)$. Together:
#
# $$ (A^H A + \lambda I)\,x = A^H y + \lambda z . $$
#
# This is the equation of [[sense]] with regularisation, with one change: there, $x$ was
# pulled towards zero, and here it is pulled towards the denoised image $z$.
#
# With one uniform coil we can see what it does. There $A^H A$ takes an image to
# k-space, keeps the measured samples, and comes back. So in k-space every sample has
# an equation of its own. With $x$, $y$ and $z$ for the three values at one sample:
#
# $$ \text{measured:}\ (1 + \lambda)\,x = y + \lambda z , \qquad
#    \text{not measured:}\ \lambda x = \lambda z . $$
#
# Numbers: let $\lambda = 0.25$, and let $z$ have the value 1 at some sample. If 2 was
# measured there, the sample becomes $(2 + 0.25 \cdot 1)/1.25 = 1.8$. If nothing was
# measured, it stays 1.
#
# For a picture we play denoiser ourselves. Ours knows the head but blurs it.


# %%
def blurred(image):
    """The mean of 5 x 5 neighbours, (y, x) -> (y, x)."""
    total = torch.zeros_like(image)
    for down in range(-2, 3):
        for right in range(-2, 3):
            total = total + image.roll((down, right), (0, 1))
    return total / 25


z = blurred(reference)
kspace_of_z = fft2c(z)
measured = scan.mask * fft2c(reference)  # one uniform coil, the lines of our scan

# %%
mean = (measured + 0.25 * kspace_of_z) / 1.25
kspace_of_x = torch.where(scan.mask, mean, kspace_of_z)  # mean where measured, else z
show_kspace({"z": kspace_of_z, "measured": measured, "x": kspace_of_x})

# %% [markdown]
# In k-space a blurred image is bright in the centre and dark outside. (The black
# stripes are frequencies that a mean of 5 x 5 pixels wipes out.) After data
# consistency the measured lines are nearly those of the data, and the lines between
# them are still those of $z$.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 20.1 · data consistency  (★☆☆, about 6 min)
#
# Several coils tie the samples together, and no formula for a single sample is left.
# Solve the equation with conjugate gradients (CG, [[sense]]).
# `conjugate_gradient(normal, rhs, reg_weight=..., n_iterations=30)` solves $(N +
# \lambda I)\,x = b$, where `normal` is a function that applies $N$, `rhs` is $b$ and
# `reg_weight` is $\lambda$. The operator offers `A.normal` and `A.adjoint`.
#
# <details><summary>Hint 1: who is who?</summary>
#
# Lay the two equations over one another: $N$ is $A^H A$, and $b$ is everything on the
# right-hand side.
# </details>
#
# <details><summary>Hint 2: is λ needed twice?</summary>
#
# Yes. The solver adds $\lambda I$ to the matrix when you give it `reg_weight`. On the
# right-hand side you multiply $z$ by it yourself.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_data_consistency(A, kspace, prior, reg_weight):
    """Operator, (coils, ky, kx), z (y, x), lambda -> x (y, x)."""
    ### BEGIN SOLUTION
    rhs = A.adjoint(kspace) + reg_weight * prior
    return conjugate_gradient(A.normal, rhs, reg_weight=reg_weight, n_iterations=30)
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** A huge $\lambda$ has to return $z$, and a tiny one, with all
# lines, the true image. In between your $x$ has to solve the equation. Then your
# function mends the blurred slice, with the eight coils of our scan.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_data_consistency(my_data_consistency)
mine = my_data_consistency(A, y, blurred(reference), 0.01)
panels = {"reference": reference, "z": blurred(reference), "x, by you": mine}
show_images(panels, reference=reference, error_gain=4)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# $A^H A + \lambda I$ has no eigenvalue below $\lambda$, so the equation has exactly one
# solution, however few lines were measured. What the coils see well is decided by the
# data, what they see badly by $z$.
# </details>
#
# <details><summary>A common mistake</summary>
#
# To divide the right-hand side by $1 + \lambda$. That is right where $A^H A = I$, when
# all lines were measured. With lines missing, $A^H A$ mixes pixels, and a division of
# every pixel cannot undo that.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How large should λ be?
#
# The library's `data_consistency(A, zero_filled, prior, reg_weight)` does the same. It
# takes the zero-filled image $A^H y$, which does not change from round to round, and
# $\lambda$ as a tensor. We let it mend the blurred image, with eight coils and
# three values of $\lambda$.

# %%
predict("too-small-too-large")

# %%
zero_filled = A.adjoint(y)
panels = {"reference": reference}
for weight in (0.0001, 0.003, 1.0):
    reg_weight = torch.tensor(weight, device=DEVICE)
    mended = data_consistency(A, zero_filled, z, reg_weight, n_iterations=60)
    panels[f"λ = {weight}"] = mended
part = {"rows": slice(70, 130), "columns": slice(55, 115)}
show_close_up(panels, reference, error_gain=4, **part)

# %% [markdown]
# At $\lambda = 0.0001$ the image is sharp and covered with grain: where the eight coils
# see badly, noise is all that the data have to say. At $\lambda = 1$ the blur of $z$ is
# back. Between them, at 0.003, the data decide what they know well, and $z$ the rest.
# The best value depends on both: on the noise of the data, and on how good the denoiser
# is. So $\lambda$ is learned together with the weights.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The gradient of a solution
#
# To learn, we need to know how the loss changes when $z$ changes, and when $\lambda$
# changes ([[backpropagation]]). But $x$ comes out of a solver. How does one
# differentiate that?
#
# We begin with the single pixel: $y = 2$, $z = 1$, $\lambda = 0.25$, and so $x =
# 2.25/1.25 = 1.8$. Now we make $\lambda$ larger by 0.01. Then $x = 2.26/1.26 = 1.7937$,
# which is 0.0063 less. The slope is about $-0.63$: $x$ moves towards $z$.
#
# Now with the quotient rule. $\lambda$ stands above and below the line, so there are
# two parts:
#
# $$ x = \frac{y + \lambda z}{1 + \lambda} , \qquad
#    \frac{\mathrm{d}x}{\mathrm{d}\lambda} = \frac{z}{1 + \lambda}
#    - \frac{y + \lambda z}{(1 + \lambda)^2} = \frac{z - x}{1 + \lambda} . $$
#
# With numbers: $1/1.25 - 1.8/1.25 = 0.8 - 1.44 = -0.64$. The first part comes from the
# right-hand side of the equation, the second from its matrix. Whoever forgets the
# second gets $+0.8$: *the wrong sign*. We come back to this.

# %% [markdown]
# For images we do the same without solving first. Write $H = A^H A + \lambda I$, so
# that $H x = A^H y + \lambda z$. Let $z$ and $\lambda$ change a little, by
# $\mathrm{d}z$ and $\mathrm{d}\lambda$. Then $x$ changes by some $\mathrm{d}x$, and
# both sides of the equation change alike. On the left $H$ changes by
# $\mathrm{d}\lambda\,I$ as well:
#
# $$ H\,\mathrm{d}x + x\,\mathrm{d}\lambda = \lambda\,\mathrm{d}z + z\,\mathrm{d}\lambda
#    \quad\Longrightarrow\quad \mathrm{d}x = H^{-1}
#    \bigl(\lambda\,\mathrm{d}z + (z - x)\,\mathrm{d}\lambda\bigr) . $$
#
# **Implicit differentiation** finds the derivative of a solution from the equation that
# it solves, whatever solver was used. For the pixel $H = 1 + \lambda$, and we read off
# $(z - x)/(1 + \lambda)$ again.

# %% [markdown]
# ### From the image to the loss
#
# One step is left: from $x$ to the loss $L$. The gradient of $L$ at $x$ is, by
# definition, the image $g$ for which every small change $\mathrm{d}x$ gives
#
# $$ \mathrm{d}L = \mathrm{Re}\,\langle g,\; \mathrm{d}x\rangle . $$
#
# For $L = \tfrac12\lVert x - r\rVert^2$ with a reference $r$ it is $g = x - r$.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Our $\mathrm{d}x$ is $H^{-1} u$, where $u = \lambda\,\mathrm{d}z + (z -
# x)\,\mathrm{d}\lambda$ is the bracket. There is another $u$ for every $\mathrm{d}z$,
# but only one $g$. So we solve for $g$: let $v$ be the image with $H v = g$. $H$ is its
# own adjoint, as $A^H A$ is, and may change sides in an inner product:
#
# $$ \langle g,\; H^{-1} u\rangle = \langle H v,\; H^{-1} u\rangle
#    = \langle v,\; H H^{-1} u\rangle = \langle v,\; u\rangle . $$

# %% [markdown]
# Now we write out the two terms of $u$:
#
# $$ \mathrm{d}L = \mathrm{Re}\,\langle v,\; u\rangle
#    = \mathrm{Re}\,\langle v,\; \lambda\,\mathrm{d}z\rangle
#    + \mathrm{Re}\,\langle v,\; z - x\rangle\,\mathrm{d}\lambda . $$
#
# The number $\lambda$ is real and may stand on either side: the first term is
# $\mathrm{Re}\,\langle \lambda v, \mathrm{d}z\rangle$. It looks like the definition,
# with $\lambda v$ where $g$ was. So
#
# $$ \frac{\partial L}{\partial z} = \lambda v , \qquad
#    \frac{\partial L}{\partial\lambda} = \mathrm{Re}\,\langle v,\; z - x\rangle . $$
#
# Our pixel has $H = 1.25$ and $z - x = -0.8$. With $r = 1.5$ we get $g = 0.3$, $v =
# 0.3/1.25 = 0.24$, and $\partial L/\partial\lambda = 0.24 \cdot (-0.8) = -0.19$. The
# chain rule agrees: $0.3 \cdot (-0.64) = -0.19$.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 20.2 · the gradient of λ  (★★☆, about 10 min)
#
# Write the last formula. You get $z$ (`prior`), the solution $x$ (`image`), the
# gradient $g$ (`grad`) and $\lambda$. Solve for $v$ with `n_iterations=100,
# tolerance=1e-12`, since the check is strict.
#
# <details><summary>Hint 1: which equation?</summary>
#
# $H v = g$ has the same matrix as before, with another right-hand side: `grad`.
# </details>
#
# <details><summary>Hint 2: the inner product</summary>
#
# It conjugates its first argument and adds up all pixels, $\langle v, u\rangle = \sum
# \bar v\,u$. In code `(v.conj() * u).sum()`, and the real part of it is `.real`.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_reg_weight_gradient(A, prior, image, grad, reg_weight):
    """Operator, z, x and g (y, x), lambda -> dL / dlambda, a real number."""
    ### BEGIN SOLUTION
    options = {"reg_weight": reg_weight, "n_iterations": 100, "tolerance": 1e-12}
    v = conjugate_gradient(A.normal, grad, **options)
    return (v.conj() * (prior - image)).sum().real
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The check moves $\lambda$ a little up and down, solves again, and
# compares the slope of $L = \tfrac12\lVert x - r\rVert^2$ with your number. Where
# $A z = y$, we have $x = z$ for every $\lambda$, and the gradient has to be zero. Then
# your function draws how the error of our slice changes with $\lambda$. The axis is
# $\ln \lambda$, and along it the slope is $\mathrm{d}L/\mathrm{d}(\ln \lambda) =
# \lambda\,\mathrm{d}L/\mathrm{d}\lambda$.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_reg_weight_gradient(my_reg_weight_gradient)
prior = blurred(reference)
at = [0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05]
slopes = []
for weight in at:
    rhs = A.adjoint(y) + weight * prior
    image = conjugate_gradient(A.normal, rhs, reg_weight=weight, n_iterations=60)
    slope = my_reg_weight_gradient(A, prior, image, image - reference, weight)
    slopes.append(weight * float(slope))  # λ dL/dλ = dL/d(ln λ)
plot_lines(at, {"λ dL/dλ, by you": slopes}, xlabel="λ", ylabel="slope of L", log="x")

# %% [markdown] slideshow={"slide_type": "skip"}
# Below zero, a larger $\lambda$ lowers the error; above zero, a smaller one does. Your
# curve crosses zero where the error is smallest: training would go there by itself.
#
# <details><summary>Why this form? (after you have solved it)</summary>
#
# The solver appears twice, once for $x$ and once for $v$, and neither time do we look
# inside. Any solver will do, if it comes close enough to the solution: the formula was
# derived for the exact one.
# </details>
#
# <details><summary>A common mistake</summary>
#
# $\mathrm{Re}\langle v, z\rangle$ alone. It is the part of the right-hand side. That
# $\lambda$ stands in the matrix too is easily overlooked, since nobody sees it in the
# code: `reg_weight` hides it inside the solver.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Half of the formula
#
# This mistake has been made. Beside the automatic gradient that trained their weights,
# the authors' code offers one written by hand. It returns $\mathrm{Re}\langle v,
# z\rangle$ and leaves out $-\mathrm{Re}\langle v, x\rangle$. How often does that have
# the wrong sign? We try 200 tiny problems: images of 3 x 2 pixels, two coils, only some
# of the lines measured. Maps, true image, $z$ and $r$ are drawn at random around 0.

# %%
predict("how-often-wrong")

# %%
parts = reg_weight_gradients(200, 0.3)  # 200 problems, λ = 0.3
slope = parts.slope  # of L, by moving λ a little up and down, (200,)
half = parts.from_rhs  # Re<v, z>, since λ stands on the right-hand side
complete = half + parts.from_matrix  # -Re<v, x>, since λ stands in the matrix
error = (complete - slope).abs().max() / slope.abs().max()
print(f"complete formula minus finite differences: {error:.0e} of the largest slope")
wrong = (half * slope < 0).double().mean()  # the product of two signs
print(f"half of the formula has the wrong sign in {100 * wrong:.0f} % of the problems")
print(f"half above zero: {100 * (half > 0).double().mean():.0f} % of the problems")
print(f"slope below zero: {100 * (slope < 0).double().mean():.0f} % of the problems")

# %% [markdown]
# The complete formula is right to nine digits. Half of it has the wrong sign in two
# problems of three.
#
# Why so often? Look at a pixel that was *not measured*. There $H = \lambda$, and
# $x = z$ for every $\lambda$, so the true slope is 0. With $z = 1$, $r = 0$ and
# $\lambda = 0.3$ we get $v = (1 - 0)/0.3 = 3.3$. Then $\langle v, z\rangle = +3.3$ and
# $-\langle v, x\rangle = -3.3$: together 0, but half of the formula says $+3.3$.
#
# Half of it says $+1.7$ for $r = 1/2$ and $+5$ for $r = -1/2$: above zero for most $r$
# around 0, and in 92 % of the problems. The true slope is *below* zero in 75 %: a
# larger $\lambda$ mixes more of $z$ into $x$, and two random images mixed are smaller
# than either, and so nearer to a random $r$ around 0. So the two signs mostly differ.
#
# A wrong sign does not stop a training. The weights have correct gradients, and the
# loss falls. Only $\lambda$ walks away from its best value, and nobody notices.
# *Compare every gradient that you write by hand with finite differences.*

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The memory
#
# There is another way: let automatic differentiation go back through every iteration of
# conjugate gradients. How much memory does each of the two ways keep for the backward
# pass?

# %%
predict("memory")

# %%
counts = [1, 2, 5, 10, 20]
weight = torch.tensor(0.05, device=DEVICE)
memory = memory_of_gradients(A, zero_filled, z, weight, counts)  # MiB
axes = plot_lines(counts, memory, xlabel="solver's iterations", ylabel="memory (MiB)")
axes.set_xticks(counts)
ratio = (memory["through the iterations"] / memory["implicitly"])[counts.index(10)]
print(f"10 iterations: {ratio:.0f} times as much memory through the iterations")

# %% [markdown]
# Implicitly two images are kept, $z$ and $x$, whatever the solver did. Through the
# iterations, each of them keeps three more, and the coil maps are kept once. With ten
# iterations, the authors' number, the ratio is more than twenty. In three dimensions
# that decides whether a training fits into a GPU.
#
# <details><summary>The memory, counted by hand</summary>
#
# An image of 160 x 160 complex pixels of 8 bytes is 0.195 MiB, so two are 0.39 MiB, and
# three 0.59. The eight coil maps and their conjugates are 3.1 MiB. Ten iterations keep
# 3.1 + 5.9 = 9.0 MiB, 23 times 0.39.
# </details>
#
# You are half way through, at a good place for a break.

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
sentence = "gradient of λ, complete formula: largest relative error"
claim(sentence, error, at_most=1e-6)
sentence = "without the part of the matrix the sign is wrong in"
claim(sentence, 100 * wrong, at_least=10, unit="%")
sentence = "memory through ten iterations over implicit memory"
claim(sentence, ratio, at_least=10)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# Finite differences of step $10^{-5}$ in double precision are good to about $10^{-9}$;
# $10^{-6}$ leaves room. If the two parts were independent and equally large, one sign
# in four would be wrong, and we claimed one in ten. Each iteration of CG has three
# images of its own, the implicit way keeps two images and $\lambda$ in all: ten
# iterations are at least ten times as much.
#
# The formula holds for the exact solution, and our networks stop after ten iterations.
# We measured once, for $K = 1$ on the slice above, what that costs: against a converged
# solver the gradient of $z$ is 6 % off, that of $\lambda$ 17 % too large.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## K iterations, one set of weights
#
# Both blocks are there. We put them in a row.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 20.3 · unroll it  (★★☆, about 8 min)
#
# Write MoDL, with the library's `data_consistency(A, zero_filled, prior, reg_weight)`.
# `denoiser` is a function of an image, and `reg_weight` a tensor of one number. Look at
# the block diagram while you write.
#
# <details><summary>Hint 1: what changes, and what does not?</summary>
#
# The image changes from round to round. The zero-filled image stands for the data; it
# is computed once and stays.
# </details>
#
# <details><summary>Hint 2: where does it begin?</summary>
#
# The first image that the denoiser sees is the zero-filled one.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_modl(A, kspace, denoiser, reg_weight, n_iterations):
    """Operator, (coils, ky, kx), D: (y, x) -> (y, x), lambda, K -> x_K (y, x)."""
    ### BEGIN SOLUTION
    zero_filled = A.adjoint(kspace)
    image = zero_filled
    for _ in range(n_iterations):
        denoised = denoiser(image)
        image = data_consistency(A, zero_filled, denoised, reg_weight)
    return image
    ### END SOLUTION


# %% [markdown] slideshow={"slide_type": "skip"}
# **Check yourself.** The denoiser has to be asked $K$ times, and the image has to be
# MoDL's. Then your network gets the weights that we trained with $K = 5$, and
# reconstructs our slice. The trained network keeps $\ln\lambda$, `log_reg_weight`, and
# not $\lambda$: whatever number the training makes of it, `.exp()` is above zero.

# %% tags=["check"] slideshow={"slide_type": "skip"}
check_modl(my_modl)
trained = load_checkpoint("modl_published_k5").network.to(DEVICE).requires_grad_(False)
mine = my_modl(A, y, trained.denoiser, trained.log_reg_weight.exp(), 5)
panels = {"reference": reference, "zero-filled": A.adjoint(y), "your MoDL, K = 5": mine}
show_images(panels, reference=reference, error_gain=4)

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>Why this form? (after you have solved it)</summary>
#
# Nothing in the loop depends on its number. That is what sharing the weights means: one
# denoiser has to serve the first image, full of smear, and the last one, nearly clean.
# </details>
#
# <details><summary>A common mistake</summary>
#
# `image = data_consistency(A, image, denoiser(image), reg_weight)` puts the current
# image in the place of the data. After one round the measurement is forgotten.
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Watch one learn
#
# How do $w$ and $\lambda$ come about? As in every training: draw a scan, reconstruct,
# compare with the reference, go a step down the gradient ([[optimizers]]). Through data
# consistency the gradient goes by our two formulas.
#
# We watch a small training: $K = 1$, 16 channels between the convolutions, 80 steps.
# The scans come from two other heads, with four coils, and are strips of 48 columns.
#
# <details><summary>May one cut a strip out of a scan?</summary>
#
# For data consistency yes, and it is exact. Every measured line is read along all of
# $k_x$, so the Fourier transform along $x$ can be undone. What is left is a problem for
# each column of pixels alone: the transform along $y$ and the mask never mix two
# columns, and the coil maps multiply pixel by pixel. We may take any 48 of the columns.
#
# For the convolutions it is not: at the cut they see an edge, and five pixels further
# in with each round. So dB of strips are not dB of slices.
# </details>

# %%
FOUR_COILS = {**OPTIONS, "n_coils": (4, 4), "strip": 48}
learning = SimulatedScans("train", 1, **FOUR_COILS)  # seed 1
others = SimulatedScans("train", 2, **FOUR_COILS)  # seed 2: same heads, other draws
validation = [others[number] for number in range(8)]
live = MoDL(n_iterations=1, n_features=16, norm="none").to(DEVICE)  # not normalised

# %%
settings = Settings(n_steps=80, learning_rate=3e-3, warmup=5, validate_every=5)
history = train(live, learning, settings, validation=validation, device=DEVICE)
steps = [row["step"] for row in history.rows]
quality = [row["validation"] for row in history.rows]
plot_lines(steps, quality, xlabel="step", ylabel="PSNR of the eight scans (dB)")
print(f"λ went from 0.05 to {live.log_reg_weight.exp().item():.3f}")

# %% [markdown]
# Every fifth step we scored eight scans that are not trained on. The curve rises, by
# about half a decibel, and $\lambda$ learns as well. (Other heads, four coils: not
# to be compared with the numbers below.)
#
# The networks that we use from here on went the same way, for thousands of steps. Like
# the authors we trained in two stages: first $K = 1$, then $K = 5$, which begins with
# the weights of $K = 1$. A card tells how each of them came about.
#
# <details><summary>What differs from the paper</summary>
#
# | | published | ours |
# |---|---|---|
# | denoiser | 64 features, batch normalisation | 32 features, none |
# | iterations | $K = 1$, then $K = 10$ | $K = 1$, then $K = 5$ |
# | conjugate gradients | 10 iterations, from zero | 10 iterations, from $z$ |
# | loss | squared error | relative error in dB |
# | coils | 12 | 4 to 16 |
# | sampling | points in two directions, $R = 6$ | mostly lines, $R$ = 3 to 6 |
# | learned from | 360 slices of four people | new draws of the same two heads, each used about 16 times |
# </details>

# %%
names = {"K = 1": "modl_published_k1", "K = 5": "modl_published_k5"}
networks = {}
for title, name in names.items():
    checkpoint = load_checkpoint(name)
    card = checkpoint.card
    networks[title] = checkpoint.network.to(DEVICE).requires_grad_(False)
    reg_weight = networks[title].log_reg_weight.exp().item()
    print(f"{title}: {card.n_parameters:,} numbers, one of them λ = {reg_weight:.3f}")
    print(f"{card.n_steps} steps in {card.seconds / 60:.0f} minutes")

# %% [markdown]
# The two have the same number of weights, but *not* the same budget: the 46 minutes of
# $K = 5$ come on top of the 9 of $K = 1$, from which it started. Their $\lambda$
# differ, also from the 0.003 of the blurred image: how much trust $z$ deserves depends
# on the denoiser.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Results on a head it never saw
#
# All slices that we show come from one head that no network trained on. Two things are
# not new to the networks: the outline of its cerebellum, the small and finely folded
# brain at the back, and the rules by which skull and scalp are drawn.

# %%
predict("rank")

# %%
panels = {"reference": reference, "rival": known["rival"]}
for title, network in networks.items():
    panels[title] = best_scale(network(A, y), reference)
show_close_up(panels, reference, error_gain=4, **part)

# %% [markdown]
# On this slice the rival and $K = 5$ draw, with 30.3 dB each, and $K = 1$ has 27.7 dB.
# Look at the enlargement (second row). With $K = 1$ bright stripes cross the brain,
# best seen at the lower left: one round has not removed them. With $K = 5$ most of them
# are gone. And nobody brings back the fine folds of the cerebellum, in the middle of
# the enlargement.
#
# One slice proves nothing. We take 20 of this head, in strips of 48 columns,
# each with its own contrast, phase, noise, coils and lines (in six of them at equal
# distances, in 14 at random places). One more method joins: $K = 1$ *without its
# denoiser*, one data consistency with $z = x_0$ and the same $\lambda$. This is the
# regularised SENSE of [[sense]] at this $\lambda$, times $1 + \lambda$.


# %%
def no_denoiser(A, kspace):
    """One data consistency at the λ of K = 1, with z = x0: regularised SENSE."""
    zero_filled = A.adjoint(kspace)  # so the right-hand side is (1 + λ) A^H y
    return data_consistency(A, zero_filled, zero_filled, one.log_reg_weight.exp())


test = SimulatedScans("test", 18, strip=48, **OPTIONS)
strips = [test[number].to(DEVICE) for number in range(20)]
operators, data, truths = stack(strips)[0]  # [0]: a batch for each shape, here one
methods = {"no denoiser": no_denoiser, **networks}
images = compare(methods, operators, data, truths, tolerance=1e-2)
dB = {}
for name, image in images.items():
    dB[name] = psnr(image, truths)  # (20,)
    print(f"{name}: {dB[name].mean():.1f} dB on average")

# %% jupyter={"source_hidden": true}
for kind in ("random", "equispaced"):
    lines = [int(each.mask.sum()) for each in strips if each.meta["pattern"] == kind]
    net = f"R = {160 / max(lines):.1f} to {160 / min(lines):.1f}"
    print(f"{len(lines)} {kind}: {min(lines)} to {max(lines)} of 160 lines, {net}")

# %%
differences = {
    "no denoiser\nminus zero-filled": dB["no denoiser"] - dB["zero-filled"],
    "K = 1\nminus no denoiser": dB["K = 1"] - dB["no denoiser"],
    "K = 5\nminus K = 1": dB["K = 5"] - dB["K = 1"],
    "K = 5\nminus rival": dB["K = 5"] - dB["rival"],
}
# rounded once: the first mean is 3.6, though the rounded 25.8 - 22.1 make 3.7
show_paired_differences(differences, ylabel="difference of PSNR (dB)")

# %% [markdown]
# Each dot is a strip, the line their mean (the number on top), and the grey band its
# 95 % interval ([[kspace]]). It speaks of slices of this one head, not of people.
#
# Data consistency without a denoiser gains 3.6 dB over zero-filling: it unfolds, as
# [[sense]] does. The dots of this first column lie far apart.
#
# <details><summary>Why so far apart?</summary>
#
# The six highest are the six strips with lines at equal distances. Two things help
# them. Their gaps are three lines, where the random lines of the other 14 leave some
# many times wider. And they have more lines, 55 to 63 after 40: the complete centre
# comes on top of every fourth line, while random lines count it among their 40.
# </details>
#
# The denoiser adds 1.1 dB to SENSE at this $\lambda$, and four more rounds another 2.2
# dB; all these gains hold in every strip. (This $\lambda$ was learned with the
# denoiser. With the best one for these strips SENSE gains 0.4 dB.) So the order is $K =
# 1$, $K = 5$, rival: our MoDL of the published form with $K = 5$ stays 0.6 dB behind
# the rival on average, and is ahead in 5 strips of 20. The rival has the best weight of
# every strip, our small network one $\lambda$ for little noise and much.
#
# <details><summary>And the authors' own network?</summary>
#
# It is larger and was trained for one kind of scan. Later it was measured beside
# wavelets with one weight for all slices: it was 2.3 dB ahead, and 1.9 dB when trained
# once more (Blumenthal et al. below). What it takes to get there with scans of many
# kinds is the subject of [[modl_in_practice]].
# </details>

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Inside the iterations
#
# An unrolled network can be opened: every $x_k$ and every $z_k$ is an image, and we can
# ask of each step what it did.

# %%
predict("which-step")

# %%
five = networks["K = 5"]
inside = five.iterates(A, y)  # x0, z0, x1, z1, ..., z4, x5
# not scaled to fit the reference: x0 has 23.7 dB here, and 23.8 in the first figure
quality = [psnr(image, reference) for image in inside]
plot_rounds(quality, ylabel="PSNR (dB)")
print("x0, z0, x1, z1, ..., x5 (dB):", [round(each, 1) for each in quality])

# %% [markdown]
# It is data consistency that raises the PSNR, in every round (white). The denoiser
# gains 0.2 dB in the first round, and from then on each $z_k$ is *worse* than the $x_k$
# before it: in the last round 28.9 dB after 30.0. We look at the second round.

# %%
panels = {"reference": reference, "x₁": inside[2], "z₁": inside[3], "x₂": inside[4]}
show_close_up(panels, reference, error_gain=4, **part)

# %% [markdown]
# In the enlargement, at the lower left, the denoiser has wiped out the narrow bright
# stripes of $x_1$, though not the broad ones, and with them the fine structure: $z_1$
# is smooth. Data consistency brings the fine structure back, since it was measured, but
# the narrow stripes only in part.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What survives data consistency
#
# Suppose for a moment that the data have no noise and the maps no errors, $y = A r$,
# where $r$ is the true image. With $H = A^H A + \lambda I$ again, $x$ and $r$
# fulfil
#
# $$ H x = A^H y + \lambda z \qquad\text{and}\qquad
#    H r = A^H A\,r + \lambda r = A^H y + \lambda r . $$
#
# We subtract the second from the first. $A^H y$ drops out:
#
# $$ H\,(x - r) = \lambda\,(z - r) \quad\Longrightarrow\quad
#    x - r = \lambda H^{-1} (z - r) . $$
#
# So not all of the error $z - r$ reaches $x$, only $\lambda H^{-1}$ of it. Think of one
# uniform coil, where every sample of k-space stands for itself. A measured sample of
# the error ($A^H A = 1$) is multiplied by $\lambda/(1 + \lambda)$, which is 0.04 for
# the $\lambda$ of $K = 5$. One that was not measured ($A^H A = 0$) is multiplied by 1.
# With several coils there is everything in between.
#
# The **surviving error** of an image is what one data consistency would leave of its
# error. For an error $e$ it is $\lambda H^{-1} e$, and the library computes it as
# `surviving_error(error, A, reg_weight)`. That of $z_k$ reaches $x_{k+1}$. We compute
# that of $x_k$ too: so much would be left if nobody denoised and data consistency took
# $x_k$ itself for $z$. From $x_k$ to $z_k$ it changes by the denoiser's work alone.

# %%
reg_weight = five.log_reg_weight.exp()
errors = [image - reference for image in inside]
rests = [surviving_error(each, A, reg_weight) for each in errors]
whole = [100 * each.norm() / reference.norm() for each in errors]  # in %
surviving = [100 * each.norm() / reference.norm() for each in rests]

# %%
curves = {"whole error": whole, "surviving error": surviving}
plot_rounds(curves, ylabel="error (% of the image)")
for place, name in enumerate(["x0", "z0", "x1", "z1", "x2", "z2"]):
    print(f"{name}: whole {whole[place]:.1f} %, surviving {surviving[place]:.1f} %")

# %% [markdown]
# The second round, grey from $x_1$ to $z_1$ and white from $z_1$ to $x_2$, in numbers:
#
# | | grey: denoiser | white: data consistency |
# |---|---|---|
# | surviving error (orange) | falls, 21.0 to 17.4 % | falls less, 17.4 to 17.0 % |
# | whole error (blue) | hardly changes, 21.9 to 22.0 % | falls, 22.0 to 17.6 % |
#
# The other rounds look alike, but from $z_2$ on the denoiser even raises the whole
# error (17.6 to 18.1 %).
#
# So the two blocks share the work. The denoiser lowers the error that data consistency
# at this $\lambda$ leaves. While it does so it spoils other things, and may: data
# consistency puts them right, since they were measured.
#
# <details><summary>Does the formula hold, and why is PSNR not the same?</summary>
#
# It holds up to the noise, the errors of the estimated maps, and what ten iterations of
# CG leave. They add a part to $x - r$ that has nothing to do with $z$: what survives of
# $z_0$, 21.8 %, is nearly the whole error of $x_1$, 21.9 %. PSNR compares magnitudes,
# and this error is that of the complex image, phase included. That is why $z_1$ has 0.3
# dB less PSNR than $x_1$ and nearly the same error.
# </details>

# %% [markdown]
# One thing is guaranteed, and it is not the PSNR: data consistency never raises the
# misfit $\lVert A x - y\rVert$, for any weights, scan and coils. About the denoiser
# there is no such theorem.
#
# <details><summary>The proof, in one line</summary>
#
# Of all images $x_{k+1}$ has the smallest $\lVert A x - y\rVert^2 + \lambda\lVert x -
# z_k\rVert^2$. So this sum is not larger for $x_{k+1}$ than for $z_k$:
#
# $$ \lVert A x_{k+1} - y\rVert^2 \;\le\;
#    \lVert A x_{k+1} - y\rVert^2 + \lambda\lVert x_{k+1} - z_k\rVert^2 \;\le\;
#    \lVert A z_k - y\rVert^2 + \lambda\lVert z_k - z_k\rVert^2 . $$
#
# The first step adds something that is not below zero. The last term on the right is
# zero, so the two ends are the misfits of $x_{k+1}$ and of $z_k$, squared.
# </details>

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gain = dB["K = 1"] - dB["no denoiser"]
claim("K = 1 over the same without denoiser", gain, at_least=0, unit="dB")
claim("K = 5 over K = 1", dB["K = 5"] - dB["K = 1"], at_least=0, unit="dB")
claim("rival over K = 1", dB["rival"] - dB["K = 1"], at_least=0, unit="dB")

# %% tags=["claim"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
falls = []
drops = []
for strip in strips:
    own = SenseOperator(strip.smaps, strip.mask)
    path = five.iterates(own, strip.kspace)
    errors = [image - strip.reference for image in path]
    rests = [surviving_error(each, own, reg_weight) for each in errors]
    sizes = 100 * torch.stack(rests).flatten(1).norm(dim=1) / strip.reference.norm()
    falls.append((sizes[0:-1:2] - sizes[1::2]).mean())  # by the denoisers
    misfit = [(own.forward(image) - strip.kspace).norm() for image in path]
    misfit = 100 * torch.stack(misfit) / strip.kspace.norm()
    drops.append((misfit[1::2] - misfit[2::2]).min())  # by the data consistencies
sentence = "the denoisers of K = 5 lower the surviving error, mean of the rounds, by"
claim(sentence, torch.stack(falls), at_least=0, unit="%")
sentence = "smallest fall of the misfit in a data consistency"
claim(sentence, torch.stack(drops).min(), at_least=0, unit="%")

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>How we chose these bounds</summary>
#
# From experience with other networks of this kind we expected the order no denoiser, $K
# = 1$, rival, and a gain from five rounds; a bound of zero claims the order and no
# more. About $K = 5$ against the rival we claimed nothing: we had expected the network
# to win, as the paper's does, and it loses by 0.6 dB. Solved ten times as exactly, the
# rival gains another 0.08 dB; we tried that once, as it takes long. For SENSE we tried
# eleven $\lambda$, each for all strips and solved to the end: the best was 0.005, with
# 26.2 dB, so that $K = 1$ is 0.7 dB above it.
#
# That the surviving error falls in the denoisers was found on the slice above and then
# tested on the 20 strips, as the mean of the five rounds. Taken alone, the first two
# lower it in all strips, the last one in 14, by 0.1 % on average. The last claim is the
# theorem. It holds for the ten iterations of conjugate gradients too, since they start
# from $z$ and lower the objective with each one.
# </details>

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercise 20.4 · Go further: more rounds than it learned  (★★☆, about 10 min)
#
# A chain with shared weights has no fixed length: the network that learned with $K = 5$
# can run for ten rounds. Write a function that runs any number of rounds and notes the
# PSNR of every image on the way, that of $x_0$ first: `psnr(image, reference)`. Before
# you run it, write down what you expect of the two networks.
#
# <details><summary>Hint: where to begin</summary>
#
# Your loop of exercise 20.3, with a list that starts as `[psnr(image, reference)]` and
# grows by one number in each round.
# </details>


# %% tags=["exercise"] slideshow={"slide_type": "skip"}
def my_psnr_by_iteration(A, kspace, denoiser, reg_weight, n_iterations, reference):
    """PSNR of x_0, x_1, ..., x_K in dB: a list of n_iterations + 1 numbers."""
    ### BEGIN SOLUTION
    zero_filled = A.adjoint(kspace)
    image = zero_filled
    numbers = [psnr(image, reference)]
    for _ in range(n_iterations):
        image = data_consistency(A, zero_filled, denoiser(image), reg_weight)
        numbers.append(psnr(image, reference))
    return numbers
    ### END SOLUTION


# %% tags=["check"] slideshow={"slide_type": "skip"}
check_psnr_by_iteration(my_psnr_by_iteration)
curves = {}
for title, network in networks.items():
    weight = network.log_reg_weight.exp()
    numbers = my_psnr_by_iteration(A, y, network.denoiser, weight, 10, reference)
    curves[f"learned with {title}"] = numbers
axes = plot_lines(range(11), curves, xlabel="round", ylabel="PSNR (dB)")
axes.set_ylim(15, 33)  # dB; numbers beyond are in the print
for title, numbers in curves.items():
    print(f"{title}: {numbers[5]:.1f} dB after round 5, {numbers[10]:.1f} after 10")

# %% [markdown] slideshow={"slide_type": "skip"}
# **Change it, and explain.** (1) What happens to each network after the last round that
# it learned? Why so differently? (2) Multiply $\lambda$ of the $K = 5$ network by 10,
# then by 0.1, and look at the fifth round: first on this slice, then as the mean over
# the 20 strips, which `my_modl` takes all at once. One of the two may *gain* on this
# slice. How can that be, if $\lambda$ was learned? (3) Would you train with $K = 5$ and
# use $K = 10$?
#
# <details><summary>Hint for (2): the calls</summary>
#
# ```python
# scaled = 10 * five.log_reg_weight.exp()
# numbers = my_psnr_by_iteration(A, y, five.denoiser, scaled, 5, reference)
# images = my_modl(operators, data, five.denoiser, scaled, 5)  # (20, y, x)
# print(numbers[5], psnr(images, truths).mean())
# ```
# </details>
#
# *Your answer:* (click here and write)

# %% tags=["solution"]
weight = five.log_reg_weight.exp()
for factor in (0.1, 1, 10):
    scaled = factor * weight
    numbers = my_psnr_by_iteration(A, y, five.denoiser, scaled, 20, reference)
    print(f"λ x {factor}: round 5 {numbers[5]:.1f} dB,", end=" ")
    print(f"best {max(numbers):.1f} dB, round 20 {numbers[20]:.1f} dB")
    mine = my_modl(operators, data, five.denoiser, scaled, 5)
    print(f"  20 strips, round 5: {psnr(mine, truths).mean():.1f} dB")
weight = one.log_reg_weight.exp()
numbers = my_psnr_by_iteration(A, y, one.denoiser, weight, 10, reference)
print("learned with K = 1:", [round(number) for number in numbers])

# %% [markdown] slideshow={"slide_type": "skip"}
# <details><summary>A model answer (after you have written yours)</summary>
#
# (1) Learned with $K = 1$, the network is lost at once: 28 dB after one round, 25
# after two, and after ten the errors are many times larger than the image. Its denoiser
# has only ever seen zero-filled images. It learned to undo their smear by making edges
# much stronger, and does that again to images that have no smear. Learned with $K = 5$,
# the denoiser had to work on its own results. It goes on gaining a little, up to
# 30.4 dB, and after twenty rounds it is back at 29.7. Nothing in the training made it
# stop at a good image; that takes more than shared weights ([[unrolled_networks]]).
#
# (2) Ten times $\lambda$ costs 1.8 dB on this slice and 2.6 dB on the strips: too much
# of the denoised image, too little of the data. A tenth of it *gains* 0.3 dB on this
# slice, 30.6 after 30.3, and that is no bug. The one $\lambda$ is a compromise among
# all scans of the training, and this slice has little noise: its data deserve more
# trust. (A part is no gain: the reference has the noise of the data. Against the same
# slice without noise it is 0.27 dB in place of 0.33; we tried that once.) Over the 20
# strips a tenth loses a little: 28.9 dB, after 29.1.
#
# (3) It costs twice the time for 0.1 dB here, and nothing was learned for it. Better
# train with the $K$ that will be used, as the authors do.
# </details>

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you have learned

# %%
print(f"half of the gradient of λ: wrong sign in {100 * wrong:.0f} % of 200 problems")
print(f"ten iterations of CG kept in memory: {ratio:.0f} times the implicit way")
for name, values in dB.items():
    print(f"20 strips of the unseen head, {name}: {values.mean():.1f} dB")

# %% [markdown]
# - **Two steps.** The objective wants an image that explains the data and that a
#   denoiser leaves alone. Freezing the denoiser makes two steps of it.
# - **Far and near.** The denoiser sees 11 x 11 pixels and knows what tissue looks like.
#   Data consistency sees all of k-space and knows what was measured.
# - **Implicit gradients.** One more solve with the same matrix gives the gradients of
#   $z$ and $\lambda$, without the memory of the iterations. The gradient of $\lambda$
#   has two parts, and one alone may have the wrong sign.
# - **K rounds.** Four more rounds gain 2.2 dB over one, with the same number of
#   weights. Inside, the denoiser lowers what survives data consistency, and data
#   consistency lowers the rest.
#
# Our small MoDL of the published form comes close to the rival with $K = 5$, and does
# not beat it. [[modl_in_practice]]
# asks what is missing, and goes to a measured brain.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Further reading
#
# - Aggarwal, Mani and Jacob, IEEE Trans Med Imaging 38:394, 2019,
#   [10.1109/TMI.2018.2865356](https://doi.org/10.1109/TMI.2018.2865356): MoDL.
# - Gilton, Ongie and Willett, IEEE Trans Comput Imaging 7:1123, 2021,
#   [10.1109/TCI.2021.3118944](https://doi.org/10.1109/TCI.2021.3118944): implicit
#   gradients through the denoiser too, for as many rounds as one likes.
# - Blumenthal et al., Magn Reson Med 89:678, 2023,
#   [10.1002/mrm.29485](https://doi.org/10.1002/mrm.29485): MoDL trained once more, and
#   measured beside wavelets with one weight for a whole test set.
