"""What a till sends, read strictly: whole amounts, aware instants, no unknown fields."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from stamkunde.ledger.model import Basket, Line, Receipt
from stamkunde.members.consents import ConsentMethod
from stamkunde.members.model import Acceptance
from stamkunde.shared.clock import believable_instant

MOST_LINES = 300
MOST_PURCHASES = 50
LARGEST_AMOUNT = 100_000_000
MEMBER_ID = "m[0-9a-z]{16}"
PURCHASE_ID = "p[0-9a-z]{24}"

type Amount = Annotated[
    int,
    Meta(ge=0, le=LARGEST_AMOUNT, description="Minor units (øre), incl. VAT after discounts", examples=[4995]),
]
type Instant = Annotated[datetime, Meta(tz=True, description="ISO 8601 with offset")]
type MemberId = Annotated[str, Meta(pattern=f"^{MEMBER_ID}$", examples=["m7k2q9x0c4b8n5t1"])]
type AccountId = Annotated[str, Meta(pattern="^a[0-9a-z]{16}$", description="As look-up gave it; spares a read")]
type Currency = Literal["DKK", "NOK"]


class RequestModel(Struct, forbid_unknown_fields=True):
    """What all bodies have in common: a field that isn't known is a mistake worth telling."""


class LookUp(RequestModel):
    """Whom to look up: by the phone number or by the card, never by both."""

    phone: Annotated[str, Meta(min_length=1, max_length=40, examples=["20 12 34 56"])] | None = None
    card: Annotated[str, Meta(min_length=1, max_length=40, examples=["1234 5678 9015"])] | None = None

    def __post_init__(self) -> None:
        if (self.phone is None) == (self.card is None):
            raise ValueError("Expected either `phone` or `card`")


class TermsAccepted(RequestModel):
    """That the customer accepted the terms in the shop, on paper or on the counter's screen."""

    terms_version: Annotated[int, Meta(ge=1)]
    method: Literal["signed_form", "counter_screen"]
    accepted_at: Instant

    def to_acceptance(self) -> Acceptance:
        """As the members context takes it."""
        accepted_at = believable_instant(self.accepted_at, "/terms_acceptance/accepted_at")
        return Acceptance(self.terms_version, ConsentMethod(self.method), accepted_at)


class Join(RequestModel):
    """Who joins."""

    phone: Annotated[str, Meta(min_length=1, max_length=40, examples=["20 12 34 56"])]
    first_name: Annotated[str, Meta(max_length=200)] | None = None
    terms_acceptance: TermsAccepted | None = None


class LineSold(RequestModel):
    """One line of a receipt; quantity 0 for goods the till doesn't count."""

    item_number: Annotated[str, Meta(min_length=1, max_length=40)]
    quantity: Annotated[int, Meta(ge=0, le=1_000_000)]
    amount: Amount


class Quote(RequestModel):
    """A basket before it is paid."""

    currency: Currency
    member_id: MemberId
    lines: Annotated[list[LineSold], Meta(min_length=1, max_length=MOST_LINES)]
    spend_bonus: Amount = 0
    account_id: AccountId | None = None

    def to_basket(self) -> Basket:
        """As the ledger takes it."""
        return _basket(self.lines, self.spend_bonus)


class Purchase(RequestModel):
    """A settled receipt."""

    receipt_number: Annotated[str, Meta(min_length=1, max_length=40, examples=["100234"])]
    bought_at: Instant
    currency: Currency
    member_id: MemberId
    lines: Annotated[list[LineSold], Meta(min_length=1, max_length=MOST_LINES)]
    spend_bonus: Amount = 0
    account_id: AccountId | None = None

    def to_receipt(self) -> Receipt:
        """As the ledger takes it."""
        return Receipt(
            receipt_number=self.receipt_number,
            bought_at=believable_instant(self.bought_at, "/bought_at"),
            member_id=self.member_id,
            basket=_basket(self.lines, self.spend_bonus),
            account_id=self.account_id,
        )


class Batch(RequestModel):
    """Receipts from a till's queue, oldest first."""

    purchases: Annotated[list[Purchase], Meta(min_length=1, max_length=MOST_PURCHASES)]


def _basket(lines: list[LineSold], spend_bonus: int) -> Basket:
    return Basket(tuple(Line(line.item_number, line.quantity, line.amount) for line in lines), spend_bonus)
