"""Members that a club brings along: written once, as those who join are, and written to by nobody at first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.clubs.model import CAREFUL_POLICY
from stamkunde.members.breach_list import PARTS, BreachList
from stamkunde.members.brought_files import BroughtFiles
from stamkunde.members.consents import ConsentMethod, PermissionKind, permissions
from stamkunde.members.import_service import BroughtRow, Fate, Importing
from stamkunde.members.importing import Lack, Trouble
from stamkunde.members.member_card import MemberCard
from stamkunde.members.model import Member, MemberState
from stamkunde.members.permission import Facts, Finding, Purpose, may_write
from stamkunde.members.wordings import Shown
from stamkunde.messaging.model import MessageClass
from stamkunde.shared.channel import Channel
from stamkunde.shared.terms import TermsChase
from tests.access_scene import CALLER
from tests.erasing_shop import erase
from tests.factories import NOON
from tests.ledger_checks import every_row, rows
from tests.letterbox import waiting
from tests.shop import Shop
from tests.stores.test_joining import join, newsletter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

HEAD = (
    "phone;first_name;email;wish;sms_given_at;sms_method;sms_from;sms_wording;"
    "terms_given_at;terms_method;terms_from;terms_version"
)
FILE = f"""{HEAD}
20123456;Mette;;;;;;;;;;
20123457;Jens;;;2026-11-01T10:12;web_form;198.51.100.7;Ja tak til sms'er;;;;
20123458;Bo;;;2026-10-30;signed_form;banegaarden;Ja tak til sms'er;2026-10-30;signed_form;banegaarden;1
20123459;Kim;;newsletter;2026-11-01T10:12;web_form;198.51.100.7;Ja tak til sms'er;;;;
20123460;Per;;newsletter;;;;;;;;
"""
FATES = [Fate.OPEN, Fate.OPEN, Fate.MEMBER, Fate.NEWSLETTER, Fate.REFUSED]


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb)


def importing(shop: Shop) -> Importing:
    files = BroughtFiles(shop.client, shop.members_table, shop.club.club_id, shop.club.address_key)
    return Importing(shop.club, ["banegaarden"], shop.admission, shop.stops, files, shop.clock, shop.patience)


def bring(shop: Shop, text: str = FILE, *, writes: bool = True) -> list[BroughtRow]:
    return importing(shop).bring(text, "Anna", writes=writes)


def member(shop: Shop, number: str) -> Member:
    found = shop.members.find_by_phone(f"+45{number}", consistent=True)
    assert found is not None
    return found


def test_a_dry_run_tells_what_would_come_and_writes_nothing(shop: Shop) -> None:
    before = every_row(shop.client)
    told = bring(shop, writes=False)
    assert [row.fate for row in told] == FATES
    assert every_row(shop.client) == before
    assert bring(shop) == told


def test_who_is_not_proved_to_have_accepted_the_terms_is_open_and_gets_the_chase(shop: Shop) -> None:
    bring(shop)
    mette = member(shop, "20123456")
    assert (mette.state, mette.first_name, mette.chase) == (MemberState.OPEN, "Mette", TermsChase(NOON))
    assert shop.members.consent_records(mette.member_id) == []
    due = [row for row in rows(shop.client, "members") if row["pk"].startswith("DUE#")]
    assert any(row["sk"].endswith(mette.member_id) for row in due)
    bo = member(shop, "20123458")
    assert (bo.state, bo.terms_version, bo.chase) == (MemberState.MEMBER, 1, None)
    kim = member(shop, "20123459")
    assert (kim.state, kim.chase) == (MemberState.NEWSLETTER, None)


def test_they_get_the_permissions_that_the_file_proves_and_no_others(shop: Shop) -> None:
    bring(shop)
    held = {
        number: permissions(shop.members.consent_records(member(shop, number).member_id), email_confirmed=False)
        for number in ("20123456", "20123457", "20123458", "20123459")
    }
    assert [list(each) for each in held.values()] == [[], ["sms"], ["sms"], ["sms"]]
    evidence = held["20123457"][PermissionKind.SMS].evidence
    assert (evidence.method, evidence.client_ip, evidence.brought_by) == (
        ConsentMethod.WEB_FORM,
        "198.51.100.7",
        "Anna",
    )


def test_what_was_one_act_is_one_record_and_what_were_two_are_two(shop: Shop) -> None:
    bring(shop)
    (record,) = shop.members.consent_records(member(shop, "20123458").member_id)
    assert record.terms is not None
    assert [wording.kind for wording in record.given] == [PermissionKind.SMS]
    bring(shop, f"{HEAD}\n20123470;;;;2026-10-01;signed_form;banegaarden;Ja;2026-10-30;signed_form;banegaarden;1\n")
    given, accepted = shop.members.consent_records(member(shop, "20123470").member_id)
    assert (given.terms, accepted.given) == (None, ())
    assert given.evidence.given_at < accepted.evidence.given_at


def test_nobody_is_written_to_about_being_brought_along(shop: Shop) -> None:
    bring(shop)
    assert waiting(shop.client) == []
    assert shop.queue.told == []
    assert not [row for row in rows(shop.client, "members") if row["pk"].startswith("LINK#")]


def test_a_permission_brought_along_counts_once_the_terms_are_accepted(shop: Shop) -> None:
    bring(shop)
    jens = member(shop, "20123457")

    def reason(who: Member) -> Finding:
        facts = Facts(shop.club, who, tuple(shop.members.consent_records(who.member_id)))
        return may_write(facts, MessageClass.MARKETING, Channel.SMS, Purpose.NEWS, NOON).reason

    assert reason(jens) is Finding.TERMS_NOT_ACCEPTED
    shop.join("+4520123457")
    assert reason(member(shop, "20123457")) is Finding.SAID_YES


def test_an_address_counts_only_if_the_file_proves_that_it_was_confirmed(shop: Shop) -> None:
    head = "phone;email;email_confirmed_at;email_confirmed_from;email_given_at;email_method;email_from;email_wording"
    proof = "2026-11-01;web_form;198.51.100.7;Ja tak til mails"
    people = {"20123456": ";", "20123457": "2026-11-02;198.51.100.9", "20123458": "2026-11-02;"}
    rows_ = [f"{number};p{number}@holm.dk;{confirmed};{proof}" for number, confirmed in people.items()]
    bring(shop, "\n".join([head, *rows_]))
    assert [member(shop, number).email_confirmed for number in people] == [False, True, False]
    given, confirmed = shop.members.consent_records(member(shop, "20123457").member_id)
    assert {given.address_hash, confirmed.address_hash} == {shop.members.address_hash("p20123457@holm.dk")}
    evidence = confirmed.evidence
    assert (evidence.method, evidence.client_ip, evidence.brought_by) == (
        ConsentMethod.CONFIRM_LINK,
        "198.51.100.9",
        "Anna",
    )
    assert evidence.given_at == datetime(2026, 11, 1, 23, tzinfo=UTC)


def test_a_number_that_is_already_a_members_is_left_as_it_is_and_told(shop: Shop) -> None:
    shop.join("+4520123458", accepts=False)
    before = member(shop, "20123458")
    assert [row.fate for row in bring(shop)] == [*FATES[:2], Fate.ALREADY_THERE, *FATES[3:]]
    assert member(shop, "20123458") == before
    assert shop.members.consent_records(before.member_id) == []


def test_a_file_that_is_sent_again_brings_nobody_twice(shop: Shop) -> None:
    bring(shop)
    once = every_row(shop.client)
    assert {row.fate for row in bring(shop)} == {Fate.ALREADY_THERE, Fate.REFUSED}
    assert every_row(shop.client) == once


def remove(shop: Shop, number: str) -> None:
    """Somebody is deleted, with everything that was kept of them."""
    erase(shop, member(shop, number).member_id)


def say_stop(shop: Shop, number: str, kind: PermissionKind = PermissionKind.SMS) -> None:
    card = MemberCard(shop.club, shop.admission, shop.codes, shop.devices, shop.clock, shop.patience)
    card.change_permissions(member(shop, number).member_id, frozenset(), Shown("da"), CALLER, frozenset({kind}))


def fates(shop: Shop, text: str = FILE, *, writes: bool = True) -> list[Fate]:
    return [row.fate for row in bring(shop, text, writes=writes)]


def test_the_same_file_brings_back_nobody_who_was_deleted_since(shop: Shop) -> None:
    bring(shop)
    remove(shop, "20123457")
    shop.wait(timedelta(days=1))
    again = [Fate.ALREADY_THERE, Fate.GONE_SINCE, Fate.ALREADY_THERE, Fate.ALREADY_THERE, Fate.REFUSED]
    for text in (FILE, "\ufeff" + FILE.replace("\n", "\r\n") + "\r\n"):
        for writes in (False, True):
            assert fates(shop, text, writes=writes) == again
    assert shop.members.find_by_phone("+4520123457", consistent=True) is None


def test_a_file_that_was_broken_off_is_brought_to_its_end(shop: Shop) -> None:
    began = "\n".join(FILE.splitlines()[:3])
    bring(shop, began)
    assert fates(shop) == [Fate.ALREADY_THERE, Fate.ALREADY_THERE, Fate.MEMBER, Fate.NEWSLETTER, Fate.REFUSED]


def test_who_was_refused_comes_by_the_same_file_once_the_club_is_set_right(shop: Shop) -> None:
    text = "phone;own_outlet\n20123456;banegaarden\n20123457;trojborg\n"
    shop.club = replace(shop.club, member_policy=replace(CAREFUL_POLICY, asks_outlet=True))
    assert fates(shop, text) == [Fate.OPEN, Fate.REFUSED]
    bigger = replace(importing(shop), outlets=["banegaarden", "trojborg"])
    assert [row.fate for row in bigger.bring(text, "Anna", writes=True)] == [Fate.ALREADY_THERE, Fate.OPEN]


def test_who_came_once_is_not_brought_back_because_their_row_was_refused_in_between(shop: Shop) -> None:
    text = "phone;own_outlet\n20123456;banegaarden\n20123457;trojborg\n"
    shop.club = replace(shop.club, member_policy=replace(CAREFUL_POLICY, asks_outlet=True))

    def bring_to(*outlets: str) -> list[Fate]:
        return [row.fate for row in replace(importing(shop), outlets=outlets).bring(text, "Anna", writes=True)]

    assert bring_to("banegaarden") == [Fate.OPEN, Fate.REFUSED]
    remove(shop, "20123456")
    assert bring_to() == [Fate.REFUSED, Fate.REFUSED]
    assert bring_to("banegaarden", "trojborg") == [Fate.GONE_SINCE, Fate.OPEN]


def test_no_file_gives_back_what_was_stopped_by_somebody_who_is_gone_since(shop: Shop) -> None:
    """R6."""
    bring(shop)
    for number in ("20123457", "20123459"):
        say_stop(shop, number)
        remove(shop, number)
    stops = [row for row in rows(shop.client, "members") if row["pk"].startswith("STOP#")]
    assert len(stops) == 2
    assert not [row for row in stops if "2012345" in str(row) or "member" in row]
    shop.wait(timedelta(days=1))
    others = FILE.replace("Mette", "Anne")
    told = {row.number: row for row in bring(shop, others)}
    assert (told[3].fate, told[3].troubles) == (Fate.OPEN, (Trouble("sms", Lack.PERMISSION_STOPPED),))
    assert shop.members.consent_records(member(shop, "20123457").member_id) == []
    assert told[5].fate is Fate.REFUSED
    assert [trouble.code for trouble in told[5].troubles] == ["permission_stopped", "permission_missing"]


def test_a_yes_said_after_the_stop_comes_along_and_the_stop_ends_with_the_year(shop: Shop) -> None:
    """R10: it is kept no longer than a yes from before it could count."""
    bring(shop)
    say_stop(shop, "20123457")
    remove(shop, "20123457")
    (stop,) = (row for row in rows(shop.client, "members") if row["pk"].startswith("STOP#"))
    over_at = datetime.fromtimestamp(stop["expires"], UTC)
    assert timedelta(days=364) < over_at - NOON <= timedelta(days=366)
    assert shop.stops.of("+4520123457", over_at - timedelta(seconds=1)).keys() == {PermissionKind.SMS}
    # The table clears a row away when it gets to it.
    assert shop.stops.of("+4520123457", over_at) == {}
    shop.wait(timedelta(days=3))
    bring(shop, FILE.replace("2026-11-01T10:12", "2026-11-23T10:12"))
    (record,) = shop.members.consent_records(member(shop, "20123457").member_id)
    assert [wording.kind for wording in record.given] == [PermissionKind.SMS]


def test_a_stop_of_an_earlier_life_stands_beside_one_of_a_later(shop: Shop) -> None:
    """R6."""
    bring(shop)
    say_stop(shop, "20123457")
    remove(shop, "20123457")
    shop.wait(timedelta(days=1))
    stop_mails_in_another_life(shop, "2026-11-01")
    stopped = shop.stops.of("+4520123457", shop.now())
    assert {kind: at.date() - NOON.date() for kind, at in stopped.items()} == {
        PermissionKind.SMS: timedelta(0),
        PermissionKind.EMAIL: timedelta(days=1),
    }
    shop.wait(timedelta(days=1))
    told = {row.number: row for row in bring(shop, FILE.replace("Mette", "Anne"))}
    assert told[3].troubles == (Trouble("sms", Lack.PERMISSION_STOPPED),)


def test_a_stop_that_is_over_is_not_kept_longer_by_one_of_a_later_life(shop: Shop) -> None:
    """R10."""
    bring(shop)
    say_stop(shop, "20123457")
    remove(shop, "20123457")
    shop.wait(timedelta(days=366))
    stop_mails_in_another_life(shop, "2027-11-01")
    assert shop.stops.of("+4520123457", shop.now()).keys() == {PermissionKind.EMAIL}


def stop_mails_in_another_life(shop: Shop, given_at: str) -> None:
    head = "phone;email;email_given_at;email_method;email_from;email_wording"
    bring(shop, f"{head}\n20123457;jens@holm.dk;{given_at};web_form;198.51.100.7;Ja tak til mails\n")
    say_stop(shop, "20123457", PermissionKind.EMAIL)
    remove(shop, "20123457")


def test_who_is_deleted_without_having_said_stop_leaves_nothing_of_their_number(shop: Shop) -> None:
    bring(shop)
    remove(shop, "20123457")
    assert not [row for row in rows(shop.client, "members") if row["pk"].startswith("STOP#")]


def test_files_sent_at_once_bring_everybody_once(shop: Shop) -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: bring(shop), range(8)))
    for number, fate in enumerate(FATES[:4]):
        assert [run[number].fate for run in runs].count(fate) == 1
    assert len([row for row in rows(shop.client, "members") if row["sk"] == "MEMBER"]) == 4


def test_who_was_brought_along_buys_and_accepts_like_anybody(shop: Shop) -> None:
    bring(shop)
    mette = member(shop, "20123456")
    shop.buy(mette.member_id, 10_000)
    assert shop.balance(mette.member_id).pending == 300
    shop.wait(timedelta(days=1))
    assert shop.join("+4520123456").at_till.balance.available == 300


def test_the_list_of_a_breach_names_everybody_once_and_which_data_there_is(shop: Shop) -> None:
    bring(shop)
    join(shop, newsletter(phone="26123456"))
    shop.join("+4526123456")
    buyer = shop.new_member()
    shop.buy(buyer, 10_000)
    mette, kim = member(shop, "20123456"), member(shop, "20123459")
    listing = BreachList(shop.members, shop.store)
    kept = [each for part in range(PARTS) for each in listing.part(part)]
    by_id = {each.member.member_id: each.fields for each in kept}
    assert len(kept) == len(by_id) == 6
    assert by_id[mette.member_id] == ("phone", "first_name", "card_number")
    assert by_id[kim.member_id] == ("phone", "first_name", "consents")
    assert {"purchases", "consents"} <= set(by_id[buyer])
    assert "devices" in by_id[member(shop, "26123456").member_id]
    assert not [fields for fields in by_id.values() if "photos_of_forms" in fields]


def test_the_list_of_a_breach_tells_whose_signed_form_was_photographed(shop: Shop) -> None:
    bring(shop)
    bo = member(shop, "20123458").member_id
    (record,) = shop.members.consent_records(bo)
    shop.access.commit([shop.members.attachment_write(bo, record, "form.jpg")])
    listing = BreachList(shop.members, shop.store)
    kept = [each for part in range(PARTS) for each in listing.part(part)]
    assert [each.member.member_id for each in kept if "photos_of_forms" in each.fields] == [bo]


def test_the_list_of_a_breach_knows_what_lies_under_the_ids_somebody_had_before(shop: Shop) -> None:
    bring(shop)
    bo, winner = member(shop, "20123458").member_id, member(shop, "20123456").member_id
    shop.join("+4520123456")
    (record,) = shop.members.consent_records(bo)
    shop.access.commit([shop.members.attachment_write(bo, record, "form.jpg")])
    shop.merging.merge(bo, winner, "Ida")
    listing = BreachList(shop.members, shop.store)
    (kept,) = [each for part in range(PARTS) for each in listing.part(part) if each.member.member_id == winner]
    assert "photos_of_forms" in kept.fields
    assert [each.member_id for each in kept.member.formerly] == [bo]
