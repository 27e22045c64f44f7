"""Real S3 events, as EventBridge delivers them."""

import json
from typing import Any

from local.demo import ROOT
from tests.support.stack import BUCKET

EVENTS = ROOT / "functions/s3-event-filter/events"


def sample(name: str, key: str) -> dict[str, Any]:
    """A real event, moved to the bucket of the stack."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    detail = event["detail"]
    if "requestParameters" in detail:
        detail["requestParameters"] |= {"bucketName": BUCKET, "key": key}
    else:
        detail["bucket"]["name"] = BUCKET
        detail["object"]["key"] = key
    return event
