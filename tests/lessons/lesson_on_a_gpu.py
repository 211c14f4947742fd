"""Every lesson runs from top to bottom on a pretend GPU, and computes there: its claims hold as on the CPU.

Data is made, judged and drawn on the CPU, in the same way everywhere; nine tenths of all other arithmetic of a lesson
runs on the GPU.
"""

import contextlib
import io
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import torch
from counted_work import counted_work
from pretend_gpu import pretend_gpu

import mricourse
from mricourse.classroom.notebooks import lesson_sources, read_source, solution_version

LEAST_SHARE = 0.9
LIBRARY = Path(mricourse.__file__).parent
JUDGES = ("claims.py", "definitions.py", "metrics.py", "noisy_reference.py", "realism.py", "statistics.py")
ON_THE_CPU = [LIBRARY / "simulate", LIBRARY / "datasets", LIBRARY / "plotting"]
ON_THE_CPU += [LIBRARY / "evaluation" / name for name in JUDGES]
N_FILES = 4  # of tests, test_lessons_on_a_gpu_1.py and so on, since a worker takes a file whole


def share_of_lessons(number):
    """Arguments of `pytest.mark.parametrize` for one of the files: every fourth lesson."""
    sources = lesson_sources()[number - 1 :: N_FILES]
    return {"argnames": "source", "argvalues": sources, "ids": [source.stem for source in sources]}


def compute_on_the_gpu(source):
    matplotlib.use("Agg")
    cells = [cell for cell in solution_version(read_source(source)).cells if cell.cell_type == "code"]
    space = {"__name__": "__main__", "display": lambda *_: None}
    printed = io.StringIO()
    with (
        torch.enable_grad(),  # as in a new kernel, whatever the lesson before switched off
        pretend_gpu(),
        counted_work(leave_out=ON_THE_CPU) as work,
        contextlib.redirect_stdout(printed),
    ):
        for cell in cells:
            exec(compile(cell.source, f"<{source.stem}, {cell.id}>", "exec"), space)
            plt.close("all")
    share = work.share("cuda")
    largest = [f"{name} {n:.1e}" for (device, name), n in work.by_name.most_common() if device == "cpu"][:3]
    assert share >= LEAST_SHARE, f"{share:.1%} of the arithmetic ran on the GPU; most on the CPU: {', '.join(largest)}"
    assert "✘" not in printed.getvalue()
