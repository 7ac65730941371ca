"""Going from club to club: what one has to do takes no other's turn."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest

from stamkunde.clubs.model import Club
from stamkunde.clubs.rounds import SHORTEST_TURN, BrokenClub, Done, IsOver, Rounds
from tests.factories import make_club

SECONDS = 600.0


@dataclass
class Work:
    """Clubs that have so many seconds of work each, done a second at a time."""

    left: Counter[str]
    now: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    turns: list[str] = field(default_factory=list)

    def rounds(self) -> Rounds:
        return Rounds(lambda: list(self.left), self.find, SECONDS, lambda: self.now)

    def find(self, club_id: str) -> Club:
        return make_club(club_id=club_id)

    def work(self, club: Club, is_over: IsOver) -> bool:
        """Whether everything is done."""
        self.turns.append(club.club_id)
        while self.left[club.club_id] and not is_over():
            self.now += 1
            self.left[club.club_id] -= 1
            self.done[club.club_id] += 1
        return not self.left[club.club_id]


@pytest.mark.parametrize("attempt", range(5))
def test_a_club_with_a_busy_day_starves_no_other(attempt: int) -> None:
    del attempt  # the order is drawn anew each time
    work = Work(Counter({"busy": 10_000, **{f"c{number}": 10 for number in range(20)}}))
    finished = {done.club_id: done for done in work.rounds().share(work.work, bool)}
    assert work.left == {"busy": 10_000 - work.done["busy"]} | dict.fromkeys((f"c{n}" for n in range(20)), 0)
    assert work.done["busy"] >= SECONDS - 20 * 10
    assert [each for each in finished.values() if isinstance(each, Done) and not each.result] == [finished["busy"]]
    assert work.now <= SECONDS + SHORTEST_TURN


def test_two_busy_clubs_share_the_time() -> None:
    work = Work(Counter(one=10_000, other=10_000))
    list(work.rounds().share(work.work, bool))
    assert min(work.done.values()) >= SECONDS / 4


def test_who_is_done_has_no_other_turn() -> None:
    work = Work(Counter(one=1, other=2))
    list(work.rounds().share(work.work, bool))
    assert sorted(work.turns) == ["one", "other"]


def test_it_is_not_always_the_same_club_that_comes_first() -> None:
    firsts = set()
    for _ in range(200):
        work = Work(Counter(one=1, other=2))
        list(work.rounds().share(work.work, bool))
        firsts.add(work.turns[0])
    assert firsts == {"one", "other"}


def test_a_club_that_breaks_stands_in_the_way_of_no_other() -> None:
    def break_one(club: Club, _is_over: IsOver) -> bool:
        if club.club_id == "one":
            raise ValueError
        return True

    work = Work(Counter(one=1, other=2))
    outcomes = {type(done): done.club_id for done in work.rounds().share(break_one, bool)}
    assert outcomes == {BrokenClub: "one", Done: "other"}
