"""What the documents say is so: commands, routes, codes, limits, links and words are compared with the code."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest

from infra.command_line import parser
from infra.constructs.web_acl import REQUESTS_PER_FIVE_MINUTES
from infra.local.home import DEFAULT_PORT, ROOT
from stamkunde.http import LARGEST_BODY
from stamkunde.ledger.model.holding import HOLD_TIME, MOST_HOLDS
from stamkunde.members.model import LONGEST_NAME
from stamkunde.messaging.prices import price_of
from stamkunde.messaging.quiet_hours import SendingHours
from stamkunde.shared.errors import STATUS_BY_CODE
from stamkunde.shared.language import LANGUAGES, catalogue, text
from stamkunde.shared.money import Money
from stamkunde.shared.routing import Route
from till_api import requests
from till_api.contract import CONTRACT
from till_api.endpoints import ENTRIES_A_PAGE, MOST_ENTRIES_A_PAGE
from till_api.idempotency import LONGEST_KEY
from till_api.routes import ROUTES

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text()
TILL_API = (ROOT / "docs/till-api.md").read_text()
MANUALS = {language: (ROOT / f"docs/manual/{language}.md").read_text() for language in LANGUAGES}

FENCED = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
LEFT_OUT = "…"

# Hosts a document may name: this machine, and names nobody owns (RFC 2606).
HARMLESS_HOST = re.compile(r"127\.0\.0\.1|localhost|(?:[\w-]+\.)*example(?:\.com)?|(?:SHORT_)?DOMAIN")
A_FIRMS_NAME = "Amazon.com, Inc."
MACHINE_PATH = re.compile(r"(?<![\w.~}])/(?:work|root|home|Users|tmp|private|mnt)(?:/|\b)")


def code_of(document: str) -> Iterator[str]:
    """Every line of fenced code, and every inline code span, of a document."""
    for block in FENCED.findall(document):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+)`", FENCED.sub("", document))


def section(document: str, heading: str) -> str:
    """What stands under a heading, down to the next one of its level or above."""
    level = heading.split(" ", maxsplit=1)[0]
    body = document.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^#{{1,{len(level)}}} ", body, maxsplit=1, flags=re.MULTILINE)[0]


def rows(table: str) -> list[list[str]]:
    """The cells of the markdown table in a section, without its head."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def shown_commands() -> list[str]:
    """Every `stamkunde` command that a document shows, without the prompt and the file that its answer goes to."""
    lines = [
        line.removeprefix("$ ").partition(" > ")[0]
        for document in DOCUMENTS
        for line in code_of(document.read_text())
    ]
    commands = [line for line in lines if line.startswith("stamkunde ")]
    return sorted({command for command in commands if LEFT_OUT not in command})


