"""Writing messages into the outbox. Load, decide by the model, write once; then wake the worker."""

import time
from collections.abc import Callable

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.messaging.default_texts import default_template, named_values
from stamkunde.messaging.model import Field, MessageKind
from stamkunde.messaging.outbox import (
    TESTS_AN_HOUR,
    Delivery,
    HourlyCount,
    Message,
    hour_of,
    new_message_id,
    seconds_to_next_hour,
    worth_sending_until,
)
from stamkunde.messaging.sender import mail_sender, sender_id
from stamkunde.messaging.store import ClubMessages, outbox_key, write_purpose
from stamkunde.messaging.text import compose_sms
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.phone import parse_phone
from stamkunde.shared.transaction import Busy, ConditionFailed

SECONDS_BETWEEN_LOOKS = 0.2


class OperatorMessages(Struct, frozen=True):
    """Test messages of one club, to see whether the gateway takes them and the sender's name arrives."""

    club: Club
    store: ClubMessages
    wake_ups: WakeUps
    clock: Clock
    patience: Patience
    sleep: Callable[[float], None] = time.sleep

    def send(self, typed_phone: str, text: str | None = None) -> Message:
        """Have a test message sent to a number that an operator typed.

        Parameters
        ----------
        text
            What a campaign would say, to try it out; else that this is a test.

        Raises
        ------
        Refusal
            ``too_many_messages``, ``try_again``, and those of `parse_phone`: nobody is written to outside the
            countries in which the club takes members.
        """
        phone = parse_phone(typed_phone, country=self.club.country, allowed_countries=self.club.join_countries)
        template = default_template(MessageKind.TEST, self.club.language)
        values = named_values(self.club.language, {Field.CLUB: self.club.name})
        said = text or compose_sms(template, values).text
        return self._sent(self._message(Channel.SMS, phone, sender_id(self.club.name), said))

    def send_email(self, address: str, subject: str, text: str, mail_domain: str) -> Message:
        """Have an e-mail of a campaign sent to an operator's own address, to try it out.

        Parameters
        ----------
        address
            As `stamkunde.members.email_address.read_email` reads it.

        Raises
        ------
        Refusal
            ``too_many_messages``, ``try_again``.
        """
        sender = mail_sender(self.club.name, self.club.slug, mail_domain)
        return self._sent(self._message(Channel.EMAIL, address, sender, text, subject))

    def wait_for(self, message: Message, seconds: int) -> Delivery | None:
        """What became of a message, as soon as that is known; None if it still isn't after so many seconds."""
        for _ in range(round(seconds / SECONDS_BETWEEN_LOOKS)):
            delivery = self.store.find_delivery(message.message_id)
            if delivery is not None:
                return delivery
            self.sleep(SECONDS_BETWEEN_LOOKS)
        return self.store.find_delivery(message.message_id)

    def _sent(self, message: Message) -> Message:
        self.patience.until_done(lambda: self._try_to_write(message))
        self.wake_ups.send([outbox_key(message)])
        return message

    def _message(
        self, channel: Channel, recipient: str, sender: str, text: str, subject: str | None = None
    ) -> Message:
        now = self.clock.now()
        return Message(
            club_id=self.club.club_id,
            message_id=new_message_id(),
            kind=MessageKind.TEST,
            channel=channel,
            recipient=recipient,
            sender=sender,
            text=text,
            due_at=now,
            send_before=worth_sending_until(MessageKind.TEST, now),
            subject=subject,
        )

    def _try_to_write(self, message: Message) -> None:
        now = self.clock.now()
        before = self.store.tests_sent()
        present = (before or HourlyCount(hour_of(now), 0)).at(now)
        if present.is_used_up:
            raise Refusal("too_many_messages", {"most": TESTS_AN_HOUR}, retry_after=seconds_to_next_hour(now))
        counted = self.store.count_write(before, present.one_more())
        try:
            self.store.commit([counted, self.store.outbox_write(message)])
        except ConditionFailed as failed:
            if failed.found.get(write_purpose(message)) is None:
                raise Busy from failed
