"""Crawlers with a faithful life, that really crawl.

Follows "Crawlers and classifiers API" in the AWS Glue Web API Reference: CreateCrawler,
UpdateCrawler, DeleteCrawler, GetCrawler(s), BatchGetCrawlers, StartCrawler, StopCrawler,
ListCrawls and GetCrawlerMetrics. ministack's crawlers make no tables, are never STOPPING,
can't fail, and have no history.
"""

import contextvars
import operator
import threading
import time
from collections.abc import Callable
from typing import Any

import ministack.services.glue as glue
from ministack.core.responses import AccountRegionScopedDict

from local.aws import patching
from local.aws.answers import ApiError, Request, call, handler
from local.aws.behaviour import Behaviour
from local.aws.glue import crawl_targets
from local.aws.glue.api import (
    add_operations,
    check_name,
    check_request_tags,
    check_role,
    forget_tags,
    on_reset,
    set_tags,
    tags,
)
from local.aws.glue.crawls import Life

original = patching.names(glue, "_create_crawler", "_update_crawler", "_delete_crawler", "_tag_resource")
ministack = patching.names(glue, "_crawlers")

DEFAULT_PAGE = 20
MAX_PAGE = 100
OPERATORS = {
    "GT": operator.gt,
    "GE": operator.ge,
    "LT": operator.lt,
    "LE": operator.le,
    "EQ": operator.eq,
    "NE": operator.ne,
}
TARGETS = (
    "S3Targets",
    "JdbcTargets",
    "MongoDBTargets",
    "DynamoDBTargets",
    "CatalogTargets",
    "DeltaTargets",
    "IcebergTargets",
    "HudiTargets",
)
UNSAID = {
    "Classifiers": [],
    "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
    "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"},
    "LineageConfiguration": {"CrawlerLineageSettings": "DISABLE"},
    "LakeFormationConfiguration": {"UseLakeFormationCredentials": False, "AccountId": ""},
}


def _milliseconds(value: float) -> int:
    return round(value * 1000)


# FieldName of a filter -> the history entry's field, its value and the filter's in comparable form.
FIELDS: dict[str, tuple[str, Callable[[Any], Any], Callable[[str], Any]]] = {
    "CRAWL_ID": ("CrawlId", str, str),
    "STATE": ("State", str, str),
    "START_TIME": ("StartTime", _milliseconds, int),
    "END_TIME": ("EndTime", _milliseconds, int),
    "DPU_HOUR": ("DPUHour", float, float),
}

_lives = AccountRegionScopedDict()
# Deciding and acting on what was decided must be one step, for concurrent callers.
_lock = threading.Lock()


def install() -> None:
    patching.replace(
        glue,
        _create_crawler=handler(create_crawler),
        _update_crawler=handler(update_crawler),
        _delete_crawler=handler(delete_crawler),
        _get_crawler=handler(get_crawler),
        _get_crawlers=handler(get_crawlers),
        _start_crawler=handler(start_crawler),
        _stop_crawler=handler(stop_crawler),
        _get_crawler_metrics=handler(get_crawler_metrics),
        _tag_resource=handler(tag_resource),
    )
    add_operations(ListCrawls=list_crawls, BatchGetCrawlers=batch_get_crawlers)
    on_reset(_forget)


def create_crawler(request: Request) -> dict[str, Any]:
    name, new_tags = check_name(request), request.get("Tags") or {}
    check_request_tags("crawler", new_tags)
    check_role("crawler", name, request)
    with _lock:
        call(original._create_crawler, request)
        _lives[name] = Life(name)
        set_tags("crawler", name, new_tags)
    return {}


def update_crawler(request: Request) -> dict[str, Any]:
    if "Role" in request:
        check_role("crawler", request["Name"], request)
    with _lock:
        _idle(request["Name"])
        return call(original._update_crawler, request)


def delete_crawler(request: Request) -> dict[str, Any]:
    name = request["Name"]
    with _lock:
        _idle(name)
        call(original._delete_crawler, request)
        del _lives[name]
        forget_tags("crawler", name)
    return {}


def get_crawler(request: Request) -> dict[str, Any]:
    return {"Crawler": _describe(request["Name"])}


def get_crawlers(_request: Request) -> dict[str, Any]:
    return {"Crawlers": [_describe(name) for name in ministack._crawlers]}


def batch_get_crawlers(request: Request) -> dict[str, Any]:
    found = [name for name in request["CrawlerNames"] if name in ministack._crawlers]
    return {
        "Crawlers": [_describe(name) for name in found],
        "CrawlersNotFound": [name for name in request["CrawlerNames"] if name not in found],
    }


