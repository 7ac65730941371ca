"""From a template and values to the text that is sent."""

from __future__ import annotations

import sys
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.members.model import clean_first_name
from stamkunde.messaging.default_texts import (
    default_subject,
    default_template,
    default_texts,
    named_values,
    why_sent,
)
from stamkunde.messaging.lint import lint
from stamkunde.messaging.model import FIELD_NAMES, KINDS, Field, MessageClass, MessageKind, Timing
from stamkunde.messaging.parts import Encoding, count_parts
from stamkunde.messaging.text import (
    PLAIN_CHARACTERS,
    PlainText,
    Replacement,
    TemplateFault,
    TemplateFaultCode,
    check_names,
    compose_sms,
    compose_subject,
    make_plain,
    merge,
    merge_html,
    normalize,
    parse_template,
)
from stamkunde.messaging.written import written_bonus, written_day
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.money import Money, Points

LINK = "https://k.dk/8xQ2aBcD9eFg"
CLUBS = {"da": "Bager Holm og Sønner", "nb": "Sykkelhuset på Løkka", "en": "Bager Holm og Sønner"}


def merged(source: str, **values: str) -> str:
    return merge(parse_template(source), values)


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("Hej {Fornavn}!", {"Fornavn": "Mette"}, "Hej Mette!"),
        ("Hej {Fornavn|kunde}!", {"Fornavn": ""}, "Hej kunde!"),
        ("Hej {Fornavn|kunde}!", {"Fornavn": " "}, "Hej kunde!"),
        ("Hej {Fornavn|kære kunde}!", {"Fornavn": "Bo"}, "Hej Bo!"),
        ("Hej {Fornavn}!", {"Fornavn": ""}, "Hej!"),
        ("Hej {Fornavn|}!", {"Fornavn": ""}, "Hej!"),
        ("Hej  {Fornavn}!", {"Fornavn": ""}, "Hej !"),
        ("Hej {Fornavn} {Efternavn}!", {"Fornavn": "", "Efternavn": ""}, "Hej!"),
        ("{Fornavn}, hej", {"Fornavn": ""}, ", hej"),
        ("Sidst\n{Fornavn}", {"Fornavn": ""}, "Sidst\n"),
        ("På {Købsdag_i_år}", {"Købsdag_i_år": "1. maj"}, "På 1. maj"),
        ("", {}, ""),
        ("{{Fornavn}", {}, "{Fornavn}"),
        ("{{{Fornavn}}", {"Fornavn": "Bo"}, "{Bo}"),
        ("a } b", {}, "a } b"),
        ("Hej {Fornavn}", {"Fornavn": "{Link}", "Link": LINK}, "Hej {Link}"),
        ("Hej {Fornavn}", {"Fornavn": "{{"}, "Hej {{"),
    ],
)
def test_values_are_merged_once_and_empty_ones_leave_no_gap(source: str, values: dict[str, str], text: str) -> None:
    assert merged(source, **values) == text


@pytest.mark.parametrize(
    ("source", "value", "text"),
    [
        ("Du har {Bonus}.", "145 kr.", "Du har 145 kr."),
        ("Du har {Bonus}. Hej", "145 kr.", "Du har 145 kr. Hej"),
        ("Du har {Bonus}.", "145 kr", "Du har 145 kr."),
        ("Du har {Bonus|0 kr.}.", "", "Du har 0 kr."),
        ("Du har {Bonus}..", "145 kr.", "Du har 145 kr.."),
        ("Du har {Bonus}, ja.", "145 kr.", "Du har 145 kr., ja."),
        ("{Bonus}{Bonus}.", "1 kr.", "1 kr.1 kr."),
        ("Slut. {Bonus}.", "", "Slut.."),
        ("Du har {Bonus} {Tom}.", "145 kr.", "Du har 145 kr."),
        ("Du har {Bonus}, {Tom}.", "145 kr.", "Du har 145 kr.,."),
    ],
)
def test_a_value_that_ends_in_a_dot_takes_the_next_one(source: str, value: str, text: str) -> None:
    assert merged(source, Bonus=value, Tom="") == text


@pytest.mark.parametrize(
    "source",
    ["{", "Hej {", "{}", "{ Fornavn}", "{Fornavn", "{For navn}", "{1}", "{" + "a" * 33 + "}", "{a|{b}}", "{ë}"],
)
def test_a_brace_that_opens_nothing_is_found_when_saving(source: str) -> None:
    with pytest.raises(TemplateFault) as fault:
        parse_template(source)
    assert fault.value.code is TemplateFaultCode.MALFORMED_PLACE
    assert fault.value.place.startswith("{")


