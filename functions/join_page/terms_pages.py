"""What a club has published of its terms: the text, what is new in it, and a form to sign on paper."""

import re
from collections.abc import Callable, Mapping

from stamkunde.clubs.form_code import PrintedForm, form_code
from stamkunde.clubs.model import Club, TermsVersion
from stamkunde.clubs.terms_changes import changes
from stamkunde.http import Response
from stamkunde.members.wordings import asked_kinds, club_permission, terms_wording
from stamkunde.page_bootstrap import Pages
from stamkunde.web.pages import KEEP_AS_LEFT
from stamkunde.web.visit import Visit

_VERSION = re.compile(r"[0-9]{1,5}")


def show_terms(_pages: Pages, visit: Visit) -> Response:
    """The current terms, and everything about the details that a club keeps."""
    terms = visit.club.current_terms()
    first_day = terms.first_day(visit.club.time_zone)
    home = visit.request.path
    return visit.show("terms.html", home=home, headers=KEEP_AS_LEFT, terms=terms, first_day=first_day)


def show_terms_changes(_pages: Pages, visit: Visit) -> Response:
    """What the current terms say that an older version didn't, sentence by sentence."""
    terms = visit.club.current_terms()
    older = _older(visit.club, visit.request.query.get("since", ""))
    return visit.show(
        "terms_changes.html",
        home=visit.request.path,
        headers=KEEP_AS_LEFT,
        terms=terms,
        first_day=terms.first_day(visit.club.time_zone),
        changed=changes(older, terms, visit.language),
    )


def show_sign_up_form(_pages: Pages, visit: Visit) -> Response:
    """The form for the counter, to be printed: the terms it is about, the boxes, and a code that names both."""
    club, terms = visit.club, visit.club.current_terms()
    return visit.show(
        "sign_up_form.html",
        home=visit.request.path,
        headers=KEEP_AS_LEFT,
        terms=terms,
        promise=terms_wording(club, visit.language),
        permissions=[club_permission(club, kind, visit.language).wording for kind in asked_kinds(club)],
        code=form_code(club, PrintedForm(terms, visit.language)),
    )


def _older(club: Club, typed: str) -> TermsVersion:
    """The version to compare with: the one that was asked for, or else the one before the current."""
    wanted = int(typed) if _VERSION.fullmatch(typed) else club.current_terms().version - 1
    return next((terms for terms in club.terms if terms.version == wanted), club.current_terms())


type TermsEndpoint = Callable[[Pages, Visit], Response]

TERMS_ENDPOINTS: Mapping[str, TermsEndpoint] = {
    endpoint.__name__: endpoint for endpoint in (show_terms, show_terms_changes, show_sign_up_form)
}
