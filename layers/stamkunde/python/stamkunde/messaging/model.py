"""Messages: which class each kind is of, what it may merge, and what became of it. Pure rules."""

from copy import replace
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from stamkunde.shared.channel import Channel
from stamkunde.shared.one_time_code import CODE_LASTS

CODE_MARGIN = timedelta(minutes=2)
"""How much of a code's life must be left when it is sent, so that what arrives can still be typed."""

A_RUNG_LASTS = timedelta(hours=2)
"""Advertising that is late enough to be stopped, or come after somebody was there again, isn't sent."""

A_DAY = timedelta(days=1)
"""Whom a message is for is known as long as it waits: what a day couldn't send is given up."""


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


def keeps_quiet_hours(message_class: MessageClass, timing: Timing) -> bool:
    """Whether a message waits for the club's sending hours.

    Advertising always does. A service message does only when a timer sends it: somebody who joins at ten past six
    gets the answer at ten past six.
    """
    if message_class is MessageClass.SERVICE:
        return timing is Timing.TIMED
    return message_class is MessageClass.MARKETING


class Field(StrEnum):
    """What can be merged into a message."""

    CLUB = "club"
    FIRST_NAME = "first_name"
    CODE = "code"
    DOMAIN = "domain"
    LINK = "link"
    DATE = "date"
    BONUS = "bonus"
    CONTACT = "contact"
    LAST_ACTIVE = "last_active"
    STOP = "stop"


FIELD_NAMES = {
    "da": {
        Field.CLUB: "Klub",
        Field.FIRST_NAME: "Fornavn",
        Field.CODE: "Kode",
        Field.DOMAIN: "Domæne",
        Field.LINK: "Link",
        Field.DATE: "Dato",
        Field.BONUS: "Bonus",
        Field.CONTACT: "Kontakt",
        Field.LAST_ACTIVE: "Sidst",
        Field.STOP: "Stop",
    },
    "nb": {
        Field.CLUB: "Klub",
        Field.FIRST_NAME: "Fornavn",
        Field.CODE: "Kode",
        Field.DOMAIN: "Domene",
        Field.LINK: "Link",
        Field.DATE: "Dato",
        Field.BONUS: "Bonus",
        Field.CONTACT: "Kontakt",
        Field.LAST_ACTIVE: "Sist",
        Field.STOP: "Stopp",
    },
    "en": {
        Field.CLUB: "Club",
        Field.FIRST_NAME: "FirstName",
        Field.CODE: "Code",
        Field.DOMAIN: "Domain",
        Field.LINK: "Link",
        Field.DATE: "Date",
        Field.BONUS: "Bonus",
        Field.CONTACT: "Contact",
        Field.LAST_ACTIVE: "Last",
        Field.STOP: "Stop",
    },
}
"""What each field is called in the templates of a language."""


class MessageKind(StrEnum):
    """Each message that Stamkunde sends by itself."""

    CODE = "code"
    WELCOME = "welcome"
    TILL_JOIN = "till_join"
    CONFIRM_EMAIL = "confirm_email"
    ERASURE_REQUESTED = "erasure_requested"
    ERASURE_REQUESTED_BONUS = "erasure_requested_bonus"
    ERASURE_REQUESTED_NEWS = "erasure_requested_news"
    ERASURE_UNDONE = "erasure_undone"
    ERASED = "erased"
    NUMBER_CHANGED = "number_changed"
    STOPPED = "stopped"
    TERMS_WEEK_1 = "terms_week_1"
    TERMS_WEEK_1_BONUS = "terms_week_1_bonus"
    TERMS_WEEK_2 = "terms_week_2"
    TERMS_WEEK_2_BONUS = "terms_week_2_bonus"
    IMPORT_TERMS = "import_terms"
    TERMS_CHANGED = "terms_changed"
    LADDER_MISSED_YOU = "ladder_missed_you"
    LADDER_BONUS = "ladder_bonus"
    LADDER_NO_BONUS = "ladder_no_bonus"
    LADDER_LAST = "ladder_last"
    LADDER_LAST_BONUS = "ladder_last_bonus"
    LAST_NOTICE = "last_notice"
    LAST_NOTICE_BONUS = "last_notice_bonus"
    TEST = "test"


class KindRules(Struct, frozen=True):
    """What is fixed for a kind of message, whoever edits its text.

    Parameters
    ----------
    fields
        What may be merged into it.
    channel
        How it is sent.
    lasts
        How long after it was due it is worth sending.
    """

    message_class: MessageClass
    timing: Timing
    fields: frozenset[Field]
    channel: Channel = Channel.SMS
    lasts: timedelta = A_DAY

    @property
    def keeps_quiet_hours(self) -> bool:
        """Whether it waits for the club's sending hours."""
        return keeps_quiet_hours(self.message_class, self.timing)


_TERMS_REMINDER = KindRules(MessageClass.SERVICE, Timing.TIMED, frozenset({Field.CLUB, Field.LINK, Field.DATE}))
_TERMS_REMINDER_BONUS = replace(_TERMS_REMINDER, fields=_TERMS_REMINDER.fields | {Field.BONUS})
_RUNG = KindRules(
    MessageClass.MARKETING,
    Timing.TIMED,
    frozenset({Field.CLUB, Field.FIRST_NAME, Field.LINK, Field.STOP}),
    lasts=A_RUNG_LASTS,
)
_LAST_RUNG = replace(_RUNG, fields=_RUNG.fields | {Field.DATE, Field.LAST_ACTIVE})
_LAST_NOTICE = KindRules(
    MessageClass.SERVICE,
    Timing.TIMED,
    frozenset({Field.CLUB, Field.FIRST_NAME, Field.LINK, Field.DATE, Field.LAST_ACTIVE}),
)