def test_an_unknown_name_is_found_when_saving() -> None:
    with pytest.raises(TemplateFault, match="unknown_place: Fornvan"):
        check_names(parse_template("Hej {Fornvan}, se {Link}"), {"Fornavn", "Link"})
    template = parse_template("Hej {Fornavn|kunde}")
    assert check_names(template, {"Fornavn", "Link"}) is template


def test_a_place_without_a_value_is_never_sent_as_a_blank() -> None:
    with pytest.raises(KeyError):
        merged("Hej {Fornavn}")


@given(st.text(alphabet="{}|. aÅ_1\n", max_size=30), st.text(max_size=10))
def test_any_template_is_refused_or_merged(source: str, value: str) -> None:
    try:
        template = parse_template(source)
    except TemplateFault as fault:
        assert "{" in fault.place
    else:
        text = merge(template, dict.fromkeys(template.names, value))
        assert len(text) <= len(source) + source.count("{") * len(value)


@given(st.text(max_size=50))
def test_doubled_braces_say_exactly_what_was_written(words: str) -> None:
    assert merged(words.replace("{", "{{")) == normalize(words)


@given(st.text(max_size=60))
def test_whatever_name_a_member_types_the_message_keeps_its_shape(typed: str) -> None:
    try:
        name = clean_first_name(typed) or ""
    except Refusal:
        return
    template = default_template(MessageKind.WELCOME, "da")
    values = named_values("da", {Field.CLUB: "Bager Holm", Field.FIRST_NAME: name, Field.LINK: LINK})
    text = compose_sms(template, values).text
    assert text.splitlines() == [text]
    assert text.startswith("Hej")
    assert text.endswith(f"Du er nu medlem hos Bager Holm. Dit kort, dine oplysninger og betingelserne: {LINK}")
    assert text.count("://") == 1
    assert "{" not in text


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Mette’s ‘kage´ `i dag`", "Mette's 'kage' 'i dag'"),
        ("“godt” „nok« »nu", '"godt" "nok" "nu'),
        ("8–21 — altid…", "8-21 - altid..."),
        ("145\u00a0kr. sam\u00adme\u200bn", "145 kr. sammen"),
        ("• ½ kg\ttil", "* 1/2 kg til"),
    ],
)
def test_smart_characters_are_made_plain(written: str, sent: str) -> None:
    assert make_plain(written).text == sent
    assert count_parts(sent).encoding is Encoding.GSM_7


def test_what_was_made_plain_is_listed() -> None:
    assert make_plain("Zoë’s 8–21…") == PlainText(
        "Zoë's 8-21...", (Replacement(3, "’", "'"), Replacement(7, "–", "-"), Replacement(10, "…", "..."))
    )
    assert make_plain("Hej Søren").replaced == ()


def test_a_shop_may_keep_its_smart_characters() -> None:
    template = parse_template("8–21 hos {Klub}")
    assert compose_sms(template, {"Klub": "Bo’s"}, smart_characters=False) == PlainText("8–21 hos Bo’s", ())
    assert compose_sms(template, {"Klub": "Bo’s"}).text == "8-21 hos Bo's"


def test_no_letter_is_ever_touched() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    touched = {each.written for each in make_plain(everything).replaced}
    assert touched == set(PLAIN_CHARACTERS)
    assert not any(unicodedata.category(character).startswith("L") for character in touched)


@pytest.mark.parametrize(
    ("written", "sent"), [("a\u030a", "å"), ("\u212b", "Å"), ("\u2126", "Ω"), ("a\r\nb", "a\nb"), ("½", "½")]
)
def test_texts_are_composed_and_have_single_line_breaks(written: str, sent: str) -> None:
    assert normalize(written) == sent


def test_a_value_is_normalized_too() -> None:
    sent = compose_sms(parse_template("Hej {Fornavn}\r\n"), {"Fornavn": "A\u030asa"}).text
    assert sent == "Hej Åsa\n"
    assert count_parts(sent).encoding is Encoding.GSM_7


