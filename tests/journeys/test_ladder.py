"""Three years of a running stack: who stays away is told so, and stays after all or goes on the day that was told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from infra.local.clock import MovedClub
from stamkunde.messaging.written import written_day
from stamkunde.shared.ladder import RungNotice, RungSkipped
from tests.local_stack import LocalStack
from tests.page_browser import Seen
from tests.public_shop import PAGES, PublicShop
from tests.till_over_http import OpenShop


@dataclass(frozen=True)
class Course:
    """When somebody joins, and on which days they are told what and go, by the club's wall clock.

    In one town they join on a day that most years don't have, in the other on one that many months don't have, and
    are told on the Sunday in spring on which the clocks change.
    """

    joined: date
    told: dict[int, date]
    erased: date
    zone: str


COURSES = {
    "DK": Course(
        date(2028, 2, 29),
        {18: date(2029, 8, 29), 24: date(2030, 2, 28), 35: date(2031, 1, 29)},
        date(2031, 2, 28),
        "Europe/Copenhagen",
    ),
    "NO": Course(
        date(2028, 3, 31),
        {18: date(2029, 9, 30), 24: date(2030, 3, 31), 35: date(2031, 2, 28)},
        date(2031, 3, 31),
        "Europe/Oslo",
    ),
}
SPRING, AUTUMN = date(2028, 4, 28), date(2029, 10, 28)
"""Who buys on that day in spring was away for 18 months on the Sunday in autumn on which the clocks change."""


@dataclass
class Town:
    """A club on the day on which its course begins, and everybody who joins it then."""

    here: PublicShop
    course: Course
    numbers: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def clock(self) -> MovedClub:
        return MovedClub(self.here.stack, self.here.slug)

    def joins(self, who: str) -> None:
        now = self.clock.now().isoformat()
        number = self.here.new_number()
        accepted = {"terms_version": 1, "method": "signed_form", "accepted_at": now}
        joined = self.here.shop.till.join(number, accepts=False, first_name=who, terms_acceptance=accepted)
        self.numbers[who], self.ids[who] = number, joined.body["member_id"]
        self.buys(who, 1_000_000)

    def buys(self, who: str, amount: int = 100_000) -> None:
        bought_at = self.clock.now().isoformat()
        assert self.here.shop.till.buy(self.ids[who], amount, bought_at=bought_at).status == 201

    def allows(self, who: str) -> None:
        """Somebody says yes to texts on the counter's screen, and buys nothing."""
        till = self.here.shop.till
        shown = till.send("GET", "/v1/permissions").body["permissions"]
        (words,) = [each for each in shown if (each["kind"], each["language"]) == ("sms", self.here.language)]
        said = {
            "method": "counter_screen",
            "said_at": self.clock.now().isoformat(),
            "language": self.here.language,
            "given": [{"kind": "sms", "wording": words["wording"]}],
        }
        answer = till.send("POST", f"/v1/members/{self.ids[who]}/permissions", said)
        assert answer.status == 201, answer.body

    def passes(self, *, until: date, at: time = time(12)) -> None:
        """The club's clock goes on to a wall-clock time of its own."""
        target = datetime.combine(until, at, ZoneInfo(self.course.zone)).astimezone(UTC)
        list(self.clock.advance(lambda _now: target))

    def told(self, who: str) -> list[tuple[int, str]]:
        """What is written of the ladder in a member's row: after how many months, and when or why not."""
        member = self.here.shop.shop.members.load_even_gone(self.ids[who], consistent=True)
        absence = member.absence if member else None
        return [self._line(each) for each in absence.notices] if absence else []

    def _line(self, told: RungNotice | RungSkipped) -> tuple[int, str]:
        if isinstance(told, RungSkipped):
            return told.rung.after_months, told.reason.value
        at = told.written_at.astimezone(ZoneInfo(self.course.zone))
        return told.rung.after_months, f"{at.date()} {at.hour}"

    def letters(self, who: str) -> list[dict[str, Any]]:
        """The notices of the ladder that somebody got, oldest first."""
        found = reversed(self.here.messages(self.numbers[who]))
        return [each for each in found if each["kind"].startswith(("ladder", "last_notice"))]

    def is_known(self, who: str) -> bool:
        return bool(self.here.shop.till.look_up(self.numbers[who]).status == 200)


