"""The contract with ministack: private names that may change with every version.

Each extension takes what it uses through `names`, at import, and replaces functions
through `replace`. So another version of ministack fails at start, with a message
that says what is gone, and not in the middle of a run.
"""

from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType, SimpleNamespace
from typing import Any

MINISTACK = "1.5.33"


class ContractError(RuntimeError):
    """ministack is not the one that the extensions were written for."""


def check_version() -> None:
    if (installed := version("ministack")) != MINISTACK:
        raise ContractError(f"ministack {installed} is installed, the extensions need {MINISTACK}")


def names(module: ModuleType | type, *wanted: str) -> SimpleNamespace:
    """These names of `module`, as they are before any extension replaces them."""
    if missing := [name for name in wanted if not hasattr(module, name)]:
        raise ContractError(f"{module.__name__} has no {', '.join(missing)}; the extensions need ministack {MINISTACK}")
    return SimpleNamespace(**{name: getattr(module, name) for name in wanted})


def replace(module: ModuleType | type, **functions: Callable[..., Any]) -> None:
    for name, current in vars(names(module, *functions)).items():
        if not callable(current):
            raise ContractError(f"{module.__name__}.{name} is no function")
        setattr(module, name, functions[name])
