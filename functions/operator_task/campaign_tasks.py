"""The operators' tasks about campaigns: draft, look, try out, schedule, stop, go on, and what became of them."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from operator_task.campaign_answers import shown_campaign, shown_line, shown_preview, shown_start, shown_why
from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench
from operator_task.written_times import WallTime, read_moment
from stamkunde.campaign_bootstrap import campaigns, why
from stamkunde.campaigns.model.criteria import EVERYBODY, Criterion, read_criterion
from stamkunde.campaigns.model.law import NO_ANSWERS, Answers
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.campaigns.model.timing import LATENESS
from stamkunde.campaigns.service import Campaigns, When, Wish
from stamkunde.facts_bootstrap import segments
from stamkunde.members.email_address import read_email
from stamkunde.message_bootstrap import operator_messages
from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.outbox import Message
from stamkunde.messaging.service import OperatorMessages
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal

type CampaignId = Annotated[str, Meta(pattern="^k[0-9a-z]{16}$")]
type Minutes = Annotated[int, Meta(ge=1, le=1_440)]


class CampaignForm(Struct, frozen=True, forbid_unknown_fields=True):
    """What a campaign is to be, as it stands in a file.

    Parameters
    ----------
    segment
        The id of a saved segment, whose criteria are copied; or `criteria` themselves; else everybody.
    sms_after_hours
        By both channels: how long after the e-mail those get a text message who haven't clicked.
    holdout_percent
        How many are left alone, so that the effect can be seen.
    """

    name: Name
    texts: Annotated[tuple[CampaignText, ...], Meta(min_length=1, max_length=3)]
    channels: Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=2)] = (Channel.SMS,)
    answers: Answers = NO_ANSWERS
    segment: str | None = None
    criteria: dict[str, Any] | None = None
    sms_after_hours: Annotated[int, Meta(ge=1, le=168)] | None = None
    holdout_percent: Annotated[int, Meta(ge=0, le=50)] = 0
    opening_hours: dict[str, str] = msgspec.field(default_factory=dict)


class DraftCampaign(TaskModel, tag="draft_campaign"):
    """Draft a campaign; nobody is written to."""

    club_id: str
    campaign: CampaignForm
    by: Name


class EditCampaign(TaskModel, tag="edit_campaign"):
    """Draft a campaign anew, as long as it is a draft."""

    club_id: str
    campaign_id: CampaignId
    campaign: CampaignForm
    by: Name


class CopyCampaign(TaskModel, tag="copy_campaign"):
    """A new draft of what another campaign said."""

    club_id: str
    campaign_id: CampaignId
    by: Name


class PreviewCampaign(TaskModel, tag="preview_campaign"):
    """Who would get a campaign, in how many parts, at what price, and who wouldn't and why."""

    club_id: str
    campaign_id: CampaignId
    by: Name


class TryCampaign(TaskModel, tag="try_campaign"):
    """A campaign's text message to one number, its e-mail to one address, or both, to read them there.

    Answers what became of each, if that is known in time.
    """

    club_id: str
    campaign_id: CampaignId
    by: Name
    phone: str | None = None
    email: str | None = None
    language: str | None = None
    first_name: Name = "Anna"
    wait_seconds: Annotated[int, Meta(ge=0, le=30)] = 0


class ScheduleCampaign(TaskModel, tag="schedule_campaign"):
    """Have a campaign sent by what was seen of it, now or at a time; the seal is the preview's."""

    club_id: str
    campaign_id: CampaignId
    seal: Annotated[str, Meta(min_length=12, max_length=12)]
    by: Name
    at: WallTime | None = None
    ends: WallTime | None = None
    lateness_minutes: Minutes | None = None


class TakeBackCampaign(TaskModel, tag="take_back_campaign"):
    """Make a scheduled campaign a draft again, before anything of it has begun."""

    club_id: str
    campaign_id: CampaignId
    by: Name


class PauseCampaign(TaskModel, tag="pause_campaign"):
    """Stop a campaign before the workers' next messages."""

    club_id: str
    campaign_id: CampaignId
    by: Name


class ResumeCampaign(TaskModel, tag="resume_campaign"):
    """Let a campaign go on where it was stopped."""

    club_id: str
    campaign_id: CampaignId
    by: Name


