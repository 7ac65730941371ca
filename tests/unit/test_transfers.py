"""What moves between two accounts: nothing is lost, made, lengthened or shortened on the way."""

from __future__ import annotations

from collections import Counter
from copy import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import (
    Account,
    AccountMember,
    CouponUse,
    Hold,
    LotKey,
    RewardKey,
    StampCard,
)
from stamkunde.ledger.model.transfers import (
    LARGEST_HOUSEHOLD,
    MOST_GIVEN_A_DAY,
    Moment,
    Side,
    Transfer,
    give,
    join_household,
    leave_household,
    merge,
    merge_within,
)
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import StampProgramme
from stamkunde.shared.terms import NOT_ACCEPTED
from tests.factories import COPENHAGEN, NOON

RYE = StampProgramme("rugbrod", "Rugbrød", needed=10, reward_name="gratis rugbrød", expiry_months=12)
MOMENT = Moment(NOON, COPENHAGEN, {"rugbrod": RYE})
TODAY = NOON.date()
FIRST, SECOND = "a0000000000000001", "a0000000000000002"
ANNA, BO, CAI = "manna", "mbo", "mcai"

lots = st.dictionaries(
    st.builds(LotKey, st.dates(TODAY - timedelta(days=60), TODAY + timedelta(days=900)), st.integers(1, 3)),
    st.integers(1, 30_000),
    max_size=6,
)
cards = st.dictionaries(
    st.sampled_from(["rugbrod", "kaffe"]), st.builds(StampCard, st.integers(-3, 7), st.integers(8, 12)), max_size=2
)
rewards = st.dictionaries(
    st.builds(RewardKey, st.dates(TODAY, TODAY + timedelta(days=300)), st.sampled_from(["rugbrod", "kaffe"])),
    st.integers(1, 4),
    max_size=3,
)


def an_account(account_id: str, *members: str, terms_version: int = 1, **held: object) -> Account:
    people = {each: AccountMember(terms_version, None) for each in members}
    return replace(Account(account_id, 1, {}, people), **held)  # type: ignore[arg-type]


@st.composite
def accounts(draw: st.DrawFn, account_id: str, member_id: str) -> Account:
    held = draw(lots)
    owed = 0 if held else draw(st.integers(0, 5_000))
    uses = {
        (coupon, member_id): draw(st.builds(CouponUse, st.integers(0, 3), st.integers(0, 3)))
        for coupon in draw(st.sets(st.sampled_from(["kage", "kaffe"])))
    }
    bonus = draw(st.integers(0, sum(held.values())))
    holds = {"h1": Hold("somebody else", NOON + timedelta(minutes=1), bonus)}
    return an_account(
        account_id,
        member_id,
        lots=held,
        deficit=owed,
        cards=draw(cards),
        rewards=draw(rewards),
        uses=uses,
        holds=holds,
    )


def by_last_day(*several: Account) -> Counter[date]:
    found: Counter[date] = Counter()
    for account in several:
        for lot, amount in account.lots.items():
            found[lot.expires_on] += amount
    return +found


def total(*several: Account) -> int:
    return sum(sum(account.lots.values()) - account.deficit for account in several)


def stamps_worth(*several: Account, needed: int = 10) -> int:
    """Stamps on rye bread cards, and those that went into full ones."""
    name = "rugbrod"
    on_cards = sum(account.cards[name].stamps for account in several if name in account.cards)
    full = sum(n for account in several for key, n in account.rewards.items() if key.stamp_programme_id == name)
    return on_cards + needed * full


def assert_movement_leads_there(before: Account, side: Side) -> None:
    """Folding what an entry says gives what the account holds."""
    moved = Counter({change.lot: change.amount for change in side.movement.lots})
    moved.update(before.lots)
    assert {lot: n for lot, n in moved.items() if n} == dict(side.account.lots)
    assert before.deficit + side.movement.deficit == side.account.deficit
    assert min([*side.account.lots.values(), *side.account.rewards.values(), side.account.deficit], default=0) >= 0
    assert side.account.revision == before.revision + 1
    for change in side.movement.stamps:
        name = change.stamp_programme_id
        was = before.cards[name].stamps if name in before.cards else 0
        now = side.account.cards[name].stamps if name in side.account.cards else 0
        assert was + change.stamps == now


