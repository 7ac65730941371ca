"""What a service message may not say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stamkunde.messaging.lint import LintCode, LintFinding, lint
from stamkunde.messaging.model import MessageClass
from stamkunde.messaging.text import parse_template

SAMPLES: dict[str, list[str]] = json.loads(Path(__file__).with_name("sample_messages.json").read_text())


def codes(source: str) -> set[LintCode]:
    return {finding.code for finding in lint(MessageClass.SERVICE, parse_template(source))}


@pytest.mark.parametrize("source", SAMPLES["service"])
def test_honest_service_texts_pass(source: str) -> None:
    assert lint(MessageClass.SERVICE, parse_template(source)) == ()


@pytest.mark.parametrize("source", SAMPLES["marketing"])
def test_advertising_does_not_pass_as_service(source: str) -> None:
    assert codes(source) - {LintCode.EXCLAMATION_MARK}


@pytest.mark.parametrize(
    ("code", "sources"),
    [
        (
            LintCode.PRICE,
            ["Rugbrød 25 kr.", "Kun 1.234,50 kr", "DKK 25", "25,-", "€ 3", "{Beløb} kr.", "halv pris", "Medlemspris",
             "Prisene er satt ned", "2 for 1", "Prices are down", "{Bonus|25 kr.}"],
        ),
        (LintCode.PERCENT, ["20%", "20 %", "tyve procent", "prosenter", "20 pct.", "ten per cent", "20％"]),
        (
            LintCode.SELLING_WORD,
            ["Tilbud i dag", "medlemstilbuddet", "TILBUD", "Se vores rabatter", "rabatkode", "Udsalg",
             "Sommerens utsalg", "Spar på alt", "Gratis kaffe", "special offer", "sale", "Se nyhederne",
             "Se nyhetene", "Køb nu", "Kjøp nå", "Kun i dag", "kun\u00a0i dag", "Skynd dig", "Billigere brød",
             "{Navn|tilbud}", "til\u00adbud", "til\u200bbud"],
        ),
        (LintCode.OFFER_FIELD, ["{Kupon}", "{Kupong}", "{Coupon}", "{Tilbud}", "{Pris|0}", "{Rabatt}", "{Gave}"]),
        (
            LintCode.INVITATION,
            ["Kom forbi", "kom\nind", "Kom innom", "Kig ind", "Stikk innom", "Ta turen", "Vi ses", "Vi savner dig",
             "Besøg os", "Det er længe siden vi har set dig", "Det er lenge siden, vi har sett deg", "Come in",
             "We miss you"],
        ),
        (
            LintCode.PERMISSION_REQUEST,
            ["Ja tak til sms", "Ja takk til SMS", "Sig ja til tilbud", "Giv samtykke her", "Få vores nyhedsbrev",
             "Give us your permission"],
        ),
        (
            LintCode.STOP_LINE,
            ["Afmeld: {Stop}", "Avmeld: {Stopp}", "Se mere/stop sms: {Link}", "Se mer/stopp SMS: {Link}"],
        ),
        (LintCode.EXCLAMATION_MARK, ["Hej {Fornavn}!"]),
    ],
)  # fmt: skip
def test_each_rule_finds_its_own(code: LintCode, sources: list[str]) -> None:
    assert [source for source in sources if code not in codes(source)] == []


@pytest.mark.parametrize(
    "source",
    [
        "Du er tilbudt en plads på ventelisten",
        "Du har {Bonus} til gode",
        "Kan du ikke komme, så ring",
        "Sig ja senest {Frist}: {Link}",
        "Ret eller afmeld: {Link}",
        "Pladsen er din kl. 10 d. 17. maj",
        "Vi åbner kl. 8.00-16.00, Paris Allé 2",
        "Læs og godkend betingelserne",
    ],
)
def test_what_only_looks_like_selling_passes(source: str) -> None:
    assert codes(source) == set()


def test_advertising_may_sell_and_nothing_else_may() -> None:
    selling = parse_template("20 % rabat! {Tilbud}")
    held = {each for each in MessageClass if lint(each, selling)}
    assert held == set(MessageClass) - {MessageClass.MARKETING}


def test_every_finding_says_where() -> None:
    found = lint(MessageClass.SERVICE, parse_template("Spar 20 %: {Tilbud}. Kom forbi"))
    assert found == (
        LintFinding(LintCode.OFFER_FIELD, "Tilbud"),
        LintFinding(LintCode.PERCENT, "%"),
        LintFinding(LintCode.SELLING_WORD, "Spar"),
        LintFinding(LintCode.INVITATION, "Kom forbi"),
    )
