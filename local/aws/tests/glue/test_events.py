"""Events of crawlers and jobs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.aws.tests.support import Local, arrived

pytestmark = pytest.mark.aws(
    "AWS Glue events", url="https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-glue.html", validated="never"
)


def sample(name: str) -> dict[str, Any]:
    """An event of "AWS Glue events" in the EventBridge reference, of 2017."""
    return json.loads((Path(__file__).parent / f"events/glue-{name}.json").read_text())


def told_of(local: Local, detail_type: str, name: str) -> str:
    """A queue for the events of a crawler or a job."""
    key = "crawlerName" if "Crawler" in detail_type else "jobName"
    return local.queue_for({"source": ["aws.glue"], "detail-type": [detail_type], "detail": {key: [name]}})


@pytest.mark.aws(
    "Automating AWS Glue with EventBridge",
    url="https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html",
    validated="never",
)
@pytest.mark.parametrize(("outcome", "last"), [("succeeded", "succeeded"), ("failed", "failed"), ("cancelled", None)])
def test_a_crawl_announces_its_beginning_and_its_end(local: Local, outcome: str, last: str | None) -> None:
    """Protects those who wait for events: their form, and that a crawl that was stopped announces no end."""
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


@pytest.mark.aws(
    "Automating AWS Glue with EventBridge",
    url="https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html",
    validated="never",
)
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
    """Protects those who wait for events: each end has a state, a severity and a message."""
    name, expected = local.job(tags=tags), sample(documented)
    queue = told_of(local, "Glue Job State Change", name)
    run = local.run_job(name)
    [event] = arrived(local, queue, 1)
    told = {"jobName": name, "jobRunId": run["Id"]}
    told |= {"message": "no access"} if documented == "job-failed" else {}
    assert event.keys() == expected.keys()
    assert event["detail"] == expected["detail"] | told


@pytest.mark.parametrize(
    ("tags", "states"),
    [
        ({"local:announcements": "lost"}, []),
        ({"local:announcements": "twice"}, ["Started", "Started", "Succeeded", "Succeeded"]),
        ({"local:announcements": "swapped"}, ["Succeeded", "Started"]),
    ],
    ids=["lost", "twice", "swapped"],
)
def test_announcements_may_be_lost_repeated_and_out_of_order(
    local: Local, tags: dict[str, str], states: list[str]
) -> None:
    """Protects those who are told: events come at least once, in no order, and by best effort."""
    name = local.crawler(tags=tags)
    queue, witness = told_of(local, "Glue Crawler State Change", name), local.crawler()
    told = told_of(local, "Glue Crawler State Change", witness)
    local.crawl(name)
    events = arrived(local, queue, len(states))
    # What somebody else's crawl announces comes after all that was lost.
    local.crawl(witness)
    arrived(local, told, 2)
    events += local.received(queue)
    assert [event["detail"]["state"] for event in events] == states


def test_announcements_may_be_late(local: Local) -> None:
    """Protects those who are told late: no event comes before its delay is over, and every event comes."""
    name = local.crawler(tags={"local:announcement-delay-seconds": "1"})
    queue = told_of(local, "Glue Crawler State Change", name)
    crawl = local.crawl(name)
    arrived(local, queue, 2)
    assert datetime.now(UTC) >= crawl["EndTime"] + timedelta(seconds=1)
