"""What a composer shows: parts and price, what makes a text dear and what it would be without, what is missing."""

from __future__ import annotations

import string
from copy import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.campaigns.composer_texts import CATALOGUE, draft_said, emoji_group_name
from stamkunde.campaigns.model.composing import (
    Composed,
    DraftCode,
    DraftFinding,
    Sample,
    compose,
    room_in,
)
from stamkunde.campaigns.model.costly import (
    all_swapped,
    plain_for,
    price_of_emoji,
    swapped,
    swaps,
    without_any_emoji,
)
from stamkunde.campaigns.model.emoji import GROUPS, emoji_in, picker, without_emoji
from stamkunde.campaigns.model.law import Answers
from stamkunde.campaigns.model.pricing import costly_pieces, price_audience, price_of_sms
from stamkunde.campaigns.model.rendering import ClubValues, MemberValues, render_sms
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.messaging.parts import BASIC_ALPHABET, Encoding, count_parts
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.money import Money, Points

LINK = "k.example.dk/Ab3dE5fG7hJ9"
CLUB = ClubValues("Bager Holm og Sønner", terms_link="example.dk/holm/terms")
SAMPLE = Sample(CLUB, "DK", Money(0, "DKK"), LINK, LINK)
ANNA = SAMPLE.longest()
END = " Se/stop sms: {Link}"
HALLOWEEN = "🎃 Fredag kl. 16-18: slik til små spøgelser og kaffe til de voksne hos {Klub} 👻\nAfmeld: {Stop}"


def composed(source: str, *, without: str = "", subject: str = "", body: str = "", stamps: str = "") -> Composed:
    return compose(CampaignText("da", source, without, subject, body, stamp_programme_id=stamps), SAMPLE)


def codes(source: str, *, without: str = "", stamps: str = "") -> list[DraftCode]:
    return [finding.code for finding in composed(source, without=without, stamps=stamps).findings]


def test_a_composer_shows_parts_price_and_room_for_the_longest_and_the_shortest_name() -> None:
    shown = composed("Hej {Fornavn}! Nyt hos {Klub}." + END).sms
    assert shown is not None
    assert "Christopher" in shown.long.text
    assert shown.long.count.units == shown.short.count.units + len("Christopher") - len("Bo")
    assert (shown.price, shown.long.count.parts) == (Money(48, "DKK"), 1)
    assert shown.room == 160 - shown.long.count.units
    assert shown.without_bonus is None
    assert shown.cheapest == shown.long.count


def test_a_draft_that_lacks_nothing_may_be_sent() -> None:
    assert composed("Hej {Fornavn}! Nyt hos {Klub}." + END).may_be_sent
    assert not composed("Nyt hos {Klub}.").may_be_sent


def test_what_the_shop_still_has_to_fill_in_is_shown_by_an_example_and_named() -> None:
    text = CampaignText("da", "{Klub}: senest {Frist}, {Gave}." + END)
    shown = compose(text, SAMPLE, examples={"Frist": "torsdag 4/2"}, answers=Answers("Til lørdag."))
    assert shown.sms is not None
    assert "senest torsdag 4/2, Gave." in shown.sms.long.text
    assert shown.findings == (
        DraftFinding(DraftCode.VALUE_MISSING, "{Frist}"),
        DraftFinding(DraftCode.VALUE_MISSING, "{Gave}"),
    )


@pytest.mark.parametrize("bonus", [Money(0, "DKK"), Points(0)])
def test_who_has_no_bonus_must_have_words_of_their_own(bonus: Money | Points) -> None:
    told = "Du har {Bonus} hos {Klub}." + END
    assert codes(told) == [DraftCode.BONUS_VARIANT_MISSING]
    assert codes(told, without="Nyt hos {Klub}." + END) == []
    assert codes(told, without=told + " ") == [DraftCode.BONUS_VARIANT_MISSING]
    assert codes("Du har {Bonus|noget} hos {Klub}." + END) == []
    mail = composed("", subject="{Bonus} til dig fra {Klub}", body="{Klub}\nAfmeld: {Stop}")
    assert [finding.code for finding in mail.findings] == [DraftCode.BONUS_VARIANT_MISSING]
    shown = compose(CampaignText("da", told, "Nyt hos {Klub}." + END), replace(SAMPLE, bonus=bonus)).sms
    assert shown is not None
    assert shown.without_bonus is not None
    assert shown.without_bonus.text.startswith("Nyt hos")


def test_the_price_is_that_of_the_dearest_message_whoever_gets_it() -> None:
    told = "Du har {Bonus} hos {Klub}." + END
    for text, parts in (
        (CampaignText("da", told, "Nyt hos {Klub}. " + "a" * 300 + END), 3),
        (CampaignText("da", "Hej {Fornavn|" + "a" * 200 + "} hos {Klub}." + END), 2),
    ):
        shown = compose(text, SAMPLE).sms
        assert shown is not None
        assert shown.long.count.parts == 1
        assert shown.price == Money(48 * parts, "DKK")


