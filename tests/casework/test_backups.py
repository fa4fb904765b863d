"""Backup and restore: consistent while the server writes, without the key-encryption key, and nothing leaves after."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select

from disclosure.casework import (
    archives,
    backups,
    clockwork,
    delivery,
    linkkeys,
    maintenance,
    measuring,
    reporting,
    restores,
    searching,
    verification,
)
from disclosure.casework import keys as service_keys
from disclosure.casework.agefiles import AgeFailed
from disclosure.casework.archives import BadArchive, Entry, Manifest, Part
from disclosure.casework.backups import CannotBackUp, Made
from disclosure.casework.office import Office, open_office
from disclosure.casework.restores import CannotRestore, Restored, Source
from disclosure.protocol.errors import CannotStore, DisclosureError
from disclosure.settings import load
from disclosure.store import revision, snapshots
from disclosure.store.sealing import KeyLost
from disclosure.store.tables import outbox, reports
from tests.chaos import scene
from tests.chaos.scene import DUE, Scene, a_report
from tests.conftest import need

LATER = DUE + timedelta(hours=1)
SETTINGS = '[uploads]\nmax_files = 3\n[policy]\nrules = "own/rules.toml"\n'


@dataclass(frozen=True)
class Key:
    identity: Path
    recipient: str


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("age") / "identity.txt")


def make_key(path: Path) -> Key:
    need("age", package="age")
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    line = next(line for line in path.read_text().splitlines() if "public key" in line)
    return Key(path, line.rpartition(" ")[2])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A house in which everything is that a backup must take along: later keys, own rules in a folder of their own."""
    found = scene.prepare(tmp_path_factory.mktemp("scene") / "instance")
    office = scene.reopen(found.folder)
    service_keys.rotate(office, DUE)
    linkkeys.rotate(found.folder)
    office.store.engine.dispose()
    (found.folder / "own").mkdir()
    shutil.copy(Path(archives.__file__).parent.parent / "data" / "policy.toml", found.folder / "own" / "rules.toml")
    (found.folder / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    (found.folder / "mailbox").mkdir(exist_ok=True)
    (found.folder / "mailbox" / "a-mail.eml").write_text("canari", encoding="utf-8")
    return found


@dataclass
class Place:
    """A copy of the house, a folder for backups, and where they are restored to."""

    scene: Scene
    office: Office
    folder: Path
    elsewhere: Path
    key: Key

    @property
    def kek(self) -> Path:
        return self.scene.folder / "kek.key"

    def back_up(self, now: datetime = DUE, **more: object) -> Made:
        return backups.back_up(self.office, self.folder, [self.key.recipient], now, **more)  # type: ignore[arg-type]

    def source(self, made: Made) -> Source:
        return Source(made.data, made.keys, self.key.identity, self.kek)

    def restore(self, source: Source, now: datetime = LATER) -> Restored:
        return restores.restore(self.elsewhere, source, {}, now)


@pytest.fixture
def place(made: Scene, key: Key, tmp_path: Path) -> Iterator[Place]:
    copy = made.copy(tmp_path / "instance")
    (tmp_path / "backups").mkdir()
    held = Place(copy, scene.reopen(copy.folder), tmp_path / "backups", tmp_path / "elsewhere", key)
    yield held
    held.office.store.engine.dispose()


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Office]]:
    """Offices of restored folders."""
    held: list[Office] = []

    def open_at(folder: Path) -> Office:
        settings = load(folder, {})
        held.append(open_office(settings, create_engine(settings.database_url)))
        return held[-1]

    yield open_at
    for office in held:
        office.store.engine.dispose()