@given(st.text(max_size=100))
def test_composing_twice_changes_nothing(text: str) -> None:
    once = make_plain(normalize(text)).text
    assert make_plain(normalize(once)).text == once


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        ("Bo\r\nBcc: alle@example.com", "Hej Bo Bcc: alle@example.com"),
        ("Bo\nX", "Hej Bo X"),
        ("Bo\rX", "Hej Bo X"),
        ("Bo\u2028X\u0085Y\x0bZ", "Hej Bo X Y Z"),
        ("Bo\x00", "Hej Bo"),
        ("Søren 🎃", "Hej Søren 🎃"),
    ],
)
def test_a_subject_is_one_line_whatever_is_merged(value: str, subject: str) -> None:
    assert compose_subject(parse_template("Hej {Fornavn}"), {"Fornavn": value}) == subject


@given(st.text(max_size=60))
def test_no_value_can_add_a_header(value: str) -> None:
    subject = compose_subject(parse_template("Hej {Fornavn}"), {"Fornavn": value})
    assert not any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in subject)


def test_values_are_escaped_in_an_e_mail() -> None:
    text = merge_html(parse_template("<p>Hej {Fornavn|<i>kunde</i>}.</p>"), {"Fornavn": '<b>"Bo\'s" & co.</b>'})
    assert text == "<p>Hej &lt;b&gt;&quot;Bo&#x27;s&quot; &amp; co.&lt;/b&gt;.</p>"
    assert merge_html(parse_template("<p>{Fornavn|<i>kunde</i>}</p>"), {"Fornavn": ""}) == "<p><i>kunde</i></p>"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", MessageKind)
def test_every_default_text_merges_what_its_kind_may_and_says_what_its_class_may(
    kind: MessageKind, language: str
) -> None:
    assert default_texts(language).keys() == set(MessageKind)
    template = default_template(kind, language)
    check_names(template, {FIELD_NAMES[language][field] for field in KINDS[kind].fields})
    assert lint(KINDS[kind].message_class, template) == ()


@pytest.mark.parametrize("kind", MessageKind)
def test_a_default_text_merges_the_same_fields_in_every_language(kind: MessageKind) -> None:
    fields = []
    for language in LANGUAGES:
        names = {name: field for field, name in FIELD_NAMES[language].items()}
        fields.append({names[name] for name in default_template(kind, language).names})
    assert fields == [fields[0]] * len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", MessageKind)
def test_what_goes_by_e_mail_has_a_subject_and_nothing_else_has(kind: MessageKind, language: str) -> None:
    subject = default_subject(kind, language)
    assert (subject is not None) == (KINDS[kind].channel is Channel.EMAIL)
    if subject is not None:
        check_names(subject, {FIELD_NAMES[language][Field.CLUB]})
        assert lint(KINDS[kind].message_class, subject) == ()
        assert compose_subject(subject, named_values(language, {Field.CLUB: "Bager\nHolm"})).endswith("Bager Holm")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_says_in_a_sentence_why_it_was_sent(language: str) -> None:
    told: dict[str, set[str]] = {}
    for kind in MessageKind:
        # The same reminder reads differently where there is bonus to lose.
        told.setdefault(why_sent(kind, language), set()).add(kind.removesuffix("_bonus"))
    for sentence, kinds in told.items():
        assert len(kinds) == 1
        assert sentence.endswith(".")
        assert not set(sentence) & set("{}!")


def test_every_language_names_every_field_once() -> None:
    assert FIELD_NAMES.keys() == set(LANGUAGES)
    for names in FIELD_NAMES.values():
        assert names.keys() == set(Field)
        assert len(set(names.values())) == len(Field)


@pytest.mark.parametrize(
    ("kind", "message_class"),
    [
        (MessageKind.CODE, MessageClass.CRITICAL),
        (MessageKind.WELCOME, MessageClass.SERVICE),
        (MessageKind.TILL_JOIN, MessageClass.SERVICE),
        (MessageKind.CONFIRM_EMAIL, MessageClass.SERVICE),
        (MessageKind.ERASURE_REQUESTED, MessageClass.SERVICE),
        (MessageKind.ERASURE_REQUESTED_BONUS, MessageClass.SERVICE),
        (MessageKind.ERASURE_REQUESTED_NEWS, MessageClass.SERVICE),
        (MessageKind.ERASURE_UNDONE, MessageClass.SERVICE),
        (MessageKind.NUMBER_CHANGED, MessageClass.CRITICAL),
        (MessageKind.TEST, MessageClass.CRITICAL),
    ],
)
def test_the_kind_fixes_class_and_timing(kind: MessageKind, message_class: MessageClass) -> None:
    assert KINDS.keys() == set(MessageKind)
    assert KINDS[kind].message_class is message_class
    assert KINDS[kind].timing is Timing.AT_ONCE


