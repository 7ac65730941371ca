"""The operators' tasks about what a campaign may begin with: a club's templates, and its year."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from operator_task.desk import Desk, TaskModel
from operator_task.ledger_tasks import Bench
from operator_task.plan_forms import Year
from stamkunde.campaign_bootstrap import campaigns
from stamkunde.campaigns.composer_texts import occasion_name
from stamkunde.campaigns.model.law import questions
from stamkunde.campaigns.model.occasions import Occasion, OccasionKey, occasions_of
from stamkunde.campaigns.model.templates import TEMPLATES, TemplateKey
from stamkunde.campaigns.model.year import Suggestion, year_of
from stamkunde.campaigns.ready_made import ready_made, template_words
from stamkunde.campaigns.template_list import OfferedTemplate, offered_templates
from stamkunde.shared.channel import Channel


class ListTemplates(TaskModel, tag="list_templates"):
    """What a club may begin a campaign with, in its language: words, parts, price, what is to be filled in."""

    club_id: str


class ShowTemplate(TaskModel, tag="show_template"):
    """A template as the file that a campaign is drafted from."""

    club_id: str
    template: TemplateKey


class ShowYear(TaskModel, tag="show_year"):
    """What a club could send when in a year, occasion by occasion."""

    club_id: str
    year: Year


type TemplateTask = ListTemplates | ShowTemplate | ShowYear


def list_templates(desk: Desk, task: ListTemplates) -> dict[str, Any]:
    """Carry out `ListTemplates`."""
    bench = Bench(desk, task.club_id)
    service = campaigns(desk.settings, desk.client, bench.club, bench.clock)
    return {"templates": [_template(each) for each in offered_templates(service)]}


def show_template(desk: Desk, task: ShowTemplate) -> dict[str, Any]:
    """Carry out `ShowTemplate`."""
    language = Bench(desk, task.club_id).club.language
    return {
        "name": template_words(language)[task.template].name,
        "texts": [msgspec.to_builtins(ready_made(task.template, language))],
        "answers": msgspec.to_builtins(TEMPLATES[task.template].answers),
        "channels": [Channel.SMS.value],
    }


def show_year(desk: Desk, task: ShowYear) -> dict[str, Any]:
    """Carry out `ShowYear`."""
    club = Bench(desk, task.club_id).club
    occasions = {each.key: each for each in occasions_of(club.country, task.year)}
    found = year_of(club.country, task.year)
    return {"year": task.year, "suggestions": [_suggestion(each, occasions, club.language) for each in found]}


TEMPLATE_TASKS: Mapping[type[TaskModel], Callable[[Desk, Any], dict[str, Any]]] = {
    ListTemplates: list_templates,
    ShowTemplate: show_template,
    ShowYear: show_year,
}


def _template(offered: OfferedTemplate) -> dict[str, Any]:
    words, sms = offered.words, offered.composed.sms
    return {
        "template": offered.key.value,
        "name": words.name,
        "when": words.when,
        "whom": words.whom,
        "sms": words.sms,
        "subject": words.subject,
        "fill_in": [
            {"place": name, "for_instance": words.examples.get(name, name)} for name in offered.text.unfilled
        ],
        "for_instance": sms and sms.long.text,
        "parts": sms and sms.long.count.parts,
        "price": sms and {"amount": sms.price.amount, "currency": sms.price.currency},
        "asks": [code.value for code in questions(offered.composed.law)],
        "uses_purchases": offered.rules.uses_purchases,
    }


def _suggestion(found: Suggestion, occasions: Mapping[OccasionKey, Occasion], language: str) -> dict[str, Any]:
    occasion = occasions[found.occasion] if found.occasion else None
    words = template_words(language)[found.template] if found.template else None
    return {
        "days": [day.isoformat() for day in found.days],
        "at": found.at and f"{found.at:%H:%M}",
        "is_about": found.is_about,
        "occasion": occasion and occasion_name(occasion.key, language),
        "first": occasion and occasion.first.isoformat(),
        "last": occasion and occasion.last.isoformat(),
        "template": found.template and found.template.value,
        "name": words and words.name,
        "when": words and words.when,
    }
