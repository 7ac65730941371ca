"""The operators' tasks: a model each, and what carries it out."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta

from operator_task.audit_tasks import AUDIT_TASKS, AuditTask
from operator_task.birthday_tasks import BIRTHDAY_TASKS, BirthdayTask
from operator_task.campaign_tasks import CAMPAIGN_TASKS, CampaignTask
from operator_task.ceiling_tasks import CEILING_TASKS, CeilingTask
from operator_task.closing_tasks import CLOSING_TASKS, ClosingTask
from operator_task.coupon_tasks import COUPON_TASKS, CouponTask
from operator_task.desk import Desk, Months, Name, Rate, TaskModel
from operator_task.erasure_tasks import ERASURE_TASKS, ErasureTask
from operator_task.import_tasks import IMPORT_TASKS, ImportTask
from operator_task.keeping_tasks import KEEPING_TASKS, KeepingTask, Trades
from operator_task.ledger_tasks import LEDGER_TASKS, LedgerTask
from operator_task.member_data_tasks import MEMBER_DATA_TASKS, MemberDataTask
from operator_task.permission_tasks import PERMISSION_TASKS, PermissionTask
from operator_task.plan_tasks import PLAN_TASKS, PlanTask
from operator_task.programme_tasks import (
    DoubleBonus,
    PublishProgramme,
    ShowProgramme,
    double_bonus,
    publish_programme,
    published,
    show_programme,
)
from operator_task.proof_tasks import PROOF_TASKS, ProofTask
from operator_task.segment_tasks import SEGMENT_TASKS, SegmentTask
from operator_task.template_tasks import TEMPLATE_TASKS, TemplateTask
from operator_task.terms_tasks import TERMS_TASKS, TermsTask, terms_differ
from operator_task.wording_tasks import WORDING_TASKS, WordingTask
from stamkunde.clubs.member_policy import LONGEST_REASON, Keeping
from stamkunde.clubs.model import Club, JoinPage, ReceiptNumbers, Till, Trade
from stamkunde.clubs.service import NewClub, ShownKey
from stamkunde.ledger.store import LedgerStore
from stamkunde.message_bootstrap import operator_messages
from stamkunde.messaging.model import DeliveryState
from stamkunde.shared.clock import iso_instant
from stamkunde.shared.programme import Unit
from stamkunde.views.model import DayTotal
from stamkunde.views.service import rebuild_facts
from stamkunde.views.store import DayTotals, ProjectionStore

FARTHEST_CLOCK = 50 * 366 * 86_400

type ClockOffset = Annotated[int, Meta(ge=-FARTHEST_CLOCK, le=FARTHEST_CLOCK, description="Seconds")]


class CreateClub(TaskModel, tag="create_club"):
    """A new club; currency, time zone and language follow from the country.

    Its pages are closed until it has said who it is, and for how long it keeps members: here by its trade, or later.
    """

    slug: Name
    name: Name
    country: Literal["DK", "NO"]
    contact: Name
    rate: Rate = 300
    expiry_months: Months = 36
    unit: Literal["money", "points"] = "money"
    point_value: Annotated[int, Meta(ge=1, le=10_000)] = 1
    terms_text: Annotated[str, Meta(min_length=1, max_length=20_000)] | None = None
    clock_offset_seconds: ClockOffset | None = None
    trade: Trades | None = None
    keeping_months: Months | None = None
    keeping_reason: Annotated[str, Meta(max_length=LONGEST_REASON)] | None = None


class PublishJoinPage(TaskModel, tag="publish_join_page"):
    """Open a club's public pages, or change what they say; the goods are part of every permission's wording."""

    club_id: str
    company: Name
    registration_number: Name
    contact: Name
    goods: Name
    accent: Name


class NewSigningKey(TaskModel, tag="new_signing_key"):
    """Sign a club's codes and pages with a new key; the one before it still counts."""

    club_id: str


class CreateOutlet(TaskModel, tag="create_outlet"):
    """A new place of sale."""

    club_id: str
    outlet_id: Name
    name: Name


class CreateTill(TaskModel, tag="create_till"):
    """A new till; its key is in the answer, and nowhere else."""

    club_id: str
    outlet_id: Name
    till_id: Name
    name: Name
    receipt_numbers: Literal["never", "yearly", "daily"]


class ReplaceTillKey(TaskModel, tag="replace_till_key"):
    """A new key for a till; the old one is refused from now on."""

    club_id: str
    till_id: Name


class RevokeTill(TaskModel, tag="revoke_till"):
    """Refuse a till's key from now on."""

    club_id: str
    till_id: Name


class OpenTillForLateReceipts(TaskModel, tag="open_till_for_late_receipts"):
    """Take receipts of any age from a till for some hours; 0 closes it again."""

    club_id: str
    till_id: Name
    hours: Annotated[int, Meta(ge=0, le=744)]


class ListClubs(TaskModel, tag="list_clubs"):
    """Every club."""


class ShowClub(TaskModel, tag="show_club"):
    """One club with its outlets and tills."""

    slug: Name


