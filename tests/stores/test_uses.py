"""A yes is used when advertising was really sent by it, and by nothing else; and what follows from that (R29)."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from stamkunde.gateways.handover import NotAccepted
from stamkunde.members.consents import PermissionKind, permissions
from stamkunde.members.lapsing import LapsingNotes, LapsingPermissions
from stamkunde.members.permission import Facts, basis
from stamkunde.members.uses import Uses
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.messaging.model import KINDS, Basis, DeliveryState, Field, MessageClass, MessageKind, Yes
from stamkunde.messaging.outbox import MOST_ATTEMPTS, Delivery, Message
from stamkunde.shared.channel import Channel
from stamkunde.shared.transaction import Busy
from tests.due_scene import AN_HOUR, JOINED, DueShop, open_due_shop
from tests.gateways.network import Mood
from tests.post_office import DOMAINS, PostOffice
from tests.stores.test_due_items import agree
from tests.stores.test_joining import join, newsletter
from tests.unit_meter import UnitMeter

SMS = PermissionKind.SMS
OFFER = MessageKind.ERASURE_UNDONE
"""Stands for an offer in these tests, in which it advertises."""

A_DAY = timedelta(days=1)
NOTED = datetime(2027, 1, 2, 7, tzinfo=UTC)
LAPSED = datetime(2027, 3, 1, 23, tzinfo=UTC)


class Advertiser(MemberMessages, frozen=True):
    """Writes to a member what the club advertises."""

    def offer(self, phone: str, now: datetime, by: Basis | None) -> Message:
        values = {Field.LINK: "k.test/c/holm", Field.STOP: "k.test/s"}
        return self._message(OFFER, phone, "da", now, values, basis=by)


class Shop:
    """A shop that advertises, with its post office and its hourly job."""

    def __init__(self, office: PostOffice, due: DueShop) -> None:
        self.office, self.due = office, due
        office.club = due.shop.club
        self.at(JOINED)

    def at(self, now: datetime) -> None:
        self.office.now = now
        self.due.at(now)

    @property
    def now(self) -> datetime:
        return self.due.shop.now()

    def member(self) -> str:
        """Somebody who said yes to text messages just now."""
        member_id = self.due.shop.new_member()
        agree(self.due, member_id)
        return member_id

    def basis(self, member_id: str) -> Basis | None:
        member, records = self.due.shop.members.load_with_records(member_id)
        return basis(Facts(self.due.shop.club, member, tuple(records)), Channel.SMS, self.now)

    @property
    def advertiser(self) -> Advertiser:
        return Advertiser(self.office.club, self.office.store, self.office.wake_ups, DOMAINS)

    def write(self, member_id: str, *, advertises: bool = True) -> Message:
        member = self.due.member(member_id)
        assert member is not None
        message = self.advertiser.offer(member.phone, self.now, self.basis(member_id) if advertises else None)
        self.office.store.commit(self.advertiser.writes(message))
        return message

    def advertise(self, member_id: str, now: datetime | None = None) -> Delivery | None:
        if now:
            self.at(now)
        return self.office.work(self.write(member_id))

    def live_until(self, now: datetime) -> None:
        """What the hourly job does until then: whoever is due is looked at, and nobody else."""
        while (due_at := min(map(_due_at, self.due.hints()), default=now)) < now:
            self.due.jump(due_at)
        self.due.jump(now)
        self.at(now)

    def used(self, member_id: str) -> list[tuple[PermissionKind, datetime]]:
        return [use for record in self.due.shop.members.consent_records(member_id) for use in record.used]

    def last_use(self, member_id: str) -> datetime | None:
        records = self.due.shop.members.consent_records(member_id)
        return permissions(records, email_confirmed=True)[SMS].last_used_at

    def warned_of(self) -> list[date]:
        """What the owner reads now: the days on which permissions lapse."""
        shop = self.due.shop
        notes = LapsingNotes(shop.client, shop.members_table, shop.club.club_id)
        return [each.lapses_on for each in LapsingPermissions(shop.club, notes, shop.members, shop.clock).list()]


def _due_at(hint: dict[str, Any]) -> datetime:
    return datetime.strptime(hint["sk"][:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


@pytest.fixture
def shop(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setitem(KINDS, OFFER, replace(KINDS[OFFER], message_class=MessageClass.MARKETING))
    return Shop(office, open_due_shop(office.client))


def test_an_offer_that_was_sent_uses_the_yes_it_was_sent_by(shop: Shop) -> None:
    """R29."""
    member_id = shop.member()
    assert shop.used(member_id) == []
    sent = shop.advertise(member_id, JOINED + 30 * A_DAY)
    assert sent is not None
    assert sent.state is DeliveryState.SENT
    assert shop.used(member_id) == [(SMS, JOINED + 30 * A_DAY)]
    by = shop.basis(member_id)
    assert by is not None
    assert by.until == datetime(2027, 3, 31, 22, tzinfo=UTC)


def test_the_words_of_a_yes_are_not_touched_by_its_use(shop: Shop) -> None:
    """R9, R29."""
    member_id = shop.member()
    before = shop.due.shop.members.consent_records(member_id)
    shop.advertise(member_id, JOINED + A_DAY)
    after = shop.due.shop.members.consent_records(member_id)
    assert [replace(record, used=()) for record in after] == before


def test_a_service_message_uses_nothing_and_costs_no_write_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """R29."""
    member_id = shop.member()
    meter = UnitMeter()
    meter.attach(shop.office.client)

    def calls_of(message: Message) -> dict[str, int]:
        meter.reset()
        shop.office.work(message)
        return {name: count for name, count in meter.calls.items() if name not in {"Query", "GetItem"}}

    offer = calls_of(shop.write(member_id))
    used = shop.used(member_id)
    monkeypatch.setitem(KINDS, OFFER, replace(KINDS[OFFER], message_class=MessageClass.SERVICE))
    service = calls_of(shop.write(member_id, advertises=False))
    # The claim is an update too.
    assert service == {"UpdateItem": 1, "TransactWriteItems": 1}
    assert offer == service | {"UpdateItem": 2}
    assert shop.used(member_id) == used


@pytest.mark.parametrize("mood", [mood for mood in Mood if mood is not Mood.ACCEPTS])
def test_what_was_not_surely_sent_is_no_use(shop: Shop, mood: Mood) -> None:
    """R29."""
    member_id = shop.member()
    message = shop.write(member_id)
    shop.office.in_a_mood(mood)
    for _ in range(MOST_ATTEMPTS):
        try:
            shop.office.work(message)
        except NotAccepted:
            continue
    assert shop.office.state(message) not in {None, DeliveryState.SENT}
    assert shop.used(member_id) == []


def test_a_use_that_is_told_of_late_or_twice_moves_nothing_back(shop: Shop) -> None:
    """R29."""
    member_id = shop.member()
    yes = shop.basis(member_id)
    assert yes is not None
    assert yes.yes is not None
    uses = Uses(shop.office.client, "members", shop.office.club.club_id)
    for days in (30, 3, 30, 29):
        uses.note(yes.yes, Channel.SMS, JOINED + days * A_DAY)
    assert shop.used(member_id) == [(SMS, JOINED + 30 * A_DAY)]


def test_a_use_by_somebody_who_is_gone_writes_nobody_down_again(shop: Shop) -> None:
    """R19."""
    uses = Uses(shop.office.client, "members", shop.office.club.club_id)
    before = shop.due.rows("M#")
    uses.note(Yes("m0000000000000001", "20260302T133000000Z#00000000"), Channel.SMS, JOINED)
    assert shop.due.rows("M#") == before


def test_a_use_waits_for_whoever_writes_the_same_row(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    member_id = shop.member()
    message = shop.write(member_id)
    held, note = [Busy(), Busy()], Uses.note

    def busy_at_first(uses: Uses, *given: Any) -> None:
        if held:
            raise held.pop()
        note(uses, *given)

    monkeypatch.setattr(Uses, "note", busy_at_first)
    shop.office.work(message)
    assert shop.used(member_id) == [(SMS, JOINED)]


def test_an_offer_that_waits_until_the_yes_has_lapsed_is_not_sent_and_revives_nothing(shop: Shop) -> None:
    """R29."""
    member_id = shop.member()
    shop.at(LAPSED - AN_HOUR)
    message = shop.write(member_id)
    assert message.send_before == LAPSED
    shop.at(LAPSED + 12 * AN_HOUR)
    sent = shop.office.work(message)
    assert sent is not None
    assert sent.state is DeliveryState.EXPIRED
    assert shop.used(member_id) == []
    assert shop.basis(member_id) is None


def test_nothing_advertises_without_saying_by_what_and_nothing_else_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1, R5."""
    member_id = shop.member()
    by = shop.basis(member_id)
    with pytest.raises(ValueError, match="by what it may be sent"):
        shop.advertiser.offer("+4520123456", JOINED, None)
    monkeypatch.setitem(KINDS, OFFER, replace(KINDS[OFFER], message_class=MessageClass.SERVICE))
    with pytest.raises(ValueError, match="by what it may be sent"):
        shop.advertiser.offer("+4520123456", JOINED, by)


