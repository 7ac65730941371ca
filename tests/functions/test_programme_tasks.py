"""The operators' tasks for bonus programmes, as they are typed."""

from __future__ import annotations

from typing import Any

from tests.till_client import TillClient

STAMPS = {
    "stamp_programme_id": "rugbrod",
    "name": "Rugbrød",
    "needed": 10,
    "reward_name": "gratis rugbrød",
    "items": {"item_numbers": ["5701000000011"]},
    "reward": {"item_numbers": ["5701000000011"]},
}


def test_what_is_shown_is_edited_published_and_shown_again(till: TillClient, operate: Any) -> None:
    club_id = till.club["club_id"]
    shown = operate("show_programme", club_id=club_id)
    assert shown == {"rate": 300, "expiry_months": 36}
    wanted = shown | {"stamp_programmes": [STAMPS]}
    published = operate("publish_programme", club_id=club_id, valid_from="2099-11-27T18:00:00", programme=wanted)
    assert (published["version"], published["valid_from"]) == (2, "2099-11-27T17:00:00.000Z")
    assert operate("show_programme", club_id=club_id) == wanted
    operate("publish_programme", club_id=club_id, valid_from="2099-12-01T00:00:00", rate=400)
    assert operate("show_programme", club_id=club_id) == wanted | {"rate": 400}


def test_double_bonus_for_an_evening_stands_in_the_newest_version(till: TillClient, operate: Any) -> None:
    club_id = till.club["club_id"]
    evening = {"starts_at": "2099-11-27T18:00:00", "ends_at": "2099-11-27T22:00:00", "outlets": ["banegaarden"]}
    assert operate("double_bonus", club_id=club_id, **evening)["version"] == 2
    assert operate("show_programme", club_id=club_id)["multipliers"] == [
        {
            "multiplier_id": "extra-20991127-1800",
            "factor": 20_000,
            "starts_at": "2099-11-27T18:00:00+01:00",
            "ends_at": "2099-11-27T22:00:00+01:00",
            "outlets": ["banegaarden"],
        }
    ]


def test_what_is_wrong_is_told_with_its_place_in_the_file(till: TillClient, operate: Any) -> None:
    club_id = till.club["club_id"]
    wrong = {"rate": 300, "expiry_months": 36, "stamp_programmes": [STAMPS | {"needed": 0}]}
    publish = {"club_id": club_id, "valid_from": "2099-11-27T18:00:00"}
    refused = operate("publish_programme", **publish, programme=wrong)
    assert (refused["code"], refused["pointer"]) == ("invalid_field", "/stamp_programmes/0/needed")
    assert operate("publish_programme", **publish)["code"] == "invalid_field"
    both = {"rate": 400, "programme": {"rate": 300, "expiry_months": 36}}
    assert operate("publish_programme", **publish, **both)["code"] == "invalid_field"
    shorter = operate("publish_programme", **publish, expiry_months=12)
    assert (shorter["code"], shorter["pointer"]) == ("expiry_not_in_terms", "/expiry_months")
    assert "36" in shorter["detail"]
