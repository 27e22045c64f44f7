"""The fault matrix on the local AWS: every scenario ends as it says, in time, and leaves its traces."""

import pytest

from tests.support.faults.page import SCENARIOS
from tests.support.faults.play import Result, play
from tests.support.faults.scenario import Before, Meanwhile, Scenario
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def results(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    return play(stack, SCENARIOS, tmp_path_factory.mktemp("frail"))


def each(scenarios: list[Scenario]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scenario", scenarios, ids=lambda scenario: scenario.name)


CRAWLS = [scenario for scenario in SCENARIOS if scenario.call == "Crawl"]
each_scenario = each(SCENARIOS)
each_success = each([scenario for scenario in CRAWLS if scenario.ends in ("STARTED", "JOINED", "SATISFIED")])
each_refusal = each([scenario for scenario in CRAWLS if scenario.is_error and not scenario.ends.startswith("Crawl")])


@pytest.fixture
def result(results: dict[str, Result], scenario: Scenario) -> Result:
    return results[scenario.name]


@each_scenario
def test_it_ends_as_it_should(scenario: Scenario, result: Result) -> None:
    """No fault passes as success, and every error has its own name, the crawler's, and Glue's words."""
    ending = result.ending
    assert ending.ends in (scenario.ends, scenario.or_else), ending.cause
    if scenario.is_error:
        assert result.crawler in ending.cause
        for words in scenario.says:
            assert words.format(crawler=result.crawler) in ending.cause


@each_success
def test_success_is_the_crawls_own(scenario: Scenario, result: Result) -> None:
    """Callers read on from the output: what Glue does not tell is null there, never another crawl's."""
    output = result.ending.output
    assert (output["crawlername"], output["crawl"]["status"]) == (result.crawler, "SUCCEEDED")
    assert (output["crawl"]["crawlId"] is not None) == scenario.details


@each_refusal
def test_a_functions_error_is_passed_on_whole(scenario: Scenario, result: Result) -> None:
    """Existing Catch clauses match the function's error name, and show its message to people."""
    assert (result.ending.ends, result.ending.cause) == result.ending.answers[-1]


@each_scenario
def test_it_ends_in_time(scenario: Scenario, result: Result) -> None:
    """Nothing waits beyond its deadline by more than the invocation that is under way."""
    assert result.ending.seconds <= scenario.bound


@each([scenario for scenario in CRAWLS if scenario.woken is not None])
def test_it_is_woken_or_not(scenario: Scenario, result: Result) -> None:
    """A fault that did not take effect would pass for one that was overcome."""
    assert result.ending.waits[-1] == scenario.woken


@each_scenario
def test_it_starts_what_it_should_and_no_more(scenario: Scenario, result: Result) -> None:
    """A fault must cost neither the crawl nor a second one; a deadline stops a crawl only if it may."""
    others = (scenario.before is Before.RUNNING) + (scenario.meanwhile in (Meanwhile.STARTS, Meanwhile.STARTS_BADLY))
    earlier = scenario.before in (Before.SUCCEEDED, Before.FAILED)
    another = result.ending.ends == scenario.or_else
    if scenario.starts is not None:
        assert result.calls.get("StartCrawler", 0) - others == scenario.starts + another
    assert len(result.crawls) - others - earlier == scenario.crawls + another
    if scenario.stops is not None:
        assert result.calls.get("StopCrawler", 0) - (scenario.meanwhile is Meanwhile.STOPS) == scenario.stops
    if scenario.left:
        assert result.crawls[0] == scenario.left


@each_scenario
def test_each_invocation_logs_one_line(result: Result) -> None:
    """At night one line for each answer of a function says the same as the answer."""
    details = [line for line in result.lines if line["outcome"] == "incomplete"]
    told = [
        (line["outcome"], line["reason"] if line["level"] in ("ERROR", "WARN") else "")
        for line in result.lines
        if line not in details
    ]
    assert told == result.ending.answers
    assert all(line["level"] == "WARN" and line["reason"] for line in details)


PASSING = {
    "CrawlerRunningException",
    "GlueUnreachable",
    "InternalFailure",
    "InternalServiceException",
    "OperationTimeoutException",
    "ServiceUnavailable",
    "ThrottlingException",
}


@each_scenario
def test_only_what_somebody_must_look_at_is_an_error(result: Result) -> None:
    """A log in which every throttled call is an ERROR is one that nobody reads."""
    for line in result.lines:
        passes = line["outcome"] in PASSING or line["outcome"] == "incomplete"
        is_answer = line["outcome"].isupper()
        assert line["level"] == ("INFO" if is_answer else "WARN" if passes else "ERROR"), line


def test_names_tell_scenarios_apart(results: dict[str, Result]) -> None:
    """Two rows of one name would share a crawler, and one would not be tested."""
    assert len({result.crawler for result in results.values()}) == len(SCENARIOS)
