"""Alarms reach somebody and say what to do; the dashboard is readable JSON about this stack."""

import json
import re
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local.demo.deploy import TEMPLATE as PATH
from local.demo.deploy import included

TEMPLATE = included(yaml_parse(PATH.read_text()), PATH.parent)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
ALARMS = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
TOPIC = [{"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]}]


def metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    stats = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    return stats or [{key: alarm[key] for key in ("Namespace", "MetricName", "Dimensions")}]


def test_every_alarm_goes_to_the_topic() -> None:
    """An alarm that nobody gets helps nobody at night."""
    assert ALARMS
    for name, alarm in ALARMS.items():
        assert alarm["AlarmActions"] == TOPIC, name
        # What failed has not been mended when nothing has failed for five minutes.
        assert alarm.get("OKActions") == (None if name.endswith("FailedAlarm") else TOPIC), name
        assert alarm["AlarmDescription"], name
        assert "TreatMissingData" in alarm, name


def test_everything_that_can_go_wrong_has_an_alarm() -> None:
    """One place that fails in silence is enough for a night's data to be missing."""
    watched = {
        (metric["MetricName"], json.dumps(dimension["Value"]))
        for alarm in ALARMS.values()
        for metric in metrics(alarm)
        for dimension in metric["Dimensions"]
    }
    machines = [name for name, each in RESOURCES.items() if each["Type"] == "AWS::Serverless::StateMachine"]
    for machine in machines:
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"):
            assert (metric, json.dumps({"Ref": machine})) in watched
    for name, each in RESOURCES.items():
        # Else what the rule cannot deliver lies in the queue, which is watched.
        if each["Type"] == "AWS::Events::Rule" and not all(
            "DeadLetterConfig" in to for to in each["Properties"]["Targets"]
        ):
            assert ("FailedInvocations", json.dumps({"Ref": name})) in watched
    functions = [name for name, each in RESOURCES.items() if each["Type"] == "AWS::Serverless::Function"]
    for function in functions:
        assert ("Errors", json.dumps({"Ref": function})) in watched


def test_expressions_use_the_metrics_beside_them() -> None:
    """A metric that the expression leaves out is watched in appearance only."""
    for name, alarm in ALARMS.items():
        if "Metrics" not in alarm:
            continue
        [expression] = [each["Expression"] for each in alarm["Metrics"] if "Expression" in each]
        ids = {each["Id"] for each in alarm["Metrics"] if "MetricStat" in each}
        assert set(re.findall(r"FILL\((\w+), 0\)", expression)) == ids, name
        assert [each.get("ReturnData", True) for each in alarm["Metrics"]].count(True) == 1, name


def test_the_dashboard_refers_to_resources_of_the_template() -> None:
    """A name in a ${…} that is no resource fails the deployment."""
    body, values = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name, value in values.items():
        body = body.replace(f"${{{name}}}", value["Fn::Sub"])
    for name in re.findall(r"\$\{([\w.:]+)\}", body):
        assert name.startswith("AWS::") or name.partition(".")[0] in RESOURCES, name
    widgets = json.loads(re.sub(r"\$\{[\w.:]+\}", "x", body))["widgets"]
    places = [(widget["x"], widget["y"]) for widget in widgets]
    assert len(set(places)) == len(places)


def test_what_has_no_alarm_is_on_the_dashboard() -> None:
    """Quotas and slow calls cost time and lose nothing: nobody is woken, but the dashboard must show them."""
    body, _ = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for metric in ("ExecutionThrottled", "Throttles", "WriteThrottleEvents", "ReadThrottleEvents", "Duration"):
        assert f'"{metric}"' in body


def test_searches_quote_their_namespaces() -> None:
    """CloudWatch finds nothing in a namespace with / or - that stands there without quotes, and says nothing of it."""
    body, _ = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    namespaces = re.findall(r"SEARCH\('\{(.+?),", body)
    assert namespaces
    for namespace in namespaces:
        assert re.fullmatch(r'\\".+\\"', namespace), namespace
