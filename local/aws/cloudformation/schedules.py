"""Schedules in templates: with all their properties, and refused as the API refuses them.

Follows "AWS::Scheduler::Schedule" in the AWS CloudFormation Template Reference. ministack leaves the time zone aside.
"""

import json
from typing import Any

import ministack.services.scheduler as scheduler
from ministack.services.cloudformation import provisioners

from local.aws import patching
from local.aws.scheduler import schedules

ministack = patching.names(provisioners, "_RESOURCE_HANDLERS", "_physical_name")
names = patching.names(scheduler, "_schedule_arn", "_schedules")

KIND = "AWS::Scheduler::Schedule"

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]


def install() -> None:
    ministack._RESOURCE_HANDLERS[KIND] |= {"create": create, "update": update}


def create(logical_id: str, properties: Properties, stack: str) -> Made:
    name = properties.get("Name") or ministack._physical_name(stack, logical_id, max_len=64)
    return _made(name, properties, schedules.create_schedule(name, properties))


def update(name: str, old: Properties, properties: Properties, stack: str) -> Made:
    """What is named or grouped otherwise is another schedule; CloudFormation then deletes the first."""
    group, wanted = properties.get("GroupName", "default"), properties.get("Name", name)
    if wanted != name or group != old.get("GroupName", "default") or f"{group}/{name}" not in names._schedules:
        return create(wanted, properties | {"Name": wanted}, stack)
    return _made(name, properties, schedules.update_schedule(name, properties))


def _made(name: str, properties: Properties, answer: tuple[int, Any, bytes]) -> Made:
    status, _, body = answer
    if status >= 400:
        raise ValueError(json.loads(body)["Message"])
    return name, {"Arn": names._schedule_arn(properties.get("GroupName", "default"), name)}
