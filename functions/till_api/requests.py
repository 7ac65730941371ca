"""What a till sends, read strictly: whole amounts, aware instants, no unknown fields."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from stamkunde.ledger.model.receipts import Basket, Line, LineKind, Payment, Receipt, Redemption, RedemptionKind
from stamkunde.members.consents import ConsentMethod
from stamkunde.members.model import Acceptance
from stamkunde.shared.clock import believable_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.reasons import Reason

MOST_LINES = 300
MOST_REDEMPTIONS = 10
MOST_PAYMENTS = 20
MOST_PURCHASES = 50
MOST_PERMISSIONS = 3
LONGEST_WORDING = 1_000
LARGEST_AMOUNT = 100_000_000
MEMBER_ID = "m[0-9a-z]{16}"
PURCHASE_ID = "p[0-9a-z]{24}"
RESERVATION_ID = "h[0-9a-z]{32}"

type Amount = Annotated[
    int,
    Meta(ge=0, le=LARGEST_AMOUNT, description="Minor units (øre), incl. VAT after discounts", examples=[4995]),
]
type Instant = Annotated[datetime, Meta(tz=True, description="ISO 8601 with offset")]
type MemberId = Annotated[str, Meta(pattern=f"^{MEMBER_ID}$", examples=["m7k2q9x0c4b8n5t1d"])]
type AccountId = Annotated[str, Meta(pattern="^a[0-9a-z]{16}$", description="As look-up gave it; spares a read")]
type ReservationId = Annotated[
    str,
    Meta(
        pattern=f"^{RESERVATION_ID}$",
        description="What was held for this receipt; sent without spend_bonus and redemptions, which come from it",
    ),
]
type PermissionName = Literal["sms", "email", "purchases"]
type Language = Literal["da", "nb", "en"]
type Currency = Literal["DKK", "NOK"]
type Name = Annotated[str, Meta(min_length=1, max_length=40)]


class RequestModel(Struct, forbid_unknown_fields=True):
    """What all bodies have in common: a field that isn't known is a mistake worth telling."""


class LookUp(RequestModel):
    """Whom to look up: by the phone number or by the card, never by both."""

    phone: Annotated[str, Meta(min_length=1, max_length=40, examples=["20 12 34 56"])] | None = None
    card: Annotated[str, Meta(min_length=1, max_length=40, examples=["1234 5678 9015"])] | None = None

    def __post_init__(self) -> None:
        if (self.phone is None) == (self.card is None):
            raise Refusal("invalid_field", {"expected": Reason("phone_or_card")})


class TermsAccepted(RequestModel):
    """That the customer accepted the terms in the shop, on paper or on the counter's screen."""

    terms_version: Annotated[int, Meta(ge=1)]
    method: Literal["signed_form", "counter_screen"]
    accepted_at: Instant
    language: Annotated[
        Language | None,
        Meta(
            description="In which it was read, as the code at the foot of a printed form says; the club's own if null"
        ),
    ] = None

    def to_acceptance(self) -> Acceptance:
        """As the members context takes it."""
        accepted_at = believable_instant(self.accepted_at, "/terms_acceptance/accepted_at")
        return Acceptance(self.terms_version, ConsentMethod(self.method), accepted_at, self.language)


class SoftOptIn(RequestModel):
    """That the number was given in a sale, and that the customer could refuse advertising there and didn't.

    Only where the club's policy allows it. It is no permission: a yes is booked with the member's permissions.
    """

    channel: Literal["sms"]
    refusal_offered: Annotated[bool, Meta(description="Always true: without that offer there is nothing to book")]

    def __post_init__(self) -> None:
        if not self.refusal_offered:
            raise Refusal("invalid_field", {"expected": Reason("refusal_offered")}, "/soft_opt_in/refusal_offered")


class Join(RequestModel):
    """Who joins."""

    phone: Annotated[str, Meta(min_length=1, max_length=40, examples=["20 12 34 56"])]
    first_name: Annotated[str, Meta(max_length=200)] | None = None
    terms_acceptance: TermsAccepted | None = None
    soft_opt_in: SoftOptIn | None = None


class PermissionGiven(RequestModel):
    """A box that the customer ticked, and the sentence beside it."""

    kind: PermissionName
    wording: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=LONGEST_WORDING,
            description="Word for word what the customer read: one of those that the club asks by now",
        ),
    ]


class PermissionsSaid(RequestModel):
    """What a customer said at the counter about being written to, on paper or on a screen."""

    method: Literal["signed_form", "counter_screen"]
    language: Annotated[Language, Meta(description="In which it was read")]
    said_at: Instant
    given: Annotated[list[PermissionGiven], Meta(max_length=MOST_PERMISSIONS)] = []
    withdrawn: Annotated[list[PermissionName], Meta(max_length=MOST_PERMISSIONS)] = []

    def __post_init__(self) -> None:
        kinds = [*(each.kind for each in self.given), *self.withdrawn]
        if not kinds or len(kinds) != len(set(kinds)):
            raise Refusal("invalid_field", {"expected": Reason("given_or_withdrawn")})