def inside(path: Path, key: Key) -> dict[str, bytes]:
    """File name → content, as age and tar themselves read it."""
    plain = subprocess.run(["age", "-d", "-i", key.identity, path], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def count(office: Office, table: object) -> int:
    with office.store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


# --- the drill ---


class Writer(threading.Thread):
    """Reports come in without a pause, some are withdrawn and erased, as long as the backup takes."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.stop, self.received, self.fault = folder, threading.Event(), 0, ""
        self.began = threading.Event()

    def run(self) -> None:
        office = scene.reopen(self.folder)
        try:
            while not self.stop.is_set():
                report = a_report(office, DUE, token=f"{self.received:032}")
                if self.received % 3 == 0:
                    reporting.withdraw(office, report, DUE)
                self.received += 1
                self.began.set()
        except Exception as error:
            self.fault = repr(error)
            self.began.set()
        office.store.engine.dispose()


def test_the_drill(place: Place, opened: Callable[[Path], Office]) -> None:
    """Back up while a writer writes, restore elsewhere, verify, look, confirm, go on."""
    clockwork.tick(place.office, DUE)  # mails are queued and have not left
    writer = Writer(place.scene.folder)
    writer.start()
    writer.began.wait()
    done = place.back_up()
    writer.stop.set()
    writer.join()
    assert writer.fault == ""

    restored = place.restore(place.source(done))
    assert restored.made_at == DUE.isoformat()
    office = opened(place.elsewhere)
    assert verification.verify(office).ok
    assert 0 < count(office, reports) <= 1 + writer.received
    assert office.settings.uploads.max_files == 3
    assert office.settings.policy.rules == place.elsewhere / "own" / "rules.toml"
    assert (place.elsewhere / "kek.key").stat().st_mode & 0o777 == 0o600

    held = maintenance.current(office)
    assert held is not None
    assert (held.reason, held.since) == ("restored", LATER)
    left: list[bytes] = []

    def relay(message: bytes, *way: object) -> scene.Outcome:
        left.append(message)
        return scene.TAKEN

    week = DUE + timedelta(days=7)
    before = count(office, outbox)
    with office.store.reading() as connection:
        assert connection.scalar(select(func.count()).where(outbox.c.state == "recipe")), "else nothing could leave"
    assert clockwork.tick(office, week) == clockwork.NOTHING
    assert delivery.deliver(office, week, relay) == delivery.Delivered()
    assert searching.search(office, week, scene.found) == 0
    assert (count(office, outbox), left) == (before, []), "a week later still nothing left, nothing fired"
    assert a_report(office, week, token="n" * 32), "but reports are taken"

    assert maintenance.end(office, week) > 0
    assert clockwork.tick(office, week).rungs == 0, "nobody could answer a server that was away"
    assert clockwork.tick(office, week + timedelta(days=7)).rungs > 0, "from then on their time counts again"
    delivery.deliver(office, week, relay)
    assert left
    assert verification.verify(office).ok


def test_data_and_keys_are_of_one_moment(
    place: Place, opened: Callable[[Path], Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the copy of the keys and that of the data a report comes in and another is erased."""
    first = a_report(place.office, DUE, token="a" * 32)
    copy = snapshots._copy

    def busy(source: sqlite3.Connection, target: Path) -> None:
        if target.name == "disclosure.db":
            place.office.store.keyring._pool.clear()  # so that its key is made only now
            a_report(place.office, DUE, token="b" * 32)
            assert reporting.withdraw(place.office, first, DUE)
        copy(source, target)

    monkeypatch.setattr(snapshots, "_copy", busy)
    before = count(place.office, reports)
    done = place.back_up()
    place.restore(place.source(done))
    office = opened(place.elsewhere)
    assert count(office, reports) == before, "the moment before the copying began"
    assert verification.verify(office).ok


def test_the_key_of_an_erased_stream_does_not_come_back(place: Place, opened: Callable[[Path], Office]) -> None:
    """A process that dies between the event and the deletion of the key leaves the key; a restore completes it."""
    report = a_report(place.office, DUE, token="a" * 32)
    with closing(sqlite3.connect(place.scene.folder / "keys.db")) as ring:
        kept = ring.execute("SELECT * FROM stream_keys WHERE stream_id = ?", (report,)).fetchone()
        reporting.withdraw(place.office, report, DUE)
        with ring:
            ring.execute("INSERT INTO stream_keys VALUES (?, ?, ?)", kept)
    assert place.restore(place.source(place.back_up())).erased == 1
    with closing(sqlite3.connect(place.elsewhere / "keys.db")) as ring:
        assert not ring.execute("SELECT 1 FROM stream_keys WHERE stream_id = ?", (report,)).fetchone()
    assert kept[2] not in (place.elsewhere / "keys.db").read_bytes()


# --- what is in it ---


def test_the_parts_hold_what_belongs_there_and_never_the_key_that_opens_all(place: Place) -> None:
    done = place.back_up()
    data, keys = inside(done.data, place.key), inside(done.keys, place.key)
    assert set(keys) == {archives.MANIFEST, "keys.db"}
    assert {"disclosure.db", "app.key", "ledger.key", "settings.toml", "authorities.toml", "own/rules.toml"} <= set(
        data
    )
    assert {"service-keys.json", "service.key.asc", "service.asc", "link-keys.json"} <= set(data)
    listed = json.loads(data["service-keys.json"])["keys"]
    assert len(listed) == 2
    assert {row[name] for row in listed for name in ("secret", "certificate")} <= set(data)
    assert any(name.startswith("transition-") for name in data)
    assert "mailbox/a-mail.eml" not in data
    for content in (*data.values(), *keys.values()):
        assert place.kek.read_bytes() not in content
    assert b"stream_keys" not in data["disclosure.db"], "keys are in a file of their own"


def test_every_file_of_an_instance_has_its_place(place: Place) -> None:
    """A new kind of file fails here until somebody decided whether it is backed up."""
    assert place.back_up().unknown == ()
    (place.scene.folder / "notes.txt").touch()
    assert place.back_up(LATER).unknown == ("notes.txt",)


def test_nothing_is_left_of_what_was_copied(place: Place) -> None:
    before = {path.name for path in place.scene.folder.iterdir()}
    dead = place.scene.folder / ".backup-dead"
    dead.mkdir()
    done = place.back_up()
    now = {path.name for path in place.scene.folder.iterdir()} - {"disclosure.db-wal", "disclosure.db-shm"}
    assert now - before <= {"backup.lock", "keys.db-wal", "keys.db-shm"}
    assert set(place.folder.iterdir()) == {done.data, done.keys, done.sha256}
    assert all(path.stat().st_mode & 0o077 == 0 for path in place.folder.iterdir())
    subprocess.run(["sha256sum", "--check", "--quiet", done.sha256.name], cwd=place.folder, check=True)
    with place.office.store.reading() as connection:
        figures = {f.name: f.samples for f in measuring._worker(connection, DUE)}
    assert figures["backup_timestamp_seconds"] == (("", DUE.timestamp()),)


@pytest.mark.parametrize(
    ("age", "kept", "why"),
    [
        (timedelta(days=13), True, "within the two weeks"),
        (timedelta(days=14), True, "the very instant is still kept"),
        (timedelta(days=15), False, "what was erased since must not stay readable"),
    ],
)
def test_old_files_of_keys_are_deleted(place: Place, age: timedelta, kept: bool, why: str) -> None:
    first, other = place.back_up(), place.folder / "somebody-elses.keys.age"
    other.touch()
    second = place.back_up(DUE + age)
    assert first.keys.exists() is kept, why
    assert second.expired == (() if kept else (first.keys.name,))
    assert first.data.exists()
    assert other.exists()


def test_a_backup_that_cannot_be_made_leaves_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AgeFailed, match="recipient"):
        backups.back_up(place.office, place.folder, ["age1nobody"], DUE)
    with pytest.raises(AgeFailed, match="nobody"):
        backups.back_up(place.office, place.folder, [], DUE)
    with pytest.raises(CannotBackUp, match="no folder"):
        backups.back_up(place.office, place.folder / "nowhere", [place.key.recipient], DUE)
    with monkeypatch.context() as without:
        without.setenv("PATH", "/nowhere")
        with pytest.raises(AgeFailed, match="apt-get install age"):
            place.back_up()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as filled:
        filled.setattr(archives, "write", full)
        with pytest.raises(CannotStore, match="disk_full"):
            place.back_up()
    with backups._alone(place.scene.folder), pytest.raises(CannotBackUp, match="another"):
        place.back_up()
    assert list(place.folder.iterdir()) == []
    place.back_up()
    with pytest.raises(CannotBackUp, match="already"):
        place.back_up()


