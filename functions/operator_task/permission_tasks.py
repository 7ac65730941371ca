"""The operators' tasks about whom a club may write to: its choices, one member's verdicts, what is about to lapse."""

from collections.abc import Callable, Mapping
from copy import replace
from itertools import product
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from operator_task.desk import Desk, Name, TaskModel
from operator_task.ledger_tasks import Bench, MemberId
from operator_task.terms_tasks import terms_differ
from stamkunde.clubs.member_policy import LONGEST_REASON, MOST_QUESTIONS
from stamkunde.clubs.model import MemberPolicy, PurchaseUse, Question
from stamkunde.members.choices import Choice, choices
from stamkunde.members.lapsing import LapsingNotes, LapsingPermission, LapsingPermissions
from stamkunde.members.permission import Facts, Purpose, Step, Verdict, may_write, question
from stamkunde.messaging.model import MessageClass
from stamkunde.retention.ladder_lines import ladder_line
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import iso_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES

type WrittenReason = Annotated[str, Meta(max_length=LONGEST_REASON)]


class QuestionAsked(Struct, forbid_unknown_fields=True):
    """A question of the club's own, and what may be answered."""

    question_id: Name
    words: Annotated[str, Meta(max_length=200)]
    answers: tuple[Name, ...]


class PublishMemberPolicy(TaskModel, tag="publish_member_policy"):
    """What a club asks of its members from now on; what isn't said stays as it is, and nothing said shows it."""

    club_id: str
    asks_birth_date: bool | None = None
    asks_outlet: bool | None = None
    questions: Annotated[tuple[QuestionAsked, ...], Meta(max_length=MOST_QUESTIONS)] | None = None
    purchase_use: Literal["consent", "balancing_test"] | None = None
    balancing_test: WrittenReason | None = None
    soft_opt_in: bool | None = None


class MayWrite(TaskModel, tag="may_write"):
    """Whether a member may be written to, and why: for one kind of message, or for all of them."""

    club_id: str
    member_id: MemberId
    by: Name
    message_class: Literal["marketing", "service", "critical"] | None = None
    channel: Literal["sms", "email"] | None = None
    purpose: Literal["news", "purchases"] | None = None


class ListLapsing(TaskModel, tag="list_lapsing"):
    """Whose permission lapses within two months, by name and number: renewed on their page or at a till only."""

    club_id: str
    by: Name


def publish_member_policy(desk: Desk, task: PublishMemberPolicy) -> dict[str, Any]:
    """Carry out `PublishMemberPolicy`."""
    before = desk.operators.show(task.club_id).club.member_policy
    wish = _wish(before, task)
    policy = before if wish == before else desk.operators.publish_member_policy(task.club_id, wish)
    return _policy(policy) | {"terms_differ": terms_differ(desk, task.club_id)}


def may_write_to(desk: Desk, task: MayWrite) -> dict[str, Any]:
    """Carry out `MayWrite`."""
    bench = Bench(desk, task.club_id)
    now = bench.clock.now()
    member = bench.members.find(task.member_id, consistent=True)
    if member is None:
        raise Refusal("unknown_member", pointer="/member_id")
    facts = Facts(bench.club, member, tuple(bench.members.consent_records(member.member_id)))
    return {
        "member_id": member.member_id,
        "state": member.state.value,
        "asked_at": iso_instant(now),
        "language": bench.club.language,
        "permissions": [_choice(each) for each in choices(bench.club, member, facts.records, now).values()],
        "answers": [
            {
                "message_class": kind.value,
                "channel": channel.value,
                "purpose": purpose.value,
                "question": {language: question(kind, channel, purpose, language) for language in LANGUAGES},
            }
            | _verdict(may_write(facts, kind, channel, purpose, now))
            for kind, channel, purpose in _asked(task)
        ],
        "ladder": [
            {language: ladder_line(each, bench.club.time_zone, language) for language in LANGUAGES}
            for each in (member.absence.notices if member.absence else ())
        ],
    }


def list_lapsing(desk: Desk, task: ListLapsing) -> dict[str, Any]:
    """Carry out `ListLapsing`."""
    bench = Bench(desk, task.club_id)
    notes = LapsingNotes(desk.client, desk.settings.members_table, task.club_id)
    lapsing = LapsingPermissions(bench.club, notes, bench.members, bench.clock).list()
    return {"permissions": [_lapsing(each) for each in lapsing]}


PERMISSION_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    PublishMemberPolicy: publish_member_policy,
    MayWrite: may_write_to,
    ListLapsing: list_lapsing,
}
type PermissionTask = PublishMemberPolicy | MayWrite | ListLapsing


def _wish(before: MemberPolicy, task: PublishMemberPolicy) -> MemberPolicy:
    said = {
        "asks_birth_date": task.asks_birth_date,
        "asks_outlet": task.asks_outlet,
        "questions": None
        if task.questions is None
        else tuple(Question(each.question_id, each.words, each.answers) for each in task.questions),
        "purchase_use": task.purchase_use and PurchaseUse(task.purchase_use),
        "balancing_test": task.balancing_test,
        "soft_opt_in": task.soft_opt_in,
    }
    return replace(before, **{name: value for name, value in said.items() if value is not None})  # type: ignore[arg-type]


def _asked(task: MayWrite) -> list[tuple[MessageClass, Channel, Purpose]]:
    """The kinds of messages that are asked about; what chooses them matters to advertising only."""
    classes = [MessageClass(task.message_class)] if task.message_class else list(MessageClass)
    channels = [Channel(task.channel)] if task.channel else list(Channel)
    purposes = [Purpose(task.purpose)] if task.purpose else list(Purpose)
    return [
        (kind, channel, purpose)
        for kind, channel, purpose in product(classes, channels, purposes)
        if kind is MessageClass.MARKETING or purpose is purposes[0]
    ]


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "may": verdict.may,
        "reason": verdict.reason.value,
        "line": {language: verdict.line(language) for language in LANGUAGES},
        "steps": [_step(step) for step in verdict.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "finding": step.finding.value,
        "holds": step.holds,
        "words": {language: step.sentence(language) for language in LANGUAGES},
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "kind": choice.kind.value,
        "state": choice.state.value,
        "given_on": choice.given_on and choice.given_on.isoformat(),
        "last_used_on": choice.last_used_on and choice.last_used_on.isoformat(),
        "lapses_on": choice.lapses_on and choice.lapses_on.isoformat(),
    }


def _lapsing(lapsing: LapsingPermission) -> dict[str, Any]:
    used_at = lapsing.permission.last_used_at
    return {
        "member_id": lapsing.member.member_id,
        "first_name": lapsing.member.first_name,
        "phone": lapsing.member.phone,
        "kind": lapsing.permission.kind.value,
        "given_at": iso_instant(lapsing.permission.given_at),
        "last_used_at": used_at and iso_instant(used_at),
        "lapses_on": lapsing.lapses_on.isoformat(),
    }


def _policy(policy: MemberPolicy) -> dict[str, Any]:
    return {
        "asks_birth_date": policy.asks_birth_date,
        "asks_outlet": policy.asks_outlet,
        "questions": [
            {"question_id": each.question_id, "words": each.words, "answers": list(each.answers)}
            for each in policy.questions
        ],
        "purchase_use": policy.purchase_use.value,
        "balancing_test": policy.balancing_test,
        "soft_opt_in": policy.soft_opt_in,
    }
