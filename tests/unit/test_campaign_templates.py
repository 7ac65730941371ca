"""The templates as they stand in the table: letter by letter by their counts, and what the law still asks of each."""

from __future__ import annotations

import string
from datetime import time, timedelta

import pytest

from stamkunde.campaigns.model.composing import Sample, compose
from stamkunde.campaigns.model.law import LawCode, questions
from stamkunde.campaigns.model.law_checks import check_law
from stamkunde.campaigns.model.rendering import ClubValues, MemberValues, render_email, render_sms
from stamkunde.campaigns.model.templates import TEMPLATES, End, TemplateKey, email_body
from stamkunde.campaigns.model.texts import check_text
from stamkunde.campaigns.ready_made import drafts, ready_made, template_words
from stamkunde.clubs.model import COUNTRIES
from stamkunde.messaging.parts import Encoding
from stamkunde.messaging.text import parse_template
from stamkunde.shared.money import Money

CLUBS = {"da": ("DK", "Bager Holm og Sønner"), "nb": ("NO", "Sykkelhuset på Løkka")}
LINK = "k.example.dk/Ab3dE5fG7hJ9"
LINK_LENGTH = 25
MUCH = 123_450

UNITS = {
    TemplateKey.CARNIVAL: (157, 160),
    TemplateKey.LEFTOVERS: (148, 150),
    TemplateKey.TENTH_FREE: (149, 151),
    TemplateKey.BLACK_FRIDAY_TEASER: (156, 155),
    TemplateKey.BLACK_FRIDAY_OPENING: (159, 159),
    TemplateKey.BLACK_FRIDAY_DOUBLE: (144, 142),
    TemplateKey.HALLOWEEN: (128, 131),
    TemplateKey.HALLOWEEN_PLAIN: (123, 126),
    TemplateKey.SPRING_SERVICE: (150, 154),
    TemplateKey.AUTUMN_SERVICE: (160, 157),
    TemplateKey.EVENT: (159, 159),
    TemplateKey.BIRTHDAY: (146, 156),
    TemplateKey.MISSED: (151, 151),
    TemplateKey.MISSED_NO_BONUS: (143, 141),
    TemplateKey.OPENING_HOURS: (147, 140),
    TemplateKey.MEMBERS_EVENING: (159, 159),
    TemplateKey.SPRING_DAY: (160, 148),
    TemplateKey.TYRE_TIP: (138, 138),
}
"""What each takes in Danish and in Norwegian with long values."""

EACH = pytest.mark.parametrize(
    ("key", "language", "units"),
    [(key, language, UNITS[key][index]) for key in TemplateKey for index, language in enumerate(CLUBS)],
)
EACH_TEMPLATE = pytest.mark.parametrize("key", TemplateKey)
EACH_LANGUAGE = pytest.mark.parametrize("language", CLUBS)


def long_case(language: str) -> tuple[ClubValues, MemberValues]:
    country, club = CLUBS[language]
    assert (len(club), len(LINK)) == (20, LINK_LENGTH)
    bonus = Money(MUCH, COUNTRIES[country].currency)
    return ClubValues(club), MemberValues("Christopher", bonus, 7, LINK, LINK)


@EACH
def test_each_template_takes_what_was_counted_for_it(key: TemplateKey, language: str, units: int) -> None:
    text = ready_made(key, language).filled_with(template_words(language)[key].examples)
    rendered = render_sms(text, *long_case(language))
    emoji = key is TemplateKey.HALLOWEEN
    assert rendered.count.units == units
    assert rendered.count.parts == (2 if emoji else 1)
    assert rendered.count.encoding is (Encoding.UCS_2 if emoji else Encoding.GSM_7)
    assert rendered.replaced == ()
    assert rendered.fault is None


@EACH_LANGUAGE
def test_every_template_exists_in_both_languages_and_has_an_example_for_all_that_is_filled_in(language: str) -> None:
    words = template_words(language)
    assert set(words) == set(TemplateKey) == set(TEMPLATES)
    for key, each in words.items():
        text = ready_made(key, language)
        assert check_text(text) == text
        assert set(text.unfilled) == set(each.examples), key
        assert all((each.name, each.when, each.whom))


@EACH_LANGUAGE
def test_no_template_is_short_of_anything_but_what_the_shop_fills_in(language: str) -> None:
    country, club = CLUBS[language]
    bonus = Money(0, COUNTRIES[country].currency)
    sample = Sample(ClubValues(club), country, bonus, LINK, LINK)
    for key, draft in drafts(language).items():
        codes = {finding.code.value for finding in compose(draft, sample).findings}
        allowed = {"value_missing"} | ({"stamps_of_nothing"} if key is TemplateKey.TENTH_FREE else set())
        assert codes <= allowed, key


