"""The truth table of docs/permissions.md: whom a club may write to, worked out from the code, to be read by people.

``python -m tests.permission_table`` writes it anew; a test holds that it is what the code says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from copy import replace
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

from infra.local.home import ROOT
from stamkunde.clubs.model import CAREFUL_POLICY, PurchaseUse
from stamkunde.members.consents import (
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    PermissionText,
    new_record_id,
)
from stamkunde.members.model import AskedBy, ErasureRequest, Member
from stamkunde.members.permission import KIND_OF_CHANNEL, Facts, Purpose, Verdict, may_write
from stamkunde.messaging.model import MessageClass
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import months_later
from stamkunde.shared.terms import NOT_ACCEPTED
from tests.factories import make_club

PAGE = ROOT / "docs" / "permissions.md"
HEADING = "## Every case"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
AFTER = timedelta(hours=1)
"""How much later a second word is said."""

WEIGHED = replace(CAREFUL_POLICY, purchase_use=PurchaseUse.BALANCING_TEST, balancing_test="Få, faste kunder")
CLUBS = {
    "DK": make_club(),
    "DK, sales count": make_club(member_policy=replace(CAREFUL_POLICY, soft_opt_in=True)),
    "DK, asks birth date": make_club(member_policy=replace(CAREFUL_POLICY, asks_birth_date=True)),
    "DK, weighs purchases": make_club(member_policy=WEIGHED),
    "DK, weighs without a reason": make_club(member_policy=replace(WEIGHED, balancing_test=None)),
    "NO": make_club(country="NO", language="nb", time_zone="Europe/Oslo", currency="NOK"),
    "NO, weighs purchases": make_club(
        country="NO", language="nb", time_zone="Europe/Oslo", currency="NOK", member_policy=WEIGHED
    ),
}
SAID = {
    "a month ago": months_later(TODAY, -1),
    "11 months ago": months_later(TODAY, -11),
    "12 months ago tomorrow": months_later(TODAY, -12) + timedelta(days=1),
    "12 months ago": months_later(TODAY, -12),
    "3 years ago": months_later(TODAY, -36),
}
BORN = {
    "not told": None,
    "14": date(2012, 11, 22),
    "15 today": date(2011, 11, 21),
    "15 a month ago less a day": date(2011, 10, 22),
    "15 a month ago": date(2011, 10, 21),
    "17": date(2008, 11, 22),
    "18 today": date(2008, 11, 21),
    "40": date(1986, 5, 3),
}
PEOPLE = ("member", "open", "newsletter", "member, leaving", "member, gone", "nobody")
YOUNG = ("14", "15 today", "15 a month ago less a day", "15 a month ago", "17")
WORDS = ("none", "yes", "yes, form", "yes, screen", "yes, stop", "yes, stop, yes", "sale", "sale, stop", "sale, yes")
USED = ("never", *SAID)
"""When advertising was last sent by the last yes."""

ADDRESSES = ("none", "unconfirmed", "confirmed")
PURCHASE_WORDS = ("none", "yes", "yes, lapsed", "yes, stop", "stop")


@dataclass(frozen=True, slots=True)
class Case:
    """One row: all that the verdict follows from, in words."""

    person: str = "member"
    message: MessageClass = MessageClass.MARKETING
    channel: Channel = Channel.SMS
    chosen_by: Purpose = Purpose.NEWS
    word: str = "yes"
    said: str = "a month ago"
    last_use: str = "never"
    email: str = "confirmed"
    purchases: str = "none"
    age: str = "not told"
    club: str = "DK"

    def verdict(self) -> Verdict:
        """What the code says."""
        return may_write(self.facts(), self.message, self.channel, self.chosen_by, NOW)

    def facts(self) -> Facts:
        """What it follows from."""
        return Facts(CLUBS[self.club], self.member(), tuple(self._records()))

    def member(self) -> Member | None:
        """Whom it is about."""
        if self.person == "nobody":
            return None
        state, _, fate = self.person.partition(", ")
        erase_at = {"": None, "leaving": NOW + timedelta(days=9), "gone": NOW}[fate]
        return Member(
            member_id="m0000000000000001",
            account_id=None if state == "newsletter" else "a0000000000000001",
            phone="+4520123456",
            first_name="Mette",
            terms_version=1 if state == "member" else NOT_ACCEPTED,
            joined_at=NOW,
            language="da",
            email=None if self.email == "none" else "mette@holm.example",
            email_confirmed_at=NOW if self.email == "confirmed" else None,
            birth_date=BORN[self.age],
            erasure=ErasureRequest(AskedBy.MEMBER, NOW - timedelta(days=5), erase_at) if erase_at else None,
        )

    def _records(self) -> Iterator[ConsentRecord]:
        first = datetime.combine(SAID[self.said], NOW.timetz())
        kind, used = KIND_OF_CHANNEL[self.channel], SAID.get(self.last_use)
        acts = [*records_of(self.word, kind, first)]
        by = max((act.record_id for act in acts if act.gives(kind)), default=None)
        for act in acts:
            uses = ((kind, datetime.combine(used, NOW.timetz())),) if used and act.record_id == by else ()
            yield replace(act, used=uses)
        lapsed = self.purchases == "yes, lapsed"
        at = datetime.combine(SAID["12 months ago" if lapsed else "a month ago"], NOW.timetz())
        yield from records_of("yes" if lapsed else self.purchases, PermissionKind.PURCHASES, at)


def records_of(word: str, kind: PermissionKind, first: datetime) -> Iterator[ConsentRecord]:
    """The acts that a row's word stands for, the first of them then."""
    method = {"yes, form": ConsentMethod.SIGNED_FORM, "yes, screen": ConsentMethod.COUNTER_SCREEN}.get(
        word, ConsentMethod.JOIN_PAGE
    )
    acts = [act for act in word.split(", ") if act in {"yes", "stop", "sale"}]
    for number, act in enumerate(acts):
        at = first + number * AFTER
        evidence = Evidence(method, at, at, "da")
        text = PermissionText(kind, 2, "Ja tak")
        yield ConsentRecord(
            new_record_id(at),
            evidence,
            given=(text,) if act == "yes" else (),
            withdrawn=(kind,) if act == "stop" else (),
            soft_opt_in=(kind,) if act == "sale" else (),
        )


