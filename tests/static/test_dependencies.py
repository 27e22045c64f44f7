"""What each crate may link: dependencies are paid for at every cold start."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def dependencies(crate: str) -> set[str]:
    """The names of all crates that `crate` links, direct or not."""
    command = ["cargo", "tree", "--locked", "--package", crate, "--edges", "normal", "--prefix", "none", "--format", "{p}"]
    tree = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in tree.splitlines() if line}


@pytest.mark.parametrize("crate", ["shared", "s3-event-filter"])
def test_neither_words_nor_filter_link_the_sdk(crate):
    """s3-event-filter calls nothing: it needs no SDK and no TLS."""
    linked = dependencies(crate)
    assert "serde_json" in linked
    assert not {name for name in linked if name.startswith(("aws-", "rustls", "ring", "hyper-rustls"))}


@pytest.mark.parametrize("crate", ["start-crawler", "get-crawler-state"])
def test_the_glue_functions_link_one_lean_stack(crate):
    """The SDK's defaults would bring a second TLS stack, single sign-on, and regex for log filters."""
    linked = dependencies(crate)
    assert {"aws-sdk-glue", "ring"} <= linked
    assert not linked & {"aws-lc-rs", "aws-lc-sys", "aws-sdk-sso", "aws-sdk-ssooidc", "openssl", "regex"}