@pytest.fixture
def town(local_stack: LocalStack, request: pytest.FixtureRequest) -> Iterator[Town]:
    """A club by whose clock it is noon on the first day of its course."""
    course = COURSES[request.param]
    noon = datetime.combine(course.joined, time(12), ZoneInfo(course.zone))
    offset = int((noon - datetime.now(UTC)).total_seconds())
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=120) as door:
        shop = OpenShop.in_stack(local_stack.stack, door, country=request.param, clock_offset_seconds=offset)
        shop.operator.do("publish_join_page", club_id=shop.till.club["club_id"], **PAGES[request.param])
        yield Town(PublicShop(local_stack.stack, shop), course)


def opening(day: date) -> str:
    """How `told` writes that a rung went out when sending opens on a day: at ten on a Sunday."""
    return f"{day} {10 if day.isoweekday() == 7 else 8}"


def silence(town: Town) -> Iterator[int]:
    """Ida says yes to texts again and again, and nobody comes; stops where everybody was told of a rung."""
    for months, day in town.course.told.items():
        town.passes(until=day.replace(day=1))
        town.allows("Ida")
        town.passes(until=day)
        yield months


def assert_ida_was_told_of_everything(town: Town) -> None:
    told = town.course.told
    assert town.told("Ida") == [(months, opening(day)) for months, day in told.items()]
    letters = town.letters("Ida")
    assert [each["kind"] for each in letters] == ["ladder_missed_you", "ladder_bonus", "ladder_last_bonus"]
    assert [each["parts"] for each in letters] == [2, 5, 3]
    assert_names_what_is_lost(town, letters[-1])


def assert_bo_was_told_once(town: Town) -> dict[str, Any]:
    passed_by = [(months, "no_permission") for months in (18, 24)]
    assert town.told("Bo") == [*passed_by, (35, opening(town.course.told[35]))]
    (letter,) = town.letters("Bo")
    assert (letter["kind"], letter["parts"]) == ("last_notice_bonus", 2)
    assert_names_what_is_lost(town, letter)
    return letter


def assert_names_what_is_lost(town: Town, letter: dict[str, Any]) -> None:
    assert written_day(town.course.erased, town.here.language) in letter["text"]
    assert "300 kr" in letter["text"]


def assert_goes_on_the_day_that_was_told(town: Town, *gone: str) -> None:
    town.passes(until=town.course.erased - timedelta(days=1), at=time(22))
    assert all(map(town.is_known, town.numbers))
    town.passes(until=town.course.erased, at=time(4))
    assert {who: town.is_known(who) for who in town.numbers} == {who: who not in gone for who in town.numbers}


@pytest.mark.parametrize("town", ["NO"], indirect=True)
def test_three_years_of_silence_end_on_the_day_that_was_told(town: Town) -> None:
    """One allows texts and gets them all, the other allows nothing and gets the last only; both go."""
    for who in ("Ida", "Bo"):
        town.joins(who)
    assert list(silence(town)) == [18, 24, 35]
    assert_ida_was_told_of_everything(town)
    assert_bo_was_told_once(town)
    assert_goes_on_the_day_that_was_told(town, "Ida", "Bo")


@pytest.mark.parametrize("town", ["DK"], indirect=True)
def test_a_purchase_in_between_or_a_tap_on_the_last_link_and_somebody_stays(town: Town) -> None:
    """Ole buys in the first spring, and again when he was told of it; Bo taps the link of his last notice."""
    for who in ("Ida", "Bo", "Ole"):
        town.joins(who)
    town.passes(until=SPRING)
    town.buys("Ole")
    for months in silence(town):
        if months == 18:
            assert town.told("Ole") == []
            town.passes(until=AUTUMN.replace(day=1))
            town.allows("Ole")
            town.passes(until=AUTUMN)
            assert town.told("Ole") == [(18, opening(AUTUMN))]
            town.buys("Ole")
    assert [each["kind"] for each in town.letters("Ole")] == ["ladder_missed_you"]
    assert_ida_was_told_of_everything(town)
    confirm(town, assert_bo_was_told_once(town)["links"][0])
    assert_goes_on_the_day_that_was_told(town, "Ida")


def confirm(town: Town, link: str) -> None:
    """They open the link, which changes nothing, and press its one button."""
    with httpx.Client(base_url=town.here.stack.pages_url, timeout=120) as visitor:
        page = visitor.get(link)
        seen = Seen(page.status_code, dict(page.headers), [], page.text)
        path = httpx.URL(link).path
        form = seen.form(path)
        headers = {
            "origin": town.here.stack.pages_url,
            "cookie": "; ".join(f"{each.name}={each.value}" for each in visitor.cookies.jar),
        }
        answer = visitor.post(path, data=form.fields | {"act": "stay"}, headers=headers)
        assert answer.is_success or answer.is_redirect, answer.text
