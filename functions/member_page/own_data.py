"""Members see and take along everything that the club keeps of them, and ask for it to be deleted."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from urllib.parse import urlencode

from member_page.card import CardEndpoint, amount_of, change_and_show
from member_page.opening import home
from stamkunde.http import Response
from stamkunde.ledger.explanations import explain_entry
from stamkunde.ledger.model.entries import Entry
from stamkunde.members.consents import PermissionKind
from stamkunde.members.device import Device
from stamkunde.members.model import GRACE, AskedBy
from stamkunde.members.own_data import OwnData
from stamkunde.members.own_data_file import member_file
from stamkunde.page_bootstrap import Pages
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.money import Money
from stamkunde.web.visit import Form, Visit

FILE_HEADERS = {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def show_data(pages: Pages, visit: Visit, device: Device) -> Response:
    """Everything that is kept of a member, to read."""
    data = pages.own_data(visit.club).read(device.member_id, _before(visit))
    visit = visit.in_language(data.member.language)
    path = f"{home(visit)}/data"
    return visit.show(
        "own_data.html",
        home=path,
        back=visit.address(home(visit)),
        path=path,
        file=_file(path, _before(visit)),
        is_a_part=bool(data.older or _before(visit)),
        data=data,
        outlet_names={outlet.outlet_id: outlet.name for outlet in pages.own_details(visit.club).outlets()},
        vouchers=[(data.coupon_names.get(coupon, coupon), use) for coupon, use in data.coupon_uses],
        questions={question.question_id: question.words for question in visit.club.member_policy.questions},
        bonus=partial(amount_of, visit.club),
        money=lambda amount: Money(amount, visit.club.currency),
        why=partial(_why, data, visit.language),
        balance=data.account.balance(data.gathered_at, visit.club.time_zone) if data.account else None,
    )


def download_data(pages: Pages, visit: Visit, device: Device) -> Response:
    """The same as a file that other programs can read; its name tells of nobody."""
    data = pages.own_data(visit.club).read(device.member_id, _before(visit))
    named = {"content-disposition": f'attachment; filename="{visit.club.slug}.json"'}
    return Response(HTTPStatus.OK, member_file(data).decode(), FILE_HEADERS | named)


def _before(visit: Visit) -> str | None:
    """Which movements are asked for: those before these."""
    return visit.request.query.get("before")


def _file(path: str, before: str | None) -> str:
    """The file of the movements that a page shows."""
    return f"{path}.json?{urlencode({'before': before})}" if before else f"{path}.json"


def show_erasing(pages: Pages, visit: Visit, device: Device) -> Response:
    """What being deleted means, in numbers, and the button for it."""
    return _erasing_page(pages, visit, device)


def ask_erasure(pages: Pages, visit: Visit, device: Device) -> Response:
    """Be deleted in 14 days; the card says so from now on, and offers to undo it."""
    if not visit.is_posted_by_our_form():
        return _erasing_page(pages, visit, device, Form(fault=Refusal("form_too_old")))
    pages.erasing(visit.club).ask(device.member_id, AskedBy.MEMBER)
    return visit.send_to(home(visit))


def undo_erasure(pages: Pages, visit: Visit, device: Device) -> Response:
    """Stay after all."""
    erasing = pages.erasing(visit.club)
    return change_and_show(pages, visit, device, lambda: erasing.undo(device.member_id, AskedBy.MEMBER))


def stop_everything(pages: Pages, visit: Visit, device: Device) -> Response:
    """Take back every permission at once."""
    card = pages.member_card(visit.club)

    def stop() -> None:
        everything = frozenset(PermissionKind)
        card.change_permissions(device.member_id, frozenset(), visit.shown, visit.caller, among=everything)

    return change_and_show(pages, visit, device, stop)


def _erasing_page(pages: Pages, visit: Visit, device: Device, form: Form | None = None) -> Response:
    view = pages.member_card(visit.club).show(device.member_id)
    visit = visit.in_language(view.member.language)
    path = f"{home(visit)}/delete"
    return visit.show(
        "own_delete.html",
        home=path,
        form=form,
        path=path,
        back=visit.address(home(visit)),
        view=view,
        bonus=partial(amount_of, visit.club),
        erase_on=local_date(visit.clock.now() + GRACE, visit.club.time_zone),
    )


def _why(data: OwnData, language: str, entry: Entry) -> str:
    club = data.club
    return explain_entry(entry, club.currency, language, club.unit, club.programmes)


DATA_ENDPOINTS: Mapping[str, CardEndpoint] = {
    endpoint.__name__: endpoint
    for endpoint in (show_data, download_data, show_erasing, ask_erasure, undo_erasure, stop_everything)
}
