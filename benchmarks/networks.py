"""Time the forward passes of the end-to-end VarNet, beside fastMRI's and deepinv's, and of KIKI-net.

usage: python benchmarks/networks.py [--quick] [--threads N] [-o RESULTS.md]     about 10 minutes on an idle machine

One slice, every fourth line along ky and 24 ACS lines, float32, without a gradient. The methods take turns, A B C A B
C, each warmed up by a call that does not count; minimum and median of the rounds are given, and ratios compare minima.
With one thread the clock is the CPU time of the process, which runs only while the process does. A library that is not
installed is left out, and the report says so.

VarNet: the published size, 12 cascades of 18 features and a map network of 8, 29,936,966 weights; 8 coils.

* fastMRI: the authors' own `VarNet`, with the weights of ours; the column of differences says how far its image is.
* deepinv: its `VarNet(mode="e2e-varnet")`, which takes any denoiser and any map network, around our U-Nets: it differs
  in what it does between them. Its cascades share one U-Net, which costs as much.
* floor: what no VarNet of this size can leave out, the U-Nets and two Fourier transforms of the coil images for each
  cascade; nothing between them.

KIKI-net: the published four stages of 25 layers and 64 features, one coil, as published. It has no peer here: deepinv
and mrpro have none of their own, and DIRECT's has U-Nets and MWCNNs in the place of the stacks.

* floor: its convolutions and its Fourier transforms; nothing between them.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import torch
from compare import make_problem, save
from modl import as_channels, asked_for, measure, version_of
from modl import machine as machine_of_modl
from torch import nn

from mricourse.networks.channels import to_channels
from mricourse.networks.end_to_end_varnet import EndToEndVarNet
from mricourse.networks.kikinet import KIKINet
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import equispaced_mask

SIZES = (128, 256, 320)
N_COILS = 8
N_CASCADES, N_FEATURES, N_LEVELS = 12, 18, 4
ROUNDS = {"VarNet": 5, "KIKI-net": 3}


@dataclass(frozen=True)
class Problem:
    """One slice, undersampled; the comb misses the lines beside the ACS, so that all find the same ones there."""

    A: SenseOperator
    kspace: torch.Tensor
    n: int


def problem(n, n_coils):
    given = make_problem(n, n_coils)
    mask = equispaced_mask(n, 4, acs=24, offset=2)
    return Problem(SenseOperator(given["A"].smaps, mask), given["full"] * mask, n)


def varnet_ours():
    torch.manual_seed(0)
    return EndToEndVarNet(n_iterations=N_CASCADES, n_features=N_FEATURES, n_levels=N_LEVELS).eval()


def varnet_fastmri(p, ours):
    """The authors' network; their lines run along the last axis."""
    from fastmri.models import VarNet

    theirs = VarNet(num_cascades=N_CASCADES, chans=N_FEATURES, pools=N_LEVELS).eval()
    pairs = [(theirs.sens_net.norm_unet, ours.map_network)]
    pairs += [(each.model, mine.network) for each, mine in zip(theirs.cascades, ours.iterations, strict=True)]
    for each, mine in pairs:
        copy_unet(each.unet, mine.unet)
    data = torch.view_as_real(p.kspace.mT.contiguous())[None]
    mask = p.A.mask.reshape(1, 1, 1, p.n, 1)
    return lambda: theirs(data, mask)[0].mT


@torch.no_grad()
def copy_unet(theirs, ours):
    """Give fastMRI's U-Net the weights of ours, turned as its images are."""
    *others, last = theirs.up_conv
    target = chain(theirs.down_sample_layers, [theirs.conv], theirs.up_transpose_conv, others, last)
    source = chain(ours.down_blocks, [ours.bottom], ours.enlargements, ours.up_blocks, [ours.head])
    weights = ([w for module in modules for w in module.parameters()] for modules in (target, source))
    for mine, yours in zip(*weights, strict=True):
        mine.copy_(yours.mT if yours.ndim == 4 else yours)


