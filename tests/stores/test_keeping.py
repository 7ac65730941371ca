"""How long a club keeps its members, on real tables: what would happen to those it has, and what is then stored."""

from __future__ import annotations

from collections.abc import Callable
from copy import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.clubs.keeping import KeepingDesk, seal_forecast
from stamkunde.clubs.member_policy import Keeping
from stamkunde.clubs.model import MemberPolicy, TermsVersion, Trade
from stamkunde.clubs.service import NewClub
from stamkunde.clubs.store import ClubStore
from stamkunde.clubs.terms import NOTICE_OF_WORSE_TERMS, NewTerms, TermsForm, first_form
from stamkunde.clubs.terms_service import NewSettings, TermsDesk
from stamkunde.ledger.store import ACCOUNT_SHARDS
from stamkunde.members.admission import Change
from stamkunde.members.consents import ConsentMethod, ConsentRecord, Evidence, PermissionKind, new_record_id
from stamkunde.members.model import AskedBy
from stamkunde.members.wordings import club_permission
from stamkunde.retention.facts import away_of
from stamkunde.retention.model.simulation import Fate, Forecast
from stamkunde.retention.rehearsal import Rehearsal, Rehearsed
from stamkunde.shared.clock import FixedClock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ladder import Ladder, Rung, RungText, usual_ladder
from stamkunde.shared.patience import Patience
from tests.factories import LONG_AGO, make_club
from tests.ledger_checks import every_row
from tests.shop import Shop
from tests.stores.test_club_pages import PAGE
from tests.stores.test_clubs import operators

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

JOINED = datetime(2026, 3, 3, 12, tzinfo=UTC)
REASON = "Mange kommer kun på ferie, og ikke hvert år."
OWN_RUNGS = (Rung(20, RungText.MISSED_YOU), Rung(34, RungText.LAST))
WISH = NewClub(slug="bager-holm", name="Bager Holm", country="DK", contact="hej@bagerholm.example")
PROMISING = TermsVersion(1, "da", "Betingelser", LONG_AGO, bonus_expiry_months=1, inactive_months=36)


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    club = make_club(terms=(PROMISING,), member_policy=MemberPolicy(trade=Trade.TOURIST_CRAFTS))
    return Shop(dynamodb, club, FixedClock(JOINED))


def agree_to_sms(shop: Shop, member_id: str) -> None:
    now = shop.now()
    given = (club_permission(shop.club, PermissionKind.SMS, "da"),)
    record = ConsentRecord(new_record_id(now), Evidence(ConsentMethod.MEMBER_PAGE, now, now, "da"), given=given)
    member = shop.members.load(member_id)
    assert member is not None
    shop.admission.write(Change(member, member, record), now)


def rehearse(shop: Shop, wish: Keeping | None = None, *, slow: bool = False) -> tuple[Rehearsed, int]:
    """A whole forecast, and in how many parts it came."""
    steps = count(step=15)
    parts = 0
    following: str | None = None
    while True:
        monotonic: Callable[[], float] = (lambda: float(next(steps))) if slow else (lambda: 0.0)
        rehearsal = Rehearsal(shop.club, shop.members, shop.store, shop.clock, monotonic)
        part = rehearsal.go(wish or Keeping(), following)
        parts += 1
        if part.following is None:
            return part, parts
        following = part.following


def fates(forecast: Forecast) -> dict[tuple[str, int, Fate], int]:
    return {(told.month, told.after_months, told.fate): people for told, people in forecast.told.items()}


def code_of(act: Callable[[], Any]) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        act()
    return refusal.value.code, refusal.value.pointer


def test_a_forecast_is_of_those_who_are_members_and_writes_nothing(shop: Shop) -> None:
    allowing, buying = (shop.new_member() for _ in range(2))
    agree_to_sms(shop, allowing)
    shop.new_member(accepts=False)
    leaving = shop.members.load(shop.new_member())
    assert leaving is not None
    gone = replace(leaving.asking_for_erasure(AskedBy.STAFF, JOINED), revision=leaving.revision + 1)
    shop.access.commit(shop.members.change_writes(leaving, gone))
    shop.wait(timedelta(days=60))
    shop.buy(buying, 10_000)
    before = every_row(shop.client)
    whole, parts = rehearse(shop)
    assert every_row(shop.client) == before
    # The permission lapses twelve months after it was given, and before the first rung.
    assert fates(whole.forecast) == {
        ("2027-09", 18, Fate.NO_PERMISSION): 1,
        ("2028-03", 24, Fate.NO_PERMISSION): 1,
        ("2029-02", 35, Fate.SERVICE): 1,
        ("2027-11", 18, Fate.NO_PERMISSION): 1,
        ("2028-05", 24, Fate.NO_PERMISSION): 1,
        ("2029-04", 35, Fate.SERVICE): 1,
    }
    assert (whole.forecast.people, whole.forecast.erased, parts) == (2, {2029: 2}, 1)


