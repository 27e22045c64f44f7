"""Tasks that wait for their token, and what tests do with them."""

from typing import Any

from local.aws.tests.support import Local, eventually, unique

PUT = "arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken"
TOKEN = "{% $states.context.Task.Token %}"


def table_of_tokens(local: Local, tags: dict[str, str] | None = None) -> str:
    name = unique("table")
    local.aws.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
    )
    return name


def waiting(where: str, **more: Any) -> dict[str, Any]:
    """A task that puts its token into the table and waits for it."""
    item = {"id": {"S": "{% $states.context.Execution.Name %}"}, "token": {"S": TOKEN}}
    arguments = {"TableName": where, "Item": item}
    return {"Type": "Task", "Resource": PUT, "Arguments": arguments, "End": True} | more


def token(local: Local, where: str, other_than: str = "") -> str:
    """The token in the table, when there is one."""

    def look() -> str | None:
        items = local.aws.client("dynamodb").scan(TableName=where)["Items"]
        return next((item["token"]["S"] for item in items if item["token"]["S"] != other_than), None)

    return eventually(look)


class Neighbour:
    """What runs beside a task in a Parallel or a Map, until it fails."""

    def __init__(self, local: Local) -> None:
        self._local, self._where = local, table_of_tokens(local)

    def of(self, task: dict[str, Any], kind: str = "Parallel") -> dict[str, Any]:
        """The state in which both run."""
        states = {"Task": task, "Neighbour": waiting(self._where)}
        if kind == "Parallel":
            branches = [{"StartAt": name, "States": {name: state}} for name, state in states.items()]
            return {"Type": kind, "Branches": branches, "End": True}
        task_first = [{"Condition": "{% $states.input = 'Task' %}", "Next": "Task"}]
        which = {"Type": "Choice", "Choices": task_first, "Default": "Neighbour"}
        processor = {"StartAt": "Which", "States": {"Which": which, **states}}
        return {"Type": kind, "Items": list(states), "ItemProcessor": processor, "End": True}

    def fail(self) -> None:
        self._local.states.send_task_failure(taskToken=token(self._local, self._where), error="Boom", cause="because")
