"""The units that an hour of due_job costs in a club of a size, and what its cases cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.ledger.store import new_account as open_account
from stamkunde.members.model import Member
from stamkunde.retention.acts import Acted
from stamkunde.retention.service import Outcome
from stamkunde.retention.store import DUE_SHARDS
from stamkunde.shared.item import to_wire
from stamkunde.shared.terms import NOT_ACCEPTED, TermsChase
from stamkunde.shared.transaction import Put
from tests.due_scene import FIRST_REMINDER, JOINED, DueShop
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from stamkunde.retention.service import Visited

DUE = 20
AT_ONCE = 25
READ_A_VISIT = 1.1
WRITTEN_A_VISIT = 2
BESIDES = 1
"""How far the job has come is read and written once a run."""


@dataclass(frozen=True)
class Units:
    """What something cost."""

    written: float
    read: float


@dataclass(frozen=True)
class Cost:
    """Three hours: nobody is due; a few are looked at, and due later after all; these few are reminded."""

    nobody: Units
    rearmed: Units
    acted: Units

    def is_within_the_budget(self) -> bool:
        """Whether nobody is read who isn't due, and somebody who is due later costs two writes and a read."""
        visits = self.rearmed.read - self.nobody.read
        return (
            self.nobody == Units(BESIDES, DUE_SHARDS + BESIDES)
            and self.rearmed.written == DUE * WRITTEN_A_VISIT + BESIDES
            and visits <= DUE * READ_A_VISIT
        )

    def report(self) -> list[str]:
        """The three hours, in a line each."""
        named = ("nobody is due", f"{DUE} are due later after all", f"{DUE} are reminded")
        hours = zip(named, (self.nobody, self.rearmed, self.acted), strict=True)
        return [f"{what}: {units.written:g} units written, {units.read:g} read" for what, units in hours]


def cost_of_an_hour(due: DueShop, members: int) -> Cost:
    """What these three cost in a club of so many open members, all of whom are due later on the same day."""
    few = fill(due, members)
    meter = UnitMeter()
    meter.attach(due.shop.client)

    def metered(action: Callable[[], Any]) -> Units:
        meter.reset()
        action()
        return Units(meter.written, meter.read)

    begun = FIRST_REMINDER - timedelta(hours=4)
    due.at(begun)
    due.has_come_to(begun)
    nobody = metered(lambda: expect(due.run_job(), {}))
    for member_id in few:
        due.shop.due.arm(member_id, begun)
    rearmed = metered(lambda: expect(due.run_job(), {Outcome.REARMED: DUE}))
    due.at(FIRST_REMINDER)

    def act() -> None:
        expect(due.run_job(), {Outcome.STARTED: DUE})
        assert due.run_machine() == [Acted.DONE] * DUE

    acted = metered(act)
    return Cost(nobody, rearmed, acted)


def expect(visited: Visited, outcomes: dict[Outcome, int]) -> None:
    """See that a run came to just that, and to an end."""
    assert (visited.outcomes, visited.finished) == (outcomes, True), visited


def fill(due: DueShop, members: int) -> list[str]:
    """Open members, written as joining writes them but many at a time; the few that a test makes due.

    Their ids are the same in each club: so the few lie in the same shards, whose units are rounded up alike.
    """
    ids = [f"m{number:016}" for number in range(members)]
    few, others = ids[:DUE], ids[DUE:]
    rows = [_member_row(due, member_id, number) for number, member_id in enumerate(ids)]
    rows += [due.shop.due.due_write(member_id, FIRST_REMINDER + timedelta(hours=6)).item for member_id in others]
    for first in range(0, len(rows), AT_ONCE):
        requests: Any = [{"PutRequest": {"Item": to_wire(row)}} for row in rows[first : first + AT_ONCE]]
        due.shop.client.batch_write_item(RequestItems={"members": requests})
    for member_id in few:
        account = open_account(_account_of(member_id), member_id, NOT_ACCEPTED)
        due.shop.access.commit([*due.shop.store.open_account_writes(account)])
    return few


def _member_row(due: DueShop, member_id: str, number: int) -> dict[str, Any]:
    member = Member(
        member_id=member_id,
        account_id=_account_of(member_id),
        phone=f"+45{30_000_000 + number}",
        first_name=None,
        terms_version=NOT_ACCEPTED,
        joined_at=JOINED,
        language="da",
        joined_at_till="kasse-1",
        chase=TermsChase(JOINED),
    )
    writes = due.shop.members.change_writes(member, member)
    (row,) = [write.item for write in writes if isinstance(write, Put) and write.purpose == "member"]
    return row


def _account_of(member_id: str) -> str:
    return f"a{member_id[1:]}"
