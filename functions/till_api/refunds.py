"""Refunds: goods that come back, by line and quantity, or a receipt as a whole (a void)."""

from http import HTTPStatus
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from stamkunde.bootstrap import TillSession
from stamkunde.clubs.model import Club
from stamkunde.http import Request, Response
from stamkunde.ledger.explanations import bonus_amount, explain_refund
from stamkunde.ledger.model.entries import Entry, RefundFacts
from stamkunde.ledger.model.receipts import Flag, purchase_id, receipt_period
from stamkunde.ledger.model.reversal import Refund
from stamkunde.ledger.refunds import Refunded, Waiting
from stamkunde.shared.clock import believable_instant, iso_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import text
from stamkunde.shared.programme import stamp_programme_in
from till_api import answers, requests
from till_api.paths import id_in_path

type LinePlace = Annotated[int, Meta(ge=1, le=requests.MOST_LINES, description="Its place, from 1", examples=[1])]


class LineBack(requests.RequestModel):
    """Units of a line that come back; quantity 0 for a whole line that was sold with quantity 0."""

    line: LinePlace
    quantity: Annotated[int, Meta(ge=0, le=1_000_000)]


type LinesBack = Annotated[list[LineBack], Meta(min_length=1, max_length=requests.MOST_LINES)]


class RefundOf(requests.RequestModel):
    """A refund of a purchase whose id is known."""

    refund_number: Annotated[requests.Name, Meta(description="The refunding till's own number", examples=["R-1007"])]
    refunded_at: requests.Instant
    lines: Annotated[LinesBack | None, Meta(description="Left out for everything that is left: a void")] = None

    def to_refund(self, purchase: str) -> Refund:
        """As the ledger takes it."""
        return Refund(
            purchase_id=purchase,
            refund_number=self.refund_number,
            refunded_at=believable_instant(self.refunded_at, "/refunded_at"),
            lines=None if self.lines is None else tuple((each.line - 1, each.quantity) for each in self.lines),
        )


class Original(requests.RequestModel):
    """The receipt that goods were bought with; of the till that refunds them, unless it says which."""

    receipt_number: Annotated[requests.Name, Meta(examples=["100234"])]
    bought_at: requests.Instant
    till_id: requests.Name | None = None


class RefundByReceipt(requests.RequestModel):
    """A refund by a till that knows only the receipt."""

    purchase: Original
    refund_number: Annotated[requests.Name, Meta(description="The refunding till's own number", examples=["R-1007"])]
    refunded_at: requests.Instant
    lines: Annotated[LinesBack | None, Meta(description="Left out for everything that is left: a void")] = None

    def to_refund(self, purchase: str) -> Refund:
        """As the ledger takes it."""
        return RefundOf(self.refund_number, self.refunded_at, self.lines).to_refund(purchase)


class LineBackShown(Struct, frozen=True):
    """Units of a line that came back."""

    line: int
    quantity: Annotated[int, Meta(description="0 for a whole line that was sold with quantity 0")]


class StampsBack(Struct, frozen=True):
    """Stamps of a card that were taken back."""

    stamp_programme_id: str
    stamps: int


class BenefitBackShown(Struct, frozen=True):
    """Something that can be used again."""

    source: Literal["reward", "coupon", "code"]
    name: Annotated[str, Meta(description="The stamp programme or the coupon")]
    title: str


class RefundShown(Struct, frozen=True):
    """A booked refund; the same refund again gets the same answer."""

    state: Literal["booked"]
    purchase_id: str
    refund_number: str
    member_id: str | None
    outlet_id: str
    till_id: str
    refunded_at: str
    booked_at: str
    currency: str
    unit: answers.UnitShown
    lines: list[LineBackShown]
    amount: Annotated[int, Meta(description="What the lines had cost after benefits, in minor units")]
    money_back: Annotated[int, Meta(description="What to pay back in money; the rest came back as bonus")]
    bonus_taken_back: Annotated[int, Meta(description="What the lines had earned")]
    bonus_given_back: Annotated[int, Meta(description="What had been spent on them")]
    owed: Annotated[int, Meta(description="Of what was taken back, what had been spent and comes off the next bonus")]
    stamps: list[StampsBack]
    benefits: list[BenefitBackShown]
    balance_after: answers.BalanceShown
    flags: list[Flag]
    explanation: str
    receipt_text: Annotated[list[str], Meta(description="Lines for the till's printer")]


class WaitingShown(Struct, frozen=True):
    """A refund that waits for its sale; it is booked by itself when the sale arrives."""

    state: Literal["parked"]
    purchase_id: str
    refund_number: str
    until: Annotated[str, Meta(description="Then it is given up, and the shop's owner is told")]


class PurchaseAndRefunds(answers.PurchaseShown, frozen=True):
    """A booked purchase with what came back of it so far, oldest first."""

    refunds: list[RefundShown]


