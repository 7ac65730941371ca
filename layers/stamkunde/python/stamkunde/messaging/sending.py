"""Sending what waits in the outbox: claim, call the gateway once, record.

What may break breaks before the claim, and a message that isn't worth sending any more is recorded as expired.

Whatever dies in between, nothing is sent twice and nothing is lost unseen: a claim that nobody finishes is recorded
as unknown, and what nobody has claimed is woken again. Advertising that was sent uses the yes it was sent by; a use
that is lost where a worker dies lets that yes lapse sooner, and never later.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from stamkunde.gateways.email import Email
from stamkunde.gateways.handover import AnswerLost, Gateway, NotAccepted, Refused
from stamkunde.gateways.reference import MessageReference
from stamkunde.gateways.sms import Sms
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.messaging.model import KINDS, DeliveryState, MessageClass
from stamkunde.messaging.outbox import CODE_PLACE, MOST_ATTEMPTS, Delivery, Message, delivery_of
from stamkunde.messaging.parts import BodyFault, body_fault, count_parts
from stamkunde.messaging.store import OUTBOX_SHARDS, Key, Outbox, outbox_key
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock
from stamkunde.shared.patience import Patience

WAKE_AFTER = timedelta(minutes=2)
"""What has waited for so long has lost its wake-up."""

WORKER_LOST = "worker_lost"
TOO_LATE = "too_late"
CLUB_GONE = "club_gone"

type HandOver = Callable[[], str]
type CodeOf = Callable[[Message], str | None]
"""Works out the code that a message carries; None when its club is gone."""

type NoteUse = Callable[[Message, datetime], None]
"""Notes when the yes was used that a message was sent by; tries once."""


@dataclass(eq=False)
class Unsendable(Exception):
    """A message that no try would send.

    Parameters
    ----------
    reason
        A code.
    """

    reason: str


class Gateways(Struct, frozen=True):
    """Where messages go, by channel."""

    sms: Gateway[Sms]
    email: Gateway[Email]


class Sending(Struct, frozen=True):
    """What the message worker does with one wake-up."""

    outbox: Outbox
    gateways: Gateways
    code_of: CodeOf
    note_use: NoteUse
    clock: Clock
    patience: Patience

    def send(self, key: Key) -> Delivery | None:
        """Send the message that waits there, unless somebody has; what became of it, if that was found out now.

        Raises
        ------
        NotAccepted
            The gateway surely has not taken it: it waits on, for another wake-up.
        """
        message = self.outbox.load(key)
        now = self.clock.now()
        if message is None or message.is_early(now):
            # What is early is woken again when it is due; see `OutboxCare`.
            return None
        if message.claim is not None or message.is_too_late(now):
            return give_up(self.outbox, message, self.clock, self.patience)
        try:
            hand_over = self.prepare(message)
        except Unsendable as fault:
            return self._record(message, DeliveryState.FAILED, reason=fault.reason)
        claimed = self.outbox.claim(message, now)
        if claimed is None:
            return None
        delivery = self._hand_over(claimed, hand_over)
        if message.yes is not None and delivery is not None and delivery.state is DeliveryState.SENT:
            # Not when the gateway answered: at this instant it was seen that the yes still counts.
            self.patience.until_done(lambda: self.note_use(message, now))
        return delivery

    def prepare(self, message: Message) -> HandOver:
        """The one call of the gateway, all put together.

        Raises
        ------
        Unsendable
            ``club_gone``, and the faults of a body.
        """
        code = self.code_of(message) if message.challenge else ""
        if code is None:
            raise Unsendable(CLUB_GONE)
        text = message.text.replace(CODE_PLACE, code)
        fault = _fault(message.channel, text)
        if fault is not None:
            raise Unsendable(fault)
        if message.channel is Channel.EMAIL:
            return partial(self.gateways.email.send, _email(message, text))
        return partial(self.gateways.sms.send, _sms(message, text))

    def _hand_over(self, message: Message, hand_over: HandOver) -> Delivery | None:
        try:
            provider_id = hand_over()
        except NotAccepted as failure:
            if message.attempts + 1 < MOST_ATTEMPTS:
                self.outbox.give_back(message)
                raise
            return self._record(message, DeliveryState.FAILED, reason=failure.reason)
        except Refused as failure:
            return self._record(message, DeliveryState.FAILED, reason=failure.reason)
        except AnswerLost as failure:
            return self._record(message, DeliveryState.UNKNOWN, reason=failure.reason)
        return self._record(message, DeliveryState.SENT, provider_id=provider_id)

    def _record(self, message: Message, state: DeliveryState, **known: str) -> Delivery | None:
        delivery = delivery_of(message, state, self.clock.now(), **known)
        return record(self.outbox, message, delivery, self.patience)


class Broken(Struct, frozen=True):
    """A row of the outbox that could not be tended, where it lies and why; it waits on."""

    key: Key
    error: Exception


class Tended(Struct, frozen=True):
    """What the outbox job has found.

    Parameters
    ----------
    waiting
        How many messages have waited too long, those that broke included.
    lost
        How many wake-ups were lost.
    given_up
        What became of those that nobody will finish.
    broken
        What could not be read or given up.
    """

    waiting: int
    lost: int
    given_up: tuple[Delivery, ...]
    broken: tuple[Broken, ...]


class OutboxCare(Struct, frozen=True):
    """What the outbox job does every minute."""

    outbox: Outbox
    wake_ups: WakeUps
    clock: Clock
    patience: Patience

    def tend(self) -> Tended:
        """Wake the worker for what waits too long or has just come due, and record what nobody will finish.

        That is what was claimed by a worker that is gone, and what isn't worth sending any more. Whatever breaks
        stands in the way of nothing else.
        """
        now = self.clock.now()
        long_ago = now - WAKE_AFTER
        due, broken = self._due(now)
        left = [message for message in due if message.due_at < long_ago]
        # Nobody was there to wake what kept quiet hours when they were over: it has not waited too long.
        opening = [each for each in due if each.could_go_at(now) >= long_ago and KINDS[each.kind].keeps_quiet_hours]
        waiting = [each for each in left if each.could_go_at(now) < long_ago and _is_sendable(each, now)]
        to_wake = waiting + [message for message in opening if _is_sendable(message, now)]
        lost = self.wake_ups.send([outbox_key(message) for message in to_wake])
        given_up, stuck = self._give_up(left)
        broken += stuck
        return Tended(len(waiting) + len(broken), lost, tuple(given_up), tuple(broken))

    def _due(self, now: datetime) -> tuple[list[Message], list[Broken]]:
        due, broken = [], []
        for shard in range(OUTBOX_SHARDS):
            for row in self.outbox.due(shard, now):
                try:
                    due.append(row.message())
                except Exception as error:  # noqa: BLE001 - a row of one club must not hold up the others
                    broken.append(Broken(row.key, error))
        return due, broken

    def _give_up(self, left: list[Message]) -> tuple[list[Delivery], list[Broken]]:
        given_up, broken = [], []
        for message in left:
            try:
                delivery = give_up(self.outbox, message, self.clock, self.patience)
            except Exception as error:  # noqa: BLE001 - a message of one club must not hold up the others
                broken.append(Broken(outbox_key(message), error))
                continue
            if delivery is not None:
                given_up.append(delivery)
        return given_up, broken


def give_up(outbox: Outbox, message: Message, clock: Clock, patience: Patience) -> Delivery | None:
    """Record what nobody will finish; None if somebody still may.

    Unknown is a message whose worker is gone for sure, expired one that nobody took in time.
    """
    now = clock.now()
    if message.claim is None and message.is_too_late(now):
        delivery = delivery_of(message, DeliveryState.EXPIRED, now, reason=TOO_LATE)
    elif message.claim is not None and message.claim.is_over(now):
        delivery = delivery_of(message, DeliveryState.UNKNOWN, now, reason=WORKER_LOST)
    else:
        return None
    return record(outbox, message, delivery, patience)


def record(outbox: Outbox, message: Message, delivery: Delivery, patience: Patience) -> Delivery | None:
    """Record what became of a message; None if as much was known already."""
    return delivery if patience.until_done(lambda: outbox.record(message, delivery)) else None


def _is_sendable(message: Message, now: datetime) -> bool:
    """Whether a worker may still take it."""
    return message.claim is None and not message.is_too_late(now)


def _fault(channel: Channel, text: str) -> BodyFault | None:
    """What forbids sending these words; an e-mail has no parts."""
    fault = body_fault(text)
    return None if channel is Channel.EMAIL and fault is BodyFault.TOO_LONG else fault


def _sms(message: Message, text: str) -> Sms:
    return Sms(
        recipient=message.recipient,
        sender=message.sender,
        text=text,
        parts=count_parts(text).most_parts,
        advertises=KINDS[message.kind].message_class is MessageClass.MARKETING,
    )


def _email(message: Message, text: str) -> Email:
    reference = MessageReference(message.club_id, message.message_id).text
    return Email(message.recipient, message.sender, message.subject or "", text, reference=reference)
