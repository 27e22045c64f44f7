"""Faults chosen by tags, and the counters of calls."""

import http.client
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from local.aws import HOST, REGION
from local.aws.tests.support import PASS, ROLE, Local, crawler_arn, error_code, unique


def fault(local: Local, operation: str, value: str) -> str:
    return local.crawler(tags={f"local:fault:{operation}": value})


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "AccessDeniedException", "OperationTimeoutException", "SomethingNew"]
)
def test_an_error_strikes_as_often_as_its_tag_says(local: Local, code: str) -> None:
    """Protects retries: the error's code, in Glue's own form, and then success."""
    name = fault(local, "GetCrawler", f"2 {code}")
    for _ in range(2):
        assert error_code(local.glue.get_crawler, Name=name)[0] == code
    assert local.get_crawler(name)["State"] == "READY"


def test_an_error_carries_a_request_id(local: Local) -> None:
    """Protects messages: they quote the AWS request id."""
    name = fault(local, "StartCrawler", "forever ThrottlingException")
    with pytest.raises(local.glue.exceptions.ClientError) as raised:
        local.glue.start_crawler(Name=name)
    metadata = raised.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], len(metadata["RequestId"])) == (400, 36)
    assert metadata["HTTPHeaders"]["x-amzn-requestid"] == metadata["RequestId"]
    assert local.get_crawler(name)["State"] == "READY"


def test_faults_follow_each_other(local: Local) -> None:
    """Protects scenarios of several faults, and tags set later."""
    name = fault(local, "GetCrawler", "1 ThrottlingException, 1 http-500, 1 AccessDeniedException")
    codes = [error_code(local.glue.get_crawler, Name=name)[0] for _ in range(3)]
    assert codes == ["ThrottlingException", "InternalServiceException", "AccessDeniedException"]
    assert local.get_crawler(name)
    local.glue.tag_resource(
        ResourceArn=crawler_arn(name), TagsToAdd={"local:fault:GetCrawler": "forever ThrottlingException"}
    )
    assert [error_code(local.glue.get_crawler, Name=name)[0] for _ in range(3)] == ["ThrottlingException"] * 3
    local.glue.untag_resource(ResourceArn=crawler_arn(name), TagsToRemove=["local:fault:GetCrawler"])
    assert local.get_crawler(name)


def test_a_fault_that_is_set_again_strikes_again(local: Local) -> None:
    """Protects scenarios that have one fault twice."""
    tag, once = "local:fault:GetCrawler", "1 ThrottlingException"
    name = local.crawler()
    for removed in ([], [tag], []):
        local.glue.untag_resource(ResourceArn=crawler_arn(name), TagsToRemove=removed)
        local.glue.tag_resource(ResourceArn=crawler_arn(name), TagsToAdd={tag: once})
        assert error_code(local.glue.get_crawler, Name=name)[0] == "ThrottlingException"
        assert local.get_crawler(name)


def test_http_500_is_one(local: Local) -> None:
    """Protects the difference between a refusal and a breakdown."""
    name = fault(local, "ListCrawls", "1 http-500")
    with pytest.raises(local.glue.exceptions.ClientError) as raised:
        local.glue.list_crawls(CrawlerName=name)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def post(local: Local, operation: str, name: str) -> tuple[int, str]:
    """A call without a client between us and the wire."""
    connection = http.client.HTTPConnection(HOST, local.aws.port, timeout=60)
    credential = f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/glue/aws4_request"
    headers = {"x-amz-target": f"AWSGlue.{operation}", "authorization": credential}
    connection.request("POST", "/", f'{{"Name": "{name}"}}', headers)
    response = connection.getresponse()
    return response.status, response.read().decode()


@pytest.mark.parametrize(("what", "status"), [("garbage", 200), ("garbage-503", 503)])
def test_garbage_is_html(local: Local, what: str, status: int) -> None:
    """Protects GlueUnreachable: an answer that isn't Glue's."""
    name = fault(local, "GetCrawler", f"1 {what}")
    answered, body = post(local, "GetCrawler", name)
    assert answered == status
    assert body.startswith("<html>")


