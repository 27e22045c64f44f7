"""Messages of a queue, taken out while other threads send some.

Follows "DeleteMessage" in the Amazon SQS API Reference: what nobody deletes stays. ministack makes a new list of those
that stay, and whatever rules, topics, buckets and machines send meanwhile goes to the old one. Here the list is the
same for ever.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import ministack.services.sqs as sqs

from local.aws import patching

original = patching.names(
    sqs, "_collect_msgs", "_delete_messages_for_esm", "_dlq_sweep", "_expire_retained", "_get_q", "_refresh_counts"
)

ABOUT_ONE = ("sqs:DeleteMessage", "sqs:ChangeMessageVisibility")


class Snapshot(dict[str, Any]):
    """A queue with the messages that it has now: what a new list of them leaves out is taken out of the queue."""

    def __init__(self, queue: dict[str, Any]) -> None:
        self._messages: list[dict[str, Any]] = queue["messages"]
        super().__init__(queue, messages=list(self._messages))

    def __setitem__(self, name: str, kept: list[dict[str, Any]]) -> None:
        staying = {id(each) for each in kept}
        for each in self["messages"]:
            if id(each) not in staying:
                with suppress(ValueError):  # another thread was faster
                    self._messages.remove(each)
        super().__setitem__(name, kept)


def install() -> None:
    patching.replace(
        sqs,
        _get_q=get_queue,
        _delete_messages_for_esm=delete_for_mapping,
        _collect_msgs=_on_snapshot(original._collect_msgs),
        _dlq_sweep=_on_snapshot(original._dlq_sweep),
        _expire_retained=_on_snapshot(original._expire_retained),
        _refresh_counts=_on_snapshot(original._refresh_counts),
    )


def get_queue(url: str, action: str | None = None) -> dict[str, Any]:
    queue: dict[str, Any] = original._get_q(url, action)
    return Snapshot(queue) if action in ABOUT_ONE else queue


def delete_for_mapping(url: str, receipts: set[str]) -> None:
    """Deletes what the function of an event source mapping has worked off."""
    queue = Snapshot(original._get_q(url))
    queue["messages"] = [each for each in queue["messages"] if each.get("receipt_handle") not in receipts]


def _on_snapshot(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(queue: dict[str, Any], *arguments: Any) -> Any:
        return function(queue if isinstance(queue, Snapshot) else Snapshot(queue), *arguments)

    return call
