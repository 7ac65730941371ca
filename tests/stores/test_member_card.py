"""A member's page: opened by a code on one device, it shows what is theirs, and takes their word once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.clubs.model import CAREFUL_POLICY, MemberPolicy, PurchaseUse, TermsVersion
from stamkunde.ledger.model.accounts import Balance
from stamkunde.ledger.model.entries import EntryKind
from stamkunde.members.choices import ChoiceState
from stamkunde.members.codes import CodePurpose, one_time_code
from stamkunde.members.consents import PermissionKind
from stamkunde.members.member_card import LINES_A_PAGE, CardView, HistoryLine, MemberCard
from stamkunde.members.model import Member, MemberState
from stamkunde.members.wordings import Shown
from stamkunde.shared.errors import Refusal
from tests.access_scene import CALLER
from tests.factories import LONG_AGO, NOON, everything_shown
from tests.ledger_checks import assert_ledger_adds_up, every_row, rows
from tests.letterbox import waiting
from tests.shop import Shop
from tests.stores.test_joining import join, newsletter, written

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PHONE = "+4520123456"
STRANGER = "+4526999999"
SMS, EMAIL, PURCHASES = PermissionKind


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb)


def card_of(shop: Shop) -> MemberCard:
    return MemberCard(shop.club, shop.admission, shop.codes, shop.devices, shop.clock, shop.patience)


def code_for(shop: Shop, challenge_id: str, phone: str = PHONE) -> str:
    return one_time_code(shop.club.signing_keys, challenge_id, CodePurpose.OPEN_CARD, phone)


def opened(shop: Shop, phone: str = PHONE) -> str:
    """The token of a device on which the card of that number was opened by a code."""
    asked = card_of(shop).ask_code(phone, "da", CALLER)
    return card_of(shop).open(asked.challenge_id, asked.phone, code_for(shop, asked.challenge_id, phone), CALLER)


def shown(shop: Shop, member_id: str) -> CardView:
    return card_of(shop).show(member_id)


def balance(view: CardView) -> Balance:
    assert view.balance is not None
    return view.balance


def permitted(shop: Shop, member_id: str) -> set[PermissionKind]:
    return set(shown(shop, member_id).permissions)


def change(shop: Shop, member_id: str, *wanted: PermissionKind) -> None:
    shop.wait(timedelta(seconds=1))
    about = frozenset({SMS, *wanted})
    card_of(shop).change_permissions(member_id, frozenset(wanted), everything_shown(shop.club), CALLER, about)


def with_email(shop: Shop, member_id: str) -> Member:
    """The member, once an e-mail address of theirs is confirmed."""
    member = shop.members.load(member_id, consistent=True)
    assert member is not None
    mailed = replace(member, email="mette@example.com", email_confirmed_at=NOON, revision=member.revision + 1)
    shop.access.commit([*shop.members.change_writes(member, mailed)])
    return mailed


def every_line(shop: Shop, member_id: str) -> list[HistoryLine]:
    lines, after = [], None
    while True:
        page = card_of(shop).history(member_id, "da", after)
        lines += page.lines
        if page.following is None:
            return lines
        after = page.following


def test_a_code_opens_the_card_on_a_device_that_is_known_from_then_on(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member
    token = opened(shop)
    device = shop.devices.find(token)
    assert device is not None
    assert (device.member_id, device.label) == (member.member_id, "Chrome, Android")


def test_the_card_shows_number_balance_permissions_and_devices(shop: Shop) -> None:
    member = shop.join(PHONE, name="Mette").at_till.member
    shop.buy(member.member_id, 10_000)
    opened(shop)
    view = shown(shop, member.member_id)
    assert (view.member.first_name, view.member.card_number) == ("Mette", member.card_number)
    assert (balance(view).available, balance(view).pending) == (300, 0)
    assert (view.permissions, len(view.devices), view.terms_due) == ({}, 1, None)


def test_looking_writes_nothing(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member
    shop.buy(member.member_id)
    token = opened(shop)
    shop.wait(timedelta(days=2))
    before = every_row(shop.client)
    shop.devices.find(token)
    shown(shop, member.member_id)
    every_line(shop, member.member_id)
    assert every_row(shop.client) == before


def test_a_stranger_is_answered_like_a_member_and_sent_nothing(shop: Shop) -> None:
    shop.join(PHONE)
    theirs, nobodys = (card_of(shop).ask_code(phone, "da", CALLER) for phone in (PHONE, STRANGER))
    assert len(theirs.challenge_id) == len(nobodys.challenge_id)
    assert [row["recipient"] for row in waiting(shop.client, "code")] == [PHONE]
    assert len(shop.queue.told) >= 2


def test_no_card_opens_for_a_stranger_even_with_the_right_code(shop: Shop) -> None:
    asked = card_of(shop).ask_code(STRANGER, "da", CALLER)
    typed = code_for(shop, asked.challenge_id, STRANGER)
    with pytest.raises(Refusal, match="code_expired"):
        card_of(shop).open(asked.challenge_id, STRANGER, typed, CALLER)


def test_whoever_only_has_the_newsletter_opens_a_page_without_a_card_and_says_stop_there(shop: Shop) -> None:
    reader = join(shop, newsletter()).member
    opened(shop)
    view = shown(shop, reader.member_id)
    assert (view.balance, view.terms_due, view.member.card_number) == (None, None, None)
    assert view.permissions.keys() == {PermissionKind.SMS}
    card_of(shop).change_permissions(reader.member_id, frozenset(), Shown("da"), CALLER, frozenset({SMS}))
    assert shown(shop, reader.member_id).permissions == {}
    for act in (
        lambda: card_of(shop).history(reader.member_id, "da"),
        lambda: card_of(shop).accept_terms(reader.member_id, everything_shown(shop.club), CALLER),
    ):
        with pytest.raises(Refusal, match="unknown_member"):
            act()
    assert rows(shop.client, "ledger") == []


def test_a_code_posted_again_opens_the_same_device_until_it_is_closed(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member
    asked = card_of(shop).ask_code(PHONE, "da", CALLER)
    typed = code_for(shop, asked.challenge_id)
    token = card_of(shop).open(asked.challenge_id, PHONE, typed, CALLER)
    before = written(shop)
    assert card_of(shop).open(asked.challenge_id, PHONE, typed, CALLER) == token
    assert written(shop) == before
    devices = shown(shop, member.member_id).devices
    shop.devices.remove(member.member_id, frozenset({devices[0].device_id}))
    with pytest.raises(Refusal, match="code_expired"):
        card_of(shop).open(asked.challenge_id, PHONE, typed, CALLER)


def test_a_code_posted_four_times_at_once_opens_one_device(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member
    asked = card_of(shop).ask_code(PHONE, "da", CALLER)
    typed = code_for(shop, asked.challenge_id)
    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(lambda _: card_of(shop).open(asked.challenge_id, PHONE, typed, CALLER), range(4)))
    assert len(set(tokens)) == 1
    assert len(shown(shop, member.member_id).devices) == 1


def test_somebody_who_joined_before_there_were_cards_gets_one_when_opening_it(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member
    assert member.card_number is not None
    old = replace(member, card_number=None, revision=member.revision + 1)
    shop.access.commit([*shop.members.change_writes(member, old), shop.access.card_removal(member.card_number)])
    assert shown(shop, member.member_id).member.card_number is None
    opened(shop)
    number = shown(shop, member.member_id).member.card_number
    assert number is not None
    assert shop.membership.look_up_by_card(number).member.member_id == member.member_id


def test_the_history_says_of_every_movement_why(shop: Shop) -> None:
    member = shop.join(PHONE, accepts=False).at_till.member
    shop.buy(member.member_id, 10_000)
    shop.wait(timedelta(days=1))
    card_of(shop).accept_terms(member.member_id, everything_shown(shop.club), CALLER)
    shop.wait(timedelta(days=1))
    shop.buy(member.member_id, 49_500)
    newest, released, first = every_line(shop, member.member_id)
    assert (newest.amount, newest.explanation) == (1485, "3 % af 495,00 kr. er 14,85 kr., rundet ned.")
    assert released.kind is EntryKind.RELEASE
    assert released.explanation is not None
    assert "3,00 kr." in released.explanation
    assert first.balance is not None
    assert first.balance.pending == 300
    (english, *_) = card_of(shop).history(member.member_id, "en").lines
    assert english.explanation == "3% of DKK 495.00 is DKK 14.85, rounded down."


def test_a_long_history_comes_page_by_page_with_nothing_left_out(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member
    for number in range(2 * LINES_A_PAGE + 3):
        shop.wait(timedelta(seconds=1))
        shop.buy(member.member_id, 1_000 + 100 * number)
    amounts = [line.amount for line in every_line(shop, member.member_id)]
    assert amounts == [30 + 3 * number for number in reversed(range(2 * LINES_A_PAGE + 3))]
    with pytest.raises(Refusal, match="bad_cursor"):
        card_of(shop).history(member.member_id, "da", "x" * 20)


def test_of_what_others_in_a_household_did_the_history_tells_day_amount_and_kind_since_they_share(shop: Shop) -> None:
    mette, bo = shop.new_member(), shop.new_member()
    shop.buy(mette, 50_000)
    for number in range(LINES_A_PAGE):
        shop.wait(timedelta(seconds=1))
        shop.buy(mette, 1_000 + number)
    shop.wait(timedelta(days=1))
    shop.households.join(bo, mette, "Ida")
    shop.wait(timedelta(days=1))
    shop.buy(mette, 10_000)
    shop.wait(timedelta(seconds=1))
    shop.buy(bo, 20_000)
    his, hers, came = every_line(shop, bo)
    assert (his.amount, his.by_others, came.kind, came.by_others) == (600, False, EntryKind.MOVED_IN, False)
    assert his.explanation is not None
    assert hers == HistoryLine(shop.today(), EntryKind.PURCHASE, 300, by_others=True)
    lines = every_line(shop, mette)
    assert len(lines) == 1 + LINES_A_PAGE + 3
    assert [line.kind for line in lines if line.by_others] == [EntryKind.PURCHASE, EntryKind.MOVED_IN]
    assert not [line for line in lines if line.by_others and (line.explanation or line.balance)]
    shop.households.leave(bo, "Ida")
    assert [line.kind for line in every_line(shop, bo)] == [EntryKind.MOVED_IN]


def test_permissions_are_given_and_taken_back_with_their_evidence(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member.member_id
    change(shop, member, SMS)
    assert permitted(shop, member) == {SMS}
    change(shop, member)
    assert permitted(shop, member) == set()
    given, withdrawn = shop.members.consent_records(member)[-2:]
    assert (given.evidence.method, given.evidence.client_ip) == ("member_page", CALLER.client_ip)
    assert "brød og kager" in given.given[0].wording
    assert (withdrawn.given, withdrawn.withdrawn) == ((), (SMS,))


def test_a_choice_about_one_channel_leaves_the_other_alone(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member.member_id
    with_email(shop, member)
    change(shop, member, EMAIL, SMS)
    shop.wait(timedelta(seconds=1))
    card_of(shop).change_permissions(member, frozenset(), Shown("da"), CALLER, among=frozenset({SMS}))
    assert permitted(shop, member) == {EMAIL}


def test_sending_the_same_choice_again_leaves_one_record(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member.member_id
    change(shop, member, SMS)
    before = every_row(shop.client)
    change(shop, member, SMS)
    assert every_row(shop.client) == before


def test_an_email_permission_needs_an_address_and_its_confirmation(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member.member_id
    with pytest.raises(Refusal, match="email_missing"):
        change(shop, member, EMAIL, SMS)
    assert permitted(shop, member) == set()
    mailed = with_email(shop, member)
    change(shop, member, EMAIL, SMS)
    assert permitted(shop, member) == {EMAIL, SMS}
    assert not shown(shop, member).permissions[EMAIL].waits_for_confirmation
    unconfirmed = replace(shown(shop, member).member, email_confirmed_at=None)
    later = replace(unconfirmed, revision=unconfirmed.revision + 1)
    shop.access.commit([*shop.members.change_writes(unconfirmed, later)])
    assert mailed.email
    assert shown(shop, member).permissions[EMAIL].waits_for_confirmation
    card_of(shop).change_permissions(member, frozenset(), Shown("da"), CALLER, frozenset({EMAIL}))
    assert permitted(shop, member) == {SMS}


def test_stopping_everything_is_written_down_once_also_where_nothing_counts(shop: Shop) -> None:
    """R18: an objection before the club thinks of using purchases without asking counts from then on."""
    member = shop.join(PHONE).at_till.member.member_id
    everything = frozenset(PermissionKind)
    card_of(shop).change_permissions(member, frozenset(), Shown("da"), CALLER, everything)
    assert shop.members.consent_records(member)[-1].withdrawn == tuple(PermissionKind)
    before = every_row(shop.client)
    card_of(shop).change_permissions(member, frozenset(), Shown("da"), CALLER, everything)
    assert every_row(shop.client) == before
    weighs = replace(CAREFUL_POLICY, purchase_use=PurchaseUse.BALANCING_TEST, balancing_test="Få, faste kunder")
    shop.club = replace(shop.club, member_policy=weighs)
    assert shown(shop, member).choices[PURCHASES].state is ChoiceState.NO


def test_twenty_changes_at_once_leave_a_history_that_adds_up(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member.member_id
    card = card_of(shop)

    def flip(number: int) -> None:
        wanted = frozenset({SMS}) if number % 2 else frozenset()
        card.change_permissions(member, wanted, everything_shown(shop.club), CALLER, frozenset({SMS}))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(flip, range(20)))
    acts = [record for record in shop.members.consent_records(member) if record.terms is None]
    assert abs(sum(len(act.given) - len(act.withdrawn) for act in acts)) <= 1
    assert all(len(act.given) + len(act.withdrawn) == 1 for act in acts)


def test_an_open_member_accepts_on_an_opened_device_and_pending_bonus_is_released(shop: Shop) -> None:
    member = shop.join(PHONE, accepts=False).at_till.member.member_id
    shop.buy(member, 10_000)
    opened(shop)
    view = shown(shop, member)
    assert (balance(view).pending, view.terms_due) == (300, shop.club.current_terms())
    card_of(shop).accept_terms(member, everything_shown(shop.club), CALLER)
    view = shown(shop, member)
    assert (view.member.state, view.terms_due) == (MemberState.MEMBER, None)
    assert (balance(view).available, balance(view).pending) == (300, 0)
    evidence = shop.members.consent_records(member)[-1]
    assert evidence.terms is not None
    assert (evidence.evidence.method, evidence.terms.text_hash) == ("member_page", shop.club.terms[0].text_hash)
    assert len(waiting(shop.client, "welcome")) == 1
    assert_ledger_adds_up(shop, member)


def test_accepting_twice_changes_nothing(shop: Shop) -> None:
    member = shop.join(PHONE, accepts=False).at_till.member.member_id
    card_of(shop).accept_terms(member, everything_shown(shop.club), CALLER)
    before = every_row(shop.client)
    card_of(shop).accept_terms(member, everything_shown(shop.club), CALLER)
    assert every_row(shop.client) == before


def test_nobody_accepts_terms_or_words_that_changed_after_the_page_was_shown(shop: Shop) -> None:
    member = shop.join(PHONE, accepts=False).at_till.member.member_id
    stale = everything_shown(shop.club)
    shop.club = replace(shop.club, terms=(*shop.club.terms, TermsVersion(2, "da", "Nye", LONG_AGO)))
    with pytest.raises(Refusal, match="terms_changed"):
        card_of(shop).accept_terms(member, stale, CALLER)
    stale = everything_shown(shop.club)
    shop.club = replace(shop.club, name="Bager Holm og Søn")
    with pytest.raises(Refusal, match="wording_changed"):
        card_of(shop).accept_terms(member, stale, CALLER)
    card_of(shop).accept_terms(member, everything_shown(shop.club), CALLER)
    assert shown(shop, member).member.terms_version == 2


def test_a_stale_card_gives_no_permission_in_words_it_did_not_show_but_takes_one_back(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member.member_id
    stale = everything_shown(shop.club)
    assert shop.club.join_page is not None
    shop.club = replace(shop.club, join_page=replace(shop.club.join_page, goods="vin og tobak"))
    before = every_row(shop.client)
    with pytest.raises(Refusal, match="wording_changed"):
        card_of(shop).change_permissions(member, frozenset({SMS}), stale, CALLER, frozenset({SMS}))
    assert every_row(shop.client) == before
    change(shop, member, SMS)
    shop.wait(timedelta(seconds=1))
    card_of(shop).change_permissions(member, frozenset(), stale, CALLER, frozenset({SMS}))
    assert permitted(shop, member) == set()


def test_another_code_in_the_same_browser_opens_no_second_device(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member.member_id
    first = opened(shop)
    shop.wait(timedelta(hours=2))
    asked = card_of(shop).ask_code(PHONE, "da", CALLER)
    typed = code_for(shop, asked.challenge_id)
    again = card_of(shop).open(asked.challenge_id, PHONE, typed, CALLER, present=first)
    assert shop.devices.find(first) is None
    assert shop.devices.find(again) is not None
    assert len(shown(shop, member).devices) == 1


def test_somebody_who_is_gone_has_no_page(shop: Shop) -> None:
    for use in (
        lambda: card_of(shop).show("m0000000000000000"),
        lambda: card_of(shop).history("m0000000000000000", "da"),
        lambda: change(shop, "m0000000000000000", SMS),
    ):
        with pytest.raises(Refusal, match="unknown_member"):
            use()


def given_times(shop: Shop, member_id: str, kind: PermissionKind) -> int:
    records = shop.members.consent_records(member_id)
    return sum(kind in {text.kind for text in record.given} for record in records)


def test_only_a_yes_that_is_about_to_lapse_or_has_is_said_anew(shop: Shop) -> None:
    """R29."""
    member = shop.join(PHONE).at_till.member
    for waited, times in ((0, 1), (200, 1), (110, 2), (370, 3), (1, 3)):
        shop.wait(timedelta(days=waited))
        change(shop, member.member_id, SMS)
        assert given_times(shop, member.member_id, SMS) == times
        assert shown(shop, member.member_id).choices[SMS].state is ChoiceState.YES


def test_a_lapsed_yes_can_be_taken_back_all_the_same(shop: Shop) -> None:
    member = shop.join(PHONE).at_till.member
    change(shop, member.member_id, SMS)
    shop.wait(timedelta(days=400))
    assert shown(shop, member.member_id).choices[SMS].state is ChoiceState.LAPSED
    change(shop, member.member_id)
    assert shop.members.consent_records(member.member_id)[-1].withdrawn == (SMS,)
    assert shown(shop, member.member_id).choices[SMS].state is ChoiceState.NO


def test_a_member_says_no_to_a_use_of_purchases_that_they_were_not_asked_about(shop: Shop) -> None:
    """R12, R18."""
    weighed = MemberPolicy(purchase_use=PurchaseUse.BALANCING_TEST, balancing_test="Få, faste kunder")
    shop.club = replace(shop.club, member_policy=weighed)
    member = shop.join(PHONE).at_till.member
    assert shown(shop, member.member_id).choices[PURCHASES].state is ChoiceState.UNASKED
    card_of(shop).change_permissions(member.member_id, frozenset(), Shown("da"), CALLER, frozenset({PURCHASES}))
    assert shop.members.consent_records(member.member_id)[-1].withdrawn == (PURCHASES,)
    assert shown(shop, member.member_id).choices[PURCHASES].state is ChoiceState.NO
    change(shop, member.member_id, PURCHASES)
    assert shown(shop, member.member_id).choices[PURCHASES].state is ChoiceState.YES