ASKED = {
    TemplateKey.CARNIVAL: {LawCode.ORDER_UNCLEAR},
    TemplateKey.TENTH_FREE: {LawCode.CONDITIONS_UNSAID, LawCode.FREE_UNPROVEN},
    TemplateKey.BLACK_FRIDAY_TEASER: {LawCode.MEMBERS_ONLY_UNPROVEN},
    TemplateKey.BLACK_FRIDAY_OPENING: {
        LawCode.CONDITIONS_UNSAID, LawCode.MEMBERS_ONLY_UNPROVEN, LawCode.STOCK_UNKNOWN,
    },
    TemplateKey.SPRING_SERVICE: {LawCode.STOCK_UNKNOWN},
    TemplateKey.AUTUMN_SERVICE: {LawCode.STOCK_UNKNOWN},
    TemplateKey.EVENT: {LawCode.CONDITIONS_UNSAID, LawCode.FREE_UNPROVEN},
    TemplateKey.BIRTHDAY: {LawCode.CONDITIONS_UNSAID},
    TemplateKey.SPRING_DAY: {LawCode.ORDER_UNCLEAR},
}  # fmt: skip


@EACH_TEMPLATE
@EACH_LANGUAGE
def test_no_template_is_refused_and_each_asks_what_the_law_wants_to_know(language: str, key: TemplateKey) -> None:
    country, club = CLUBS[language]
    text = ready_made(key, language)
    findings = check_law(text, country=country, club_name=club, answers=TEMPLATES[key].answers)
    assert all(finding.is_question for finding in findings)
    assert set(questions(findings)) == ASKED.get(key, set())


@pytest.mark.parametrize("key", [TemplateKey.HALLOWEEN, TemplateKey.HALLOWEEN_PLAIN])
@EACH_LANGUAGE
def test_halloween_is_on_another_weekday_each_year_and_the_shop_says_which(language: str, key: TemplateKey) -> None:
    text = ready_made(key, language)
    assert "Dag" in text.unfilled
    assert "{Dag}" in text.subject
    assert not any("Fredag" in source for source in text.sources)


@EACH_TEMPLATE
@EACH_LANGUAGE
def test_no_template_names_alcohol_which_norway_forbids_in_advertising(language: str, key: TemplateKey) -> None:
    text = ready_made(key, language).filled_with(template_words(language)[key].examples)
    codes = {finding.code for finding in check_law(text, country="NO", club_name=CLUBS[language][1])}
    assert LawCode.ALCOHOL not in codes


def test_members_without_bonus_get_the_words_that_speak_of_none() -> None:
    text = ready_made(TemplateKey.MISSED, "da")
    club, member = long_case("da")
    assert "1.234,50 kr. til gode" in render_sms(text, club, member).text
    none = MemberValues("Bo", Money(0, "DKK"), 0, LINK, LINK)
    assert "til gode" not in render_sms(text, club, none).text
    assert "kaffen er på kanden" in render_sms(text, club, none).text
    assert "kaffen er på kanden" in render_email(text, club, none).body


def test_as_an_e_mail_a_link_that_is_both_becomes_two() -> None:
    words = "Hej {Fornavn}! Bestil boller hos {Klub}. Bestil/stop sms: {Link}"
    assert email_body(words, "da") == ("Hej {Fornavn}! Bestil boller hos {Klub}.\n\nBestil: {Link}\n\nAfmeld: {Stop}")
    assert email_body("God jul!\nAvmeld: {Stopp}", "nb") == "God jul!\n\nAvmeld: {Stopp}"


@EACH_TEMPLATE
@EACH_LANGUAGE
def test_every_template_has_one_way_to_stop_its_e_mail_and_no_word_of_sms(language: str, key: TemplateKey) -> None:
    text = ready_made(key, language)
    stop = {"da": "Stop", "nb": "Stopp"}[language]
    assert sum(1 for piece in parse_template(text.body).pieces if getattr(piece, "name", "") == stop) == 1
    assert "sms" not in text.body.casefold()


def test_what_follows_from_purchases_is_marked_and_what_ends_ends() -> None:
    uses = {key for key, rules in TEMPLATES.items() if rules.uses_purchases}
    assert uses == {
        TemplateKey.TENTH_FREE, TemplateKey.MISSED, TemplateKey.MISSED_NO_BONUS, TemplateKey.MEMBERS_EVENING,
    }  # fmt: skip
    assert TEMPLATES[TemplateKey.BIRTHDAY].ends is End.DAY
    assert TEMPLATES[TemplateKey.BIRTHDAY].when["DK"].at == time(9)
    leftovers = TEMPLATES[TemplateKey.LEFTOVERS]
    assert (leftovers.ends, leftovers.lateness) == (End.CLOSING, timedelta(minutes=20))


@EACH_LANGUAGE
def test_what_a_template_is_told_with_merges_nothing(language: str) -> None:
    for each in template_words(language).values():
        for said in (each.name, each.when, each.whom):
            assert not [name for _, name, _, _ in string.Formatter().parse(said) if name]