def test_a_lost_response_is_lost_after_it_took_effect(local: Local) -> None:
    """Protects JOINED: StartCrawler worked, and nobody was told."""
    name = local.crawler(tags={"local:fault:StartCrawler": "1 lost-response", "local:seconds": "60"})
    with pytest.raises(ConnectionClosedError):
        local.glue.start_crawler(Name=name)
    assert local.get_crawler(name)["State"] == "RUNNING"
    assert error_code(local.glue.start_crawler, Name=name)[0] == "CrawlerRunningException"


def impatient(local: Local) -> Any:
    config = Config(read_timeout=0.5, retries={"total_max_attempts": 1}, proxies={})
    return boto3.client(
        "glue",
        endpoint_url=local.aws.endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


def test_a_call_that_hangs_holds_up_nobody_else(local: Local) -> None:
    """Protects time-outs: no answer, no effect, and a server that goes on."""
    name = local.crawler(tags={"local:fault:StartCrawler": "1 hang"})
    with pytest.raises(ReadTimeoutError):
        impatient(local).start_crawler(Name=name)
    assert local.get_crawler(name)["State"] == "READY"


def test_calls_are_counted(local: Local) -> None:
    """Protects the Bounded promise's tests: polls can be counted, by crawler and operation."""
    name = local.crawler()
    local.aws.forget_calls()
    for _ in range(3):
        local.get_crawler(name)
    error_code(local.glue.start_crawler, Name="nobody")
    local.glue.list_crawls(CrawlerName=name)
    local.glue.get_crawler_metrics(CrawlerNameList=[name])
    assert local.aws.calls() == {
        name: {"GetCrawler": 3, "ListCrawls": 1, "GetCrawlerMetrics": 1},
        "nobody": {"StartCrawler": 1},
    }
    local.aws.forget_calls()
    assert local.aws.calls() == {}


def test_step_functions_sees_an_internal_error_where_no_answer_comes(local: Local) -> None:
    """Protects machines that call Glue themselves: faults reach them too, and are counted."""
    name = fault(local, "GetCrawler", "1 hang")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:glue:getCrawler",
        "Arguments": {"Name": name},
        "End": True,
    }
    assert local.run(Task=task)["error"] == "Glue.InternalServiceException"
    assert local.output(Task=task)["Crawler"]["Name"] == name
    assert local.aws.calls()[name]["GetCrawler"] == 2


def test_a_job_has_faults_too(local: Local) -> None:
    """Protects scenarios with jobs."""
    name = unique("job")
    tags = {"local:fault:StartJobRun": "1 ConcurrentRunsExceededException", "local:seconds": "0"}
    local.glue.create_job(Name=name, Role=ROLE, Command={"Name": "pythonshell"}, Tags=tags)
    assert error_code(local.glue.start_job_run, JobName=name)[0] == "ConcurrentRunsExceededException"
    assert local.run_job(name)["JobRunState"] == "SUCCEEDED"


def test_reading_can_be_struck(local: Local) -> None:
    """Protects readers of many executions: they meet the rates of Step Functions."""
    machine = local.machine(Pass=PASS)
    arn = local.start(machine)
    for operation, call, arguments in (
        ("ListExecutions", local.states.list_executions, {"stateMachineArn": machine}),
        ("DescribeExecution", local.states.describe_execution, {"executionArn": arn}),
        ("GetExecutionHistory", local.states.get_execution_history, {"executionArn": arn}),
    ):
        tag = {"key": f"local:fault:{operation}", "value": "1 ThrottlingException"}
        local.states.tag_resource(resourceArn=machine, tags=[tag])
        assert error_code(call, **arguments)[0] == "ThrottlingException"
        assert call(**arguments)
