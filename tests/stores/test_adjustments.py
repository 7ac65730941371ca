"""Corrections and what is brought along from paper, on the real engine: once, noted, by two people above a limit."""

from __future__ import annotations

from copy import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.ledger.adjustments import Adjusted
from stamkunde.ledger.model.accounts import Hold
from stamkunde.ledger.model.adjusting import BONUS, Brought, Correction, CorrectionReason
from stamkunde.ledger.model.entries import EntryKind
from stamkunde.ledger.notes import NoteKind
from stamkunde.ledger.proposal_store import WAITS, Proposal, ProposalState
from stamkunde.shared.errors import Refusal
from stamkunde.shared.idempotency import WriteKey
from stamkunde.shared.programme import StampProgramme
from tests.factories import THREE_PERCENT, make_club
from tests.shop import Shop
from tests.stores.test_transfers import assert_all_proved, at_once, refusal_code, refusals, rich
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

RYE = StampProgramme("rugbrod", "Rugbrød", 10, "gratis rugbrød", most_carried_over=12)
PROGRAMME = replace(THREE_PERCENT, stamp_programmes=(RYE,), most_bonus_carried_over=5_000)


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb, club=make_club(programmes=(PROGRAMME,)))


def wish(member_id: str, bonus: int = 0, **given: Any) -> Correction:
    standard = {"reason": CorrectionReason.TILL_MISTAKE, "note": "Bon 100234", "by": "Mette"}
    return Correction(member_id, bonus=bonus, **(standard | given))


def correct(shop: Shop, correction: Correction, key: str = "k1") -> Adjusted | Proposal:
    return shop.adjustments.correct(correction, WriteKey(key, repr(correction)))


def booked(shop: Shop, correction: Correction, key: str = "k1") -> Adjusted:
    done = correct(shop, correction, key)
    assert isinstance(done, Adjusted)
    return done


def proposed(shop: Shop, correction: Correction, key: str = "k1") -> Proposal:
    done = correct(shop, correction, key)
    assert isinstance(done, Proposal)
    return done


def bring(shop: Shop, member_id: str, brought: Brought, key: str = "k1") -> Adjusted:
    return shop.adjustments.carry_over(
        member_id, brought, WriteKey(key, repr(brought)), outlet_id="banegaarden", till_id="kasse-1"
    )


def test_a_correction_says_who_did_it_and_why_and_the_owner_sees_it(shop: Shop) -> None:
    anna = rich(shop)
    entry = booked(shop, wish(anna, -1_000)).entry
    assert entry.grounds is not None
    assert (entry.kind, entry.amount, entry.member_id) == (EntryKind.CORRECTION, -1_000, anna)
    assert (entry.grounds.reason, entry.grounds.note, entry.grounds.by) == ("till_mistake", "Bon 100234", "Mette")
    assert entry in shop.entries(anna)
    (note,) = shop.store.notes_of_day(shop.today())
    assert (note.kind, note.code, note.subject, note.entry_id) == (
        NoteKind.CORRECTION,
        "till_mistake",
        BONUS,
        entry.entry_id,
    )
    assert_all_proved(shop)


def test_a_correction_costs_four_write_units_and_two_for_the_owners_line(shop: Shop) -> None:
    anna = rich(shop)
    meter = UnitMeter()
    meter.attach(shop.client)
    booked(shop, wish(anna, 500))
    assert (meter.written, meter.calls["TransactWriteItems"]) == (6, 1)


def test_the_same_correction_again_counts_once(shop: Shop) -> None:
    anna = rich(shop)
    first = booked(shop, wish(anna, 500))
    shop.wait(timedelta(hours=20))
    again = booked(shop, wish(anna, 500))
    assert (again.repeated, again.entry) == (True, first.entry)
    assert refusal_code(shop, lambda: correct(shop, wish(anna, 501))) == "idempotency_key_differs"
    assert not booked(shop, wish(anna, 500), "k2").repeated
    assert shop.balance(anna).total == 4_000
    assert_all_proved(shop)