# -- what follows from it


def test_the_owner_is_told_of_a_permission_two_months_before_a_year_after_its_last_use(shop: Shop) -> None:
    """R29."""
    member_id = shop.member()
    shop.advertise(member_id, JOINED + 184 * A_DAY)
    shop.due.jump(NOTED)
    shop.live_until(datetime(2027, 7, 1, 21, tzinfo=UTC))
    assert shop.due.rows("LAPSING#") == []
    shop.live_until(datetime(2027, 7, 1, 22, tzinfo=UTC))
    assert shop.warned_of() == [date(2027, 9, 2)]


def test_a_permission_that_is_used_after_the_owner_was_told_is_told_of_again_when_its_time_comes(shop: Shop) -> None:
    """R29."""
    member_id = shop.member()
    shop.due.jump(NOTED)
    assert shop.warned_of() == [date(2027, 3, 2)]
    used_at = datetime(2027, 2, 20, 12, tzinfo=UTC)
    shop.advertise(member_id, used_at)
    shop.due.shop.buy(member_id)
    shop.live_until(datetime(2027, 12, 19, 22, tzinfo=UTC))
    assert shop.warned_of() == []
    shop.live_until(datetime(2027, 12, 19, 23, tzinfo=UTC))
    assert shop.warned_of() == [date(2028, 2, 20)]
    shop.due.jump(datetime(2028, 2, 20, 7, tzinfo=UTC))
    assert shop.basis(member_id) is None
    assert shop.warned_of() == []


