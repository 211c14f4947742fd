"""A training of a second or two, which tests/training/test_loop.py has killed again and again, and shared by processes.

usage: python tests/small_training.py kill|share FOLDER     prints what happened as JSON

Processes are forked from one that has loaded torch, so a kill costs milliseconds; that one must never run a backward
pass itself. Both commands need fork and SIGKILL.
"""

import hashlib
import json
import mmap
import os
import random
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from mricourse.networks.adaptive_modl import AdaptiveMoDL
from mricourse.simulate.training_scans import SimulatedScans
from mricourse.training import loop as training
from mricourse.training import run
from mricourse.training.checkpoints import load_checkpoint, save_checkpoint
from mricourse.training.loop import Settings
from mricourse.training.losses import log_nmse
from mricourse.training.objectives import Supervised
from mricourse.training.recipes import parse_recipe
from mricourse.training.state import History

PATTERNS = {"equispaced": 0.4, "random": 0.3, "points": 0.3}
DATA = {"matrix": (48, 64), "n_coils": (3, 4), "acs": (12, 16), "noise_std": (0.001, 0.004), "patterns": PATTERNS}
SETTINGS = Settings(n_steps=120, batch_size=2, learning_rate=3e-3, warmup=10, validate_every=10, save_every=3)
N_KILLS = 50
RECIPE = """
title = "Small"
seed = 3
[network]
kind = "modl"
n_iterations = 1
n_features = 4
n_layers = 2
n_cg = 2
[data]
matrix = [48, 64]
n_coils = [3, 4]
acs = [12, 16]
patterns = {equispaced = 0.4, random = 0.3, points = 0.3}
strip = 24
pool = 3
reuse = 4
[training]
n_steps = 24
batch_size = 2
warmup = 4
validate_every = 8
save_every = 4
"""


def small_scans(n=12):
    """Scans of several shapes: strips, and whole slices where points are sampled."""
    scans = SimulatedScans("train", 5, **DATA, strip=24, pool=3, reuse=3)
    return [scans[i] for i in range(n)]


def small_network(seed=0):
    torch.manual_seed(seed)
    return AdaptiveMoDL(n_iterations=1, n_features=4, n_layers=2, noise_aware=True, n_cg=2)


def in_double(scan):
    kspace, smaps, reference = (x.to(torch.complex128) for x in (scan.kspace, scan.smaps, scan.reference))
    return replace(scan, kspace=kspace, smaps=smaps, reference=reference)


class Repeated:
    """A few scans as an endless data set."""

    def __init__(self, scans):
        self.scans = scans

    def __getitem__(self, index):
        return self.scans[index % len(self.scans)]


def without_seconds(history):
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in history["rows"]]
    return {**history, "rows": rows, "seconds": None}


def fingerprint(state_file):
    """Of everything in a state file but its times: weights, best weights, Adam's moments, history."""
    content = state_file.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    history = without_seconds(json.loads(header["__metadata__"]["history"]))
    digest = hashlib.sha256(json.dumps(history, sort_keys=True).encode())
    for name, tensor in sorted(load_file(state_file).items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


# --- killed again and again ---


class Board:
    """What a forked process is doing, in memory that the one which kills it can read."""

    def __init__(self):
        self.memory = mmap.mmap(-1, 64)

    def write(self, doing, step=None):
        self.memory[:16] = doing.encode().ljust(16)
        if step is not None:
            self.memory[16:32] = str(step).encode().ljust(16)

    def read(self):
        return self.memory[:16].decode().strip("\0 "), int(self.memory[16:32].strip(b"\0 ") or 0)


def fork(function, *args):
    """Run a function in a forked process; its number."""
    process = os.fork()
    if not process:
        try:
            function(*args)
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)
    return process


def kill_after(process, seconds):
    """Kill a process after a while, or let it end before: whether it was killed; it must not fail by itself."""
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    return killed(process)


def killed(process):
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the training itself failed"
    return False


def marked(function, doing, board):
    def call(*args, **options):
        board.write(doing)
        result = function(*args, **options)
        board.write("stepping")
        return result

    return call


