"""A real JupyterLab in a real Chromium: `open_notebook(path)` opens any notebook, runs it and takes pictures.

Skipped where Playwright or Chromium is missing. The tests look for a Chromium or Chrome of the system; the
environment variable MRICOURSE_CHROMIUM names another one. MRICOURSE_SCREENSHOTS names a folder to keep pictures.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # every cell stays in the page
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
# said by JupyterLab itself in any notebook
HARMLESS = ("favicon", "Failed to load resource", "Allow attribute will take precedence")

READY = """async () => {
  await window.jupyterapp.restored;
  const widget = window.jupyterapp.shell.currentWidget;
  await widget.revealed;
  await widget.sessionContext.ready;
  await widget.sessionContext.session.kernel.info;
}"""
# no cell waits, at least one has run, and the kernel rests
DONE = """() => {
  const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].map((e) => e.innerText);
  const rests = document.querySelector(".jp-Notebook-ExecutionIndicator[data-status='idle']");
  return rests && prompts.some((text) => /\\d/.test(text)) && !prompts.some((text) => text.includes('*'));
}"""


class Notebook:
    """An open notebook.

    Attributes
    ----------
    page : the Playwright page
    complaints : list of str
        Errors of the browser's console and uncaught exceptions, JupyterLab's own aside.
    outside : list of str
        Addresses outside this machine that the page asked for; they are not answered.
    """

    def __init__(self, page, name: str, pictures: Path) -> None:
        self.page, self.name, self._pictures = page, name, pictures
        self.complaints: list[str] = []
        self.outside: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.route(lambda url: "//127.0.0.1" not in url and url.startswith("http"), self._refuse)

    def run_all(self, *, timeout_s: float = 120) -> None:
        """Run every cell and wait until the last is done; an error in a cell ends the run, as for a learner."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        self.page.wait_for_function(DONE, timeout=timeout_s * 1000)

    @property
    def cells(self) -> list:
        """The cells, markdown and code, in order."""
        return self.page.locator(".jp-Notebook .jp-Cell").all()

    @property
    def errors(self) -> list[str]:
        """What cells wrote to the error stream, tracebacks above all."""
        return self.page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts()

    def screenshot(self) -> list[Path]:
        """Save a picture of every cell; returns where they are."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        paths = []
        for index, cell in enumerate(self.cells):
            path = self._pictures / f"{Path(self.name).stem}_{index:03d}.png"
            cell.scroll_into_view_if_needed()
            cell.screenshot(path=path)
            paths.append(path)
        return paths

    def _listen(self, message) -> None:
        if message.type == "error" and not any(word in message.text for word in HARMLESS):
            self.complaints.append(message.text)

    def _refuse(self, route) -> None:
        self.outside.append(route.request.url)
        route.abort()


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """The browser, started once."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
    found = os.environ.get("MRICOURSE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    # without a path, Playwright looks where Chrome's installers for Windows and macOS put it
    place = {"executable_path": found} if found else {"channel": "chrome"}
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(args=FLAGS, **place)
        except sync_api.Error as error:
            if found:
                raise
            pytest.skip(f"no Chromium or Chrome found; install one or name it in MRICOURSE_CHROMIUM ({error.name})")
        yield browser
        browser.close()


def jupyter_home(home: Path) -> dict[str, str]:
    """An environment in which Jupyter keeps everything below `home`, with one thread for each kernel."""
    own = {
        "JUPYTER_CONFIG_DIR": home / "config", "JUPYTER_DATA_DIR": home / "data", "JUPYTER_RUNTIME_DIR": home / "run",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces", "IPYTHONDIR": home / "ipython", "OMP_NUM_THREADS": "1",
        "PYTHONPATH": ROOT,
    }  # fmt: skip
    return {**os.environ, **{key: str(value) for key, value in own.items()}}


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[tuple[str, str, Path]]:
    """A JupyterLab of its own: (address, token, folder of the notebooks)."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "notebooks"
    folder.mkdir()
    for name, values in SETTINGS.items():
        path = home / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    environment = jupyter_home(home) | {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTER_TOKEN": token}
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True",
        f"--LabApp.extra_labextensions_path={ROOT / 'mricourse/classroom/jupyter/labextensions'}", "--allow-root",
    ]  # fmt: skip
    with (home / "log.txt").open("wb") as log:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/api?token={token}", server, home / "log.txt")
            yield address, token, folder
        finally:
            server.terminate()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(address: str, server: subprocess.Popen, log: Path, *, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


class Course:
    """`mricourse lab` on a workspace, as a learner starts it; `said` is what it printed once it has ended."""

    def __init__(self, home: Path) -> None:
        self.workspace = home / "Ma leçon"
        self.said = ""
        self._home = home
        self._server: subprocess.Popen | None = None

    def start(self, *, timeout_s: float = 120) -> str:
        """Start it; returns its address with a slash at the end."""
        runtime = self._home / "run"
        shutil.rmtree(runtime, ignore_errors=True)
        options = ["--port=0", "--ip=127.0.0.1", "--IdentityProvider.token=t", "--LabApp.expose_app_in_browser=True"]
        command = [sys.executable, "-m", "mricourse", "lab", str(self.workspace), "--no-browser", "--", *options]
        with (self._home / "said.txt").open("wb") as log:
            self._server = subprocess.Popen(command, env=jupyter_home(self._home), cwd=ROOT, stdout=log, stderr=log)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self._server.poll() is None:
            for path in runtime.glob("jpserver-*.json"):
                with suppress(OSError, ValueError):
                    address = json.loads(path.read_text())["url"]
                    urllib.request.urlopen(f"{address}api/status?token=t", timeout=2).close()
                    return address
            time.sleep(0.2)
        pytest.fail(f"`mricourse lab` did not start:\n{self._log()}")

    def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(timeout=60)
            self._server = None
            self.said = self._log()

    def _log(self) -> str:
        return (self._home / "said.txt").read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def course(tmp_path) -> Iterator[Course]:
    """The real course in a new workspace; it is stopped at the end."""
    course = Course(tmp_path)
    yield course
    course.stop()


@pytest.fixture
def open_notebook(chromium, lab, tmp_path) -> Iterator:
    """A function that copies a notebook into the lab, opens it and waits for its kernel."""
    address, token, folder = lab
    kept = os.environ.get("MRICOURSE_SCREENSHOTS")
    pages = []

    def open_(path: Path, *, width_px: int = 1200, height_px: int = 1000) -> Notebook:
        shutil.copy(path, folder / path.name)
        page = chromium.new_page(viewport={"width": width_px, "height": height_px})
        pages.append(page)
        notebook = Notebook(page, path.name, Path(kept) if kept else tmp_path / "pictures")
        page.set_default_timeout(180_000)  # a busy machine starts a kernel in a minute
        page.goto(f"{address}/doc/tree/{path.name}?token={token}")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.evaluate(READY)
        return notebook

    yield open_
    for page in pages:
        if kept:
            page.screenshot(path=Path(kept) / "last.png")
        page.evaluate("() => { window.jupyterapp.serviceManager.sessions.shutdownAll(); }")
        page.close()


@pytest.fixture
def open_cells(open_notebook, tmp_path):
    """A function that writes a notebook of these cells, opens it and runs it."""
    import nbformat

    def open_(name: str, cells: list) -> Notebook:
        document = nbformat.v4.new_notebook(cells=cells)
        document.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
        nbformat.write(document, tmp_path / name)
        opened = open_notebook(tmp_path / name)
        opened.run_all()
        return opened

    return open_
