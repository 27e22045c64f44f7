"""Each grant of the template is needed, and would be missed: it is taken away, and a check must fail.

Those that nothing can call here are compared with what they are for. `pytest -s` shows all of them.
"""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from local.aws import LocalAws
from local.demo.deploy import QUICK, Rule, deploy
from tests.support.grants import checks
from tests.support.grants.grants import Grant, grants
from tests.support.stack import Stack


class Proof:
    """The stack, and what each check was allowed when all was granted: (role, action)."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.used: dict[str, set[tuple[str, str]]] = {}
        for check in checks.CHECKS:
            stack.aws.forget_permissions()
            check(stack)
            self.used[check.__name__] = stack.aws.allowed()
        checks.COMPARISON(stack)

    def noticed_by(self, grant: Grant) -> str | None:
        """The name of the check that fails without the grant."""
        with grant.without(self.stack):
            for check in (*self._concerned(grant), checks.COMPARISON):
                try:
                    check(self.stack)
                except (AssertionError, ClientError, KeyError):
                    return check.__name__
        return None

    def _concerned(self, grant: Grant) -> Iterator[checks.Check]:
        for check in checks.CHECKS:
            if grant.permission in self.used[check.__name__]:
                yield check


@pytest.fixture(scope="module")
def proof() -> Iterator[Proof]:
    # Its own: roles change under whoever uses them.
    with LocalAws() as aws:
        parameters = QUICK | {"SourceBucketName": "nothing-lands-here", "CoalesceSeconds": 1} | checks.PARAMETERS
        rule = Rule(checks.PIPELINE, checks.BUCKET, checks.PREFIX)
        stack = Stack(aws, deploy(aws, Stack.NAME, parameters, [rule]))
        checks.set_up(stack)
        yield Proof(stack)


def test_every_grant_would_be_missed(proof: Proof) -> None:
    """A grant that nothing needs is for an intruder; one whose absence nobody notices is missing at night."""
    noticed: dict[str, str | None] = {}
    for grant in grants(proof.stack):
        noticed[grant.name] = proof.noticed_by(grant)
        checks.calm(proof.stack)
    compared = {name for name, check in noticed.items() if check == checks.COMPARISON.__name__}
    Console().print(report(noticed))
    assert {name for name, check in noticed.items() if check is None} == set()
    assert all("xray:" in name or "Xray" in name or "logs:" in name for name in compared), compared


def report(noticed: dict[str, str | None]) -> Table:
    table = Table("grant", "noticed by")
    for name, check in noticed.items():
        table.add_row(name, (check or "nobody").replace("_", " "))
    table.add_section()
    compared = sum(check == checks.COMPARISON.__name__ for check in noticed.values())
    missed = sum(check is None for check in noticed.values())
    table.add_row(f"{len(noticed)} grants", f"{len(noticed) - compared - missed} by a run, {compared} by comparison")
    return table
