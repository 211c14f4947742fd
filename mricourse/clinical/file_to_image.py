r"""From a k-space file to an image file: read, prepare the coil maps, solve or ask a trained network, write.

The image is in the units of the data: for complete sampling it is the coil-combined inverse transform.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mricourse.datasets.scan_files import OUTPUTS, read_scan, write_image
from mricourse.files import check_writable
from mricourse.networks.apply import apply_network
from mricourse.physics.sampling import acceleration_of, acs_in_words
from mricourse.reconstruct.least_squares import Trace
from mricourse.reconstruct.methods import METHODS, check_options, reconstruct, with_smaps
from mricourse.training.distributed import pick_device
from mricourse.training.trained_range import outside_range

if TYPE_CHECKING:
    from mricourse.training.checkpoints import Checkpoint


@dataclass(frozen=True)
class Report:
    """What `reconstruct_file` did; ``str`` makes it one line.

    `remark` is a sentence of its own, on a file that is not of the kind that the network was trained on; `notes` say
    what was recognised in the file and put right.
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

    def __str__(self) -> str:
        ny, nx = self.shape
        coils = f"{self.n_coils} coil{'s' if self.n_coils > 1 else ''}"
        weight = "" if self.reg_weight is None else f", weight {self.reg_weight:g}"
        return (
            f"{self.source.name}: {coils}, {ny} x {nx}, R = {self.acceleration:.2f}, ACS {self.acs}, maps {self.maps}"
            f"{''.join(f', {note}' for note in self.notes)}; "
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
    trace: Trace | None = None,
) -> Report:
    """Reconstruct one slice from a file into a file; the output is replaced only by a complete new one.

    Parameters
    ----------
    source : path
        ``.npy``, ``.npz`` or ``.h5``, as `read_scan` takes it.
    output : path
        ``.npy`` or ``.h5`` (dataset ``image``) for the complex image (y, x), ``.png`` for its magnitude.
    method : "sense", "wavelet" or "tv"
        ``wavelet`` where neither it nor `checkpoint` is given.
    checkpoint : Checkpoint
        In place of a method, from `mricourse.training.checkpoints.load_checkpoint`.
    reg_weight : float, optional
        As in `reconstruct`; a network has learned its own.
    device : "auto", "cpu" or "cuda"
    acs : int, optional
        Side of the centre that calibrates the coil maps; by default what was sampled, 24 at most.
    trace : callable, optional
        As in `reconstruct` or `apply_network`.

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
    method = method or "wavelet"
    check_options(method, reg_weight, acs)
    target = pick_device(device)
    scan = read_scan(source)
    if os.path.exists(output) and os.path.samefile(source, output):
        raise ValueError(f"the output {output} is the input; expected another file: choose another name.")
    start = time.perf_counter()
    maps = "given" if scan.smaps is not None else "of ones" if scan.n_coils == 1 else "by ESPIRiT"
    scan = with_smaps(scan.to(target), acs=acs)
    remark = "" if checkpoint is None else outside_range(checkpoint, scan, source.name)
    if checkpoint is None:
        reg_weight = METHODS[method][1] if reg_weight is None else reg_weight
        made_by = {"method": method, "reg_weight": reg_weight}
        image = reconstruct(scan, **made_by, trace=trace)
    else:
        method = f"checkpoint {checkpoint.name}"
        made_by = {"checkpoint": checkpoint.name, "weights_sha256": checkpoint.card.weights_sha256}
        image = apply_network(checkpoint.network.to(target), scan, trace=trace)
    image = image.cpu()
    seconds = time.perf_counter() - start
    name = source.name.encode("utf-8", "backslashreplace").decode()  # a name may hold bytes that are no text
    write_image(image, output, **made_by, source=name)
    facts = (scan.n_coils, scan.shape, acceleration_of(scan.mask), acs_in_words(scan.mask), maps)
    return Report(source, output, *facts, method, reg_weight, target.type, seconds, remark, scan.meta["notes"])
