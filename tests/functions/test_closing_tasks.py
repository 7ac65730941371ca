"""A club closes as operators ask for it: announced, taken back, shown; then tills and visitors are refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.function_catalogue import TABLES
from infra.restore.place import DATA_STACK, on_aws
from stamkunde.clubs.closing import SHORTEST_NOTICE
from tests.function_fixtures import new_till
from tests.functions.conftest import PAGE, OpenClub

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@pytest.fixture
def shop(operate: Any, tables: DynamoDBClient) -> OpenClub:
    """A club with open pages, whose clock a test may move."""
    till = new_till(operate, clock_offset_seconds=0)
    operate("publish_join_page", club_id=till.club["club_id"], **PAGE)
    return OpenClub(till, tables, operate)


def in_days(days: int) -> date:
    """A day on the club's calendar, far enough from midnight in any zone of ours."""
    return (datetime.now(UTC) + timedelta(days=days, hours=1)).date()


def test_a_club_serves_through_its_last_day_and_not_on_the_next(shop: OpenClub, operate: Any) -> None:
    club_id, slug, last_day = shop.till.club["club_id"], shop.till.club["slug"], in_days(31)
    announced = operate("close_club", club_id=club_id, last_day=last_day.isoformat(), by="Mette")
    assert announced == operate("show_closing", club_id=club_id)
    assert (announced["last_day"], announced["deleting_since"]) == (last_day.isoformat(), None)
    operate("move_clock", club_id=club_id, clock_offset_seconds=30 * 86_400)
    member_id = shop.till.join("20123456").body["member_id"]
    assert shop.till.look_up("20123456").status == 200
    assert shop.browser().get(f"/{slug}/join").status == 200
    operate("move_clock", club_id=club_id, clock_offset_seconds=32 * 86_400)
    assert shop.till.look_up("20123456").code == "key_revoked"
    assert shop.till.buy(member_id, 10_000).code == "key_revoked"
    assert shop.browser().get(f"/{slug}/join").status == 404
    operate("stay_open", club_id=club_id, by="Mette")
    assert shop.till.look_up("20123456").status == 200
    assert shop.browser().get(f"/{slug}/join").status == 200


def test_a_link_of_a_closed_club_leads_nowhere(shop: OpenClub, operate: Any) -> None:
    club_id = shop.till.club["club_id"]
    shop.till.join("20123456", accepts=False)
    link = shop.link("till_join")
    assert shop.browser().get(link).status == 200
    operate("close_club", club_id=club_id, last_day=in_days(31).isoformat(), by="Mette")
    operate("move_clock", club_id=club_id, clock_offset_seconds=32 * 86_400)
    assert shop.browser().get(link).status in {404, 410}


def test_a_last_day_too_near_is_refused_and_says_from_when_on(shop: OpenClub, operate: Any) -> None:
    club_id = shop.till.club["club_id"]
    near = in_days(SHORTEST_NOTICE.days - 2).isoformat()
    answer = operate("close_club", club_id=club_id, last_day=near, by="Mette")
    assert (answer["code"], answer["pointer"]) == ("invalid_field", "/last_day")
    assert ">= 20" in answer["detail"]
    assert operate("show_closing", club_id=club_id)["last_day"] is None


def test_who_closes_a_club_is_on_record(shop: OpenClub, operate: Any) -> None:
    club_id = shop.till.club["club_id"]
    operate("close_club", club_id=club_id, last_day=in_days(40).isoformat(), by="Mette")
    operate("stay_open", club_id=club_id, by="Ida")
    acts = operate("show_audit", club_id=club_id, by="Ole")["acts"]
    assert {(act["by"], act["what"]) for act in acts} >= {("Mette", "close_club"), ("Ida", "stay_open")}


def test_on_aws_tables_and_buckets_are_found_by_what_the_data_stack_says(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = [{"OutputKey": f"{table.title()}Table", "OutputValue": f"StamkundeData-{table}"} for table in TABLES]

    class Session:
        def __init__(self, region_name: str) -> None:
            assert region_name == "eu-north-1"

        def client(self, service: str) -> Any:
            return {"cloudformation": self, "sts": self}[service]

        def describe_stacks(self, **given: str) -> dict[str, Any]:
            assert given == {"StackName": DATA_STACK}
            return {"Stacks": [{"Outputs": outputs}]}

        def get_caller_identity(self) -> dict[str, str]:
            return {"Account": "123456789012"}

    monkeypatch.setattr("boto3.Session", Session)
    place = on_aws("eu-north-1")
    assert place.table_names == {table: f"StamkundeData-{table}" for table in TABLES}
    assert place.settings.evidence_bucket == "stamkunde-evidence-123456789012"
    assert place.settings.tombstone_bucket == "stamkunde-tombstones-123456789012"
    assert not place.settings.clubs_clocks_movable
