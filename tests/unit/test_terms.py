"""What a club's terms must say, and what follows from its settings."""

from __future__ import annotations

from copy import replace
from datetime import date, timedelta
from typing import Any

import pytest

from stamkunde.clubs.form_code import PrintedForm, form_code, read_form_code
from stamkunde.clubs.model import CAREFUL_POLICY, Club, PurchaseUse, Question, TermsVersion
from stamkunde.clubs.terms import (
    FIGURES_FROM_SETTINGS,
    NOTICE_OF_WORSE_TERMS,
    NewTerms,
    TermsPoint,
    TermsSettings,
    check_promises,
    duration_text,
    first_form,
    heading,
    next_terms,
    read_form,
)
from stamkunde.clubs.terms_changes import Change, changes
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.programme import Unit
from stamkunde.shared.terms import NOT_ACCEPTED
from tests.factories import LONG_AGO, NOON, THREE_PERCENT, make_club

TODAY = date(2026, 11, 21)
SETTINGS = TermsSettings(THREE_PERCENT, CAREFUL_POLICY)
CLUB = make_club(terms=(TermsVersion(1, "da", "Betingelser", LONG_AGO),))


def made(club: Club = CLUB, settings: TermsSettings = SETTINGS, **given: Any) -> TermsVersion:
    """The version that our own suggestions make."""
    wish = NewTerms(**({"form": first_form(club, LANGUAGES)} | given))
    return next_terms(club, wish, settings, NOON, TODAY)


def after(terms: TermsVersion) -> Club:
    return replace(CLUB, terms=(*CLUB.terms, terms))


def refused(action: Any) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as caught:
        action()
    return caught.value.code, caught.value.pointer


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_suggestions_are_whole_terms_in_every_language(language: str) -> None:
    terms = made()
    headings = [block.heading for block in terms.blocks_in(language) if block.heading]
    assert headings == [heading(point, language) for point in TermsPoint]
    assert "{" not in terms.text_in(language)
    assert terms.language_for(language) == language


def test_terms_say_what_the_settings_say() -> None:
    terms = made()
    for figure in ("Du får 3 % i bonus", "i den måned, der ligger 3 år efter købet", "i 3 år, sletter vi dem"):
        assert figure in terms.text
    for person in ("Bager Holm ApS", "12345678", "hej@bagerholm.example", "Datatilsynet", "brød og kager"):
        assert person in terms.text
    assert (terms.rate, terms.bonus_expiry_months, terms.inactive_months) == (300, 36, 36)
    assert terms.valid_from == TODAY


def test_terms_name_every_detail_that_the_club_asks_for_and_no_other() -> None:
    plain = made()
    asking = replace(
        CAREFUL_POLICY,
        asks_birth_date=True,
        asks_outlet=True,
        questions=(Question("cykel", "Hvilken cykel?", ("MTB",)),),
        soft_opt_in=True,
        purchase_use=PurchaseUse.BALANCING_TEST,
        balancing_test="Vi er en lille butik.",
    )
    more = made(settings=replace(SETTINGS, policy=asking))
    for words in ("fødselsdato", "hvilken af vores butikker", "hvad du gerne vil høre om", "ikke sagt nej, da vi"):
        assert words in more.text
        assert words not in plain.text
    assert "Vores grund: Vi er en lille butik." in more.text
    assert "kun det, du køber, til at vælge tilbud til dig, hvis du har sagt ja" in plain.text


def test_a_club_that_counts_points_or_gives_no_bonus_says_so() -> None:
    points = replace(THREE_PERCENT, unit=Unit.POINTS, rate=100, point_value=10)
    assert (
        "100 point pr. 100 kr. (1 point er 0,10 kr. værd)" in made(settings=replace(SETTINGS, programme=points)).text
    )
    nothing = replace(SETTINGS, programme=replace(THREE_PERCENT, rate=0))
    assert "giver ikke bonus på alle køb" in made(settings=nothing).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("point", TermsPoint)
