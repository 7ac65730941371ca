"""How many parts a text message takes: known cases, and twenty thousand random texts against another counter."""

from __future__ import annotations

import random

import pytest
import smsutil  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.messaging.parts import (
    BASIC_ALPHABET,
    EXTENSION,
    BodyFault,
    Cost,
    CostlyCharacter,
    Encoding,
    body_fault,
    costly_characters,
    count_parts,
)

RANDOM_TEXTS = 20_000
LONGEST_RANDOM_TEXT = 320
GSM, UCS = Encoding.GSM_7, Encoding.UCS_2
FAMILY = "👨‍👩‍👧‍👦"
BAKER = "Hej {}! Kom ind og få 20% på alt brød i dag. Vis koden K7F2 i kassen. Hilsen Bageren. Afmeld: k.dk/a/8xQ2"


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", GSM, 0, 0),
        ("a", GSM, 1, 1),
        ("a" * 160, GSM, 160, 1),
        ("a" * 161, GSM, 161, 2),
        ("a" * 306, GSM, 306, 2),
        ("a" * 307, GSM, 307, 3),
        ("a" * 459, GSM, 459, 3),
        ("a" * 460, GSM, 460, 4),
        ("æøåÆØÅ" * 26 + "aaaa", GSM, 160, 1),
        ("€" * 80, GSM, 160, 1),
        ("€" * 81, GSM, 162, 2),
        ("€" * 79 + "aa", GSM, 160, 1),
        ("€" * 79 + "aaa", GSM, 161, 2),
        ("^{}\\[~]|€", GSM, 18, 1),
        ("\f", GSM, 2, 1),
        ("\r", GSM, 1, 1),
        ("Çéèàìòùäöüñß§¤¡¿ΔΩÉ", GSM, 19, 1),
        ("á" * 70, UCS, 70, 1),
        ("á" * 71, UCS, 71, 2),
        ("á" * 134, UCS, 134, 2),
        ("á" * 135, UCS, 135, 3),
        ("😱" * 35, UCS, 70, 1),
        ("😱" * 36, UCS, 72, 2),
        ("😱" * 66, UCS, 132, 2),
        ("a" * 159 + "😱", UCS, 161, 3),
        ("á" * 59 + FAMILY, UCS, 70, 1),
        ("á" * 60 + FAMILY, UCS, 71, 2),
        (BAKER.format("Søren"), GSM, 108, 1),
        (BAKER.format("Zoë"), UCS, 106, 2),
    ],
)
def test_parts_are_what_the_gateway_bills(text: str, encoding: Encoding, units: int, parts: int) -> None:
    count = count_parts(text)
    assert (count.encoding, count.units, count.parts) == (encoding, units, parts)


