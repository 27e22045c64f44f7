"""Topics: what Publish refuses, faults chosen by their tags, and counters of calls.

Follows "Publish" in the Amazon SNS API Reference. A subject of exactly 100 characters is refused, as that page has it.
"""

import json
import re
from typing import Any

import ministack.services.sns as sns

from local.aws import faults, patching
from local.aws.answers import ApiError, Response
from local.aws.behaviour import check_resource_tags

original = patching.names(sns, "_create_topic", "_publish", "_tag_resource")
ministack = patching.names(
    sns,
    "_SNS_MAX_PAYLOAD_BYTES",
    "_error",
    "_message_payload_size",
    "_normalize_arn",
    "_p",
    "_param_tags",
    "_parse_message_attributes",
    "_platform_endpoints",
    "_topic_by_arn_any_scope",
)

STRUCK = ("Publish",)
# Printable ASCII that begins with anything but a space, and has less than 100 characters.
SUBJECT = re.compile(r"[!-~][ -~]{0,98}")
STATUSES = {"NotFound": 404, "AuthorizationError": 403, "InternalError": 500}


def install() -> None:
    patching.replace(sns, _publish=publish, _create_topic=create_topic, _tag_resource=tag_resource)


def publish(parameters: dict[str, Any]) -> Response:
    arn = ministack._normalize_arn(ministack._p(parameters, "TopicArn") or ministack._p(parameters, "TargetArn"))
    topic = ministack._topic_by_arn_any_scope(arn) if arn else None
    what = faults.next_fault("Publish", (topic["name"], topic["tags"])) if topic else None
    if what not in (None, "lost-response"):
        return _struck(what)
    try:
        if arn and topic is None and arn not in ministack._platform_endpoints:
            raise ApiError("NotFound", "Topic does not exist")
        _check(parameters)
    except ApiError as error:
        return _refused(error)
    answer: Response = original._publish(parameters)
    return _struck(what) if what else answer


def _check(parameters: dict[str, Any]) -> None:
    message = ministack._p(parameters, "Message")
    if not message:
        raise ApiError("InvalidParameter", "Invalid parameter: Empty message")
    size = ministack._message_payload_size(message, ministack._parse_message_attributes(parameters))
    if size > ministack._SNS_MAX_PAYLOAD_BYTES:
        raise ApiError("InvalidParameter", "Invalid parameter: Message too long")
    if "Subject" in parameters and not SUBJECT.fullmatch(ministack._p(parameters, "Subject")):
        raise ApiError("InvalidParameter", "Invalid parameter: Subject")


def create_topic(parameters: dict[str, Any]) -> Response:
    return _refused_tags(parameters) or original._create_topic(parameters)


def tag_resource(parameters: dict[str, Any]) -> Response:
    return _refused_tags(parameters) or original._tag_resource(parameters)


def _refused_tags(parameters: dict[str, Any]) -> Response | None:
    try:
        check_resource_tags("topic", STRUCK, ministack._param_tags(parameters))
    except ValueError as error:
        return _refused(ApiError("InvalidParameter", str(error)))
    return None


def _refused(error: ApiError) -> Response:
    answer: Response = ministack._error(error.code, error.message, STATUSES.get(error.code, 400))
    return answer


def _struck(what: str) -> Response:
    """The fault in the form of the query protocol."""
    status, headers, body = faults.response(what, "sns", "Publish")
    if faults.FOREIGN in headers:
        return status, headers, body
    told = json.loads(body)
    _, own, content = _refused(ApiError(told["__type"], told["message"]))
    withheld = {name: value for name, value in headers.items() if name == faults.WITHHOLD}
    return STATUSES.get(told["__type"], status), own | withheld, content