def test_a_forecast_in_parts_is_the_same_and_cannot_be_changed_on_the_way(shop: Shop) -> None:
    for _ in range(3):
        shop.buy(shop.new_member(), 10_000)
    at_once, _ = rehearse(shop)
    in_parts, parts = rehearse(shop, slow=True)
    assert (in_parts.forecast, parts) == (at_once.forecast, ACCOUNT_SHARDS)
    steps = count(step=15)
    rehearsal = Rehearsal(shop.club, shop.members, shop.store, shop.clock, lambda: float(next(steps)))
    following = rehearsal.go(Keeping(), None).following
    assert following is not None
    for others, wish in ((following, Keeping(Trade.CLOTHES)), (following[:-2], Keeping())):
        assert code_of(lambda: rehearsal.go(wish, others)) == ("invalid_field", "/following")  # noqa: B023


def test_a_shorter_time_is_forecast_as_if_its_terms_were_published_today(shop: Shop) -> None:
    agree_to_sms(shop, shop.new_member())
    whole, _ = rehearse(shop, Keeping(Trade.GROCERIES))
    assert fates(whole.forecast) == {
        ("2026-09", 6, Fate.SENT): 1,
        ("2026-12", 9, Fate.SENT): 1,
        ("2027-02", 11, Fate.SENT): 1,
    }
    assert whole.forecast.erased == {2027: 1}


def test_bonus_that_is_lost_with_a_member_is_told_and_what_of_it_is_still_a_claim(shop: Shop) -> None:
    """R27: bonus of March 2026 lives to the end of March 2029, and they are deleted in March 2027."""
    shop.buy(shop.new_member(), 100_000)
    short, _ = rehearse(shop, Keeping(Trade.GROCERIES))
    assert (short.forecast.forfeited, short.forecast.young_lots) == ({2027: 3_000}, {2027: 1})
    assert short.forecast.young == {2027: 3_000}


def test_what_others_of_a_household_buy_keeps_nobody(shop: Shop) -> None:
    host, mate = shop.new_member(), shop.new_member()
    shop.households.join(mate, host, "Ida")
    shop.wait(timedelta(days=60))
    shop.buy(mate, 10_000)
    account = shop.account(host)
    for member_id, day in ((host, date(2026, 3, 3)), (mate, date(2026, 5, 2))):
        member, records = shop.members.load_with_records(member_id)
        assert member is not None
        assert away_of(member, records, account, shop.club.time_zone).active_on == day


def test_a_policy_is_stored_with_its_rungs_once_somebody_has_seen_what_it_brings(
    dynamodb: DynamoDBClient,
) -> None:
    desk = operators(dynamodb)
    club = desk.create_club(WISH)
    sealed = seal_forecast(club, Keeping(Trade.TOURIST_CRAFTS, rungs=OWN_RUNGS), desk.present(club))
    keeping = KeepingDesk(desk)
    assert code_of(lambda: keeping.publish(club.club_id, "made up", REASON)) == ("forecast_needed", "/forecast")
    assert code_of(lambda: keeping.publish(club.club_id, sealed, None)) == ("invalid_field", "/keeping_reason")
    keeping.publish(club.club_id, sealed, REASON)
    stored = ClubStore(dynamodb, "clubs", club.club_id).load()
    assert stored is not None
    policy = stored.member_policy
    assert (policy.trade, policy.inactive_months, policy.keeping_reason) == (Trade.TOURIST_CRAFTS, 36, REASON)
    assert stored.ladder(date(2026, 11, 21)) == Ladder(36, OWN_RUNGS)
    # What it was made of holds no more.
    assert code_of(lambda: keeping.publish(club.club_id, sealed, REASON))[0] == "forecast_needed"


