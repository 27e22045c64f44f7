"""What the extensions lean on in ministack; first to fail when its version changes."""

import importlib.metadata
import importlib.util
from types import SimpleNamespace

import pytest

from local.aws import patching
from local.aws.extensions import EXTENSIONS


def test_ministack_is_the_one_the_extensions_were_written_for() -> None:
    """Protects against an upgrade that nobody looked at."""
    patching.check_version()
    assert importlib.metadata.version("ministack") == patching.MINISTACK


def test_every_private_name_is_there() -> None:
    """Protects the extensions: importing them takes every private name that they use."""
    taken = [value for extension in EXTENSIONS for value in vars(extension).values()]
    assert any(isinstance(value, SimpleNamespace) for value in taken)
    assert all(callable(extension.install) for extension in EXTENSIONS)


def test_a_missing_name_says_what_is_missing() -> None:
    """Protects those who upgrade ministack from a riddle."""
    import ministack.services.glue as glue

    with pytest.raises(patching.PatchingError, match=r"ministack\.services\.glue has no _gone;.*1\.5\.33"):
        patching.names(glue, "_crawlers", "_gone")
    with pytest.raises(patching.PatchingError, match="_crawlers is no function"):
        patching.replace(glue, _crawlers=lambda: None)


def test_two_extensions_do_not_replace_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the first one: the second would call what was there before it, and so silently take it out."""
    import ministack.services.glue as glue

    def first() -> None: ...

    def second() -> None: ...

    first.__module__, second.__module__ = "first", "second"
    monkeypatch.setattr(glue, "_get_job", glue._get_job)
    monkeypatch.setattr(patching, "_replaced", {})
    patching.replace(glue, _get_job=first)
    with pytest.raises(
        patching.PatchingError, match=r"first and second both replace ministack\.services\.glue\._get_job"
    ):
        patching.replace(glue, _get_job=second)


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against patching a ministack that may have moved on."""
    monkeypatch.setattr(patching, "version", lambda _: "1.6.0")
    with pytest.raises(patching.PatchingError, match=r"ministack 1\.6\.0 is installed"):
        patching.check_version()
