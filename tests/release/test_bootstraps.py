"""What the bootstraps that SAM builds must keep, and no clock is needed to see: size, portability, hardening, crates.

`make guards` builds them, for the processors in ARCHITECTURES.
"""

import io
import os
import re
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

ROOT = Path(__file__).parents[2]
BUILDS = ROOT / ".local/sam"
ARCHITECTURES = os.environ.get("ARCHITECTURES", "").split()
FUNCTIONS = {
    "start-crawler": "StartCrawlerFunction",
    "get-crawler-state": "GetCrawlerStateFunction",
    "s3-event-filter": "S3EventFilterFunction",
    "plan-pipeline": "PlanPipelineFunction",
}
# What calls nothing.
PURE = {"s3-event-filter", "plan-pipeline"}
MACHINES = {"x86_64": "EM_X86_64", "arm64": "EM_AARCH64"}
# What Amazon Linux 2023 has: https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2-glibc-gcc-and-binutils.html
AL2023_GLIBC = (2, 34)
AL2023_LIBRARIES = {"libc.so.6", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"}
DF_1_NOW, DF_1_PIE = 0x1, 0x08000000
PF_X = 0x1


@dataclass(frozen=True)
class Budget:
    """The most that a function may have; every byte and crate is paid for at each cold start."""

    bootstrap: int
    zip: int
    crates: int


BUDGETS = {
    "start-crawler": Budget(bootstrap=5_800_000, zip=2_750_000, crates=146),
    "get-crawler-state": Budget(bootstrap=5_800_000, zip=2_750_000, crates=146),
    # Three of the crates are schemars: compiled with the types that it describes, and dropped by the linker. One is
    # regex-lite, which both use for what pipelines may name.
    "s3-event-filter": Budget(bootstrap=1_250_000, zip=620_000, crates=70),
    "plan-pipeline": Budget(bootstrap=1_320_000, zip=650_000, crates=70),
}


@dataclass(frozen=True)
class Build:
    """A function, built for a processor."""

    function: str
    architecture: str
    bootstrap: bytes

    @property
    def elf(self) -> ELFFile:
        return ELFFile(io.BytesIO(self.bootstrap))

    @property
    def dynamic(self) -> DynamicSection:
        [section] = [each for each in self.elf.iter_sections() if isinstance(each, DynamicSection)]
        return section

    def segment(self, kind: str) -> int:
        """Where the header of the first segment of this kind is in the file."""
        elf = self.elf
        kinds = [segment["p_type"] for segment in elf.iter_segments()]
        return elf["e_phoff"] + kinds.index(kind) * elf["e_phentsize"]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=FUNCTIONS)
def build(request: pytest.FixtureRequest, architecture: str) -> Build:
    file = BUILDS / architecture / FUNCTIONS[request.param] / "bootstrap"
    return Build(request.param, architecture, file.read_bytes())


@cache
def crates(function: str) -> frozenset[str]:
    """The names and versions of all crates whose code the function links, but for the project's own: to divide it costs
    nothing.
    """
    command = ["cargo", "tree", "--locked", "--target", "x86_64-unknown-linux-gnu", "--package", function]
    command += ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
    tree = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return frozenset(" ".join(line.split()[:2]) for line in tree.splitlines() if line and "(/" not in line)


# The rules. Each fails with an AssertionError.


def is_small(build: Build) -> None:
    """Lambda loads what it touches, at every cold start."""
    assert len(build.bootstrap) <= BUDGETS[build.function].bootstrap, "bytes"


