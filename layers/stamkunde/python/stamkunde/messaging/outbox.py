"""What waits to be sent, and what became of it. Pure."""

from copy import replace
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.messaging.model import KINDS, DeliveryState, MessageKind, Yes
from stamkunde.messaging.parts import Encoding, PartCount, count_parts
from stamkunde.messaging.quiet_hours import Pause
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import compact_instant
from stamkunde.shared.ids import derived_id, new_id
from stamkunde.shared.one_time_code import CODE_DIGITS

MOST_ATTEMPTS = 5
"""How often a message is offered to a gateway that surely did not take it."""

CLAIM_LASTS = timedelta(seconds=60)
"""After that nobody can still be calling the gateway: the worker's own time limit is a sixth of it."""

TESTS_AN_HOUR = 5

CODE_PLACE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands in a waiting text where the code comes: Unicode's own sign for something that isn't in the text."""


class Claim(Struct, frozen=True):
    """Who has taken a message, and when: at most one ever calls the gateway with it."""

    claim_id: str
    claimed_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether whoever made it is gone for sure."""
        return now - self.claimed_at >= CLAIM_LASTS


class Message(Struct, frozen=True):
    """A message that waits, as it will be sent but for its code.

    Parameters
    ----------
    recipient
        E.164, or an e-mail address.
    sender
        The name that a text message comes from, or the whole From of an e-mail.
    subject
        Of an e-mail.
    challenge
        What the code is worked out from for which `CODE_PLACE` stands in the text: it is neither kept nor queued.
    send_before
        From then on it isn't worth sending.
    attempts
        How often the gateway has surely not taken it.
    claim
        Set while it is with the gateway.
    yes
        Of advertising: the yes that is used by sending it.
    pause
        Of what keeps quiet hours: the closed hours after it came due, in which it waits on.
    """

    club_id: str
    message_id: str
    kind: MessageKind
    channel: Channel
    recipient: str
    sender: str
    text: str
    due_at: datetime
    send_before: datetime
    subject: str | None = None
    challenge: str | None = None
    attempts: int = 0
    claim: Claim | None = None
    yes: Yes | None = None
    pause: Pause | None = None

    @property
    def claimed_by(self) -> str | None:
        """The id of the claim, if somebody has taken it."""
        return self.claim.claim_id if self.claim else None

    def is_early(self, now: datetime) -> bool:
        """Whether it must wait on.

        Only what keeps quiet hours does, until it is due and again once the hours are over. What goes at once is due
        by the clock of whoever wrote it, which may be a little ahead of the worker's.
        """
        is_paused = self.pause is not None and self.pause.holds(now)
        return KINDS[self.kind].keeps_quiet_hours and (now < self.due_at or is_paused)

    def could_go_at(self, now: datetime) -> datetime:
        """Since when it might have been sent, by the hours that it keeps."""
        return self.pause.ends if self.pause and now >= self.pause.ends else self.due_at

    def is_too_late(self, now: datetime) -> bool:
        """Whether it isn't worth sending any more."""
        return now >= self.send_before

    def count(self) -> PartCount | None:
        """What a text message takes, its code included; None for an e-mail."""
        if self.channel is not Channel.SMS:
            return None
        return count_parts(self.text.replace(CODE_PLACE, "0" * CODE_DIGITS))


class Delivery(Struct, frozen=True):
    """What is kept of a message once the gateway was called: nothing of whom it went to, or what it said.

    Parameters
    ----------
    parts, encoding
        Of a text message; an e-mail has no parts.
    reason
        Why it was not sent, or nobody knows; a code.
    provider_id
        The gateway's own id, to ask it by.
    record_id
        Tells whoever recorded it that it was them, when the answer to that was lost.
    """

    club_id: str
    message_id: str
    kind: MessageKind
    channel: Channel
    state: DeliveryState
    parts: int
    encoding: Encoding | None
    due_at: datetime
    recorded_at: datetime
    reason: str | None = None
    provider_id: str | None = None
    record_id: str | None = None

    @property
    def message_class(self) -> str:
        """The class that the kind fixes."""
        return KINDS[self.kind].message_class.value


def new_message_id() -> str:
    """A message's id."""
    return new_id("x")


def code_message_id(challenge_id: str) -> str:
    """The id of the message with a challenge's code: whoever asks for the same code again can wake it again."""
    return derived_id("x", "code", challenge_id, letters=16)


def worth_sending_until(kind: MessageKind, due_at: datetime) -> datetime:
    """From when on a message isn't sent any more: its kind decides."""
    return due_at + KINDS[kind].lasts


def delivery_of(
    message: Message,
    state: DeliveryState,
    now: datetime,
    *,
    reason: str | None = None,
    provider_id: str | None = None,
) -> Delivery:
    """What is kept of a message after this outcome."""
    count = message.count()
    return Delivery(
        message.club_id,
        message.message_id,
        message.kind,
        message.channel,
        state,
        count.parts if count else 0,
        count.encoding if count else None,
        message.due_at,
        now,
        reason,
        provider_id,
        new_id("", 12),
    )


class HourlyCount(Struct, frozen=True):
    """How many test messages a club has sent in an hour of UTC."""

    hour: str
    used: int

    def at(self, now: datetime) -> "HourlyCount":
        """The allowance of the hour that `now` lies in."""
        hour = hour_of(now)
        return self if hour == self.hour else HourlyCount(hour, 0)

    @property
    def is_used_up(self) -> bool:
        """Whether no more may be sent in this hour."""
        return self.used >= TESTS_AN_HOUR

    def one_more(self) -> "HourlyCount":
        """After one more message."""
        return replace(self, used=self.used + 1)


def hour_of(now: datetime) -> str:
    """An hour of UTC, such as ``20261121T12``."""
    return compact_instant(now)[:11]


def seconds_to_next_hour(now: datetime) -> int:
    """Whole seconds until the next hour begins."""
    return 3600 - now.minute * 60 - now.second