def test_who_only_takes_the_news_stays_as_long_as_they_are_sent(shop: Shop) -> None:
    """R29."""
    reader = join(shop.due.shop, newsletter()).member.member_id
    shop.advertise(reader, JOINED + 200 * A_DAY)
    lapses_at = datetime(2027, 9, 17, 22, tzinfo=UTC)
    shop.live_until(lapses_at - AN_HOUR)
    assert shop.due.member(reader) is not None
    shop.live_until(lapses_at)
    assert shop.due.member(reader) is None
    assert shop.due.rows("M#") == []


def test_a_yes_that_is_in_use_is_proved_until_two_years_after_that_has_ended(shop: Shop) -> None:
    """R10, R29."""
    member_id = shop.member()
    for months in (8, 16, 24, 32):
        used_at = JOINED + months * 30 * A_DAY
        shop.live_until(used_at)
        shop.advertise(member_id, used_at)
        shop.due.shop.buy(member_id)
    shop.live_until(datetime(2029, 3, 2, 7, tzinfo=UTC))
    assert shop.basis(member_id) is not None, "three years after it was said, and in use"
    for year in (2029, 2030, 2031):
        # Nobody who buys is told that they are missed, which would be a use.
        shop.live_until(datetime(year, 9, 1, tzinfo=UTC))
        shop.due.shop.buy(member_id)
    forgotten_at = datetime(2031, 10, 16, 22, tzinfo=UTC)
    shop.live_until(forgotten_at - AN_HOUR)
    assert shop.last_use(member_id) == used_at
    shop.live_until(forgotten_at)
    assert [record.given for record in shop.due.shop.members.consent_records(member_id)] == [()]
