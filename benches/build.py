"""Builds what the chosen contestants need: minutes for each set of features that Glue is compiled with."""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import tomlkit

from benches.contestants import DEFAULTS, FLOOR, GET, OURS, PURE, START, Contestant
from benches.host import BenchError

ROOT = Path(__file__).parents[1]
BENCHES = Path(__file__).parent
SOURCES = ["functions", "shared"]
# What the SDK's documentation sets up clients with.
AWS_CONFIG = "1.13.0"


def build(chosen: list[Contestant], target: Path) -> None:
    kinds = {(each.kind, each.function in PURE) for each in chosen}
    glue_functions, pure_functions = ([f"--package={name}" for name in names] for names in ((START, GET), PURE))
    if (OURS, False) in kinds:
        cargo(ROOT, target, "--locked", *glue_functions)
    # Alone, as SAM builds them: beside the others they would get the features that those switch on.
    if (OURS, True) in kinds:
        cargo(ROOT, target, "--locked", *pure_functions)
    if (FLOOR, False) in kinds:
        cargo(BENCHES / "floor", target / "bench/floor", "--locked", *profile())
    if DEFAULTS in {kind for kind, _ in kinds}:
        copy = target / "bench/defaults"
        write_defaults(copy)
        if (DEFAULTS, False) in kinds:
            cargo(copy, copy / "target", *glue_functions)
        if (DEFAULTS, True) in kinds:
            cargo(copy, copy / "target", *pure_functions)


def cargo(workspace: Path, target: Path, *arguments: str) -> None:
    command = ["cargo", "build", "--release", f"--target-dir={target}", *arguments]
    if subprocess.run(command, cwd=workspace, check=False).returncode:
        raise BenchError(f"{' '.join(command)} failed in {workspace}")


def profile() -> list[str]:
    """The project's release profile, for a workspace of its own."""
    release = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]["release"]
    return [
        f"--config=profile.release.{key}={json.dumps(value)}"
        for key, value in release.items()
        if not isinstance(value, dict)
    ]


def write_defaults(copy: Path) -> None:
    """The same code with every crate's default features, cargo's own profile, and the SDK's own set-up.

    The lock file is the project's; what the features add to it, cargo chooses.
    """
    paths = [path for source in SOURCES for path in (ROOT / source).rglob("*") if path.is_file()]
    files = {str(path.relative_to(ROOT)): path.read_bytes() for path in paths}
    files["Cargo.toml"] = with_defaults(ROOT / "Cargo.toml")
    files["shared/glue/Cargo.toml"] = with_naive_client(ROOT / "shared/glue/Cargo.toml")
    files["shared/glue/src/connect.rs"] = (BENCHES / "naive/connect.rs").read_bytes()
    for function in (START, GET):
        main = f"functions/{function}/src/main.rs"
        files[main] = files[main].replace(b"glue::connect();", b"glue::connect().await;")
    for path, content in files.items():
        write(copy / path, content)
    # Cargo adds to its own copy; that is made again when the project's changes.
    if write(copy / "project.lock", (ROOT / "Cargo.lock").read_bytes()):
        shutil.copy(copy / "project.lock", copy / "Cargo.lock")


def with_defaults(manifest: Path) -> bytes:
    workspace = tomlkit.parse(manifest.read_text())
    workspace["workspace"]["members"] = [f"{source}/*" for source in SOURCES]
    for dependency in workspace["workspace"]["dependencies"].values():
        if isinstance(dependency, dict):
            dependency.pop("default-features", None)
            features = dependency.pop("features", [])
            dependency["features"] = [feature for feature in features if not feature.startswith("release_")]
    del workspace["profile"]
    return tomlkit.dumps(workspace).encode()


def with_naive_client(manifest: Path) -> bytes:
    client = tomlkit.parse(manifest.read_text())
    client["dependencies"].remove("aws-smithy-http-client")
    client["dependencies"]["aws-config"] = AWS_CONFIG
    return tomlkit.dumps(client).encode()


def write(path: Path, content: bytes) -> bool:
    """Whether the file had to be written; one that is right already is left alone, since cargo goes by its time."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True
