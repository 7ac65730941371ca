"""What the clock does to people in a running stack: who never accepts, who does in time, who takes the news."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from infra.local.clock import MovedClub, Stop, read_distance
from infra.local.loopback import client
from stamkunde.shared.item import from_wire
from tests.journeys.visitor import visiting
from tests.local_stack import LocalStack
from tests.public_shop import PAGES, PublicShop
from tests.till_over_http import OpenShop


@pytest.fixture
def here(local_stack: LocalStack) -> Iterator[PublicShop]:
    """A club with open pages, by whose clock it is noon."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    offset = int((noon - datetime.now(UTC)).total_seconds())
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=60) as door:
        shop = OpenShop.in_stack(local_stack.stack, door, clock_offset_seconds=offset)
        shop.operator.do("publish_join_page", club_id=shop.till.club["club_id"], **PAGES["DK"])
        yield PublicShop(local_stack.stack, shop)


def advance(here: PublicShop, distance: str) -> list[Stop]:
    return list(MovedClub(here.stack, here.slug).advance(read_distance(distance)))


def buy(here: PublicShop, member_id: str) -> None:
    bought_at = MovedClub(here.stack, here.slug).now().isoformat()
    assert here.shop.till.buy(member_id, 100_000, bought_at=bought_at).status == 201


def kinds(here: PublicShop, number: str) -> list[str]:
    """What somebody was sent, oldest first, once the last message has arrived."""
    return [message["kind"] for message in reversed(here.messages(number))]


def rows(here: PublicShop, prefix: str) -> list[dict[str, Any]]:
    """The club's rows of the members table whose partition begins so."""
    tables = client("dynamodb", here.stack.aws_endpoint)
    pages = tables.get_paginator("scan").paginate(TableName=here.stack.tables["members"], ConsistentRead=True)
    found = (from_wire(item) for page in pages for item in page["Items"])
    return [row for row in found if row["pk"].startswith(f"{prefix}#{here.shop.till.club['club_id']}")]


def test_who_joins_at_a_till_and_never_accepts_is_reminded_twice_and_forgotten(here: PublicShop) -> None:
    number = here.new_number()
    member_id = here.shop.till.join(number, accepts=False).body["member_id"]
    buy(here, member_id)
    advance(here, "3w")
    assert kinds(here, number) == ["till_join", "terms_week_1_bonus", "terms_week_2_bonus"]
    assert here.shop.till.look_up(number).code == "unknown_member"
    assert rows(here, "M") + rows(here, "P") + rows(here, "K") + rows(here, "CASE") == []


def test_who_accepts_in_the_second_week_hears_no_more_of_it_and_keeps_what_was_pending(here: PublicShop) -> None:
    number = here.new_number()
    member_id = here.shop.till.join(number, accepts=False).body["member_id"]
    buy(here, member_id)
    advance(here, "8d")
    now = MovedClub(here.stack, here.slug).now().isoformat()
    accepted = {"terms_version": 1, "method": "signed_form", "accepted_at": now}
    assert here.shop.till.join(number, accepts=False, terms_acceptance=accepted).status == 200
    advance(here, "3w")
    assert kinds(here, number) == ["till_join", "terms_week_1_bonus", "welcome"]
    assert here.shop.till.look_up(number).body["balance"]["available"] == 3_000


def test_who_takes_the_news_only_is_never_chased_and_goes_with_the_permission_unless_it_is_renewed_on_the_page(
    here: PublicShop,
) -> None:
    staying, leaving = here.new_number(), here.new_number()
    for number in (staying, leaving):
        take_the_news(here, number)
    advance(here, "5w")
    assert kinds(here, staying) == ["code"]
    assert rows(here, "LAPSING") == []
    advance(here, "9mo")
    assert [note["sk"].endswith("#sms") for note in rows(here, "LAPSING")] == [True, True]
    assert kinds(here, staying) == ["code"]
    renew_on_the_page(here, staying)
    advance(here, "3mo")
    assert [row["phone"] for row in rows(here, "M") if row["sk"] == "MEMBER"] == [staying]
    assert rows(here, "CASE") == []
    assert kinds(here, leaving) == ["code"]


def take_the_news(here: PublicShop, number: str) -> None:
    """Somebody ticks the box for texts on the join page and nothing else, and types the code."""
    page = f"/{here.slug}/join"
    with visiting(here) as phone:
        phone.send(page, page, phone=number, sms="yes")
        phone.send(f"{page}/code", f"{page}/code", code=here.wait_for_code(number))


def renew_on_the_page(here: PublicShop, number: str) -> None:
    """They open their page with a code, and say yes to texts for another year."""
    page = f"/m/{here.slug}"
    with visiting(here) as phone:
        phone.send(page, page, phone=number)
        phone.send(f"{page}/code", f"{page}/code", code=here.wait_for_code(number, 2))
        phone.send(page, f"{page}/permissions", act="give")


def test_a_club_in_real_time_has_no_clock_to_move(local_stack: LocalStack) -> None:
    from infra.local.home import LocalRunError

    with httpx.Client(base_url=local_stack.stack.api_url, timeout=60) as door:
        shop = OpenShop.in_stack(local_stack.stack, door)
    with pytest.raises(LocalRunError, match="lives in real time"):
        MovedClub(local_stack.stack, shop.till.club["club_id"])