def packs_small(build: Build) -> None:
    """Lambda fetches the package before the first cold start on a machine."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        package.writestr("bootstrap", build.bootstrap)
    assert archive.getbuffer().nbytes <= BUDGETS[build.function].zip, "bytes of the zip"


def is_for_the_processor(build: Build) -> None:
    """A bootstrap left by a build for another processor ends with an exec format error."""
    assert build.elf["e_machine"] == MACHINES[build.architecture]


def runs_on_amazon_linux(build: Build) -> None:
    """A newer glibc or a further library on the building machine would show only in Lambda."""
    [versions] = [each for each in build.elf.iter_sections() if isinstance(each, GNUVerNeedSection)]
    names = {auxiliary.name for _, needed in versions.iter_versions() for auxiliary in needed}
    glibc = {name.removeprefix("GLIBC_") for name in names if name.startswith("GLIBC_")}
    # Not all are numbers: GLIBC_ABI_DT_RELR is a glibc of 2.36 too.
    assert all(version[0].isdigit() for version in glibc), glibc
    assert max(tuple(map(int, version.split("."))) for version in glibc) <= AL2023_GLIBC, "glibc"
    # elftools adds this attribute to the tags of this kind alone.
    libraries = {tag.needed for tag in build.dynamic.iter_tags("DT_NEEDED")}  # type: ignore[attr-defined]
    assert {name for name in libraries if not name.startswith("ld-linux")} <= AL2023_LIBRARIES, "libraries"


def is_hardened(build: Build) -> None:
    """Speed must not be bought with a fixed address, a writable table of functions or an executable stack."""
    segments = {segment["p_type"]: segment["p_flags"] for segment in build.elf.iter_segments()}
    flags = {tag.entry.d_tag: tag.entry.d_val for tag in build.dynamic.iter_tags()}["DT_FLAGS_1"]
    assert flags & DF_1_PIE, "position-independent"
    assert flags & DF_1_NOW, "bound before it runs"
    assert "PT_GNU_RELRO" in segments
    assert not segments["PT_GNU_STACK"] & PF_X, "executable stack"


def unwinds(build: Build) -> None:
    """With "abort", cargo-lambda's choice where the profile has none, a panic's error never reaches the caller."""
    section = build.elf.get_section_by_name(".gcc_except_table")
    assert section, "no tables for unwinding"
    assert section["sh_size"] > 10_000


def handshakes_without_jitter(build: Build) -> None:
    """aws-lc collects CPU jitter in the first handshake: 22 ms of every cold start. Its name survives stripping."""
    assert b"aws-lc" not in build.bootstrap
    if build.function not in PURE:
        assert b"ring-" in build.bootstrap


def keeps_out_what_is_not_called(build: Build) -> None:
    """What calls nothing needs no TLS, and no HTTP/2, which comes with the SDK; the schema is for editors alone."""
    if build.function in PURE:
        unneeded = (b"rustls", b"aws-smithy", b"/h2-", b"schemars", b"json-schema.org")
        assert not {name for name in unneeded if name in build.bootstrap}


Rule = Callable[[Build], None]
RULES: list[Rule] = [
    is_small,
    packs_small,
    is_for_the_processor,
    runs_on_amazon_linux,
    is_hardened,
    unwinds,
    handshakes_without_jitter,
    keeps_out_what_is_not_called,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_bootstrap_keeps_the_rule(build: Build, rule: Rule) -> None:
    """What gets past it is in production before anybody sees it."""
    rule(build)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_crate_comes_unnoticed(function: str) -> None:
    """A new feature or dependency often brings a dozen; raise the figure if they are needed."""
    linked = crates(function)
    assert any(crate.startswith("lambda_runtime ") for crate in linked)
    assert not {crate for crate in linked if crate.startswith("aws-lc")}
    assert len(linked) <= BUDGETS[function].crates


# Bootstraps that break a rule, each made from a sound one.


def larger(build: Build) -> bytes:
    return build.bootstrap + os.urandom(BUDGETS[build.function].bootstrap)


def for_another_processor(build: Build) -> bytes:
    other = {"x86_64": 0xB7, "arm64": 0x3E}[build.architecture]
    return overwritten(build, 18, other.to_bytes(2, "little"))


def with_a_newer_glibc(build: Build) -> bytes:
    return re.sub(rb"\0GLIBC_2\.\d\d\0", b"\0GLIBC_2.99\0", build.bootstrap)


def with_another_library(build: Build) -> bytes:
    return build.bootstrap.replace(b"libc.so.6\0", b"libz.so.6\0")


def at_a_fixed_address(build: Build) -> bytes:
    return with_flags(build, DF_1_NOW)


def bound_while_it_runs(build: Build) -> bytes:
    return with_flags(build, DF_1_PIE)


def with_an_executable_stack(build: Build) -> bytes:
    return overwritten(build, build.segment("PT_GNU_STACK") + 4, bytes([7]))


def writable_after_relocation(build: Build) -> bytes:
    return overwritten(build, build.segment("PT_GNU_RELRO"), bytes(4))


def aborting(build: Build) -> bytes:
    return build.bootstrap.replace(b".gcc_except_table\0", b".gcc_abort_tables\0")


def with_aws_lc(build: Build) -> bytes:
    return build.bootstrap + b"aws-lc-sys-0.30.0"


def with_tls_in_every_function(build: Build) -> bytes:
    return build.bootstrap + b"rustls-0.23"


def with_flags(build: Build, flags: int) -> bytes:
    table = build.dynamic
    index = [tag.entry.d_tag for tag in table.iter_tags()].index("DT_FLAGS_1")
    return overwritten(build, table["sh_offset"] + index * 16 + 8, flags.to_bytes(8, "little"))


def overwritten(build: Build, offset: int, content: bytes) -> bytes:
    return build.bootstrap[:offset] + content + build.bootstrap[offset + len(content) :]


BROKEN: list[tuple[Rule, Callable[[Build], bytes]]] = [
    (is_small, larger),
    (packs_small, larger),
    (is_for_the_processor, for_another_processor),
    (runs_on_amazon_linux, with_a_newer_glibc),
    (runs_on_amazon_linux, with_another_library),
    (is_hardened, at_a_fixed_address),
    (is_hardened, bound_while_it_runs),
    (is_hardened, with_an_executable_stack),
    (is_hardened, writable_after_relocation),
    (unwinds, aborting),
    (handshakes_without_jitter, with_aws_lc),
    (keeps_out_what_is_not_called, with_tls_in_every_function),
]


@pytest.mark.parametrize("build", ["s3-event-filter"], indirect=True)
@pytest.mark.parametrize(("rule", "breaks"), BROKEN, ids=lambda each: each.__name__)
def test_the_rule_finds_what_breaks_it(build: Build, rule: Rule, breaks: Callable[[Build], bytes]) -> None:
    """A rule that passes these passes anything."""
    with pytest.raises(AssertionError):
        rule(Build(build.function, build.architecture, breaks(build)))


def test_every_rule_has_been_broken() -> None:
    """A rule added later must be shown to fail, too."""
    assert {rule for rule, _ in BROKEN} == set(RULES)
