"""The commands that the documents give, as their readers would type them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("local/*/*.md")])
PROGRAMS = ("aws", "cargo", "diff", "git", "make", "rustup", "sam", "sed")


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
