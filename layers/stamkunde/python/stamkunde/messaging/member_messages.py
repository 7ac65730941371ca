"""What is written to members by itself: composed here, kept with the fact that it tells of, and woken afterwards."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from msgspec import Struct

from stamkunde.clubs.model import Club, TermsVersion
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.messaging.default_texts import named_values
from stamkunde.messaging.model import KINDS, Basis, Domains, Field, MessageClass, MessageKind
from stamkunde.messaging.outbox import (
    CODE_PLACE,
    Message,
    code_message_id,
    new_message_id,
    worth_sending_until,
)
from stamkunde.messaging.quiet_hours import Pause, SendingHours, next_closing, pause_after, send_from
from stamkunde.messaging.sender import mail_sender, sender_id
from stamkunde.messaging.stop_line import link_stops_too, with_stop_line
from stamkunde.messaging.store import ClubMessages, outbox_key
from stamkunde.messaging.text import compose_sms, compose_subject
from stamkunde.messaging.words import Words, default_words
from stamkunde.messaging.written import written_bonus, written_day, written_far_day
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import local_date
from stamkunde.shared.money import Money, Points
from stamkunde.shared.transaction import Put

SAME_DAY_NEXT_YEAR = timedelta(days=300)
"""A day so far away is written with its year."""


class ToAbsent(Struct, frozen=True):
    """What a member is told who stays away.

    Parameters
    ----------
    last_active
        The club's day on which they were last there.
    stop, stay
        The tokens of the links by which they get no more advertising, and by which they stay a member.
    names
        The day on which they are deleted unless they come back; None while there is time.
    bonus
        What they hold, or lose; None for nothing.
    """

    first_name: str | None
    last_active: date
    stop: str | None = None
    stay: str | None = None
    names: date | None = None
    bonus: Money | Points | None = None


class MemberMessages(Struct, frozen=True):
    """The messages that one club's members get.

    Parameters
    ----------
    domains
        Where links and codes lead, and what e-mail comes from.
    ahead
        How far the club's clock is ahead of the real one, in which the outbox lives (local engine only).
    words
        What the club says in a kind of message, in a language: in its own words, or in ours.
    """

    club: Club
    store: ClubMessages
    wake_ups: WakeUps
    domains: Domains
    ahead: timedelta = timedelta()
    words: Callable[[MessageKind, str], Words] = default_words

    def code(self, phone: str, challenge_id: str, language: str, now: datetime) -> Message:
        """The message with a one-time code, which is worked out when it is sent and stands nowhere before.

        For the same challenge, asked for at the same instant, it is the same message, and may be woken again.
        """
        values = {Field.CODE: CODE_PLACE, Field.DOMAIN: self.domains.pages}
        return self._message(MessageKind.CODE, phone, language, now, values, challenge=challenge_id)

    def welcome(self, phone: str, first_name: str | None, language: str, now: datetime) -> Message:
        """The answer to having become a member; its link names the club only, so forwarding it tells nothing."""
        link = f"{self.domains.short}/c/{self.club.slug}"
        values = {Field.FIRST_NAME: first_name or "", Field.LINK: link}
        return self._message(MessageKind.WELCOME, phone, language, now, values)

    def till_join(self, phone: str, token: str, language: str, now: datetime) -> Message:
        """The answer to having joined at the till, with the link that accepts the terms or deletes the number."""
        values = {Field.LINK: f"{self.domains.short}/{token}"}
        return self._message(MessageKind.TILL_JOIN, phone, language, now, values)

    def confirm_email(self, email: str, token: str, language: str, now: datetime) -> Message:
        """The e-mail that asks whether the address is right."""
        # Mail programs make a link of an address only if it says how it is reached.
        values = {Field.LINK: f"https://{self.domains.short}/{token}"}
        return self._message(MessageKind.CONFIRM_EMAIL, email, language, now, values)

    def erasure_requested(
        self,
        phone: str,
        token: str,
        erase_on: date,
        language: str,
        now: datetime,
        *,
        bonus: Money | Points | None = None,
        news_only: bool = False,
    ) -> Message:
        """That somebody is to be deleted, with the link that undoes it.

        Parameters
        ----------
        bonus
            What they can spend until then and lose; None for nothing.
        news_only
            They are no member, and only take the news.
        """
        values = {Field.DATE: written_day(erase_on, language), Field.LINK: f"{self.domains.short}/{token}"}
        if bonus is not None:
            values[Field.BONUS] = written_bonus(bonus, language)
            return self._message(MessageKind.ERASURE_REQUESTED_BONUS, phone, language, now, values)
        kind = MessageKind.ERASURE_REQUESTED_NEWS if news_only else MessageKind.ERASURE_REQUESTED
        return self._message(kind, phone, language, now, values)

    def erasure_undone(self, phone: str, language: str, now: datetime) -> Message:
        """That a member stays after all; its link names the club only."""
        values = {Field.LINK: f"{self.domains.short}/c/{self.club.slug}"}
        return self._message(MessageKind.ERASURE_UNDONE, phone, language, now, values)

    def erased(self, phone: str, out_of_copies_on: date, language: str, now: datetime) -> Message:
        """That somebody was deleted, as they had asked, and from when on no copy holds them either."""
        return self._message(
            MessageKind.ERASED, phone, language, now, {Field.DATE: written_day(out_of_copies_on, language)}
        )

    def number_changed(self, old_phone: str, language: str, now: datetime) -> Message:
        """To the number that a member had: if it wasn't them, they are to say so."""
        contact = self.club.join_page.contact if self.club.join_page else ""
        return self._message(MessageKind.NUMBER_CHANGED, old_phone, language, now, {Field.CONTACT: contact})

    def stopped(self, phone: str, language: str, now: datetime) -> Message:
        """The answer to STOP: that it was understood. It asks for nothing and offers no way back."""
        return self._message(MessageKind.STOPPED, phone, language, now, {})

    def terms_reminder(
        self,
        phone: str,
        token: str,
        number: int,
        erase_on: date,
        language: str,
        now: datetime,
        *,
        bonus: Money | Points | None = None,
        is_brought: bool = False,
    ) -> Message:
        """That somebody hasn't accepted the terms, with the link that does it and the day on which they are erased.

        Parameters
        ----------
        number
            1 for the first reminder; any other is the last one.
        bonus
            What is lost with it; None for nothing.
        is_brought
            The club brought them along from another system, and they haven't heard of this one.
        """
        values = {Field.DATE: written_day(erase_on, language), Field.LINK: f"{self.domains.short}/{token}"}
        if bonus is None:
            first = MessageKind.IMPORT_TERMS if is_brought else MessageKind.TERMS_WEEK_1
            kind = first if number == 1 else MessageKind.TERMS_WEEK_2
            return self._message(kind, phone, language, now, values)
        values[Field.BONUS] = written_bonus(bonus, language)
        kind = MessageKind.TERMS_WEEK_1_BONUS if number == 1 else MessageKind.TERMS_WEEK_2_BONUS
        return self._message(kind, phone, language, now, values)

    def terms_changed(self, phone: str, terms: TermsVersion, language: str, now: datetime) -> Message:
        """That new terms hold from a day on; its link shows what is new in them, and names the club only."""
        link = f"{self.domains.short}/t/{self.club.slug}"
        values = {Field.DATE: written_day(terms.first_day(self.club.time_zone), language), Field.LINK: link}
        return self._message(MessageKind.TERMS_CHANGED, phone, language, now, values)

    def to_absent(
        self, kind: MessageKind, phone: str, told: ToAbsent, language: str, now: datetime, basis: Basis | None
    ) -> Message:
        """A notice to somebody who stays away; the link of the last one keeps them, the others' names the club.

        Where the words before it say so, that link is also the one to stop by. What advertises is sent by `basis`.
        """
        short, words = self.domains.short, self.words(kind, language)
        page = told.stop if told.stop and link_stops_too(kind, words.text, language) else f"c/{self.club.slug}"
        values = {
            Field.FIRST_NAME: told.first_name or "",
            Field.LINK: f"{short}/{told.stay or page}",
            Field.LAST_ACTIVE: written_far_day(told.last_active, language),
        }
        if told.stop:
            values[Field.STOP] = f"{short}/{told.stop}"
        if told.bonus is not None:
            values[Field.BONUS] = written_bonus(told.bonus, language)
        if told.names:
            is_near = told.names - local_date(now, self.club.time_zone) < SAME_DAY_NEXT_YEAR
            values[Field.DATE] = (written_day if is_near else written_far_day)(told.names, language)
        return self._message(kind, phone, language, now, values, words=words, basis=basis)

    def writes(self, *messages: Message) -> list[Put]:
        """The messages' rows, for the transaction that writes what they tell of."""
        return [self.store.outbox_write(message) for message in messages]

    def wake(self, *messages: Message) -> None:
        """Start the worker, once the rows are written; the outbox job does it if this is lost."""
        self.wake_ups.send([outbox_key(message) for message in messages])

    def _message(
        self,
        kind: MessageKind,
        recipient: str,
        language: str,
        now: datetime,
        values: Mapping[Field, str],
        *,
        challenge: str | None = None,
        words: Words | None = None,
        basis: Basis | None = None,
    ) -> Message:
        rules = KINDS[kind]
        if (rules.message_class is MessageClass.MARKETING) != (basis is not None):
            raise ValueError(f"{kind}: advertising, and nothing else, says by what it may be sent")
        due_at = self._due_at(kind, now)
        pause, closed_for_good = self._pauses(due_at) if rules.keeps_quiet_hours else (None, None)
        ends = (worth_sending_until(kind, due_at), closed_for_good, basis and basis.until - self.ahead)
        club_name = self.club.name.replace(CODE_PLACE, "")
        merged = {Field.CLUB: club_name, **values}
        if not rules.fields <= merged.keys():
            raise ValueError(f"{kind} may merge more than it is given")
        named, words = named_values(language, merged), words or self.words(kind, language)
        return Message(
            club_id=self.club.club_id,
            message_id=code_message_id(challenge) if challenge else new_message_id(),
            kind=kind,
            channel=rules.channel,
            recipient=recipient,
            sender=self._sender(rules.channel),
            text=compose_sms(with_stop_line(kind, words.text, language), named).text,
            due_at=due_at,
            send_before=min(each for each in ends if each),
            subject=compose_subject(words.subject, named) if words.subject else None,
            challenge=challenge,
            yes=basis.yes if basis else None,
            pause=pause,
        )

    def _due_at(self, kind: MessageKind, now: datetime) -> datetime:
        """When a message may go out: decided by the club's own clock, written in real time."""
        rules = KINDS[kind]
        club_time = send_from(
            rules.message_class,
            rules.timing,
            now,
            SendingHours(),
            time_zone=self.club.time_zone,
            country=self.club.country,
        )
        return club_time - self.ahead

    def _pauses(self, due_at: datetime) -> tuple[Pause, datetime]:
        """The closed hours that a message may wait through, and when the next ones begin: one night is enough."""
        at = {"time_zone": self.club.time_zone, "country": self.club.country}
        night = pause_after(due_at + self.ahead, SendingHours(), **at)
        closes = next_closing(night.ends, SendingHours(), **at)
        return Pause(night.begins - self.ahead, night.ends - self.ahead), closes - self.ahead

    def _sender(self, channel: Channel) -> str:
        if channel is Channel.EMAIL:
            return mail_sender(self.club.name, self.club.slug, self.domains.mail)
        return sender_id(self.club.name)
