"""The life of one crawler: its crawls, one at a time, and what Glue tells about them.

Follows "Crawler", "LastCrawlInfo", "CrawlerHistory" and "CrawlerMetrics" in the AWS Glue
Web API Reference, and "AWS Glue events" in the EventBridge reference. Times are epoch
seconds, with milliseconds but for LastCrawl's StartTime.
"""

import contextvars
import json
import logging
import math
import statistics
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from ministack.core.responses import get_account_id, get_region

from local.aws.behaviour import Behaviour
from local.aws.eventbridge import events
from local.aws.glue.crawl_targets import Changes, CrawlError

logger = logging.getLogger("crawlers")
T = TypeVar("T")

LOG_GROUP = "/aws-glue/crawlers"
DEFAULT_SECONDS = 1.0
INTERNAL_ERROR = "Internal Service Exception"
# CrawlerHistory has words of its own for the three ends of LastCrawlInfo.
HISTORY_STATES = {"SUCCEEDED": "COMPLETED", "FAILED": "FAILED", "CANCELLED": "STOPPED"}


@dataclass
class Crawl:
    """One crawl; `status` is None until it ends."""

    started: float
    crawl_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    ended: float | None = None
    status: str | None = None
    error: str | None = None
    changes: Changes = field(default_factory=Changes)
    stopping: bool = False
    stop_requested: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds(self) -> float:
        return max(0.0, (self.ended or time.time()) - self.started)

    def log(self, crawler: str) -> dict[str, str]:
        return {"LogGroup": LOG_GROUP, "LogStream": crawler, "MessagePrefix": self.crawl_id}

    def last_crawl(self, crawler: str) -> dict[str, Any]:
        """This crawl, ended, as GetCrawler's LastCrawl."""
        start = math.floor(self.started)
        return _present(Status=self.status, ErrorMessage=self.error, **self.log(crawler), StartTime=start)

    def history(self, crawler: str, *, in_seconds: bool) -> dict[str, Any]:
        """This crawl as an entry of ListCrawls."""
        return _present(
            CrawlId=self.crawl_id,
            State=HISTORY_STATES[self.status] if self.status else "RUNNING",
            StartTime=math.floor(self.started) if in_seconds else self.started,
            EndTime=self.ended,
            Summary=summary(self.changes) if self.status == "SUCCEEDED" else None,
            ErrorMessage=self.error,
            **self.log(crawler),
            DPUHour=round(self.seconds / 3600, 6),
        )

    def event(self, crawler: str) -> dict[str, Any] | None:
        """What EventBridge is told: that the crawl has begun, or its end; nothing of one that was stopped."""
        log = f"#logEventViewer:group={LOG_GROUP};stream={crawler}"
        link = f"https://console.aws.amazon.com/cloudwatch/home?region={get_region()}{log}"
        match self.status:
            case None:
                detail = {"state": "Started", "startTime": _timestamp(self.started)}
            case "SUCCEEDED":
                counts = {name: str(count) for name, count in self.changes.counts().items()}
                ended = {"completionDate": _timestamp(self.ended or 0), "runningTime (sec)": str(int(self.seconds))}
                detail = {"state": "Succeeded", "warningMessage": "N/A", "cloudWatchLogLink": link} | counts | ended
            case "FAILED":
                detail = {"state": "Failed", "errorMessage": self.error or "", "cloudWatchLogLink": link}
            case _:
                return None
        message = f"Crawler {detail['state']}"
        detail |= {"accountId": get_account_id(), "crawlerName": crawler, "message": message}
        return {"source": "aws.glue", "detail-type": "Glue Crawler State Change", "detail": detail}


