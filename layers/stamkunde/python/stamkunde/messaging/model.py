"""Messages: which class each kind is of, what it may merge, and what became of it. Pure rules."""

from dataclasses import dataclass
from enum import StrEnum


class MessageClass(StrEnum):
    """What a message is in law; fixed by its kind, never by a tick of the shop.

    Marketing needs permission for the channel. Service needs membership only and sells nothing. Critical is what
    somebody is waiting for: a login code, an operator's test.
    """

    MARKETING = "marketing"
    SERVICE = "service"
    CRITICAL = "critical"


class Timing(StrEnum):
    """What sets a message off: something the member just did, or a timer of ours."""

    AT_ONCE = "at_once"
    TIMED = "timed"


class Field(StrEnum):
    """What can be merged into a message."""

    CLUB = "club"
    FIRST_NAME = "first_name"
    CODE = "code"
    DOMAIN = "domain"
    LINK = "link"


FIELD_NAMES = {
    "da": {
        Field.CLUB: "Klub",
        Field.FIRST_NAME: "Fornavn",
        Field.CODE: "Kode",
        Field.DOMAIN: "Domæne",
        Field.LINK: "Link",
    },
    "nb": {
        Field.CLUB: "Klub",
        Field.FIRST_NAME: "Fornavn",
        Field.CODE: "Kode",
        Field.DOMAIN: "Domene",
        Field.LINK: "Link",
    },
    "en": {
        Field.CLUB: "Club",
        Field.FIRST_NAME: "FirstName",
        Field.CODE: "Code",
        Field.DOMAIN: "Domain",
        Field.LINK: "Link",
    },
}
"""What each field is called in the templates of a language."""


class MessageKind(StrEnum):
    """Each message that Stamkunde sends by itself."""

    CODE = "code"
    WELCOME = "welcome"
    TILL_JOIN = "till_join"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class KindRules:
    """What is fixed for a kind of message, whoever edits its text."""

    message_class: MessageClass
    timing: Timing
    fields: frozenset[Field]


KINDS = {
    MessageKind.CODE: KindRules(
        MessageClass.CRITICAL, Timing.AT_ONCE, frozenset({Field.CLUB, Field.CODE, Field.DOMAIN})
    ),
    MessageKind.WELCOME: KindRules(
        MessageClass.SERVICE, Timing.AT_ONCE, frozenset({Field.CLUB, Field.FIRST_NAME, Field.LINK})
    ),
    MessageKind.TILL_JOIN: KindRules(
        MessageClass.SERVICE, Timing.AT_ONCE, frozenset({Field.CLUB, Field.FIRST_NAME, Field.LINK})
    ),
    MessageKind.TEST: KindRules(MessageClass.CRITICAL, Timing.AT_ONCE, frozenset({Field.CLUB})),
}


class Channel(StrEnum):
    """How a message reaches somebody."""

    SMS = "sms"


class DeliveryState(StrEnum):
    """What is known of a message on its way.

    `pending`: it waits for a worker. `claimed`: one has taken it and may call the gateway. `unknown`: the call's
    answer was lost, so it may or may not have been sent. `sent`: the gateway has taken it.
    """

    PENDING = "pending"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether nothing that arrives later changes it."""
        return _RANKS[self] == _FINAL

    @property
    def replaceable(self) -> tuple["DeliveryState", ...]:
        """The states that a write of this one may replace: those to the left of it."""
        return tuple(state for state in DeliveryState if _RANKS[state] < _RANKS[self])

    def after(self, earlier: "DeliveryState") -> "DeliveryState":
        """The state once this one is reported: gateways report out of order, and knowledge is never lost."""
        return self if earlier in self.replaceable else earlier


_FINAL = 4
_RANKS = {
    DeliveryState.PENDING: 0,
    DeliveryState.CLAIMED: 1,
    DeliveryState.UNKNOWN: 2,
    DeliveryState.SENT: 3,
    DeliveryState.DELIVERED: _FINAL,
    DeliveryState.FAILED: _FINAL,
    DeliveryState.EXPIRED: _FINAL,
}
