"""docs/migration.md as its readers use it: blocks to copy, with their own names in place of the <…>, and tables."""

import re
from collections.abc import Mapping
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs" / "migration.md"

PYTHON = "Python Lambdas"
WAITS = "A Lambda that starts and waits"
SHAPES = "Other Lambdas"
VERDICT = "The verdict"
ERROR_TYPES = "Error types"
LOOPS = "aws-sdk:glue loops"
BESIDE = "The loop beside crawl"
BY_NAME = "Catch by name"


def blocks(title: str, language: str = "json") -> list[str]:
    """The code blocks between this heading and the next."""
    return re.findall(rf"^```{language}\n(.*?)^```$", _section(title), re.MULTILINE | re.DOTALL)


def table(title: str) -> str:
    return "".join(line for line in _section(title).splitlines(keepends=True) if line.startswith("|"))


def edits(row: str) -> list[tuple[str, str]]:
    """What a row of the table of other Lambdas says to replace, and by what."""
    [cells] = [line.strip("| \n").split(" | ") for line in table(SHAPES).splitlines() if line.startswith(f"| {row} |")]
    texts = [re.findall(r"`([^`]+)`", cell) for cell in cells[1:]]
    return list(zip(*texts, strict=True))


def write_table(title: str, new: str) -> None:
    section = _section(title)
    GUIDE.write_text(GUIDE.read_text().replace(section, section.replace(table(title), new)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with a value for each <placeholder>."""
    return re.sub(r"<([^<>]+)>", lambda placeholder: values[placeholder[1]], text)


def _section(title: str) -> str:
    text = GUIDE.read_text()
    start = re.search(rf"^#+ {re.escape(title)}\n", text, re.MULTILINE)
    assert start, f"the guide has no heading {title}"
    end = re.compile(r"^##+ ", re.MULTILINE).search(text, start.end())
    return text[start.end() : end.start() if end else len(text)]