class Life:
    """The crawls of one crawler, oldest first; every method may be called by any thread."""

    def __init__(self, crawler: str) -> None:
        self._crawler = crawler
        self._lock = threading.RLock()
        self._crawls: list[Crawl] = []

    def start(self) -> Crawl | None:
        """A new crawl, or None while one runs.

        No two begin in the same second: on AWS a crawl takes longer, and here some take no time at all.
        """
        with self._lock:
            if self.running:
                return None
            # Rounded up: a crawl begins at or after the request for it.
            now = math.ceil(time.time() * 1000) / 1000
            if self._crawls:
                now = max(now, math.floor(self._crawls[-1].started) + 1)
            self._crawls.append(Crawl(started=now))
            return self._crawls[-1]

    def run(self, crawl: Crawl, behaviour: Behaviour, work: Callable[[], Callable[[], Changes]]) -> None:
        """Takes `crawl` to its end: RUNNING, STOPPING, and then READY with its verdict.

        `work` reads the data, at once: what lands later is not part of this crawl. What
        it returns writes the catalog, at the end and only if the crawl succeeds.
        """
        crawl.stop_requested.wait(max(0.0, crawl.started - time.time()))
        begun = crawl.event(self._crawler)
        if behaviour.announcements != "swapped":
            _announce(behaviour, begun)
        commit, changes = None, Changes()
        outcome, error = behaviour.outcome or "succeeded", behaviour.error
        if outcome == "succeeded":
            commit, error = _attempt(work)
        seconds = DEFAULT_SECONDS if behaviour.seconds is None else behaviour.seconds
        crawl.stop_requested.wait(max(0.0, crawl.started + seconds - time.time()))
        with self._lock:
            crawl.stopping = True
            if crawl.stop_requested.is_set():
                outcome, error = "cancelled", None
        # Not an interruptible wait: a crawl that is stopping can't be stopped again.
        time.sleep(behaviour.stopping_seconds)
        if outcome == "succeeded" and commit:
            written, error = _attempt(commit)
            changes = written or changes
        if outcome == "succeeded" and error:
            outcome = "failed"
        if outcome == "failed":
            error = error or INTERNAL_ERROR
        with self._lock:
            crawl.changes, crawl.error = changes, error
            crawl.ended = round(time.time(), 3)
            crawl.status = outcome.upper()
        _announce(behaviour, crawl.event(self._crawler))
        if behaviour.announcements == "swapped":
            _announce(behaviour, begun)

    def stop(self) -> bool | None:
        """Asks the running crawl to stop: None if there is none, False if it is stopping already."""
        with self._lock:
            crawl = self.running
            if crawl is None:
                return None
            if crawl.stopping or crawl.stop_requested.is_set():
                return False
            crawl.stop_requested.set()
            return True

    @property
    def running(self) -> Crawl | None:
        with self._lock:
            return self._crawls[-1] if self._crawls and self._crawls[-1].status is None else None

    def ended(self) -> list[Crawl]:
        with self._lock:
            return [crawl for crawl in self._crawls if crawl.status]

    def crawls(self) -> list[Crawl]:
        with self._lock:
            return list(self._crawls)

    def state(self, pending_seconds: float) -> dict[str, Any]:
        """State, CrawlElapsedTime and LastCrawl of GetCrawler.

        For `pending_seconds` after its start a crawl isn't visible yet.
        """
        with self._lock:
            running, ended = self.running, self.ended()
            if running and running.seconds < pending_seconds:
                running = None
            state = "READY" if running is None else "STOPPING" if running.stopping else "RUNNING"
            return _present(
                State=state,
                CrawlElapsedTime=int(running.seconds * 1000) if running else 0,
                LastCrawl=ended[-1].last_crawl(self._crawler) if ended else None,
            )

    def metrics(self) -> dict[str, Any]:
        with self._lock:
            running, ended = self.running, self.ended()
            runtimes = [crawl.seconds for crawl in ended]
            median = statistics.median(runtimes) if runtimes else 0.0
            return {
                "CrawlerName": self._crawler,
                "TimeLeftSeconds": max(0.0, median - running.seconds) if running else 0.0,
                "StillEstimating": bool(running and not runtimes),
                "LastRuntimeSeconds": runtimes[-1] if runtimes else 0.0,
                "MedianRuntimeSeconds": median,
                "TablesCreated": sum(len(crawl.changes.tables["ADD"]) for crawl in ended),
                "TablesUpdated": sum(len(crawl.changes.tables["UPDATE"]) for crawl in ended),
                "TablesDeleted": sum(len(crawl.changes.tables["DELETE"]) for crawl in ended),
            }


def summary(changes: Changes) -> str:
    """ListCrawls' Summary: JSON whose leaves are JSON in strings; what did not change is left out."""
    tables = {
        change: json.dumps({"Details": {"names": names}, "Count": len(names)})
        for change, names in changes.tables.items()
        if names
    }
    partitions = {
        change: json.dumps({"Details": details, "Count": sum(map(len, details.values()))})
        for change, details in changes.partitions.items()
        if details
    }
    return json.dumps(_present(TABLE=tables or None, PARTITION=partitions or None))


def _announce(behaviour: Behaviour, event: dict[str, Any] | None) -> None:
    """Puts the event on the bus, as often and as late as the crawler's tags say."""
    times = {"lost": 0, "twice": 2}.get(behaviour.announcements, 1) if event else 0
    context = contextvars.copy_context()
    for _ in range(times):
        if delay := behaviour.announcement_delay_seconds:
            timer = threading.Timer(delay, context.copy().run, (events.put, event))
            timer.daemon = True
            timer.start()
        else:
            events.put(event)


def _timestamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _attempt(step: Callable[[], T]) -> tuple[T | None, str | None]:
    """The result of `step`, or the ErrorMessage of the crawl: one that hung RUNNING would be worse."""
    try:
        return step(), None
    except CrawlError as error:
        return None, str(error)
    except Exception:
        logger.exception("a crawl failed unexpectedly")
        return None, INTERNAL_ERROR


def _present(**fields: Any) -> dict[str, Any]:
    """The JSON API leaves out what is absent; it has no nulls."""
    return {name: value for name, value in fields.items() if value is not None}
