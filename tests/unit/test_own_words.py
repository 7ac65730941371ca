"""What a club may say itself in what is sent by itself, and what that costs."""

from __future__ import annotations

from copy import replace
from typing import Any

import pytest

from infra.local.home import ROOT
from stamkunde.clubs.model import Club
from stamkunde.messaging.default_texts import default_texts
from stamkunde.messaging.model import KINDS, Field, MessageClass, MessageKind
from stamkunde.messaging.outbox import CODE_PLACE
from stamkunde.messaging.parts import Encoding
from stamkunde.messaging.preview import preview, sample_of
from stamkunde.messaging.prices import PART_PRICES, price_of
from stamkunde.messaging.words import EDITABLE, OwnWords, check_words, default_words
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.money import Money
from stamkunde.shared.programme import Unit
from tests.factories import THREE_PERCENT, make_club

WELCOME = "Velkommen hos {Klub}, {Fornavn}. Dit kort: {Link}"


def own(text: str = WELCOME, kind: MessageKind = MessageKind.WELCOME, **given: Any) -> OwnWords:
    return OwnWords(kind, given.pop("language", "da"), text, **given)


def refused(words: OwnWords) -> Refusal:
    with pytest.raises(Refusal) as raised:
        check_words(words)
    return raised.value


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(EDITABLE))
def test_our_own_words_may_be_said_by_every_club(kind: MessageKind, language: str) -> None:
    ours = default_texts(language)[kind]
    for text in filter(None, (ours.text, ours.short)):
        checked = check_words(OwnWords(kind, language, text, ours.subject))
        assert (checked.text, checked.subject) == (text, ours.subject)
    assert check_words(OwnWords(kind, language, ours.text, ours.subject)).words == default_words(kind, language)


def test_every_message_to_a_member_may_be_worded_by_the_shop() -> None:
    assert set(MessageKind) - EDITABLE == {MessageKind.TEST}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("{Klub} har tilbud i dag: {Link}", "»tilbud«"),
        ("{Klub}: {Link} Få 20 % i dag, og kom forbi!", "»%«, »kom forbi«, »!«"),
        ("{Klub} har 25 kr. til dig: {Link}", "»25 kr«"),
    ],
)
def test_a_service_message_that_advertises_is_refused_and_the_word_is_named(said: str, words: str) -> None:
    """R5."""
    refusal = refused(own(said))
    assert (refusal.code, refusal.pointer, refusal.values) == ("text_advertises", "/text", {"words": words})


def test_a_code_sells_no_more_than_a_service_message_does() -> None:
    ours = default_texts("da")[MessageKind.CODE].text
    refusal = refused(own(f"Halv pris i dag. {ours}", MessageKind.CODE))
    assert (refusal.code, refusal.values) == ("text_advertises", {"words": "»pris«"})


def test_the_subject_of_an_e_mail_is_held_to_the_same() -> None:
    ours = default_texts("da")[MessageKind.CONFIRM_EMAIL].text
    refusal = refused(own(ours, MessageKind.CONFIRM_EMAIL, subject="Tilbud fra {Klub}"))
    assert (refusal.code, refusal.pointer) == ("text_advertises", "/subject")
    refusal = refused(own(ours, MessageKind.CONFIRM_EMAIL, subject="Hej fra {Link}"))
    assert (refusal.code, refusal.pointer) == ("text_place_unknown", "/subject")


@pytest.mark.parametrize("place", ["{Klub}", "{Link}"])
def test_who_writes_and_what_it_leads_to_must_stay(place: str) -> None:
    refusal = refused(own(WELCOME.replace(place, "")))
    assert (refusal.code, refusal.values) == ("text_place_missing", {"place": place})


def test_a_first_name_may_go() -> None:
    assert check_words(own("Velkommen hos {Klub}: {Link}"))


@pytest.mark.parametrize("kind", [kind for kind in sorted(EDITABLE) if Field.DATE in KINDS[kind].fields])
def test_the_day_that_a_notice_names_must_stay(kind: MessageKind) -> None:
    ours = default_texts("da")[kind].text
    refusal = refused(own(ours.replace("{Dato}", "snart"), kind))
    assert (refusal.code, refusal.values) == ("text_place_missing", {"place": "{Dato}"})


@pytest.mark.parametrize("place", ["{Bonus}", "{FirstName}", "{Fornavn", "{}"])
def test_a_place_that_would_have_no_value_is_found_when_saving(place: str) -> None:
    refusal = refused(own(f"{WELCOME} {place}"))
    assert refusal.code == "text_place_unknown"
    assert refusal.values["known"] == "{Fornavn}, {Klub}, {Link}"


def test_a_code_ends_in_the_line_that_phones_read_whatever_a_shop_writes() -> None:
    ours = default_texts("da")[MessageKind.CODE].text
    assert check_words(own(f"Hej. {ours}", MessageKind.CODE))
    refusal = refused(own(f"{ours} Hilsen {{Klub}}", MessageKind.CODE))
    assert (refusal.code, refusal.values) == ("text_place_missing", {"place": "@{Domæne} #{Kode}"})