class ShowDayTotals(TaskModel, tag="show_day_totals"):
    """An outlet's days of a year."""

    club_id: str
    outlet_id: Name
    year: Annotated[int, Meta(ge=2000, le=2199)]


class RebuildDayTotals(TaskModel, tag="rebuild_day_totals"):
    """Note all entries booked in the last days of one club or of all anew from the ledger, after events were lost."""

    days: Annotated[int, Meta(ge=1, le=4_000)]
    club_id: str | None = None


class MoveClock(TaskModel, tag="move_clock"):
    """Move one club's clock (local engine only)."""

    club_id: str
    clock_offset_seconds: ClockOffset


class SendTestMessage(TaskModel, tag="send_test_message"):
    """A text message in the club's name to a number; what became of it, if that is known within so many seconds."""

    club_id: str
    phone: str
    wait_seconds: Annotated[int, Meta(ge=0, le=30)] = 0


type Task = (
    CreateClub
    | PublishJoinPage
    | NewSigningKey
    | CreateOutlet
    | CreateTill
    | ReplaceTillKey
    | RevokeTill
    | OpenTillForLateReceipts
    | PublishProgramme
    | ShowProgramme
    | DoubleBonus
    | ListClubs
    | ShowClub
    | ShowDayTotals
    | RebuildDayTotals
    | MoveClock
    | SendTestMessage
    | LedgerTask
    | CouponTask
    | ProofTask
    | TermsTask
    | KeepingTask
    | ImportTask
    | AuditTask
    | PermissionTask
    | MemberDataTask
    | ClosingTask
    | ErasureTask
    | WordingTask
    | BirthdayTask
    | SegmentTask
    | CampaignTask
    | CeilingTask
    | PlanTask
    | TemplateTask
)
TASK_MODEL = Task.__value__


def create_club(desk: Desk, task: CreateClub) -> dict[str, Any]:
    """Carry out `CreateClub`."""
    offset = task.clock_offset_seconds
    wish = NewClub(
        slug=task.slug,
        name=task.name,
        country=task.country,
        contact=task.contact,
        rate=task.rate,
        expiry_months=task.expiry_months,
        unit=Unit(task.unit),
        point_value=task.point_value,
        terms_text=task.terms_text,
        clock_offset=None if offset is None else timedelta(seconds=offset),
        keeping=Keeping(Trade(task.trade), task.keeping_months) if task.trade else None,
        keeping_reason=task.keeping_reason,
    )
    return _club(desk.operators.create_club(wish))


def publish_join_page(desk: Desk, task: PublishJoinPage) -> dict[str, Any]:
    """Carry out `PublishJoinPage`."""
    wish = JoinPage(task.company, task.registration_number, task.contact, task.goods, task.accent)
    published_page = desk.operators.publish_join_page(task.club_id, wish)
    return _join_page(published_page) | {"terms_differ": terms_differ(desk, task.club_id)}


def new_signing_key(desk: Desk, task: NewSigningKey) -> dict[str, Any]:
    """Carry out `NewSigningKey`."""
    return {"club_id": task.club_id, "key_id": desk.operators.new_signing_key(task.club_id)}


def create_outlet(desk: Desk, task: CreateOutlet) -> dict[str, Any]:
    """Carry out `CreateOutlet`."""
    outlet = desk.operators.create_outlet(task.club_id, task.outlet_id, task.name)
    return {"outlet_id": outlet.outlet_id, "name": outlet.name}


def create_till(desk: Desk, task: CreateTill) -> dict[str, Any]:
    """Carry out `CreateTill`."""
    numbers = ReceiptNumbers(task.receipt_numbers)
    return _shown_key(desk.operators.create_till(task.club_id, task.outlet_id, task.till_id, task.name, numbers))


def replace_till_key(desk: Desk, task: ReplaceTillKey) -> dict[str, Any]:
    """Carry out `ReplaceTillKey`."""
    return _shown_key(desk.operators.replace_till_key(task.club_id, task.till_id))


def revoke_till(desk: Desk, task: RevokeTill) -> dict[str, Any]:
    """Carry out `RevokeTill`."""
    return _till(desk.operators.revoke_till(task.club_id, task.till_id))


def open_till(desk: Desk, task: OpenTillForLateReceipts) -> dict[str, Any]:
    """Carry out `OpenTillForLateReceipts`."""
    return _till(desk.operators.open_for_late_receipts(task.club_id, task.till_id, timedelta(hours=task.hours)))


def list_clubs(desk: Desk, _task: ListClubs) -> dict[str, Any]:
    """Carry out `ListClubs`."""
    return {"clubs": sorted((_club(club) for club in desk.operators.clubs()), key=lambda shown: shown["slug"])}


def show_club(desk: Desk, task: ShowClub) -> dict[str, Any]:
    """Carry out `ShowClub`."""
    overview = desk.operators.show(desk.operators.find_by_slug(task.slug).club_id)
    return {
        **_club(overview.club),
        "outlets": [{"outlet_id": outlet.outlet_id, "name": outlet.name} for outlet in overview.outlets],
        "tills": [_till(till) for till in overview.tills],
    }


