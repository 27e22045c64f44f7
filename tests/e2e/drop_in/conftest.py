"""One play for all tests of this folder."""

import pytest

from tests.support.drop_in.played import Played, play_all
from tests.support.stack import Stack


@pytest.fixture(scope="session")
def played(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play_all(stack, tmp_path_factory.mktemp("drop-in"))