@pytest.mark.parametrize("typed", ["", " \n", "x" * 2_001])
def test_a_text_is_neither_empty_nor_endless(typed: str) -> None:
    refusal = refused(own(typed))
    assert (refusal.code, refusal.pointer) == ("invalid_field", "/text")


def test_an_e_mail_has_a_subject_and_a_text_message_has_none() -> None:
    ours = default_texts("da")[MessageKind.CONFIRM_EMAIL].text
    assert refused(own(ours, MessageKind.CONFIRM_EMAIL)).pointer == "/subject"
    assert refused(own(subject="Velkommen")).pointer == "/subject"
    checked = check_words(own(ours, MessageKind.CONFIRM_EMAIL, subject=" Hej\nfra {Klub} "))
    assert checked.subject == "Hej fra {Klub}"


def test_what_nobody_sees_is_left_out() -> None:
    typed = f"\x00 {WELCOME}{CODE_PLACE}\r\n"
    assert check_words(own(typed)).text == WELCOME


def test_a_preview_merges_the_clubs_name_a_long_first_name_and_the_link_of_its_length() -> None:
    sample = sample_of(make_club(name="Bager Holm"), "klub.example", "k.example")
    shown = preview(MessageKind.WELCOME, "da", own().words, sample)
    assert shown.text == "Velkommen hos Bager Holm, Christopher. Dit kort: k.example/xxxxxxxxxxxxxxxx"
    assert shown.count is not None
    assert (shown.count.parts, shown.count.encoding) == (1, Encoding.GSM_7)
    assert (shown.price, shown.costly) == (Money(48, "DKK"), ())


def test_a_preview_names_the_character_that_makes_it_dear() -> None:
    sample = sample_of(make_club(country="NO", currency="NOK"), "klub.example", "k.example")
    shown = preview(MessageKind.WELCOME, "da", own(f"{WELCOME} 😉").words, sample)
    assert shown.count is not None
    assert (shown.count.encoding, shown.count.parts, shown.price) == (Encoding.UCS_2, 2, Money(88, "NOK"))
    assert [each.name for each in shown.costly] == ["WINKING FACE"]


def test_an_e_mail_has_no_parts_and_no_price() -> None:
    sample = sample_of(make_club(), "klub.example", "k.example")
    words = default_words(MessageKind.CONFIRM_EMAIL, "da")
    shown = preview(MessageKind.CONFIRM_EMAIL, "da", words, sample)
    assert (shown.count, shown.price, shown.subject) == (None, None, "Bekræft din e-mail hos Bager Holm")


@pytest.mark.parametrize("unit", Unit)
def test_a_preview_tells_bonus_in_the_clubs_own_unit(unit: Unit) -> None:
    club: Club = make_club(programmes=(replace(THREE_PERCENT, unit=unit),))
    kind = MessageKind.ERASURE_REQUESTED_BONUS
    shown = preview(kind, "da", default_words(kind, "da"), sample_of(club, "klub.example", "k.example"))
    assert {Unit.MONEY: "1.234,50 kr.", Unit.POINTS: "12.345 point"}[unit] in shown.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sample_has_something_for_every_place(language: str) -> None:
    values = sample_of(make_club(), "klub.example", "k.example").values(language)
    assert values.keys() == set(Field)
    assert all(values.values())


def test_every_country_with_clubs_has_a_dated_price_in_its_own_currency_that_the_page_names() -> None:
    page = (ROOT / "docs" / "messages.md").read_text()
    assert {country: price.part.currency for country, price in PART_PRICES.items()} == {"DK": "DKK", "NO": "NOK"}
    for country, price in PART_PRICES.items():
        assert price.source.startswith("https://")
        words = f"{price.part.amount / 100:.2f} {price.part.currency}"
        assert f"| {country} | {words} | {price.reseller} | {price.read_on.isoformat()} |" in page
        assert price_of(3, country) == Money(3 * price.part.amount, price.part.currency)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_version_in_one_part_fits_one_part_and_says_what_the_long_one_must(language: str) -> None:
    """The long case: 20 letters of club, 11 of first name, a link of 25 characters."""
    names = {"da": "Bager Holm og Sønner", "nb": "Sykkelhuset på Løkka", "en": "Bager Holm og Sønner"}
    club = make_club(name=names[language])
    sample = sample_of(club, "klub.example", "k.sample")
    assert len(sample.link) == 25
    for kind, ours in default_texts(language).items():
        if ours.short is None:
            continue
        assert KINDS[kind].channel is Channel.SMS
        assert KINDS[kind].message_class is not MessageClass.CRITICAL
        short = check_words(OwnWords(kind, language, ours.short))
        shown = preview(kind, language, short.words, sample)
        long = preview(kind, language, default_words(kind, language), sample)
        assert shown.count is not None
        assert long.count is not None
        assert (shown.count.parts, shown.count.encoding) == (1, Encoding.GSM_7), shown.text
        assert long.count.parts > 1, kind
