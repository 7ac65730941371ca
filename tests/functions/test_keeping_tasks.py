"""The operators' tasks for how long members are kept, as they are typed."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from infra import keeping_commands
from infra.command_line import parser
from stamkunde.messaging.model import MessageKind
from stamkunde.messaging.rung_texts import RUNG_KINDS
from stamkunde.shared.clock import SystemClock, local_date, months_later
from stamkunde.shared.ladder import RungText
from tests.function_fixtures import new_till
from tests.functions.conftest import PAGE, OpenClub

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

REASON = "Mange kommer kun på ferie, og ikke hvert år."
RUNGS = [{"after_months": 12, "text": "missed_you"}, {"after_months": 23, "text": "last"}]


def about(shop: OpenClub, **given: Any) -> dict[str, Any]:
    return {"club_id": shop.club.club_id, **given}


def today(shop: OpenClub) -> date:
    return local_date(SystemClock().now(), shop.club.time_zone)


@pytest.fixture
def undecided(tables: DynamoDBClient, operate: Any) -> OpenClub:
    """A new club that hasn't said for how long it keeps members."""
    return OpenClub(new_till(operate, trade=None, keeping_reason=None), tables, operate)


def test_a_new_club_has_chosen_nothing_and_keeps_members_for_three_years(undecided: OpenClub) -> None:
    shop = undecided
    shown = shop.operate("show_keeping", **about(shop))
    assert (shown["trade"], shown["months"], shown["reason"]) == (None, 36, None)
    (ladder,) = shown["ladders"]
    assert [rung["after_months"] for rung in ladder["rungs"]] == [18, 24, 35]
    assert ladder["from"] == today(shop).isoformat()


def test_a_club_chooses_a_trade_sees_what_would_happen_and_sets_it(undecided: OpenClub) -> None:
    shop = undecided
    assert shop.operate("publish_join_page", **about(shop), **PAGE)["code"] == "keeping_not_chosen"
    seen = shop.operate("simulate_keeping", **about(shop, trade="clothes", rungs=RUNGS))
    assert (seen["trade"], seen["months"], seen["following"]) == ("clothes", 24, None)
    assert shop.operate("show_keeping", **about(shop))["trade"] is None
    shown = shop.operate("set_keeping", **about(shop, forecast=seen["seal"]))
    assert (shown["trade"], shown["months"]) == ("clothes", 24)
    # Whoever joined before anybody said a time is kept as before, until terms hold that say it.
    assert [each["months"] for each in shown["ladders"]] == [36]
    assert shop.operate("show_keeping", **about(shop)) | {"terms_differ": shown["terms_differ"]} == shown
    assert "code" not in shop.operate("publish_join_page", **about(shop), **PAGE)
    form = shop.operate("terms_form", **about(shop))
    assert shop.operate("publish_terms", **about(shop), form=form)["inactive_months"] == 24
    three_years, two_years = shop.operate("show_keeping", **about(shop))["ladders"]
    assert (three_years["months"], two_years["months"]) == (36, 24)
    assert [{name: rung[name] for name in RUNGS[0]} for rung in two_years["rungs"]] == RUNGS


def test_a_forecast_tells_who_would_be_told_what_and_when_and_how_many_are_deleted(shop: OpenClub) -> None:
    shop.joined(shop.number())
    joined = today(shop)
    seen = shop.operate("simulate_keeping", **about(shop, trade="clothes", rungs=RUNGS))
    assert seen["forecast"]["people"] == 1
    told = [(rung["after_months"], rung["fate"]) for each in seen["forecast"]["notices"] for rung in each["rungs"]]
    assert told == [(12, "no_permission"), (23, "service")]
    (year,) = seen["forecast"]["years"]
    assert (year["year"], year["erased"], year["forfeited"]) == (months_later(joined, 24).year, 1, 0)


def test_a_shorter_time_is_not_set_without_terms(shop: OpenClub) -> None:
    seen = shop.operate("simulate_keeping", **about(shop, trade="clothes"))
    assert [ladder["months"] for ladder in seen["ladders"]] == [36, 24]
    refused = shop.operate("set_keeping", **about(shop, forecast=seen["seal"]))
    assert (refused["code"], refused["pointer"]) == ("keeping_not_in_terms", "/months")
    assert "36" in refused["detail"]


def test_three_years_are_set_with_a_reason_and_not_without(undecided: OpenClub) -> None:
    """R15."""
    shop = undecided
    seen = shop.operate("simulate_keeping", **about(shop, trade="tourist_crafts"))
    refused = shop.operate("set_keeping", **about(shop, forecast=seen["seal"]))
    assert (refused["code"], refused["pointer"]) == ("invalid_field", "/keeping_reason")
    shown = shop.operate("set_keeping", **about(shop, forecast=seen["seal"], reason=REASON))
    assert (shown["trade"], shown["reason"]) == ("tourist_crafts", REASON)


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"months": 3}, "/months"),
        ({"trade": "clothes", "months": 36}, "/months"),
        ({"rungs": RUNGS[:1]}, "/rungs/0/text"),
        ({"rungs": [{"after_months": 36, "text": "last"}]}, "/rungs/0/after_months"),
        ({"following": "made up"}, "/following"),
    ],
)
def test_what_no_club_may_do_is_not_forecast(shop: OpenClub, said: dict[str, Any], pointer: str) -> None:
    refused = shop.operate("simulate_keeping", **about(shop, **said))
    assert (refused["code"], refused["pointer"]) == ("invalid_field", pointer)


