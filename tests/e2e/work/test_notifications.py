"""Who is told how a run ended: once, with all that is needed to look into it; and never at the run's expense."""

import json

import pytest

from tests.support.faults.tellings import TOPICS, Told, play
from tests.support.faults.told import TOLD, Telling
from tests.support.faults.workers import Workers

DETAILS = "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/"


@pytest.fixture(scope="module")
def results(workers: Workers) -> dict[str, Told]:
    return play(workers, TOLD)


@pytest.fixture
def told(results: dict[str, Told], telling: Telling) -> Told:
    return results[telling.name]


def each(*tellings: Telling) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("telling", tellings, ids=lambda telling: telling.name)


@each(*TOLD)
def test_a_run_ends_as_it_would_anyway(telling: Telling, told: Told) -> None:
    """How a run ended is more than who has heard of it."""
    assert told.ends == telling.ends, told.execution.get("cause")


@each(*TOLD)
def test_each_topic_hears_of_a_run_as_often_as_it_should(telling: Telling, told: Told) -> None:
    """Who is told twice stops reading, and who is told of no failure takes it for a success."""
    heard = {topic: len(told.messages[topic]) for topic in TOPICS}
    assert heard == {"failed": telling.failed, "succeeded": telling.succeeded}
    assert told.calls == (sum(heard.values()) if telling.calls is None else telling.calls)


@each(*TOLD)
def test_a_run_says_which_topic_was_not_told_and_why(telling: Telling, told: Told) -> None:
    """A topic with a typo would otherwise be found in the night when it matters."""
    execution = told.execution
    said = json.loads(execution.get("output", "{}")).get("untold", [])
    if telling.ends not in ("SUCCEEDED", "ABORTED"):
        _, *said = execution["cause"].split("; arn:")
    assert bool(said) == bool(telling.untold)
    assert all(f" was not told: {telling.untold}: " in each for each in said)


@each(*(telling for telling in TOLD if telling.failed or telling.succeeded))
def test_a_message_says_what_ended_how_and_where_to_look(telling: Telling, told: Told) -> None:
    """At night the message has pipeline, run, place, cause and link."""
    execution = told.execution
    for topic in TOPICS:
        for subject, text in told.messages[topic]:
            ended = telling.ended[topic]
            cut = told.pipeline[:50].encode("ascii", "replace").decode()
            assert subject == f"Pipeline {cut} {ended}"
            assert text.startswith(f"Pipeline {told.pipeline} {ended}.\n\n")
            assert text.endswith(f"\n\nRun: {execution['name']}\n{DETAILS}{execution['executionArn']}")
            for words in telling.says if topic == "failed" else ("It began at ",):
                assert words.format(pipeline=told.pipeline) in text
    if telling.failed and telling.ends != "SUCCEEDED":
        assert f"\n\n{execution['error']}: {execution['cause']}\n\n" in told.messages["failed"][0][1]
