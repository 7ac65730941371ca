"""Two members who are one person, merged on the real engine: nothing is lost, and nothing is left unlisted."""

from __future__ import annotations

from collections.abc import Iterable
from copy import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import pytest

from stamkunde.ledger.model.accounts import CouponUse, StampCard
from stamkunde.ledger.notes import NoteKind
from stamkunde.members.codes import CodePurpose, one_time_code
from stamkunde.members.consents import (
    Caller,
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    new_record_id,
    permissions,
    soft_opt_ins,
)
from stamkunde.members.device import Device
from stamkunde.members.joining import JoinForm
from stamkunde.members.lapsing import LapsingNote
from stamkunde.members.member_card import MemberCard
from stamkunde.members.merging import MOST_FORMER
from stamkunde.members.model import FormerMember, Member
from stamkunde.members.permission import lapses_on
from stamkunde.members.remains import Remains
from stamkunde.members.service_link import MOST_LINKS
from stamkunde.members.wordings import club_permission
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import Selection, StampProgramme
from stamkunde.shared.terms import NOT_ACCEPTED
from stamkunde.shared.transaction import Delete, commit
from tests.erasing_shop import KeptTombstones, Photos, erase, erasure_of, looking_of
from tests.factories import THREE_PERCENT, everything_shown, make_basket, make_club
from tests.ledger_checks import every_row, rows
from tests.shop import Shop
from tests.stores.test_joining import join, newsletter
from tests.stores.test_transfers import (
    assert_all_proved,
    at_once,
    refusal_code,
    refusals,
    rich,
    set_uses,
)
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ROUNDS = 4
PHONE, OTHER_PHONE = "+4520123456", "+4526123456"
CALLER = Caller("192.0.2.7", "Mozilla/5.0 (iPhone)")
RYE = StampProgramme("rugbrod", "Rugbrød", 10, "gratis rugbrød", items=Selection(("5701000000000",)))


def test_nothing_leads_to_whoever_was_merged_any_more(shop: Shop) -> None:
    reader = join(shop, newsletter(phone="20123456")).member
    shop.join(PHONE, accepts=False)
    loser = shop.members.load(reader.member_id, consistent=True)
    winner = shop.join(OTHER_PHONE).at_till.member
    assert loser is not None
    assert loser.link_hashes
    held = permissions(shop.members.consent_records(loser.member_id), email_confirmed=False)[PermissionKind.SMS]
    note = LapsingNote(loser.member_id, PermissionKind.SMS, lapses_on(held, shop.club.time_zone))
    noted = replace(loser, noted_lapses=((note.kind, note.lapses_on),), revision=loser.revision + 1)
    commit(shop.client, [shop.lapsing.write(note), *shop.members.change_writes(loser, noted)])
    shop.merging.merge(loser.member_id, winner.member_id, "Anna")
    left = {row["pk"].partition("#")[0] for row in rows(shop.client, "members") if loser.member_id in str(row)}
    # What they agreed to stays beside the way to the winner; a due item is a hint.
    assert left == {"M", "DUE"}


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb, club=make_club(programmes=(replace(THREE_PERCENT, stamp_programmes=(RYE,)),)))


def two(shop: Shop, *, accepts: bool = True) -> tuple[Member, Member]:
    """The same person twice, with something in each account: the loser and the winner."""
    loser = shop.join(PHONE, accepts=accepts, name="Mette").at_till.member
    winner = shop.join(OTHER_PHONE).at_till.member
    shop.buy(loser.member_id, 100_000)
    shop.buy(winner.member_id, 10_000)
    return loser, winner


def merge(shop: Shop, loser: Member, winner: Member) -> Member:
    return shop.merging.merge(loser.member_id, winner.member_id, "Jens").member


def test_after_a_merge_there_is_one_member_with_what_both_had(shop: Shop) -> None:
    loser, winner = two(shop)
    set_uses(shop, loser.member_id, "kage", CouponUse(1, 1))
    set_uses(shop, winner.member_id, "kage", CouponUse(0, 1))
    united = merge(shop, loser, winner)
    assert (united.member_id, united.first_name, united.phone) == (winner.member_id, "Mette", OTHER_PHONE)
    assert shop.balance(winner.member_id).available == 3_300
    use = shop.account(winner.member_id).uses["kage", winner.member_id]
    assert (use.used, use.vouchers) == (1, 2)
    assert shop.members.load(loser.member_id) is None
    for phone in (PHONE, OTHER_PHONE):
        assert shop.membership.look_up(phone).member.member_id == winner.member_id
    assert loser.card_number is not None
    assert shop.membership.look_up_by_card(loser.card_number).member.member_id == winner.member_id
    (note,) = [each for each in shop.store.notes_of_day(shop.today()) if each.kind is NoteKind.MERGE]
    assert (note.member_id, note.subject) == (winner.member_id, loser.member_id)
    assert_all_proved(shop)


