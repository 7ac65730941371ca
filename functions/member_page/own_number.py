"""A member gives up a number for another: two codes, and the number that was given up is told."""

from collections.abc import Mapping
from functools import partial

from member_page.card import CardEndpoint
from member_page.opening import home
from member_page.pending import NUMBER_PURPOSE, PendingNumber
from stamkunde.http import Response
from stamkunde.members.device import Device
from stamkunde.members.joining import FormErrors
from stamkunde.members.number_change import NEW_CODE, OLD_CODE, NumberAsked
from stamkunde.page_bootstrap import Pages
from stamkunde.shared.errors import Refusal
from stamkunde.web.visit import Form, Visit

TOO_LATE = frozenset({"code_expired", "code_locked"})
"""Codes that no more typing makes right."""


def show_number(pages: Pages, visit: Visit, device: Device) -> Response:
    """Where the new number is typed."""
    return _number_page(pages, visit, device)


def ask_number_codes(pages: Pages, visit: Visit, device: Device) -> Response:
    """Have a code sent to the number of now, and one to the new."""
    if not visit.is_posted_by_our_form():
        return _number_page(pages, visit, device, Form(visit.typed, fault=Refusal("form_too_old")))
    return _ask(pages, visit, device, visit.typed.get("phone", ""))


def show_number_codes(pages: Pages, visit: Visit, device: Device) -> Response:
    """Where both codes are typed; without a number typed before, where that is."""
    pending = visit.recall(NUMBER_PURPOSE, PendingNumber)
    return _codes_page(pages, visit, device, pending) if pending else visit.send_to(_path(visit))


def change_number(pages: Pages, visit: Visit, device: Device) -> Response:
    """Change the number with both codes."""
    pending = visit.recall(NUMBER_PURPOSE, PendingNumber)
    if pending is None:
        return _refuse_number(pages, visit, device, Form(fault=Refusal("code_expired")))
    if not visit.is_posted_by_our_form():
        return _codes_page(pages, visit, device, pending, Form(visit.typed, fault=Refusal("form_too_old")))
    asked = NumberAsked(pending.phone, pending.old_challenge, pending.new_challenge)
    codes = (visit.typed.get(OLD_CODE, ""), visit.typed.get(NEW_CODE, ""))
    try:
        pages.number_change(visit.club).change(device.member_id, asked, *codes, visit.language)
    except FormErrors as wrong:
        return _refuse_codes(pages, visit, device, pending, Form(visit.typed, faults=wrong.errors))
    except Refusal as refusal:
        if refusal.code == "phone_taken":
            return _refuse_number(pages, visit, device, Form({"phone": pending.phone}, faults={"phone": refusal}))
        return _refuse_codes(pages, visit, device, pending, Form(visit.typed, fault=refusal))
    return visit.send_to(f"{home(visit)}/details")


def ask_number_codes_again(pages: Pages, visit: Visit, device: Device) -> Response:
    """Have both codes sent once more; only the newest ones count."""
    pending = visit.recall(NUMBER_PURPOSE, PendingNumber)
    if pending is None:
        return visit.send_to(_path(visit))
    if not visit.is_posted_by_our_form():
        return _codes_page(pages, visit, device, pending, Form(fault=Refusal("form_too_old")))
    return _ask(pages, visit, device, pending.phone)


def _ask(pages: Pages, visit: Visit, device: Device, phone: str) -> Response:
    number = pages.number_change(visit.club)
    try:
        asked = number.ask(device.member_id, phone, visit.language, visit.caller, once=visit.form_sent)
    except Refusal as refusal:
        is_about_phone = refusal.pointer == "/phone"
        form = Form({"phone": phone}, {"phone": refusal}) if is_about_phone else Form({"phone": phone}, fault=refusal)
        return _refuse_number(pages, visit, device, form)
    pending = PendingNumber(asked.phone, asked.old_challenge, asked.new_challenge)
    return visit.send_to(f"{_path(visit)}/codes", [visit.remember(NUMBER_PURPOSE, pending)])


def _path(visit: Visit) -> str:
    return f"{home(visit)}/number"


def _refuse_number(pages: Pages, visit: Visit, device: Device, form: Form) -> Response:
    return visit.refuse(_path(visit), form, partial(_number_page, pages, visit, device))


def _refuse_codes(pages: Pages, visit: Visit, device: Device, pending: PendingNumber, form: Form) -> Response:
    return visit.refuse(f"{_path(visit)}/codes", form, partial(_codes_page, pages, visit, device, pending))


def _number_page(pages: Pages, visit: Visit, device: Device, form: Form | None = None) -> Response:
    member = pages.number_change(visit.club).member(device.member_id)
    visit = visit.in_language(member.language)
    path = _path(visit)
    back = visit.address(f"{home(visit)}/details")
    return visit.show("own_number.html", home=path, form=form, path=path, back=back, phone=member.phone)


def _codes_page(
    pages: Pages, visit: Visit, device: Device, pending: PendingNumber, form: Form | None = None
) -> Response:
    member = pages.number_change(visit.club).member(device.member_id)
    form = form or visit.sent_back or Form()
    visit = visit.in_language(member.language)
    path = f"{_path(visit)}/codes"
    return visit.show(
        "own_number_codes.html",
        home=path,
        form=form,
        path=path,
        back=visit.address(_path(visit)),
        old_phone=member.phone,
        new_phone=pending.phone,
        dead=any(fault.code in TOO_LATE for fault in form.faults.values()),
    )


NUMBER_ENDPOINTS: Mapping[str, CardEndpoint] = {
    endpoint.__name__: endpoint
    for endpoint in (show_number, ask_number_codes, show_number_codes, change_number, ask_number_codes_again)
}
