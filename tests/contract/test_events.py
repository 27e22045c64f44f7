"""Events: CloudTrail's, and any that a test puts on the bus."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from contract_helpers import Local, eventually, unique


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


def arrived(local: Local, queue: str, count: int) -> list[dict[str, Any]]:
    """The first `count` events, or a few more, in a queue."""
    events: list[dict[str, Any]] = []

    def enough() -> bool:
        events.extend(local.received(queue))
        return len(events) >= count

    eventually(enough)
    return events


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


def sample(name: str) -> dict[str, Any]:
    """An event of "AWS Glue events" in the EventBridge reference, of 2017."""
    return json.loads((Path(__file__).parent / f"events/glue-{name}.json").read_text())


def told_of(local: Local, detail_type: str, name: str) -> str:
    """A queue for the events of a crawler or a job."""
    key = "crawlerName" if "Crawler" in detail_type else "jobName"
    return local.queue_for({"source": ["aws.glue"], "detail-type": [detail_type], "detail": {key: [name]}})


@pytest.mark.parametrize(("outcome", "last"), [("succeeded", "succeeded"), ("failed", "failed"), ("cancelled", None)])
def test_a_crawl_announces_its_beginning_and_its_end(local: Local, outcome: str, last: str | None) -> None:
    """Protects whoever waits for events: their form, and that a crawl that was stopped announces no end."""
    name = local.crawler(tags={"local:outcome": outcome, "local:error": "no access"})
    queue = told_of(local, "Glue Crawler State Change", name)
    local.crawl(name)
    samples = [sample(f"crawler-{state}") for state in ("started", last) if state]
    events = arrived(local, queue, len(samples))
    assert [event["detail"]["state"] for event in events] == [event["detail"]["state"] for event in samples]
    for event, documented in zip(events, samples, strict=True):
        assert event.keys() == documented.keys()
        assert event["detail"].keys() == documented["detail"].keys()
        assert event["detail"]["message"] == documented["detail"]["message"]
        assert event["detail"]["crawlerName"] == name
        assert event["resources"] == []
    assert events[-1]["detail"].get("errorMessage", "no access") == "no access"
    assert local.received(queue) == []


def test_a_crawl_announces_what_it_has_changed(local: Local) -> None:
    """Protects the counts, which are text."""
    bucket = local.bucket(**{"orders/dt=1/a.csv": "id\n1\n", "orders/dt=2/a.csv": "id\n1\n"})
    name = local.crawler(f"s3://{bucket}/orders/")
    queue = told_of(local, "Glue Crawler State Change", name)
    local.crawl(name)
    detail = arrived(local, queue, 2)[-1]["detail"]
    assert (detail["tablesCreated"], detail["partitionsCreated"], detail["tablesUpdated"]) == ("1", "2", "0")


@pytest.mark.parametrize(
    ("tags", "documented"),
    [
        ({"local:outcome": "succeeded"}, "job-succeeded"),
        ({"local:outcome": "failed", "local:error": "no access"}, "job-failed"),
        ({"local:outcome": "cancelled"}, "job-stopped"),
        ({"local:seconds": "9", "local:timeout-seconds": "0"}, "job-timeout"),
    ],
)
def test_a_job_run_announces_its_end(local: Local, tags: dict[str, str], documented: str) -> None:
    """Protects whoever waits for events: each end has a state, a severity and a message."""
    name, expected = local.job(tags=tags), sample(documented)
    queue = told_of(local, "Glue Job State Change", name)
    run = local.run_job(name)
    [event] = arrived(local, queue, 1)
    told = {"jobName": name, "jobRunId": run["Id"]}
    told |= {"message": "no access"} if documented == "job-failed" else {}
    assert event.keys() == expected.keys()
    assert event["detail"] == expected["detail"] | told
