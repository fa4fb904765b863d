"""Pictures of a notice: our own cleaned copies from the reports, copied again under the case's key (R20, design 4).

What was released stays readable for the organisation after the report's content was erased, and the page that asks for
the release says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from disclosure.casework.office import Office, new_id, sha256
from disclosure.protocol import events as e
from disclosure.protocol.errors import InvalidInput, NotFound, Refused
from disclosure.store.tables import case_reports, notice_pictures, pictures

MOST = 6
MOST_BYTES = 8_000_000  # ours: base64 and armour make 15 MB of it; relays often stop at 20 or 25 MB


@dataclass(frozen=True)
class Offered:
    """A picture of a linked report that may go into the notice."""

    id: str
    report_id: str
    width: int
    height: int
    sha256: str


@dataclass(frozen=True)
class Copy:
    """One picture under the case's key, before its row is written."""

    id: str
    media_type: str
    width: int
    height: int
    content: bytes

    @property
    def event(self) -> e.NoticePictureKept:
        return e.NoticePictureKept(
            picture_id=self.id,
            media_type=self.media_type,
            width=self.width,
            height=self.height,
            size=len(self.content),
            sha256=sha256(self.content),
        )


def offered(connection: Connection, case_id: str) -> tuple[Offered, ...]:
    """The pictures of every report that is linked to the case, in a fixed order."""
    query = (
        select(pictures.c.id, pictures.c.report_id, pictures.c.width, pictures.c.height, pictures.c.sha256)
        .join(case_reports, case_reports.c.report_id == pictures.c.report_id)
        .where(case_reports.c.case_id == case_id)
        .order_by(pictures.c.report_id, pictures.c.id)
    )
    return tuple(Offered(*row) for row in connection.execute(query))


def check(office: Office, case_id: str, chosen: Sequence[str]) -> None:
    """Raises InvalidInput unless all are pictures of this case's reports, and few and small enough for one mail."""
    with office.store.reading() as connection:
        known = {one.id for one in offered(connection, case_id)}
    if len(chosen) > MOST:
        raise InvalidInput({"pictures": "too_many_files"})
    if not set(chosen) <= known:
        raise InvalidInput({"pictures": "not_a_choice"})
    if sum(len(copy.content) for copy in copies(office, case_id, chosen)) > MOST_BYTES:
        raise InvalidInput({"pictures": "file_too_large"})


def copies(office: Office, case_id: str, chosen: Sequence[str]) -> list[Copy]:
    """Opened under the reports' keys. Refused when one is gone: its report was erased or is not linked any more."""
    if not chosen:
        return []
    query = (
        select(pictures)
        .join(case_reports, case_reports.c.report_id == pictures.c.report_id)
        .where(case_reports.c.case_id == case_id, pictures.c.id.in_(chosen))
    )
    with office.store.reading() as connection:
        rows = {row.id: row for row in connection.execute(query)}
    if set(rows) != set(chosen):
        raise Refused("R20", "picture_gone")
    return [_opened(office, rows[picture_id]) for picture_id in chosen]


def _opened(office: Office, row) -> Copy:  # type: ignore[no-untyped-def]
    content = office.store.keyring.sealer(row.report_id).open(row.sealed, f"pictures|sealed|{row.id}")
    return Copy(new_id(), row.media_type, row.width, row.height, content)


def keep(office: Office, tx: Connection, case_id: str, held: Sequence[Copy]) -> None:
    sealer = office.store.keyring.sealer(case_id)
    for copy in held:
        tx.execute(
            insert(notice_pictures).values(
                id=copy.id,
                case_id=case_id,
                media_type=copy.media_type,
                width=copy.width,
                height=copy.height,
                sha256=sha256(copy.content),
                sealed=sealer.seal(copy.content, _place(copy.id)),
            )
        )


def read(office: Office, connection: Connection, case_id: str, picture_id: str) -> Copy:
    """Raises NotFound."""
    held = (notice_pictures.c.id == picture_id) & (notice_pictures.c.case_id == case_id)
    row = connection.execute(select(notice_pictures).where(held)).one_or_none()
    if row is None:
        raise NotFound("picture")
    content = office.store.keyring.sealer(case_id).open(row.sealed, _place(row.id))
    return Copy(row.id, row.media_type, row.width, row.height, content)


def _place(picture_id: str) -> str:
    return f"notice_pictures|sealed|{picture_id}"
