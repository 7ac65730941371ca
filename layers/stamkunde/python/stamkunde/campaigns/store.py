"""Rows of the messages table that hold a club's campaigns, and when each is to be looked at.

``CAMPAIGN#<club>#<campaign>`` / ``CAMPAIGN``: the campaign without its texts, so that a worker reads little.
``CAMPAIGN#<club>#<campaign>`` / ``TEXTS#<version>``: its texts of a version, never changed. ``CAMPAIGNS#<club>`` /
``<drafted>#<campaign>``: its line in the list. ``CAMPAIGN_DUE#<shard>`` / ``<instant>#<club>#<campaign>``: when the
minute job looks at it; one a campaign, written with every change of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from stamkunde.campaigns.model.campaign import (
    Campaign,
    CampaignState,
    CampaignStatus,
    Counts,
    PausedBy,
    Pin,
    Timetable,
    first_at,
)
from stamkunde.campaigns.model.criteria import read_criterion, write_criterion
from stamkunde.campaigns.model.law import Answers
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import compact_instant, iso_instant, parse_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import shard_of
from stamkunde.shared.patience import Patience
from stamkunde.shared.reading import get_row, query_rows, query_where
from stamkunde.shared.transaction import NOT_THERE, UNCHANGED, ConditionFailed, Delete, Put, Write, commit, put_alone

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1
DUE_SHARDS = 4
LISTS_LAST = timedelta(days=35)
"""How long the lists of a campaign's members live: as long as a text message may still be answered."""

PAUSED_FOR = timedelta(days=30)
"""A campaign that nobody resumes by then expires, before its lists do."""


class CampaignLine(Struct, frozen=True):
    """A campaign in the list of them.

    Parameters
    ----------
    frozen_at
        When it was written down whom it is for; None if it never was.
    """

    campaign_id: str
    name: str
    status: CampaignStatus
    drafted_at: datetime
    plan_id: str | None = None
    frozen_at: datetime | None = None


class DueCampaign(Struct, frozen=True):
    """That a campaign is to be looked at, and where that is written."""

    pk: str
    sk: str

    @property
    def due_at(self) -> str:
        """When, by its club's clock, as keys write it."""
        return self.sk.split("#")[0]

    @property
    def club_id(self) -> str:
        """Whose it is."""
        return self.sk.split("#")[1]

    @property
    def campaign_id(self) -> str:
        """Which."""
        return self.sk.split("#")[2]

    def is_due(self, now: datetime) -> bool:
        """Whether it is time, by the club's clock."""
        return self.due_at <= compact_instant(now)


def look_at(campaign: Campaign) -> datetime | None:
    """When the minute job is to look at a campaign next: what is being sent, always; None for nothing to do."""
    first, table = campaign.first_at, campaign.timetable
    if first is None or table is None:
        return None
    match campaign.status:
        case CampaignStatus.SCHEDULED:
            return first
        case CampaignStatus.SENDING:
            return campaign.waits_until or first
        case CampaignStatus.PAUSED:
            return min(table.ends_at or first + PAUSED_FOR, first + PAUSED_FOR)
    return None


