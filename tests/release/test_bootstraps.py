"""What a release build must keep, and no clock is needed to see: size, portability, hardening, what is linked.

Needs the bootstraps of this machine's architecture in target/release, each built by itself as SAM does.
"""

import io
import os
import platform
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

ROOT = Path(__file__).parents[2]
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
MACHINES = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}
# What Amazon Linux 2023 has: https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2-glibc-gcc-and-binutils.html
AL2023_GLIBC = (2, 34)
AL2023_LIBRARIES = {"libc.so.6", "libgcc_s.so.1", "libm.so.6"}


@dataclass(frozen=True)
class Budget:
    """The most that a function may have; every byte and crate is paid for at each cold start."""

    bootstrap: int
    zip: int
    crates: int


BUDGETS = {
    "start-crawler": Budget(bootstrap=5_800_000, zip=2_750_000, crates=149),
    "get-crawler-state": Budget(bootstrap=5_800_000, zip=2_750_000, crates=149),
    "s3-event-filter": Budget(bootstrap=1_250_000, zip=620_000, crates=68),
}


@pytest.fixture(params=BUDGETS)
def function(request):
    return request.param


@pytest.fixture
def bootstrap(function):
    return (RELEASE / function).read_bytes()


@pytest.fixture
def elf(bootstrap):
    return ELFFile(io.BytesIO(bootstrap))


def crates(function: str) -> set[str]:
    """The names and versions of all crates whose code the function links."""
    command = ["cargo", "tree", "--locked", "--package", function, "--edges", "normal,no-proc-macro", "--prefix", "none"]
    tree = subprocess.run([*command, "--format", "{p}"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {" ".join(line.split()[:2]) for line in tree.splitlines() if line}


def test_the_bootstrap_is_within_its_budget(function, bootstrap):
    """Lambda loads what it touches, at every cold start."""
    assert len(bootstrap) <= BUDGETS[function].bootstrap


def test_the_zip_is_within_its_budget(function, bootstrap):
    """Lambda fetches the package before the first cold start on a machine."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        package.writestr("bootstrap", bootstrap)
    assert archive.getbuffer().nbytes <= BUDGETS[function].zip


def test_no_crate_comes_unnoticed(function):
    """A new feature or dependency often brings a dozen; whoever needs them raises the figure."""
    linked = crates(function)
    assert any(crate.startswith("lambda_runtime ") for crate in linked)
    assert len(linked) <= BUDGETS[function].crates


def test_it_is_built_for_this_processor(elf):
    """A bootstrap left by a build for another processor ends with an exec format error."""
    assert elf["e_machine"] == MACHINES[platform.machine()]


def test_it_runs_on_amazon_linux(elf):
    """A newer glibc or a further library on the building machine would show only in Lambda."""
    [versions] = [each for each in elf.iter_sections() if isinstance(each, GNUVerNeedSection)]
    names = {auxiliary.name for _, needed in versions.iter_versions() for auxiliary in needed}
    glibc = {name.removeprefix("GLIBC_") for name in names if name.startswith("GLIBC_")}
    # Not all are numbers: GLIBC_ABI_DT_RELR is a glibc of 2.36 too.
    assert all(version[0].isdigit() for version in glibc), glibc
    assert max(tuple(map(int, version.split("."))) for version in glibc) <= AL2023_GLIBC
    [dynamic] = [each for each in elf.iter_sections() if isinstance(each, DynamicSection)]
    needed = {tag.needed for tag in dynamic.iter_tags("DT_NEEDED")}
    assert {name for name in needed if not name.startswith("ld-linux")} <= AL2023_LIBRARIES


def test_it_is_hardened(elf):
    """Speed must not be bought with a fixed address, a writable table of functions or an executable stack."""
    segments = {segment["p_type"]: segment["p_flags"] for segment in elf.iter_segments()}
    [dynamic] = [each for each in elf.iter_sections() if isinstance(each, DynamicSection)]
    flags = {tag.entry.d_tag: tag.entry.d_val for tag in dynamic.iter_tags()}
    assert flags["DT_FLAGS_1"] & 0x08000000, "position-independent (DF_1_PIE)"
    assert flags["DT_FLAGS_1"] & 0x1, "bound before it runs (DF_1_NOW)"
    assert "PT_GNU_RELRO" in segments
    assert not segments["PT_GNU_STACK"] & 0x1, "executable stack"


def test_panics_unwind(elf):
    """With "abort", cargo-lambda's choice where the profile has none, a panic's error never reaches the caller."""
    assert elf.get_section_by_name(".gcc_except_table")["sh_size"] > 10_000


@pytest.mark.parametrize("function", ["start-crawler", "get-crawler-state"], indirect=True)
def test_no_jitter_entropy(function, bootstrap):
    """aws-lc collects it inside the first handshake: 22 ms of every cold start. Its name stays in a stripped file."""
    assert not {crate for crate in crates(function) if crate.startswith("aws-lc")}
    assert b"aws-lc" not in bootstrap
    assert b"ring-" in bootstrap


@pytest.mark.parametrize("function", ["s3-event-filter"], indirect=True)
def test_the_filter_has_no_tls(bootstrap):
    """It calls nothing; what others switch on must not reach it either: HTTP/2 comes with the SDK."""
    assert not {name for name in (b"rustls", b"aws-smithy", b"/h2-") if name in bootstrap}
