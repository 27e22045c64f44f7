"""docs/migration.md as its readers use it: blocks to copy, with their own names in place of the <…>, and tables."""

import re
from collections.abc import Mapping

from tests.support.documents import ROOT, part, section

GUIDE = ROOT / "docs/migration.md"

PYTHON = "Python Lambdas"
WAITS = "A Lambda that starts and waits"
SHAPES = "Other Lambdas"
VERDICT = "The verdict"
ERROR_TYPES = "Error types"
LOOPS = "aws-sdk:glue loops"
BESIDE = "The loop beside crawl"
# The machines of its files.
TWO_LAMBDAS, LOOP, BY_NAME = "two-lambdas", "aws-sdk-loop", "catch-by-name"


def machine(name: str) -> str:
    """A definition that the guide shows."""
    return (ROOT / f"docs/migration/{name}.asl.json").read_text()


def blocks(title: str, language: str = "json") -> list[str]:
    """The code blocks between this heading and the next."""
    return re.findall(rf"^```{language}\n(.*?)^```$", section(GUIDE, title), re.MULTILINE | re.DOTALL)


def edits(row: str) -> list[tuple[str, str]]:
    """What a row of the table of other Lambdas says to replace, and by what."""
    [cells] = [
        line.strip("| \n").split(" | ") for line in part(GUIDE, SHAPES).splitlines() if line.startswith(f"| {row} |")
    ]
    texts = [re.findall(r"`([^`]+)`", cell) for cell in cells[1:]]
    return list(zip(*texts, strict=True))


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with a value for each <placeholder>."""
    return re.sub(r"<([^<>]+)>", lambda placeholder: values[placeholder[1]], text)
