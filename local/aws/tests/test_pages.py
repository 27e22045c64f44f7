"""The rule that a contract test names the page of AWS that it follows."""

from pathlib import Path

import pytest

from local.aws.tests import pages

PAGE = "https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html"


@pytest.mark.parametrize("url", [PAGE, "https://repost.aws/knowledge-center/glue-throttling-rate-exceeded"])
@pytest.mark.parametrize("validated", ["never", "LocalStack snapshot test_global_timeout, 2024-03-10"])
def test_a_page_with_its_title_will_do(url: str, validated: str) -> None:
    """Protects contract tests that nobody could hold against AWS yet: never is an answer."""
    assert pages.complaint(("Crawler API",), {"url": url, "validated": validated}) is None


@pytest.mark.parametrize(
    ("titles", "details", "said"),
    [
        ((), {"url": PAGE, "validated": "never"}, "title"),
        ((" ",), {"url": PAGE, "validated": "never"}, "title"),
        (("Crawler API", PAGE), {"validated": "never"}, "title"),
        (("Crawler API",), {"url": PAGE}, "takes url and validated"),
        (("Crawler API",), {"url": PAGE, "validated": "never", "since": "2026"}, "takes url and validated"),
        (("Crawler API",), {"url": PAGE.replace("https", "http"), "validated": "never"}, "no page of AWS"),
        (("Crawler API",), {"url": "https://docs.aws.amazon.com/", "validated": "never"}, "no page of AWS"),
        (("Crawler API",), {"url": "https://docs.aws.amazon.com.example/glue", "validated": "never"}, "no page of AWS"),
        (("Crawler API",), {"url": "https://repost.aws/questions/QU21", "validated": "never"}, "no page of AWS"),
        (("Crawler API",), {"url": PAGE, "validated": ""}, "who saw"),
        (("Crawler API",), {"url": PAGE, "validated": None}, "who saw"),
    ],
)
def test_anything_less_is_refused(titles: tuple[str, ...], details: dict[str, str], said: str) -> None:
    """Protects readers: a marker without a page of AWS, or without its evidence, tells nothing."""
    assert said in (pages.complaint(titles, details) or "")


def test_a_contract_test_without_a_page_is_found(request: pytest.FixtureRequest) -> None:
    """Protects the rule: this very test has no marker, and could not stand in the folder of a service."""
    assert pages.faults([request.node]) == {}
    above = Path(__file__).parent.parent
    assert pages.faults([request.node], tests=above) == {request.node.nodeid: "is missing"}
