"""Whatever is wrong with a body is said in the club's language, and where: msgspec itself says it in English only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from infra.local.home import ROOT
from stamkunde.http import decode, problem_document
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES, catalogue
from stamkunde.shared.reasons import Reason, read
from till_api import endpoints, requests

ENGLISH = re.compile(r"Expected|Object|Invalid|missing|unknown|\bgot\b|length|array|\bstr\b|\bint\b|must|field\b|`")
MODELS = sorted(requests.RequestModel.__subclasses__(), key=lambda model: model.__name__)
FILLED = {"%U": "name", "%s": "int", "%R": "'x'", "%zd": "2", "%lld": "2", "%llu": "2"}
NEVER_IN_JSON = ("MessagePack", " - at ", "Decoder(")


def shapes() -> list[str]:
    """What the library itself says of a value: its sentences that end in the place of the value."""
    core = Path(msgspec.__file__).parent.glob("_core*.so")
    written = re.findall(rb"[ -~]{4,}%U\x00", next(core).read_bytes())
    shapes = [text.decode().removesuffix("%U\0") for text in written]
    return sorted({shape for shape in shapes if " " in shape and not any(each in shape for each in NEVER_IN_JSON)})


def filled(shape: str) -> str:
    return re.sub("|".join(FILLED), lambda place: FILLED[place[0]], shape.replace("%s %R", "> 1.5"))


def told(refusal: Refusal, language: str) -> str:
    return problem_document(refusal, language).detail


@pytest.mark.parametrize("shape", shapes())
def test_every_sentence_of_the_library_has_words_of_ours(shape: str) -> None:
    reason, pointer = read(f"{filled(shape)} - at `$.lines[0].amount`")
    assert reason.key != "other", shape
    assert pointer is not None
    assert pointer.startswith("/lines/0/amount")
    for language in ("da", "nb"):
        assert not ENGLISH.search(reason.text(language)), reason.text(language)


def test_the_models_of_every_route_are_asked() -> None:
    assert {requests.Join, requests.Batch} <= set(MODELS)
    assert endpoints.ENDPOINTS, "loaded, and with it every module of models"


def test_the_librarys_sentences_are_found() -> None:
    found = shapes()
    assert {"Object missing required field `%U`", "Expected `%s`, got `%s`", "Invalid enum value %R"} <= set(found)
    assert len(found) > 30


def test_a_sentence_that_nobody_knows_is_told_in_general() -> None:
    assert read("Something new happened") == (Reason("other"), None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_is_used_and_has_words(language: str) -> None:
    code = "\n".join(
        path.read_text() for folder in ("functions", "layers/stamkunde") for path in (ROOT / folder).rglob("*.py")
    )
    for key in catalogue(language):
        if key.startswith("reason."):
            assert f'"{key.rpartition(".")[2]}"' in code or f'"{key}"' in code, key


@pytest.mark.parametrize(
    ("wrong", "model", "pointer", "words"),
    [
        (b'{"telefon": "20123456"}', requests.LookUp, "/telefon", "feltet telefon findes ikke her"),
        (b'{"a/b~c": 1}', requests.LookUp, "/a~1b~0c", "feltet a/b~c findes ikke her"),
        (b"{}", requests.Join, "/phone", "feltet phone mangler"),
        (b"{}", requests.LookUp, None, "send enten phone eller card"),
        (b'{"phone": 20123456}', requests.Join, "/phone", "der skal stå tekst, ikke et helt tal"),
        (b'{"phone": "20123456", "first_name": 1}', requests.Join, "/first_name", "tekst eller ingenting"),
        (b'{"phone": ""}', requests.Join, "/phone", "det må ikke være tomt"),
        (b'{"purchases": []}', requests.Batch, "/purchases", "det må ikke være tomt"),
        (b'{"purchases": [{"x": 1}]}', requests.Batch, "/purchases/0/x", "feltet x findes ikke her"),
        (b'{"purchases": [{}]}', requests.Batch, "/purchases/0/receipt_number", "feltet receipt_number mangler"),
        (b'{"phone": "' + b"1" * 41 + b'"}', requests.Join, "/phone", "der må højst være 40 tegn"),
        (
            b'{"terms_version": 1, "method": "signed_form", "accepted_at": "2026-11-21T12:00:00"}',
            requests.TermsAccepted,
            "/accepted_at",
            "tidspunktet mangler sin tidsforskel til UTC",
        ),
        (
            b'{"terms_version": 1, "method": "shouting"}',
            requests.TermsAccepted,
            "/method",
            "værdien er ikke en af dem, der kan vælges",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named_and_explained(
    wrong: bytes, model: Any, pointer: str | None, words: str
) -> None:
    with pytest.raises(Refusal) as refused:
        decode(wrong, model)
    assert (refused.value.code, refused.value.pointer) == ("invalid_field", pointer)
    assert words in told(refused.value, "da")


def test_what_somebody_called_a_field_confuses_nobody() -> None:
    for name in ("` - at `$", "{field}", "a\nb", "Expected `int`, got `str`"):
        reason, _ = read(f"Object contains unknown field `{name}` - at `$.lines[0]`")
        assert reason.key == "unknown_field"
        assert name in reason.text("da")


class Everything(msgspec.Struct, forbid_unknown_fields=True):
    """A field of each kind that no request has yet."""

    fraction: Annotated[float, Meta(gt=1, lt=9)] = 2
    even: Annotated[int, Meta(multiple_of=2)] = 2
    pair: tuple[int, int] = (1, 2)
    choice: Literal[1, 2] = 1
    named: dict[str, int] = {}


@pytest.mark.parametrize("model", [*MODELS, Everything], ids=lambda model: model.__name__)
def test_nothing_that_can_be_wrong_with_a_request_is_told_in_english(model: Any) -> None:
    found = [refused for body in wrong_bodies(model) if (refused := refusal_of(body, model))]
    assert len(found) > len(model.__struct_fields__)
    for refusal in found:
        assert refusal.code == "invalid_field"
        for language in ("da", "nb"):
            detail = told(refusal, language)
            assert not ENGLISH.search(names_taken_out(detail, refusal)), detail
        general = str(catalogue("en")["reason.other"])
        assert general not in told(refusal, "en")


def refusal_of(body: dict[str, Any] | list[Any], model: Any) -> Refusal | None:
    try:
        decode(msgspec.json.encode(body), model)
    except Refusal as refusal:
        return refusal
    return None


def wrong_bodies(model: Any) -> Iterator[dict[str, Any] | list[Any]]:
    """Bodies that are wrong in one place: of every kind, too little, too much, unknown, left out."""
    yield []
    yield {"nobody_knows": 1}
    wrong: tuple[Any, ...] = (
        None,
        True,
        -1,
        10**12,
        1.5,
        10.0,
        "",
        "x",
        "x" * 500,
        [],
        [1] * 400,
        [1],
        {},
        {"a": "x"},
        [1, 2, 3],
    )
    good = {name: sample for name in model.__struct_fields__ if (sample := GOOD.get(name)) is not None}
    for name in model.__struct_fields__:
        yield {each: sample for each, sample in good.items() if each != name}
        for value in wrong:
            yield good | {name: value}
    yield good | {"bought_at": "2026-11-21T12:00:00", "accepted_at": "2026-11-21T12:00:00"}


LINE = {"item_number": "1", "quantity": 1, "amount": 100}
GOOD: dict[str, Any] = {
    "phone": "20123456",
    "terms_version": 1,
    "method": "signed_form",
    "accepted_at": "2026-11-21T12:00:00Z",
    "bought_at": "2026-11-21T12:00:00Z",
    "item_number": "1",
    "quantity": 1,
    "amount": 100,
    "currency": "DKK",
    "lines": [LINE],
    "member_id": "m" + "0" * 16,
    "receipt_number": "1",
}


def names_taken_out(detail: str, refusal: Refusal) -> str:
    """What is left without the names of our fields and patterns, which are English in every language."""
    reason = refusal.values["expected"]
    assert isinstance(reason, Reason)
    for name in ("field", "pattern"):
        detail = detail.replace(str(reason.values.get(name)), "")
    return detail


def test_a_request_says_itself_what_is_wrong_with_it_in_words() -> None:
    """A ValueError of a model's own would be told as msgspec tells it: in English, or in general."""
    for path in (ROOT / "functions" / "till_api").glob("*.py"):
        assert "raise ValueError" not in path.read_text(), path
