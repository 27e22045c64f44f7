"""Broken copies of what is sound: a check that passes these passes anything."""

import copy
from typing import Any

NOTHING = object()

# The keys and indexes that lead to a place.
Way = tuple[str | int, ...]


def mutant(sound: Any, *way: str | int, value: Any = NOTHING) -> Any:
    """A copy with another value at the end of the way, or with none."""
    broken = copy.deepcopy(sound)
    place = broken
    *steps, last = way
    for step in steps:
        place = place[step]
    if value is NOTHING:
        del place[last]
    else:
        place[last] = value
    assert broken != sound
    return broken
