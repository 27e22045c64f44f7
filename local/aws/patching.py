"""The contract with ministack: private names that may change with every version.

Each extension takes at import what it uses: as `original` the functions that it replaces, as `ministack` the rest.
So another version of ministack fails at start, with a message that says what is gone, and not in the middle of a run.
"""

from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType, SimpleNamespace
from typing import Any

MINISTACK = "1.5.33"

_replaced: dict[tuple[str, str], str] = {}


class PatchingError(RuntimeError):
    """ministack is not the one that the extensions were written for, or two extensions replace one name."""


def check_version() -> None:
    if (installed := version("ministack")) != MINISTACK:
        raise PatchingError(f"ministack {installed} is installed, the extensions need {MINISTACK}")


def names(module: ModuleType | type, *wanted: str) -> SimpleNamespace:
    """These names of `module`, as they are before any extension replaces them."""
    if missing := [name for name in wanted if not hasattr(module, name)]:
        raise PatchingError(f"{module.__name__} has no {', '.join(missing)}; the extensions need ministack {MINISTACK}")
    return SimpleNamespace(**{name: getattr(module, name) for name in wanted})


def replace(module: ModuleType | type, **functions: Callable[..., Any]) -> None:
    """Replaces each once: a second extension would silently take out the first, whose original it holds."""
    for name, current in vars(names(module, *functions)).items():
        if not callable(current):
            raise PatchingError(f"{module.__name__}.{name} is no function")
        by = functions[name].__module__
        if (first := _replaced.setdefault((module.__name__, name), by)) != by:
            raise PatchingError(f"{first} and {by} both replace {module.__name__}.{name}")
        setattr(module, name, functions[name])