@given(accounts(FIRST, ANNA), accounts(SECOND, BO), st.integers(1, 60_000))
def test_a_gift_takes_what_is_available_and_lots_keep_their_last_day(
    giver: Account, other: Account, wish: int
) -> None:
    available = giver.balance(NOON, COPENHAGEN).available
    if wish > min(available, MOST_GIVEN_A_DAY):
        with pytest.raises(Refusal):
            give(giver, ANNA, other, BO, wish, MOMENT)
        return
    gift = give(giver, ANNA, other, BO, wish, MOMENT)
    assert total(gift.given.account, gift.received.account) == total(giver, other)
    assert gift.given.movement.amount == -wish
    assert gift.received.movement.amount == wish
    assert gift.given.account.balance(NOON, COPENHAGEN).available == available - wish
    if other.deficit == 0:
        assert by_last_day(gift.given.account, gift.received.account) == by_last_day(giver, other)
    assert_movement_leads_there(giver, gift.given)
    assert_movement_leads_there(other, gift.received)


def test_what_expires_soonest_is_given_first_and_never_what_has_expired() -> None:
    gone, soon, late = LotKey(TODAY - timedelta(days=1), 1), LotKey(TODAY, 1), LotKey(date(2027, 12, 31), 1)
    giver = an_account(FIRST, ANNA, lots={gone: 500, late: 300, soon: 200})
    gift = give(giver, ANNA, an_account(SECOND, BO), BO, 250, MOMENT)
    assert gift.given.account.lots == {gone: 500, late: 250}
    assert gift.received.account.lots == {soon: 200, late: 50}


