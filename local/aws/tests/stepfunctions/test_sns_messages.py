"""Messages to topics of SNS as steps of a machine."""

import json
from typing import Any

import pytest

from local.aws.tests.support import Local, eventually, unique

pytestmark = pytest.mark.aws(
    "Publish messages to an Amazon SNS topic with Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-sns.html",
    validated="never",
)


def publish(topic: str, **more: Any) -> dict[str, Any]:
    arguments = {"TopicArn": topic, "Message": "hello", **more}
    return {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Arguments": arguments, "End": True}


def topic(local: Local, tags: dict[str, str] | None = None) -> str:
    given = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
    return local.aws.client("sns").create_topic(Name=unique("topic"), Tags=given)["TopicArn"]


@pytest.mark.aws(
    "Publish messages to an Amazon SNS topic with Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-sns.html",
    validated="LocalStack snapshot test_publish_base, 2023-09-03: that a message may be an object; not what arrives",
)
def test_a_message_arrives(local: Local) -> None:
    """Protects notifications: subject, attributes, and a message that is an object as JSON."""
    arn, (url, queue) = topic(local), local.queue("sns")
    local.aws.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    attribute = {"kind": {"DataType": "String", "StringValue": "failure"}}
    output = local.output(Step=publish(arn, Message={"run": 1}, Subject="It failed", MessageAttributes=attribute))
    [envelope] = eventually(lambda: local.received(url))
    assert output == {"MessageId": envelope["MessageId"]}
    assert (envelope["Subject"], json.loads(envelope["Message"])) == ("It failed", {"run": 1})
    assert envelope["MessageAttributes"] == {"kind": {"Type": "String", "Value": "failure"}}


def test_errors_are_named_as_aws_does(local: Local) -> None:
    """Protects catchers by name: what Publish models has its class's name, all else is AmazonSNSException."""
    faults = "1 Throttled, 1 ThrottlingException, 1 AuthorizationError, 1 garbage, 1 lost-response"
    arn = topic(local, {"local:fault:Publish": faults})
    errors = [local.failure(Step=publish(arn))[0] for _ in faults.split(",")]
    assert errors == [
        "SNS.AmazonSNSException",
        "SNS.AmazonSNSException",
        "SNS.AuthorizationErrorException",
        "SNS.InternalErrorException",
        "SNS.InternalErrorException",
    ]
    error, cause = local.failure(Step=publish(f"{arn}-missing"))
    assert error == "SNS.NotFoundException"
    assert cause.startswith(
        "Topic does not exist (Service: AmazonSNS; Status Code: 404; Error Code: NotFound; Request ID: "
    )
    for subject in ("s" * 100, ""):
        error, cause = local.failure(Step=publish(arn, Subject=subject))
        assert (error, cause[:27]) == ("SNS.InvalidParameterException", "Invalid parameter: Subject ")