@pytest.mark.parametrize(
    ("kind", "language", "septets"),
    [
        (MessageKind.CODE, "da", 122),
        (MessageKind.CODE, "nb", 123),
        (MessageKind.CODE, "en", 117),
        (MessageKind.WELCOME, "da", 129),
        (MessageKind.WELCOME, "nb", 125),
        (MessageKind.WELCOME, "en", 126),
        (MessageKind.TILL_JOIN, "da", 157),
        (MessageKind.TILL_JOIN, "nb", 151),
        (MessageKind.TILL_JOIN, "en", 152),
        (MessageKind.ERASURE_REQUESTED, "da", 142),
        (MessageKind.ERASURE_REQUESTED, "nb", 142),
        (MessageKind.ERASURE_REQUESTED, "en", 146),
        (MessageKind.ERASURE_REQUESTED_BONUS, "da", 155),
        (MessageKind.ERASURE_REQUESTED_BONUS, "nb", 153),
        (MessageKind.ERASURE_REQUESTED_BONUS, "en", 155),
        (MessageKind.ERASURE_REQUESTED_NEWS, "da", 154),
        (MessageKind.ERASURE_REQUESTED_NEWS, "nb", 156),
        (MessageKind.ERASURE_REQUESTED_NEWS, "en", 156),
        (MessageKind.ERASURE_UNDONE, "da", 130),
        (MessageKind.ERASURE_UNDONE, "nb", 138),
        (MessageKind.ERASURE_UNDONE, "en", 133),
        (MessageKind.ERASED, "da", 141),
        (MessageKind.ERASED, "nb", 136),
        (MessageKind.ERASED, "en", 125),
        (MessageKind.NUMBER_CHANGED, "da", 119),
        (MessageKind.NUMBER_CHANGED, "nb", 119),
        (MessageKind.NUMBER_CHANGED, "en", 127),
        (MessageKind.TERMS_CHANGED, "da", 159),
        (MessageKind.TERMS_CHANGED, "nb", 154),
        (MessageKind.TERMS_CHANGED, "en", 152),
        (MessageKind.TEST, "da", 67),
        (MessageKind.TEST, "nb", 69),
        (MessageKind.TEST, "en", 74),
    ],
)
def test_every_default_text_fits_one_part_in_the_long_case(kind: MessageKind, language: str, septets: int) -> None:
    values = {
        Field.CLUB: CLUBS[language],
        Field.FIRST_NAME: "Christopher",
        Field.CODE: "483920",
        Field.DOMAIN: "kundeklub.dk.local",
        Field.LINK: LINK,
        Field.DATE: written_day(date(2026, 11, 30), language),
        Field.BONUS: written_bonus(Money(123_450, "NOK" if language == "nb" else "DKK"), language),
        Field.CONTACT: "hej@bagerholm.example",
    }
    sent = compose_sms(default_template(kind, language), named_values(language, values))
    count = count_parts(sent.text)
    assert sent.replaced == ()
    assert (count.encoding, count.units, count.parts) == (Encoding.GSM_7, septets, 1)


@pytest.mark.parametrize(
    ("bonus", "written"),
    [
        (Money(14_500, "DKK"), ("145 kr.", "145 kr", "DKK 145")),
        (Money(1_485, "DKK"), ("14,85 kr.", "14,85 kr", "DKK 14.85")),
        (Money(100_000, "DKK"), ("1.000 kr.", "1 000 kr", "DKK 1,000")),
        (Points(1_000), ("1.000 point", "1 000 poeng", "1,000 points")),
    ],
)
def test_bonus_is_written_without_ore_that_are_none(bonus: Money | Points, written: tuple[str, ...]) -> None:
    assert tuple(written_bonus(bonus, language) for language in LANGUAGES) == written


def test_a_day_is_written_as_the_language_writes_it() -> None:
    days = [written_day(date(2026, 12, 6), language) for language in LANGUAGES]
    assert days == ["6. december", "6. desember", "6 December"]


def test_a_code_ends_in_the_line_that_binds_it_to_the_page() -> None:
    for language in LANGUAGES:
        values = {Field.CLUB: "Bager Holm", Field.CODE: "483920", Field.DOMAIN: "klub.example.com"}
        text = merge(default_template(MessageKind.CODE, language), named_values(language, values))
        assert text.splitlines()[-1] == "@klub.example.com #483920"