class CampaignStore:
    """One club's campaigns. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, patience: Patience | None = None) -> None:
        self._client = client
        self._table = table
        self._patience = patience or Patience()
        self.club_id = club_id

    def load(self, campaign_id: str) -> Campaign | None:
        """A campaign as last confirmed, with the texts that are sent; None if there is none."""
        row = get_row(self._client, self._table, self._pk(campaign_id), "CAMPAIGN", consistent=True)
        if row is None:
            return None
        return _campaign(row, self._texts(campaign_id, row["text_version"]))

    def find(self, campaign_id: str) -> Campaign:
        """A campaign as last confirmed.

        Raises
        ------
        Refusal
            ``unknown_campaign``.
        """
        found = self.load(campaign_id)
        if found is None:
            raise Refusal("unknown_campaign")
        return found

    def read_state(self, campaign_id: str) -> CampaignState | None:
        """What a worker must know before its next messages, as last confirmed: one small row."""
        row = get_row(self._client, self._table, self._pk(campaign_id), "CAMPAIGN", consistent=True)
        return _state(row) if row else None

    def _texts(self, campaign_id: str, version: int) -> dict[str, Any]:
        """The texts of a version; that there are none is a fault of ours, for they are written with the campaign."""
        row = get_row(self._client, self._table, self._pk(campaign_id), _texts_sk(version), consistent=True)
        if row is None:
            raise KeyError(f"texts {version} of {campaign_id}")
        return row

    def lines(self) -> list[CampaignLine]:
        """All campaigns of the club, the newest first."""
        rows = query_rows(self._client, self._table, f"CAMPAIGNS#{self.club_id}", consistent=True)
        return [_line(row) for row in rows][::-1]

    def create(self, campaign: Campaign) -> None:
        """Write a new draft.

        Raises
        ------
        Refusal
            ``campaign_changed``: there is one of that id; ``try_again``.
        """
        self._commit(self.writes(None, campaign))

    def save(self, before: Campaign, after: Campaign, others: Sequence[Write] = ()) -> Campaign:
        """Write what became of a campaign, with other writes or not at all; the new one again.

        Raises
        ------
        Refusal
            ``campaign_changed``: somebody changed it meanwhile.
        """
        self._commit([*self.writes(before, after), *others])
        return after

    def writes(self, before: Campaign | None, after: Campaign) -> list[Write]:
        """The writes of a change, for a transaction with others."""
        row = self._row(after)
        if before is None:
            writes: list[Write] = [Put("campaign", self._table, row, NOT_THERE)]
        else:
            writes = [Put("campaign", self._table, row, UNCHANGED, {"before": before.revision})]
        writes.append(Put("line", self._table, self._line_row(after)))
        if before is None or before.text_version != after.text_version:
            writes.append(Put("texts", self._table, self._texts_row(after)))
        return writes + self._due_writes(before, after)

    def put_alone(self, put: Put) -> None:
        """Write one row by itself; see `stamkunde.shared.transaction.put_alone`.

        Raises
        ------
        ConditionFailed, Busy
            As there.
        """
        put_alone(self._client, put)

    def _due_writes(self, before: Campaign | None, after: Campaign) -> list[Write]:
        old, new = (self._due_key(each) if each else None for each in (before, after))
        if old == new:
            return []
        writes: list[Write] = []
        if old is not None:
            writes.append(Delete("old due", self._table, old, ""))
        if new is not None:
            writes.append(Put("due", self._table, {**new, "v": ITEM_VERSION}))
        return writes

    def _commit(self, writes: list[Write]) -> None:
        try:
            self._patience.until_done(lambda: commit(self._client, writes))
        except ConditionFailed as failed:
            raise Refusal("campaign_changed" if failed.found.get("campaign") else "unknown_campaign") from failed

    def _due_key(self, campaign: Campaign) -> dict[str, str] | None:
        at = look_at(campaign)
        if at is None:
            return None
        shard = shard_of(campaign.campaign_id, DUE_SHARDS)
        return {
            "pk": f"CAMPAIGN_DUE#{shard}",
            "sk": f"{compact_instant(at)}#{self.club_id}#{campaign.campaign_id}",
        }

    def _pk(self, campaign_id: str) -> str:
        return f"CAMPAIGN#{self.club_id}#{campaign_id}"

    def _texts_row(self, campaign: Campaign) -> dict[str, Any]:
        return {
            "pk": self._pk(campaign.campaign_id),
            "sk": _texts_sk(campaign.text_version),
            "v": ITEM_VERSION,
            "texts": msgspec.json.encode(campaign.texts).decode(),
            "opening_hours": dict(campaign.opening_hours),
        }

    def _line_row(self, campaign: Campaign) -> dict[str, Any]:
        return {
            "pk": f"CAMPAIGNS#{self.club_id}",
            "sk": f"{compact_instant(campaign.drafted_at)}#{campaign.campaign_id}",
            "v": ITEM_VERSION,
            "name": campaign.name,
            "status": campaign.status.value,
            "drafted_at": iso_instant(campaign.drafted_at),
            "plan": campaign.plan_id,
            "frozen_at": _instant_or_none(campaign.frozen_at),
        }

    def _row(self, campaign: Campaign) -> dict[str, Any]:
        return {
            "pk": self._pk(campaign.campaign_id),
            "sk": "CAMPAIGN",
            "v": ITEM_VERSION,
            "revision": campaign.revision,
            "epoch": campaign.epoch,
            "status": campaign.status.value,
            "paused_by": campaign.paused_by and campaign.paused_by.value,
            "name": campaign.name,
            "by": campaign.by,
            "drafted_at": iso_instant(campaign.drafted_at),
            "text_version": campaign.text_version,
            "answers": msgspec.json.encode(campaign.answers).decode(),
            "criteria": write_criterion(campaign.criteria).decode(),
            "channels": [channel.value for channel in campaign.channels],
            "sms_after_seconds": _seconds(campaign.sms_after),
            "holdout_bp": campaign.holdout_bp,
            "plan": campaign.plan_id,
            "timetable": _timetable_map(campaign.timetable),
            "pressed_at": _instant_or_none(campaign.pressed_at),
            "pin": _pin_map(campaign.pin),
            "frozen": _pin_map(campaign.frozen),
            "frozen_at": _instant_or_none(campaign.frozen_at),
            "begun_at": _instant_or_none(campaign.begun_at),
            "waits_until": _instant_or_none(campaign.waits_until),
            "ended_at": _instant_or_none(campaign.ended_at),
            "counts": msgspec.to_builtins(campaign.counts),
        }


class DueCampaigns:
    """When campaigns of all clubs are to be looked at: for the minute job alone."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def standing(self, until: datetime | None) -> Iterator[DueCampaign]:
        """What is due by an instant, or all of it where clubs have clocks of their own: there is little of it."""
        for shard in range(DUE_SHARDS):
            yield from self._of_shard(f"CAMPAIGN_DUE#{shard}", until)

    def _of_shard(self, pk: str, until: datetime | None) -> Iterator[DueCampaign]:
        if until is None:
            rows = query_rows(self._client, self._table, pk, consistent=True)
        else:
            values = {":pk": pk, ":until": compact_instant(until) + "~"}
            rows = query_where(self._client, self._table, "pk = :pk AND sk < :until", values, consistent=True)
        for row in rows:
            yield DueCampaign(row["pk"], row["sk"])