class LineSold(RequestModel):
    """One line of a receipt; quantity 0 for goods the till doesn't count."""

    item_number: Name
    quantity: Annotated[int, Meta(ge=0, le=1_000_000)]
    amount: Amount
    item_group: Annotated[Name | None, Meta(description="The till's group of goods, if it has any")] = None
    kind: Annotated[
        Literal["goods", "gift_card", "deposit"], Meta(description="Gift cards and deposits earn nothing")
    ] = "goods"

    def to_line(self) -> Line:
        """As the ledger takes it."""
        return Line(self.item_number, self.quantity, self.amount, self.item_group, LineKind(self.kind))


class Redeemed(RequestModel):
    """Something to use: a reward by its stamp programme, a coupon by its id, a poster's code as it was typed."""

    kind: Literal["reward", "coupon", "code"]
    name: Annotated[Name, Meta(examples=["rugbrod"])]

    def to_redemption(self) -> Redemption:
        """As the ledger takes it."""
        return Redemption(RedemptionKind(self.kind), self.name)


class Paid(RequestModel):
    """Part of what was paid with money, by the till's name of its kind."""

    kind: Annotated[Name, Meta(examples=["card"])]
    amount: Amount


type Lines = Annotated[list[LineSold], Meta(min_length=1, max_length=MOST_LINES)]
type Redemptions = Annotated[list[Redeemed], Meta(max_length=MOST_REDEMPTIONS)]
type Payments = Annotated[list[Paid], Meta(max_length=MOST_PAYMENTS)]


class Quote(RequestModel):
    """A basket before it is paid."""

    currency: Currency
    lines: Lines
    member_id: Annotated[MemberId | None, Meta(description="Null only where a code from a poster is redeemed")] = None
    spend_bonus: Amount = 0
    redemptions: Redemptions = []
    payments: Payments = []
    account_id: AccountId | None = None

    def to_basket(self) -> Basket:
        """As the ledger takes it.

        Raises
        ------
        Refusal
            ``invalid_field``: neither a member nor a code.
        """
        _check_member(self.member_id, self.redemptions)
        return to_basket(self.lines, self.spend_bonus, self.redemptions, self.payments)


class Purchase(RequestModel):
    """A settled receipt.

    `offline` says that it waited in the till's queue: the sale is over, so what can't be honoured any more is told in
    the answer, and the rest counts. Every receipt of a batch counts as such.
    """

    receipt_number: Annotated[Name, Meta(examples=["100234"])]
    bought_at: Instant
    currency: Currency
    lines: Lines
    member_id: Annotated[MemberId | None, Meta(description="Null only where a code from a poster is redeemed")] = None
    spend_bonus: Amount = 0
    redemptions: Redemptions = []
    payments: Payments = []
    reservation_id: ReservationId | None = None
    offline: bool = False
    account_id: AccountId | None = None

    def to_receipt(self, *, queued: bool = False) -> Receipt:
        """As the ledger takes it; `queued` for a receipt of a batch.

        Raises
        ------
        Refusal
            ``invalid_field``: neither a member nor a code, something to use besides what was held, or an instant
            nobody can mean.
        """
        _check_member(self.member_id, self.redemptions)
        self._check_held()
        return Receipt(
            receipt_number=self.receipt_number,
            bought_at=believable_instant(self.bought_at, "/bought_at"),
            member_id=self.member_id,
            basket=to_basket(self.lines, self.spend_bonus, self.redemptions, self.payments),
            account_id=self.account_id,
            reservation_id=self.reservation_id,
            offline=self.offline or queued,
        )

    def _check_held(self) -> None:
        """What a reservation holds is all that its receipt uses: anything else would be overlooked."""
        if self.reservation_id is None:
            return
        for name, wish in (("spend_bonus", self.spend_bonus), ("redemptions", self.redemptions)):
            if wish:
                raise Refusal("invalid_field", {"expected": Reason("from_reservation")}, f"/{name}")


class Batch(RequestModel):
    """Receipts from a till's queue, oldest first."""

    purchases: Annotated[list[Purchase], Meta(min_length=1, max_length=MOST_PURCHASES)]


def to_basket(
    lines: list[LineSold], spend_bonus: int = 0, redemptions: Sequence[Redeemed] = (), payments: Sequence[Paid] = ()
) -> Basket:
    """What is bought and used, as the ledger takes it."""
    return Basket(
        tuple(line.to_line() for line in lines),
        spend_bonus,
        tuple(each.to_redemption() for each in redemptions),
        tuple(Payment(each.kind, each.amount) for each in payments),
    )


def _check_member(member_id: str | None, redemptions: Sequence[Redeemed]) -> None:
    if member_id is None and not any(each.kind == "code" for each in redemptions):
        raise Refusal("invalid_field", {"expected": Reason("member_or_code")}, "/member_id")
