"""What a member brings along from paper: stamps of a card, or old bonus."""

from http import HTTPStatus
from typing import Annotated

from msgspec import Meta, Struct

from stamkunde.bootstrap import TillSession
from stamkunde.http import Request, Response
from stamkunde.ledger.model.adjusting import BONUS, LARGEST_BONUS, LARGEST_STAMPS, Brought
from stamkunde.shared.errors import Refusal
from stamkunde.shared.reasons import Reason
from till_api import answers, requests
from till_api.idempotency import write_key
from till_api.paths import id_in_path


class CarryOver(requests.RequestModel):
    """Stamps of one programme, or bonus; never both at once."""

    stamp_programme_id: Annotated[requests.Name, Meta(examples=["rugbrod"])] | None = None
    stamps: Annotated[int, Meta(ge=1, le=LARGEST_STAMPS)] | None = None
    bonus: Annotated[int, Meta(ge=1, le=LARGEST_BONUS, description="In the club's unit")] | None = None

    def __post_init__(self) -> None:
        stamps = self.stamps is not None
        if stamps == (self.bonus is not None) or stamps != (self.stamp_programme_id is not None):
            raise Refusal("invalid_field", {"expected": Reason("bonus_or_stamps")})

    def to_brought(self) -> Brought:
        """As the ledger takes it."""
        return Brought(self.stamp_programme_id or BONUS, self.stamps or self.bonus or 0)


class CarriedOverShown(Struct, frozen=True):
    """What was booked, and how the balance is now."""

    member_id: str | None
    currency: str
    unit: answers.UnitShown
    entry: answers.EntryShown


def carry_over(session: TillSession, request: Request) -> Response:
    """Book what a member brings along from paper, once for each programme; the same key gets the same answer."""
    member_id = id_in_path(request, "member_id", requests.MEMBER_ID, "unknown_member")
    body = request.body(CarryOver)
    adjusted = session.adjustments.carry_over(
        member_id,
        body.to_brought(),
        write_key(request, body),
        outlet_id=session.till.outlet_id,
        till_id=session.till.till_id,
    )
    entry = answers.show_entry(session.club, adjusted.entry)
    shown = CarriedOverShown(adjusted.entry.member_id, session.club.currency, session.club.unit.value, entry)
    return Response(HTTPStatus.OK if adjusted.repeated else HTTPStatus.CREATED, shown)