class CancelCampaign(TaskModel, tag="cancel_campaign"):
    """End a campaign: whatever isn't sent never is."""

    club_id: str
    campaign_id: CampaignId
    by: Name


class ListCampaigns(TaskModel, tag="list_campaigns"):
    """All campaigns of a club, the newest first."""

    club_id: str


class ShowCampaign(TaskModel, tag="show_campaign"):
    """A campaign, and what its messages have come to so far."""

    club_id: str
    campaign_id: CampaignId


class ExplainCampaign(TaskModel, tag="explain_campaign"):
    """Why a member got a campaign, or didn't, by each of its channels."""

    club_id: str
    campaign_id: CampaignId
    member_id: str
    by: Name


type CampaignTask = (
    DraftCampaign
    | EditCampaign
    | CopyCampaign
    | PreviewCampaign
    | TryCampaign
    | ScheduleCampaign
    | TakeBackCampaign
    | PauseCampaign
    | ResumeCampaign
    | CancelCampaign
    | ListCampaigns
    | ShowCampaign
    | ExplainCampaign
)


def draft_campaign(desk: Desk, task: DraftCampaign) -> dict[str, Any]:
    """Carry out `DraftCampaign`."""
    club = _of(desk, task.club_id)
    return shown_campaign(club, club.draft(_wish(desk, task.club_id, task.campaign), task.by))


def edit_campaign(desk: Desk, task: EditCampaign) -> dict[str, Any]:
    """Carry out `EditCampaign`."""
    club = _of(desk, task.club_id)
    return shown_campaign(club, club.edit(task.campaign_id, _wish(desk, task.club_id, task.campaign)))


def copy_campaign(desk: Desk, task: CopyCampaign) -> dict[str, Any]:
    """Carry out `CopyCampaign`."""
    club = _of(desk, task.club_id)
    return shown_campaign(club, club.copy(task.campaign_id, task.by))


def preview_campaign(desk: Desk, task: PreviewCampaign) -> dict[str, Any]:
    """Carry out `PreviewCampaign`."""
    return shown_preview(_of(desk, task.club_id).preview(task.campaign_id))


def try_campaign(desk: Desk, task: TryCampaign) -> dict[str, Any]:
    """Carry out `TryCampaign`."""
    club = _of(desk, task.club_id)
    wanted = _tried_by(club, task)
    # Both are written before either is sent, so that what can't be is refused as a whole.
    address = None if task.email is None else read_email(task.email)
    sms = club.test_text(task.campaign_id, task.first_name, task.language) if Channel.SMS in wanted else None
    email = club.test_email(task.campaign_id, task.first_name, task.language) if Channel.EMAIL in wanted else None
    messages = operator_messages(desk.settings, desk.client, desk.wake_ups, club.scene.club)
    sent = []
    if sms is not None and task.phone is not None:
        sent.append(messages.send(task.phone, sms.text))
    if email is not None and address is not None:
        sent.append(messages.send_email(address, email.subject, email.body, club.scene.domains.mail))
    return {"by_channel": {each.channel.value: _tried(messages, each, task.wait_seconds) for each in sent}}


def _tried_by(club: Campaigns, task: TryCampaign) -> set[Channel]:
    """By which channels somebody wants to read it: those that they gave an address for."""
    goes_by = club.channels(task.campaign_id)
    given = {Channel.SMS: task.phone, Channel.EMAIL: task.email}
    wanted = {channel for channel, address in given.items() if address is not None}
    if not wanted or not wanted <= {*goes_by}:
        fields = {Channel.SMS: "phone", Channel.EMAIL: "email"}
        raise Refusal("invalid_field", {"expected": ", ".join(fields[channel] for channel in goes_by)})
    return wanted


def _tried(messages: OperatorMessages, sent: Message, seconds: int) -> dict[str, Any]:
    delivery = messages.wait_for(sent, seconds)
    return {
        "message_id": sent.message_id,
        "sender": sent.sender,
        "subject": sent.subject,
        "text": sent.text,
        "state": delivery.state if delivery else DeliveryState.PENDING,
        "reason": delivery and delivery.reason,
    }