USES = [(said, used) for said, used in product(SAID, USED) if used == "never" or SAID[used] >= SAID[said]]
"""When a yes was said and when it was last used, as far as the one can come after the other."""

COLUMNS = tuple(field.name for field in fields(Case))


def sections() -> Iterator[tuple[str, list[Case]]]:
    """The table's parts, each of which turns some of the wheels all the way round."""
    yield (
        "Who is written to, and what about",
        [Case(person, message, channel) for person, message, channel in product(PEOPLE, MessageClass, Channel)],
    )
    yield (
        "What was said, and how long ago",
        [Case(channel=channel, word=word, said=said) for word, channel, said in product(WORDS[:6], Channel, SAID)],
    )
    yield (
        "What was said, and when it was last used",
        [
            Case(channel=channel, word=word, said=said, last_use=used)
            for channel, (said, used) in product(Channel, USES)
            for word in ("yes", "yes, stop", "sale, yes")
        ],
    )
    yield (
        "What a use changes nothing of",
        [
            Case(word=word, said=said, last_use="a month ago", age=age, club="DK, sales count")
            for word, said, age in product(
                ("yes, stop", "yes, stop, yes", "sale", "sale, stop"),
                ("12 months ago", "3 years ago"),
                ("not told", "14"),
            )
        ],
    )
    yield (
        "An address that was got in a sale",
        [
            Case(word=word, said=said, club=club)
            for club, word, said in product(("DK", "DK, sales count"), WORDS[6:], SAID)
        ],
    )
    yield (
        "The e-mail address",
        [
            Case(message=message, channel=Channel.EMAIL, word=word, email=email)
            for message, word, email in product(MessageClass, ("none", "yes", "yes, stop"), ADDRESSES)
        ],
    )
    yield (
        "Age",
        [
            Case(chosen_by=purpose, purchases="yes", age=age, club=club)
            for club, purpose, age in product(("DK", "DK, asks birth date", "NO"), Purpose, BORN)
        ],
    )
    yield (
        "Age when it was said",
        [
            Case(word=word, said=said, age=age, club="DK, sales count")
            for word, said, age in product(
                ("yes", "yes, stop", "sale"), ("a month ago", "11 months ago", "3 years ago"), YOUNG
            )
        ],
    )
    yield (
        "The use of purchases",
        [
            Case(person, chosen_by=Purpose.PURCHASES, purchases=purchases, club=club)
            for club, person, purchases in product(CLUBS, ("member", "newsletter"), PURCHASE_WORDS)
            if club not in {"DK, sales count", "DK, asks birth date"}
        ],
    )
    yield (
        "Both are needed: the channel and the purchases",
        [
            Case(channel=channel, chosen_by=Purpose.PURCHASES, word=word, purchases=purchases, club=club)
            for club, channel, word, purchases in product(
                ("DK, weighs purchases", "NO"), Channel, ("none", "yes", "yes, stop"), ("none", "yes", "yes, stop")
            )
        ],
    )


def written() -> str:
    """The part of the page that is worked out."""
    parts = [HEADING, "", f"Everything is looked at on {TODAY:%-d %B %Y} at noon.", ""]
    number = 1
    for title, part in sections():
        turning = [name for name in COLUMNS if len({_cell(case, name) for case in part}) > 1]
        same = [f"{_title(name)} *{_cell(part[0], name)}*" for name in COLUMNS if name not in turning]
        names = ["no.", *map(_title, turning), "may", "why"]
        parts += [f"### {title}", "", f"In every row: {', '.join(same)}.", ""]
        parts += [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
        parts += [_row(each, case, turning) for each, case in enumerate(part, start=number)]
        parts.append("")
        number += len(part)
    return "\n".join(parts)


def _row(number: int, case: Case, turning: list[str]) -> str:
    verdict = case.verdict()
    told = [str(number), *(_cell(case, name) for name in turning)]
    told += ["**yes**" if verdict.may else "no", verdict.steps[-1].sentence("en")]
    return f"| {' | '.join(told)} |"


def _cell(case: Case, name: str) -> str:
    return str(getattr(case, name))


def _title(name: str) -> str:
    return name.replace("_", " ")


def cases() -> list[Case]:
    """All rows."""
    return [case for _, part in sections() for case in part]


def main(page: Path = PAGE) -> int:
    """Write the table anew, and leave what stands above it."""
    page.write_text(page.read_text().partition(HEADING)[0] + written())
    return 0


if __name__ == "__main__":
    sys.exit(main())
