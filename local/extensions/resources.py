"""Resources of CloudFormation that ministack lacks or takes only in part.

Follows "AWS::CloudWatch::Alarm" in the AWS CloudFormation Template Reference: an alarm on an expression over several
metrics. It is described as it was given, and never changes its state: ministack computes no expressions.
"""

from typing import Any

from ministack.services.cloudformation import provisioners

from local.extensions import contract

ministack = contract.names(provisioners, "_cw_metric_alarm_record")


def install() -> None:
    contract.replace(provisioners, _cw_metric_alarm_record=alarm)


def alarm(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    if not (metrics := properties.get("Metrics")):
        return ministack._cw_metric_alarm_record(name, properties)
    single = {key: value for key, value in properties.items() if key != "Metrics"} | {"MetricName": "-", "Namespace": "-"}
    record = ministack._cw_metric_alarm_record(name, single)
    return {key: value for key, value in record.items() if key not in ("Statistic", "Period")} | {
        "MetricName": None,
        "Namespace": None,
        "Metrics": metrics,
    }
