"""What entries are explained by: whole sentences, the club's unit, names that people know."""

from __future__ import annotations

from copy import replace
from datetime import date

import pytest

from stamkunde.ledger.explanations import explain_entry
from stamkunde.ledger.model.accounts import Balance, LotChange, LotKey, Movement, RewardKey, StampChange
from stamkunde.ledger.model.entries import Earned, Entry, EntryKind, Grounds, PurchaseFacts, RefundFacts, UseChange
from stamkunde.shared.language import LANGUAGES, catalogue
from stamkunde.shared.programme import StampProgramme, Unit
from tests.factories import NOON, THREE_PERCENT

LOT = LotKey(date(2026, 10, 31), 1)
RYE = StampProgramme("rugbrod", "Rugbrød", 10, "gratis rugbrød")
BAKERY = (replace(THREE_PERCENT, stamp_programmes=(RYE,)),)
REWARD = RewardKey(date(2026, 10, 31), "rugbrod", 10)


def entry(kind: EntryKind, movement: Movement, reason: str | None = None) -> Entry:
    return Entry(
        entry_id="e1",
        kind=kind,
        account_id="a1",
        member_id="m1",
        outlet_id=None,
        till_id=None,
        booked_at=NOON,
        day=NOON.date(),
        movement=movement,
        balance=Balance(0, 0, 0),
        grounds=Grounds(reason) if reason else None,
    )


def bonus(amount: int) -> Movement:
    return Movement((LotChange(LOT, amount),))


def stamps(count: int, *rewards: tuple[RewardKey, int]) -> Movement:
    return Movement(stamps=(StampChange("rugbrod", count, rewards),))


def told(kind: EntryKind, movement: Movement, reason: str | None = None, language: str = "da") -> str:
    return explain_entry(entry(kind, movement, reason), "DKK", language, Unit.MONEY, BAKERY)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("da", "27,48 kr. i bonus er udløbet."),
        ("nb", "27,48 kr i bonus er utløpt."),
        ("en", "DKK 27.48 of bonus has expired."),
    ],
)
def test_expired_bonus_is_a_sentence_with_one_full_stop(language: str, words: str) -> None:
    assert told(EntryKind.EXPIRE, bonus(-2_748), language=language) == words


def test_a_reward_that_lapsed_is_told_by_its_name_and_not_as_nothing() -> None:
    lapsed = stamps(0, (REWARD, -1))
    assert told(EntryKind.EXPIRE, lapsed) == "1 gratis rugbrød er udløbet."
    unknown = entry(EntryKind.EXPIRE, stamps(0, (REWARD, -2)))
    assert explain_entry(unknown, "DKK", "da") == "2 fulde kort er udløbet."
    both = Movement((LotChange(LOT, -500),), stamps=lapsed.stamps)
    assert told(EntryKind.EXPIRE, both) == "5,00 kr. i bonus er udløbet. 1 gratis rugbrød er udløbet."


def test_bonus_that_expired_and_paid_what_was_owed_is_told_as_that() -> None:
    paid = Movement((LotChange(LOT, -500),), -500)
    assert told(EntryKind.EXPIRE, paid) == "Udløbet bonus dækkede 5,00 kr., der skulle trækkes fra."


@pytest.mark.parametrize(
    ("count", "language", "words"),
    [
        (1, "da", "1 ubrugt kupon er udløbet."),
        (2, "da", "2 ubrugte kuponer er udløbet."),
        (2, "nb", "2 ubrukte kuponger er utløpt."),
        (1, "en", "1 unused coupon has expired."),
    ],
)
def test_vouchers_that_lapsed_are_told_and_no_bonus_with_them(count: int, language: str, words: str) -> None:
    lapsed = replace(entry(EntryKind.EXPIRE, Movement()), uses=(UseChange("kaffe", used=0, vouchers=-count),))
    assert explain_entry(lapsed, "DKK", language) == words


def test_points_expire_and_come_back_as_points() -> None:
    lapsed = entry(EntryKind.EXPIRE, bonus(-4_997))
    assert explain_entry(lapsed, "DKK", "da", Unit.POINTS) == "4.997 point er udløbet."
    facts = RefundFacts("p1", "e0", "1", NOON, (), 10_000, 10_000, taken_back=4_997, spent_back=0, owed=0)
    back = replace(entry(EntryKind.REFUND, bonus(-4_997)), refund=facts)
    words = explain_entry(back, "DKK", "da", Unit.POINTS)
    assert words == "Varer for 100,00 kr. kom tilbage. 4.997 point taget tilbage."


@pytest.mark.parametrize(
    ("movement", "words"),
    [
        (bonus(1_000), "10,00 kr. lagt til i butikken (venlighed)."),
        (bonus(-1_000), "10,00 kr. trukket fra i butikken (venlighed)."),
        (stamps(-1), "1 stempel trukket fra i butikken (venlighed)."),
        (stamps(-7, (REWARD, 1)), "3 stempler lagt til i butikken (venlighed)."),
        (stamps(7, (REWARD, -1)), "3 stempler trukket fra i butikken (venlighed)."),
        (Movement(), "Rettet i butikken (venlighed)."),
    ],
)
def test_a_correction_says_in_words_which_way_it_went(movement: Movement, words: str) -> None:
    assert told(EntryKind.CORRECTION, movement, "goodwill") == words


def test_a_receipt_without_membership_earns_nothing_and_tells_no_percentage() -> None:
    earned = Earned(1, base=0, rate=300, amount=0, terms_version=0)
    facts = PurchaseFacts("p1", "1", NOON, 4_000, earned, 0, 0, (), ())
    guest = replace(entry(EntryKind.PURCHASE, Movement()), member_id=None, purchase=facts)
    assert explain_entry(guest, "DKK", "da") == "Ingen bonus uden medlemskab."


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_did_by_hand_is_a_whole_sentence(language: str) -> None:
    reasons = {
        EntryKind.CARRY_OVER: ("carry_over",),
        EntryKind.VOUCHER: ("thanks",),
        EntryKind.GIFT_GIVEN: ("gift",),
        EntryKind.GIFT_RECEIVED: ("gift",),
        EntryKind.MOVED_OUT: ("household_join", "household_leave", "merge"),
        EntryKind.MOVED_IN: ("household_join", "household_leave", "merge"),
        EntryKind.CORRECTION: ("goodwill", "till_mistake", "missing_receipt", "wrong_member", "other"),
    }
    for kind, codes in reasons.items():
        sign = -1 if kind in (EntryKind.GIFT_GIVEN, EntryKind.MOVED_OUT) else 1
        for code in codes:
            words = told(kind, bonus(sign * 1_000), code, language)
            assert words.endswith(".")
            assert not words.endswith("..")
            assert "-" not in words


def test_a_receipt_has_one_name_in_norwegian() -> None:
    assert not [key for key, text in catalogue("nb").items() if "bong" in text.casefold()]