def test_a_shorter_time_is_stored_with_its_terms_and_holds_thirty_days_later(
    dynamodb: DynamoDBClient,
) -> None:
    desk = operators(dynamodb)
    club = desk.create_club(WISH)
    club_id, now = club.club_id, desk.present(club)
    chosen = seal_forecast(club, Keeping(Trade.TOURIST_CRAFTS, rungs=OWN_RUNGS), now)
    KeepingDesk(desk).publish(club_id, chosen, REASON)
    club = desk.show(club_id).club
    sealed = seal_forecast(club, Keeping(Trade.CLOTHES), now)
    alone = code_of(lambda: KeepingDesk(desk).publish(club_id, sealed, None))
    assert alone == ("keeping_not_in_terms", "/months")
    terms = TermsDesk(dynamodb, "clubs", desk, Patience())
    desk.publish_join_page(club_id, PAGE)
    words: TermsForm = first_form(desk.show(club_id).club, ["da"])
    published = terms.publish(club_id, NewTerms(words), NewSettings(forecast=sealed))
    assert (published.inactive_months, published.said_worse) == (24, True)
    stored = desk.show(club_id).club
    holds = published.first_day(club.time_zone)
    assert holds == date(2026, 12, 21)
    assert stored.ladder(holds - timedelta(days=1)) == Ladder(36, OWN_RUNGS)
    assert stored.ladder(holds) == usual_ladder(24)
    assert stored.member_policy.trade is Trade.CLOTHES


def test_a_new_clubs_short_terms_say_the_time_that_it_chose_and_whole_ones_hold_at_once(
    dynamodb: DynamoDBClient,
) -> None:
    """README's first example."""
    desk = operators(dynamodb)
    club = desk.create_club(replace(WISH, keeping=Keeping(Trade.GROCERIES)))
    (short,) = club.terms
    assert short.inactive_months == 12
    assert "Har du hverken købt noget eller bekræftet dine oplysninger i 1 år, sletter vi dem." in short.text
    desk.publish_join_page(club.club_id, PAGE)
    words = first_form(desk.show(club.club_id).club, ["da"])
    whole = TermsDesk(dynamodb, "clubs", desk, Patience()).publish(club.club_id, NewTerms(words))
    today = local_date(desk.present(club), club.time_zone)
    assert (whole.said_worse, whole.valid_from, whole.inactive_months) == (False, today, 12)
    assert desk.show(club.club_id).club.ladder(today) == usual_ladder(12)


@pytest.mark.parametrize("terms_text", [None, "Bonus udløber 36 måneder efter købet."])
def test_who_joined_before_anybody_said_a_time_is_kept_until_worse_terms_hold(
    dynamodb: DynamoDBClient, terms_text: str | None
) -> None:
    desk = operators(dynamodb)
    club = desk.create_club(replace(WISH, terms_text=terms_text))
    now = desk.present(club)
    today = local_date(now, club.time_zone)
    KeepingDesk(desk).publish(club.club_id, seal_forecast(club, Keeping(Trade.GROCERIES), now), None)
    chosen = desk.show(club.club_id).club
    assert (chosen.member_policy.inactive_months, chosen.ladder(date(2099, 1, 1))) == (12, usual_ladder(36))
    assert "år, sletter vi dem" not in chosen.terms[0].text
    desk.publish_join_page(club.club_id, PAGE)
    words = first_form(desk.show(club.club_id).club, ["da"])
    whole = TermsDesk(dynamodb, "clubs", desk, Patience()).publish(club.club_id, NewTerms(words))
    assert (whole.said_worse, whole.valid_from) == (True, today + NOTICE_OF_WORSE_TERMS)
    stored = desk.show(club.club_id).club
    assert stored.ladder(today + NOTICE_OF_WORSE_TERMS - timedelta(days=1)) == usual_ladder(36)
    assert stored.ladder(today + NOTICE_OF_WORSE_TERMS) == usual_ladder(12)


def test_a_club_that_chose_once_shortens_with_terms_only_though_its_terms_say_no_time(
    dynamodb: DynamoDBClient,
) -> None:
    desk = operators(dynamodb)
    club = desk.create_club(replace(WISH, terms_text="Bonus.", keeping=Keeping(Trade.CLOTHES)))
    sealed = seal_forecast(club, Keeping(Trade.GROCERIES), desk.present(club))
    refused = code_of(lambda: KeepingDesk(desk).publish(club.club_id, sealed, None))
    assert refused == ("keeping_not_in_terms", "/months")
