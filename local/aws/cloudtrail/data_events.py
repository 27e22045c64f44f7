"""S3 data events of a trail, as EventBridge delivers them.

Follows "AWS service events delivered via AWS CloudTrail" in the Amazon EventBridge User
Guide, and "Logging data events" and "CloudTrail record contents" in the AWS CloudTrail
User Guide: a logging trail whose event selectors choose the object and its writes puts one
event a call on the default bus. Only calls that succeed make an event here.
"""

import contextvars
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import ministack.services.cloudtrail as cloudtrail
import ministack.services.s3 as s3
from ministack.core.responses import get_account_id, get_region

from local.aws import patching
from local.aws.eventbridge import events

ministack = patching.names(cloudtrail, "_trails", "_event_selectors")
original = patching.names(s3, "_fire_s3_event_async")

CALLS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "PostObject",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
OBJECT = "AWS::S3::Object"
ARN = "arn:aws:s3:::"


def install() -> None:
    patching.replace(s3, _fire_s3_event_async=fire_s3_event)


def fire_s3_event(bucket: str, key: str, event: str, *arguments: Any, **options: Any) -> None:
    original._fire_s3_event_async(bucket, key, event, *arguments, **options)
    call = CALLS.get(event)
    if call and any(_selects(selector, bucket, key) for selector in _selectors()):
        # A thread of its own: a target may call S3, while S3 is still busy with this call.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(events.put, _event(call, bucket, key)), daemon=True).start()


def _selectors() -> Iterator[dict[str, Any]]:
    for name, trail in ministack._trails.items():
        if trail["IsLogging"]:
            yield from ministack._event_selectors.get(name, [])


def _selects(selector: dict[str, Any], bucket: str, key: str) -> bool:
    """Whether an event selector, basic or advanced, chooses writes to this object."""
    arn = f"{ARN}{bucket}/{key}"
    if "FieldSelectors" in selector:
        chosen = {field["Field"]: field for field in selector["FieldSelectors"]}
        arns = chosen.get("resources.ARN", {})
        return (
            chosen.get("eventCategory", {}).get("Equals") == ["Data"]
            and chosen.get("resources.type", {}).get("Equals") == [OBJECT]
            and "true" not in chosen.get("readOnly", {}).get("Equals", [])
            and (not arns or arn in arns.get("Equals", []) or arn.startswith(tuple(arns.get("StartsWith", []))))
        )
    return selector["ReadWriteType"] != "ReadOnly" and any(
        resource["Type"] == OBJECT and any(value == ARN[:-3] or arn.startswith(value) for value in resource["Values"])
        for resource in selector.get("DataResources", [])
    )


def _event(call: str, bucket: str, key: str) -> dict[str, Any]:
    account, region = get_account_id(), get_region()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.s3",
        "time": now,
        "detail": {
            "eventVersion": "1.08",
            "userIdentity": {
                "type": "IAMUser",
                "principalId": "AIDAEXAMPLEUSER",
                "arn": f"arn:aws:iam::{account}:user/local",
                "accountId": account,
                "accessKeyId": "AKIAEXAMPLEKEY",
                "userName": "local",
            },
            "eventTime": now,
            "eventSource": "s3.amazonaws.com",
            "eventName": call,
            "awsRegion": region,
            "sourceIPAddress": "127.0.0.1",
            "userAgent": "[local]",
            "requestParameters": {
                "bucketName": bucket,
                "Host": f"{bucket}.s3.{region}.amazonaws.com",
                "key": key,
            },
            "responseElements": None,
            "additionalEventData": {"SignatureVersion": "SigV4", "AuthenticationMethod": "AuthHeader"},
            "requestID": uuid.uuid4().hex[:16].upper(),
            "eventID": str(uuid.uuid4()),
            "readOnly": False,
            "resources": [
                {"type": OBJECT, "ARN": f"{ARN}{bucket}/{key}"},
                {"accountId": account, "type": "AWS::S3::Bucket", "ARN": f"{ARN}{bucket}"},
            ],
            "eventType": "AwsApiCall",
            "recipientAccountId": account,
            "managementEvent": False,
            "eventCategory": "Data",
        },
    }
