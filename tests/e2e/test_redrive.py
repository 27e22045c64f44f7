"""`crawler-sync redrive`: parked events go through the trigger again; none is lost on the way."""

import json
import re

from tests.support.command import Command, Ended, acting
from tests.support.redriving import PIPELINE, Parked
from tests.support.stack import BUCKET, Stack


def test_both_kinds_of_messages_go_through_the_trigger_again(parked: Parked) -> None:
    """What trigger parked and what EventBridge could not even hand to it; a second time there is nothing left."""
    parked.break_starts(parked.pipeline, "forever ThrottlingException")
    parked.arrive(parked.event("throttled.csv"))
    parked.mend_starts(parked.pipeline)
    parked.break_starts(parked.trigger, "forever AccessDeniedException")
    trail = parked.event("b+c=d.csv", "cloudtrail-completemultipartupload")
    parked.arrive(parked.event("denied.csv"), trail, parked.event("_SUCCESS"))
    parked.put(parked.rule.sends(parked.event("transformed.csv")), RULE_ARN=parked.rule.arn, TARGET_ARN=parked.trigger)
    parked.mend_starts(parked.trigger)
    assert parked.runs() == 0

    code, listed, text = parked.redrive("--dry-run")
    assert (code, listed, parked.counted(), parked.runs()) == (0, ["PARKED"] * 5, (5, 0), 0), text
    assert "NO_PERMISSIONS" in text
    assert "StepFunctions.AWSStepFunctionsException: Rate exceeded" in text

    code, found, text = parked.redrive()
    assert code == 0, text
    assert found.count("IGNORED") == 1
    assert len(found) == 5
    assert set(found) <= {"STARTED", "JOINED", "IGNORED"}
    assert parked.runs() == len(set(re.findall(r"redriven-[0-9a-f]{32}-\d+", text)))
    for key in ("throttled.csv", "denied.csv", "b+c=d.csv", "_SUCCESS", "transformed.csv"):
        assert f"/{key}  " in text
    assert parked.counted() == (0, 0)

    assert parked.redrive() == (0, [], "0 events\n")


def test_an_event_that_fails_again_is_parked_again_and_not_twice(parked: Parked) -> None:
    """A poisoned event must neither be lost, nor go round for ever, nor multiply with each run."""
    unreadable = parked.event("unreadable.csv")
    unreadable["detail"]["object"]["size"] = "large"
    parked.arrive(unreadable)
    # Fails by an error that would be fatal elsewhere, and is parked here.
    unnamed = {"event": parked.event("unnamed.csv"), "pipeline": "a name alone"}
    parked.put({"error": "e", "cause": "c", "executionArn": "arn:aws:states:::execution", "input": unnamed})
    for _ in range(2):
        before = {body["executionArn"] for body in parked.bodies()}
        code, found, text = parked.redrive()
        assert (code, found) == (1, ["PARKED AGAIN"] * 2), text
        assert parked.counted() == (2, 0)
        bodies = parked.bodies()
        assert not before & {body["executionArn"] for body in bodies}
        inputs = {body["error"]: body["input"] for body in bodies}
        assert inputs == {"InvalidEvent": parked.rule.sends(unreadable), "CallFailed": unnamed}
    assert parked.runs() == 0


def test_what_cannot_be_sent_stays(parked: Parked) -> None:
    """A message that somebody else put there, or whose rule is gone, is for people to look at."""
    event = parked.event("a.csv")
    gone = parked.rule.arn.replace(parked.name, "gone")
    messages = [
        ({"hello": "world"}, {}),
        (["a"], {}),
        (event, {"RULE_ARN": gone, "TARGET_ARN": parked.trigger}),
        (event, {"RULE_ARN": parked.rule.arn, "TARGET_ARN": parked.pipeline}),
        ({"event": 5, "input": {"event": [], "detail": "x"}}, {}),
        (PIPELINE, {"SCHEDULE_ARN": "arn:aws:scheduler:::schedule/default/s", "TARGET_ARN": parked.trigger}),
        ('{"name": "cut', {"SCHEDULE_ARN": "arn:aws:scheduler:::schedule/default/s", "TARGET_ARN": parked.pipeline}),
    ]
    for body, attributes in messages:
        parked.put(body, **attributes)
    code, found, text = parked.redrive()
    assert (code, found) == (1, ["KEPT"] * 7), text
    assert "7 events: 7 KEPT" in text
    assert "rule gone" in text
    assert f"meant for {parked.pipeline}" in text
    assert f"meant for {parked.trigger}" in text
    assert parked.counted() == (7, 0)
    assert sorted(map(json.dumps, parked.bodies())) == sorted(json.dumps(body) for body, _ in messages)


