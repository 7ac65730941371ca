"""The page of a service link: it shows what its button does and nothing of the person, since links are forwarded."""

from collections.abc import Callable, Mapping
from functools import partial

from stamkunde.http import Response
from stamkunde.members.links import LinkActs, LinkState
from stamkunde.members.service_link import FoundLink, LinkAct
from stamkunde.members.wordings import terms_wording
from stamkunde.page_bootstrap import Pages
from stamkunde.shared.errors import Refusal
from stamkunde.web.pages import error_page
from stamkunde.web.visit import Form, Visit

OUTCOMES = {
    LinkAct.ACCEPT_TERMS: "accepted",
    LinkAct.CONFIRM_EMAIL: "confirmed",
    LinkAct.UNDO_ERASURE: "kept",
    LinkAct.STAY: "stayed",
    LinkAct.STOP_ADVERTISING: "stopped",
}
ONE_BUTTON = {
    LinkAct.CONFIRM_EMAIL: "link_confirm.html",
    LinkAct.UNDO_ERASURE: "link_keep.html",
    LinkAct.STAY: "link_stay.html",
    LinkAct.STOP_ADVERTISING: "link_stop.html",
}


def show_link(pages: Pages, visit: Visit, link: FoundLink) -> Response:
    """What the link is for, or what came of it."""
    return _page(pages, visit, link)


def act_on_link(pages: Pages, visit: Visit, link: FoundLink) -> Response:
    """Do what the pressed button says, and show what came of it."""
    show = partial(_page, pages, visit, link)
    if not visit.is_posted_by_our_form():
        return show(Form(fault=Refusal("form_too_old")))
    try:
        _act(pages.link_acts(visit.club), visit, link)
    except Refusal as refusal:
        if refusal.code in {"terms_changed", "wording_changed", "try_again"}:
            return visit.refuse(visit.request.path, Form(fault=refusal), show)
        raise
    return visit.send_to(visit.request.path)


def _act(acts: LinkActs, visit: Visit, link: FoundLink) -> None:
    match link.act, visit.typed.get("act"):
        case LinkAct.ACCEPT_TERMS, "accept":
            acts.accept(link, visit.shown, visit.caller)
        case LinkAct.ACCEPT_TERMS, "delete":
            acts.delete(link)
        case LinkAct.CONFIRM_EMAIL, "confirm":
            acts.confirm_email(link, visit.language, visit.caller)
        case LinkAct.UNDO_ERASURE, "keep":
            acts.undo_erasure(link)
        case LinkAct.STAY, "stay":
            acts.stay(link)
        case LinkAct.STOP_ADVERTISING, "stop":
            acts.stop_advertising(link, visit.language, visit.caller)
        case _:
            raise Refusal("malformed_body")


def _page(pages: Pages, visit: Visit, link: FoundLink, form: Form | None = None) -> Response:
    seen = pages.link_acts(visit.club).look(link)
    visit = visit.in_language(seen.language)
    path = visit.request.path
    match seen.state:
        case LinkState.OVER:
            return error_page(Refusal("link_over"), visit.request, visit.club, visit.language)
        case LinkState.DELETED:
            return visit.show("link_done.html", home=path, outcome="deleted")
        case LinkState.DONE:
            return visit.show("link_done.html", home=path, outcome=OUTCOMES[link.act])
    if link.act in ONE_BUTTON:
        return visit.show(ONE_BUTTON[link.act], home=path, form=form, path=path)
    terms = visit.club.current_terms()
    wording = terms_wording(visit.club, visit.language)
    return visit.show("link_accept.html", home=path, form=form, path=path, terms=terms, wording=wording)


type LinkEndpoint = Callable[[Pages, Visit, FoundLink], Response]

LINK_ENDPOINTS: Mapping[str, LinkEndpoint] = {endpoint.__name__: endpoint for endpoint in (show_link, act_on_link)}
