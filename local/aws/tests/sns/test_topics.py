"""Topics: what Publish refuses, and faults."""

from typing import Any

import pytest

from local.aws.tests.support import Local, error_code, unique

pytestmark = pytest.mark.aws(
    "Publish",
    url="https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
    validated="never",
)


def topic(local: Local, **tags: str) -> str:
    given = [{"Key": key.replace("_", ":"), "Value": value} for key, value in tags.items()]
    return local.aws.client("sns").create_topic(Name=unique("topic"), Tags=given)["TopicArn"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"Subject": "s" * 100}, "Invalid parameter: Subject"),
        ({"Subject": "two\nlines"}, "Invalid parameter: Subject"),
        ({"Subject": "größer"}, "Invalid parameter: Subject"),
        ({"Subject": " begins with a space"}, "Invalid parameter: Subject"),
        ({"Message": "m" * (256 * 1024 + 1)}, "Invalid parameter: Message too long"),
    ],
    ids=["long", "lines", "letters", "space", "message"],
)
def test_a_message_that_sns_refuses(local: Local, more: dict[str, Any], message: str) -> None:
    """Protects notifications with texts of others in them: subjects have to be cut and cleaned."""
    client, arn = local.aws.client("sns"), topic(local)
    assert error_code(client.publish, **{"TopicArn": arn, "Message": "m", **more}) == ("InvalidParameter", message)
    assert client.publish(TopicArn=arn, Message="m" * 256 * 1024, Subject="s" * 99)["MessageId"]


def test_a_topic_that_is_not_there(local: Local) -> None:
    """Protects catchers of a missing topic."""
    missing = topic(local) + "-missing"
    code = error_code(local.aws.client("sns").publish, TopicArn=missing, Message="m")
    assert code == ("NotFound", "Topic does not exist")


def test_a_fault_strikes_the_topic_that_has_its_tag(local: Local) -> None:
    """Protects scenarios of a throttled or broken topic; calls are counted by topic."""
    client, arn = local.aws.client("sns"), topic(local, local_fault_Publish="1 Throttled, 1 http-500")
    codes = [error_code(client.publish, TopicArn=arn, Message="m")[0] for _ in range(2)]
    assert codes == ["Throttled", "InternalError"]
    client.publish(TopicArn=arn, Message="m")
    assert local.aws.calls()[arn.rpartition(":")[2]] == {"Publish": 3}


@pytest.mark.parametrize("tag", ["local_fault_Publsh", "local_seconds"])
def test_a_tag_with_a_typo_is_refused(local: Local, tag: str) -> None:
    """Protects against a scenario that silently does nothing."""
    code, message = error_code(topic, local=local, **{tag: "1 Throttled"})
    assert (code, tag.replace("_", ":") in message) == ("InvalidParameter", True)