def test_one_correction_sent_by_ten_threads_counts_once(shop: Shop) -> None:
    anna = rich(shop)
    answers = at_once(*[lambda: booked(shop, wish(anna, 500))] * 10)
    assert len({answer.entry.entry_id for answer in answers}) == 1
    assert sum(not answer.repeated for answer in answers) == 1
    assert shop.balance(anna).total == 3_500


def test_a_correction_and_spending_never_take_the_same_bonus(shop: Shop) -> None:
    anna = rich(shop)
    receipt = shop.receipt(anna, 3_000, spend_bonus=3_000)
    answers = at_once(
        lambda: booked(shop, wish(anna, -3_000)),
        lambda: shop.ledger.book(receipt, shop.point),
    )
    assert refusals(answers) == {"not_enough_bonus"}
    assert shop.balance(anna).total == 0
    assert_all_proved(shop)


def test_a_correction_takes_no_more_than_there_is_and_nothing_that_is_held(shop: Shop) -> None:
    anna = rich(shop)
    account = shop.account(anna)
    held = account.replace_hold("h1", Hold(anna, shop.now() + timedelta(minutes=5), 1_000))
    shop.store.commit([shop.store.account_write(account, replace(held, revision=account.revision + 1))])
    assert refusal_code(shop, lambda: correct(shop, wish(anna, -2_001))) == "not_enough_bonus"
    taken = wish(anna, stamps=-1, stamp_programme_id="rugbrod")
    booked(shop, wish(anna, stamps=3, stamp_programme_id="rugbrod"))
    booked(shop, taken, "k2")
    assert shop.account(anna).cards["rugbrod"].stamps == 5 - 1 - 1
    too_many = replace(taken, stamps=-4)
    assert refusal_code(shop, lambda: correct(shop, too_many, "k3")) == "not_enough_stamps"
    assert refusal_code(shop, lambda: correct(shop, wish("m0000000000000000", 5))) == "unknown_member"
    assert refusal_code(shop, lambda: correct(shop, wish(anna, 5, note=""))) == "invalid_field"
    assert_all_proved(shop)


def test_a_large_correction_waits_for_somebody_else(shop: Shop) -> None:
    anna = rich(shop)
    proposal = proposed(shop, wish(anna, 20_001))
    assert shop.balance(anna).total == 3_000
    assert shop.adjustments.waiting() == [proposal]
    approve = shop.adjustments.approve
    for own in ("Mette", " mette ", ""):
        assert refusal_code(shop, partial(approve, proposal.proposal_id, own)) == "second_person_needed"
    done = approve(proposal.proposal_id, "Jens")
    assert done.entry.grounds is not None
    assert (done.entry.grounds.by, done.entry.grounds.approved_by) == ("Mette", "Jens")
    assert shop.balance(anna).total == 23_001
    assert shop.adjustments.waiting() == []
    again = approve(proposal.proposal_id, "Jens")
    assert (again.repeated, again.entry) == (True, done.entry)
    assert refusal_code(shop, lambda: approve(proposal.proposal_id, "Bo")) == "proposal_over"
    assert refusal_code(shop, lambda: shop.adjustments.decline(proposal.proposal_id, "Bo")) == "proposal_over"
    assert_all_proved(shop)


def test_the_same_proposal_again_is_one_and_tells_what_became_of_it(shop: Shop) -> None:
    anna = rich(shop)
    first = proposed(shop, wish(anna, 30_000))
    assert proposed(shop, wish(anna, 30_000)) == first
    assert refusal_code(shop, lambda: correct(shop, wish(anna, 30_001))) == "idempotency_key_differs"
    declined = shop.adjustments.decline(first.proposal_id, "Jens")
    assert (declined.state, declined.decided_by) == (ProposalState.DECLINED, "Jens")
    assert shop.adjustments.decline(first.proposal_id, "Jens") == declined
    assert proposed(shop, wish(anna, 30_000)) == declined
    assert refusal_code(shop, lambda: shop.adjustments.approve(first.proposal_id, "Jens")) == "proposal_over"
    assert shop.balance(anna).total == 3_000


