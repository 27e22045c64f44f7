"""Each grant of the template is needed, and would be missed: it is taken away, and a check must fail.

The check counts if its grant was denied meanwhile, and if it passes again once the grant is back: so it fails for no
other reason. Those that nothing can call here are compared with what they are for. `pytest -s` shows them.

GRANTS is which are taken away: every third, or all with 1.
"""

import os
import time
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from local.aws import LocalAws
from local.aws.policies import policy
from local.demo.deploy import QUICK, deploy
from tests.support.grants import checks, things
from tests.support.grants.grants import Grant, Trust, grants
from tests.support.pipelines import deploy_pipeline
from tests.support.stack import Stack

ROLE = "StartCrawlerRole"
GRANTS = int(os.environ.get("GRANTS", "3"))


class Proof:
    """The stack, and what each check was allowed when all was granted: (role, action)."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.used: dict[checks.Check, set[tuple[str, str]]] = {}
        for check in checks.CHECKS:
            self._pass(check)
            self.used[check] = stack.aws.allowed()
        self._pass(checks.COMPARISON)

    def noticed_by(self, grant: Grant) -> str | None:
        """The name of the check that fails without the grant, and passes with it."""
        with grant.without(self.stack):
            noticing = self._noticing(grant)
        things.calm(self.stack)
        if noticing is None:
            return None
        try:
            self._pass(noticing)
        except (AssertionError, ClientError) as error:
            pytest.fail(f"{noticing.__name__} fails though {grant.name} was given back: {error}")
        return noticing.__name__

    def _noticing(self, grant: Grant) -> checks.Check | None:
        """The check that fails because of what is denied now; the comparison, where nothing asks for the grant."""
        concerned = [check for check in checks.CHECKS if grant.permission in self.used[check]]
        for check in concerned:
            if self._fails(check) and grant.permission in self.stack.aws.denied():
                return check
            things.calm(self.stack)
        return checks.COMPARISON if not concerned and self._fails(checks.COMPARISON) else None

    def _fails(self, check: checks.Check) -> bool:
        self.stack.aws.forget_permissions()
        try:
            check(self.stack)
        except (AssertionError, ClientError):
            return True
        return False

    def _pass(self, check: checks.Check) -> None:
        self.stack.aws.forget_permissions()
        check(self.stack)
        denied = self.stack.aws.denied()
        assert not denied, (check.__name__, denied)


@pytest.fixture(scope="module")
def proof() -> Iterator[Proof]:
    # Its own: roles change while they are used.
    with LocalAws() as aws:
        parameters = QUICK | {"CoalesceSeconds": 1} | things.parameters(aws)
        stack = Stack(aws, deploy(aws, Stack.NAME, parameters))
        deploy_pipeline(stack, things.PIPELINE)
        things.set_up(stack)
        yield Proof(stack)


def test_every_grant_would_be_missed(proof: Proof) -> None:
    """A grant that nothing needs is for an intruder; one whose absence nobody notices is missing at night."""
    began = time.monotonic()
    noticed: dict[str, str | None] = {}
    for grant in grants(proof.stack)[::GRANTS]:
        assert grant.name not in noticed
        noticed[grant.name] = proof.noticed_by(grant)
    compared = {name for name, check in noticed.items() if check == checks.COMPARISON.__name__}
    Console().print(report(noticed, time.monotonic() - began))
    assert {name for name, check in noticed.items() if check is None} == set()
    assert all("xray:" in name or "Xray" in name or "logs:" in name for name in compared), compared


def test_a_grant_that_nothing_needs_is_told(proof: Proof) -> None:
    """A proof that takes every grant for needed proves nothing."""
    iam = proof.stack.aws.client("iam")
    [role] = {grant.physical for grant in grants(proof.stack) if isinstance(grant, Trust) and grant.role == ROLE}
    more = {"Effect": "Allow", "Action": "glue:DeleteCrawler", "Resource": "*"}
    iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=policy(more))
    try:
        [needless] = [grant for grant in grants(proof.stack) if grant.permission == (role, more["Action"])]
        assert proof.noticed_by(needless) is None
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="more")


def test_a_check_that_fails_for_another_reason_is_no_evidence(proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that fails by chance must not stand for one that misses the grant."""

    def broken(_: Stack) -> None:
        raise AssertionError

    needed = next(grant for grant in grants(proof.stack) if grant.permission in set().union(*proof.used.values()))
    assert needed.permission is not None
    monkeypatch.setattr(checks, "CHECKS", (broken,))
    monkeypatch.setitem(proof.used, broken, {needed.permission})
    assert proof.noticed_by(needed) is None


def report(noticed: dict[str, str | None], seconds: float) -> Table:
    table = Table("grant", "noticed by")
    for name, check in noticed.items():
        table.add_row(name, (check or "nobody").replace("_", " "))
    table.add_section()
    compared = sum(check == checks.COMPARISON.__name__ for check in noticed.values())
    missed = sum(check is None for check in noticed.values())
    by_run = len(noticed) - compared - missed
    table.add_row(f"{len(noticed)} grants, in {seconds:.0f} s", f"{by_run} by a run, {compared} by comparison")
    return table