def schedule_campaign(desk: Desk, task: ScheduleCampaign) -> dict[str, Any]:
    """Carry out `ScheduleCampaign`."""
    club = _of(desk, task.club_id)
    lateness = timedelta(minutes=task.lateness_minutes) if task.lateness_minutes else LATENESS
    at, ends = (
        None if text is None else read_moment(text, pointer)
        for text, pointer in ((task.at, "/at"), (task.ends, "/ends"))
    )
    scheduled = club.schedule(task.campaign_id, task.seal, When(at, lateness, ends))
    return shown_campaign(club, scheduled.campaign) | {"said": shown_start(club, scheduled.start)}


def take_back_campaign(desk: Desk, task: TakeBackCampaign) -> dict[str, Any]:
    """Carry out `TakeBackCampaign`."""
    club = _of(desk, task.club_id)
    return shown_campaign(club, club.take_back(task.campaign_id))


def pause_campaign(desk: Desk, task: PauseCampaign) -> dict[str, Any]:
    """Carry out `PauseCampaign`."""
    club = _of(desk, task.club_id)
    return shown_campaign(club, club.pause(task.campaign_id))


def resume_campaign(desk: Desk, task: ResumeCampaign) -> dict[str, Any]:
    """Carry out `ResumeCampaign`."""
    club = _of(desk, task.club_id)
    return shown_campaign(club, club.resume(task.campaign_id))


def cancel_campaign(desk: Desk, task: CancelCampaign) -> dict[str, Any]:
    """Carry out `CancelCampaign`."""
    club = _of(desk, task.club_id)
    return shown_campaign(club, club.cancel(task.campaign_id))


def list_campaigns(desk: Desk, task: ListCampaigns) -> dict[str, Any]:
    """Carry out `ListCampaigns`."""
    return {"campaigns": [shown_line(line) for line in _of(desk, task.club_id).lines()]}


def show_campaign(desk: Desk, task: ShowCampaign) -> dict[str, Any]:
    """Carry out `ShowCampaign`."""
    club = _of(desk, task.club_id)
    shown = club.show(task.campaign_id)
    return shown_campaign(club, shown.campaign) | {"counts": msgspec.to_builtins(shown.counts)}


def explain_campaign(desk: Desk, task: ExplainCampaign) -> dict[str, Any]:
    """Carry out `ExplainCampaign`."""
    bench = Bench(desk, task.club_id)
    found = why(desk.settings, desk.client, bench.club, bench.clock).explain(task.campaign_id, task.member_id)
    return {"member_id": task.member_id, "by_channel": shown_why(found, bench.club.language)}


CAMPAIGN_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    DraftCampaign: draft_campaign,
    EditCampaign: edit_campaign,
    CopyCampaign: copy_campaign,
    PreviewCampaign: preview_campaign,
    TryCampaign: try_campaign,
    ScheduleCampaign: schedule_campaign,
    TakeBackCampaign: take_back_campaign,
    PauseCampaign: pause_campaign,
    ResumeCampaign: resume_campaign,
    CancelCampaign: cancel_campaign,
    ListCampaigns: list_campaigns,
    ShowCampaign: show_campaign,
    ExplainCampaign: explain_campaign,
}


def _of(desk: Desk, club_id: str) -> Campaigns:
    bench = Bench(desk, club_id)
    return campaigns(desk.settings, desk.client, bench.club, bench.clock)


def _wish(desk: Desk, club_id: str, form: CampaignForm) -> Wish:
    return Wish(
        form.name,
        {text.language: text for text in form.texts},
        form.answers,
        form.channels,
        _criterion(desk, club_id, form),
        timedelta(hours=form.sms_after_hours) if form.sms_after_hours else None,
        form.holdout_percent * 100,
        form.opening_hours,
    )


def _criterion(desk: Desk, club_id: str, form: CampaignForm) -> Criterion:
    if form.segment is not None:
        bench = Bench(desk, club_id)
        return segments(desk.settings, desk.client, bench.club, bench.clock).load(form.segment).criterion
    return EVERYBODY if form.criteria is None else read_criterion(msgspec.json.encode(form.criteria))