def test_a_merge_again_changes_nothing(shop: Shop) -> None:
    loser, winner = two(shop)
    united = merge(shop, loser, winner)
    before = every_row(shop.client)
    again = shop.merging.merge(loser.member_id, winner.member_id, "Jens")
    assert (again.repeated, again.member) == (True, united)
    assert every_row(shop.client) == before


def test_a_till_that_still_sends_the_losers_id_books_on_the_winner(shop: Shop) -> None:
    loser, winner = two(shop)
    sent = replace(shop.receipt(loser.member_id, 20_000), account_id=loser.account_id)
    first = shop.ledger.book(sent, shop.point)
    merge(shop, loser, winner)
    again = shop.ledger.book(sent, shop.point)
    assert (again.repeated, again.entry) == (True, first.entry)
    spending = replace(shop.receipt(loser.member_id), basket=make_basket(5_000, spend_bonus=1_000))
    later = shop.ledger.book(replace(spending, account_id=loser.account_id), shop.point).entry
    assert (later.member_id, later.account_id) == (winner.member_id, winner.account_id)
    assert shop.entries(loser.member_id) == shop.entries(winner.member_id)
    assert shop.ledger.quote(make_basket(100), "banegaarden", loser.member_id, None).earned.amount == 3
    assert_all_proved(shop)


def test_somebody_merged_twice_is_still_found_under_every_id(shop: Shop) -> None:
    loser, winner = two(shop)
    last = shop.join("+4531123456").at_till.member
    merge(shop, loser, winner)
    merge(shop, winner, last)
    assert shop.buy(loser.member_id).entry.member_id == last.member_id
    assert shop.membership.look_up(PHONE).member.member_id == last.member_id
    assert loser.card_number is not None
    assert shop.membership.look_up_by_card(loser.card_number).member.member_id == last.member_id
    kept = shop.members.load(last.member_id)
    assert kept is not None
    assert [each.member_id for each in kept.formerly] == [winner.member_id, loser.member_id]
    assert_all_proved(shop)


def test_an_open_losers_bonus_is_released_and_nobody_is_merged_into_them(shop: Shop) -> None:
    loser, winner = two(shop, accepts=False)
    assert shop.balance(loser.member_id).pending == 3_000
    refused = refusal_code(shop, lambda: merge(shop, winner, loser))
    assert refused == "terms_not_accepted"
    merge(shop, loser, winner)
    assert shop.balance(winner.member_id).available == 3_300
    assert all(lot.terms_version != NOT_ACCEPTED for lot in shop.account(winner.member_id).lots)
    assert_all_proved(shop)


def says(
    shop: Shop, member: Member, *, given: Iterable[PermissionKind] = (), withdrawn: Iterable[PermissionKind] = ()
) -> None:
    now = shop.now()
    record = ConsentRecord(
        new_record_id(now),
        Evidence.on_page(ConsentMethod.MEMBER_PAGE, now, "da", CALLER),
        given=tuple(club_permission(shop.club, channel, "da") for channel in given),
        withdrawn=tuple(withdrawn),
    )
    commit(shop.client, [shop.members.consent_write(member.member_id, record)])
    shop.wait(timedelta(minutes=1))


def test_of_two_permissions_the_stricter_holds_and_none_is_added(shop: Shop) -> None:
    loser, winner = two(shop)
    says(shop, loser, given=[PermissionKind.SMS, PermissionKind.EMAIL])
    says(shop, loser, withdrawn=[PermissionKind.SMS])
    says(shop, winner, given=[PermissionKind.SMS])
    merge(shop, loser, winner)
    records = shop.members.consent_records(winner.member_id)
    assert permissions(records, email_confirmed=True) == {}
    assert (records[-1].evidence.method, records[-1].withdrawn) == (ConsentMethod.MERGE, (PermissionKind.SMS,))
    assert len(shop.members.consent_records(loser.member_id)) == 3


def test_a_permission_that_the_loser_said_nothing_against_stays(shop: Shop) -> None:
    loser, winner = two(shop)
    says(shop, winner, given=[PermissionKind.SMS])
    merge(shop, loser, winner)
    held = permissions(shop.members.consent_records(winner.member_id), email_confirmed=True)
    assert held.keys() == {PermissionKind.SMS}


def test_a_stop_of_the_losers_holds_against_a_sale_too(shop: Shop) -> None:
    """R7."""
    loser, winner = two(shop)
    sale = Evidence(ConsentMethod.SALE, shop.now(), shop.now(), "da")
    record = ConsentRecord(new_record_id(shop.now()), sale, soft_opt_in=(PermissionKind.SMS,))
    commit(shop.client, [shop.members.consent_write(winner.member_id, record)])
    says(shop, loser, withdrawn=[PermissionKind.SMS])
    assert soft_opt_ins(shop.members.consent_records(winner.member_id)).keys() == {PermissionKind.SMS}
    merge(shop, loser, winner)
    assert soft_opt_ins(shop.members.consent_records(winner.member_id)) == {}


