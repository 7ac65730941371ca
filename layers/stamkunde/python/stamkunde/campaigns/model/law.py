"""What the law wants of a campaign: what whoever writes it was asked, and what may be found. Pure.

Each finding names its rule: R3 and R29 (a message never asks for permission), R5 (a service message sells nothing),
R6 (who writes, and how to stop), R8 (an offer's conditions), R30 (reductions), R31 (alcohol in Norway),
R32 (friends), R33 (orders), R34 (few items), and that what is said is true (markedsføringsloven DK § 5, NO § 7).
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

_DAYS = 30
_DAYS_OF_FRESH_GOODS = 14


class Reduction(StrEnum):
    """What a reduction in a text is measured by."""

    LOWEST_PRICE = "lowest_price"
    """The lowest price of the days that R30 wants, and it is written down."""
    NO_PRICE = "no_price"
    """No price is compared: a rate of bonus, for instance."""


class Stock(StrEnum):
    """How much there is of what is offered."""

    ENOUGH = "enough"
    FEW = "few"


class Order(StrEnum):
    """What is ordered by the link."""

    GOODS = "goods"
    """Goods: the page shows the price with VAT, the last change, and that food can't be sent back."""
    TIME = "time"
    """A time or a seat; nothing is sold."""


class Answers(Struct, frozen=True):
    """What whoever writes a campaign was asked and answered; kept with it. None: not answered yet.

    Parameters
    ----------
    conditions
        Of the offer, as the page shows them that the link opens (R8).
    reduction
        What a reduction is measured by (R30).
    fresh_goods
        Whether the goods spoil soon: in Denmark 14 days instead of 30 (R30).
    leftovers
        Whether it sells what is left: that takes a price only, never a reduction (R30).
    stock
        Whether there is enough for all who come (R34).
    order
        What is ordered by the link (R33).
    members_only
        Whether it is true that only members get it.
    free
        Whether what must be bought for it costs no more than usual.
    passed_on_by_members
        Whether the friend hears of it from the member alone (R32).
    asks_for_permission
        Whether it asks anybody to allow more messages (R3).
    """

    conditions: str = ""
    reduction: Reduction | None = None
    fresh_goods: bool = False
    leftovers: bool = False
    stock: Stock | None = None
    order: Order | None = None
    members_only: bool | None = None
    free: bool | None = None
    passed_on_by_members: bool | None = None
    asks_for_permission: bool | None = None


NO_ANSWERS = Answers()


class LawCode(StrEnum):
    """What is to be changed, or answered."""

    ADVERTISES = "advertises"
    SENDER_UNNAMED = "sender_unnamed"
    STOP_MISSING = "stop_missing"
    STOP_UNLABELLED = "stop_unlabelled"
    PERMISSION_ASKED = "permission_asked"
    CONDITIONS_OUT_OF_REACH = "conditions_out_of_reach"
    CONDITIONS_UNSAID = "conditions_unsaid"
    REDUCTION_UNPROVEN = "reduction_unproven"
    REDUCTION_OF_LEFTOVERS = "reduction_of_leftovers"
    ALCOHOL = "alcohol"
    FRIENDS_WRITTEN_TO = "friends_written_to"
    ORDER_UNCLEAR = "order_unclear"
    STOCK_UNKNOWN = "stock_unknown"
    NUMBER_UNSAID = "number_unsaid"
    MEMBERS_ONLY_UNPROVEN = "members_only_unproven"
    FREE_UNPROVEN = "free_unproven"


_TRUE, _FALSE = "true", "false"
_SETTLED_BY: Mapping[LawCode, tuple[str, Sequence[str]]] = {
    LawCode.PERMISSION_ASKED: ("asks_for_permission", [_FALSE]),
    LawCode.CONDITIONS_UNSAID: ("conditions", ['"…"']),
    LawCode.REDUCTION_UNPROVEN: ("reduction", [f'"{each}"' for each in Reduction]),
    LawCode.FRIENDS_WRITTEN_TO: ("passed_on_by_members", [_TRUE]),
    LawCode.ORDER_UNCLEAR: ("order", [f'"{each}"' for each in Order]),
    LawCode.STOCK_UNKNOWN: ("stock", [f'"{each}"' for each in Stock]),
    LawCode.MEMBERS_ONLY_UNPROVEN: ("members_only", [_TRUE]),
    LawCode.FREE_UNPROVEN: ("free", [_TRUE]),
}
"""The answers after which a text may go: which field of `Answers`, and what stands there in a file."""


def settled_by(code: LawCode) -> str:
    """Which answers settle a question, as they stand in a campaign's file; empty for what isn't asked."""
    field, answers = _SETTLED_BY.get(code, ("", ()))
    return " | ".join(f'"{field}": {answer}' for answer in answers)


def lowest_price_days(country: str, *, fresh_goods: bool) -> int:
    """Of how many days a before price must be the lowest; in Norway club prices count too (R30)."""
    return _DAYS_OF_FRESH_GOODS if fresh_goods and country == "DK" else _DAYS


class LawFinding(Struct, frozen=True):
    """Something that keeps a campaign from being sent.

    Parameters
    ----------
    rule
        The rule that says so.
    excerpt
        The words that it is about; empty for something that is missing.
    is_question
        Whether an answer settles it; otherwise the words must change, or the answer was no.
    """

    code: LawCode
    rule: str
    excerpt: str
    is_question: bool


def questions(findings: Iterable[LawFinding]) -> tuple[LawCode, ...]:
    """What whoever writes it still has to answer."""
    return tuple(finding.code for finding in findings if finding.is_question)
