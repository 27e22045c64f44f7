"""Events that a test puts on the bus."""

import json
import urllib.error
import urllib.request

import pytest

from local.aws.tests.support import Local, arrived

pytestmark = pytest.mark.aws(
    "Event structure reference",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html",
    validated="never",
)


def test_any_event_can_be_put_on_the_bus(local: Local) -> None:
    """Protects tests of duplicates and odd events: source, id and time arrive as they were put."""
    queue = local.queue_for({"source": ["aws.s3"], "detail": {"bucket": {"name": ["mine"]}}})
    event = {
        "id": "00000000-0000-4000-8000-000000000001",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-01-01T06:00:00Z",
        "account": "111122223333",
        "region": "eu-west-1",
        "resources": ["arn:aws:s3:::mine"],
        "detail": {"bucket": {"name": "mine"}, "object": {"key": "a"}},
    }
    local.aws.put_event(event)
    local.aws.put_event(event)
    events = arrived(local, queue, 2)
    assert events[0] == events[1] == event | {"version": "0"}


def test_what_is_no_event_is_refused(local: Local) -> None:
    """Protects tests from events that go nowhere."""
    request = urllib.request.Request(
        f"{local.aws.endpoint}/_local/events", json.dumps({"source": "x"}).encode(), method="POST"
    )
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)
