"""A shop whose members' facts are kept, with what the streams would mark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stamkunde.campaigns.audience import PAGES, Audience
from stamkunde.campaigns.facts_service import FactsKeeper
from stamkunde.campaigns.facts_store import FactsStore, MarkKind, MarkStore, Touched, block_of
from stamkunde.campaigns.model.criteria import EVERYBODY, Criterion
from stamkunde.campaigns.model.facts import MemberFacts
from stamkunde.campaigns.taking_facts import FactsReader
from stamkunde.ledger.account_members import AccountMembers
from stamkunde.ledger.model.receipts import Basket, Line, Receipt
from stamkunde.ledger.service import Booked
from stamkunde.members.admission import Change
from stamkunde.members.consents import (
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    new_record_id,
    next_instant,
)
from stamkunde.members.wordings import club_permission
from tests.ledger_checks import rows
from tests.shop import Shop

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

VIEWS = "views"


@dataclass
class FactsShop(Shop):
    """A shop with segments."""

    @property
    def facts(self) -> FactsStore:
        return FactsStore(self.client, VIEWS, self.club.club_id)

    @property
    def marks(self) -> MarkStore:
        return MarkStore(self.client, VIEWS)

    @property
    def keeper(self) -> FactsKeeper:
        return keeper_of(self, self.client)

    def rebuild(self) -> None:
        assert self.keeper.rebuild(0, lambda: False).finished

    def of(self, member_id: str) -> MemberFacts | None:
        """Their facts as they are kept."""
        return self.facts.load(block_of(member_id)).members.get(member_id)

    def renewed(self, member_id: str) -> MemberFacts:
        """Their facts, made anew."""
        self.keeper.renew([member_id])
        facts = self.of(member_id)
        assert facts is not None
        return facts

    def chosen(self, criterion: Criterion = EVERYBODY) -> set[str]:
        audience = Audience(self.club, self.facts, criterion, self.today())
        return {facts.member_id for shard in range(PAGES) for facts in audience.page(shard)}

    def says(
        self,
        member_id: str,
        given: Iterable[PermissionKind] = (),
        withdrawn: Iterable[PermissionKind] = (),
    ) -> None:
        """A member says yes or no to something on their page."""
        member, records = self.members.load_with_records(member_id)
        assert member is not None
        now = next_instant(records, self.now())
        evidence = Evidence(ConsentMethod.MEMBER_PAGE, now, now, "da")
        texts = tuple(club_permission(self.club, kind, "da") for kind in given)
        record = ConsentRecord(new_record_id(now), evidence, given=texts, withdrawn=tuple(withdrawn))
        self.admission.write(Change(member, member, record), now)

    def buys(self, member_id: str, *items: str, price: int = 10_000) -> Booked:
        """A purchase of these item numbers, one each."""
        basket = Basket(tuple(Line(item, 1, price) for item in items), 0)
        return self.ledger.book(Receipt(str(next(self._receipts)), self.now(), member_id, basket), self.point)

    def touches(self, member_id: str) -> Touched:
        return Touched(self.club.club_id, MarkKind.MEMBER, member_id)


def keeper_of(shop: Shop, client: DynamoDBClient) -> FactsKeeper:
    reader = FactsReader(shop.club, shop.members, shop.store, shop.clock)
    accounts = AccountMembers(client, shop.ledger_table, shop.club.club_id, shop.patience)
    return FactsKeeper(FactsStore(client, VIEWS, shop.club.club_id), reader, accounts, shop.patience)


def buyer(shop: FactsShop) -> str:
    """A member whose purchases may be looked at."""
    member_id = shop.new_member()
    shop.says(member_id, given=[PermissionKind.PURCHASES, PermissionKind.SMS])
    return member_id


def stored(shop: FactsShop) -> bytes:
    """All that is kept in blocks, one after the other."""
    return b" ".join(row["members"] for row in rows(shop.client, VIEWS) if "members" in row)
