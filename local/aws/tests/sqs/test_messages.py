"""Messages that are deleted, and those that come meanwhile."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import ministack.services.sqs as sqs
import pytest

from local.aws import ACCOUNT, REGION
from local.aws.sqs import messages
from local.aws.tests.support import Local

pytestmark = pytest.mark.aws(
    "DeleteMessage",
    url="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html",
    validated="never",
)
URL, DEAD = "http://queue", f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead"


def message(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "receipt_handle": name, "sent_at": 2e9, "visible_at": 0, "receive_count": 0, **more}


class Busy(list[dict[str, Any]]):
    """Messages to which another thread adds one as soon as somebody has looked through them."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from super().__iter__()
        self.append(message("new"))


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A busy queue, in this process, of a message that goes and one that stays."""
    attributes = {"RedrivePolicy": json.dumps({"maxReceiveCount": 1, "deadLetterTargetArn": DEAD})}
    going = message("going", sent_at=0, receive_count=1)
    queue = {"url": URL, "attributes": attributes, "messages": Busy([going, message("staying")])}
    monkeypatch.setattr(sqs, "_queues", {URL: queue})
    monkeypatch.setattr(sqs, "_queue_by_arn", {DEAD: {"messages": []}}.get)
    for name, function in vars(messages.original).items():
        monkeypatch.setattr(sqs, name, function)
    return queue


WAYS: list[Callable[[dict[str, Any]], object]] = [
    lambda _: sqs._act_delete_message({"ReceiptHandle": "going"}, URL),
    lambda _: sqs._act_delete_message_batch({"Entries": [{"Id": "1", "ReceiptHandle": "going"}]}, URL),
    lambda _: sqs._delete_messages_for_esm(URL, {"going"}),
    lambda queue: sqs._dlq_sweep(queue),
    lambda queue: sqs._expire_retained(queue),
]
ways = pytest.mark.parametrize("take_out", WAYS, ids=["delete", "batch", "mapping", "dead letters", "retention"])


@ways
def test_what_is_sent_while_others_are_deleted_stays(
    queue: dict[str, Any], take_out: Callable[[dict[str, Any]], object]
) -> None:
    """Protects events on their way to a queue whose reader deletes what it has read."""
    messages.install()
    take_out(queue)
    assert [each["id"] for each in queue["messages"][:]] == ["staying", "new"]


@ways
def test_ministacks_own_way_fails(queue: dict[str, Any], take_out: Callable[[dict[str, Any]], object]) -> None:
    """Shows that the test bites, and when ministack has mended it: the module is needless then."""
    take_out(queue)
    assert [each["id"] for each in queue["messages"]] == ["staying"]


def test_what_is_deleted_is_gone(local: Local) -> None:
    """Protects readers of queues: one by one or in a batch, and nothing else."""
    url, _ = local.queue()
    for body in "abc":
        local.sqs.send_message(QueueUrl=url, MessageBody=body)
    received = local.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, VisibilityTimeout=0)["Messages"]
    receipts = {each["Body"]: each["ReceiptHandle"] for each in received}
    local.sqs.delete_message(QueueUrl=url, ReceiptHandle=receipts["a"])
    local.sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "b", "ReceiptHandle": receipts["b"]}])
    [left] = local.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3)["Messages"]
    assert left["Body"] == "c"
