"""The zoo, built once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.conftest import need
from tests.openpgp.zoo import Zoo, build


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    need("gpg", package="gnupg")
    need("sq", package="sq")
    folder = tmp_path_factory.mktemp("zoo")
    try:
        yield build(folder)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(folder / "gnupg"), "--kill", "all"], check=False)
