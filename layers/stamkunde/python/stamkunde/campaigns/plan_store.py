"""Rows of the messages table that hold a club's plans: ``PLANS#<club>`` / ``<plan>``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from stamkunde.campaigns.model.criteria import read_criterion, write_criterion
from stamkunde.campaigns.model.plan import Plan
from stamkunde.campaigns.model.plan_life import PlanState, ProposedPlan
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import iso_instant, parse_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.patience import Patience
from stamkunde.shared.reading import get_row, query_rows
from stamkunde.shared.transaction import NOT_THERE, UNCHANGED, ConditionFailed, Put, Write, commit

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ITEM_VERSION = 1


class PlanStore:
    """One club's plans. Built for one club: no method takes another's id."""

    def __init__(self, client: "DynamoDBClient", table: str, club_id: str, patience: Patience | None = None) -> None:
        self._client = client
        self._table = table
        self._patience = patience or Patience()
        self._pk = f"PLANS#{club_id}"

    def find(self, plan_id: str) -> ProposedPlan:
        """A plan as last confirmed.

        Raises
        ------
        Refusal
            ``unknown_plan``.
        """
        row = get_row(self._client, self._table, self._pk, plan_id, consistent=True)
        if row is None:
            raise Refusal("unknown_plan")
        return _plan(row)

    def every(self) -> list[ProposedPlan]:
        """All of the club's plans, the newest first."""
        found = map(_plan, query_rows(self._client, self._table, self._pk, consistent=True))
        return sorted(found, key=lambda each: (each.proposed_at, each.plan_id), reverse=True)

    def write(self, plan: ProposedPlan) -> Put:
        """The write of a plan, refused if somebody else wrote it meanwhile."""
        if plan.revision == 1:
            return Put("plan", self._table, self._row(plan), NOT_THERE)
        return Put("plan", self._table, self._row(plan), UNCHANGED, {"before": plan.revision - 1})

    def commit(self, plan: Put, others: Sequence[Write]) -> None:
        """Write a plan and all that changes with it, or nothing.

        Raises
        ------
        Refusal
            ``campaign_changed``: somebody changed it or one of its messages meanwhile. ``already_exists``: another
            version of the bonus programme was published just now.
        """
        try:
            self._patience.until_done(lambda: commit(self._client, [plan, *others]))
        except ConditionFailed as failed:
            if failed.found.get("plan") == plan.item:
                # It is ours: the answer to the write was lost.
                return
            if "programme" in failed.found:
                raise Refusal("already_exists", {"what": "programme version"}) from failed
            raise Refusal("campaign_changed") from failed

    def _row(self, plan: ProposedPlan) -> dict[str, Any]:
        return {
            "pk": self._pk,
            "sk": plan.plan_id,
            "v": ITEM_VERSION,
            "revision": plan.revision,
            "plan": msgspec.json.encode(plan.plan).decode(),
            "channels": [channel.value for channel in plan.channels],
            "criteria": write_criterion(plan.criteria).decode(),
            "campaigns": list(plan.campaign_ids),
            "by": plan.by,
            "proposed_at": iso_instant(plan.proposed_at),
            "state": plan.state.value,
            "approved_by": plan.approved_by,
            "approved_at": _instant_or_none(plan.approved_at),
            "cancelled_by": plan.cancelled_by,
            "cancelled_at": _instant_or_none(plan.cancelled_at),
        }


def _plan(row: Mapping[str, Any]) -> ProposedPlan:
    return ProposedPlan(
        plan_id=row["sk"],
        plan=msgspec.json.decode(row["plan"], type=Plan),
        channels=tuple(Channel(channel) for channel in row["channels"]),
        criteria=read_criterion(row["criteria"]),
        campaign_ids=tuple(row["campaigns"]),
        by=row["by"],
        proposed_at=parse_instant(row["proposed_at"]),
        state=PlanState(row["state"]),
        approved_by=row["approved_by"],
        approved_at=_parsed(row["approved_at"]),
        cancelled_by=row["cancelled_by"],
        cancelled_at=_parsed(row["cancelled_at"]),
        revision=row["revision"],
    )


def _instant_or_none(instant: datetime | None) -> str | None:
    return None if instant is None else iso_instant(instant)


def _parsed(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)
