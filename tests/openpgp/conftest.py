"""The zoo, built once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.conftest import REQUIRE, need
from tests.openpgp.zoo import Zoo, build


def need_sq() -> None:
    """Its commands change with every version before 1.0, and changed once more with it: Debian 12 has 0.27."""
    said = subprocess.run([need("sq", package="sq"), "--version"], capture_output=True, text=True, check=True).stdout
    if not said.startswith("sq 0.27"):
        reason = f"needs sq 0.27, of Debian 12; this is {said.splitlines()[0]}"
        pytest.fail(reason) if os.environ.get(REQUIRE) == "1" else pytest.skip(reason)


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    need("gpg", package="gnupg")
    need_sq()
    folder = tmp_path_factory.mktemp("zoo")
    try:
        yield build(folder)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(folder / "gnupg"), "--kill", "all"], check=False)
