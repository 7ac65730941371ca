"""Opening a card on a device: the number, the code, and the cookie that the browser keeps."""

from collections.abc import Callable, Mapping
from functools import partial

from member_page.pending import PURPOSE, PendingCard
from stamkunde.http import Response
from stamkunde.page_bootstrap import Pages
from stamkunde.shared.errors import Refusal
from stamkunde.web.cookies import DEVICE_LASTS, device_cookie, set_cookie
from stamkunde.web.visit import Form, Visit


def ask_code(pages: Pages, visit: Visit) -> Response:
    """Have a code sent to the number, if it has a card; the answer is the same if not."""
    if not visit.is_posted_by_our_form():
        return phone_form(visit, Form(visit.typed, fault=Refusal("form_too_old")))
    try:
        return _ask(pages, visit, visit.typed.get("phone", ""))
    except Refusal as refusal:
        if refusal.pointer == "/phone":
            return _refuse_phone(visit, Form(visit.typed, faults={"phone": refusal}))
        return _refuse_phone(visit, Form(visit.typed, fault=refusal))


def show_code(_pages: Pages, visit: Visit) -> Response:
    """Where the code is typed; without a number typed before, where the number is."""
    pending = visit.recall(PURPOSE, PendingCard)
    return _code_form(visit, pending) if pending else visit.send_to(home(visit))


def open_card(pages: Pages, visit: Visit) -> Response:
    """Open the card in this browser with the code."""
    pending = visit.recall(PURPOSE, PendingCard)
    if pending is None:
        return _refuse_phone(visit, Form(fault=Refusal("code_expired")))
    if not visit.is_posted_by_our_form():
        return _code_form(visit, pending, Form(visit.typed, fault=Refusal("form_too_old")))
    card = pages.member_card(visit.club)
    try:
        token = card.open(
            pending.challenge_id,
            pending.phone,
            visit.typed.get("code", ""),
            visit.caller,
            language=visit.language,
            present=visit.device_token,
        )
    except Refusal as refusal:
        return _refuse_code(visit, pending, Form.with_code_refused(visit.typed, refusal))
    return visit.send_to(home(visit), [set_cookie(device_cookie(visit.club.club_id), token, DEVICE_LASTS)])


def ask_code_again(pages: Pages, visit: Visit) -> Response:
    """Have another code sent; only the newest one counts."""
    pending = visit.recall(PURPOSE, PendingCard)
    if pending is None:
        return visit.send_to(home(visit))
    if not visit.is_posted_by_our_form():
        return _code_form(visit, pending, Form(fault=Refusal("form_too_old")))
    try:
        return _ask(pages, visit, pending.phone)
    except Refusal as refusal:
        return _refuse_code(visit, pending, Form(fault=refusal))


def phone_form(visit: Visit, form: Form | None = None) -> Response:
    """What a browser sees that has not entered a code."""
    return visit.show("card_phone.html", home=home(visit), form=form)


def home(visit: Visit) -> str:
    """The club's member page."""
    return f"/m/{visit.club.slug}"


def _ask(pages: Pages, visit: Visit, phone: str) -> Response:
    card = pages.member_card(visit.club)
    asked = card.ask_code(phone, visit.language, visit.caller, once=visit.form_sent)
    pending = PendingCard(asked.challenge_id, asked.phone)
    return visit.send_to(f"{home(visit)}/code", [visit.remember(PURPOSE, pending)])


def _refuse_phone(visit: Visit, form: Form) -> Response:
    return visit.refuse(home(visit), form, partial(phone_form, visit))


def _refuse_code(visit: Visit, pending: PendingCard, form: Form) -> Response:
    return visit.refuse(f"{home(visit)}/code", form, partial(_code_form, visit, pending))


def _code_form(visit: Visit, pending: PendingCard, form: Form | None = None) -> Response:
    path = f"{home(visit)}/code"
    back = visit.address(home(visit))
    return visit.show("code.html", home=path, form=form, path=path, back=back, phone=pending.phone, joining=False)


type Endpoint = Callable[[Pages, Visit], Response]

OPENING_ENDPOINTS: Mapping[str, Endpoint] = {
    endpoint.__name__: endpoint for endpoint in (ask_code, show_code, open_card, ask_code_again)
}
