"""Corrections by hand and what is brought along from paper: never more than there is, never more than is offered."""

from __future__ import annotations

from copy import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.ledger.model.accounts import Account, AccountMember, Hold, LotKey, RewardKey, StampCard
from stamkunde.ledger.model.adjusting import (
    BONUS,
    LONGEST_NOTE,
    MOST_BONUS_ALONE,
    MOST_STAMPS_ALONE,
    Brought,
    Correction,
    CorrectionReason,
    Promise,
    carry_over,
    correct,
    same_person,
)
from stamkunde.ledger.model.settlement import Terms
from stamkunde.ledger.model.transfers import Moment
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import StampProgramme
from stamkunde.shared.terms import NOT_ACCEPTED
from tests.factories import COPENHAGEN, NOON, THREE_PERCENT

ANNA = "manna"
TODAY = NOON.date()
IN_36_MONTHS = date(2029, 11, 30)
RYE = StampProgramme(
    "rugbrod", "Rugbrød", needed=10, reward_name="gratis rugbrød", expiry_months=12, most_carried_over=12
)
PROGRAMME = replace(THREE_PERCENT, stamp_programmes=(RYE,), most_bonus_carried_over=5_000)
PROMISE = Promise(Terms(PROGRAMME, "", COPENHAGEN), Moment(NOON, COPENHAGEN, {"rugbrod": RYE}))


def an_account(terms_version: int = 1, **held: object) -> Account:
    return replace(Account("a1", 1, {}, {ANNA: AccountMember(terms_version, None)}), **held)  # type: ignore[arg-type]


def a_correction(**given: object) -> Correction:
    wish = Correction(ANNA, CorrectionReason.GOODWILL, "Vejr og vind", "Mette")
    return replace(wish, **given)  # type: ignore[arg-type]


def corrected(account: Account, **given: object) -> Account:
    return correct(account, ANNA, a_correction(**given), PROMISE)[0]


lots = st.dictionaries(
    st.builds(LotKey, st.dates(TODAY - timedelta(days=60), TODAY + timedelta(days=900)), st.integers(0, 2)),
    st.integers(1, 30_000),
    max_size=6,
)


@given(lots, st.integers(0, 4_000), st.integers(0, 2), st.integers(-60_000, 60_000).filter(bool))
def test_a_correction_moves_exactly_its_amount_or_nothing(
    held: dict[LotKey, int], reserved: int, terms_version: int, bonus: int
) -> None:
    holds = {"h1": Hold(ANNA, NOON + timedelta(minutes=1), reserved)}
    account = an_account(terms_version, lots=held, holds=holds)
    try:
        after, movement = correct(account, ANNA, a_correction(bonus=bonus), PROMISE)
    except Refusal as refusal:
        assert (bonus < 0, refusal.code) == (True, "not_enough_bonus")
        return
    assert movement.amount == bonus
    assert sum(after.lots.values()) - after.deficit == sum(held.values()) + bonus
    assert min(after.lots.values(), default=0) >= 0
    assert after.deficit == 0
    if bonus < 0 and terms_version != NOT_ACCEPTED:
        was, now = account.balance(NOON, COPENHAGEN), after.balance(NOON, COPENHAGEN)
        assert now.available == was.available + bonus


def test_what_is_given_by_hand_lives_as_long_as_what_is_earned_today() -> None:
    assert corrected(an_account(2), bonus=150).lots == {LotKey(IN_36_MONTHS, 2): 150}
    assert corrected(an_account(NOT_ACCEPTED), bonus=150).lots == {LotKey(IN_36_MONTHS, NOT_ACCEPTED): 150}


def test_what_is_given_by_hand_never_lives_shorter_than_the_terms_promised() -> None:
    short = replace(PROGRAMME, expiry_months=12)
    promise = replace(PROMISE, terms=Terms(short, "", COPENHAGEN, promised_months={1: 24, 2: 12}))
    after, _ = correct(an_account(1), ANNA, a_correction(bonus=5), promise)
    assert after.lots == {LotKey(date(2028, 11, 30), 1): 5}


def test_what_is_given_by_hand_first_pays_what_is_owed() -> None:
    after = corrected(an_account(deficit=100), bonus=150)
    assert (after.lots, after.deficit) == ({LotKey(IN_36_MONTHS, 1): 50}, 0)


def test_bonus_that_waits_can_be_taken_back_by_hand_too() -> None:
    pending = LotKey(IN_36_MONTHS, NOT_ACCEPTED)
    assert corrected(an_account(NOT_ACCEPTED, lots={pending: 90}), bonus=-60).lots == {pending: 30}