def test_a_merge_closes_the_losers_devices(shop: Shop) -> None:
    loser, winner = two(shop)
    for name in ("d1", "d2"):
        device = Device(name, loser.member_id, "iPhone", shop.now(), shop.now())
        shop.access.commit([shop.access.device_write(device)])
    merge(shop, loser, winner)
    assert shop.access.devices(loser.member_id) == []


def test_the_losers_number_opens_nobodys_card(shop: Shop) -> None:
    loser, winner = two(shop)
    merge(shop, loser, winner)
    card = MemberCard(shop.club, shop.admission, shop.codes, shop.devices, shop.clock, shop.patience)
    for phone, opens in ((OTHER_PHONE, True), (PHONE, False)):
        asked = card.ask_code(phone, "da", CALLER)
        code = one_time_code(shop.club.signing_keys, asked.challenge_id, CodePurpose.OPEN_CARD, phone)
        if opens:
            assert card.open(asked.challenge_id, phone, code, CALLER)
        else:
            with pytest.raises(Refusal, match="code_expired"):
                card.open(asked.challenge_id, phone, code, CALLER)


def joins_with_the_losers_number(shop: Shop) -> Member:
    form = JoinForm(PHONE, "Bo", "", True, frozenset(), everything_shown(shop.club))
    wish = shop.joining.check(form)
    challenge = shop.joining.ask_code(wish, CALLER)
    code = one_time_code(shop.club.signing_keys, challenge, CodePurpose.JOIN, wish.phone)
    return shop.joining.join(wish, challenge, code, CALLER).member


def test_whoever_has_the_losers_number_now_joins_as_somebody_new(shop: Shop) -> None:
    loser, winner = two(shop)
    merge(shop, loser, winner)
    newcomer = joins_with_the_losers_number(shop)
    assert newcomer.member_id not in {loser.member_id, winner.member_id}
    assert shop.membership.look_up(PHONE).member.member_id == newcomer.member_id
    assert shop.balance(newcomer.member_id).total == 0
    assert shop.buy(loser.member_id).entry.member_id == winner.member_id


def test_a_merge_of_full_accounts_is_one_transaction_of_forty_write_units(shop: Shop) -> None:
    loser, winner = two(shop)
    for month in range(12):
        shop.wait(timedelta(days=30.5))
        shop.buy(loser.member_id, 123_456 + month)
        shop.buy(winner.member_id, 123_456 + month)
    set_uses(shop, loser.member_id, "kage", CouponUse(1, 1))
    device = Device("d1", loser.member_id, "iPhone", shop.now(), shop.now())
    shop.access.commit([shop.access.device_write(device)])
    says(shop, loser, withdrawn=[PermissionKind.SMS])
    says(shop, winner, given=[PermissionKind.SMS])
    meter = UnitMeter()
    meter.attach(shop.client)
    merge(shop, loser, winner)
    assert meter.calls["TransactWriteItems"] == 1
    assert meter.written <= 40


def test_whoever_was_as_many_as_can_be_is_taken_away_at_once_and_one_more_is_refused(shop: Shop) -> None:
    winner = shop.join(OTHER_PHONE).at_till.member
    says(shop, winner, withdrawn=[PermissionKind.SMS])
    for number in range(MOST_FORMER):
        merge(shop, shop.join(f"+45201300{number:02}").at_till.member, winner)
    one_more = shop.join(PHONE).at_till.member
    assert refusal_code(shop, lambda: merge(shop, one_more, winner)) == "merge_too_large"
    united = shop.members.load(winner.member_id, consistent=True)
    assert united is not None
    linked = replace(united, link_hashes=tuple(f"h{number}" for number in range(MOST_LINKS)), revision=100)
    shop.access.commit(shop.members.change_writes(united, linked))
    erase(shop, linked.member_id)
    left = {row["pk"].partition("#")[0] for row in rows(shop.client, "members") if winner.member_id in str(row)}
    assert left <= {"DUE"}


