"""A file of members: only what it proves counts, and what it holds is looked at before anything else."""

from __future__ import annotations

from copy import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.model import MemberPolicy, TermsVersion
from stamkunde.members.consents import ConsentMethod, Evidence, PermissionKind, TermsAccepted
from stamkunde.members.importing import MOST_ROWS, Newcomer, Proof, Reader, ReadRow, Wish
from stamkunde.shared.errors import Refusal
from tests.factories import NOON, make_club

TERMS = TermsVersion(1, "da", "Betingelser", datetime(2026, 1, 1, tzinfo=UTC))
CLUB = make_club(terms=(TERMS,))
READER = Reader(CLUB, ["banegaarden"], "Anna", NOON)
CURIOUS = replace(
    READER, club=make_club(terms=(TERMS,), member_policy=MemberPolicy(asks_birth_date=True, asks_outlet=True))
)
WORDS = "Ja tak til sms'er om brød. Jeg kan altid sige stop."
SMS = {
    "sms_given_at": "2026-11-01T10:12",
    "sms_method": "web_form",
    "sms_from": "198.51.100.7",
    "sms_wording": WORDS,
}
PAPER = {"given_at": "2026-10-30", "method": "signed_form", "from": "banegaarden"}


def on_paper(name: str, **more: str) -> dict[str, str]:
    return {f"{name}_{part}": cell for part, cell in (PAPER | more).items()}


def file_of(*rows: dict[str, str], delimiter: str = ";") -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, *([row.get(name, "") for name in columns] for row in rows)]
    return "\r\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)


def read(reader: Reader = READER, /, **cells: str) -> ReadRow:
    (row,) = reader.read(file_of({"phone": "20123456"} | cells))
    return row


def newcomer(reader: Reader = READER, /, **cells: str) -> Newcomer:
    found = read(reader, **cells).newcomer
    assert found is not None
    return found


def troubles(row: ReadRow) -> list[tuple[str, str]]:
    return [(trouble.column, trouble.code) for trouble in row.troubles]


def test_a_number_alone_is_somebody_who_agreed_to_nothing() -> None:
    assert newcomer() == Newcomer("+4520123456", Wish.CLUB, "da")


def test_a_permission_comes_with_when_how_where_and_in_which_words_it_was_given() -> None:
    (proof,) = newcomer(sms_language="nb", **SMS).proofs
    assert proof.evidence == Evidence(
        ConsentMethod.WEB_FORM,
        given_at=datetime(2026, 11, 1, 9, 12, tzinfo=UTC),
        recorded_at=NOON,
        language="nb",
        client_ip="198.51.100.7",
        brought_by="Anna",
    )
    (wording,) = proof.given
    assert (wording.kind, wording.version, wording.wording) == (PermissionKind.SMS, 0, WORDS)


def test_evidence_names_the_language_of_the_form_and_not_the_one_to_be_written_to_in() -> None:
    assert [proof.evidence.language for proof in newcomer(language="nb", **SMS).proofs] == ["da"]
    two = replace(TERMS, texts={"da": TERMS.text, "en": "The terms"})
    reader = replace(READER, club=replace(READER.club, terms=(two,)))
    signed = on_paper("terms", version="1")
    for language, read_in in (("", "da"), ("en", "en")):
        (proof,) = newcomer(reader, language="nb", terms_language=language, **signed).proofs
        assert proof.evidence.language == read_in
        assert proof.terms == TermsAccepted(1, two.text_hash_in(read_in))
    assert troubles(read(sms_language="sv", **SMS)) == [("sms", "evidence_unreadable")]


@pytest.mark.parametrize("missing", SMS)
def test_a_permission_without_all_of_its_evidence_is_left_out_and_said_so(missing: str) -> None:
    row = read(**(SMS | {missing: ""}))
    assert row.newcomer is not None
    assert row.newcomer.proofs == ()
    assert troubles(row) == [("sms", "evidence_incomplete")]


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"sms_method": "said_so"}, "evidence_unreadable"),
        ({"sms_method": "member_page"}, "evidence_unreadable"),
        ({"sms_from": "banegaarden"}, "evidence_unreadable"),
        ({"sms_method": "signed_form"}, "evidence_unreadable"),
        ({"sms_method": "signed_form", "sms_from": "trojborg"}, "evidence_unreadable"),
        ({"sms_given_at": "sidste år"}, "evidence_unreadable"),
        ({"sms_given_at": "0001-01-01T00:00"}, "evidence_unreadable"),
        ({"sms_given_at": "2026-11-21T13:01"}, "evidence_in_future"),
        ({"sms_given_at": "2025-11-21T23:59"}, "permission_lapsed"),
    ],
)
def test_evidence_that_shows_nothing_gives_no_permission(cells: dict[str, str], code: str) -> None:
    row = read(**(SMS | cells))
    assert row.newcomer is not None
    assert row.newcomer.proofs == ()
    assert troubles(row) == [("sms", code)]