def start_crawler(request: Request) -> dict[str, Any]:
    name = request["Name"]
    with _lock:
        if name not in _lives:
            raise ApiError("EntityNotFoundException", f"Crawler with name {name} does not exist")
        life, behaviour = _idle(name), _behaviour(name)
        crawl = life.start()
        definition = dict(ministack._crawlers[name])
    # A thread starts with an empty context: without this one's it had another account and region.
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run,
        args=(life.run, crawl, behaviour, lambda: crawl_targets.crawl(definition)),
        daemon=True,
        name=f"crawl-{name}",
    ).start()
    return {}


def stop_crawler(request: Request) -> dict[str, Any]:
    name = request["Name"]
    accepted = _life(name).stop()
    if accepted is None:
        raise ApiError("CrawlerNotRunningException", f"Crawler with name {name} isn't running")
    if not accepted:
        raise ApiError("CrawlerStoppingException", f"Crawler with name {name} is already stopping")
    return {}


def get_crawler_metrics(request: Request) -> dict[str, Any]:
    names = request.get("CrawlerNameList") or list(ministack._crawlers)
    return {"CrawlerMetricsList": [_lives[name].metrics() for name in names if name in _lives]}


def list_crawls(request: Request) -> dict[str, Any]:
    name = request["CrawlerName"]
    life, behaviour = _life(name), _behaviour(name)
    lag, in_seconds = behaviour.list_crawls_lag_seconds, behaviour.list_crawls_precision == "seconds"
    size = request.get("MaxResults", DEFAULT_PAGE)
    if not 1 <= size <= MAX_PAGE:
        raise ApiError("InvalidInputException", f"MaxResults must be between 1 and {MAX_PAGE}")
    filters = [_filter(entry) for entry in request.get("Filters", [])]
    visible = [crawl for crawl in reversed(life.crawls()) if time.time() - crawl.started >= lag]
    all_entries = (crawl.history(name, in_seconds=in_seconds) for crawl in visible)
    entries = [entry for entry in all_entries if all(f(entry) for f in filters)]
    if token := request.get("NextToken"):
        ids = [entry["CrawlId"] for entry in entries]
        if token not in ids:
            raise ApiError("InvalidInputException", "NextToken is not valid")
        entries = entries[ids.index(token) + 1 :]
    answer: dict[str, Any] = {"Crawls": entries[:size]}
    if len(entries) > size:
        answer["NextToken"] = entries[size - 1]["CrawlId"]
    return answer


def tag_resource(request: Request) -> dict[str, Any]:
    kind = "job" if ":job/" in request["ResourceArn"] else "crawler"
    check_request_tags(kind, request.get("TagsToAdd") or {})
    return call(original._tag_resource, request)


def _forget() -> None:
    for life in _lives.values():
        life.stop()
    _lives.clear()


def _describe(name: str) -> dict[str, Any]:
    """The crawler with everything that GetCrawler tells though nobody has said it."""
    life = _life(name)
    definition = UNSAID | {k: v for k, v in ministack._crawlers[name].items() if v not in (None, "", {})}
    definition["Role"] = definition["Role"].partition(":role/")[2] or definition["Role"]
    said = definition.get("Targets", {})
    definition["Targets"] = {kind: [] for kind in TARGETS} | said
    definition["Targets"]["S3Targets"] = [{"Exclusions": []} | target for target in said.get("S3Targets", [])]
    return definition | life.state(_behaviour(name).pending_seconds)


def _life(name: str) -> Life:
    if name not in _lives:
        raise ApiError("EntityNotFoundException", f"Crawler entry with name {name} does not exist")
    return _lives[name]


def _idle(name: str) -> Life:
    life = _life(name)
    if life.running:
        raise ApiError("CrawlerRunningException", f"Crawler with name {name} has already started")
    return life


def _behaviour(name: str) -> Behaviour:
    return Behaviour.of(tags("crawler", name))


def _filter(entry: dict[str, str]) -> Callable[[dict[str, Any]], bool]:
    """One element of Filters as a predicate on a history entry; a value that isn't there never matches."""
    try:
        field, of_entry, of_filter = FIELDS[entry["FieldName"]]
        compare = OPERATORS[entry["FilterOperator"]]
        wanted = of_filter(entry["FieldValue"])
    except (KeyError, ValueError) as error:
        raise ApiError("InvalidInputException", f"Filter {entry} is not valid") from error
    return lambda crawl: field in crawl and compare(of_entry(crawl[field]), wanted)
