"""All that the tests of the guide look at, run at once: most of it is waiting."""

import socket
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from local.aws import HOST
from tests.support.drop_in import error_types, guide, loop_beside_crawl, shapes
from tests.support.drop_in.migrations import Step, migrate, migrations
from tests.support.drop_in.python_lambdas import ours, pythons, rusts
from tests.support.drop_in.runs import Ran, Request, Situation, crawling, create_machine, play
from tests.support.stack import Stack

BY_NAME = {
    "succeeds": Situation("the crawl succeeds"),
    "missing": Situation("there is no such crawler", exists=False),
    "fails": Situation("the crawl fails", crawling(1) | {"local:outcome": "failed"}),
}


@dataclass(frozen=True)
class Played:
    """What came of all requests and of all migrations, by their names."""

    results: dict[str, Ran]
    migrations: dict[str, Future[list[Step]]]

    def steps(self, migration: str) -> list[Step]:
        """A migration that went wrong fails the tests that look at it, and no others."""
        return self.migrations[migration].result()


def play_all(stack: Stack, directory: Path) -> Played:
    crawl = stack.states.describe_state_machine(stateMachineArn=stack.outputs["CrawlStateMachineArn"])["definition"]
    # A copy: other tests count the executions of the stack's own machine.
    nested = {"CrawlStateMachineArn": create_machine(stack, "drop-in-crawl", crawl)}
    python, own = pythons(stack), ours(stack)
    # Bound and not listened at: nothing else can answer there.
    with closing(socket.socket()) as closed, ThreadPoolExecutor() as pool:
        closed.bind((HOST, 0))
        nowhere = f"http://{HOST}:{closed.getsockname()[1]}"
        functions = {
            ("python", ""): python,
            ("crawler-sync", ""): own,
            ("python", error_types.UNREACHABLE): pythons(stack, "python-unreachable", nowhere),
            ("crawler-sync", error_types.UNREACHABLE): rusts(stack, "rust-unreachable", nowhere),
            ("python", error_types.SILENT): pythons(stack, "python-impatient", timeout=5),
        }
        by_name = guide.fill(guide.machine(guide.BY_NAME), nested)
        requests = error_types.requests(functions)
        requests |= loop_beside_crawl.requests(crawl)
        requests |= {f"by name: {name}": Request(by_name, situation) for name, situation in BY_NAME.items()}
        changes = {
            name: pool.submit(migrate, stack, name, migration)
            for name, migration in (
                migrations(python, stack.outputs | nested, directory) | shapes.migrations(stack, own, nested)
            ).items()
        }
        return Played(play(stack, requests), changes)
