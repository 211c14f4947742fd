"""axe-core, which looks for what keeps people out, in a page of a real browser."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

GRAVE = ("serious", "critical")


def axe_source() -> str:
    """The script; the test is skipped, with the reason, where it is not installed."""
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-core is not installed: pip install axe-playwright-python")
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def grave_findings(page, *selectors: str) -> list[str]:
    """Serious and critical findings inside these parts of the page, a sentence each with the element that has it.

    Parameters
    ----------
    page : Playwright page
    selectors : str
        CSS selectors; the whole page where none.
    """
    page.evaluate(axe_source())
    context = {"include": [[selector] for selector in selectors]} if selectors else None
    found = page.evaluate("context => axe.run(context ?? document, { resultTypes: ['violations'] })", context)
    return [
        f"{row['impact']}: {row['id']}, {row['help']}: {node['html'][:200]} ({node['failureSummary'][:300]})"
        for row in found["violations"]
        if row["impact"] in GRAVE
        for node in row["nodes"]
    ]