@pytest.mark.parametrize(
    ("text", "units", "parts", "naive"),
    [
        ("a" * 152 + "€" + "a" * 10, 164, 2, 2),
        ("a" * 152 + "€" + "a" * 151, 305, 2, 2),
        ("a" * 152 + "€" + "a" * 152, 306, 3, 2),
        ("€" * 152, 304, 2, 2),
        ("€" * 153, 306, 3, 2),
        ("😱" * 67, 134, 3, 2),
        ("á" * 66 + "😱" + "á" * 10, 78, 2, 2),
        ("á" * 66 + "😱" + "á" * 65, 133, 2, 2),
        ("á" * 66 + "😱" + "á" * 66, 134, 3, 2),
    ],
)
def test_a_pair_is_never_cut_at_the_end_of_a_part(text: str, units: int, parts: int, naive: int) -> None:
    count = count_parts(text)
    assert (count.units, count.parts) == (units, parts)
    assert -(-units // (153 if count.encoding is GSM else 67)) == naive


@pytest.mark.parametrize("character", [*"`\tçêëáóíúðš’–…\u00a0\u200b°½•", "a\u030a", "\u212b", "\u2126"])
def test_one_character_outside_the_alphabet_makes_the_whole_message_ucs_2(character: str) -> None:
    assert count_parts("a" * 71).parts == 1
    assert count_parts("a" * 70 + character).encoding is UCS
    assert count_parts("a" * 70 + character).parts == 2


@pytest.mark.parametrize(
    ("text", "units"),
    [
        (FAMILY, 11),
        ("🧙🏻‍♀️", 7),
        ("🧙♀️", 4),
        ("🕷️", 3),
        ("🕷", 2),
        ("☠️", 2),
        ("☠", 1),
        ("⚡", 1),
        ("🇩🇰", 4),
        ("1️⃣", 3),
    ],
)
def test_an_emoji_costs_its_code_units(text: str, units: int) -> None:
    assert count_parts(text).units == units


@pytest.mark.parametrize(
    ("whole", "units", "parts"),
    [(FAMILY, 11, 3), ("🧙🏻‍♀️", 7, 3), ("🕷️", 3, 3), ("🇩🇰", 4, 3), ("1️⃣", 3, 2), ("☠️", 2, 2), ("e\u0301\u0302", 3, 2)],
)
def test_a_composed_character_at_the_border_may_cost_one_part_more(whole: str, units: int, parts: int) -> None:
    cut = count_parts("á" * 66 + whole + "á" * (68 - units))
    assert (cut.units, cut.parts, cut.most_parts) == (134, parts, 3)
    uncut = count_parts("á" * 67 + whole + "á" * (67 - units))
    assert (uncut.units, uncut.parts, uncut.most_parts) == (134, 2, 2)


def test_the_family_at_the_border_is_two_parts_and_three_with_some_gateways() -> None:
    count = count_parts("á" * 60 + FAMILY + "á" * 62)
    assert (count.units, count.parts, count.most_parts) == (133, 2, 3)


def test_neighbouring_flags_are_not_one_character() -> None:
    flags = "🇩🇰🇳🇴" * 9
    assert count_parts(flags).units == 72
    assert count_parts(flags).most_parts == 2


def test_an_endless_pile_of_accents_is_still_counted() -> None:
    count = count_parts("a" + "\u0302" * 200)
    assert (count.units, count.parts) == (201, 3)
    assert count.most_parts >= count.parts


def test_the_alphabet_is_the_one_of_the_standard() -> None:
    assert len(BASIC_ALPHABET) == 127
    assert len(EXTENSION) == 10
    assert not BASIC_ALPHABET & EXTENSION


def test_a_message_over_two_parts_asks_and_over_six_is_not_sent() -> None:
    assert not count_parts("a" * 306).needs_confirming
    assert count_parts("a" * 307).needs_confirming
    assert body_fault("a" * 918) is None
    assert body_fault("a" * 919) is BodyFault.TOO_LONG


@pytest.mark.parametrize("text", ["", " ", "\n\n", " \t\n"])
def test_a_blank_message_is_not_sent(text: str) -> None:
    assert body_fault(text) is BodyFault.BLANK


def test_what_makes_a_message_ucs_2_is_named() -> None:
    assert costly_characters("Hej Zoë, 5 € til Łukasz og Zoë 🎃") == (
        CostlyCharacter("ë", "LATIN SMALL LETTER E WITH DIAERESIS", Cost.WHOLE_MESSAGE_UCS_2, 2),
        CostlyCharacter("Ł", "LATIN CAPITAL LETTER L WITH STROKE", Cost.WHOLE_MESSAGE_UCS_2, 1),
        CostlyCharacter("🎃", "JACK-O-LANTERN", Cost.WHOLE_MESSAGE_UCS_2, 1),
    )
    assert costly_characters("\t")[0].name == "U+0009"


def test_what_costs_two_septets_is_named() -> None:
    assert costly_characters("5 € [ca. 37 kr.]") == (
        CostlyCharacter("€", "EURO SIGN", Cost.TWO_SEPTETS, 1),
        CostlyCharacter("[", "LEFT SQUARE BRACKET", Cost.TWO_SEPTETS, 1),
        CostlyCharacter("]", "RIGHT SQUARE BRACKET", Cost.TWO_SEPTETS, 1),
    )
    assert costly_characters("Hej Søren") == ()


@given(st.text(max_size=300))
def test_without_its_costly_characters_a_message_is_as_short_as_it_looks(text: str) -> None:
    costly = {each.character for each in costly_characters(text)}
    cheap = "".join(character for character in text if character not in costly)
    while costly_characters(cheap):
        costly = {each.character for each in costly_characters(cheap)}
        cheap = "".join(character for character in cheap if character not in costly)
    assert count_parts(cheap).encoding is GSM
    assert count_parts(cheap).units == len(cheap)


@given(st.text(max_size=300))
def test_parts_lie_between_the_naive_count_and_what_whole_characters_take(text: str) -> None:
    count = count_parts(text)
    single, each = (160, 153) if count.encoding is GSM else (70, 67)
    naive = (1 if text else 0) if count.units <= single else -(-count.units // each)
    assert naive <= count.parts <= count.most_parts
    assert count.parts <= naive + 1


def random_text(chance: random.Random) -> str:
    """A text of a few kinds of characters, often near the end of a part."""
    kinds = [
        sorted(BASIC_ALPHABET),
        sorted(EXTENSION),
        list("æøåÆØÅaeiou "),
        list("áçëšŁ’–…\u00a0\u200b\t`"),
        list("😱🎃👻🇩🇰🕷\ufe0f\u200d🏻"),
    ]
    weights = chance.choice([(9, 0, 9, 0, 0), (9, 3, 9, 0, 0), (0, 9, 1, 0, 0), (9, 1, 9, 1, 0), (4, 1, 4, 4, 4)])
    border = chance.choice([70, 70, 134, 134, 153, 160, 160, 201, 306])
    length = chance.choice([chance.randint(0, LONGEST_RANDOM_TEXT), max(0, border + chance.randint(-6, 6))])
    each = [weight / len(kind) for kind, weight in zip(kinds, weights, strict=True) for _ in kind]
    return "".join(chance.choices([character for kind in kinds for character in kind], each, k=length))


def test_twenty_thousand_random_texts_agree_with_an_independent_counter() -> None:
    chance = random.Random(20_261_121)
    seen: set[tuple[Encoding, bool]] = set()
    for _ in range(RANDOM_TEXTS):
        text = random_text(chance)
        theirs = smsutil.split(text)
        encoding = GSM if theirs.encoding == "gsm0338" or not text else UCS
        units = theirs.total_bytes // (1 if encoding is GSM else 2)
        parts = len(theirs.parts) if text else 0
        ours = count_parts(text)
        assert (ours.encoding, ours.units, ours.parts) == (encoding, units, parts), text
        seen.add((encoding, parts > 1))
    assert len(seen) == 4