@given(st.integers(0, 9), st.integers(0, 3), st.integers(0, 3), st.integers(-45, 45).filter(bool))
def test_stamps_by_hand_never_leave_a_card_or_a_reward_below_nothing(
    on_card: int, rewards: int, held: int, stamps: int
) -> None:
    held = min(held, rewards)
    holds = {"h1": Hold(ANNA, NOON + timedelta(minutes=1), rewards=("rugbrod",) * held)}
    key = RewardKey(IN_36_MONTHS, "rugbrod")
    account = an_account(
        cards={"rugbrod": StampCard(on_card, 10)}, rewards={key: rewards} if rewards else {}, holds=holds
    )
    there = on_card + 10 * (rewards - held)
    if stamps < -there:
        with pytest.raises(Refusal, match="not_enough_stamps"):
            corrected(account, stamps=stamps, stamp_programme_id="rugbrod")
        return
    after = corrected(account, stamps=stamps, stamp_programme_id="rugbrod")
    assert after.cards["rugbrod"].stamps + 10 * sum(after.rewards.values()) == on_card + 10 * rewards + stamps
    assert 0 <= after.cards["rugbrod"].stamps < 10
    assert sum(after.rewards.values()) >= held


def test_stamps_cannot_be_taken_from_a_card_that_was_never_begun() -> None:
    with pytest.raises(Refusal, match="not_enough_stamps"):
        corrected(an_account(), stamps=-1, stamp_programme_id="rugbrod")
    with pytest.raises(Refusal, match="unknown_stamp_programme"):
        corrected(an_account(), stamps=1, stamp_programme_id="kaffe")


def test_above_a_limit_a_second_person_is_needed_whichever_way_it_goes() -> None:
    for sign in (1, -1):
        assert not a_correction(bonus=sign * MOST_BONUS_ALONE).needs_approval(1)
        assert a_correction(bonus=sign * (MOST_BONUS_ALONE + 1)).needs_approval(1)
        assert not a_correction(stamps=sign * MOST_STAMPS_ALONE).needs_approval(1)
        assert a_correction(stamps=sign * (MOST_STAMPS_ALONE + 1)).needs_approval(1)


def test_the_limit_of_a_correction_is_money_whatever_a_point_is_worth() -> None:
    assert not a_correction(bonus=MOST_BONUS_ALONE // 50).needs_approval(50)
    assert a_correction(bonus=MOST_BONUS_ALONE // 50 + 1).needs_approval(50)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"bonus": 1, "stamps": 1, "stamp_programme_id": "rugbrod"},
        {"stamps": 1},
        {"bonus": 1, "stamp_programme_id": "rugbrod"},
        {"bonus": 10**9},
        {"stamps": -(10**6), "stamp_programme_id": "rugbrod"},
        {"bonus": 1, "note": " "},
        {"bonus": 1, "note": "x" * (LONGEST_NOTE + 1)},
        {"bonus": 1, "by": ""},
    ],
)
def test_a_correction_says_one_thing_and_who_does_it_why(given: dict[str, object]) -> None:
    with pytest.raises(Refusal, match="invalid_field"):
        a_correction(**given).check()
    a_correction(bonus=1).check()
    a_correction(stamps=-1, stamp_programme_id="rugbrod").check()


def test_a_name_is_the_same_however_it_is_typed() -> None:
    assert same_person("Mette Holm", " mette  HOLM ")
    assert not same_person("Mette", "Metta")


def test_stamps_from_paper_may_fill_a_card() -> None:
    account = an_account(cards={"rugbrod": StampCard(4, 10)})
    after, movement = carry_over(account, ANNA, Brought("rugbrod", 8), PROMISE)
    assert (after.cards["rugbrod"].stamps, after.rewards) == (2, {RewardKey(date(2027, 11, 30), "rugbrod", 10): 1})
    assert movement.stamps[0].stamps == -2
    assert after.members[ANNA].carried_over == ("rugbrod",)


def test_each_thing_is_brought_along_once_and_the_others_still_may_be() -> None:
    after, _ = carry_over(an_account(), ANNA, Brought("rugbrod", 3), PROMISE)
    with pytest.raises(Refusal, match="carried_over_already"):
        carry_over(after, ANNA, Brought("rugbrod", 1), PROMISE)
    both, _ = carry_over(after, ANNA, Brought(BONUS, 5_000), PROMISE)
    assert both.lots == {LotKey(IN_36_MONTHS, 1): 5_000}
    assert both.members[ANNA].carried_over == ("rugbrod", BONUS)


@pytest.mark.parametrize(
    ("brought", "code"),
    [
        (Brought("rugbrod", 13), "carry_over_too_much"),
        (Brought(BONUS, 5_001), "carry_over_too_much"),
        (Brought("kaffe", 1), "unknown_stamp_programme"),
    ],
)
def test_no_more_is_brought_along_than_the_club_takes(brought: Brought, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        carry_over(an_account(), ANNA, brought, PROMISE)


def test_a_club_that_takes_nothing_from_before_says_so() -> None:
    nothing = replace(PROGRAMME, stamp_programmes=(replace(RYE, most_carried_over=0),), most_bonus_carried_over=0)
    promise = replace(PROMISE, terms=Terms(nothing, "", COPENHAGEN))
    for what in ("rugbrod", BONUS):
        with pytest.raises(Refusal, match="carry_over_not_offered"):
            carry_over(an_account(), ANNA, Brought(what, 1), promise)