def test_the_same_words_by_both_channels_each_need_words_for_those_without_bonus() -> None:
    told = "Du har {Bonus} hos {Klub}.\nAfmeld: {Stop}"
    text = CampaignText("da", told, subject="Nyt", body=told, body_without_bonus="{Klub}\nAfmeld: {Stop}")
    assert [each.code for each in compose(text, SAMPLE).findings] == [DraftCode.BONUS_VARIANT_MISSING]


def test_values_that_nobody_has_are_found() -> None:
    stamps = "Du har {Stempler} hos {Klub}." + END
    assert codes(stamps) == [DraftCode.STAMPS_OF_NOTHING]
    assert codes(stamps, stamps="rugbrod") == []
    hours = CampaignText("da", "{Klub} har åbent {Åbent}." + END)
    assert [each.code for each in compose(hours, SAMPLE).findings] == [DraftCode.HOURS_MISSING]
    open_today = replace(SAMPLE, club=replace(CLUB, opening_hours="kl. 7.00-13.00"))
    assert compose(hours, open_today).findings == ()


def test_a_long_text_is_asked_about_and_a_longer_one_is_not_sent() -> None:
    assert codes("{Klub} " + "a" * 300 + END) == [DraftCode.MANY_PARTS]
    assert codes("{Klub} " + "a" * 900 + END) == [DraftCode.TOO_LONG]
    assert composed("{Klub} " + "a" * 300 + END).may_be_sent
    assert not composed("{Klub} " + "a" * 900 + END).may_be_sent


def test_a_text_of_nothing_but_values_that_may_be_empty_is_blank() -> None:
    empty = replace(SAMPLE, club=ClubValues(""))
    findings = compose(CampaignText("da", "{Klub}"), empty).findings
    assert DraftFinding(DraftCode.BLANK) in findings


@pytest.mark.parametrize(
    "link", ["https://bit.ly/x", "www.holm.dk", "bageren.dk/tilbud", "bagerbjørn.dk", "holm.info", "t.co/x"]
)
def test_a_link_that_operators_do_not_know_is_advised_against(link: str) -> None:
    shown = composed(f"{{Klub}}: {link} " + END)
    assert shown.findings == (DraftFinding(DraftCode.OTHER_LINK, link),)
    assert shown.findings[0].is_advice


def test_a_link_is_also_found_in_what_the_shop_fills_in_and_where_a_value_is_empty() -> None:
    filled = CampaignText("da", "{Klub}: {Tilbud}" + END, filled={"Tilbud": "se www.holm.dk"})
    found = [each for each in compose(filled, SAMPLE).findings if each.code is DraftCode.OTHER_LINK]
    assert found == [DraftFinding(DraftCode.OTHER_LINK, "www.holm.dk")]
    assert codes("{Klub}: hej {Fornavn|www.holm.dk}" + END) == [DraftCode.OTHER_LINK]


@pytest.mark.parametrize("words", ["kl. 8.00", "Kom.Nu", "25 kr.Nyt", "1.234,50"])
def test_a_full_stop_makes_no_link(words: str) -> None:
    assert codes(f"{{Klub}}: {words}" + END) == []


def test_an_e_mail_has_no_parts_and_no_price() -> None:
    shown = composed("", subject="Nyt", body="{Klub}: se {Link}\nAfmeld: {Stop}")
    assert shown.sms is None
    assert shown.email is not None
    assert shown.may_be_sent


@given(st.text(st.sampled_from("abcæøå€[]ëš😱🕷️ ."), min_size=1, max_size=400))
def test_the_room_is_what_fits_in_before_a_part_more(text: str) -> None:
    source = text.strip() or "a"
    rendered = render_sms(CampaignText("da", source), CLUB, ANNA)
    room = room_in(rendered)
    parts = rendered.count.parts
    assert count_parts(rendered.text + "a" * room).parts == parts
    assert count_parts(rendered.text + "a" * (room + 1)).parts == parts + 1


def test_what_makes_a_text_dear_is_named_with_what_it_would_be_without() -> None:
    text = CampaignText("da", "Hej {Fornavn}! Crème brûlée og café au lait hos {Klub}. " + "a" * 60 + END)
    [dear] = swaps(text, CLUB, ANNA)
    assert (dear.piece, dear.name) == ("û", "LATIN SMALL LETTER U WITH CIRCUMFLEX")
    assert (dear.replacement, dear.is_own, dear.parts, dear.parts_after, dear.saves) == ("u", True, 3, 2, 1)
    assert "brulée" in swapped(text, "û").sms


