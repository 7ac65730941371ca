"""Whom a segment takes: each criterion, how they are put together, and that nothing is said that mayn't be."""

from __future__ import annotations

from collections import Counter
from copy import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stamkunde.campaigns.audience import why_not
from stamkunde.campaigns.facts_store import (
    BLOCKS_A_SHARD,
    FACT_SHARDS,
    LARGEST_ROW,
    block_of,
    fitting,
    packed,
    unpacked,
)
from stamkunde.campaigns.model.criteria import (
    DEEPEST,
    EVERYBODY,
    MOST_CRITERIA,
    OF_PURCHASES,
    AllOf,
    AnyOf,
    Birthday,
    BonusAtLeast,
    BoughtAt,
    BoughtItem,
    Country,
    Criterion,
    EmailConfirmed,
    Interest,
    Joined,
    Kind,
    Language,
    LastPurchase,
    Not,
    Outlet,
    Permitted,
    Spend,
    StampsMissing,
    Visits,
    check,
    matches,
    read_criterion,
    uses_purchases,
    write_criterion,
)
from stamkunde.campaigns.model.facts import (
    LOOKS_BACK_DAYS,
    Bought,
    MemberFacts,
    Standing,
    day_number,
    with_items,
    without_weighed,
)
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal

TODAY = date(2026, 11, 23)
NOBODY = AnyOf()


def ago(days: int) -> int:
    return day_number(TODAY) - days


BOUGHT = Bought(
    days=(ago(400), ago(40), ago(10), ago(0)),
    amounts=(90_000, 4_500, 2_000, 3_000),
    outlets={"torvet": ago(0), "havnen": ago(40)},
    items={"bike": ago(400), "bun": ago(0), "rye": ago(10)},
)


def facts(**changed: Any) -> MemberFacts:
    standard: dict[str, Any] = {
        "member_id": "m0000000000000001",
        "first_name": "Mette",
        "language": "da",
        "country": "DK",
        "standing": Standing.MEMBER,
        "joined_on": date(2025, 3, 1),
        "outlet": "torvet",
        "birthday": (12, 24),
        "interests": (("cycling", "mtb"), ("bread", "rye")),
        "sms_until": date(2027, 3, 1),
        "bought": BOUGHT,
        "stamps": {"rugbrod": (8, 10)},
        "bonus": 14_500,
    }
    return MemberFacts(**(standard | changed))


def meant(criterion: Criterion, **changed: Any) -> bool | None:
    return check(criterion, TODAY)(facts(**changed))


