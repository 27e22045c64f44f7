"""Events on the default bus whose source is AWS.

PutEvents refuses sources that begin with `aws.`, here as on AWS ("PutEventsRequestEntry" in
the Amazon EventBridge API Reference); services put theirs another way, and so does this.
"""

import json
import uuid
from typing import Any

import ministack.services.eventbridge as eventbridge
from ministack.core.responses import get_account_id, get_region, now_iso

from local.aws import patching

ministack = patching.names(eventbridge, "_dispatch_event")


def put(event: Any) -> None:
    """Puts `event`, in the form that rules and targets see, on the bus; what it leaves out is added."""
    if not isinstance(event, dict) or not isinstance(event.get("detail"), dict):
        raise ValueError("an event is an object with an object named detail")
    ministack._dispatch_event(
        {
            "EventId": event.get("id") or str(uuid.uuid4()),
            "Source": event.get("source", ""),
            "DetailType": event.get("detail-type", ""),
            "Detail": json.dumps(event["detail"]),
            "EventBusName": "default",
            "Time": event.get("time") or now_iso(),
            "Resources": event.get("resources", []),
            "Account": event.get("account") or get_account_id(),
            "Region": event.get("region") or get_region(),
        }
    )