def anchor(heading: str) -> str:
    """The anchor that a heading gets where markdown is shown."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


# Refused through a parameter: see `id_in_path` in functions/till_api/paths.py.
PATH_REFUSALS = {"unknown_member", "unknown_purchase"}


def refused_codes(*places: str) -> set[str]:
    """The codes of all refusals that modules in these places write down."""
    files = [
        file
        for place in places
        for file in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    refusals = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Refusal"]
    written = {call.args[0].value for call in refusals if isinstance(call.args[0], ast.Constant)}
    return {str(code) for code in written} | PATH_REFUSALS


def test_readme_names_every_make_target_and_no_other() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    named = {target for line in code_of(README) for target in re.findall(r"\bmake ([a-z]+)", line)}
    assert named == set(phony[1].split())


def test_no_document_names_a_make_target_that_is_not_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for document in DOCUMENTS:
        for line in code_of(document.read_text()):
            for target in re.findall(r"^(?:\$ )?make ([a-z]+)", line):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{document.name}: make {target}"


def test_documents_show_operators_commands() -> None:
    shown = {tuple(command.split()[1:3]) for command in shown_commands()}
    assert {("club", "create"), ("outlet", "create"), ("till", "create"), ("till", "revoke")} <= shown


@pytest.mark.parametrize("command", shown_commands())
def test_a_command_in_a_document_is_one(command: str) -> None:
    options = parser().parse_args(shlex.split(command)[1:])
    assert callable(options.command)


def test_readme_tells_the_port_that_is_usual() -> None:
    ports = set(re.findall(r"127\.0\.0\.1:(\d+)", README))
    assert ports == {str(DEFAULT_PORT)}


def test_the_till_api_page_has_every_code_a_till_may_meet_with_its_status() -> None:
    for_tills = {code for operation in CONTRACT.values() for code in operation.codes()}
    described = {row[0]: int(row[1]) for row in rows(section(TILL_API, "## Errors"))}
    assert described == {code: STATUS_BY_CODE[code] for code in for_tills}
    assert refused_codes("functions", "layers/stamkunde/python/stamkunde") == STATUS_BY_CODE.keys()


def test_the_till_api_page_has_every_route_and_no_other() -> None:
    headings = [title for _, title in HEADING.findall(section(TILL_API, "## Routes"))]
    assert headings == [f"{route.method} {route.path}" for route in ROUTES]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_has_a_sample_event(route: Route) -> None:
    event = json.loads((ROOT / f"events/till_api/{route.name}.json").read_text())
    assert event["requestContext"]["http"]["method"] == route.method
    assert route.pattern().match(event["rawPath"])
    assert ("body" in event) == (CONTRACT[route.name].body is not None)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_the_examples_of_a_route_are_requests_and_answers(route: Route) -> None:
    operation = CONTRACT[route.name]
    blocks = FENCED.findall(section(TILL_API, f"### {route.method} {route.path}"))
    sent = [block for block in blocks if block.startswith("{")]
    answered = [block.split("\n", 1) for block in blocks if re.match(r"20[0-9]\n", block)]
    assert bool(sent) == (operation.body is not None)
    for block in sent:
        assert operation.body is not None
        msgspec.json.decode(block, type=operation.body)
    for status, body in answered:
        if LEFT_OUT not in body:
            msgspec.json.decode(body, type=operation.answers[HTTPStatus(int(status))])


def test_the_limits_are_those_of_the_code() -> None:
    limits = {row[0]: row[1] for row in rows(section(TILL_API, "## Limits"))}
    assert limits["body"] == f"{LARGEST_BODY // 1024} kB"
    assert limits["lines a receipt"] == str(requests.MOST_LINES)
    assert limits["redemptions a receipt"] == str(requests.MOST_REDEMPTIONS)
    assert limits["payments a receipt"] == str(requests.MOST_PAYMENTS)
    assert limits["reservations a member has at a time"] == str(MOST_HOLDS)
    assert limits["time that a reservation holds"] == f"{HOLD_TIME.seconds // 60} minutes"
    assert limits["Idempotency-Key"] == f"{LONGEST_KEY} characters"
    assert limits["receipts a batch"] == str(requests.MOST_PURCHASES)
    assert limits["amount of a line, `spend_bonus"].startswith(f"{requests.LARGEST_AMOUNT:,} øre")
    assert limits["first name"] == f"{LONGEST_NAME} characters"
    assert limits["entries a page"] == str(MOST_ENTRIES_A_PAGE)
    assert limits["requests from one address"].startswith(f"{REQUESTS_PER_FIVE_MINUTES:,} in five minutes")
    assert f"1 to {MOST_ENTRIES_A_PAGE}, {ENTRIES_A_PAGE} if left out" in TILL_API


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in LINK.findall(FENCED.sub("", document.read_text())):
        name, _, fragment = target.partition("#")
        file = (document.parent / name).resolve() if name else document
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        if fragment:
            assert fragment in {anchor(title) for _, title in HEADING.findall(file.read_text())}, target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_names_a_strangers_host_or_a_machines_path(document: Path) -> None:
    page = document.read_text().replace(A_FIRMS_NAME, "")
    hosts = re.findall(r"https?://([^/\s:`'\")]+)", page)
    assert [host for host in hosts if not HARMLESS_HOST.fullmatch(host)] == []
    names = re.findall(r"[\w.-]+\.(?:com|dev|io|net|org)\b", page)
    assert [name for name in names if not HARMLESS_HOST.fullmatch(name)] == []
    assert MACHINE_PATH.findall(page) == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/adr"
    listed = re.findall(r"\(([^)]+\.md)\)", (folder / "README.md").read_text())
    assert listed == sorted(path.name for path in folder.glob("0*.md"))


def test_the_manuals_have_the_same_sections_and_the_same_refusals() -> None:
    def shape(manual: str) -> list[tuple[int, int, int]]:
        parts = [section(manual, f"{level} {title}") for level, title in HEADING.findall(manual)[1:]]
        return [
            (part.count("\n- "), len(re.findall(r"^\*\*", part, re.MULTILINE)), len(rows(part))) for part in parts
        ]

    def codes(manual: str) -> list[str]:
        return [row[0] for row in rows(manual) if row[0] in STATUS_BY_CODE]

    assert shape(MANUALS["da"]) == shape(MANUALS["nb"]) == shape(MANUALS["en"])
    assert codes(MANUALS["da"]) == codes(MANUALS["nb"]) == codes(MANUALS["en"]) != []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_manual_quotes_refusals_as_the_till_api_words_them(language: str) -> None:
    refusals = [row for row in rows(MANUALS[language]) if row[0] in STATUS_BY_CODE]
    assert refusals
    for code, title, _ in refusals:
        # Before the key is known to be good, no club's language is known either.
        spoken = "en" if STATUS_BY_CODE[code] == 401 else language
        assert title == catalogue(spoken)[f"problem.{code}.title"]


@pytest.mark.parametrize(("language", "countries"), [("da", ["DK"]), ("nb", ["NO"]), ("en", ["DK", "NO"])])
def test_a_manual_tells_what_text_messages_cost_and_when_they_come(language: str, countries: list[str]) -> None:
    told = " ".join(MANUALS[language].split())
    for country in countries:
        kroner = f"{price_of(1, country).amount / 100:.2f}"
        assert f"{kroner if language == 'en' else kroner.replace('.', ',')} kr." in told
        assert f"{500 * price_of(1, country).amount // 100} kr." in told
    for window in (SendingHours().workdays, SendingHours().sundays_and_holidays):
        between = " to " if language == "en" else "-"
        assert f"{window.opens.hour}{between}{window.closes.hour}" in told


@pytest.mark.parametrize(
    ("manual", "printed", "currency"), [("da", "da", "DKK"), ("nb", "nb", "NOK"), ("en", "da", "DKK")]
)
def test_a_manual_shows_the_receipt_as_it_is_printed(manual: str, printed: str, currency: str) -> None:
    earned, waiting = Money(266, currency), Money(104, currency)
    receipts = [
        [text(printed, "receipt.earned", amount=earned), text(printed, "receipt.balance", amount=earned)],
        [text(printed, "receipt.pending", amount=waiting), text(printed, "receipt.accept")],
    ]
    assert [block.splitlines() for block in FENCED.findall(MANUALS[manual])] == receipts