YES: list[tuple[Criterion, dict[str, Any]]] = [
    (EVERYBODY, {}),
    (Outlet(("havnen", "torvet")), {}),
    (Joined(), {}),
    (Joined(first=date(2025, 3, 1), last=date(2025, 3, 1)), {}),
    (Joined(within_days=1), {"joined_on": TODAY}),
    (Birthday(), {}),
    (Birthday(within_days=31), {}),
    (Birthday(within_days=0), {"birthday": (11, 23)}),
    (Birthday(month=12), {}),
    (Interest("cycling", ("road", "mtb")), {}),
    (Language(("nb", "da")), {}),
    (Country(("DK",)), {}),
    (Permitted("sms"), {}),
    (Permitted("email"), {"email_until": TODAY + timedelta(days=1)}),
    (Permitted("purchases"), {}),
    (EmailConfirmed(), {"email_confirmed": True}),
    (Kind(Standing.MEMBER), {}),
    (Visits(days=11, at_least=2, at_most=2), {}),
    (Visits(days=30, at_most=0), {"bought": Bought()}),
    (LastPurchase(at_least_days=0, at_most_days=0), {}),
    (LastPurchase(at_least_days=60), {"bought": Bought(earlier=ago(900))}),
    (Spend(days=11, at_least=5_000, at_most=5_000), {}),
    (Spend(days=LOOKS_BACK_DAYS, at_least=99_500), {}),
    (BoughtAt(("havnen",), days=41), {}),
    (BoughtItem(("bike", "car"), days=401), {}),
    (StampsMissing("rugbrod", at_most=2), {}),
    (BonusAtLeast(14_500), {}),
]
NO: list[tuple[Criterion, dict[str, Any]]] = [
    (NOBODY, {}),
    (Not(EVERYBODY), {}),
    (Outlet(("havnen",)), {}),
    (Outlet(("havnen",)), {"outlet": None}),
    (Joined(first=date(2025, 3, 2)), {}),
    (Joined(last=date(2025, 2, 28)), {}),
    (Joined(within_days=1), {"joined_on": TODAY - timedelta(days=1)}),
    (Birthday(), {"birthday": None}),
    (Birthday(within_days=30), {}),
    (Birthday(within_days=60), {"birthday": (11, 22)}),
    (Birthday(within_days=31, month=11), {}),
    (Interest("cycling", ("rye",)), {}),
    (Language(("nb",)), {}),
    (Country(("NO", "SE")), {}),
    (Permitted("sms"), {"sms_until": TODAY}),
    (Permitted("email"), {}),
    (Permitted("purchases"), {"bought": None}),
    (EmailConfirmed(), {}),
    (Kind(Standing.NEWSLETTER), {}),
    (Visits(days=10, at_least=2), {}),
    (Visits(days=LOOKS_BACK_DAYS, at_most=3), {}),
    (LastPurchase(at_least_days=1), {}),
    (LastPurchase(at_most_days=30), {"bought": Bought()}),
    (LastPurchase(at_least_days=0), {"bought": Bought()}),
    (Spend(days=10, at_least=5_000), {}),
    (BoughtAt(("havnen",), days=40), {}),
    (BoughtItem(("bike",), days=400), {}),
    (BoughtItem(("car",), days=LOOKS_BACK_DAYS), {}),
    (StampsMissing("rugbrod", at_most=1), {}),
    (StampsMissing("rugbrod", at_most=10), {"stamps": {"rugbrod": (0, 10)}}),
    (StampsMissing("kaffe", at_most=10), {}),
    (BonusAtLeast(14_501), {}),
]
OF_EACH = [criterion for criterion, _ in YES if isinstance(criterion, OF_PURCHASES)]


@pytest.mark.parametrize(("criterion", "changed"), YES, ids=lambda each: str(each)[:60])
def test_whom_a_criterion_takes(criterion: Criterion, changed: dict[str, Any]) -> None:
    assert meant(criterion, **changed) is True
    assert meant(Not(criterion), **changed) is False
    assert matches(criterion, facts(**changed), TODAY)


@pytest.mark.parametrize(("criterion", "changed"), NO, ids=lambda each: str(each)[:60])
def test_whom_a_criterion_does_not_take(criterion: Criterion, changed: dict[str, Any]) -> None:
    assert meant(criterion, **changed) is False
    assert meant(Not(criterion), **changed) is True
    assert not matches(criterion, facts(**changed), TODAY)


def test_every_criterion_is_tried_both_ways() -> None:
    kinds = set(Criterion.__value__.__args__)
    assert {type(criterion) for criterion, _ in YES} | {AnyOf, Not} == kinds
    assert {type(criterion) for criterion, _ in NO} | {AllOf} == kinds


@pytest.mark.parametrize("criterion", OF_EACH, ids=lambda each: type(each).__name__)
def test_of_who_allows_no_use_of_purchases_nothing_is_said_either_way(criterion: Criterion) -> None:
    """R12: also what somebody didn't buy follows from what they bought."""
    for refused in ({"bought": None}, {"purchases_until": TODAY}, {"standing": Standing.OPEN, "bought": None}):
        assert meant(criterion, **refused) is None
        assert meant(Not(criterion), **refused) is None
        assert not matches(criterion, facts(**refused), TODAY)
        assert not matches(Not(criterion), facts(**refused), TODAY)
    assert meant(criterion, purchases_until=TODAY + timedelta(days=1)) is not None
    assert uses_purchases(AllOf((Language(("da",)), Not(criterion))))


def test_what_does_not_follow_from_purchases_asks_for_no_permission_to_use_them() -> None:
    others = [criterion for criterion, _ in YES if not isinstance(criterion, OF_PURCHASES)]
    assert not uses_purchases(AnyOf(tuple(others)))
    for criterion in others:
        assert meant(criterion, bought=None) is not None