@pytest.mark.parametrize(
    ("giver", "receiver", "amount", "code"),
    [
        (an_account(FIRST, ANNA, lots={LotKey(TODAY, 1): 90}), an_account(SECOND, BO), 91, "not_enough_bonus"),
        (
            an_account(FIRST, ANNA, lots={LotKey(TODAY, 0): 90}, terms_version=0),
            an_account(SECOND, BO),
            1,
            "terms_not_accepted",
        ),
        (
            an_account(FIRST, ANNA, lots={LotKey(TODAY, 1): 90}),
            an_account(SECOND, BO, terms_version=0),
            1,
            "terms_not_accepted",
        ),
        (
            an_account(FIRST, ANNA, lots={LotKey(TODAY, 1): MOST_GIVEN_A_DAY + 1}),
            an_account(SECOND, BO),
            MOST_GIVEN_A_DAY + 1,
            "gift_limit",
        ),
        (
            an_account(FIRST, ANNA, BO, lots={LotKey(TODAY, 1): 90}),
            an_account(FIRST, ANNA, BO, lots={LotKey(TODAY, 1): 90}),
            1,
            "own_household",
        ),
    ],
)
def test_a_gift_that_may_not_be(giver: Account, receiver: Account, amount: int, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        give(giver, ANNA, receiver, BO, amount, MOMENT)
    assert refused.value.code == code


def test_the_daily_limit_is_money_whatever_a_point_is_worth() -> None:
    giver = an_account(FIRST, ANNA, lots={LotKey(date(2028, 1, 31), 1): 200_000})
    points = replace(MOMENT, point_value=50)
    most = MOST_GIVEN_A_DAY // 50
    assert give(giver, ANNA, an_account(SECOND, BO), BO, most, points).given.movement.amount == -most
    with pytest.raises(Refusal, match="gift_limit"):
        give(giver, ANNA, an_account(SECOND, BO), BO, most + 1, points)


def test_the_daily_limit_counts_all_gifts_of_the_clubs_day_and_begins_anew_on_the_next() -> None:
    giver = an_account(FIRST, ANNA, lots={LotKey(date(2028, 1, 31), 1): 200_000})
    receiver = an_account(SECOND, BO)
    first = give(giver, ANNA, receiver, BO, MOST_GIVEN_A_DAY - 100, MOMENT).given.account
    with pytest.raises(Refusal):
        give(first, ANNA, receiver, BO, 101, MOMENT)
    full = give(first, ANNA, receiver, BO, 100, MOMENT).given.account
    assert full.members[ANNA].given == MOST_GIVEN_A_DAY
    tomorrow = replace(MOMENT, at=NOON + timedelta(days=1))
    again = give(full, ANNA, receiver, BO, 7, tomorrow).given.account
    assert again.members[ANNA].given == 7


def test_what_is_held_for_a_receipt_is_not_given_away() -> None:
    held = {"h1": Hold(ANNA, NOON + timedelta(minutes=1), 60)}
    giver = an_account(FIRST, ANNA, lots={LotKey(TODAY, 1): 100}, holds=held)
    with pytest.raises(Refusal):
        give(giver, ANNA, an_account(SECOND, BO), BO, 41, MOMENT)
    assert give(giver, ANNA, an_account(SECOND, BO), BO, 40, MOMENT).given.account.lots == {LotKey(TODAY, 1): 60}


def test_a_gift_first_pays_what_the_receiver_owes() -> None:
    giver = an_account(FIRST, ANNA, lots={LotKey(TODAY, 1): 100})
    gift = give(giver, ANNA, an_account(SECOND, BO, deficit=30), BO, 100, MOMENT)
    assert (gift.received.account.lots, gift.received.account.deficit) == ({LotKey(TODAY, 1): 70}, 0)
    assert gift.received.movement.amount == 100


@given(accounts(FIRST, ANNA), accounts(SECOND, BO))
def test_a_household_holds_what_both_held(guest: Account, host: Account) -> None:
    moved = join_household(guest, ANNA, host, BO, MOMENT)
    emptied, shared = moved.given.account, moved.received.account
    assert total(emptied) == 0
    assert (dict(emptied.lots), emptied.deficit, dict(emptied.rewards), dict(emptied.cards)) == ({}, 0, {}, {})
    assert total(shared) == total(guest, host)
    assert set(shared.members) == {ANNA, BO}
    assert not emptied.members
    if guest.deficit == host.deficit == 0:
        assert by_last_day(shared) == by_last_day(guest, host)
    assert stamps_worth(shared) >= stamps_worth(guest, host)
    assert_movement_leads_there(guest, moved.given)
    assert_movement_leads_there(host, moved.received)
    assert_uses_moved(guest, host, moved, ANNA, ANNA)


@given(accounts(FIRST, ANNA), accounts(SECOND, BO), st.sampled_from([NOT_ACCEPTED, 1]))
def test_a_merge_leaves_one_member_with_what_both_held(loser: Account, winner: Account, accepted: int) -> None:
    loser = loser.replace_member(ANNA, AccountMember(accepted, None))
    merged = merge(loser, ANNA, winner, BO, MOMENT)
    after = merged.received.account
    assert total(after) == total(loser, winner)
    assert (set(after.members), dict(merged.given.account.members)) == ({BO}, {})
    assert (after.known_as(ANNA), after.known_as(BO), after.known_as(CAI)) == (BO, BO, CAI)
    assert_movement_leads_there(winner, merged.received)
    assert_uses_moved(loser, winner, merged, ANNA, BO)


def assert_uses_moved(source: Account, target: Account, moved: Transfer, member: str, into: str) -> None:
    """Used on either is used; what each entry says comes to what each account holds."""
    for coupon in ("kage", "kaffe"):
        theirs = source.uses.get((coupon, member), CouponUse(0))
        own = target.uses.get((coupon, into), CouponUse(0))
        after = moved.received.account.uses.get((coupon, into), CouponUse(0))
        assert (after.used, after.vouchers) == (theirs.used + own.used, theirs.vouchers + own.vouchers)
        left = moved.given.account.uses.get((coupon, member), CouponUse(0))
        assert (left.used, left.vouchers) == (0, 0)
    taken = {each.coupon_id: (-each.used, -each.vouchers) for each in moved.given.uses}
    assert taken == {each.coupon_id: (each.used, each.vouchers) for each in moved.received.uses}


def test_stamps_of_one_programme_come_onto_one_card_and_a_full_one_becomes_a_reward() -> None:
    guest = an_account(FIRST, ANNA, cards={"rugbrod": StampCard(7, 10)})
    host = an_account(SECOND, BO, cards={"rugbrod": StampCard(6, 10)})
    moved = join_household(guest, ANNA, host, BO, MOMENT)
    shared = moved.received.account
    assert shared.cards["rugbrod"].stamps == 3
    assert shared.rewards == {RewardKey(date(2027, 11, 30), "rugbrod", 10): 1}
    assert moved.given.movement.stamps[0].stamps == -7
    assert moved.received.movement.stamps[0].stamps == -3


def test_the_smaller_of_two_promises_holds() -> None:
    guest = an_account(FIRST, ANNA, cards={"rugbrod": StampCard(3, 8)})
    host = an_account(SECOND, BO, cards={"rugbrod": StampCard(4, 10)})
    shared = join_household(guest, ANNA, host, BO, MOMENT).received.account
    assert (shared.cards["rugbrod"].stamps, shared.cards["rugbrod"].needed) == (7, 8)


def test_what_one_owed_the_others_bonus_pays_when_they_share_an_account() -> None:
    guest = an_account(FIRST, ANNA, deficit=80)
    host = an_account(SECOND, BO, lots={LotKey(TODAY, 1): 50, LotKey(date(2027, 1, 31), 1): 50})
    moved = join_household(guest, ANNA, host, BO, MOMENT)
    assert (moved.received.account.lots, moved.received.account.deficit) == ({LotKey(date(2027, 1, 31), 1): 20}, 0)
    assert moved.received.movement.amount == -80


def test_whoever_shares_an_account_leaves_it_before_joining_another() -> None:
    with pytest.raises(Refusal, match="shares_an_account"):
        join_household(an_account(FIRST, ANNA, CAI), ANNA, an_account(SECOND, BO), BO, MOMENT)


def test_a_household_has_room_for_eight() -> None:
    host = an_account(SECOND, BO, *(f"m{number}" for number in range(LARGEST_HOUSEHOLD - 1)))
    with pytest.raises(Refusal, match="household_full"):
        join_household(an_account(FIRST, ANNA), ANNA, host, BO, MOMENT)


@pytest.mark.parametrize("account_of", [FIRST, SECOND])
def test_nobody_shares_an_account_without_the_terms(account_of: str) -> None:
    guest = an_account(FIRST, ANNA, terms_version=int(account_of != FIRST))
    host = an_account(SECOND, BO, terms_version=int(account_of != SECOND))
    with pytest.raises(Refusal, match="terms_not_accepted"):
        join_household(guest, ANNA, host, BO, MOMENT)


@pytest.mark.parametrize("ended", [False, True])
def test_what_is_set_aside_for_a_receipt_keeps_its_member_where_they_are(ended: bool) -> None:
    hold = {"h1": Hold(ANNA, NOON + timedelta(minutes=5), rewards=("rugbrod",), ended=ended)}
    guest, host = an_account(FIRST, ANNA, holds=hold), an_account(SECOND, BO)
    if ended:
        assert join_household(guest, ANNA, host, BO, MOMENT).received.account.members.keys() == {ANNA, BO}
        return
    for move in (join_household, merge):
        with pytest.raises(Refusal, match="held_now"):
            move(guest, ANNA, host, BO, MOMENT)
    shared = an_account(FIRST, ANNA, BO, holds=hold)
    with pytest.raises(Refusal, match="held_now"):
        leave_household(shared, ANNA, an_account(SECOND, ANNA), MOMENT)
    assert leave_household(shared, BO, an_account(SECOND, BO), MOMENT).given.account.members.keys() == {ANNA}


def test_leaving_takes_along_what_is_ones_own_and_nothing_shared() -> None:
    uses = {("kage", ANNA): CouponUse(1, revision=4), ("kage", BO): CouponUse(2, revision=1)}
    noted = AccountMember(1, NOON, ("rugbrod",), TODAY, 300)
    shared = an_account(
        FIRST, ANNA, BO, lots={LotKey(TODAY, 1): 500}, cards={"rugbrod": StampCard(4, 10)}, uses=uses
    ).replace_member(ANNA, noted)
    left = leave_household(shared, ANNA, an_account(SECOND, ANNA), MOMENT)
    alone = left.received.account
    assert (dict(alone.lots), dict(alone.cards), alone.members) == ({}, {}, {ANNA: noted})
    assert alone.uses == {("kage", ANNA): CouponUse(1)}
    rest = left.given.account
    assert (rest.lots, set(rest.members), rest.revision) == ({LotKey(TODAY, 1): 500}, {BO}, 2)
    assert rest.uses == {("kage", ANNA): CouponUse(0, revision=4), ("kage", BO): CouponUse(2, revision=1)}


def test_an_open_losers_bonus_comes_in_under_the_terms_that_the_winner_accepted() -> None:
    loser = an_account(FIRST, ANNA, lots={LotKey(TODAY, NOT_ACCEPTED): 70}, terms_version=NOT_ACCEPTED)
    winner = an_account(SECOND, BO, lots={LotKey(TODAY, 2): 5}, terms_version=2)
    merged = merge(loser, ANNA, winner, BO, MOMENT)
    assert merged.received.account.lots == {LotKey(TODAY, 2): 75}
    with pytest.raises(Refusal, match="terms_not_accepted"):
        merge(winner, BO, loser, ANNA, MOMENT)


def test_a_merge_takes_nothing_from_those_the_loser_shared_with() -> None:
    loser = an_account(FIRST, ANNA, CAI, lots={LotKey(TODAY, 1): 70}, uses={("kage", ANNA): CouponUse(1)})
    merged = merge(loser, ANNA, an_account(SECOND, BO), BO, MOMENT)
    assert (merged.given.account.lots, set(merged.given.account.members)) == ({LotKey(TODAY, 1): 70}, {CAI})
    assert (dict(merged.received.account.lots), merged.received.account.uses["kage", BO].used) == ({}, 1)


def test_two_members_of_one_household_are_merged_where_they_are() -> None:
    uses = {("kage", ANNA): CouponUse(1, 2, TODAY), ("kage", BO): CouponUse(1, 1, date(2026, 12, 24))}
    shared = an_account(FIRST, ANNA, BO, lots={LotKey(TODAY, 1): 70}, uses=uses)
    merged = merge_within(shared, ANNA, BO, MOMENT)
    after = merged.received.account
    assert merged.given.account == after
    assert (after.lots, set(after.members), after.revision) == (shared.lots, {BO}, 2)
    assert after.uses["kage", BO] == CouponUse(2, 3, date(2026, 12, 24))
    assert (after.uses["kage", ANNA].used, after.uses["kage", ANNA].vouchers) == (0, 0)


def test_one_person_has_brought_along_and_given_what_the_two_had() -> None:
    loser = an_account(FIRST, ANNA).replace_member(
        ANNA, AccountMember(1, NOON, ("bonus", "rugbrod"), TODAY, 300, ("mold",))
    )
    winner = an_account(SECOND, BO).replace_member(
        BO, AccountMember(3, NOON - timedelta(days=1), ("rugbrod",), TODAY, 40)
    )
    member = merge(loser, ANNA, winner, BO, MOMENT).received.account.members[BO]
    assert member == AccountMember(3, NOON, ("bonus", "rugbrod"), TODAY, 340, (ANNA, "mold"))
