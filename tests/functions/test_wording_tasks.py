"""A club's own words, from the operator who types them to the member who is written to."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from infra import message_commands
from infra.command_line import parser
from stamkunde.messaging.model import MessageKind
from stamkunde.messaging.words import EDITABLE
from tests.functions.conftest import OpenClub

WELCOME = "Velkommen hos {Klub}, {Fornavn}. Dit kort: {Link}"


def texts(shop: OpenClub, *kind: str, **given: Any) -> dict[str, Any]:
    named = {"kind": kind[0]} if kind else {}
    shown: dict[str, Any] = shop.operate("show_message_texts", club_id=shop.club.club_id, **named, **given)
    return shown


def edit(shop: OpenClub, kind: str, words: Any, **given: Any) -> dict[str, Any]:
    typed = {"text": words} if words not in ("ours", "one_part") and isinstance(words, str) else words
    shown: dict[str, Any] = shop.operate(
        "edit_message_text", club_id=shop.club.club_id, kind=kind, words=typed, **given
    )
    return shown


def test_a_member_is_written_to_in_the_shops_own_words_from_the_next_message_on(shop: OpenClub) -> None:
    saved = edit(shop, "welcome", WELCOME)
    assert (saved["text"], saved["merged"]["parts"]) == (WELCOME, 1)
    shop.joined(shop.number())
    assert shop.messages("welcome")[-1]["text"] == (
        f"Velkommen hos {shop.club.name}, Mette. Dit kort: k.test/c/{shop.club.slug}"
    )
    assert edit(shop, "welcome", "ours")["text"].startswith("Hej {Fornavn}.")
    shop.joined(shop.number())
    assert shop.messages("welcome")[-1]["text"].startswith("Hej Mette. Du er nu medlem hos")
    assert edit(shop, "welcome", "ours")["ours"] is None


def test_a_till_writes_in_the_shops_own_words_too(shop: OpenClub) -> None:
    edit(shop, "till_join", "{Klub}: godkend betingelserne her: {Link}")
    shop.till.join(shop.number(), accepts=False)
    assert shop.messages("till_join")[-1]["text"].startswith(f"{shop.club.name}: godkend betingelserne her: k.test/")


def test_words_in_one_language_leave_the_others_alone(shop: OpenClub) -> None:
    edit(shop, "welcome", "Welcome to {Club}: {Link}", language="en")
    (danish,) = texts(shop, "welcome")["texts"]
    (english,) = texts(shop, "welcome", language="en")["texts"]
    assert (danish["ours"], english["text"]) == (None, "Welcome to {Club}: {Link}")
    assert english["ours"].startswith("Hi {FirstName}.")


def test_every_message_is_shown_with_its_words_its_parts_and_its_price(shop: OpenClub) -> None:
    shown = texts(shop)
    assert {each["kind"] for each in shown["texts"]} == EDITABLE
    assert shown["price_a_part"]["currency"] == "DKK"
    by_kind = {each["kind"]: each for each in shown["texts"]}
    code = by_kind[MessageKind.CODE]
    assert (code["class"], code["merged"]["parts"]) == ("critical", 1)
    assert code["merged"]["price"] == {name: shown["price_a_part"][name] for name in ("amount", "currency")}
    mail = by_kind[MessageKind.CONFIRM_EMAIL]
    assert (mail["channel"], mail["merged"].keys()) == ("email", {"text", "subject"})


def test_what_a_message_may_not_say_is_refused_in_the_shops_language_with_the_word(shop: OpenClub) -> None:
    refused = edit(shop, "welcome", "{Klub} har tilbud: {Link}")
    assert (refused["code"], refused["pointer"]) == ("text_advertises", "/text")
    assert "»tilbud«" in refused["detail"]
    assert texts(shop, "welcome")["texts"][0]["ours"] is None


def test_a_text_of_more_than_six_parts_is_not_saved(shop: OpenClub) -> None:
    refused = edit(shop, "welcome", f"{WELCOME} {'x' * 1_000}")
    assert (refused["code"], refused["pointer"]) == ("invalid_field", "/text")
    assert texts(shop, "welcome")["texts"][0]["ours"] is None


@pytest.mark.parametrize(
    ("kind", "words", "pointer"),
    [("test", WELCOME, "/kind"), ("Welcome", WELCOME, "/kind"), ("welcome", "one_part", "/words")],
)
def test_what_there_is_not_can_not_be_worded(shop: OpenClub, kind: str, words: str, pointer: str) -> None:
    refused = edit(shop, kind, words)
    assert (refused["code"], refused["pointer"]) == ("invalid_field", pointer)


def typed(*words: str) -> argparse.Namespace:
    return parser().parse_args(["message", "edit", "c1", "welcome", *words])


def test_a_text_is_typed_or_comes_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[dict[str, Any]] = []

    def ask(task: str, **given: Any) -> dict[str, Any]:
        asked.append({"task": task, **given})
        return {"kind": "welcome"}

    file = tmp_path / "text"
    file.write_text("Fra en fil: {Link}")
    for options in (
        typed("--text", WELCOME, "--language", "da"),
        typed("--file", str(file), "--subject", "Hej"),
        typed("--one-part"),
        typed("--ours"),
    ):
        assert message_commands.edit_text(ask, options) == 0
    assert [each["words"] for each in asked] == [
        {"text": WELCOME, "subject": None},
        {"text": "Fra en fil: {Link}", "subject": "Hej"},
        "one_part",
        "ours",
    ]
    assert [each.get("language") for each in asked] == ["da", None, None, None]
    assert json.loads(capsys.readouterr().out.split("\n}\n")[0] + "}") == {"kind": "welcome"}
