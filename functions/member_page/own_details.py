"""Members look over what the club knows of them, and correct it."""

from collections.abc import Mapping
from functools import partial

from member_page.card import CardEndpoint
from member_page.opening import home
from stamkunde.http import Response
from stamkunde.members.device import Device
from stamkunde.members.joining import FormErrors
from stamkunde.members.model import Member
from stamkunde.members.own_details import ANSWER_FIELD, DetailsForm
from stamkunde.page_bootstrap import Pages
from stamkunde.shared.errors import Refusal
from stamkunde.web.pages import see_other
from stamkunde.web.visit import Form, Visit

SAVED = "saved"


def show_details(pages: Pages, visit: Visit, device: Device) -> Response:
    """Everything that a member may correct, filled in as it is known."""
    return _details_page(pages, visit, device)


def save_details(pages: Pages, visit: Visit, device: Device) -> Response:
    """Keep what was typed; the page then speaks the language that was chosen."""
    if not visit.is_posted_by_our_form():
        return _details_page(pages, visit, device, Form(visit.typed, fault=Refusal("form_too_old")))
    try:
        pages.own_details(visit.club).save(device.member_id, _typed(visit), visit.caller)
    except FormErrors as wrong:
        return _refuse(pages, visit, device, Form(visit.typed, faults=wrong.errors))
    except Refusal as refusal:
        return _refuse(pages, visit, device, Form(visit.typed, fault=refusal))
    pages.devices(visit.club).note_use(device)
    return see_other(f"{_path(visit)}?{SAVED}=1")


def ask_email_again(pages: Pages, visit: Visit, device: Device) -> Response:
    """Send another link to the address that waits to be confirmed."""
    if not visit.is_posted_by_our_form():
        return _details_page(pages, visit, device, Form(fault=Refusal("form_too_old")))
    try:
        pages.own_details(visit.club).ask_email_again(device.member_id)
    except Refusal as refusal:
        return _refuse(pages, visit, device, Form(fault=refusal))
    return visit.send_to(_path(visit))


def _path(visit: Visit) -> str:
    return f"{home(visit)}/details"


def _refuse(pages: Pages, visit: Visit, device: Device, form: Form) -> Response:
    return visit.refuse(_path(visit), form, partial(_details_page, pages, visit, device))


def _details_page(pages: Pages, visit: Visit, device: Device, form: Form | None = None) -> Response:
    details = pages.own_details(visit.club)
    member = details.show(device.member_id)
    form = form or visit.sent_back or Form()
    asked = visit.club.member_policy.questions
    visit = visit.in_language(member.language)
    return visit.show(
        "own_details.html",
        home=_path(visit),
        form=form if form.values else Form(_known(member), form.faults, form.fault),
        path=_path(visit),
        back=visit.address(home(visit)),
        member=member,
        outlets=[(outlet.outlet_id, outlet.name) for outlet in details.choices()],
        questions={ANSWER_FIELD + each.question_id: each.words for each in asked},
        answers={ANSWER_FIELD + each.question_id: [(said, said) for said in each.answers] for each in asked},
        saved=SAVED in visit.request.query,
    )


def _known(member: Member) -> Mapping[str, str]:
    """The form as it is when nobody has typed anything; an address that waits stands there as the newest."""
    return {
        "first_name": member.first_name or "",
        "email": member.unproved_email or member.email or "",
        "language": member.language,
        "birth_date": member.birth_date.isoformat() if member.birth_date else "",
        "own_outlet": member.own_outlet or "",
        **{ANSWER_FIELD + question: answer for question, answer in member.answers},
    }


def _typed(visit: Visit) -> DetailsForm:
    typed = visit.typed
    return DetailsForm(
        first_name=typed.get("first_name", ""),
        email=typed.get("email", ""),
        language=typed.get("language", ""),
        birth_date=typed.get("birth_date", ""),
        own_outlet=typed.get("own_outlet", ""),
        answers={
            name.removeprefix(ANSWER_FIELD): value for name, value in typed.items() if name.startswith(ANSWER_FIELD)
        },
    )


DETAILS_ENDPOINTS: Mapping[str, CardEndpoint] = {
    endpoint.__name__: endpoint for endpoint in (show_details, save_details, ask_email_again)
}
