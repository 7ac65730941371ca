"""STOP and START by text message: in the shop that is meant, once, with an answer, and no more than there was."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stamkunde.clubs.model import Club
from stamkunde.members.admission import Change
from stamkunde.members.consents import ConsentMethod, ConsentRecord, Evidence, PermissionKind, new_record_id
from stamkunde.members.model import AskedBy, Member
from stamkunde.members.replies import LATELY, Heard, Replies
from stamkunde.members.stop_words import Wish
from stamkunde.members.stopping import Said, Stopping
from stamkunde.members.wordings import club_permission
from stamkunde.messaging.model import MessageKind
from stamkunde.shared.channel import Channel
from tests.access_scene import CALLER
from tests.factories import make_club
from tests.letterbox import waiting
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PHONE = "+4520123456"


class KnownHere:
    """The clubs of a test."""

    def __init__(self, clubs: Iterable[Club]) -> None:
        self.clubs = {club.club_id: club for club in clubs}

    def by_id(self, club_id: str) -> Club | None:
        return self.clubs.get(club_id)

    def unless_closed(self, club: Club | None) -> Club | None:
        return club


class Street:
    """Some shops that write from one number, and what they wrote to whom."""

    def __init__(self, client: DynamoDBClient, *slugs: str) -> None:
        self.shops = {slug: Shop(client, make_club(slug=slug, address_key=slug.encode() * 8)) for slug in slugs}
        self.written: dict[str, datetime] = {}

    @property
    def replies(self) -> Replies:
        known: Any = KnownHere(shop.club for shop in self.shops.values())
        return Replies(known, lambda: list(known.clubs), self.stopping, self.was_written)

    def stopping(self, club: Club) -> Stopping:
        shop = self.shops[club.slug]
        return Stopping(shop.club, shop.admission, shop.clock, shop.patience)

    def was_written(self, club: Club, _member: Member, since: datetime) -> bool:
        return club.slug in self.written and self.written[club.slug] >= since

    def joins_everywhere(self) -> None:
        for slug in self.shops:
            self.says_yes(slug, self.shops[slug].join(PHONE).at_till.member)

    def says_yes(self, slug: str, member: Member) -> None:
        shop = self.shops[slug]
        said_at = shop.admission.word_at(member.member_id, shop.now())
        given = (club_permission(shop.club, PermissionKind.SMS, "da"),)
        evidence = Evidence(ConsentMethod.MEMBER_PAGE, said_at, said_at, "da")
        record = ConsentRecord(new_record_id(said_at), evidence, given=given)
        now = self.member(slug)
        shop.admission.write(Change(now, now, record), shop.now())

    def member(self, slug: str) -> Member:
        found = self.shops[slug].members.find_by_phone(PHONE, consistent=True)
        assert found is not None
        return found

    def stopped(self) -> set[str]:
        return {
            slug
            for slug in self.shops
            if self.stopping(self.shops[slug].club).has_stopped(self.member(slug), Channel.SMS)
        }

    def records(self, slug: str) -> list[ConsentRecord]:
        return self.shops[slug].members.consent_records(self.member(slug).member_id)

    def answers(self, slug: str) -> list[dict[str, Any]]:
        """What a shop sent to say that it has understood."""
        club_id = self.shops[slug].club.club_id
        return [row for row in waiting(self.shops[slug].client, "stopped") if f"#{club_id}#" in row["sk"]]

    def wait(self, duration: timedelta) -> None:
        for shop in self.shops.values():
            shop.wait(duration)


@pytest.fixture
def street(dynamodb: DynamoDBClient) -> Street:
    street = Street(dynamodb, "bager-holm", "bager-aeroe", "cykler")
    street.joins_everywhere()
    return street


def test_stop_without_a_name_reaches_the_shops_that_wrote_in_the_last_fortnight_and_no_other(street: Street) -> None:
    now = street.shops["cykler"].now()
    street.written = {"bager-holm": now - LATELY, "cykler": now - LATELY - timedelta(seconds=1)}
    assert street.replies.hear(PHONE, "Stop") == Heard(Wish.STOP, (street.shops["bager-holm"].club.club_id,))
    assert street.stopped() == {"bager-holm"}


def test_stop_with_a_name_reaches_that_shop_alone_whoever_wrote(street: Street) -> None:
    street.written = {"cykler": street.shops["cykler"].now()}
    street.replies.hear(PHONE, "STOP Bager-Ærø")
    assert street.stopped() == {"bager-aeroe"}


def test_a_name_that_no_shop_has_says_nothing(street: Street) -> None:
    street.written = {"cykler": street.shops["cykler"].now()}
    street.replies.hear(PHONE, "STOP nu, venlig hilsen Mette")
    assert street.stopped() == {"cykler"}


def test_whoever_says_stop_although_nobody_wrote_lately_is_stopped_everywhere(street: Street) -> None:
    street.replies.hear(PHONE, "afmeld")
    assert street.stopped() == set(street.shops)


def test_the_answer_is_written_in_the_transaction_that_stops_and_offers_no_way_back(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    street.written = {"cykler": street.shops["cykler"].now()}
    committed: list[list[str]] = []
    commit = type(street.shops["cykler"].store).commit

    def noting(store: Any, writes: Any) -> None:
        committed.append([write.item["sk"].split("#")[0] for write in writes if hasattr(write, "item")])
        commit(store, writes)

    monkeypatch.setattr(type(street.shops["cykler"].store), "commit", noting)
    street.replies.hear(PHONE, "STOP")
    (rows,) = committed
    assert {"CONSENT", "MESSAGE", "MEMBER"} <= set(rows)
    assert [row for row in rows if row[:2] == "20"], "no outbox row in that transaction"
    (answer,) = street.answers("cykler")
    assert (answer["recipient"], answer["text"]) == (
        PHONE,
        "Bager Holm: Du får ikke flere sms'er med reklame fra os.",
    )
    assert "k.test" not in answer["text"]
    assert "START" not in answer["text"].upper()
    record = street.records("cykler")[-1]
    assert (record.evidence.method, record.withdrawn) == (ConsentMethod.TEXT_REPLY, (PermissionKind.SMS,))
    assert record.evidence.client_ip is None


def test_neither_is_there_if_the_other_cannot_be_written(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    street.written = {"cykler": street.shops["cykler"].now()}

    def breaks(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(type(street.shops["cykler"].store), "commit", breaks)
        with pytest.raises(ConnectionError):
            street.replies.hear(PHONE, "STOP")
    assert (street.stopped(), street.answers("cykler")) == (set(), [])
    street.replies.hear(PHONE, "STOP")
    assert (street.stopped(), len(street.answers("cykler"))) == ({"cykler"}, 1)


def test_the_same_answer_twice_or_in_many_hands_is_taken_once(street: Street) -> None:
    street.written = {"cykler": street.shops["cykler"].now()}
    with ThreadPoolExecutor(8) as hands:
        heard = list(hands.map(lambda _: street.replies.hear(PHONE, "STOP"), range(8)))
    assert sum(bool(each.clubs) for each in heard) == 1
    assert len(street.answers("cykler")) == 1
    assert len([each for each in street.records("cykler") if each.withdrawn]) == 1


def test_what_breaks_in_one_shop_keeps_no_other_from_stopping(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Stopping._try_to_stop

    def breaks_in_the_first(stopping: Stopping, *given: Any) -> bool:
        if stopping.club.slug == "bager-holm":
            raise ConnectionError
        return stop(stopping, *given)

    monkeypatch.setattr(Stopping, "_try_to_stop", breaks_in_the_first)
    with pytest.raises(ConnectionError):
        street.replies.hear(PHONE, "STOP")
    assert street.stopped() == {"bager-aeroe", "cykler"}


def test_start_gives_back_what_stop_took_and_nothing_else(street: Street) -> None:
    street.replies.hear(PHONE, "STOP cykler")
    said = Said(ConsentMethod.STOP_LINK, "da", CALLER)
    street.stopping(street.shops["bager-holm"].club).stop(street.member("bager-holm").member_id, Channel.SMS, said)
    street.wait(timedelta(hours=1))
    before = street.records("cykler")
    assert street.replies.hear(PHONE, "START") == Heard(Wish.START, (street.shops["cykler"].club.club_id,))
    assert street.stopped() == {"bager-holm"}, "what was stopped by a button came back by a text message"
    (given,) = street.records("cykler")[-1].given
    assert [given] == [wording for record in before for wording in record.given if wording.kind is PermissionKind.SMS]
    assert street.replies.hear(PHONE, "START") == Heard(Wish.START)


def test_start_gives_nothing_to_who_had_said_no_yes(dynamodb: DynamoDBClient) -> None:
    street = Street(dynamodb, "cykler")
    street.shops["cykler"].join(PHONE)
    street.replies.hear(PHONE, "STOP")
    assert street.replies.hear(PHONE, "START") == Heard(Wish.START)
    assert street.stopped() == {"cykler"}


def test_start_brings_back_no_yes_that_would_have_lapsed_meanwhile(street: Street) -> None:
    street.wait(timedelta(days=300))
    street.replies.hear(PHONE, "STOP cykler")
    street.wait(timedelta(days=70))
    assert street.replies.hear(PHONE, "START cykler") == Heard(Wish.START)
    assert "cykler" in street.stopped()


def test_stop_start_stop_each_counts_from_when_it_was_said(street: Street) -> None:
    for text, stopped in (("STOP cykler", True), ("START cykler", False), ("stopp cykler", True), ("start", False)):
        street.replies.hear(PHONE, text)
        assert ("cykler" in street.stopped()) is stopped
    assert len(street.answers("cykler")) == 2


def test_a_question_or_a_stranger_changes_nothing(street: Street) -> None:
    before = {slug: street.records(slug) for slug in street.shops}
    assert street.replies.hear(PHONE, "Har I boller i dag?") == Heard(None)
    assert street.replies.hear("+4529999999", "STOP") == Heard(Wish.STOP)
    assert {slug: street.records(slug) for slug in street.shops} == before


def test_who_is_gone_is_nobody_to_stop(street: Street) -> None:
    shop, member = street.shops["cykler"], street.member("cykler")
    gone = replace(member.asking_for_erasure(AskedBy.MEMBER, shop.now()), revision=member.revision + 1)
    shop.admission.write(Change(member, gone), shop.now())
    street.wait(timedelta(days=15))
    assert street.replies.hear(PHONE, "STOP cykler") == Heard(Wish.STOP)
    assert street.answers("cykler") == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["STOP cykler", "START cykler", "link", "yes", "wait"]), max_size=6))
def test_whatever_is_said_in_whatever_order_start_never_undoes_more_than_a_text_message_did(
    dynamodb: DynamoDBClient, said: list[str]
) -> None:
    street = Street(dynamodb, "cykler")
    street.joins_everywhere()
    stopping, by_text, stopped = street.stopping(street.shops["cykler"].club), False, False
    for each in said:
        member = street.member("cykler")
        match each:
            case "STOP cykler":
                street.replies.hear(PHONE, each)
                by_text, stopped = by_text if stopped else True, True
            case "START cykler":
                street.replies.hear(PHONE, each)
                stopped = stopped and not by_text
            case "link":
                stopping.stop(member.member_id, Channel.SMS, Said(ConsentMethod.STOP_LINK, "da", CALLER))
                by_text, stopped = by_text and stopped, True
            case "yes":
                street.says_yes("cykler", member)
                stopped = False
            case _:
                street.wait(timedelta(minutes=10))
                stopping = street.stopping(street.shops["cykler"].club)
        assert (street.stopped() == {"cykler"}) is stopped


def test_the_answer_goes_at_once_also_at_night() -> None:
    from stamkunde.messaging.model import KINDS, MessageClass

    rules = KINDS[MessageKind.STOPPED]
    assert (rules.message_class, rules.keeps_quiet_hours) == (MessageClass.CRITICAL, False)
