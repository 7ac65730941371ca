"""The operators' tasks for how long a club keeps members who stay away: see what another time brings, and set it."""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from itertools import groupby
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from operator_task.desk import Desk, Months, TaskModel
from operator_task.ledger_tasks import Bench
from operator_task.terms_tasks import terms_differ
from operator_task.wording_tasks import price_list, shown_words, wording
from stamkunde.clubs.keeping import KeepingDesk
from stamkunde.clubs.member_policy import LONGEST_REASON, Keeping
from stamkunde.clubs.model import Club, Trade
from stamkunde.messaging.rung_texts import RUNG_KINDS
from stamkunde.retention.model.simulation import Forecast
from stamkunde.retention.rehearsal import Rehearsal, course_of
from stamkunde.shared.ladder import MOST_RUNGS, Ladder, Rung, RungText

type Trades = Literal["groceries", "clothes", "tourist_crafts", "own"]
type Seal = Annotated[str, Meta(max_length=100_000)]


class RungSaid(Struct, forbid_unknown_fields=True):
    """A notice to whoever has been away for so many months."""

    after_months: Months
    text: Literal["missed_you", "bonus", "last"]


class ShowKeeping(TaskModel, tag="show_keeping"):
    """For how long a club keeps members who stay away, today and as terms come to hold.

    With what they are told, in how many parts and at what list price, and our version in one part.
    """

    club_id: str


class SimulateKeeping(TaskModel, tag="simulate_keeping"):
    """A part of what another time would bring; `following` is what the part before was answered.

    What isn't said is as it is, so nothing said is what the present one brings. The last part has the seal by which
    it can be set.
    """

    club_id: str
    trade: Trades | None = None
    months: Months | None = None
    rungs: Annotated[tuple[RungSaid, ...], Meta(max_length=MOST_RUNGS)] | None = None
    following: Seal | None = None


class SetKeeping(TaskModel, tag="set_keeping"):
    """Keep members as a forecast had it; a shorter time is published with the terms that say so."""

    club_id: str
    forecast: Seal
    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] | None = None


type KeepingTask = ShowKeeping | SimulateKeeping | SetKeeping


def show_keeping(desk: Desk, task: ShowKeeping) -> dict[str, Any]:
    """Carry out `ShowKeeping`."""
    bench = Bench(desk, task.club_id)
    return _keeping(bench, bench.club)


def simulate_keeping(desk: Desk, task: SimulateKeeping) -> dict[str, Any]:
    """Carry out `SimulateKeeping`."""
    bench = Bench(desk, task.club_id)
    rungs = None if task.rungs is None else tuple(Rung(each.after_months, RungText(each.text)) for each in task.rungs)
    wish = Keeping(Trade(task.trade) if task.trade else None, task.months, rungs)
    rehearsed = Rehearsal(bench.club, bench.members, bench.ledger, bench.clock).go(wish, task.following)
    shown = _keeping(bench, rehearsed.club) | {"forecast": _forecast(rehearsed.forecast, bench.club)}
    return shown | {"following": rehearsed.following, "seal": rehearsed.sealed}


def set_keeping(desk: Desk, task: SetKeeping) -> dict[str, Any]:
    """Carry out `SetKeeping`."""
    KeepingDesk(desk.operators).publish(task.club_id, task.forecast, task.reason)
    bench = Bench(desk, task.club_id)
    shown = _keeping(bench, bench.club)
    return shown | {"terms_differ": terms_differ(desk, task.club_id)}


KEEPING_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    ShowKeeping: show_keeping,
    SimulateKeeping: simulate_keeping,
    SetKeeping: set_keeping,
}


def _keeping(bench: Bench, club: Club) -> dict[str, Any]:
    """How a club keeps its members, or would."""
    policy, now = club.member_policy, bench.desk.operators.present(club)
    ladders = course_of(club, now).ladders
    messages = _messages(bench, {rung.text for _, ladder in ladders for rung in ladder.rungs})
    return {
        "club_id": club.club_id,
        "trade": policy.trade and policy.trade.value,
        "months": policy.inactive_months,
        "reason": policy.keeping_reason,
        "ladders": [_ladder(day, each, messages) for day, each in ladders],
        **price_list(club.country),
    }


def _messages(bench: Bench, texts: Collection[RungText]) -> dict[RungText, list[dict[str, Any]]]:
    """What each rung says, in the club's language: there are other words for whoever has bonus to lose."""
    kinds = [kind for text in texts for kind in RUNG_KINDS[text]]
    said = {each.kind: shown_words(each) for each in wording(bench.desk, bench).show(kinds, bench.club.language)}
    return {text: [said[kind] for kind in RUNG_KINDS[text]] for text in texts}


def _ladder(day: date, ladder: Ladder, messages: Mapping[RungText, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "from": day.isoformat(),
        "months": ladder.months,
        "rungs": [
            {"after_months": rung.after_months, "text": rung.text.value, "messages": messages[rung.text]}
            for rung in ladder.rungs
        ],
    }


def _forecast(forecast: Forecast, club: Club) -> dict[str, Any]:
    """What would happen: notices month by month, and year by year how many are deleted and what bonus is lost."""
    months = groupby(sorted(forecast.told.items()), key=lambda each: each[0].month)
    return {
        "people": forecast.people,
        "notices": [
            {
                "month": month,
                "rungs": [
                    {"after_months": told.after_months, "fate": told.fate.value, "people": people}
                    for told, people in counted
                ],
            }
            for month, counted in months
        ],
        "unit": club.unit.value,
        "years": [
            {
                "year": year,
                "erased": forecast.erased[year],
                "forfeited": forecast.forfeited.get(year, 0),
                "still_a_claim": forecast.young.get(year, 0),
                "lots_still_a_claim": forecast.young_lots.get(year, 0),
            }
            for year in sorted(forecast.erased)
        ],
    }
