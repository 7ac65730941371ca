"""A club with open pages, and browsers in front of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import replace
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.clubs.model import Club
from stamkunde.clubs.store import ClubRegistry, ClubStore
from stamkunde.members.codes import one_time_code, purpose_of
from tests.function_fixtures import CONTEXT, ORIGIN_SECRET, new_till
from tests.letterbox import waiting
from tests.page_browser import PageBrowser
from tests.rights import held_to_rights  # noqa: F401 - every test here runs under it
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PAGE = {
    "company": "Bager Holm ApS",
    "registration_number": "12345678",
    "contact": "hej@bagerholm.example",
    "goods": "brød, kager og kaffe",
    "accent": "#8a4b1f",
}
SHORT_DOMAIN = "k.test"


@pytest.fixture
def clubs_of_this_test(tables: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The clubs made since the test began, and the only ones that jobs go to: a session has hundreds."""
    from due_job import handler as due_job

    from facts_rebuild_job import handler as facts_rebuild_job
    from ledger_job import handler as ledger_job
    from proof_job import handler as proof_job

    every = ClubRegistry(tables, "clubs").club_ids
    before = set(every())

    def made_since() -> list[str]:
        return [club_id for club_id in every() if club_id not in before]

    monkeypatch.setattr(ClubRegistry, "club_ids", lambda _registry: iter(made_since()))
    for job in (due_job, ledger_job, proof_job, facts_rebuild_job):
        monkeypatch.setattr(job, "ROUNDS", replace(job.ROUNDS, club_ids=made_since))
    return made_since


@dataclass
class OpenClub:
    """A club that anybody may join on its page."""

    till: TillClient
    client: DynamoDBClient
    operate: Any

    @property
    def club(self) -> Club:
        found = ClubStore(self.client, "clubs", self.till.club["club_id"]).load()
        assert found is not None
        return found

    @property
    def join(self) -> str:
        return f"/{self.till.club['slug']}/join"

    @property
    def card(self) -> str:
        return f"/m/{self.till.club['slug']}"

    def browser(self) -> PageBrowser:
        return PageBrowser(ORIGIN_SECRET, CONTEXT)

    def number(self) -> str:
        return f"2012{random.randrange(10**4):04}"

    def messages(self, kind: str | None = None) -> list[dict[str, Any]]:
        """What waits to be sent in the club's name, oldest first."""
        own = [row for row in waiting(self.client, kind) if self.till.club["club_id"] in row["pk"] + row["sk"]]
        return sorted(own, key=lambda row: str(row["due_at"]))

    def code(self) -> str:
        """The newest code that somebody was sent."""
        message = self.messages("code")[-1]
        challenge = message["challenge"]
        return one_time_code(self.club.signing_keys, challenge, purpose_of(challenge), message["recipient"])

    def link(self, kind: str) -> str:
        """The path of the newest link that a message of a kind carries."""
        _, _, rest = str(self.messages(kind)[-1]["text"]).partition(f"{SHORT_DOMAIN}/")
        return f"/l/{rest.split()[0]}"

    def joined(self, number: str, **typed: str) -> PageBrowser:
        """A browser whose owner has joined, by default as a member."""
        browser = self.browser()
        browser.get(self.join)
        browser.send(self.join, **({"phone": number, "first_name": "Mette", "terms": "yes"} | typed))
        browser.send(f"{self.join}/code", code=self.code())
        return browser


@pytest.fixture
def shop(till: TillClient, tables: DynamoDBClient, operate: Any) -> OpenClub:
    """A new club in Denmark with its pages open."""
    operate("publish_join_page", club_id=till.club["club_id"], **PAGE)
    return OpenClub(till, tables, operate)


@pytest.fixture
def closed_shop(tables: DynamoDBClient, operate: Any) -> OpenClub:
    """A new club that hasn't said what its pages need."""
    return OpenClub(new_till(operate), tables, operate)
