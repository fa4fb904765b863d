"""A damaged record at the desk: its row and its own page say so, in words; every other page is there."""

from __future__ import annotations

from sqlalchemy import update

from disclosure.casework import coordination
from disclosure.store.tables import events
from tests.casework import desk as casedesk
from tests.casework.desk import ADA
from tests.web.house import House


def test_it_says_so_and_hides_nothing_else(house: House) -> None:
    casedesk.hire(house.office, ADA)
    work = casedesk.House(house.office, casedesk.Relay(), house.now)
    broken, sound = work.tied(), work.tied()
    coordination.release_first_contact(work.hand(sound), work.case(sound).chosen[0])
    with house.office.store.writing() as tx:
        tx.execute(update(events).where(events.c.stream_id == broken, events.c.seq == 2).values(body=b"{"))
    desk = house.desk().open("/desk/")
    assert desk.status == 200
    assert "Record damaged" in desk.page.words
    for page in ("/desk/approvals", "/desk/tasks", f"/desk/cases/{sound}"):
        assert desk.open(page).status == 200, page
    desk.open(f"/desk/cases/{broken}")
    assert desk.status == 500
    assert "This record is damaged" in desk.page.words
    assert "disclosure verify" in desk.page.words
