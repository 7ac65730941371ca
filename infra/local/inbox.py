"""The local inbox: every message as its receiver sees it, for people at `/inbox`, for tests at `/inbox.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from infra.local.mailbox import Mail, Mailbox
from infra.local.short_links import pieces
from infra.target import LOCAL_SHORT_DOMAIN
from stamkunde.messaging.default_texts import why_sent
from stamkunde.messaging.outbox import CODE_PLACE
from stamkunde.web.assets import asset_address
from stamkunde.web.pages import FIRST_LANGUAGE
from stamkunde.web.texts import LANGUAGE_NAMES, language_of

PATHS = frozenset({"/inbox", "/inbox.json", "/inbox.css"})
MOST_SHOWN = 100
_FOLDER = Path(__file__).parent / "inbox_page"
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of the inbox."""

    media_type: str
    content: str

    @property
    def headers(self) -> dict[str, str]:
        """What goes with it."""
        kept = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
        return kept | {"content-security-policy": _POLICY, "x-content-type-options": "nosniff"}


@cache
def inbox_texts(language: str) -> dict[str, str]:
    """All the inbox' texts of a language by key."""
    texts: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text())
    return texts


class Inbox:
    """Answers the inbox' addresses.

    Parameters
    ----------
    mailbox
        Where the messages are found.
    pages_url
        Where the links in them lead.
    """

    def __init__(self, mailbox: Mailbox, pages_url: str) -> None:
        self._mailbox = mailbox
        self._pages_url = pages_url
        self._environment = Environment(
            loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    def answer(self, path: str, query: Mapping[str, str], accepted_languages: str) -> Page:
        """The page of one of `PATHS`."""
        if path == "/inbox.css":
            return Page("text/css", (_FOLDER / "inbox.css").read_text())
        recipient = _recipient(query.get("to", ""))
        mails = [mail for mail in self._mailbox.all() if recipient in ("", mail.recipient)]
        if path == "/inbox.json":
            shown = [self._described(mail) for mail in mails]
            return Page("application/json", json.dumps({"messages": shown}, ensure_ascii=False))
        return Page(
            "text/html",
            self._page(mails, recipient, language_of(query.get("lang"), accepted_languages, FIRST_LANGUAGE)),
        )

    def _described(self, mail: Mail) -> dict[str, object]:
        return {
            "channel": mail.channel,
            "kind": mail.kind,
            "class": mail.message_class,
            "state": mail.state,
            "reason": mail.reason,
            "message_id": mail.message_id,
            "from": mail.sender,
            "to": mail.recipient,
            "subject": mail.subject,
            "text": mail.text,
            "code": mail.code,
            "links": [target for _, target in self._pieces(mail) if target],
            "parts": mail.parts,
            "at": mail.at.isoformat() if mail.at else None,
        }

    def _pieces(self, mail: Mail) -> Iterator[tuple[str, str | None]]:
        yield from pieces(mail.text or "", LOCAL_SHORT_DOMAIN, self._pages_url)

    def _page(self, mails: list[Mail], recipient: str, language: str) -> str:
        texts = inbox_texts(language)

        def text(key: str, **values: str | int) -> str:
            return texts[key].format_map(values)

        def address(**changed: str | None) -> str:
            query = {"to": recipient, "lang": language} | changed
            return "/inbox?" + urlencode({name: value for name, value in query.items() if value})

        def shown(mail: Mail) -> Iterator[tuple[str, str | None]]:
            later = texts["code.later"]
            return ((words.replace(CODE_PLACE, later), target) for words, target in self._pieces(mail))

        return self._environment.get_template("inbox.html").render(
            language=language,
            languages=LANGUAGE_NAMES,
            kit=asset_address("stamkunde.css"),
            text=text,
            address=address,
            pieces=shown,
            clock=clock_text,
            parts=lambda count: text("parts.one" if count == 1 else "parts.many", count=count),
            why=lambda mail: _why(mail, language),
            only=recipient,
            mails=mails[:MOST_SHOWN],
            more=len(mails) > MOST_SHOWN,
        )


def _why(mail: Mail, language: str) -> str:
    if mail.kind:
        return why_sent(mail.kind, language)
    return inbox_texts(language)["unexplained" if mail.campaign_id is None else "why.campaign"]


def _recipient(typed: str) -> str:
    """A number or address as typed; a plus sign in a query means a space, unless it was escaped."""
    text = typed.strip()
    return f"+{text}" if text.isdigit() else text


def clock_text(moment: datetime) -> str:
    """By this machine's clock, whose time zone is named: many machines without a desk keep UTC."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