def test_a_number_that_a_stranger_takes_while_its_member_is_taken_away_stays_the_strangers(shop: Shop) -> None:
    loser, winner = two(shop)
    united = merge(shop, loser, winner)

    class Overtaken(Remains):
        strangers: ClassVar[list[str]] = []

        def former_removals(self, former: FormerMember, theirs: frozenset[str]) -> list[Delete]:
            seen = super().former_removals(former, theirs)
            if not self.strangers:
                joins_with_the_losers_number(shop)
                self.strangers.append(shop.membership.look_up(PHONE).member.member_id)
            return seen

    erasing = erasure_of(shop, looking_of(shop), Photos(), KeptTombstones())
    overtaken = Overtaken(shop.client, shop.members_table, shop.club.club_id)
    assert replace(erasing, stores=replace(erasing.stores, remains=overtaken)).erase_now(united.member_id)
    (stranger,) = Overtaken.strangers
    assert stranger not in {loser.member_id, winner.member_id}
    assert shop.membership.look_up(PHONE).member.member_id == stranger
    with pytest.raises(Refusal, match="unknown_member"):
        shop.membership.look_up(OTHER_PHONE)


def test_a_merge_that_does_not_fit_into_one_transaction_is_refused(shop: Shop) -> None:
    loser, winner = two(shop)
    for start in range(0, 120, 40):
        devices = [
            Device(f"d{n}", loser.member_id, "iPhone", shop.now(), shop.now()) for n in range(start, start + 40)
        ]
        shop.access.commit([shop.access.device_write(each) for each in devices])
    assert refusal_code(shop, lambda: merge(shop, loser, winner)) == "merge_too_large"


def test_whom_nobody_can_be_merged_with(shop: Shop) -> None:
    loser, winner = two(shop)
    assert refusal_code(shop, lambda: merge(shop, winner, winner)) == "same_member"
    stranger = replace(winner, member_id="m0000000000000000")
    assert refusal_code(shop, lambda: merge(shop, stranger, winner)) == "unknown_member"
    assert refusal_code(shop, lambda: merge(shop, loser, stranger)) == "unknown_member"
    merge(shop, loser, winner)
    assert refusal_code(shop, lambda: merge(shop, winner, loser)) == "same_member"


def test_a_merge_within_a_household_leaves_the_balance_where_it_is(shop: Shop) -> None:
    loser, winner = two(shop)
    set_uses(shop, loser.member_id, "kage", CouponUse(1))
    shop.households.join(loser.member_id, winner.member_id, "Mette")
    merge(shop, loser, winner)
    account = shop.account(winner.member_id)
    assert (set(account.members), shop.balance(winner.member_id).total) == ({winner.member_id}, 3_300)
    assert account.uses["kage", winner.member_id].used == 1
    assert_all_proved(shop)


def test_a_merge_takes_no_bonus_from_the_losers_household(shop: Shop) -> None:
    loser, winner = two(shop)
    host = rich(shop, 600)
    shop.households.join(loser.member_id, host, "Mette")
    merge(shop, loser, winner)
    assert (shop.balance(host).total, shop.balance(winner.member_id).total) == (3_600, 300)
    assert shop.account(host).members.keys() == {host}
    assert_all_proved(shop)


def test_a_purchase_and_a_merge_lose_nothing(shop: Shop) -> None:
    for number in range(ROUNDS):
        loser = shop.join(f"+45201300{number:02}").at_till.member
        winner = shop.join(f"+45201400{number:02}").at_till.member
        receipts = [
            replace(shop.receipt(each.member_id, 10_000), account_id=each.account_id)
            for each in (loser, winner)
            for _ in range(4)
        ]
        answers = at_once(
            *(partial(shop.ledger.book, r, shop.point) for r in receipts),
            partial(merge, shop, loser, winner),
        )
        assert not refusals(answers)
        assert shop.balance(winner.member_id).total == 8 * 300
        again = [shop.ledger.book(receipt, shop.point) for receipt in receipts]
        assert all(each.repeated for each in again)
    assert_all_proved(shop)


def test_stamps_of_both_come_onto_one_card(shop: Shop) -> None:
    loser, winner = two(shop)
    rye = replace(make_basket(1_000), lines=(replace(make_basket(1_000).lines[0], quantity=7),))
    for each in (loser, winner):
        shop.ledger.book(replace(shop.receipt(each.member_id), basket=rye), shop.point)
    merge(shop, loser, winner)
    account = shop.account(winner.member_id)
    # Each had one from its first purchase: 8 and 8.
    assert account.cards["rugbrod"] == StampCard(6, 10)
    assert sum(account.rewards.values()) == 1
    assert_all_proved(shop)


def test_nothing_of_a_merged_member_is_left_that_is_not_listed(shop: Shop) -> None:
    loser, winner = two(shop)
    merge(shop, loser, winner)
    found = [row for row in rows(shop.client, "members") if loser.member_id in str(row)]
    # A due item is a hint: whoever looks finds out.
    kinds = {row["sk"].partition("#")[0] for row in found if not row["pk"].startswith("DUE#")}
    assert kinds == {"MERGED", "MEMBER", "CONSENT", "MESSAGE"}
    (member,) = [row for row in found if row["sk"] == "MEMBER"]
    assert member["pk"].endswith(winner.member_id)
