"""What calls of operators are asked for, where the action is not named as the operation is."""

from typing import Any

import pytest

from local.aws.tests.support import Local, acting, allow, error_code, unique

SQS = pytest.mark.aws(
    "Actions, resources, and condition keys for Amazon SQS",
    url="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html",
    validated="never",
)
S3 = pytest.mark.aws(
    "Required permissions for Amazon S3 API operations",
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html",
    validated="never",
)


def passes(local: Local, action: str, call: str, **arguments: Any) -> bool:
    """Whether a role that may do this and nothing else gets an answer."""
    role = local.role(unique("role"), allow(action, "*"))
    service = action.partition(":")[0]
    try:
        getattr(acting(local, role, service), call)(**arguments)
    except acting(local, role, service).exceptions.ClientError as error:
        assert error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), error
        return False
    return True


@SQS
def test_a_batch_is_asked_for_as_one_message_is(local: Local) -> None:
    """Protects redrives: IAM knows no actions of batches."""
    url, _ = local.queue()
    local.sqs.send_message(QueueUrl=url, MessageBody="a")
    [message] = local.sqs.receive_message(QueueUrl=url)["Messages"]
    entry = {"Id": "a", "ReceiptHandle": message["ReceiptHandle"]}
    call, entries = "change_message_visibility_batch", [entry | {"VisibilityTimeout": 0}]
    assert not passes(local, "sqs:ReceiveMessage", call, QueueUrl=url, Entries=entries)
    assert passes(local, "sqs:ChangeMessageVisibility", call, QueueUrl=url, Entries=entries)
    assert passes(local, "sqs:DeleteMessage", "delete_message_batch", QueueUrl=url, Entries=[entry])


@S3
@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("s3:GetBucketNotification", "get_bucket_notification_configuration"),
        ("s3:ListBucket", "list_objects_v2"),
        ("s3:ListBucketVersions", "list_object_versions"),
    ],
)
def test_a_look_at_a_bucket_is_asked_for_by_its_own_name(local: Local, action: str, call: str) -> None:
    """Protects operators who may look at one thing and not at another."""
    bucket = local.bucket(a="b")
    assert passes(local, action, call, Bucket=bucket)
    assert not passes(local, "s3:GetObject", call, Bucket=bucket)


@S3
def test_a_bucket_that_is_not_there_is_named(local: Local) -> None:
    """Protects the first look of an operator: a misspelt bucket is no empty one."""
    look = local.s3.get_bucket_notification_configuration
    assert error_code(look, Bucket=unique("nobody"))[0] == "NoSuchBucket"