def test_a_proposal_is_kept_in_mind_across_the_end_of_a_month(shop: Shop) -> None:
    shop.wait(timedelta(days=9, hours=11))  # the last evening of November
    anna = rich(shop)
    first = proposed(shop, wish(anna, 30_000))
    shop.wait(timedelta(hours=5))
    assert proposed(shop, wish(anna, 30_000)) == first
    assert shop.adjustments.waiting() == [first]
    shop.wait(WAITS)
    assert shop.adjustments.waiting() == []
    assert refusal_code(shop, lambda: shop.adjustments.approve(first.proposal_id, "Jens")) == "proposal_over"


def test_two_who_approve_at_once_book_it_once(shop: Shop) -> None:
    anna = rich(shop)
    proposal = proposed(shop, wish(anna, 30_000))
    answers = at_once(
        *(partial(shop.adjustments.approve, proposal.proposal_id, who) for who in ("Jens", "Bo", "Ida"))
    )
    assert refusals(answers) == {"proposal_over"}
    assert sum(isinstance(answer, Adjusted) for answer in answers) == 1
    assert shop.balance(anna).total == 33_000
    assert_all_proved(shop)


def test_what_a_proposal_would_take_must_still_be_there_when_it_is_approved(shop: Shop) -> None:
    anna = rich(shop, 30_000)
    proposal = proposed(shop, wish(anna, -30_000))
    shop.buy(anna, 100, spend_bonus=100)
    assert refusal_code(shop, lambda: shop.adjustments.approve(proposal.proposal_id, "Jens")) == "not_enough_bonus"
    assert shop.adjustments.waiting() == [proposal]
    assert refusal_code(shop, lambda: shop.adjustments.approve("q202611000000000000", "Jens")) == "unknown_proposal"


def test_what_is_brought_along_counts_once_and_the_owner_sees_it(shop: Shop) -> None:
    anna = shop.new_member()
    first = bring(shop, anna, Brought("rugbrod", 12))
    assert (first.entry.kind, first.entry.outlet_id, first.entry.till_id) == (
        EntryKind.CARRY_OVER,
        "banegaarden",
        "kasse-1",
    )
    account = shop.account(anna)
    assert (account.cards["rugbrod"].stamps, sum(account.rewards.values())) == (2, 1)
    again = bring(shop, anna, Brought("rugbrod", 12))
    assert (again.repeated, again.entry) == (True, first.entry)
    assert refusal_code(shop, lambda: bring(shop, anna, Brought("rugbrod", 1), "k2")) == "carried_over_already"
    assert refusal_code(shop, lambda: bring(shop, anna, Brought(BONUS, 100))) == "idempotency_key_differs"
    bring(shop, anna, Brought(BONUS, 5_000), "k3")
    notes = [(note.kind, note.subject) for note in shop.store.notes_of_day(shop.today())]
    assert sorted(notes) == [(NoteKind.CARRY_OVER, BONUS), (NoteKind.CARRY_OVER, "rugbrod")]
    assert_all_proved(shop)


def test_two_tills_bring_the_same_card_along_once(shop: Shop) -> None:
    anna = shop.new_member()
    answers = at_once(*(partial(bring, shop, anna, Brought("rugbrod", 3), f"k{n}") for n in range(8)))
    assert refusals(answers) == {"carried_over_already"}
    assert shop.account(anna).cards["rugbrod"].stamps == 3
    assert_all_proved(shop)


def test_what_a_merged_member_brought_along_is_not_brought_again(shop: Shop) -> None:
    anna, bo = shop.new_member(), shop.new_member()
    bring(shop, anna, Brought(BONUS, 5_000))
    shop.merging.merge(anna, bo, "Jens")
    for member_id in (anna, bo):
        again = partial(bring, shop, member_id, Brought(BONUS, 5_000), "k2")
        assert refusal_code(shop, again) == "carried_over_already"


def test_what_an_open_member_brings_along_waits_for_the_terms(shop: Shop) -> None:
    anna = shop.new_member(accepts=False)
    bring(shop, anna, Brought(BONUS, 700))
    assert shop.balance(anna).pending == 700
    with pytest.raises(Refusal, match="terms_not_accepted"):
        shop.buy(anna, 1_000, spend_bonus=700)