# --- what is refused ---

Harm = Callable[[Place, Source], Source]


def _nothing_there(place: Place) -> bool:
    held = {path.name for path in place.elsewhere.iterdir()} if place.elsewhere.exists() else set()
    return held <= {"kek.key", "disclosure.db"}


def _changed(place: Place, source: Source) -> Source:
    content = bytearray(source.data.read_bytes())
    content[len(content) // 2] ^= 1
    source.data.write_bytes(content)
    return source


def _cut(place: Place, source: Source) -> Source:
    source.data.write_bytes(source.data.read_bytes()[:-100])
    return source


def _other_keys(place: Place, source: Source) -> Source:
    return replace(source, keys=place.back_up(LATER).keys)


def _other_kek(place: Place, source: Source) -> Source:
    path = place.folder / "other.key"
    path.write_bytes(b"x" * 32)
    return replace(source, kek=path)


def _wrong_identity(place: Place, source: Source) -> Source:
    return replace(source, identity=make_key(place.folder / "other.txt").identity)


def _not_empty(place: Place, source: Source) -> Source:
    place.elsewhere.mkdir()
    (place.elsewhere / "disclosure.db").touch()
    return source


def _not_age(place: Place, source: Source) -> Source:
    source.data.write_bytes(b"a database" * 1000)
    return source


def _repacked(place: Place, source: Source, change: Callable[[Manifest, Path], Manifest]) -> Source:
    """Whoever knows the recipient can make a file that age opens: what is in it must stand the checks by itself."""
    folder = place.folder / "repacked"
    folder.mkdir()
    for name, content in inside(source.data, place.key).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    manifest = change(Manifest.parse((folder / archives.MANIFEST).read_bytes()), folder)
    forged = place.folder / "forged.data.age"
    with backups.agefiles.encrypting(forged, [place.key.recipient]) as stream:
        archives.write(stream, manifest, folder)
    return replace(source, data=forged)


def _forged_row(place: Place, source: Source) -> Source:
    def change(manifest: Manifest, folder: Path) -> Manifest:
        with closing(sqlite3.connect(folder / "disclosure.db")) as database, database:
            database.execute("PRAGMA journal_mode=DELETE")
            database.execute("UPDATE cases SET severity = 'low'")
        again = tuple(archives.entry(e.name, folder / e.name) for e in manifest.files)
        return replace(manifest, files=again)

    return _repacked(place, source, change)


def _lacks_the_ledger_key(place: Place, source: Source) -> Source:
    return _repacked(place, source, lambda m, _: replace(m, files=tuple(e for e in m.files if e.name != "ledger.key")))


def _newer(place: Place, source: Source) -> Source:
    return _repacked(place, source, lambda m, _: replace(m, revision="9999"))


def _climbs_out(place: Place, source: Source) -> Source:
    def change(manifest: Manifest, folder: Path) -> Manifest:
        (folder.parent / "outside").write_bytes(b"x")
        return replace(manifest, files=(*manifest.files, archives.Entry("../outside", 1, "0")))

    return _repacked(place, source, change)


def _another_checksum(place: Place, source: Source) -> Source:
    def change(manifest: Manifest, _: Path) -> Manifest:
        return replace(manifest, files=(replace(manifest.files[0], sha256="0" * 64), *manifest.files[1:]))

    return _repacked(place, source, change)


@pytest.mark.parametrize(
    ("harm", "error", "words", "why"),
    [
        (_changed, AgeFailed, "error", "one bit of it was changed"),
        (_cut, AgeFailed, "error", "its end is missing"),
        (_not_age, AgeFailed, "error", "it is something else"),
        (_wrong_identity, AgeFailed, "no identity matched", "it is for somebody else"),
        (_other_keys, CannotRestore, "one backup", "keys of another moment lack streams"),
        (lambda p, s: replace(s, keys=s.data), BadArchive, "not keys", "the data twice"),
        (lambda p, s: replace(s, keys=p.folder / "gone"), CannotRestore, "two files", "the keys are missing"),
        (lambda p, s: replace(s, kek=None), CannotRestore, "in no backup", "the key-encryption key is missing"),
        (_other_kek, KeyLost, "kek.key", "another key-encryption key opens nothing"),
        (_not_empty, CannotRestore, "not empty", "nothing is restored over anything"),
        (_forged_row, CannotRestore, "does not verify", "a row was changed, checksums and all"),
        (_another_checksum, BadArchive, "not what the manifest says", "a file was exchanged"),
        (_lacks_the_ledger_key, CannotRestore, "ledger.key", "a new one would be made, and sign other heads"),
        (_newer, CannotRestore, "newer release", "its tables are unknown here"),
        (_climbs_out, BadArchive, "no backup of ours", "a name that leads out of the folder"),
    ],
)
def test_what_is_not_restored(place: Place, harm: Harm, error: type[DisclosureError], words: str, why: str) -> None:
    source = harm(place, place.source(place.back_up()))
    with pytest.raises(error, match=words):
        place.restore(source)
    assert _nothing_there(place), why


def test_a_failed_try_is_no_obstacle_to_the_next(place: Place, opened: Callable[[Path], Office]) -> None:
    source = place.source(place.back_up())
    place.elsewhere.mkdir()
    shutil.copy(place.kek, place.elsewhere)
    (place.elsewhere / restores.STAGING).mkdir()
    (place.elsewhere / restores.STAGING / "app.key").touch()
    place.restore(replace(source, kek=None))
    assert verification.verify(opened(place.elsewhere)).ok
    with pytest.raises(CannotRestore, match="not empty"):
        place.restore(source)


def test_the_database_goes_where_the_settings_say(
    place: Place, tmp_path: Path, opened: Callable[[Path], Office]
) -> None:
    elsewhere = tmp_path / "fast" / "house.db"
    elsewhere.parent.mkdir()
    made = place.back_up()
    environ = {"DISCLOSURE_DATABASE_URL": f"sqlite:///{elsewhere}"}
    restores.restore(place.elsewhere, place.source(made), environ, LATER)
    assert elsewhere.exists()
    assert not (place.elsewhere / "disclosure.db").exists()
    shutil.rmtree(place.elsewhere)
    with pytest.raises(CannotRestore, match="already"):
        restores.restore(place.elsewhere, place.source(made), environ, LATER)


@pytest.mark.parametrize(
    ("content", "words", "why"),
    [
        (b"", "cannot be read", "empty"),
        (b'{"format": 2}', "another release", "a format of the future"),
        (b'{"format": 1, "part": "kek"}', "cannot be read", "a part that is none"),
        (b'{"format": 1, "part": "data", "files": [{"name": "/etc/x", "size": 1, "sha256": ""}]}', "cannot", "no pair"),
        (
            b'{"format":1,"part":"data","pair":"","made_at":"","dialect":"","revision":"",'
            b'"files":[{"name":"/etc/passwd","size":1,"sha256":""}]}',
            "no backup of ours",
            "an absolute name",
        ),
    ],
)
def test_manifests_that_are_none(content: bytes, words: str, why: str) -> None:
    with pytest.raises(BadArchive, match=words):
        Manifest.parse(content)


def test_a_manifest_reads_as_it_was_written() -> None:
    held = Manifest(Part.KEYS, "p", DUE.isoformat(), "sqlite", revision.newest(), (Entry("keys.db", 1, "0"),))
    assert Manifest.parse(held.to_json()) == held
