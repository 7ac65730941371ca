"""What a forecast says is what then happens: the same hourly job, the same acts, on the real tables."""

from __future__ import annotations

from copy import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.demo_clubs import DEMO_CLUBS, HISTORY, DemoClub
from stamkunde.clubs.member_policy import Keeping, with_keeping
from stamkunde.clubs.model import CAREFUL_POLICY, Trade
from stamkunde.retention.model.simulation import Fate
from stamkunde.shared.clock import FixedClock
from tests.engine_at_hand import engine_at_hand
from tests.factories import THREE_PERCENT, make_club
from tests.forecast_scene import SHORTEST_LIFE, NotingClient, crowded_shop, demo_shop, foretell
from tests.shop import Shop

OPENED = datetime(2026, 3, 2, 6, tzinfo=UTC)
PEOPLE = 14
NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)


@pytest.mark.parametrize("demo", DEMO_CLUBS, ids=lambda demo: demo.slug)
def test_in_the_demo_clubs_a_forecast_says_what_then_happens(demo: DemoClub) -> None:
    shop, client = demo_shop(engine_at_hand(), demo, OPENED)
    foretold = foretell(shop, client, OPENED + HISTORY)
    forecast = foretold.rehearsed.forecast
    accepting = sum(member.accepts for member in demo.members)
    assert forecast.people == accepting
    # A yes from the time of buying still lives when the first notice comes after half a year, but not after a year.
    sent = {Fate.SENT} if foretold.rehearsed.club.member_policy.inactive_months == 12 else set()
    assert {told.fate for told in forecast.told} == {Fate.SERVICE, Fate.NO_PERMISSION, *sent}
    happened = foretold.live()
    assert happened.differences(forecast) == []
    assert (happened.erased.total(), happened.forfeited.total() > 0) == (accepting, True)


def test_in_a_crowded_shop_a_forecast_says_what_then_happens() -> None:
    """While new terms shorten for how long members are kept."""
    shop, client = crowded_shop(engine_at_hand(), PEOPLE, NOW, Keeping(Trade.TOURIST_CRAFTS), seed=2)
    foretold = foretell(shop, client, NOW, Keeping(Trade.CLOTHES))
    forecast = foretold.rehearsed.forecast
    assert {told.fate for told in forecast.told} == set(Fate)
    assert foretold.live().differences(forecast) == []


def test_bonus_that_lapses_as_its_owners_last_day_begins_is_lost_as_was_forecast() -> None:
    client: Any = NotingClient(engine_at_hand())
    club = make_club(
        created_at=OPENED,
        programmes=(replace(THREE_PERCENT, expiry_months=SHORTEST_LIFE),),
        member_policy=with_keeping(CAREFUL_POLICY, Keeping(Trade.TOURIST_CRAFTS)),
    )
    shop = Shop(client, club, clock=FixedClock(OPENED))
    shop.clock = FixedClock(datetime(2026, 11, 1, 10, tzinfo=UTC))
    shop.buy(shop.new_member(), 100_000)
    foretold = foretell(shop, client, NOW)
    assert foretold.rehearsed.forecast.forfeited == {2029: 3_000}
    assert foretold.live().differences(foretold.rehearsed.forecast) == []
