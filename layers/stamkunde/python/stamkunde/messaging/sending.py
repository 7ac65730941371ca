"""Sending what waits in the outbox: claim, call the gateway once, record.

Whatever dies in between, nothing is sent twice and nothing is lost unseen: a claim that nobody finishes is recorded
as unknown, and what nobody has claimed is woken again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from stamkunde.gateways.sms import AnswerLost, NotAccepted, Refused, Sms, SmsGateway
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.messaging.model import KINDS, DeliveryState, MessageClass
from stamkunde.messaging.outbox import MOST_ATTEMPTS, Delivery, Message, delivery_of
from stamkunde.messaging.parts import count_parts
from stamkunde.messaging.store import OUTBOX_SHARDS, Key, Outbox, outbox_key
from stamkunde.shared.clock import Clock
from stamkunde.shared.patience import Patience

WAKE_AFTER = timedelta(minutes=2)
WORKER_LOST = "worker_lost"


@dataclass(frozen=True, slots=True)
class Sending:
    """What the message worker does with one wake-up."""

    outbox: Outbox
    sms: SmsGateway
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
        if message is None:
            return None
        if message.claim is not None:
            return give_up(self.outbox, message, self.clock, self.patience)
        claimed = self.outbox.claim(message, self.clock.now())
        return self._hand_over(claimed) if claimed else None

    def _hand_over(self, message: Message) -> Delivery | None:
        try:
            provider_id = self.sms.send(_sms(message))
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


@dataclass(frozen=True, slots=True)
class Tended:
    """What the outbox job has found: how many messages wait, wake-ups lost, and claims nobody finished."""

    waiting: int
    lost: int
    unknown: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class OutboxCare:
    """What the outbox job does every minute."""

    outbox: Outbox
    wake_ups: WakeUps
    clock: Clock
    patience: Patience

    def tend(self) -> Tended:
        """Wake the worker for what waits too long, and record as unknown what was claimed and never finished."""
        left = list(self._left_over())
        waiting = [outbox_key(message) for message in left if message.claim is None]
        lost = self.wake_ups.send(waiting)
        unknown = [
            give_up(self.outbox, message, self.clock, self.patience) for message in left if message.claim is not None
        ]
        return Tended(len(waiting), lost, tuple(delivery for delivery in unknown if delivery is not None))

    def _left_over(self) -> Iterator[Message]:
        until = self.clock.now() - WAKE_AFTER
        for shard in range(OUTBOX_SHARDS):
            yield from self.outbox.due(shard, until)


def give_up(outbox: Outbox, message: Message, clock: Clock, patience: Patience) -> Delivery | None:
    """Record a message as unknown if whoever claimed it is gone for sure; otherwise leave it to them."""
    now = clock.now()
    if message.claim is None or not message.claim.is_over(now):
        return None
    delivery = delivery_of(message, DeliveryState.UNKNOWN, now, reason=WORKER_LOST)
    return record(outbox, message, delivery, patience)


def record(outbox: Outbox, message: Message, delivery: Delivery, patience: Patience) -> Delivery | None:
    """Record what became of a message; None if as much was known already."""
    return delivery if patience.until_done(lambda: outbox.record(message, delivery)) else None


def _sms(message: Message) -> Sms:
    return Sms(
        recipient=message.recipient,
        sender=message.sender,
        text=message.text,
        parts=count_parts(message.text).most_parts,
        advertises=KINDS[message.kind].message_class is MessageClass.MARKETING,
    )