def train_small(scans, state_file, board):
    board.write("starting", 0)
    for name, doing in {"save_state": "saving", "validate": "validating", "load_state": "loading"}.items():
        setattr(training, name, marked(getattr(training, name), doing, board))
    network = small_network()
    training.train(
        network,
        Repeated(scans),
        SETTINGS,
        validation=scans[:3],
        state_file=state_file,
        signature="small",
        progress=lambda history, loss: board.write("stepping", history.step),
    )
    best = {name.removeprefix("best."): value for name, value in load_file(state_file).items() if "best." in name}
    assert all(torch.equal(value, best[name]) for name, value in network.state_dict().items())


def finish(scans, state_file, board):
    """Train to the end, from wherever it stands."""
    assert not killed(fork(train_small, scans, state_file, board))
    return fingerprint(state_file)


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(call, moment, function, *args):
    """Call a function that writes files, and die at its flush or rename number `call`, counted from 1.

    Moments: with "half" of the file written, "before" it is renamed, or right "after".
    """
    name = "fsync" if moment == "half" else "replace"
    real, n_calls = getattr(os, name), []

    def counted(*given):
        n_calls.append(given)
        if len(n_calls) < call:
            return real(*given)
        if moment == "half":
            os.ftruncate(given[0], os.fstat(given[0]).st_size // 2)
        elif moment == "after":
            real(*given)
        kill_itself()

    setattr(os, name, counted)
    function(*args)


def warm_up():
    """Load what torch loads at the first step of an optimiser, so that a forked process starts at once."""
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.zeros(1)
    torch.optim.Adam([weight]).step()


def kill(folder):
    warm_up()
    scans, board = small_scans(), Board()
    state_file = folder / "killed.state"
    start = time.perf_counter()
    expected = finish(scans, folder / "whole.state", board)
    seconds = time.perf_counter() - start

    kills, ends = [], []
    while len(kills) < N_KILLS:
        if kill_after(fork(train_small, scans, state_file, board), random.uniform(0, seconds / 8)):
            kills.append(board.read())
        else:  # it ended before: begin anew
            ends.append(fingerprint(state_file))
            state_file.unlink()
    ends += [finish(scans, state_file, board)]
    state_file = folder / "aimed.state"
    for moment in ("half", "before", "after"):
        assert killed(fork(die_at, 3, moment, train_small, scans, state_file, board))
        kills.append((moment, board.read()[1]))
    ends += [finish(scans, state_file, board)]
    left = sorted(path.name for path in folder.iterdir())
    cards = die_while_the_card_is_written(folder / "cards")
    return {"whole": expected, "ends": ends, "kills": kills, "left": left, "cards": cards}


def die_while_the_card_is_written(folder):
    """Die before and after the rename of the weights and of the card: what can be loaded then."""
    metrics = {"psnr": 30.0, "ssim": 0.9, "nmse": 0.01, "psnr_zero_filled": 20.0, "n_slices": 1}
    run.evaluate = lambda *args: metrics  # takes longer than all else
    recipe = parse_recipe(RECIPE, "small")
    network = recipe.build()
    card = run.make_card(recipe, network, History(), device=torch.device("cpu"))
    found = []
    for call, moment in [(1, "before"), (1, "after"), (2, "before"), (2, "after")]:
        place = folder / f"{call} {moment}"
        assert killed(fork(die_at, call, moment, save_checkpoint, network, card, place))
        try:
            load_checkpoint(place / "small.safetensors")
            found.append("whole")
        except FileNotFoundError:
            found.append("none")
    return found


# --- shared by two processes ---


def share(folder):
    scans = [in_double(scan) for scan in small_scans()]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    processes = [fork(train_share, scans, rank, folder) for rank in range(2)]
    assert not any([killed(process) for process in processes])
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def train_share(scans, rank, folder):
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    network = small_network(rank).double()  # the weights of rank 0 count
    settings = replace(SETTINGS, n_steps=12, validate_every=5)
    history = training.train(
        network, Repeated(scans), settings, validation=scans[:3], state_file=folder / f"{rank}.state"
    )
    torch.save(network.state_dict(), folder / f"{rank}.weights")
    worse = replace(settings, validate_every=1, patience=2, learning_rate=0.1)
    stopped = training.train(
        network, Repeated(scans), worse, validation=scans[:3], objective=Supervised(lambda *images: -log_nmse(*images))
    )
    report = {"rows": history.rows, "stopped": [stopped.step, stopped.stopped_early, stopped.best_step]}
    (folder / f"{rank}.json").write_text(json.dumps(report))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    print(json.dumps({"kill": kill, "share": share}[sys.argv[1]](Path(sys.argv[2]))))
