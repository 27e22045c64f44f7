"""Lists of what is stored, while other threads write to it."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict

from local.aws import snapshots

ATTEMPTS = 60


class Finalized:
    """Garbage whose collection lets other threads run."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0)


@contextmanager
def written_to(store: Any) -> Iterator[None]:
    """Other threads write to the store, and garbage is collected all the time."""
    enough, threshold = threading.Event(), gc.get_threshold()

    def write() -> None:
        number = 0
        while not enough.is_set():
            store[f"new-{number}"] = number
            store.pop(f"new-{number - 1}", None)
            number += 1

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    gc.set_threshold(50)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        enough.set()
        for thread in threads:
            thread.join()


def failures(listing: Callable[[Any], Any]) -> int:
    """How often it fails to list a store that is written to."""
    store, failed = AccountRegionScopedDict(), 0
    for number in range(3000):
        store[f"old-{number}"] = number
    with written_to(store):
        for _ in range(ATTEMPTS):
            Finalized()
            try:
                listing(store)
            except RuntimeError:
                failed += 1
    return failed


@pytest.mark.parametrize("listing", [snapshots.values, snapshots.items, snapshots.all_items])
def test_a_store_can_be_listed_while_it_is_written_to(listing: Callable[[Any], Any]) -> None:
    """Protects runs in a burst: a list of executions that failed was one that AWS would have given."""
    assert failures(listing) == 0


def test_ministacks_own_way_fails() -> None:
    """Shows that the test bites, and when ministack has mended it: the module is needless then."""
    assert failures(AccountRegionScopedDict.items) > 0
