"""What each crate may link: dependencies are paid for at every cold start."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CARGO_DENY = str(ROOT / ".local/cargo/bin/cargo-deny")


def dependencies(crate: str) -> set[str]:
    """The names of all crates that `crate` links, direct or not."""
    command = [
        "cargo",
        "tree",
        "--locked",
        "--package",
        crate,
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]
    tree = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in tree.splitlines() if line}


@pytest.mark.parametrize("crate", ["crawl", "input", "pipeline", "event", "lambda", "s3-event-filter", "plan-pipeline"])
def test_what_is_pure_links_no_sdk(crate: str) -> None:
    """s3-event-filter and plan-pipeline call nothing: they need no SDK and no TLS."""
    linked = dependencies(crate)
    assert "time" in linked
    assert not {name for name in linked if name.startswith(("aws-", "rustls", "ring", "hyper-rustls"))}


@pytest.mark.parametrize("crate", ["start-crawler", "get-crawler-state"])
def test_the_glue_functions_link_one_lean_stack(crate: str) -> None:
    """The SDK's defaults would bring a second TLS stack, single sign-on, and regex for log filters."""
    linked = dependencies(crate)
    assert {"aws-sdk-glue", "ring"} <= linked
    assert not linked & {"aws-lc-rs", "aws-lc-sys", "aws-sdk-sso", "aws-sdk-ssooidc", "openssl", "regex"}


def test_licences_sources_and_versions_are_those_of_deny_toml() -> None:
    """A licence binds those who deploy; a second version of a crate is loaded at every cold start."""
    # Advisories need the network, so CI asks for those.
    checks = ["check", "--hide-inclusion-graph", "--deny", "warnings", "bans", "licenses", "sources"]
    command = [CARGO_DENY, "--locked", "--workspace", "--color", "never", *checks]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
