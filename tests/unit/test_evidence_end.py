"""How long evidence is kept: two years after what it proves has ended, and what still holds as long as it holds."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.members.consents import (
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    PermissionText,
    TermsAccepted,
    permissions,
    soft_opt_ins,
)
from stamkunde.members.evidence_end import KEPT_MONTHS, forget_on, outlived
from stamkunde.members.permission import LASTS_MONTHS, has_lapsed
from stamkunde.shared.clock import local_date, months_later

ZONE = "Europe/Copenhagen"
FIRST = datetime(2026, 3, 2, 12, tzinfo=UTC)
SMS, EMAIL = PermissionKind.SMS, PermissionKind.EMAIL
TERMS = TermsAccepted(1, "0" * 64)
A_DAY = timedelta(days=1)


def said(
    at: datetime,
    *yes: PermissionKind,
    no: tuple[PermissionKind, ...] = (),
    sale: tuple[PermissionKind, ...] = (),
    terms: TermsAccepted | None = None,
    address: str | None = None,
) -> ConsentRecord:
    evidence = Evidence(ConsentMethod.MEMBER_PAGE, at, at, "da")
    given = tuple(PermissionText(kind, 1, "Ja tak") for kind in yes)
    return ConsentRecord(f"{at:%Y%m%d}", evidence, terms, given, no, address, sale)


def left(records: list[ConsentRecord], now: datetime) -> list[ConsentRecord]:
    """What is kept once everything is forgotten that is due."""
    by_id = {each.record.record_id: each.left for each in outlived(records, ZONE, now)}
    return [kept for record in records if (kept := by_id.get(record.record_id, record)) is not None]


def test_a_yes_is_forgotten_two_years_after_it_lapsed() -> None:
    yes = [said(FIRST, SMS)]
    assert forget_on(yes, ZONE) == date(2029, 3, 2)
    assert left(yes, datetime(2029, 3, 1, 22, 59, tzinfo=UTC)) == yes
    assert left(yes, datetime(2029, 3, 1, 23, tzinfo=UTC)) == []


def test_a_yes_that_was_used_is_forgotten_two_years_after_the_year_that_follows_its_last_use() -> None:
    used = replace(said(FIRST, SMS, EMAIL), used=((SMS, FIRST + 500 * A_DAY),))
    assert forget_on([used], ZONE) == date(2029, 3, 2)
    (kept,) = left([used], datetime(2029, 3, 2, tzinfo=UTC))
    assert ([text.kind for text in kept.given], kept.used) == ([SMS], used.used)
    last_day = months_later(local_date(FIRST + 500 * A_DAY, ZONE), LASTS_MONTHS + KEPT_MONTHS)
    assert forget_on([kept], ZONE) == last_day
    assert left([kept], datetime.combine(last_day, FIRST.timetz())) == []


def test_when_a_yes_was_used_is_forgotten_with_it() -> None:
    used = replace(said(FIRST, SMS, EMAIL), used=((SMS, FIRST + A_DAY), (EMAIL, FIRST + 500 * A_DAY)))
    (kept,) = left([used], datetime(2029, 3, 4, tzinfo=UTC))
    assert ([text.kind for text in kept.given], kept.used) == ([EMAIL], used.used[1:])


def test_a_yes_is_forgotten_two_years_after_it_was_taken_back_or_renewed() -> None:
    for word in (said(FIRST + 30 * A_DAY, no=(SMS,)), said(FIRST + 30 * A_DAY, SMS)):
        records = [said(FIRST, SMS), word]
        assert forget_on(records, ZONE) == date(2028, 4, 1)
        assert left(records, datetime(2028, 4, 2, tzinfo=UTC)) == [word]


def test_the_last_no_and_the_terms_stay_as_long_as_their_member() -> None:
    records = [
        said(FIRST, SMS, EMAIL, terms=TERMS, address="hash"),
        said(FIRST + A_DAY, no=(SMS,)),
        said(FIRST + 2 * A_DAY, no=(SMS, EMAIL)),
    ]
    terms, last = left(records, FIRST + 4_000 * A_DAY)
    assert terms == replace(records[0], given=(), address_hash=None)
    assert last == records[2]
    assert forget_on([terms, last], ZONE) is None


def test_a_sale_is_forgotten_two_years_after_it_stopped_counting() -> None:
    sale = said(FIRST, sale=(SMS,))
    assert forget_on([sale], ZONE) == date(2029, 3, 2)
    assert forget_on([sale, said(FIRST + A_DAY, no=(SMS,))], ZONE) == date(2028, 3, 3)


def test_the_last_proof_of_an_address_stays() -> None:
    older, newer = said(FIRST, address="one"), said(FIRST + A_DAY, address="two")
    assert left([older, newer], FIRST + 4_000 * A_DAY) == [newer]


WORDS = st.lists(
    st.tuples(
        st.integers(0, 1_500), st.sets(st.sampled_from(PermissionKind)), st.sampled_from(["yes", "no", "sale"])
    ),
    max_size=8,
    unique_by=lambda word: word[0],
)


@given(WORDS, st.integers(0, 3_000), st.lists(st.integers(1, 500), max_size=8))
def test_forgetting_never_changes_what_holds_and_nothing_is_kept_longer_than_it_may_be(
    words: list[tuple[int, set[PermissionKind], str]], day: int, pauses: list[int]
) -> None:
    records = []
    for number, kinds, word in sorted(words, key=lambda each: each[0]):
        told = tuple(sorted(kinds)) or (SMS,)
        at = FIRST + number * A_DAY
        records.append({"yes": said(at, *told), "no": said(at, no=told), "sale": said(at, sale=told)}[word])
    now = FIRST + day * A_DAY
    records = used_now_and_then(records, pauses)
    known = [told_by(record, now) for record in records if record.evidence.recorded_at <= now]
    kept = left(known, now)
    assert holding(kept, now) == holding(known, now)
    assert set(soft_opt_ins(kept)) >= {
        kind for kind, sale in soft_opt_ins(known).items() if now < sale.given_at + 365 * A_DAY
    }
    oldest = months_later(local_date(now, ZONE), -(LASTS_MONTHS + KEPT_MONTHS))
    for record in kept:
        ends = [record.last_use(text.kind) or record.evidence.given_at for text in record.given]
        ends += [record.evidence.given_at for _ in record.soft_opt_in]
        assert all(local_date(end, ZONE) >= oldest for end in ends)
    for kind in PermissionKind:
        yes = [local_date(each.evidence.given_at, ZONE) for each in kept if each.gives(kind)]
        assert all(newer >= months_later(local_date(now, ZONE), -KEPT_MONTHS) for _, newer in pairwise(yes))
    assert left(kept, now) == kept
    assert all(day_due > local_date(now, ZONE) for day_due in [forget_on(kept, ZONE)] if day_due)


def used_now_and_then(records: list[ConsentRecord], pauses: list[int]) -> list[ConsentRecord]:
    """With offers sent by text message at such intervals, whenever that was allowed, each by the yes of that day."""
    used, at = list(records), FIRST
    for pause in pauses:
        at += pause * A_DAY
        held = permissions([each for each in used if each.evidence.recorded_at <= at], email_confirmed=True).get(SMS)
        if held is None or has_lapsed(held, ZONE, at):
            continue
        used = [replace(each, used=((SMS, at),)) if each.record_id == held.record_id else each for each in used]
    return used


def told_by(record: ConsentRecord, now: datetime) -> ConsentRecord:
    """As it stood then."""
    return replace(record, used=tuple((kind, at) for kind, at in record.used if at <= now))


def holding(records: list[ConsentRecord], now: datetime) -> set[PermissionKind]:
    held = permissions(records, email_confirmed=True)
    return {kind for kind, permission in held.items() if not has_lapsed(permission, ZONE, now)}


@pytest.mark.parametrize("kind", PermissionKind)
def test_whoever_said_stop_once_is_known_for_it_as_long_as_they_are_there(kind: PermissionKind) -> None:
    records = [said(FIRST, kind), said(FIRST + A_DAY, no=(kind,)), said(FIRST + 2 * A_DAY, kind)]
    kept = left(records, FIRST + 4_000 * A_DAY)
    assert kept == [records[1]]
    assert soft_opt_ins([*kept, said(FIRST + 4_000 * A_DAY, sale=(kind,))]) == {}