def test_a_yes_that_does_not_need_the_purchases_counts_and_so_does_a_no() -> None:
    """Whoever is chosen by their language alone wasn't chosen by what they bought."""
    unknown, yes, no = BonusAtLeast(1), Language(("da",)), Language(("nb",))
    assert meant(AnyOf((unknown, yes)), bought=None) is True
    assert meant(AnyOf((unknown, no)), bought=None) is None
    assert meant(AllOf((unknown, no)), bought=None) is False
    assert meant(AllOf((no, unknown)), bought=None) is False
    assert meant(AllOf((unknown, yes)), bought=None) is None


def test_in_a_club_that_weighs_no_more_only_a_yes_lets_purchases_be_looked_at() -> None:
    """R12: the club's written reason was taken back since the facts were made."""
    assert without_weighed(facts(purchases_weighed=True)).bought is None
    assert without_weighed(facts()).bought == BOUGHT


@pytest.mark.parametrize(
    ("today", "expected"),
    [(date(2027, 3, 1), True), (date(2027, 2, 28), False), (date(2028, 2, 29), True), (date(2028, 3, 1), False)],
)
def test_somebody_born_on_a_leap_day_has_a_birthday_every_year(today: date, *, expected: bool) -> None:
    assert matches(Birthday(within_days=0), facts(birthday=(2, 29)), today) is expected


def test_a_birthday_is_found_over_the_turn_of_the_year() -> None:
    assert matches(Birthday(within_days=10), facts(birthday=(1, 3)), date(2026, 12, 24))
    assert not matches(Birthday(within_days=10), facts(birthday=(1, 4)), date(2026, 12, 24))


def test_item_numbers_that_are_not_known_any_more_are_no_proof_that_nothing_was_bought() -> None:
    many = Bought((ago(0),), (1,), {}, {f"item-{number:04}": ago(700 - number) for number in range(201)})
    bought = with_items(many)
    assert len(bought.items) == 200
    assert meant(BoughtItem(("item-0200",), 731), bought=bought) is True
    assert meant(BoughtItem(("item-0000",), 731), bought=bought) is None
    assert meant(Not(BoughtItem(("item-0000",), 731)), bought=bought) is None
    assert meant(Not(BoughtItem(("item-0000",), 600)), bought=bought) is True


LEAVES = st.sampled_from([criterion for criterion, _ in (*YES, *NO)])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
PEOPLE = st.builds(
    facts,
    language=st.sampled_from(["da", "nb"]),
    bought=st.sampled_from([None, Bought(), BOUGHT]),
    outlet=st.sampled_from([None, "torvet", "havnen"]),
    sms_until=st.sampled_from([None, TODAY, TODAY + timedelta(days=1)]),
)


@settings(max_examples=300, deadline=None)
@given(TREES, PEOPLE)
def test_not_all_is_the_same_as_some_not(criterion: Criterion, person: MemberFacts) -> None:
    """De Morgan, in three values: whoever writes a rule the other way round means the same people."""
    inner = (criterion, Language(("da",)))
    not_all, some_not = Not(AllOf(inner)), AnyOf(tuple(Not(each) for each in inner))
    assert check(not_all, TODAY)(person) is check(some_not, TODAY)(person)
    assert check(Not(Not(criterion)), TODAY)(person) is check(criterion, TODAY)(person)


@settings(max_examples=300, deadline=None)
@given(TREES, PEOPLE)
def test_whoever_is_surely_meant_is_meant_whatever_they_bought(criterion: Criterion, person: MemberFacts) -> None:
    """Of who allows no use of purchases, what is said is true of all that they may have bought."""
    said = check(criterion, TODAY)(replace(person, bought=None))
    if said is not None and not _asks_for_permission(criterion):
        for bought in (Bought(), BOUGHT):
            assert check(criterion, TODAY)(replace(person, bought=bought)) is said