class RealChannels(nn.Module):
    """A network on complex images as one on two real channels."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image, *_):
        """(batch, 2, y, x) -> the same."""
        complex_image = torch.complex(image[:, 0], image[:, 1])
        return to_channels(self.network(complex_image))


def varnet_deepinv(p, ours):
    """deepinv's cascades around our U-Nets; None in the place of differences, since it has one for all cascades."""
    from modl import import_deepinv

    import_deepinv()
    from deepinv.models import VarNet
    from deepinv.physics import MultiCoilMRI

    def smaps(y, _):
        return ours.smaps(p.A, torch.complex(y[:, 0], y[:, 1]))

    theirs = VarNet(
        denoiser=RealChannels(ours.iterations[0].network),
        sensitivity_model=smaps,
        num_cascades=N_CASCADES,
        mode="e2e-varnet",
    )
    physics = MultiCoilMRI(mask=p.A.mask.expand(p.n, p.n).float(), coil_maps=p.A.smaps)
    data = as_channels(p.kspace)[None]
    return lambda: theirs.eval()(data, physics)


def varnet_floor(p, ours):
    image = torch.randn(1, 2, p.n, p.n)
    coil_images = torch.randn(N_COILS, 2, p.n, p.n)
    samples = p.kspace.clone()

    def call():
        ours.map_network.unet(coil_images)
        for iteration in ours.iterations:
            iteration.network.unet(image)
            torch.fft.ifft2(torch.fft.fft2(samples))

    return call


def kiki_floor(p, ours):
    channels = torch.randn(1, 2, p.n, p.n)
    samples = p.kspace.clone()

    def call():
        for stage in ours.stages:
            stage.layers(channels)
            torch.fft.ifft2(torch.fft.fft2(samples))

    return call


def calls_of(kind: str, p: Problem) -> tuple[dict[str, Callable[[], torch.Tensor]], list[str]]:
    """The methods of a kind of network as calls, and a sentence for each that cannot be had."""
    if kind == "KIKI-net":
        torch.manual_seed(0)
        ours = KIKINet().eval()
        return {"ours": lambda: ours(p.A, p.kspace), "floor": kiki_floor(p, ours)}, []
    ours = varnet_ours()
    calls: dict[str, Callable[[], torch.Tensor]] = {"ours": lambda: ours(p.A, p.kspace)}
    missing = []
    for name, make in {"fastMRI": varnet_fastmri, "deepinv": varnet_deepinv}.items():
        try:
            calls[name] = make(p, ours)
        except Exception as error:  # whatever its import runs into, the rest can be measured
            missing.append(f"{name} was left out, because it failed: {str(error).splitlines()[0]}.")
    return calls | {"floor": varnet_floor(p, ours)}, missing


@torch.no_grad()
def main():
    options = asked_for(__doc__.splitlines()[0])
    about = f"{machine_of_modl(options.threads)}, fastMRI {version_of('fastmri')}"
    lines = [
        "## VarNet and KIKI-net",
        "",
        f"`python benchmarks/networks.py --threads {options.threads}` on {about}.",
        "",
    ]
    lines += [__doc__.split("\n\n", 2)[2].strip(), ""]
    heads = ["network", "matrix", "method", "forward, s: minimum (median)", "/ ours", "/ floor", "difference"]
    lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    print("\n".join(lines), flush=True)
    said = []
    for kind, n_coils in (("VarNet", N_COILS), ("KIKI-net", 1)):
        for n in SIZES[:1] if options.quick else SIZES:
            p = problem(n, n_coils)
            calls, missing = calls_of(kind, p)
            said += [sentence for sentence in missing if sentence not in said]
            image = calls["ours"]()
            seconds = measure(list(calls.values()), ROUNDS[kind])
            for (name, call), (least, median) in zip(calls.items(), seconds, strict=True):
                off = f"{float((call() - image).norm() / image.norm()):.1e}" if name == "fastMRI" else ""
                ratios = [f"{least / seconds[place][0]:.2f}" for place in (0, -1)]
                cells = [kind, str(n), name, f"{least:.3f} ({median:.3f})", *ratios, off]
                lines.append("| " + " | ".join(cells) + " |")
                print(lines[-1], flush=True)
    lines += ["", *said] if said else []
    print("\n".join(said))
    save(lines, options.output)


if __name__ == "__main__":
    sys.exit(main())
