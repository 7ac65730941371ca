"""The pages of an opened card: what is on it, and what its member changes. One function a route."""

from collections.abc import Callable, Mapping
from functools import partial

from markupsafe import Markup

from member_page.opening import home
from stamkunde.clubs.model import Club
from stamkunde.http import Response
from stamkunde.ledger.explanations import bonus_amount
from stamkunde.members.card import grouped
from stamkunde.members.card_pictures import barcode, qr_code
from stamkunde.members.consents import PermissionKind
from stamkunde.members.device import Device
from stamkunde.members.member_card import CardView
from stamkunde.members.permission import KIND_OF_CHANNEL
from stamkunde.members.wordings import club_permission, terms_wording
from stamkunde.page_bootstrap import Pages
from stamkunde.shared.errors import Refusal
from stamkunde.shared.money import Money, Points
from stamkunde.web.cookies import (
    DEVICE_LASTS,
    Pending,
    device_cookie,
    drop_cookie,
    pending_cookie,
    refused_cookie,
    set_cookie,
)
from stamkunde.web.texts import page_text
from stamkunde.web.visit import Form, Visit


def show_card(pages: Pages, visit: Visit, device: Device) -> Response:
    """The card, what there is to spend, and what the club knows."""
    return _card_page(pages, visit, device)


def show_history(pages: Pages, visit: Visit, device: Device) -> Response:
    """The bonus, movement by movement."""
    after = visit.request.query.get("after")
    try:
        page = pages.member_card(visit.club).history(device.member_id, visit.language, after)
    except Refusal as refusal:
        if refusal.code == "unknown_member":  # Whoever takes the news only has no bonus.
            return visit.send_to(home(visit))
        raise
    path = visit.request.path
    return visit.show("history.html", home=path, page=page, path=path, bonus=partial(amount_of, visit.club))


def change_permission(pages: Pages, visit: Visit, device: Device) -> Response:
    """Give one permission, or take it back."""
    asked = {kind for kind in PermissionKind if kind == visit.typed.get("permission")}
    wanted = asked if visit.typed.get("act") == "give" else set[PermissionKind]()
    card = pages.member_card(visit.club)

    def change() -> None:
        card.change_permissions(device.member_id, wanted, visit.shown, visit.caller, among=asked)

    return change_and_show(pages, visit, device, change)


def accept_terms(pages: Pages, visit: Visit, device: Device) -> Response:
    """Accept the terms that stood on the page."""
    card = pages.member_card(visit.club)

    def accept() -> None:
        card.accept_terms(device.member_id, visit.shown, visit.caller)

    return change_and_show(pages, visit, device, accept)


def remove_devices(pages: Pages, visit: Visit, device: Device) -> Response:
    """Close the card on one device, on all others, or here."""
    which = visit.typed.get("device", "")
    devices = pages.devices(visit.club)
    others = frozenset(each.device_id for each in devices.list(device.member_id)) - {device.device_id}
    leaving = {"others": others, "this": frozenset({device.device_id})}.get(which, frozenset({which}))
    stays = device.device_id not in leaving
    return change_and_show(pages, visit, device, lambda: devices.remove(device.member_id, leaving), stays=stays)


def change_and_show(
    pages: Pages, visit: Visit, device: Device, act: Callable[[], None], *, stays: bool = True
) -> Response:
    """Do what a form of ours asks, and show what came of it; a device that stays lasts 180 days from now."""
    if not visit.is_posted_by_our_form():
        return _card_page(pages, visit, device, Form(fault=Refusal("form_too_old")))
    try:
        act()
    except Refusal as refusal:
        return visit.refuse(home(visit), Form(fault=refusal), partial(_card_page, pages, visit, device))
    name = device_cookie(visit.club.club_id)
    if not stays:
        club_id = visit.club.club_id
        typed = [refused_cookie(club_id), *(pending_cookie(purpose, club_id) for purpose in Pending)]
        return visit.send_to(home(visit), [drop_cookie(each) for each in (name, *typed)])
    pages.devices(visit.club).note_use(device)
    return visit.send_to(home(visit), [set_cookie(name, visit.request.cookies[name], DEVICE_LASTS)])


def _card_page(pages: Pages, visit: Visit, device: Device, form: Form | None = None) -> Response:
    view = pages.member_card(visit.club).show(device.member_id)
    visit = visit.in_language(view.member.language)
    return visit.show(
        "card.html",
        home=home(visit),
        form=form,
        path=home(visit),
        view=view,
        bonus=partial(amount_of, visit.club),
        this_device=device.device_id,
        pictures=_pictures(visit, view),
        wordings=_wordings(visit.club, view, visit.language),
        terms_wording=terms_wording(visit.club, visit.language),
    )


def amount_of(club: Club, amount: int) -> Money | Points:
    """Bonus in the club's unit: a club that counts points never tells kroner."""
    return bonus_amount(amount, club.currency, club.unit)


def _pictures(visit: Visit, view: CardView) -> Mapping[str, Markup | str] | None:
    """The card number for a till's scanner and for a cashier's eyes; made by us, so it is not escaped."""
    number = view.member.card_number
    if number is None:
        return None
    title = page_text(visit.language, "card.number_is", number=grouped(number))
    return {
        "qr": Markup(qr_code(number, title)),  # noqa: S704 - of digits and an escaped title
        "bars": Markup(barcode(number, title)),  # noqa: S704 - as above
        "number": grouped(number),
    }


def _wordings(club: Club, view: CardView, language: str) -> Mapping[str, str]:
    """What a member may say yes to; nothing while the club has not said what its advertising is about.

    Whoever takes the news only has no purchases to be used, but may have said yes to that on the join page.
    """
    if club.join_page is None:
        return {}
    kinds = [
        kind for kind in PermissionKind if view.holds or kind in KIND_OF_CHANNEL.values() or kind in view.permissions
    ]
    return {kind.value: club_permission(club, kind, language).wording for kind in kinds}


type CardEndpoint = Callable[[Pages, Visit, Device], Response]

CARD_ENDPOINTS: Mapping[str, CardEndpoint] = {
    endpoint.__name__: endpoint
    for endpoint in (show_card, show_history, change_permission, accept_terms, remove_devices)
}