def test_an_event_that_can_be_neither_handled_nor_parked_stays(parked: Parked) -> None:
    """The trigger's last resort leaves the event to its execution: the message must not go then."""
    parked.park_nowhere()
    given = {"event": parked.event("a.csv"), "filter": {"sufixes": []}}
    parked.put({"error": "e", "cause": "c", "executionArn": "arn:aws:states:::execution", "input": given})
    code, found, text = parked.redrive()
    assert (code, found) == (1, ["KEPT"]), text
    assert "EventLost" in text
    assert parked.counted() == (1, 0)


def test_throttled_it_tries_again(parked: Parked) -> None:
    """Many events are redriven at once, which meets quotas: none of them is kept for that."""
    parked.put(parked.rule.sends(parked.event("busy.csv")), RULE_ARN=parked.rule.arn, TARGET_ARN=parked.trigger)
    parked.break_starts(parked.trigger, "3 ThrottlingException", "StartSyncExecution")
    code, found, text = parked.redrive()
    assert (code, found) == (0, ["STARTED"]), text


def test_a_denied_call_is_named(parked: Parked) -> None:
    """Who may not read the queue learns what to ask for; who may not start keeps the message."""
    parked.put(parked.rule.sends(parked.event("a.csv")), RULE_ARN=parked.rule.arn, TARGET_ARN=parked.trigger)

    def redriven(*actions: str) -> Ended:
        return acting(parked.stack.aws, parked.name, f"redriver-{len(actions)}", *actions)("redrive")

    queue = ("sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility")
    for number in (0, 1, 2):
        ended = redriven(*queue[:number])
        assert (ended.code, ended.text) == (1, "0 events\n" if number == 2 else "")
        assert f"{queue[number]} on {parked.name}-dead-letters is denied" in ended.error
    ended = redriven(*queue)
    assert ended.code == 1
    assert "states:StartSyncExecution" in ended.text
    assert parked.counted() == (1, 0)
    enough = (*queue, "sqs:DeleteMessage", "states:StartSyncExecution")
    assert redriven(*enough).code == 0


def test_a_message_that_comes_back_costs_no_further_run(parked: Parked) -> None:
    """SQS delivers at least once, and a run may be killed between handling an event and deleting its message."""
    # With a window it would cost one, if that has ended meanwhile.
    given = parked.rule.sends(parked.event("twice.csv")) | {"coalesceSeconds": 0}
    message = {"error": "e", "cause": "c", "executionArn": "arn:aws:states:::execution", "input": given}
    parked.put(message)
    parked.put(message)
    # Side by side: the name keeps them from being two runs, and AWS tells both that they have started one.
    code, found, text = parked.redrive()
    assert (code, len(found), parked.runs()) == (0, 2, 1), text
    parked.put(message)
    code, found, text = parked.redrive()
    assert (code, found, parked.runs()) == (0, ["JOINED"], 1), text


def test_a_message_that_comes_back_while_it_waits_does_not_multiply(parked: Parked) -> None:
    """What fails waits for its copy: what comes back meanwhile cannot be deleted by the receipt that it had."""
    unreadable = parked.event("unreadable.csv")
    unreadable["detail"]["object"]["size"] = "large"
    parked.arrive(unreadable)
    for _ in range(3):
        code, found, text = parked.redrive("--hidden-seconds", "1")
        assert (code, found) == (1, ["PARKED AGAIN"]), text
        assert parked.counted() == (1, 0)


def test_a_call_that_may_have_been_carried_out_is_not_made_again(parked: Parked) -> None:
    """An answer that never comes would otherwise cost one execution for each attempt."""
    parked.put(parked.rule.sends(parked.event("lost.csv")), RULE_ARN=parked.rule.arn, TARGET_ARN=parked.trigger)
    parked.break_starts(parked.trigger, "1 lost-response", "StartSyncExecution")
    code, found, text = parked.redrive()
    assert (code, found, parked.counted()) == (1, ["KEPT"], (1, 0)), text
    code, found, text = parked.redrive()
    # The lost one may have started the run.
    assert (code, len(found)) == (0, 1), text


def test_a_stack_that_does_not_exist_is_named(stack: Stack) -> None:
    """A typo must not pass as an empty queue."""
    ended = Command(stack.aws, "nobody")("redrive")
    assert (ended.code, ended.text) == (1, "")
    assert "there is no stack nobody" in ended.error


def test_programs_get_the_same_as_json(parked: Parked) -> None:
    """What a night's job makes of it must not hang on words for people."""
    parked.put(parked.event("a.csv"), RULE_ARN=parked.rule.arn, TARGET_ARN=parked.trigger, ERROR_CODE="NO_PERMISSIONS")
    parked.put("?")
    code, _, text = parked.redrive("--dry-run", "--format", "json")
    told = json.loads(text)
    assert (code, told["hidden"]) == (1, 0)
    assert {each["outcome"] for each in told["messages"]} == {"PARKED", "KEPT"}
    [listed] = [each for each in told["messages"] if each["outcome"] == "PARKED"]
    assert (listed["about"], listed["detail"]) == (f"s3://{BUCKET}/{parked.name}/a.csv", "NO_PERMISSIONS")
