"""A campaign's words: what may be saved, and that what is shown is what is sent."""

from __future__ import annotations

from copy import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stamkunde.campaigns.model.composing import LONG_FIRST_NAME, Sample, compose
from stamkunde.campaigns.model.fields import FILLED_NAMES, MERGE_NAMES, MergeField, known_names
from stamkunde.campaigns.model.pricing import price_audience, price_of_sms
from stamkunde.campaigns.model.rendering import ClubValues, MemberValues, render_email, render_sms
from stamkunde.campaigns.model.texts import LONGEST_SMS, LONGEST_VALUE, CampaignText, check_text
from stamkunde.messaging.parts import BodyFault, count_parts
from stamkunde.messaging.text import make_plain
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.money import Money, Points

LINK = "k.dk/8xQ2aB3cD4"
CLUB = ClubValues("Bager Holm", "kl. 6.30-17.00", "example.dk/holm/terms", "example.dk/holm/join")
ANNA = MemberValues("Anna", Money(14_500, "DKK"), 7, LINK, LINK)
SOLD = "Hej {Fornavn}! Boller hos {Klub}. Bestil/stop sms: {Link}"


def sms(source: str, **filled: str) -> CampaignText:
    return check_text(CampaignText("da", source, filled=filled))


def said(source: str, member: MemberValues = ANNA, **filled: str) -> str:
    return render_sms(sms(source, **filled), CLUB, member).text


def test_everything_that_a_text_may_merge_has_a_value() -> None:
    for language in LANGUAGES:
        source = " ".join(f"{{{name}}}" for name in sorted(known_names(language)))
        filled = {name: f"<{name}>" for name in FILLED_NAMES[language]}
        text = check_text(CampaignText(language, source, subject="x", body=source, filled=filled))
        for written in (render_sms(text, CLUB, ANNA).text, render_email(text, CLUB, ANNA).body):
            for value in ("Bager Holm", "Anna", "7", LINK, "kl. 6.30-17.00", CLUB.terms_link, CLUB.form_link):
                assert value in written
            assert all(value in written for value in filled.values())


def test_every_field_has_a_name_in_every_language_and_none_has_two_meanings() -> None:
    for language in LANGUAGES:
        names = MERGE_NAMES[language]
        assert set(names) == set(MergeField)
        assert len(set(names.values())) == len(names)
        assert not set(names.values()) & FILLED_NAMES[language]


def test_a_member_reads_their_own_values_and_the_shops() -> None:
    text = "Hej {Fornavn}! {Bonus} til gode, {Stempler} af 10, {Åbent}. Senest {Frist}."
    assert said(text, Frist="5. maj") == "Hej Anna! 145 kr. til gode, 7 af 10, kl. 6.30-17.00. Senest 5. maj."


def test_a_value_that_ends_in_a_dot_takes_the_next_one_and_an_empty_one_leaves_no_gap() -> None:
    assert said("Du har {Bonus}. Kom!") == "Du har 145 kr. Kom!"
    assert said("Hej {Fornavn}!", MemberValues("")) == "Hej!"


def test_a_value_is_never_read_as_a_template() -> None:
    assert said("Hej {Fornavn}: {Frist}", MemberValues("{Link}", link=LINK), Frist="{Bonus}") == "Hej {Link}: {Bonus}"


@pytest.mark.parametrize("bonus", [None, Money(0, "DKK"), Points(0), Money(-500, "DKK")])
def test_whoever_has_no_bonus_reads_the_text_that_speaks_of_none(bonus: Money | Points | None) -> None:
    text = CampaignText(
        "da",
        "Du har {Bonus}",
        "Kaffen er klar",
        "Hej",
        "Du har {Bonus}\nAfmeld: {Stop}",
        "Kaffen er klar\nAfmeld: {Stop}",
    )
    without = replace(ANNA, bonus=bonus)
    assert render_sms(text, CLUB, without).text == "Kaffen er klar"
    assert "Kaffen er klar" in render_email(text, CLUB, without).body
    assert render_sms(text, CLUB, ANNA).text == "Du har 145 kr."
    assert render_sms(text, CLUB, replace(ANNA, bonus=Points(1_250))).text == "Du har 1.250 point"


