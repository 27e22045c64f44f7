"""What each crate may link: dependencies are paid for at every cold start."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CARGO_DENY = ROOT / ".local/cargo/bin/cargo-deny"


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


@pytest.mark.parametrize("crate", ["crawl", "input", "pipeline", "lambda", "s3-event-filter", "plan-pipeline"])
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


def denied(config: Path) -> subprocess.CompletedProcess[str]:
    """What cargo-deny says of the crates; advisories need the network, so CI asks for those."""
    command: list[str | Path] = [CARGO_DENY, "--locked", "--workspace", "--config", config, "--color", "never"]
    checks = ["check", "--hide-inclusion-graph", "--deny", "warnings", "bans", "licenses", "sources"]
    return subprocess.run([*command, *checks], cwd=ROOT, capture_output=True, text=True, check=False)


def test_licences_sources_and_versions_are_those_of_deny_toml() -> None:
    """A licence binds whoever deploys; a second version of a crate is loaded at every cold start."""
    result = denied(ROOT / "deny.toml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_cargo_deny_bites(tmp_path: Path) -> None:
    """Without one licence, source and exception that is there today, each of the three checks fails."""
    text = (ROOT / "deny.toml").read_text()
    changes = {"ISC": "0BSD", "rust-lang/crates.io-index": "rust-lang/another", "base64@0.22.1": "base64@0.1.0"}
    for allowed, other in changes.items():
        assert allowed in text
        text = text.replace(allowed, other)
    stricter = tmp_path / "deny.toml"
    stricter.write_text(text)
    errors = set(re.findall(r"error\[([\w-]+)]", denied(stricter).stderr))
    assert {"rejected", "source-not-allowed", "duplicate"} <= errors
