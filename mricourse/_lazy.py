"""A package's face: names that load with their module when they are first used.

So `mricourse --help` starts without torch, and `from mricourse.plotting import explore` does not load the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType


class Face(ModuleType):
    """A package whose names stay what they are where a module is called alike, which an import would put there."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in self.__dict__.get("__all__", ())):
            super().__setattr__(name, value)


def face(package: str, homes: dict[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Make ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Parameters
    ----------
    package : str
        Its full name.
    homes : dict {module: names}
        Which module defines which names, separated by spaces; modules relative to the package.

    Returns
    -------
    (__getattr__, __dir__, __all__)
        An unknown name is an AttributeError that lists those there are.
    """
    module_of = {name: module for module, names in homes.items() for name in names.split()}
    offered = sorted(module_of)
    sys.modules[package].__class__ = Face

    def get(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it offers {', '.join(offered)}.")
        return getattr(import_module(f"{package}.{module_of[name]}"), name)

    return get, lambda: offered, offered