def test_typographic_characters_are_made_plain_unless_the_shop_pays_for_them() -> None:
    text = sms("“Boller” – nu…")
    assert render_sms(text, CLUB, ANNA).text == '"Boller" - nu...'
    assert [each.written for each in render_sms(text, CLUB, ANNA).replaced] == ["“", "”", "–", "…"]
    dear = render_sms(replace(text, smart_characters=False), CLUB, ANNA)
    assert (dear.text, dear.replaced) == ("“Boller” – nu…", ())


def test_links_of_an_e_mail_can_be_followed_and_its_subject_is_one_line() -> None:
    text = check_text(CampaignText("da", subject="Nyt,\n {Fornavn}", body="Se {Link}\r\nAfmeld: {Stop}"))
    written = render_email(text, CLUB, ANNA)
    assert written.subject == "Nyt, Anna"
    assert written.body == f"Se https://{LINK}\nAfmeld: https://{LINK}"
    assert render_email(text, CLUB, MemberValues("Anna\r\nBcc: x")).subject == "Nyt, Anna Bcc: x"


def test_a_text_that_is_blank_or_too_long_with_a_members_values_is_not_sent() -> None:
    assert render_sms(sms("{Fornavn}"), CLUB, MemberValues(" ")).fault is BodyFault.BLANK
    long = sms("a" * 153 * 6 + "{Fornavn}")
    assert render_sms(long, CLUB, ANNA).fault is BodyFault.TOO_LONG
    assert render_sms(long, CLUB, MemberValues("")).fault is None
    empty = CampaignText("da", subject="Hej", body="{Fornavn}")
    assert render_email(empty, CLUB, MemberValues("")).fault is BodyFault.BLANK


def test_what_was_not_filled_in_is_never_sent_blank() -> None:
    with pytest.raises(KeyError, match="Frist"):
        said("Senest {Frist}")


def test_what_is_kept_is_trimmed_composed_and_without_what_nobody_sees() -> None:
    kept = check_text(
        CampaignText(
            "da", "  Bla\u030abær \x00{Frist}\r\nnu ", subject=" Et \n emne ", body=" x ", filled={"Frist": " nu "}
        )
    )
    assert (kept.sms, kept.subject, kept.body, kept.filled) == ("Blåbær {Frist}\nnu", "Et emne", "x", {"Frist": "nu"})
    assert check_text(kept) == kept
    assert msgspec.json.decode(msgspec.json.encode(kept), type=CampaignText) == kept


