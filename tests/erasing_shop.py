"""What erases a shop's members: the steps themselves, and what stands for the places outside of the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from stamkunde.audit.store import AuditStore
from stamkunde.campaigns.addresses import Addresses
from stamkunde.campaigns.audience_store import AudienceStore
from stamkunde.campaigns.chunk_store import ChunkStore
from stamkunde.campaigns.facts_store import FactsStore
from stamkunde.campaigns.forgetting import CampaignTraces
from stamkunde.campaigns.results import Results
from stamkunde.campaigns.runs import Running
from stamkunde.campaigns.store import CampaignStore
from stamkunde.erasure.steps import Erasure, Stores
from stamkunde.erasure.store import ReceiptStore
from stamkunde.gateways.tombstones import digest_of
from stamkunde.ledger.forgetting import Forgetting
from stamkunde.members.birthdays import BirthdayNotes
from stamkunde.members.remains import Remains
from stamkunde.messaging.store import ClubMessages
from stamkunde.retention.service import Looking

if TYPE_CHECKING:
    from tests.shop import Shop


@dataclass
class Photos:
    """The photos of signed forms that are kept, by name."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def keep(self, name: str, content: bytes, _media_type: str) -> None:
        self.kept[name] = content

    def remove(self, name: str) -> None:
        self.kept.pop(name, None)

    def remove_all(self, beginning: str, but: str | None = None) -> None:
        for name in [each for each in self.kept if each.startswith(beginning) and each != but]:
            self.remove(name)


@dataclass
class KeptTombstones:
    """Who was taken away, by club, and on which day."""

    kept: dict[str, dict[str, date]] = field(default_factory=dict)

    def keep(self, club_id: str, member_id: str, day: date) -> None:
        self.kept.setdefault(club_id, {})[digest_of(member_id)] = day

    def of_club(self, club_id: str) -> dict[str, date]:
        return self.kept.get(club_id, {})


def looking_of(shop: Shop) -> Looking:
    club_id = shop.club.club_id
    remains = Remains(shop.client, shop.members_table, club_id)
    messages = ClubMessages(shop.client, "messages", club_id)
    return Looking(shop.club, shop.members, remains, messages, shop.store)


def erasure_of(shop: Shop, looking: Looking, photos: Any, tombstones: Any) -> Erasure:
    """What erases a shop's members, step by step."""
    club, client = shop.club, shop.client
    stores = Stores(
        members=shop.members,
        access=shop.access,
        remains=looking.remains,
        lapsing=shop.lapsing,
        birthdays=BirthdayNotes(client, shop.members_table, club.club_id),
        stops=shop.stops,
        due=shop.due,
        audit=AuditStore(client, shop.members_table, club.club_id, club.time_zone),
        receipts=ReceiptStore(client, shop.members_table, club.club_id),
        messages=ClubMessages(client, "messages", club.club_id),
        forgetting=Forgetting(shop.store, shop.clock, club.time_zone, shop.patience),
        facts=FactsStore(client, "views", club.club_id),
        campaigns=CampaignTraces(
            Addresses(client, "messages", club.club_id, club.address_key),
            Results(client, "messages", club.club_id),
            ChunkStore(client, "messages", club.club_id),
            Running(client, "messages"),
            CampaignStore(client, "messages", club.club_id),
            AudienceStore(client, "messages", club.club_id),
            shop.patience,
        ),
        evidence=lambda: photos,
        tombstones=lambda: tombstones,
    )
    return Erasure(club, stores, looking, shop.clock, shop.patience, lambda: shop.messages)


def erase(shop: Shop, member_id: str) -> None:
    """Erase somebody at once, whatever is due."""
    assert erasure_of(shop, looking_of(shop), Photos(), KeptTombstones()).erase_now(member_id)
