"""The steps of a pipeline, and which of them a state of its run is about."""

import json
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """Work, a crawler, or both, at its place: `label` is 2.1 for the first step of the second stage.

    `work` is the name of what is run, of a query its workgroup; `kind` is job, function, query or machine.
    """

    label: str
    kind: str
    work: str
    crawler: str
    awaited: bool


def work(step: Mapping[str, Any]) -> tuple[str, str]:
    """The kind and the name of a step's work."""
    if step.get("query"):
        return "query", str(step.get("workgroup") or "primary")
    kinds = ("job", "function", "machine")
    return next(((kind, str(step[kind])) for kind in kinds if step.get(kind)), ("", ""))


class Steps:
    """The steps of one run, by stage. Stages run in order, so that only the steps of one are about to begin or end."""

    def __init__(self, pipeline: Mapping[str, Any]) -> None:
        self.names = [stage.get("name") or "" for stage in pipeline["stages"]]
        self.stages = [
            [
                Step(
                    f"{number}.{place}",
                    *work(step),
                    crawler=step.get("crawler") or "",
                    awaited=step.get("await") is not False,
                )
                for place, step in enumerate(stage["steps"], start=1)
            ]
            for number, stage in enumerate(pipeline["stages"], start=1)
        ]
        self._current: list[Step] = []

    @staticmethod
    def number(stage: Mapping[str, Any]) -> int:
        """The number of a planned stage, which its steps' places tell."""
        return int(re.findall(r"^stage (\d+)", stage["steps"][0]["place"])[0])

    def enter(self, number: int) -> list[Step]:
        self._current = self.stages[number - 1]
        return self._current

    def of(self, told: object, besides: Container[Step | None] = ()) -> Step | None:
        """The step that the input or the output of a state tells of.

        What the states of a step hand on has the step's place, or names its job or its crawler. Steps of one stage
        that have the same one cannot be told apart by that: the first is meant that is not among `besides`.
        """
        match told:
            case {"place": str(place)}:
                [stage] = re.findall(r"^stage (\d+)", place)
                [step] = re.findall(r", step (\d+)(?: \(.*\))?$", place)
                return self.stages[int(stage) - 1][int(step) - 1]
            case {"JobName": str(job)} | {"crawl": None, "work": {"job": str(job)}}:
                fitting = (step for step in self._current if step.work == job and step not in besides)
                return next(fitting, None)
            case (
                {"crawlername": str(crawler)}
                | {"crawl": {"crawlername": str(crawler)}}
                | {"Input": {"crawlername": str(crawler)}}
            ):
                fitting = (step for step in self._current if step.crawler == crawler and step not in besides)
                return next(fitting, None)
            case {"Cause": str(cause)} if cause.startswith("{"):
                return self.of(json.loads(cause), besides)
        return None