@pytest.mark.parametrize(
    ("text", "code", "pointer"),
    [
        (CampaignText("sv", "Hej"), "invalid_field", "/language"),
        (CampaignText("da"), "invalid_field", "/sms"),
        (CampaignText("da", " \n "), "invalid_field", "/sms"),
        (CampaignText("da", "a" * (LONGEST_SMS + 1)), "invalid_field", "/sms"),
        (CampaignText("da", body="Hej"), "invalid_field", "/subject"),
        (CampaignText("da", sms_without_bonus="Hej", subject="Hej", body="Hej"), "invalid_field", "/sms"),
        (CampaignText("da", "Hej", body_without_bonus="Hej"), "invalid_field", "/body"),
        (CampaignText("da", "Hej", subject="Hej"), "invalid_field", "/body"),
        (CampaignText("da", "Hej {Navn}"), "text_place_unknown", "/sms"),
        (CampaignText("da", "Hej {Fornavn"), "text_place_unknown", "/sms"),
        (CampaignText("da", "Hej", "Hej {Stopp}"), "text_place_unknown", "/sms_without_bonus"),
        (CampaignText("nb", subject="{Gæst}", body="x"), "text_place_unknown", "/subject"),
        (CampaignText("da", subject="x", body="{Vilkår}"), "text_place_unknown", "/body"),
        (CampaignText("da", "Hej", filled={"Klub": "Andre"}), "text_place_unknown", "/filled"),
        (CampaignText("da", "{Frist}", filled={"Frist": "a" * (LONGEST_VALUE + 1)}), "invalid_field", "/filled"),
    ],
)
def test_what_could_not_be_sent_is_not_saved(text: CampaignText, code: str, pointer: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_text(text)
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


def test_what_is_still_to_be_filled_in_is_known_in_the_order_of_the_text() -> None:
    text = CampaignText(
        "da", "{Frist} {Pris}", subject="{Gave}", body="{Pris} {Tid}", filled={"Pris": "25 kr.", "Tid": " "}
    )
    assert text.unfilled == ("Frist", "Gave", "Tid")
    whole = text.filled_with({"Frist": "nu", "Gave": "kage", "Tid": "9", "Pris": "99 kr.", "Dag": "i dag"})
    assert whole.unfilled == ()
    assert whole.filled == {"Pris": "25 kr.", "Tid": "9", "Frist": "nu", "Gave": "kage"}


WORDS = st.text(st.sampled_from("abcæøåÆØÅ .,!?%&€[]~\n’“–…ëçšł°½😱👻🎃🕷️🧙‍♀️é"), max_size=120).map(
    lambda words: words.replace("{", "")
)
PLACES = st.sampled_from([f"{{{name}}}" for name in sorted(known_names("da"))])
SOURCES = (
    st.lists(st.one_of(WORDS, PLACES, st.just("{{"), st.just("{Fornavn|ven}")), min_size=1, max_size=8)
    .map("".join)
    .filter(lambda source: source.strip())
)
NAMES = st.text(st.sampled_from("abcdeëçšłøå -'.{}|😱"), max_size=24)
BONUSES = st.one_of(
    st.none(),
    st.integers(-100, 1_000_000).map(lambda amount: Money(amount, "DKK")),
    st.integers(0, 1_000_000).map(Points),
)
MEMBERS = st.builds(MemberValues, NAMES, BONUSES, st.integers(0, 12), st.just(LINK), st.just(LINK))
FILLED = st.fixed_dictionaries({name: NAMES.filter(str.strip) for name in sorted(FILLED_NAMES["da"])})
TEXTS = st.builds(
    lambda source, other, filled, smart: CampaignText(
        "da", source, other, "Emne", source, filled=filled, smart_characters=smart
    ),
    SOURCES,
    st.one_of(st.just(""), SOURCES),
    FILLED,
    st.booleans(),
)


@settings(max_examples=500)
@given(TEXTS, st.lists(MEMBERS, min_size=1, max_size=5))
def test_a_preview_is_what_is_sent_and_charged_of_any_text_to_any_members(
    drafted: CampaignText, members: list[MemberValues]
) -> None:
    text = check_text(drafted)
    # It is kept and read again between the preview and the sending.
    kept = msgspec.json.decode(msgspec.json.encode(text), type=CampaignText)
    shown = [render_sms(text, CLUB, member) for member in members]
    sent = [render_sms(kept, CLUB, member) for member in members]
    assert sent == shown
    assert [render_email(kept, CLUB, member) for member in members] == [
        render_email(text, CLUB, member) for member in members
    ]
    previewed = price_audience(((each, "DK") for each in shown), "DK")
    charged = [count_parts(each.text) for each in sent if each.fault is None]
    assert previewed.parts == sum(count.parts for count in charged)
    assert previewed.price == price_of_sms(previewed.parts, "DK", "DK").money
    assert previewed.members + previewed.unsendable == len(members)
    for each in sent:
        assert each.count == count_parts(each.text)
        assert not kept.smart_characters or make_plain(each.text).text == each.text


@settings(max_examples=200)
@given(TEXTS)
def test_what_a_composer_shows_is_what_is_sent_to_that_member(drafted: CampaignText) -> None:
    text = check_text(drafted)
    sample = Sample(CLUB, "DK", Money(0, "DKK"), LINK, LINK)
    composed = compose(text, sample)
    assert composed.sms is not None
    assert composed.sms.long == render_sms(text, CLUB, sample.longest())
    assert composed.sms.short == render_sms(text, CLUB, sample.shortest())
    assert composed.email == render_email(text, CLUB, sample.longest())
    members = [
        sample.longest(),
        sample.shortest(),
        *(replace(sample.longest(), first_name=name, bonus=None) for name in (LONG_FIRST_NAME, "")),
        replace(sample.longest(), first_name=""),
    ]
    dearest = max(render_sms(text, CLUB, member).count.parts for member in members)
    assert composed.sms.price == price_of_sms(dearest, "DK", "DK").money