def test_a_letter_in_a_name_is_named_and_left_alone() -> None:
    text = CampaignText("da", "Hej {Fornavn}! Nyt hos {Klub}." + END)
    zoe = MemberValues("Zoë", None, 0, LINK, LINK)
    [dear] = swaps(text, CLUB, zoe)
    assert (dear.piece, dear.is_own, dear.saves) == ("ë", False, 0)
    assert swapped(text, "ë") == text


@pytest.mark.parametrize(
    ("piece", "plain"),
    [("ç", "c"), ("Š", "S"), ("ł", "l"), ("–", "-"), ("…", "..."), ("²", "2"), ("€", "€"), ("[", "("), ("í", "i"),
     ("漢", ""), ("👻", ""), ("🇩🇰", ""), ("1️⃣", ""), ("ﬁ", "fi"), ("°", " grader")],
)  # fmt: skip
def test_each_dear_character_has_something_plain_in_its_place(piece: str, plain: str) -> None:
    assert plain_for(piece) == plain


def test_places_stay_places_when_their_brace_is_dear_elsewhere() -> None:
    text = CampaignText("da", "{{smag} [nyt] {Fornavn|[ven]} hos {Klub}", filled={})
    cheap = all_swapped(text)
    assert cheap.sms == "(smag) (nyt) {Fornavn|(ven)} hos {Klub}"
    assert render_sms(cheap, CLUB, MemberValues("Bo")).text == "(smag) (nyt) Bo hos Bager Holm og Sønner"


def test_the_same_text_without_emoji_is_one_part() -> None:
    text = CampaignText("da", HALLOWEEN)
    assert render_sms(text, CLUB, ANNA).count.parts == 2
    bare = without_any_emoji(text)
    assert bare.sms == "Fredag kl. 16-18: slik til små spøgelser og kaffe til de voksne hos {Klub}\nAfmeld: {Stop}"
    assert render_sms(bare, CLUB, ANNA).count.parts == 1
    assert [each.piece for each in swaps(text, CLUB, ANNA)] == ["🎃", "👻"]
    shown = compose(text, SAMPLE).sms
    assert shown is not None
    assert shown.cheapest.parts == 1


@pytest.mark.parametrize(
    ("source", "bare"),
    [
        ("Hej 👻 du", "Hej du"),
        ("🎃 👻 Fredag", "Fredag"),
        ("Hej👻!", "Hej!"),
        ("Boo 🧙‍♀️🕷️\n👻 Ses", "Boo\nSes"),
        ("👨‍👩‍👧‍👦 1️⃣ 🇩🇰 ⚡", ""),
        ("1 # * 2", "1 # * 2"),
        ("Æbler – og…", "Æbler – og…"),
    ],
)
def test_emoji_go_with_the_spaces_that_they_would_leave(source: str, bare: str) -> None:
    assert without_emoji(source) == bare


def test_one_emoji_goes_and_the_others_stay() -> None:
    assert without_emoji("🎃 Fredag 👻 hos os", "👻") == "🎃 Fredag hos os"
    assert swapped(CampaignText("da", "🎃 Fredag 👻"), "🎃").sms == "Fredag 👻"


def test_halloweens_picker_has_seven_five_and_eight() -> None:
    halloween = [group for group in picker(date(2027, 10, 1), "DK") if group.name.startswith("halloween")]
    assert [len(group.emoji) for group in halloween] == [7, 5, 8]
    assert "".join("".join(group.emoji) for group in halloween) == ("👻🧙‍♀️🧛🧟🦇☠️😱🍫🍬🍭🍪🍩🎃🕷️🏚️🌕⚡🕯️🗡️⚰️")


def test_the_season_that_comes_soonest_is_offered_first_and_what_always_fits_last() -> None:
    names = [group.name for group in picker(date(2026, 11, 23), "DK")]
    assert names == ["black_friday", "lucia", "christmas", "new_year", "always"]
    assert [group.name for group in picker(date(2027, 5, 1), "NO")][:2] == ["constitution_day", "always"]
    assert picker(date(2027, 7, 25), "DK")[-1].name == "always"


def test_every_emoji_of_the_picker_is_seen_as_one_and_every_group_has_a_name() -> None:
    for group in GROUPS:
        assert [list(emoji_in(each)) for each in group.emoji] == [[each] for each in group.emoji]
        assert all(emoji_group_name(group, language) for language in LANGUAGES)


