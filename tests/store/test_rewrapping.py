"""Another key-encryption key: no word is lost wherever it is broken off, and nobody else is at work meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from disclosure.casework import casefile
from disclosure.casework.office import Office, open_office
from disclosure.settings import load
from disclosure.store import files
from disclosure.store.keystores import InUse
from disclosure.store.sealing import KeyLost
from tests.office import forget, make_office, put, shut
from tests.protocol.builders import Story


@pytest.fixture
def office(database: str, tmp_path: Path):  # type: ignore[no-untyped-def]
    held = make_office(tmp_path / "instance")
    yield held
    forget(held)


def again(office: Office) -> Office:
    """As another process would open it."""
    return open_office(load(office.settings.instance, {}))


def readable(office: Office, case_id: str) -> bool:
    held = again(office)
    with held.store.reading() as connection:
        file = casefile.load(held, connection, case_id)
        said = casefile.addresses(held, connection, file)
    shut(held)
    return set(said) == set(file.case.contacts) and all(said.values())


def test_every_word_is_opened_by_the_new_key_and_none_by_the_old(office: Office) -> None:
    case_id = put(office, Story())
    old = (office.settings.instance / "kek.key").read_bytes()
    count = office.rewrap()
    assert count >= 2
    new = (office.settings.instance / "kek.key").read_bytes()
    assert new != old
    assert not (office.settings.instance / "kek.key.next").exists()
    assert (office.settings.instance / "kek.key").stat().st_mode & 0o777 == 0o600
    assert readable(office, case_id)
    later = again(office)
    assert readable(office, put(later, Story())), "and what comes later"
    shut(later)
    files.replace(office.settings.instance / "kek.key", old)
    with pytest.raises(KeyLost):
        again(office)
    files.replace(office.settings.instance / "kek.key", new)


class Died(BaseException):
    """Nothing of ours catches it."""


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_broken_off_anywhere_the_next_start_finds_the_key(
    office: Office, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after the new key is beside the old one, after the stream keys are wrapped, before it is in place."""
    case_id = put(office, Story())
    real, calls = files.replace, [0]

    def dies(path: Path, content: bytes) -> None:
        calls[0] += 1
        if (place, calls[0]) in {(0, 1), (2, 2)}:
            raise Died
        real(path, content)
        if (place, calls[0]) in {(1, 1), (3, 2)}:
            raise Died

    monkeypatch.setattr(files, "replace", dies)
    with pytest.raises(Died):
        office.rewrap()
    monkeypatch.undo()
    shut(office)
    assert readable(office, case_id), place
    held = again(office)
    assert held.rewrap() >= 2, "and it can be done again"
    shut(held)
    assert readable(office, case_id)


HOLDS = """
import sys
from pathlib import Path
from disclosure.casework.office import open_office
from disclosure.settings import load
office = open_office(load(Path(sys.argv[1]), {}))
with office.store.reading() as connection:
    connection.exec_driver_sql("SELECT 1")
print("open", flush=True)
sys.stdin.read()
"""


def test_not_while_another_process_is_at_work(office: Office) -> None:
    case_id = put(office, Story())
    old = (office.settings.instance / "kek.key").read_bytes()
    command = [sys.executable, "-c", HOLDS, str(office.settings.instance)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(InUse):
            office.rewrap()
        assert other.stdin is not None
        other.stdin.close()
        other.wait()
    assert (office.settings.instance / "kek.key").read_bytes() == old
    assert readable(office, case_id)
    held = again(office)
    assert held.rewrap() >= 2, "and once it has ended it goes"
    shut(held)
