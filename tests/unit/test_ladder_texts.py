"""The ladder's texts: what they cost in the long case, and the one way to stop in each that advertises."""

from __future__ import annotations

from datetime import date

import pytest

from stamkunde.messaging.default_texts import default_template, default_texts, named_values
from stamkunde.messaging.model import KINDS, Field, MessageClass, MessageKind
from stamkunde.messaging.parts import count_parts
from stamkunde.messaging.stop_line import link_stops_too, with_stop_line
from stamkunde.messaging.text import compose_sms, parse_template
from stamkunde.messaging.written import written_bonus, written_day, written_far_day
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.money import Money
from tests.unit.test_message_text import CLUBS, LINK

RUNGS = tuple(kind for kind, rules in KINDS.items() if rules.message_class is MessageClass.MARKETING)
TWO_LINKS = {MessageKind.LADDER_LAST, MessageKind.LADDER_LAST_BONUS}
"""To stay and to stop: one part has no room for both and for what is lost."""

WITH_SHORT = [
    (kind, language)
    for language in LANGUAGES
    for kind in (*RUNGS, MessageKind.LAST_NOTICE, MessageKind.LAST_NOTICE_BONUS)
    if default_texts(language)[kind].short and kind not in TWO_LINKS
]


def long_case(language: str) -> dict[str, str]:
    values = {
        Field.CLUB: CLUBS[language],
        Field.FIRST_NAME: "Christopher",
        Field.LINK: LINK,
        Field.STOP: LINK,
        Field.DATE: written_day(date(2026, 11, 30), language),
        Field.LAST_ACTIVE: written_far_day(date(2023, 11, 30), language),
        Field.BONUS: written_bonus(Money(123_450, "NOK" if language == "nb" else "DKK"), language),
    }
    return named_values(language, values)


def sent(kind: MessageKind, source: str, language: str) -> str:
    template = with_stop_line(kind, parse_template(source), language)
    return compose_sms(template, long_case(language)).text


@pytest.mark.parametrize(
    ("kind", "language", "parts"),
    [
        (MessageKind.LADDER_MISSED_YOU, "da", 2),
        (MessageKind.LADDER_MISSED_YOU, "nb", 2),
        (MessageKind.LADDER_MISSED_YOU, "en", 2),
        (MessageKind.LADDER_BONUS, "da", 5),
        (MessageKind.LADDER_BONUS, "nb", 5),
        (MessageKind.LADDER_BONUS, "en", 5),
        (MessageKind.LADDER_NO_BONUS, "da", 4),
        (MessageKind.LADDER_NO_BONUS, "nb", 4),
        (MessageKind.LADDER_NO_BONUS, "en", 4),
        (MessageKind.LADDER_LAST, "da", 3),
        (MessageKind.LADDER_LAST, "nb", 3),
        (MessageKind.LADDER_LAST_BONUS, "da", 3),
        (MessageKind.LADDER_LAST_BONUS, "nb", 3),
        (MessageKind.LAST_NOTICE, "da", 2),
        (MessageKind.LAST_NOTICE, "nb", 2),
        (MessageKind.LAST_NOTICE_BONUS, "da", 2),
        (MessageKind.LAST_NOTICE_BONUS, "nb", 2),
    ],
)
def test_each_rung_costs_its_parts_in_the_long_case(kind: MessageKind, language: str, parts: int) -> None:
    assert count_parts(sent(kind, default_texts(language)[kind].text, language)).parts == parts


@pytest.mark.parametrize(("kind", "language"), WITH_SHORT)
def test_the_short_version_of_a_rung_is_one_part(kind: MessageKind, language: str) -> None:
    short = default_texts(language)[kind].short
    assert short is not None
    assert count_parts(sent(kind, short, language)).parts == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", RUNGS)
def test_every_advertising_text_ends_in_one_way_to_stop(kind: MessageKind, language: str) -> None:
    line = sent(kind, default_texts(language)[kind].text, language).splitlines()[-1]
    assert line.endswith(f": {LINK}")
    assert sent(kind, default_texts(language)[kind].text, language).count(line) == 1


@pytest.mark.parametrize(
    ("words", "language"),
    [("Ret oplysninger/stop sms: {Link}", "da"), ("Rett her/stopp SMS: {Link}", "nb"), ("Stop texts: {Link}", "en")],
)
def test_a_link_that_says_it_is_both_needs_no_line_and_is_both(words: str, language: str) -> None:
    template = parse_template(words)
    assert with_stop_line(MessageKind.LADDER_BONUS, template, language) == template
    assert link_stops_too(MessageKind.LADDER_BONUS, template, language)


def test_a_text_with_its_own_way_to_stop_gets_no_other() -> None:
    template = parse_template("Kom forbi. Afmeld: {Stop}")
    assert with_stop_line(MessageKind.LADDER_BONUS, template, "da") == template


def test_the_link_that_keeps_a_member_is_never_the_one_to_stop_by() -> None:
    template = parse_template("Behold/stop sms: {Link}, ellers {Dato}")
    assert not link_stops_too(MessageKind.LADDER_LAST, template, "da")
    assert with_stop_line(MessageKind.LADDER_LAST, template, "da") != template


@pytest.mark.parametrize("kind", [kind for kind in MessageKind if kind not in RUNGS])
def test_what_advertises_nothing_gets_no_way_to_stop(kind: MessageKind) -> None:
    template = default_template(kind, "da")
    assert with_stop_line(kind, template, "da") == template