def _asks_for_permission(criterion: Criterion) -> bool:
    return '"purchases"' in write_criterion(criterion).decode()


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_a_criterion_is_read_as_it_was_written(criterion: Criterion) -> None:
    try:
        assert read_criterion(write_criterion(criterion)) == criterion
    except Refusal as refused:
        assert refused.values == {"expected": f"1-{DEEPEST}"}
    assert write_criterion(criterion) == write_criterion(criterion)


@pytest.mark.parametrize(
    "written",
    [
        "[]",
        "{}",
        '{"is":"everybody"}',
        '{"is":"outlet","outlets":[]}',
        '{"is":"outlet","outlets":["torvet"],"more":1}',
        '{"is":"visits","days":0}',
        f'{{"is":"visits","days":{LOOKS_BACK_DAYS + 1}}}',
        '{"is":"permission","what":"letter"}',
        '{"is":"birthday","month":13}',
        '{"is":"all","of":[{"is":"not"}]}',
        '{"is":"not","of":' * 400 + '{"is":"all"}' + "}" * 400,
        '{"is":"not","of":' * DEEPEST + '{"is":"all"}' + "}" * DEEPEST,
        '{"is":"any","of":[' + ",".join(['{"is":"email_confirmed"}'] * MOST_CRITERIA) + "]}",
    ],
    ids=lambda written: str(written)[:40],
)
def test_what_is_no_criterion_is_refused(written: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_criterion(written)
    assert (refused.value.code, refused.value.pointer) == ("invalid_field", "/criteria")


COUNTRIES = ("DK", "NO")


@pytest.mark.parametrize(
    ("changed", "by_sms", "by_email"),
    [
        ({}, None, LeftOut.NO_ADDRESS),
        ({"leaving": True}, LeftOut.LEAVING, LeftOut.LEAVING),
        ({"standing": Standing.OPEN}, LeftOut.TERMS_NOT_ACCEPTED, LeftOut.TERMS_NOT_ACCEPTED),
        ({"country": "SE", "email_confirmed": True}, LeftOut.COUNTRY, LeftOut.NO_PERMISSION),
        ({"sms_until": None, "stopped": (Channel.SMS,)}, LeftOut.STOPPED, LeftOut.NO_ADDRESS),
        ({"sms_until": TODAY}, LeftOut.NO_PERMISSION, LeftOut.NO_ADDRESS),
        ({"email_confirmed": True, "email_until": date(2027, 1, 1)}, None, None),
    ],
    ids=lambda each: str(each)[:40],
)
def test_why_somebody_who_is_chosen_cannot_be_written_to(
    changed: dict[str, Any], by_sms: LeftOut | None, by_email: LeftOut | None
) -> None:
    assert why_not(facts(**changed), Channel.SMS, TODAY, COUNTRIES) is by_sms
    assert why_not(facts(**changed), Channel.EMAIL, TODAY, COUNTRIES) is by_email


def test_facts_are_read_as_they_were_written() -> None:
    people = [facts(), facts(member_id="m2", bought=None, first_name=None, stopped=(Channel.EMAIL,))]
    assert unpacked(packed(people)) == people


def test_a_block_of_a_very_large_club_still_fits_into_a_row() -> None:
    """With fewer item numbers of each member, and never without anybody."""
    items = {f"57010000{number:05}": number for number in range(1, 201)}
    people = [facts(member_id=f"m{number:016}", bought=Bought(items=items)) for number in range(200)]
    assert len(packed(people)) > LARGEST_ROW
    row = fitting(people)
    assert len(row) <= LARGEST_ROW
    kept = unpacked(row)
    assert [each.member_id for each in kept] == [each.member_id for each in people]
    assert all(each.bought and 0 < len(each.bought.items) < 200 and each.bought.items_since for each in kept)


def test_members_are_spread_evenly_over_shards_and_blocks() -> None:
    blocks = Counter(block_of(f"m{number:016}") for number in range(50_000))
    shards = Counter(number // BLOCKS_A_SHARD for number in blocks.elements())
    assert set(shards) == set(range(FACT_SHARDS))
    assert 2_800 < min(shards.values()) <= max(shards.values()) < 3_450
    assert max(blocks.values()) < 30