def test_a_permission_of_nearly_a_year_ago_still_counts() -> None:
    assert newcomer(**(SMS | {"sms_given_at": "2025-11-22T00:00"})).proofs


def test_a_permission_for_one_channel_is_none_for_another() -> None:
    (proof,) = newcomer(email="mette@holm.dk", **SMS).proofs
    assert [wording.kind for wording in proof.given] == [PermissionKind.SMS]


def test_an_email_permission_needs_an_address() -> None:
    assert troubles(read(**on_paper("email", wording=WORDS))) == [("email", "email_missing")]
    assert newcomer(email="mette@holm.dk", **on_paper("email", wording=WORDS)).proofs


def test_terms_count_by_the_clubs_own_version_and_not_before_it_was_published() -> None:
    accepted = newcomer(**on_paper("terms", version="1")).accepted
    assert accepted is not None
    assert (accepted.version, accepted.text_hash) == (1, TERMS.text_hash)
    for cells, code in (
        (on_paper("terms", version="2"), "unknown_terms_version"),
        (on_paper("terms"), "evidence_incomplete"),
        (on_paper("terms", version="1", given_at="2025-12-31"), "acceptance_before_terms"),
    ):
        row = read(**cells)
        assert row.newcomer is not None
        assert row.newcomer.accepted is None
        assert troubles(row) == [("terms", code)]


def test_the_newsletter_only_takes_a_permission_and_nothing_of_the_club() -> None:
    assert newcomer(wish="newsletter", **SMS).wish is Wish.NEWSLETTER
    row = read(wish="newsletter", **(SMS | {"sms_from": ""}))
    assert row.newcomer is None
    assert troubles(row) == [("sms", "evidence_incomplete"), ("wish", "permission_missing")]
    more = read(wish="newsletter", **SMS, **on_paper("terms", version="1"), **on_paper("purchases", wording=WORDS))
    assert more.newcomer is not None
    assert troubles(more) == [("terms", "not_in_the_club"), ("purchases", "not_in_the_club")]


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"phone": "12"}, "phone", "phone_invalid"),
        ({"phone": ""}, "phone", "phone_invalid"),
        ({"phone": "ring mig"}, "phone", "phone_has_letters"),
        ({"first_name": "www.evil.dk"}, "first_name", "name_not_allowed"),
        ({"email": "mette"}, "email", "email_invalid"),
        ({"language": "sv"}, "language", "unknown_value"),
        ({"wish": "everything"}, "wish", "unknown_value"),
        ({"first_name": "x" * 2_001}, "first_name", "too_long"),
    ],
)
def test_what_cannot_be_of_a_person_refuses_the_row(cells: dict[str, str], column: str, code: str) -> None:
    row = read(**({"first_name": "Mette"} | cells))
    assert row.newcomer is None
    assert troubles(row) == [(column, code)]


@given(
    st.sampled_from(("first_name", "email", "sms_wording", "wish", "phone")),
    st.sampled_from(("=", "-", "@", "＝", "＋", "－", "＠", "=+", "++", "+-")),
    st.text("HYPERLINK()1x", min_size=1, max_size=12),
)
def test_a_cell_that_a_spreadsheet_would_carry_out_refuses_the_row(column: str, begin: str, rest: str) -> None:
    row = read(**{column: begin + rest})
    assert row.newcomer is None
    assert troubles(row) == [(column, "formula")]


def test_a_number_may_begin_with_its_plus() -> None:
    assert newcomer(phone="+45 20 12 34 56").phone == "+4520123456"


def test_a_number_that_stands_twice_counts_the_first_time() -> None:
    first, second = READER.read(file_of({"phone": "20123456"}, {"phone": "+45 20 12 34 56"}))
    assert first.newcomer is not None
    assert second.newcomer is None
    assert troubles(second) == [("phone", "number_twice")]


