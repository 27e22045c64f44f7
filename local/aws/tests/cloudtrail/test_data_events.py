"""S3 data events of a trail."""

import pytest

from local.aws.tests.support import Local, arrived, eventually, unique

pytestmark = pytest.mark.aws(
    "Logging data events",
    url="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html",
    validated="never",
)


def trail(local: Local, values: list[str] | None = None, **selection: object) -> None:
    """A logging trail that selects the data events of these objects."""
    client, name = local.aws.client("cloudtrail"), unique("trail")
    client.create_trail(Name=name, S3BucketName=local.bucket())
    basic = {
        "ReadWriteType": "WriteOnly",
        "IncludeManagementEvents": False,
        "DataResources": [{"Type": "AWS::S3::Object", "Values": values}],
    }
    client.put_event_selectors(TrailName=name, **(selection or {"EventSelectors": [basic]}))
    client.start_logging(Name=name)


def calls_queue(local: Local, bucket: str) -> str:
    return local.queue_for(
        {
            "source": ["aws.s3"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {"requestParameters": {"bucketName": [bucket]}},
        }
    )


@pytest.mark.aws(
    "AWS service events delivered via AWS CloudTrail",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html",
    validated="never",
)
def test_every_way_to_write_an_object_is_recorded(local: Local) -> None:
    """Protects the CloudTrail source: the calls that the filter understands, in its samples' shape."""
    bucket = local.bucket()
    trail(local, [f"arn:aws:s3:::{bucket}/landing/"])
    queue = calls_queue(local, bucket)
    local.s3.put_object(Bucket=bucket, Key="elsewhere/a", Body="x")
    local.s3.put_object(Bucket=bucket, Key="landing/a b+c=d", Body="x")
    local.s3.copy_object(Bucket=bucket, Key="landing/copy", CopySource=f"{bucket}/elsewhere/a")
    upload = local.s3.create_multipart_upload(Bucket=bucket, Key="landing/big")["UploadId"]
    part = local.s3.upload_part(Bucket=bucket, Key="landing/big", UploadId=upload, PartNumber=1, Body="x")
    local.s3.complete_multipart_upload(
        Bucket=bucket,
        Key="landing/big",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    events = arrived(local, queue, 3)
    assert {(e["detail"]["eventName"], e["detail"]["requestParameters"]["key"]) for e in events} == {
        ("PutObject", "landing/a b+c=d"),
        ("CopyObject", "landing/copy"),
        ("CompleteMultipartUpload", "landing/big"),
    }
    [put] = [e for e in events if e["detail"]["eventName"] == "PutObject"]
    assert put["source"] == "aws.s3"
    assert put["detail"]["eventSource"] == "s3.amazonaws.com"
    assert "errorCode" not in put["detail"]
    assert put["detail"]["resources"][0]["ARN"] == f"arn:aws:s3:::{bucket}/landing/a b+c=d"


def test_an_advanced_selector_selects_too(local: Local) -> None:
    """Protects the form of selectors that AWS recommends."""
    bucket = local.bucket()
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "resources.ARN", "StartsWith": [f"arn:aws:s3:::{bucket}/"]},
    ]
    trail(local, AdvancedEventSelectors=[{"Name": "writes", "FieldSelectors": fields}])
    queue = calls_queue(local, bucket)
    local.s3.put_object(Bucket=bucket, Key="a", Body="x")
    assert eventually(lambda: local.received(queue))[0]["detail"]["eventName"] == "PutObject"
