"""Many rows in one statement: the same rows on each database as if each had been written by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import DataError

from disclosure.casework.office import Office
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import Conflict
from disclosure.store.manyrows import ManyRows, RowKind
from disclosure.store.tables import events, outbox, streams
from tests.office import T0

STREAM = RowKind(0, insert(streams))
EVENT = RowKind(1, insert(events))
MAIL = RowKind(2, insert(outbox))
HELD = RowKind(
    3,
    update(outbox).where(outbox.c.id == bindparam("its_id"), outbox.c.fence == bindparam("its_fence")),
    missed=Conflict,
)
ODD = "{a,b} \"c\" \\ 'd' NULL é\n"  # what an array's text would have to quote


def mail(n: int) -> dict[str, object]:
    return {
        "id": f"mail-{n}",
        "mail_type": MailType.REMINDER if n % 2 else "reminder",  # a code and a plain word in one column
        "recipient": ODD if n else "",
        "language": "fr",
        "policy_version": "v",
        "queued_at": T0 + timedelta(seconds=n),
        "state": "recipe",
        "attempts": n,
        "ambiguous": 0,
        "next_try_at": T0,
        "fence": n,
        "urgency": 1,
        "signed_only": n == 1,
        "last_code": None,
    }


def write(office: Office, *rows: tuple[RowKind, Mapping[str, object]]) -> None:
    many = ManyRows()
    for kind, row in rows:
        many.add(kind, row)
    with office.store.writing() as tx:
        many.write(tx)


def held(office: Office) -> dict[str, tuple[int, str, str | None]]:
    with office.store.reading() as connection:
        rows = connection.execute(select(outbox.c.id, outbox.c.fence, outbox.c.state, outbox.c.last_code)).all()
    return {row.id: (row.fence, row.state, row.last_code) for row in rows}


def test_every_kind_of_value_comes_back_as_it_went(office: Office) -> None:
    mails = [mail(n) for n in range(3)]
    write(office, *((MAIL, one) for one in mails))
    names = list(mails[0])
    with office.store.reading() as connection:
        found = connection.execute(select(*(outbox.c[name] for name in names)).order_by(outbox.c.id)).all()
    assert [dict(zip(names, row, strict=True)) for row in found] == mails


def test_bytes_come_back_as_they_went_and_what_is_referred_to_is_there_first(office: Office) -> None:
    bodies = {f"stream-{n}": bytes(range(256)) * n + b'"\\' for n in range(3)}
    event = {"seq": 1, "type": "NoteWritten", "at": T0, "hash": "0"}
    stream = {"kind": "case", "created_at": T0, "head_seq": 1, "head_hash": "0", "head_signature": b"\0"}
    write(
        office,
        *((EVENT, event | {"stream_id": one, "body": body}) for one, body in bodies.items()),
        *((STREAM, stream | {"id": one}) for one in bodies),
    )
    with office.store.reading() as connection:
        found = {row.stream_id: row.body for row in connection.execute(select(events))}
    assert found == bodies


def test_a_row_that_is_not_as_it_was_read_takes_the_others_with_it(office: Office) -> None:
    write(office, *((MAIL, mail(n)) for n in range(3)))
    before = held(office)
    with pytest.raises(Conflict):
        write(office, *((HELD, {"its_id": f"mail-{n}", "its_fence": 1, "state": "prepared"}) for n in range(3)))
    assert held(office) == before


def test_rows_that_name_other_columns_are_written_beside_each_other(office: Office) -> None:
    write(office, *((MAIL, mail(n)) for n in range(4)))
    named = [{"state": "prepared"}, {"state": "sending"}, {"last_code": "250"}, {"last_code": None}]
    write(office, *((HELD, {"its_id": f"mail-{n}", "its_fence": n} | columns) for n, columns in enumerate(named)))
    assert held(office) == {
        "mail-0": (0, "prepared", None),
        "mail-1": (1, "sending", None),
        "mail-2": (2, "recipe", "250"),
        "mail-3": (3, "recipe", None),
    }


def test_two_changes_of_one_row_come_one_after_the_other(office: Office) -> None:
    write(office, (MAIL, mail(0)))
    write(office, *((HELD, {"its_id": "mail-0", "its_fence": n, "fence": n + 1}) for n in range(3)))
    assert held(office) == {"mail-0": (3, "recipe", None)}


def test_what_is_too_long_is_never_cut(office: Office) -> None:
    """Of the two databases one refuses it, the other has no lengths."""
    long = [mail(n) | {"language": "f" * 200} for n in range(3)]
    try:
        write(office, *((MAIL, one) for one in long))
    except DataError:
        assert held(office) == {}
        return
    with office.store.reading() as connection:
        assert set(connection.scalars(select(outbox.c.language))) == {"f" * 200}
