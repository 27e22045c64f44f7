"""What ministack stores, listed while others write to it.

`list(items)` makes a tuple an item; now and then that collects garbage, whose finalizers let other threads run. So a
list of executions could fail with "dictionary changed size during iteration", in one of sixty bursts of 10,000 uploads.
The copy of a dict is made in one step.
"""

from typing import Any

from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

from local.aws import patching


def install() -> None:
    for scoped in (AccountScopedDict, AccountRegionScopedDict):
        patching.replace(scoped, values=values, items=items)
    patching.replace(
        AccountRegionScopedDict, all_items=all_items, items_scoped=items_scoped, values_scoped=values_scoped
    )


def values(self: Any) -> list[Any]:
    return [value for key, value in self._data.copy().items() if self._is_mine(key)]


def items(self: Any) -> list[tuple[Any, Any]]:
    return [(self._unscope(key), value) for key, value in self._data.copy().items() if self._is_mine(key)]


def values_scoped(self: Any, account: str, region: str) -> list[Any]:
    return [value for key, value in self._data.copy().items() if key[:2] == (account, region)]


def items_scoped(self: Any, account: str, region: str) -> list[tuple[Any, Any]]:
    return [(self._unscope(key), value) for key, value in self._data.copy().items() if key[:2] == (account, region)]


def all_items(self: Any) -> list[tuple[Any, Any]]:
    return list(self._data.copy().items())