def test_a_club_that_does_not_ask_for_birth_dates_takes_none_from_a_file() -> None:
    with pytest.raises(Refusal) as refused:
        read(birth_date="1990-05-17")
    assert (refused.value.code, refused.value.pointer) == ("invalid_field", "/csv/birth_date")
    with pytest.raises(Refusal):
        read(own_outlet="banegaarden")
    asked = newcomer(CURIOUS, birth_date="1990-05-17", own_outlet="banegaarden")
    assert (asked.birth_date, asked.own_outlet) == (date(1990, 5, 17), "banegaarden")


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"email_confirmed_from": ""}, "evidence_incomplete"),
        ({"email_confirmed_at": ""}, "evidence_incomplete"),
        ({"email_confirmed_at": "i går"}, "evidence_unreadable"),
        ({"email_confirmed_from": "banegaarden"}, "evidence_unreadable"),
        ({"email_confirmed_at": "2026-11-22"}, "evidence_in_future"),
        ({"email": ""}, "email_missing"),
    ],
)
def test_an_address_is_not_confirmed_on_the_files_word(cells: dict[str, str], code: str) -> None:
    proof = {"email": "m@holm.dk", "email_confirmed_at": "2026-11-01", "email_confirmed_from": "198.51.100.7"}
    assert newcomer(**proof).email_confirmed_at == datetime(2026, 10, 31, 23, tzinfo=UTC)
    row = read(**(proof | cells))
    assert row.newcomer is not None
    assert row.newcomer.email_confirmed_at is None
    assert troubles(row) == [("email_confirmed", code)]


def test_a_confirmed_address_alone_is_no_permission_to_write_to_it() -> None:
    proof = {"email": "m@holm.dk", "email_confirmed_at": "2026-11-01", "email_confirmed_from": "198.51.100.7"}
    assert troubles(read(wish="newsletter", **proof)) == [("wish", "permission_missing")]


@pytest.mark.parametrize(("given_at", "counts"), [("2026-11-01", False), ("2026-11-02", True)])
def test_what_a_child_agreed_to_does_not_count_though_they_are_15_by_now(given_at: str, counts: bool) -> None:
    """R14."""
    signed = on_paper("sms", wording=WORDS, given_at=given_at), on_paper("terms", version="1", given_at=given_at)
    row = read(CURIOUS, birth_date="2011-11-02", **signed[0], **signed[1])
    assert row.newcomer is not None
    assert len(row.newcomer.proofs) == (2 if counts else 0)
    assert troubles(row) == ([] if counts else [("terms", "too_young"), ("sms", "too_young")])


def test_a_child_is_not_brought_along() -> None:
    assert troubles(read(CURIOUS, birth_date="2012-01-01")) == [("birth_date", "too_young")]
    assert troubles(read(CURIOUS, own_outlet="trojborg")) == [("own_outlet", "unknown_value")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "first_name\nMette",
        "phone;phone\n1;2",
        "phone;sms_wordng\n20123456;Ja",
        "phone\n20123456;too;many",
        'phone\n"20123456" x',
        "phone\n" + "20123456\n" * (MOST_ROWS + 1),
    ],
)
def test_what_is_no_such_file_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        READER.read(text)
    assert refused.value.code == "invalid_field"


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_rows_are_numbered_as_a_spreadsheet_does_whatever_stands_between_their_cells(delimiter: str) -> None:
    people = [{"phone": "20123456", "first_name": "Mette"}, {"phone": ""}, {"phone": "20123457"}]
    text = "\ufeff" + file_of(*people, delimiter=delimiter)
    assert [row.number for row in READER.read(text)] == [2, 4]
    assert [row.number for row in READER.read(text, first_row=202)] == [202, 204]


@given(
    st.fixed_dictionaries({}, optional={name: st.sampled_from(["", cell]) for name, cell in SMS.items()}),
    st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(["", "1", cell]) for name, cell in on_paper("terms", version="1").items()}
    ),
    st.sampled_from(["", "club", "newsletter"]),
    st.timedeltas(timedelta(days=-3_000), timedelta(days=3_000)),
)
def test_whatever_a_row_says_nothing_counts_that_is_not_proved(
    sms: dict[str, str], terms: dict[str, str], wish: str, moved: timedelta
) -> None:
    reader = replace(READER, now=NOON + moved)
    row = read(reader, wish=wish, **sms, **terms)
    proofs: tuple[Proof, ...] = row.newcomer.proofs if row.newcomer else ()
    assert all(proof.evidence.given_at <= reader.now for proof in proofs)
    if any(proof.given for proof in proofs):
        assert sms == SMS
    if any(proof.terms for proof in proofs):
        assert terms == on_paper("terms", version="1")
        assert wish != "newsletter"
    assert (row.newcomer is None) == (wish == "newsletter" and not any(proof.given for proof in proofs))
