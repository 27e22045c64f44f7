"""What the extensions lean on in ministack; first to fail when its version changes."""

import importlib.metadata
import importlib.util
from types import SimpleNamespace

import pytest

from local.extensions import EXTENSIONS, contract


def test_ministack_is_the_one_the_extensions_were_written_for() -> None:
    """Protects against an upgrade that nobody looked at."""
    contract.check_version()
    assert importlib.metadata.version("ministack") == contract.MINISTACK


def test_every_private_name_is_there() -> None:
    """Protects the extensions: importing them takes every private name that they use."""
    taken = [value for extension in EXTENSIONS for value in vars(extension).values()]
    assert any(isinstance(value, SimpleNamespace) for value in taken)
    assert all(callable(extension.install) for extension in EXTENSIONS)


def test_a_missing_name_says_what_is_missing() -> None:
    """Protects whoever upgrades ministack from a riddle."""
    import ministack.services.glue as glue

    with pytest.raises(contract.ContractError, match=r"ministack\.services\.glue has no _gone;.*1\.5\.33"):
        contract.names(glue, "_crawlers", "_gone")
    with pytest.raises(contract.ContractError, match="_crawlers is no function"):
        contract.replace(glue, _crawlers=lambda: None)


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against patching a ministack that may have moved on."""
    monkeypatch.setattr(contract, "version", lambda _: "1.6.0")
    with pytest.raises(contract.ContractError, match=r"ministack 1\.6\.0 is installed"):
        contract.check_version()