def test_a_forecast_is_asked_for_until_it_is_whole_and_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[dict[str, Any]] = []

    def ask(task: str, **given: Any) -> dict[str, Any]:
        asked.append({"task": task, **given})
        last = len(asked) == 3
        return {"following": None if last else f"part {len(asked)}", "seal": "whole", "forecast": {"people": 7}}

    typed = ["club", "keeping", "simulate", "c1", "--months", "30", "--rung", "12=missed_you", "--rung", "29=last"]
    options = parser().parse_args(typed)
    assert options.rungs == [{"after_months": 12, "text": "missed_you"}, {"after_months": 29, "text": "last"}]
    wish = {"club_id": "c1", "months": 30, "rungs": options.rungs}
    assert keeping_commands.simulate(ask, wish) == 0
    assert asked == [
        {"task": "simulate_keeping", **wish, **following}
        for following in ({}, {"following": "part 1"}, {"following": "part 2"})
    ]
    assert json.loads(capsys.readouterr().out) == {"seal": "whole", "forecast": {"people": 7}}


def priced(messages: list[dict[str, Any]]) -> dict[str, tuple[int, int, int]]:
    """How many parts each message takes and what it costs, and how many our short version does."""
    return {
        each["kind"]: (
            each["merged"]["parts"],
            each["merged"]["price"]["amount"],
            each["one_part"]["merged"]["parts"],
        )
        for each in messages
    }


def test_each_rung_shows_its_parts_its_price_and_its_one_part_version(shop: OpenClub) -> None:
    for shown in (
        shop.operate("show_keeping", **about(shop)),
        shop.operate("simulate_keeping", **about(shop)),
    ):
        missed_you, bonus, last = shown["ladders"][0]["rungs"]
        assert priced(missed_you["messages"]) == {"ladder_missed_you": (2, 96, 1)}
        assert priced(bonus["messages"]) == {"ladder_bonus": (5, 240, 1), "ladder_no_bonus": (4, 192, 1)}
        assert [each["kind"] for each in last["messages"]] == [
            "ladder_last_bonus",
            "ladder_last",
            "last_notice_bonus",
            "last_notice",
        ]
        assert {parts for _, _, parts in priced(last["messages"]).values()} == {1}
        assert bonus["messages"][0]["merged"]["longer_by"] == ["😉 (WINKING FACE)"]
        assert shown["price_a_part"]["amount"] == 48


def test_a_club_that_takes_the_version_in_one_part_pays_for_one(shop: OpenClub) -> None:
    taken = shop.operate("edit_message_text", **about(shop, kind="ladder_bonus", words="one_part"))
    assert taken["text"] == taken["one_part"]["text"]
    _, bonus, _ = shop.operate("show_keeping", **about(shop))["ladders"][0]["rungs"]
    assert priced(bonus["messages"])["ladder_bonus"] == (1, 48, 1)
    assert bonus["messages"][0]["ours"].startswith("Hej {Fornavn}! Vidste du")


def test_every_message_to_those_who_stay_away_belongs_to_a_rung() -> None:
    kinds = {kind for kind in MessageKind if kind.startswith(("ladder_", "last_notice"))}
    assert {kind for of_text in RUNG_KINDS.values() for kind in of_text} == kinds
    assert RUNG_KINDS.keys() == set(RungText)


@pytest.mark.parametrize(("country", "a_part"), [("DK", 48), ("NO", 44)])
def test_the_presets_are_printed_with_their_rungs_and_what_they_ask_for(
    capsys: pytest.CaptureFixture[str], country: str, a_part: int
) -> None:
    options = parser().parse_args(["club", "keeping", "presets", "--country", country])
    assert options.command(options) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [(each["trade"], each["months"], each["asks_reason"]) for each in printed["trades"]] == [
        ("groceries", 12, False),
        ("clothes", 24, False),
        ("tourist_crafts", 36, True),
    ]
    shown = [said for of_text in printed["messages"].values() for said in priced(of_text).items()]
    assert [(kind, parts) for kind, (parts, _, _) in shown] == [
        ("ladder_missed_you", 2),
        ("ladder_bonus", 5),
        ("ladder_no_bonus", 4),
        ("ladder_last_bonus", 3),
        ("ladder_last", 3),
        ("last_notice_bonus", 2),
        ("last_notice", 2),
    ]
    assert all((price, short) == (parts * a_part, 1) for _, (parts, price, short) in shown)
