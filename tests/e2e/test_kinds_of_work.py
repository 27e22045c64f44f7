"""Each kind of work: how its step ends, what the cause says, and that nothing is started more often than it should.

The cases are rows of docs/faults.md.
"""

from collections.abc import Iterator

import pytest

from tests.support.faults.runs import Played, all_kinds, play
from tests.support.faults.work import WORK, Case
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with all_kinds() as stack:
        yield stack


@pytest.fixture(scope="module")
def results(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    return play(stack, WORK, tmp_path_factory.mktemp("notes"))


@pytest.fixture
def played(results: dict[str, Played], case: Case) -> Played:
    return results[case.name]


def each(*cases: Case) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@each(*WORK)
def test_a_step_ends_as_it_should(case: Case, played: Played) -> None:
    """No failure passes as success; each has its kind's error, and says where, what, and the service's own words."""
    cause = played.execution.get("cause", "")
    assert played.ends == case.ends, cause
    if case.ends not in ("SUCCEEDED", "ABORTED"):
        subject = case.kind.subject if case.ends != "CrawlFailed" else "crawler {name}"
        where = f"pipeline {played.worker}, stage 1, step 1, {subject.format(name=played.worker)}: "
        assert cause.startswith(where)
        for words in case.says:
            assert words.format(table=played.worker.replace("-", "_")) in cause


@each(*(case for case in WORK if case.ends == "SUCCEEDED"))
def test_a_run_tells_what_each_step_did(case: Case, played: Played) -> None:
    """Whoever reads the output of a run that succeeded must see what failed in it all the same."""
    failure = played.step["failure"]
    assert (failure or {}).get("error", "") == case.failure
    for words in case.says:
        assert words.format(table=played.worker.replace("-", "_")) in failure["cause"]
    worked = not case.failure or case.crawls > 0
    assert (played.step["work"] is not None) == worked


@each(*WORK)
def test_work_begins_as_often_as_it_should(case: Case, played: Played) -> None:
    """Work that is done twice may load twice; what was not started must not be taken for done."""
    if case.begun is not None:
        assert (len(played.begun), played.retries) == (case.begun, max(0, case.begun - 1)), played.begun
    if case.starts is not None:
        assert played.starts == case.starts
    assert played.crawls == case.crawls


@each(*(case for case in WORK if case.then))
def test_what_is_stopped_is_over(case: Case, played: Played) -> None:
    """A run that somebody stops must not leave work behind that nobody waits for."""
    assert played.begun == ["STOPPED"]