def refund_purchase(session: TillSession, request: Request) -> Response:
    """Book what comes back of a purchase; the same again gets the same answer, with 200 for 201."""
    purchase = id_in_path(request, "purchase_id", requests.PURCHASE_ID, "unknown_purchase")
    refund = request.body(RefundOf).to_refund(purchase)
    return _answer(session, refund, session.refunds.book(refund, session.point))


def refund_receipt(session: TillSession, request: Request) -> Response:
    """Book what comes back of a receipt; 202 if its sale hasn't arrived yet, for which it then waits 7 days."""
    body = request.body(RefundByReceipt)
    refund = body.to_refund(_identity(session, body.purchase))
    return _answer(session, refund, session.refunds.book_or_park(refund, session.point))


def show_purchase(session: TillSession, request: Request) -> Response:
    """A booked purchase of this club, at whichever till, and what came back of it."""
    purchase = id_in_path(request, "purchase_id", requests.PURCHASE_ID, "unknown_purchase")
    shown = answers.show_booked(session.club, session.ledger.find_purchase(purchase))
    refunds = [show_refund(session.club, entry) for entry in session.ledger.refunds_of(purchase)]
    return Response(HTTPStatus.OK, PurchaseAndRefunds(**structs.asdict(shown), refunds=refunds))


def show_refund(club: Club, entry: Entry) -> RefundShown:
    """A booked refund, from what its entry keeps: a retry is told the same."""
    refund = entry.refund
    if refund is None:
        raise LookupError("a guard points to an entry that is no refund")
    return RefundShown(
        state="booked",
        purchase_id=refund.purchase_id,
        refund_number=refund.refund_number,
        member_id=entry.member_id,
        outlet_id=entry.outlet_id or "",
        till_id=entry.till_id or "",
        refunded_at=iso_instant(refund.refunded_at),
        booked_at=iso_instant(entry.booked_at),
        currency=club.currency,
        unit=club.unit.value,
        lines=[LineBackShown(place + 1, quantity) for place, quantity in refund.lines],
        amount=refund.amount,
        money_back=refund.money_back,
        bonus_taken_back=refund.taken_back,
        bonus_given_back=refund.spent_back,
        owed=refund.owed,
        stamps=[StampsBack(name, units) for name, units in refund.stamps_back],
        benefits=[BenefitBackShown(each.source.value, each.name, each.title) for each in refund.benefits_back],
        balance_after=answers.show_balance(entry.balance),
        flags=list(refund.flags),
        explanation=explain_refund(refund, club.currency, club.language, club.unit),
        receipt_text=_receipt_text(club, entry, refund),
    )


def _identity(session: TillSession, original: Original) -> str:
    """The id of the purchase that a receipt was booked as, or will be."""
    till = session.till
    if original.till_id is not None and original.till_id != till.till_id:
        found = session.find_till(original.till_id)
        if found is None:
            raise Refusal("unknown_till", pointer="/purchase/till_id")
        till = found
    bought_at = believable_instant(original.bought_at, "/purchase/bought_at")
    period = receipt_period(bought_at, till.receipt_numbers.value, session.club.time_zone)
    return purchase_id(session.club.club_id, till.till_id, period, original.receipt_number)


def _answer(session: TillSession, refund: Refund, answered: Refunded | Waiting) -> Response:
    if isinstance(answered, Waiting):
        waiting = WaitingShown("parked", refund.purchase_id, refund.refund_number, iso_instant(answered.until))
        return Response(HTTPStatus.ACCEPTED, waiting, log={"purchase": refund.purchase_id})
    status = HTTPStatus.OK if answered.repeated else HTTPStatus.CREATED
    return Response(status, show_refund(session.club, answered.entry), log={"purchase": refund.purchase_id})


def _receipt_text(club: Club, entry: Entry, refund: RefundFacts) -> list[str]:
    if entry.member_id is None:
        return []
    told = {"refund_given": refund.spent_back, "refund_taken": refund.taken_back, "refund_owed": refund.owed}
    amounts = {f"receipt.{key}": amount for key, amount in told.items() if amount}
    amounts["receipt.balance"] = entry.balance.available
    bonus = [
        text(club.language, key, amount=bonus_amount(amount, club.currency, club.unit))
        for key, amount in amounts.items()
    ]
    stamps = [_stamps_taken(club, *each) for each in refund.stamps_back]
    usable = [text(club.language, "refund.benefits", names=_names(refund))] if refund.benefits_back else []
    return [*bonus, *stamps, *usable]


def _names(refund: RefundFacts) -> str:
    return ", ".join(each.title or each.name for each in refund.benefits_back)


def _stamps_taken(club: Club, stamp_programme_id: str, count: int) -> str:
    found = stamp_programme_in(club.programmes, club.programmes[-1].version, stamp_programme_id)
    stamps = text(club.language, "moved.stamp" if count == 1 else "moved.stamps", count=count)
    name = found.name if found else stamp_programme_id
    return text(club.language, "stamps.taken_back", name=name, stamps=stamps)