def test_terms_with_an_empty_point_are_not_published(point: TermsPoint, language: str) -> None:
    form = first_form(CLUB, LANGUAGES)
    emptied = replace(form, words={**form.words, language: {**form.words[language], point: ""}})
    said_by_settings = {
        TermsPoint.CONTACT,
        TermsPoint.KEEPING,
        TermsPoint.BONUS,
        TermsPoint.EXPIRY,
        TermsPoint.CHOOSING,
        TermsPoint.COMPLAINT,
    }
    if point in said_by_settings:
        assert heading(point, language) in made(form=emptied).text_in(language)
    else:
        assert refused(lambda: made(form=emptied)) == ("terms_point_empty", f"/{language}/{point}")


def test_a_club_that_has_not_said_who_it_is_publishes_no_terms() -> None:
    club = replace(CLUB, join_page=None)
    assert refused(lambda: made(club)) == ("terms_point_empty", "/da/contact")


@pytest.mark.parametrize("point", sorted(FIGURES_FROM_SETTINGS))
def test_own_words_name_no_figure_that_the_settings_say(point: TermsPoint) -> None:
    words = first_form(CLUB, ["da"]).document()["da"]
    said = {"da": words | {point.value: "Altid 5 %."}}
    assert refused(lambda: read_form(said, "da")) == ("figures_from_settings", f"/da/{point}")


def test_what_we_suggest_is_taken_as_it_is_printed() -> None:
    form = first_form(CLUB, LANGUAGES)
    assert read_form(form.document(), "da").document() == form.document()


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/da"),
        ({"en": {}}, "/da"),
        ({"da": {}, "sv": {}}, "/sv"),
        ({"da": "Betingelser"}, "/da"),
        ({"da": {"price": "x"}}, "/da/price"),
        ({"da": {"data": 3}}, "/da/data"),
        ({"da": {"data": "x" * 1_501}}, "/da/data"),
        ({"da": {"data": "x\x00"}}, "/da/data"),
    ],
)
def test_a_form_that_is_none_is_refused_with_its_place(document: dict[str, Any], pointer: str) -> None:
    assert refused(lambda: read_form(document, "da")) == ("invalid_field", pointer)


def test_line_breaks_in_own_words_make_no_new_point() -> None:
    words = first_form(CLUB, ["da"]).document()["da"] | {"benefits": "Kaffe.\n\nOg kage."}
    terms = made(form=read_form({"da": words}, "da"))
    assert "Kaffe. Og kage." in terms.text
    assert len(terms.blocks_in("da")) == len(TermsPoint) + 1


@pytest.mark.parametrize(
    ("settings", "worse"),
    [
        (SETTINGS, False),
        (replace(SETTINGS, programme=replace(THREE_PERCENT, rate=400)), False),
        (replace(SETTINGS, programme=replace(THREE_PERCENT, rate=299)), True),
        (replace(SETTINGS, programme=replace(THREE_PERCENT, expiry_months=35)), True),
        (replace(SETTINGS, programme=replace(THREE_PERCENT, expiry_months=48)), False),
        (replace(SETTINGS, policy=replace(CAREFUL_POLICY, inactive_months=24)), True),
        (replace(SETTINGS, policy=replace(CAREFUL_POLICY, inactive_months=60)), False),
    ],
)
def test_less_bonus_and_shorter_times_are_worse(settings: TermsSettings, worse: bool) -> None:
    first = made()
    form = first_form(CLUB, ["da"])
    second = made(after(first), settings, form=form)
    assert second.is_worse_than(first) is worse
    assert second.valid_from == TODAY + (NOTICE_OF_WORSE_TERMS if worse else timedelta())
    assert replace(CLUB, terms=(*CLUB.terms, first, second)).terms_due(2) == (second if worse else None)


def test_terms_that_are_worse_hold_after_a_months_notice_and_others_at_once() -> None:
    soon = TODAY + NOTICE_OF_WORSE_TERMS - timedelta(days=1)
    club = after(made())
    form = first_form(CLUB, ["da"])
    assert refused(lambda: made(club, form=form, valid_from=soon, said_worse=True)) == (
        "notice_too_short",
        "/valid_from",
    )
    assert made(club, form=form, valid_from=soon).valid_from == soon
    yesterday = TODAY - timedelta(days=1)
    assert refused(lambda: made(club, form=form, valid_from=yesterday))[0] == "notice_too_short"