@pytest.mark.parametrize(("emoji", "units"), [("😱", 2), ("🕷️", 3), ("⚡", 1), ("🧙‍♀️", 5), ("☠️", 2), ("👨‍👩‍👧‍👦", 11)])
def test_each_emoji_shows_its_size_and_price_in_this_text_at_once(emoji: str, units: int) -> None:
    text = CampaignText("da", "Nyt hos {Klub}. " + "a" * 40 + END)
    price = price_of_emoji(text, emoji, CLUB, ANNA, "DK")
    assert price.units == units
    assert (price.parts, price.parts_with) == (1, 2)
    assert price.dearer_by == price_of_sms(price.parts_with - price.parts, "DK", "DK").money


def test_a_second_emoji_costs_little_where_the_first_has_made_the_message_dear() -> None:
    text = CampaignText("da", HALLOWEEN)
    assert price_of_emoji(text, "🦇", CLUB, ANNA, "DK").dearer_by == Money(0, "DKK")


def test_an_audience_is_priced_by_each_members_own_parts_and_what_makes_it_dear_is_counted() -> None:
    text = CampaignText("da", "Hej {Fornavn}! " + "a" * 100 + END)
    names = ["Anna"] * 6 + ["Zoë", "François", "Łukasz Čapek", " Zoë"]
    price = price_audience(((render_sms(text, CLUB, MemberValues(name, link=LINK)), "DK") for name in names), "DK")
    assert price.histogram == {1: 6, 3: 4}
    assert (price.members, price.parts, price.price) == (10, 18, Money(18 * 48, "DKK"))
    assert (price.ucs2, price.costly) == (4, (("ë", 2), ("ç", 1), ("Č", 1), ("Ł", 1)))


def test_an_audience_is_also_priced_without_emoji() -> None:
    text = CampaignText("da", HALLOWEEN)
    members = [(MemberValues(name, stop=LINK), country) for name in ("Bo", "Anna") for country in ("DK", "SE")]
    price = price_audience(((render_sms(text, CLUB, member), country) for member, country in members), "DK")
    bare = without_any_emoji(text)
    cheaper = price_audience(((render_sms(bare, CLUB, member), country) for member, country in members), "DK")
    assert price.price == Money(8 * 48, "DKK")
    assert price.price_without_emoji == cheaper.price == cheaper.price_without_emoji == Money(4 * 48, "DKK")


def test_numbers_abroad_are_priced_as_ours_and_counted_where_no_price_is_known() -> None:
    text = CampaignText("da", "Nyt hos {Klub}." + END)
    shown = render_sms(text, CLUB, ANNA)
    price = price_audience([(shown, country) for country in ("DK", "SE", "NO", "SE", "FO")], "DK")
    assert price.price == Money(5 * 48, "DKK")
    assert price.unpriced == {"FO": 1, "NO": 1, "SE": 2}
    assert price_of_sms(2, "NO", "NO").money == Money(88, "NOK")


def test_what_cannot_be_sent_costs_nothing_and_is_counted() -> None:
    long = render_sms(CampaignText("da", "a" * 1000), CLUB, ANNA)
    price = price_audience([(long, "DK")], "DK")
    assert (price.members, price.parts, price.unsendable, price.price.amount) == (0, 0, 1, 0)


def test_a_composed_emoji_at_a_border_may_cost_one_part_more_and_that_is_counted() -> None:
    text = CampaignText("da", "á" * 60 + "👨‍👩‍👧‍👦" + "á" * 62)
    price = price_audience([(render_sms(text, CLUB, ANNA), "DK")], "DK")
    assert (price.parts, price.most_parts) == (2, 3)


def test_emoji_are_named_whole_and_other_characters_one_by_one() -> None:
    assert costly_pieces("🧙‍♀️ Zoë 🧙‍♀️ š") == ("🧙‍♀️", "ë", "š")
    assert costly_pieces("a [b] €") == ("[", "]", "€")
    assert costly_pieces("👻 [b]") == ("👻",)
    assert costly_pieces("👻\ufe0f a\ufe0f") == ("👻\ufe0f", "\ufe0f")


@given(st.text(st.sampled_from("abc åëš–…°²€[]^~|\\{👻🕷️🧙‍♀️漢"), max_size=200))
def test_with_everything_replaced_nothing_makes_a_text_dear_but_a_euro_sign(source: str) -> None:
    text = CampaignText("da", source.replace("{", "{{"))
    cheap = render_sms(all_swapped(text), CLUB, ANNA)
    assert set(cheap.text) <= BASIC_ALPHABET | {"€"}
    assert cheap.count.encoding is Encoding.GSM_7


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_a_draft_lacks_is_said_in_every_language(language: str) -> None:
    danish = {key: places(text) for key, text in CATALOGUE.texts("da").items()}
    assert {key: places(text) for key, text in CATALOGUE.texts(language).items()} == danish
    for code in DraftCode:
        said = draft_said(DraftFinding(code, "{Frist}"), language)
        assert said.endswith(".")