def _texts_sk(version: int) -> str:
    return f"TEXTS#{version:06}"


def _line(row: Mapping[str, Any]) -> CampaignLine:
    campaign_id = row["sk"].partition("#")[2]
    status, drafted_at = CampaignStatus(row["status"]), parse_instant(row["drafted_at"])
    return CampaignLine(campaign_id, row["name"], status, drafted_at, row["plan"], _parsed(row["frozen_at"]))


def _state(row: Mapping[str, Any]) -> CampaignState:
    """As `Campaign.state`, without reading what a worker has no use for."""
    table, pressed_at = _timetable(row["timetable"]), _parsed(row["pressed_at"])
    return CampaignState(
        CampaignStatus(row["status"]),
        row["epoch"],
        row["text_version"],
        first_at(table, pressed_at),
        table.ends_at if table else None,
        _parsed(row["waits_until"]),
        PausedBy(row["paused_by"]) if row["paused_by"] else None,
    )


def _campaign(row: Mapping[str, Any], texts: Mapping[str, Any]) -> Campaign:
    seconds = row["sms_after_seconds"]
    campaign = Campaign(
        campaign_id=row["pk"].rpartition("#")[2],
        name=row["name"],
        by=row["by"],
        texts=msgspec.json.decode(texts["texts"], type=dict[str, CampaignText]),
        answers=msgspec.json.decode(row["answers"], type=Answers),
        channels=tuple(Channel(channel) for channel in row["channels"]),
        drafted_at=parse_instant(row["drafted_at"]),
        criteria=read_criterion(row["criteria"]),
        sms_after=None if seconds is None else timedelta(seconds=seconds),
        holdout_bp=row["holdout_bp"],
        opening_hours=texts["opening_hours"],
        plan_id=row["plan"],
        status=CampaignStatus(row["status"]),
        paused_by=PausedBy(row["paused_by"]) if row["paused_by"] else None,
    )
    return replace(
        campaign,
        revision=row["revision"],
        epoch=row["epoch"],
        text_version=row["text_version"],
        timetable=_timetable(row["timetable"]),
        pressed_at=_parsed(row["pressed_at"]),
        pin=_pin(row["pin"]),
        frozen=_pin(row["frozen"]),
        frozen_at=_parsed(row["frozen_at"]),
        begun_at=_parsed(row["begun_at"]),
        waits_until=_parsed(row["waits_until"]),
        ended_at=_parsed(row["ended_at"]),
        counts=msgspec.convert(row["counts"], Counts),
    )


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())


def _instant_or_none(instant: datetime | None) -> str | None:
    return None if instant is None else iso_instant(instant)


def _parsed(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _timetable_map(table: Timetable | None) -> dict[str, Any] | None:
    if table is None:
        return None
    return {
        "starts_at": iso_instant(table.starts_at),
        "latest_start": iso_instant(table.latest_start),
        "ends_at": _instant_or_none(table.ends_at),
    }


def _timetable(found: Mapping[str, Any] | None) -> Timetable | None:
    if found is None:
        return None
    return Timetable(
        parse_instant(found["starts_at"]), parse_instant(found["latest_start"]), _parsed(found["ends_at"])
    )


def _pin_map(pin: Pin | None) -> dict[str, Any] | None:
    return None if pin is None else {**msgspec.structs.asdict(pin), "at": iso_instant(pin.at)}


def _pin(found: Mapping[str, Any] | None) -> Pin | None:
    return None if found is None else Pin(**{**found, "at": parse_instant(found["at"])})