def test_the_same_terms_again_are_no_new_version() -> None:
    assert refused(lambda: made(after(made())))[0] == "terms_unchanged"


def test_a_worse_version_asks_again_and_one_that_is_not_worse_for_them_does_not() -> None:
    first, *_ = CLUB.terms
    generous = replace(first, version=2, rate=500, texts={"da": "2"})
    meagre = replace(first, version=3, rate=200, texts={"da": "3"})
    generous_again = replace(first, version=4, rate=500, texts={"da": "4"})
    assert replace(CLUB, terms=(first, generous, meagre)).terms_due(2) == meagre
    assert replace(CLUB, terms=(first, generous, meagre, generous_again)).terms_due(2) is None
    assert replace(CLUB, terms=(first, generous, meagre, generous_again)).terms_due(3) is None


def test_what_the_club_itself_calls_worse_asks_everybody_who_has_not_accepted_it() -> None:
    first, *_ = CLUB.terms
    fewer_benefits = replace(first, version=2, said_worse=True)
    reworded = replace(first, version=3)
    club = replace(CLUB, terms=(first, fewer_benefits, reworded))
    assert [club.terms_due(accepted) for accepted in (1, 2, 3)] == [reworded, None, None]


def test_somebody_who_accepted_none_is_asked_for_the_newest() -> None:
    assert after(made()).terms_due(NOT_ACCEPTED) == made()


def test_settings_keep_what_the_terms_promise() -> None:
    terms = made()
    check_promises(terms, replace(THREE_PERCENT, rate=301), replace(CAREFUL_POLICY, inactive_months=48))
    assert refused(lambda: check_promises(terms, replace(THREE_PERCENT, rate=299)))[0] == "rate_not_in_terms"
    shorter = replace(CAREFUL_POLICY, inactive_months=35)
    assert refused(lambda: check_promises(terms, None, shorter))[0] == "keeping_not_in_terms"
    unsaid = CLUB.terms[0]
    check_promises(unsaid, replace(THREE_PERCENT, rate=0), shorter)


@pytest.mark.parametrize(
    ("months", "words"),
    [
        (1, ["1 måned", "1 måned", "1 month"]),
        (18, ["18 måneder"] * 2 + ["18 months"]),
        (36, ["3 år"] * 2 + ["3 years"]),
    ],
)
def test_whole_years_are_said_as_years(months: int, words: list[str]) -> None:
    assert [duration_text(months, language) for language in LANGUAGES] == words
    assert duration_text(12, "en") == "1 year"


def test_a_reader_of_a_language_without_a_text_reads_the_clubs_own_and_that_is_what_is_kept() -> None:
    danish = made(form=first_form(CLUB, ["da"]))
    assert danish.text_in("en") == danish.text == danish.text_in("da")
    assert danish.language_for("en") == "da"
    assert danish.text_hash_in("en") == danish.text_hash
    both = made()
    assert both.text_hash_in("en") != both.text_hash == both.text_hash_in("da")


def test_what_is_new_is_told_sentence_by_sentence_under_its_heading() -> None:
    older = made()
    form = first_form(CLUB, LANGUAGES)
    words = {**form.words["da"], TermsPoint.BENEFITS: "Du får bonus af det, du køber. Og kaffe."}
    newer = made(
        after(older),
        replace(SETTINGS, programme=replace(THREE_PERCENT, rate=400)),
        form=replace(form, words={**form.words, "da": words}),
    )
    told = {
        block.heading: [(each.change, each.words) for each in block.sentences]
        for block in changes(older, newer, "da")
    }
    assert told == {
        "Hvad du får som medlem": [
            (
                Change.GONE,
                "Du får bonus af det, du køber, og kuponer og stempelkort, når vi har dem.",
            ),
            (Change.GONE, "Det koster ingenting at være medlem."),
            (Change.NEW, "Du får bonus af det, du køber."),
            (Change.NEW, "Og kaffe."),
        ],
        "Hvor meget bonus du får": [
            (Change.GONE, "Du får 3 % i bonus af det, du køber."),
            (Change.NEW, "Du får 4 % i bonus af det, du køber."),
        ],
    }
    assert [block.heading for block in changes(older, newer, "en")] == ["How much bonus you get"]


