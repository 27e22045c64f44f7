"""The pages as their readers use them: commands to type, and the parts of them that commands write."""

import os
import re
from collections.abc import Iterable
from difflib import unified_diff
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("local/*/*.md")])
PROGRAMS = ("aws", "cargo", "diff", "git", "make", "rustup", "sam", "sed")
# A table, a list or a diagram, up to the next empty line.
PART = re.compile(r"^(?:\||- |```mermaid$).*?(?=\n\n|\n*\Z)", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Every command of a console block, and every whole one in the running text; without comments."""
    text = page.read_text()
    found = []
    for block in re.findall(r"^[ ]*```console\n(.*?)^[ ]*```", text, re.MULTILINE | re.DOTALL):
        for command in re.findall(r"^ *\$ ((?:.*\\\n)*.*)$", block, re.MULTILINE):
            found.append(re.sub(r"(^|\s+)# .*", "", command).replace("\\\n", " "))
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for span in re.findall(r"`([^`]+)`", prose):
        program, *arguments = span.split()
        whole = arguments if program == "make" else any(each.startswith("--") for each in arguments)
        if program in PROGRAMS and whole:
            found.append(" ".join(span.split()))
    return [" ".join(command.split()) for command in found if command]


def titles(page: Path) -> list[str]:
    return re.findall(r"^##+ (.+)$", page.read_text(), re.MULTILINE)


def section(page: Path, title: str) -> str:
    """What stands between this heading and the next."""
    return _around(page, title)[1]


def part(page: Path, title: str) -> str:
    """The first table, list or diagram under the heading, or nothing."""
    found = PART.search(section(page, title))
    return found[0] if found else ""


def table(rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def holds(page: Path, title: str, made: str) -> None:
    """The part under the heading is the one that was made; `make docs` writes it."""
    if os.environ.get("WRITE_DOCS"):
        before, inside, after = _around(page, title)
        old = part(page, title)
        if old:
            inside = inside.replace(old, made)
        elif made:
            inside = "\n\n".join([inside.rstrip(), made, ""])
        page.write_text((before + inside + after).rstrip() + "\n")
    _compare(part(page, title), made, f"{page.name}, {title}")


def reads(file: Path, made: str) -> None:
    """The same for a whole file."""
    if os.environ.get("WRITE_DOCS"):
        file.write_text(made)
    _compare(file.read_text(), made, file.name)


def _compare(written: str, made: str, where: str) -> None:
    difference = "".join(unified_diff(written.splitlines(True), made.splitlines(True), "written", "made"))
    assert not difference, f"{where}, to be written by make docs:\n{difference}"


def _around(page: Path, title: str) -> tuple[str, str, str]:
    text = page.read_text()
    start = re.search(rf"^##+ {re.escape(title)}\n", text, re.MULTILINE)
    assert start, f"{page.name} has no heading {title}"
    found = re.compile(r"^##+ ", re.MULTILINE).search(text, start.end())
    end = found.start() if found else len(text)
    return text[: start.end()], text[start.end() : end], text[end:]