def show_day_totals(desk: Desk, task: ShowDayTotals) -> dict[str, Any]:
    """Carry out `ShowDayTotals`."""
    desk.operators.require_outlet(task.club_id, task.outlet_id)
    totals = DayTotals(desk.client, desk.settings.views_table, task.club_id).of_year(task.outlet_id, task.year)
    return {"days": [_day_total(total) for total in totals]}


def rebuild_day_totals(desk: Desk, task: RebuildDayTotals) -> dict[str, Any]:
    """Carry out `RebuildDayTotals`."""
    clubs = [desk.operators.show(task.club_id).club] if task.club_id else desk.operators.clubs()
    return {"entries_noted": sum(_rebuild(desk, club, timedelta(days=task.days)) for club in clubs)}


def _rebuild(desk: Desk, club: Club, period: timedelta) -> int:
    ledger = LedgerStore(desk.client, desk.settings.ledger_table, club.club_id)
    store = ProjectionStore(desk.client, desk.settings.views_table)
    now = desk.operators.present(club)
    return rebuild_facts(ledger, store, club.time_zone, now - period, now)


def move_clock(desk: Desk, task: MoveClock) -> dict[str, Any]:
    """Carry out `MoveClock`."""
    desk.operators.move_clock(task.club_id, timedelta(seconds=task.clock_offset_seconds))
    return {"club_id": task.club_id, "clock_offset_seconds": task.clock_offset_seconds}


def send_test_message(desk: Desk, task: SendTestMessage) -> dict[str, Any]:
    """Carry out `SendTestMessage`."""
    club = desk.operators.show(task.club_id).club
    messages = operator_messages(desk.settings, desk.client, desk.wake_ups, club)
    sent = messages.send(task.phone)
    delivery = messages.wait_for(sent, task.wait_seconds)
    return {
        "message_id": sent.message_id,
        "sender": sent.sender,
        "text": sent.text,
        "state": delivery.state if delivery else DeliveryState.PENDING,
        "reason": delivery and delivery.reason,
    }


TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    CreateClub: create_club,
    PublishJoinPage: publish_join_page,
    NewSigningKey: new_signing_key,
    CreateOutlet: create_outlet,
    CreateTill: create_till,
    ReplaceTillKey: replace_till_key,
    RevokeTill: revoke_till,
    OpenTillForLateReceipts: open_till,
    PublishProgramme: publish_programme,
    ShowProgramme: show_programme,
    DoubleBonus: double_bonus,
    ListClubs: list_clubs,
    ShowClub: show_club,
    ShowDayTotals: show_day_totals,
    RebuildDayTotals: rebuild_day_totals,
    MoveClock: move_clock,
    SendTestMessage: send_test_message,
    **LEDGER_TASKS,
    **COUPON_TASKS,
    **PROOF_TASKS,
    **TERMS_TASKS,
    **KEEPING_TASKS,
    **IMPORT_TASKS,
    **AUDIT_TASKS,
    **PERMISSION_TASKS,
    **MEMBER_DATA_TASKS,
    **CLOSING_TASKS,
    **ERASURE_TASKS,
    **WORDING_TASKS,
    **BIRTHDAY_TASKS,
    **SEGMENT_TASKS,
    **CAMPAIGN_TASKS,
    **CEILING_TASKS,
    **PLAN_TASKS,
    **TEMPLATE_TASKS,
}


def _club(club: Club) -> dict[str, Any]:
    return {
        "club_id": club.club_id,
        "slug": club.slug,
        "name": club.name,
        "country": club.country,
        "language": club.language,
        "currency": club.currency,
        "time_zone": club.time_zone,
        "terms_version": club.current_terms().version,
        "programmes": [published(version) for version in club.programmes],
        "join_page": _join_page(club.join_page) if club.join_page else None,
        "last_day": club.closing.last_day.isoformat() if club.closing else None,
    }


def _join_page(page: JoinPage) -> dict[str, Any]:
    return {
        "company": page.company,
        "registration_number": page.registration_number,
        "contact": page.contact,
        "goods": page.goods,
        "accent": page.accent,
    }


def _till(till: Till) -> dict[str, Any]:
    return {
        "till_id": till.till_id,
        "outlet_id": till.outlet_id,
        "name": till.name,
        "receipt_numbers": till.receipt_numbers.value,
        "revoked_at": till.revoked_at and iso_instant(till.revoked_at),
        "late_receipts_until": till.late_receipts_until and iso_instant(till.late_receipts_until),
    }


def _shown_key(shown: ShownKey) -> dict[str, Any]:
    return {**_till(shown.till), "key": shown.key}


def _day_total(total: DayTotal) -> dict[str, Any]:
    return {
        "day": total.day.isoformat(),
        "purchases": total.purchases,
        "turnover": total.turnover,
        "earned": total.earned,
        "spent": total.spent,
        "refunds": total.refunds,
        "refunded": total.refunded,
    }