def test_of_older_terms_the_whole_text_is_compared_and_nothing_is_lost() -> None:
    older = TermsVersion(1, "da", "Du får bonus. Vi gemmer dit nummer.\n\nKontakt: os.", LONG_AGO)
    newer = TermsVersion(2, "da", "Du får bonus.\n\nKontakt: os. Og kaffe.", LONG_AGO)
    (block,) = changes(older, newer, "en")
    assert [f"{each.change} {each.words}" for each in block.sentences] == [
        "kept Du får bonus.",
        "gone Vi gemmer dit nummer.",
        "kept Kontakt: os.",
        "new Og kaffe.",
    ]
    assert changes(older, older, "da") == ()


def test_abbreviations_and_figures_end_no_sentence() -> None:
    older = TermsVersion(1, "da", "Artikel 6, stk. 1, litra b. CVR-nr. 12345678. Slut.", LONG_AGO)
    newer = TermsVersion(2, "da", "Nyt.", LONG_AGO)
    (block,) = changes(older, newer, "da")
    gone = [each.words for each in block.sentences if each.change is Change.GONE]
    assert gone == ["Artikel 6, stk. 1, litra b.", "CVR-nr. 12345678.", "Slut."]


def test_a_form_code_names_club_version_and_language_and_is_read_however_it_is_typed() -> None:
    club = after(made())
    for form in (PrintedForm(club.terms[0], "da"), PrintedForm(club.terms[1], "en")):
        code = form_code(club, form)
        assert code.startswith(f"BAGER-HOLM-{form.terms.version}-{form.language.upper()}-")
        assert read_form_code(club, f"  {code.lower()} ") == form


@pytest.mark.parametrize("typed", ["", "BAGER-HOLM", "{}x", "x{}", "ANDEN-{}"])
def test_a_code_that_is_no_form_of_the_club_is_refused(typed: str) -> None:
    code = typed.format(form_code(CLUB, PrintedForm(CLUB.terms[0], "da")))
    assert refused(lambda: read_form_code(CLUB, code)) == ("form_code_unknown", "/form_code")


def test_a_code_of_another_version_language_or_club_is_none_of_this_form() -> None:
    club = after(made())
    code = form_code(club, PrintedForm(club.terms[1], "da"))
    for other in (
        code.replace("-2-", "-1-"),
        code.replace("-DA-", "-EN-"),
        code[:-1] + ("0" if code[-1] != "0" else "1"),
    ):
        assert refused(lambda typed=other: read_form_code(club, typed))[0] == "form_code_unknown"
    stranger = replace(club, club_id="c0000000000000009")
    assert refused(lambda: read_form_code(stranger, code))[0] == "form_code_unknown"


def test_a_shorter_keeping_holds_no_sooner_than_the_terms_that_say_so() -> None:
    first_day, today = date(2026, 12, 21), date(2026, 11, 21)
    before = TermsVersion(1, "da", "Betingelser", LONG_AGO, inactive_months=36)
    shorter = replace(before, version=2, published_at=NOON, inactive_months=24, valid_from=first_day)
    club = make_club(terms=(before, shorter), member_policy=replace(CAREFUL_POLICY, inactive_months=24))
    assert club.keeping_months(today) == 36
    assert club.keeping_months(first_day - timedelta(days=1)) == 36
    assert club.keeping_months(first_day) == 24


def test_a_longer_keeping_holds_at_once() -> None:
    terms = (TermsVersion(1, "da", "Betingelser", LONG_AGO, inactive_months=24),)
    club = make_club(terms=terms, member_policy=replace(CAREFUL_POLICY, inactive_months=48))
    assert club.keeping_months(date(2026, 11, 21)) == 48
