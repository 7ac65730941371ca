"""Plans, templates and the year as an operator has them: on the command line, in the operator's Lambda."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from infra.command_line import parser
from stamkunde.campaigns.model.occasions import black_friday
from stamkunde.campaigns.model.templates import TemplateKey
from tests.functions.conftest import OpenClub
from tests.till_client import TillClient

YEAR = 2099
ANSWERS = {
    "black_friday_teaser": {"members_only": True},
    "black_friday_opening": {
        "conditions": "Gælder alle kager, så længe lager haves",
        "members_only": True,
        "reduction": "lowest_price",
        "stock": "enough",
    },
}
FRIDAY = {"year": YEAR, "opens": "06:30", "closes": "21:00", "offer": "20 % på alle kager", "answers": ANSWERS}


@pytest.fixture
def club_id(till: TillClient, operate: Any) -> str:
    """A club with a member who said yes to nothing, and whose facts are made."""
    club_id: str = till.club["club_id"]
    till.join(accepts=True, phone="20123456")
    assert operate("rebuild_facts", club_id=club_id)["members"] == 1
    return club_id


def typed(operate: Any, *words: str) -> dict[str, Any]:
    """What a command is answered."""
    given = {name: value for name, value in vars(parser().parse_args(words)).items() if value is not None}
    del given["command"]
    for option in [name for name in given if name.endswith("_file")]:
        given[option.removesuffix("_file")] = json.loads(given.pop(option).read_text())
    answer: dict[str, Any] = operate(**given)
    return answer


def test_black_friday_is_proposed_from_a_file_and_shown_with_its_texts_hours_and_bonus(
    club_id: str, operate: Any, tmp_path: Path
) -> None:
    file = tmp_path / "friday.json"
    file.write_text(json.dumps(FRIDAY))
    shown = typed(operate, "plan", "black-friday", club_id, str(file), "--by", "Anna")
    day = black_friday(YEAR)
    assert (shown["state"], shown["proposed_by"], shown["approved_by"]) == ("proposed", "Anna", None)
    assert [each["at"] for each in shown["messages"]] == [
        f"{day - timedelta(days=1)}T16:00",
        f"{day}T06:30",
        f"{day}T17:00",
    ]
    assert all(each["may_be_sent"] and each["status"] == "draft" for each in shown["messages"])
    # The club of this test gives 3 %.
    assert "6 % bonus i stedet for 3 %" in shown["messages"][2]["texts"]["da"]
    assert shown["messages"][1]["said"] == ["Sendes kl. 8.00."]
    assert shown["bonus"][0]["factor"] == 20_000
    assert shown["opening"] == [{"day": day.isoformat(), "opens": "06:30", "closes": "21:00"}]
    assert typed(operate, "plan", "show", club_id, shown["plan_id"]) == shown
    [line] = typed(operate, "plan", "list", club_id)["plans"]
    assert line["plan_id"] == shown["plan_id"]


def test_what_nobody_would_get_is_seen_and_not_approved(club_id: str, operate: Any) -> None:
    plan = operate("propose_black_friday", club_id=club_id, black_friday=FRIDAY, by="Anna")
    about = {"club_id": club_id, "plan_id": plan["plan_id"], "by": "Anna"}
    seen = operate("preview_plan", **about)
    assert seen["price"] == {"amount": 0, "currency": "DKK"}
    assert [each["preview"]["members"] for each in seen["messages"]] == [0, 0, 0]
    approved = operate("approve_plan", **about, seal=seen["seal"], approved_by="Mads Holm")
    assert approved["code"] == "nobody_to_write_to"
    assert operate("show_plan", club_id=club_id, plan_id=plan["plan_id"]) == plan


def test_a_plan_is_approved_with_the_owners_name_and_ended(club_id: str, till: TillClient, operate: Any) -> None:
    plan = operate("propose_black_friday", club_id=club_id, black_friday=FRIDAY, by="Anna", channels=["sms"])
    about = {"club_id": club_id, "plan_id": plan["plan_id"], "by": "Anna"}
    approve = ("plan", "approve", club_id, plan["plan_id"], "0" * 12, "--approved-by", "Mads Holm", "--by", "Anna")
    assert typed(operate, *approve)["code"] == "preview_needed"
    cancelled = typed(operate, "plan", "cancel", club_id, plan["plan_id"], "--by", "Bo")
    assert (cancelled["state"], cancelled["cancelled_by"]) == ("cancelled", "Bo")
    assert {each["status"] for each in cancelled["messages"]} == {"cancelled"}
    assert operate("preview_plan", **about)["code"] == "proposal_over"


def test_what_the_owner_approved_is_scheduled_and_its_bonus_published(shop: OpenClub, operate: Any) -> None:
    shop.joined(shop.number(), sms="yes")
    club_id = shop.till.club["club_id"]
    assert operate("rebuild_facts", club_id=club_id)["members"] == 1
    plan = operate("propose_black_friday", club_id=club_id, black_friday=FRIDAY, by="Anna")
    seen = typed(operate, "plan", "preview", club_id, plan["plan_id"], "--by", "Anna")
    assert [each["preview"]["members"] for each in seen["messages"]] == [1, 1, 1]
    assert seen["price"]["amount"] == sum(each["preview"]["price"]["amount"] for each in seen["messages"]) > 0
    approve = (
        "plan",
        "approve",
        club_id,
        plan["plan_id"],
        seen["seal"],
        "--approved-by",
        "Mads Holm",
        "--by",
        "Anna",
    )
    approved = typed(operate, *approve)
    assert (approved["state"], approved["approved_by"]) == ("approved", "Mads Holm")
    assert {each["status"] for each in approved["messages"]} == {"scheduled"}
    multipliers = operate("show_programme", club_id=club_id)["multipliers"]
    assert [(each["multiplier_id"], each["factor"]) for each in multipliers] == [(f"black-friday-{YEAR}", 20_000)]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"answers": {"black_friday": {}}}, "/black_friday/answers/black_friday"),
        ({"opens": "half past six"}, "/black_friday/opens"),
        ({"closes": "21:00+01:00"}, "/black_friday/closes"),
        ({"bonus_from": "22:00"}, "/bonus_from"),
    ],
)
def test_a_mistake_in_black_fridays_file_is_named(club_id: str, operate: Any, wrong: Any, pointer: str) -> None:
    refused = operate("propose_black_friday", club_id=club_id, black_friday=FRIDAY | wrong, by="Anna")
    assert (refused["code"], refused["pointer"]) == ("invalid_field", pointer)


MESSAGE = {
    "name": "jul",
    "at": "2099-12-22T16:00",
    "texts": [{"language": "da", "sms": "Hej {Fornavn}! {Klub} har åbent {Åbent}.\nAfmeld: {Stop}"}],
}


def test_a_plan_of_ones_own_is_proposed_from_a_file(club_id: str, operate: Any, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    away = datetime(2099, 12, 23, 16, tzinfo=ZoneInfo("America/New_York"))
    messages = [MESSAGE, MESSAGE | {"name": "sidst", "at": away.isoformat(), "ends": "2099-12-24T13:00"}]
    opening = [{"day": "2099-12-24", "opens": "07:00", "closes": "13:00"}, {"day": "2099-12-25"}]
    bonus = [{"starts_at": "2099-12-23T07:00", "ends_at": "2099-12-23T17:30"}]
    file.write_text(json.dumps({"name": "Jul", "messages": messages, "opening": opening, "bonus": bonus}))
    shown = typed(operate, "plan", "propose", club_id, str(file), "--by", "Anna", "--channels", "sms")
    assert [each["at"] for each in shown["messages"]] == ["2099-12-22T16:00", "2099-12-23T22:00"]
    assert "kl. 7.00-13.00, 25. december lukket." in shown["messages"][0]["texts"]["da"]
    assert shown["bonus"] == [
        {"starts_at": "2099-12-23T06:00:00.000Z", "ends_at": "2099-12-23T16:30:00.000Z", "factor": 20_000}
    ]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"messages": [MESSAGE | {"at": "juleaften"}]}, "/plan/messages/0/at"),
        ({"messages": [MESSAGE | {"ends": "juleaften"}]}, "/plan/messages/0/ends"),
        ({"opening": [{"day": "2099-12-24", "opens": "07:00"}]}, "/plan/opening/0"),
        ({"bonus": [{"starts_at": "jul", "ends_at": "2099-12-24T13:00"}]}, "/plan/bonus/0/starts_at"),
    ],
)
def test_a_mistake_in_a_plans_file_is_named(club_id: str, operate: Any, wrong: Any, pointer: str) -> None:
    plan = {"name": "Jul", "messages": [MESSAGE]} | wrong
    refused = operate("propose_plan", club_id=club_id, plan=plan, by="Anna")
    assert (refused["code"], refused["pointer"]) == ("invalid_field", pointer)


def test_a_plan_may_be_for_a_saved_segment(club_id: str, operate: Any) -> None:
    wish = {"segment_id": "alle", "name": "Alle", "criteria": {"is": "all"}, "by": "Anna"}
    assert "code" not in operate("save_segment", club_id=club_id, **wish)
    plan = {"name": "Jul", "messages": [MESSAGE]}
    assert "code" not in operate("propose_plan", club_id=club_id, plan=plan, by="Anna", segment="alle")
    unknown = operate("propose_plan", club_id=club_id, plan=plan, by="Anna", segment="ingen")
    assert unknown["code"] == "unknown_segment"


def test_templates_are_listed_with_their_parts_price_and_what_is_to_be_filled_in(club_id: str, operate: Any) -> None:
    found = {each["template"]: each for each in typed(operate, "campaign", "templates", club_id)["templates"]}
    assert set(found) == set(TemplateKey)
    opening = found["black_friday_opening"]
    assert opening["name"] == "Black Friday: når I åbner"
    assert opening["fill_in"] == [
        {"place": "Tilbud", "for_instance": "20 % på alle kager"},
        {"place": "Lukketid", "for_instance": "17.30"},
    ]
    assert "20 % på alle kager" in opening["for_instance"]
    assert {"conditions_unsaid", "stock_unknown", "reduction_unproven"} <= set(opening["asks"])
    emoji, plain = found["halloween"], found["halloween_plain"]
    assert (emoji["parts"], plain["parts"]) == (2, 1)
    assert emoji["price"]["amount"] == 2 * plain["price"]["amount"] > 0


def test_a_template_is_the_file_that_a_campaign_is_drafted_from(club_id: str, operate: Any) -> None:
    for key in TemplateKey:
        form = typed(operate, "campaign", "template", club_id, key)
        drafted = operate("draft_campaign", club_id=club_id, campaign=form, by="Anna")
        assert "code" not in drafted, (key, drafted)


def test_the_year_tells_each_occasion_with_its_day_and_what_to_send_when(club_id: str, operate: Any) -> None:
    told = typed(operate, "campaign", "year", club_id, "2027")["suggestions"]
    friday = [each for each in told if each["occasion"] == "Black Friday"]
    assert {(each["first"], each["last"]) for each in friday} == {("2027-11-26", "2027-11-26")}
    teaser = next(each for each in friday if each["template"] == "black_friday_teaser")
    assert (teaser["days"], teaser["at"]) == (["2027-11-25"], "16:00")
    assert teaser["name"] == "Black Friday: dagen før"
    mothers_day = next(each for each in told if each["occasion"] == "Mors dag")
    assert (mothers_day["days"], mothers_day["template"]) == (["2027-05-09"], None)
    season = next(each for each in told if each["template"] == "tyre_tip")
    assert (season["occasion"], season["is_about"]) == (None, True)
    assert [each["days"][0] for each in told] == sorted(each["days"][0] for each in told)
