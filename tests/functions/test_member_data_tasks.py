"""Members who ask the shop: an operator has them deleted, takes that back, and shows what is kept of them."""

from __future__ import annotations

from typing import Any

import pytest

from stamkunde.members.own_data_file import FORMAT
from tests.functions.conftest import OpenClub
from tests.functions.test_member_page import member_id, opened


@pytest.fixture
def about(shop: OpenClub) -> dict[str, Any]:
    """Somebody who joined at the till, and who of the staff does something about them."""
    number = shop.number()
    shop.till.join(number, first_name="Mette")
    return {"club_id": shop.club.club_id, "member_id": member_id(shop, number), "by": "Ida"}


def test_what_the_shop_asked_for_it_takes_back(shop: OpenClub, about: dict[str, Any]) -> None:
    asked = shop.operate("ask_erasure", **about)
    assert asked["asked_by"] == "staff"
    (told,) = shop.messages("erasure_requested")
    assert "k.test/" in told["text"]
    assert shop.operate("ask_erasure", **about) == asked
    assert shop.operate("undo_erasure", **about)["erase_at"] is None
    assert len(shop.messages("erasure_undone")) == 1


def test_what_a_member_asked_for_the_shop_does_not_take_back(shop: OpenClub) -> None:
    number = shop.number()
    shop.till.join(number, first_name="Mette")
    mette = opened(shop, number)
    mette.get(f"{shop.card}/delete")
    mette.send(f"{shop.card}/delete")
    about = {"club_id": shop.club.club_id, "member_id": member_id(shop, number), "by": "Ida"}
    assert shop.operate("undo_erasure", **about)["code"] == "members_own_wish"
    assert "erasure" in mette.get(shop.card).html


def test_what_is_kept_of_a_member_is_shown_as_they_could_download_it(shop: OpenClub, about: dict[str, Any]) -> None:
    shop.till.buy(about["member_id"], 49_500)
    told = shop.operate("show_own_data", **about)
    assert (told["format"], told["profile"]["first_name"]) == (FORMAT, "Mette")
    assert [each["kind"] for each in told["movements"]] == ["purchase"]
