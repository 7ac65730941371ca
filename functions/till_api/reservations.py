"""Reservations: what a customer wants to use is set aside while the receipt is made."""

from http import HTTPStatus
from typing import Annotated

from msgspec import Meta, Struct, field

from stamkunde.bootstrap import TillSession
from stamkunde.clubs.model import Club
from stamkunde.http import Request, Response
from stamkunde.ledger.reservations import Reserved, Wish
from stamkunde.shared.clock import iso_instant
from till_api import answers, requests
from till_api.booking import book
from till_api.idempotency import write_key
from till_api.paths import id_in_path


class Reservation(requests.RequestModel):
    """A basket, and what to set aside for it: bonus, rewards or coupons."""

    currency: requests.Currency
    member_id: requests.MemberId
    lines: requests.Lines
    spend_bonus: requests.Amount = 0
    redemptions: requests.Redemptions = field(default_factory=list)
    payments: requests.Payments = field(default_factory=list)
    account_id: requests.AccountId | None = None


class Capture(requests.RequestModel):
    """The receipt that a reservation was made for: what it uses is what was set aside."""

    receipt_number: Annotated[requests.Name, Meta(examples=["100234"])]
    bought_at: requests.Instant
    currency: requests.Currency
    member_id: requests.MemberId
    lines: requests.Lines
    payments: requests.Payments = field(default_factory=list)
    offline: bool = False
    account_id: requests.AccountId | None = None

    def to_purchase(self, reservation_id: str) -> requests.Purchase:
        """The same as a purchase that names the reservation."""
        return requests.Purchase(
            receipt_number=self.receipt_number,
            bought_at=self.bought_at,
            currency=self.currency,
            lines=self.lines,
            member_id=self.member_id,
            payments=self.payments,
            reservation_id=reservation_id,
            offline=self.offline,
            account_id=self.account_id,
        )


class ReservationShown(Struct, frozen=True):
    """What is set aside, until when, and what it does to the basket."""

    reservation_id: str
    until: Annotated[str, Meta(description="Captured later than this it is over")]
    currency: str
    unit: answers.UnitShown
    total: int
    discount: int
    benefits: list[answers.BenefitShown]
    paid_with_bonus: int
    to_pay: Annotated[int, Meta(description="What is left to pay with money")]
    earned: answers.EarnedShown
    spent: answers.SpentShown


class ReleasedShown(Struct, frozen=True):
    """A reservation that holds nothing any more."""

    reservation_id: str


def reserve(session: TillSession, request: Request) -> Response:
    """Set aside what a basket uses for 15 minutes; the same key again gets the same reservation, with 200 for 201."""
    body = request.body(Reservation)
    key = write_key(request, body)
    session.check_currency(body.currency)
    basket = requests.to_basket(body.lines, body.spend_bonus, body.redemptions, body.payments)
    wish = Wish(basket, body.member_id, body.account_id, key)
    reserved = session.reservations.reserve(wish, session.point)
    status = HTTPStatus.OK if reserved.repeated else HTTPStatus.CREATED
    return Response(status, show_reservation(session.club, reserved, body.member_id))


def release(session: TillSession, request: Request) -> Response:
    """Give back what is set aside; as often as one likes, and also once it has timed out."""
    reservation_id = _reservation_in_path(request)
    session.reservations.release(reservation_id)
    return Response(HTTPStatus.OK, ReleasedShown(reservation_id))


def capture(session: TillSession, request: Request) -> Response:
    """Book the receipt that a reservation was made for; the same again gets the same answer, with 200 for 201."""
    reservation_id = _reservation_in_path(request)
    return book(session, request.body(Capture).to_purchase(reservation_id))


def _reservation_in_path(request: Request) -> str:
    return id_in_path(request, "reservation_id", requests.RESERVATION_ID, "unknown_reservation")


def show_reservation(club: Club, reserved: Reserved, member_id: str) -> ReservationShown:
    """What was set aside."""
    settlement = reserved.settlement
    return ReservationShown(
        reservation_id=reserved.reservation_id,
        until=iso_instant(reserved.until),
        currency=club.currency,
        unit=club.unit.value,
        total=settlement.total,
        discount=settlement.discount,
        benefits=[answers.show_benefit(club, each) for each in settlement.benefits],
        paid_with_bonus=settlement.paid_with_bonus,
        to_pay=settlement.to_pay,
        earned=answers.show_earned(club, settlement.earned, member_id),
        spent=answers.show_spent(club, settlement.asked_to_spend, settlement.spent),
    )
