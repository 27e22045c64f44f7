"""`sns:publish` as a Task.

Follows "Publish messages to an Amazon SNS topic with Step Functions" in the AWS Step Functions Developer Guide.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import ministack.services.stepfunctions as sfn

from local.aws import patching
from local.aws.answers import Response
from local.aws.sns import topics
from local.aws.stepfunctions import integrations

ministack = patching.names(sfn, "_SERVICE_DISPATCH")

PUBLISH = "arn:aws:states:::sns:publish"


def install() -> None:
    ministack._SERVICE_DISPATCH[PUBLISH] = publish


def publish(_resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    status, _, body = topics.publish(dict(_parameters(arguments)))
    told = _told((status, {}, body))
    if "MessageId" not in told:
        code, message = told.get("Code", "InternalError"), told.get("Message", "No answer")
        raise integrations.refusal("sns", "Publish", code, message)
    return {name: told[name] for name in ("MessageId", "SequenceNumber") if name in told}


def _parameters(arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The members of a request as SNS's query protocol names them; a message that is no text is sent as JSON."""
    for name, value in arguments.items():
        if name == "MessageAttributes":
            for number, (attribute, given) in enumerate(value.items(), start=1):
                prefix = f"MessageAttributes.entry.{number}"
                yield f"{prefix}.Name", attribute
                yield from ((f"{prefix}.Value.{member}", str(text)) for member, text in given.items())
        else:
            yield name, value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _told(response: Response) -> dict[str, str]:
    """What the elements of an answer say; nothing, if SNS did not give it."""
    try:
        elements = ET.fromstring(response[2]).iter()
    except ET.ParseError:
        return {}
    return {each.tag.rpartition("}")[2]: each.text or "" for each in elements}
