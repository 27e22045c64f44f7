"""Exclude patterns of a crawler: Java's globs, where `*` stays within a folder and `**` does not."""

import re

_TOKEN = re.compile(r"(?P<any>\*\*)|(?P<part>\*)|(?P<one>\?)|(?P<set>\[[^]]+])|(?P<escape>\\.)|(?P<other>.)", re.DOTALL)


def glob_to_regex(pattern: str) -> str:
    regex, braces = [], 0
    for token in _TOKEN.finditer(pattern):
        text = token.group()
        match token.lastgroup:
            case "any":
                regex.append(".*")
            case "part":
                regex.append("[^/]*")
            case "one":
                regex.append("[^/]")
            case "set":
                regex.append(re.sub(r"^\[!", "[^", text))
            case "escape":
                regex.append(re.escape(text[1]))
            case _ if text == "{":
                braces += 1
                regex.append("(?:")
            case _ if text == "}" and braces:
                braces -= 1
                regex.append(")")
            case _ if text == "," and braces:
                regex.append("|")
            case _:
                regex.append(re.escape(text))
    return "".join(regex)
