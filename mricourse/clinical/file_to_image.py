r"""From a k-space file to an image file: read, prepare the coil maps, solve or ask a trained network, write.

The image is in the units of the data: for complete sampling it is the coil-combined inverse transform.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mricourse.datasets.scan_files import OUTPUTS, open_scans, write_image
from mricourse.datasets.scan_series import ScanSeries
from mricourse.files import check_writable, suffix_of
from mricourse.networks.apply import apply_network
from mricourse.physics.sampling import acceleration_of, acs_in_words
from mricourse.physics.scan import Scan
from mricourse.reconstruct.least_squares import Trace
from mricourse.reconstruct.methods import METHODS, check_options, reconstruct, with_smaps
from mricourse.training.adaptation import Adaptation, AdaptationSettings, adapt, check_adaptable, spread
from mricourse.training.distributed import pick_device
from mricourse.training.trained_range import outside_range

if TYPE_CHECKING:
    from mricourse.training.checkpoints import Checkpoint


@dataclass(frozen=True)
class Report:
    """What `reconstruct_file` did; ``str`` makes it one line.

    `remark` is a sentence of its own, on a file that is not of the kind that the network was trained on; `notes` say
    what was recognised in the file and put right; `adaptation` is what the network learned from the file, if it did.
    """

    source: Path
    output: Path
    n_coils: int
    shape: tuple[int, int]
    acceleration: float
    acs: str
    maps: str
    method: str
    reg_weight: float | None
    device: str
    seconds: float
    remark: str = ""
    notes: tuple[str, ...] = ()
    n_slices: int = 1
    adaptation: Adaptation | None = None

    def __str__(self) -> str:
        ny, nx = self.shape
        slices = f"{self.n_slices} slices, " if self.n_slices > 1 else ""
        coils = f"{self.n_coils} coil{'s' if self.n_coils > 1 else ''}"
        weight = "" if self.reg_weight is None else f", weight {self.reg_weight:g}"
        weight = weight if self.adaptation is None else f", {self.adaptation}"
        return (
            f"{self.source.name}: {slices}{coils}, {ny} x {nx}, R = {self.acceleration:.2f}, ACS {self.acs}, "
            f"maps {self.maps}{''.join(f', {note}' for note in self.notes)}; "
            f"{self.method}{weight}, {self.seconds:.1f} s on {self.device} -> {self.output}"
        )


def reconstruct_file(
    source: Path | str,
    output: Path | str,
    *,
    method: str | None = None,
    checkpoint: Checkpoint | None = None,
    reg_weight: float | None = None,
    device: str = "auto",
    acs: int | None = None,
    i_slice: int | None = None,
    key: str | None = None,
    axes: str | None = None,
    trace: Trace | None = None,
    each_slice: Callable[[Sequence[int]], Iterable[int]] = iter,
    adaptation: AdaptationSettings | None = None,
    adapting: Callable[[int, float], None] | None = None,
) -> Report:
    """Reconstruct the slices of a file into a file; the output is replaced only by a complete new one.

    Parameters
    ----------
    source : path
        As `mricourse.datasets.scan_files.open_scans` takes it.
    output : path
        ``.npy`` or ``.h5`` (dataset ``image``) for the complex image, (y, x), or (slice, y, x) of a volume; ``.png``
        for the magnitude of one slice.
    method : "sense", "wavelet" or "tv"
        ``wavelet`` where neither it nor `checkpoint` is given.
    checkpoint : Checkpoint
        In place of a method, from `mricourse.training.checkpoints.load_checkpoint`.
    reg_weight : float, optional
        As in `reconstruct`; a network has learned its own.
    device : "auto", "cpu" or "cuda"
    acs : int, optional
        Side of the centre that calibrates the coil maps; by default what was sampled, 24 at most.
    i_slice : int, optional
        The one slice of a volume to reconstruct, from 0; all by default.
    key, axes : str, optional
        As for `open_scans`, where the file does not say which array is the k-space, or what its axes mean.
    trace : callable, optional
        As in `reconstruct` or `apply_network`.
    each_slice : callable, optional
        Goes over the numbers of the slices, and may show how far it is.
    adaptation : AdaptationSettings, optional
        Adapt the weights of `checkpoint` to the chosen slices first, which share them; ``.h5`` says so.
    adapting : callable, optional
        The `progress` of `mricourse.training.adaptation.adapt`.

    Raises
    ------
    TypeError, ValueError, OSError
        Whatever is wrong with the files or options, in one sentence, before anything is written.
    """
    source, output = Path(source), Path(output)
    check_writable(output, suffixes=OUTPUTS)
    if checkpoint is not None and (method, reg_weight) != (None, None):
        raise ValueError(
            f"got the checkpoint {checkpoint.name} with {'a method' if method else 'a regularisation weight'}; "
            "expected the checkpoint alone, since a network is a method and learned its weights: leave one of them out."
        )
    if adaptation is not None:
        _check_adapted(checkpoint)
    method = method or "wavelet"
    check_options(method, reg_weight, acs)
    target = pick_device(device)
    series = open_scans(source, key=key, axes=axes)
    chosen = _chosen_slices(series, i_slice, output)
    if os.path.exists(output) and os.path.samefile(source, output):
        raise ValueError(f"the output {output} is the input; expected another file: choose another name.")
    if checkpoint is None:
        reg_weight = METHODS[method][1] if reg_weight is None else reg_weight
        made_by = {"method": method, "reg_weight": reg_weight}
    else:
        method = f"checkpoint {checkpoint.name}"
        made_by = {"checkpoint": checkpoint.name, "weights_sha256": checkpoint.card.weights_sha256}
        checkpoint.network.to(target)
    start = time.perf_counter()
    network = adapted = None
    if checkpoint is not None:
        network = checkpoint.network
    if adaptation is not None:
        scans = [_with_maps(series.scan(number).to(target), acs) for number in spread(chosen)]
        adapted = adapt(network, scans, adaptation, progress=adapting)
        network, made_by = adapted.network, made_by | _adapted_attributes(adapted)
    images, facts, remarks, notes = [], [], [], {}
    for number in each_slice(chosen):
        scan = series.scan(number)
        maps = "given" if scan.smaps is not None else "of ones" if scan.n_coils == 1 else "by ESPIRiT"
        notes |= dict.fromkeys(scan.meta["notes"])
        scan = _with_maps(scan.to(target), acs)
        if checkpoint is None:
            image = reconstruct(scan, **made_by, trace=trace)
        else:
            remarks.append(outside_range(checkpoint, scan, source.name))
            image = apply_network(network, scan, trace=trace)
        images.append(series.in_file_orientation(image.cpu()))
        sampling = (acceleration_of(scan.mask), acs_in_words(scan.mask))
        facts.append((scan.n_coils, tuple(images[-1].shape), *sampling, maps))
    seconds = time.perf_counter() - start
    name = source.name.encode("utf-8", "backslashreplace").decode()  # a name may hold bytes that are no text
    write_image(torch.stack(images) if len(images) > 1 else images[0], output, **made_by, source=name)
    made = (method, reg_weight, target.type, seconds)
    return Report(source, output, *facts[0], *made, _one_remark(remarks), tuple(notes), len(images), adapted)


def _check_adapted(checkpoint: Checkpoint | None) -> None:
    if checkpoint is None:
        raise ValueError(
            "got no checkpoint to adapt; expected a trained network, as --checkpoint modl: a method has no weights."
        )
    check_adaptable(checkpoint.network, checkpoint.name)


def _adapted_attributes(adapted: Adaptation) -> dict[str, str | float]:
    """What an image file says about the weights that made it."""
    return {
        "adapted_steps": adapted.n_steps,
        "adapted_gain_db": adapted.gain_db,
        "adapted_guard": adapted.guard,
    }


def _chosen_slices(series: ScanSeries, i_slice: int | None, output: Path) -> list[int]:
    if i_slice is None and series.n_slices > 1 and suffix_of(output) == ".png":
        raise ValueError(
            f"{series.path.name} holds {series.n_slices} slices, and a .png shows one; expected one of 0 to "
            f"{series.n_slices - 1}: choose it with --slice, or write a volume as .npy or .h5."
        )
    if i_slice is not None and not 0 <= i_slice < series.n_slices:
        raise ValueError(
            f"{series.path.name} has no slice {i_slice}; expected 0 to {series.n_slices - 1}: choose one of them."
        )
    return list(range(series.n_slices)) if i_slice is None else [i_slice]


def _with_maps(scan: Scan, acs: int | None) -> Scan:
    """Add coil maps, from separate calibration lines where the file has some."""
    calibration = scan.meta.get("calibration")
    if scan.smaps is None and calibration is not None and scan.n_coils > 1:
        return replace(scan, smaps=with_smaps(calibration.to(scan.kspace.device), acs=acs).smaps)
    return with_smaps(scan, acs=acs)


def _one_remark(remarks: list[str]) -> str:
    """The remark on the first slice that has one, and on how many others have one too."""
    found = [remark for remark in remarks if remark]
    more = f" {len(found)} of {len(remarks)} slices are." if len(remarks) > 1 and found else ""
    return f"{found[0]}{more}" if found else ""
