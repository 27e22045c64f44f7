"""`crawler-sync redrive`, however it ends: nothing is lost, and what was done is told."""

import signal

import pytest

from tests.support.command import acting, rest
from tests.support.redriving import Parked, outcomes
from tests.support.stack import PATIENCE, eventually


def test_killed_half_way_it_has_lost_nothing(parked: Parked) -> None:
    """What it had taken comes back, and is handled by the next run; until then that says that something is hidden."""
    parked.break_starts(parked.trigger, "forever AccessDeniedException")
    events = [parked.event(f"{number}.csv") for number in range(3)]
    parked.arrive(*events)
    parked.mend_starts(parked.trigger)
    parked.break_starts(parked.trigger, "1 hang", "StartSyncExecution")
    parked.stack.aws.forget_calls()
    process = parked.command.begin("redrive", "--hidden-seconds", "20")
    # Two have been handled, the third hangs.
    eventually(lambda: parked.counted() == (0, 1))
    process.kill()
    process.communicate()
    code, found, text = parked.redrive()
    assert (code, "about 1 more are hidden" in text) == (0, True), text
    eventually(lambda: parked.counted()[1] == 0)
    code, later, text = parked.redrive()
    assert (code, len(found + later)) == (0, 1), text
    assert parked.counted() == (0, 0)
    assert 1 <= parked.runs() <= 3


@pytest.mark.parametrize("parked", [1], ids=["patient"], indirect=True)
def test_interrupted_it_ends_what_it_began(parked: Parked) -> None:
    """Ctrl-C leaves nothing half done and nothing hidden: the next run can have the rest at once."""
    parked.break_starts(parked.trigger, "forever AccessDeniedException")
    parked.arrive(*[parked.event(f"{number}.csv") for number in range(30)])
    parked.mend_starts(parked.trigger)
    # What it has taken waits for a quota, and is not over when it is interrupted.
    parked.break_starts(parked.pipeline, "forever ThrottlingException")
    process = parked.command.begin("redrive")
    eventually(lambda: parked.counted() == (20, 10))
    process.send_signal(signal.SIGINT)
    assert process.stderr
    assert "stopping" in process.stderr.readline()
    parked.mend_starts(parked.pipeline)
    ended = rest(process)
    assert (ended.code, len(outcomes(ended.text))) == (130, 10), ended.text + ended.error
    assert set(outcomes(ended.text)) <= {"STARTED", "JOINED"}
    assert parked.counted() == (20, 0)
    code, found, text = parked.redrive()
    assert (code, len(found)) == (0, 20), text


def test_a_second_interrupt_ends_it_at_once(parked: Parked) -> None:
    """An execution may take five minutes; who presses Ctrl-C again does not want to wait for it."""
    parked.put(parked.rule.sends(parked.event("slow.csv")), RULE_ARN=parked.rule.arn, TARGET_ARN=parked.trigger)
    parked.break_starts(parked.trigger, "1 hang", "StartSyncExecution")
    process = parked.command.begin("redrive")
    eventually(lambda: parked.counted() == (0, 1))
    process.send_signal(signal.SIGINT)
    assert process.stderr
    assert "stopping" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    ended = rest(process)
    assert (ended.code, ended.text) == (130, "0 events\n"), ended.error


@pytest.mark.parametrize(("body", "code"), [(None, 0), ("?", 1)])
def test_a_reader_that_has_gone_ends_nothing(parked: Parked, body: str | None, code: int) -> None:
    """`crawler-sync redrive | head -1` handles everything all the same, and its status says what came of it."""
    for number in range(5):
        given = parked.rule.sends(parked.event(f"{number}.csv"))
        parked.put(given, RULE_ARN=parked.rule.arn, TARGET_ARN=parked.trigger)
    if body:
        parked.put(body)
    process = parked.command.begin("redrive")
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    error = process.stderr.read()
    assert (process.wait(timeout=PATIENCE), error) == (code, "")
    assert parked.counted() == (1 if body else 0, 0)


def test_an_error_leaves_the_record_of_what_was_done(parked: Parked) -> None:
    """Whatever else fails, a night's job must know which events have been handled."""
    parked.put(parked.rule.sends(parked.event("a.csv")), RULE_ARN=parked.rule.arn, TARGET_ARN=parked.trigger)
    parked.put("?")
    queue = ("sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:DeleteMessage")
    redriver = acting(parked.stack.aws, parked.name, "no-releaser", *queue, "states:StartSyncExecution")
    ended = redriver("redrive", "--format", "json")
    assert (ended.code, sorted(each["outcome"] for each in ended.json["messages"])) == (1, ["KEPT", "STARTED"])
    assert "sqs:ChangeMessageVisibility" in ended.error