KINDS = {
    MessageKind.CODE: KindRules(
        MessageClass.CRITICAL,
        Timing.AT_ONCE,
        frozenset({Field.CLUB, Field.CODE, Field.DOMAIN}),
        lasts=CODE_LASTS - CODE_MARGIN,
    ),
    MessageKind.WELCOME: KindRules(
        MessageClass.SERVICE, Timing.AT_ONCE, frozenset({Field.CLUB, Field.FIRST_NAME, Field.LINK})
    ),
    # No name: it may reach a stranger, whose number was typed by mistake.
    MessageKind.TILL_JOIN: KindRules(MessageClass.SERVICE, Timing.AT_ONCE, frozenset({Field.CLUB, Field.LINK})),
    MessageKind.CONFIRM_EMAIL: KindRules(
        MessageClass.SERVICE, Timing.AT_ONCE, frozenset({Field.CLUB, Field.LINK}), Channel.EMAIL
    ),
    MessageKind.ERASURE_REQUESTED: KindRules(
        MessageClass.SERVICE, Timing.AT_ONCE, frozenset({Field.CLUB, Field.DATE, Field.LINK})
    ),
    MessageKind.ERASURE_REQUESTED_BONUS: KindRules(
        MessageClass.SERVICE, Timing.AT_ONCE, frozenset({Field.CLUB, Field.DATE, Field.BONUS, Field.LINK})
    ),
    MessageKind.ERASURE_REQUESTED_NEWS: KindRules(
        MessageClass.SERVICE, Timing.AT_ONCE, frozenset({Field.CLUB, Field.DATE, Field.LINK})
    ),
    MessageKind.ERASURE_UNDONE: KindRules(MessageClass.SERVICE, Timing.AT_ONCE, frozenset({Field.CLUB, Field.LINK})),
    # It holds the number of somebody of whom nothing else is left.
    MessageKind.ERASED: KindRules(
        MessageClass.SERVICE, Timing.TIMED, frozenset({Field.CLUB, Field.DATE}), lasts=A_RUNG_LASTS
    ),
    # To the number that was given up: whoever has it finds out in time if it wasn't them.
    MessageKind.NUMBER_CHANGED: KindRules(
        MessageClass.CRITICAL, Timing.AT_ONCE, frozenset({Field.CLUB, Field.CONTACT})
    ),
    # Whoever answered STOP waits to hear that it was understood. It offers no way back: that would ask for a yes.
    MessageKind.STOPPED: KindRules(MessageClass.CRITICAL, Timing.AT_ONCE, frozenset({Field.CLUB})),
    MessageKind.TERMS_WEEK_1: _TERMS_REMINDER,
    MessageKind.TERMS_WEEK_1_BONUS: _TERMS_REMINDER_BONUS,
    MessageKind.TERMS_WEEK_2: _TERMS_REMINDER,
    MessageKind.TERMS_WEEK_2_BONUS: _TERMS_REMINDER_BONUS,
    MessageKind.IMPORT_TERMS: _TERMS_REMINDER,
    MessageKind.TERMS_CHANGED: KindRules(
        MessageClass.SERVICE, Timing.TIMED, frozenset({Field.CLUB, Field.DATE, Field.LINK})
    ),
    MessageKind.LADDER_MISSED_YOU: _RUNG,
    MessageKind.LADDER_BONUS: replace(_RUNG, fields=_RUNG.fields | {Field.BONUS}),
    MessageKind.LADDER_NO_BONUS: _RUNG,
    MessageKind.LADDER_LAST: _LAST_RUNG,
    MessageKind.LADDER_LAST_BONUS: replace(_LAST_RUNG, fields=_LAST_RUNG.fields | {Field.BONUS}),
    MessageKind.LAST_NOTICE: _LAST_NOTICE,
    MessageKind.LAST_NOTICE_BONUS: replace(_LAST_NOTICE, fields=_LAST_NOTICE.fields | {Field.BONUS}),
    MessageKind.TEST: KindRules(MessageClass.CRITICAL, Timing.AT_ONCE, frozenset({Field.CLUB})),
}


class Yes(Struct, frozen=True):
    """The yes by which a message advertises: whose it is, and the consent record that it stands in."""

    member_id: str
    record_id: str


class Basis(Struct, frozen=True):
    """What lets somebody be sent advertising by a channel.

    Parameters
    ----------
    until
        From then on it counts no longer, unless it is used or renewed before.
    yes
        None for an address that was got in a sale: being written to makes that count no longer.
    """

    until: datetime
    yes: Yes | None = None


class Domains(Struct, frozen=True):
    """The names under which Stamkunde is reached and writes.

    Parameters
    ----------
    pages
        Where the pages are; a phone fills a code in there and nowhere else.
    short
        What links in messages begin with.
    mail
        What e-mail is sent from.
    """

    pages: str
    short: str
    mail: str


class DeliveryState(StrEnum):
    """What is known of a message on its way.

    `pending`: it waits for a worker. `claimed`: one has taken it and may call the gateway. `unknown`: the call's
    answer was lost, so it may or may not have been sent. `not_accepted`: its gateway, which reports what it has
    taken, has said nothing for long. `sent`: the gateway has taken it.
    """

    PENDING = "pending"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"
    NOT_ACCEPTED = "not_accepted"
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


_FINAL = 5
_RANKS = {
    DeliveryState.PENDING: 0,
    DeliveryState.CLAIMED: 1,
    DeliveryState.UNKNOWN: 2,
    DeliveryState.NOT_ACCEPTED: 3,
    DeliveryState.SENT: 4,
    DeliveryState.DELIVERED: _FINAL,
    DeliveryState.FAILED: _FINAL,
    DeliveryState.EXPIRED: _FINAL,
}
