"""One function a route: read the form, call the use case, show a page or send the browser on."""

from collections.abc import Callable, Mapping
from copy import replace
from functools import partial
from http import HTTPStatus

from join_page.pending import PURPOSE, PendingJoin
from join_page.terms_pages import TERMS_ENDPOINTS
from stamkunde.clubs.model import Club, TermsVersion
from stamkunde.http import Response
from stamkunde.members.consents import PermissionKind
from stamkunde.members.joining import FormErrors, JoinForm
from stamkunde.members.model import MemberState
from stamkunde.members.wordings import asked_kinds, club_permission, terms_wording
from stamkunde.page_bootstrap import Pages
from stamkunde.shared.errors import Refusal
from stamkunde.shared.money import percent_text
from stamkunde.shared.programme import programme_at
from stamkunde.web import look
from stamkunde.web.assets import KEEP_FOR_EVER
from stamkunde.web.cookies import DEVICE_LASTS, device_cookie, set_cookie
from stamkunde.web.pages import KEEP_AS_LEFT, moved
from stamkunde.web.visit import Form, Visit

BOX_OF_PERMISSION = {
    PermissionKind.SMS: "sms",
    PermissionKind.EMAIL: "email_news",
    PermissionKind.PURCHASES: "purchases",
}
STYLE_HEADERS = {"content-type": "text/css; charset=utf-8", "x-content-type-options": "nosniff"}


def lead_to_join(_pages: Pages, visit: Visit) -> Response:
    """On to the join page, from what somebody types who reads the club's name on a sign."""
    return moved(visit.address(_home(visit.club)))


def show_join(_pages: Pages, visit: Visit) -> Response:
    """The form; filled in with what was typed when somebody comes back to mend it."""
    if visit.sent_back:
        return _join_form(visit)
    pending = visit.recall(PURPOSE, PendingJoin) if "edit" in visit.request.query else None
    if pending is None:
        return _join_form(visit, headers=KEEP_AS_LEFT)
    born = pending.request.birth_date
    typed = {
        "first_name": pending.request.first_name or "",
        "email": pending.request.email or "",
        "birth_date": born.isoformat() if born else "",
    }
    return _join_form(visit, Form(typed))


def ask_code(pages: Pages, visit: Visit) -> Response:
    """Have a code sent to the number, and go on to the page that asks for it."""
    if not visit.is_posted_by_our_form():
        return _join_form(visit, Form(visit.typed, fault=Refusal("form_too_old")))
    joining = pages.joining(visit.club)
    try:
        request = joining.check(_typed_form(visit))
        challenge_id = joining.ask_code(request, visit.caller, once=visit.form_sent)
    except FormErrors as wrong:
        return _refuse_wish(visit, Form(visit.typed, faults=wrong.errors))
    except Refusal as refusal:
        return _refuse_wish(visit, Form(visit.typed, fault=refusal))
    return _on_to_code(visit, PendingJoin(challenge_id, request))


def show_code(_pages: Pages, visit: Visit) -> Response:
    """Where the code is typed; without anything typed before, the form."""
    pending = visit.recall(PURPOSE, PendingJoin)
    return _code_form(visit, pending) if pending else visit.send_to(_home(visit.club))


def join(pages: Pages, visit: Visit) -> Response:
    """Join with the code; a member goes on to the card, and the page is open in this browser from now on."""
    pending = visit.recall(PURPOSE, PendingJoin)
    if pending is None:
        return _refuse_wish(visit, Form(fault=Refusal("code_expired")))
    if not visit.is_posted_by_our_form():
        return _code_form(visit, pending, Form(visit.typed, fault=Refusal("form_too_old")))
    code = visit.typed.get("code", "")
    try:
        joined = pages.joining(visit.club).join(
            pending.request, pending.challenge_id, code, visit.caller, present=visit.device_token
        )
    except Refusal as refusal:
        return _refuse_code(visit, pending, Form.with_code_refused(visit.typed, refusal))
    opened = set_cookie(device_cookie(visit.club.club_id), joined.device_token, DEVICE_LASTS)
    is_member = joined.member.state is MemberState.MEMBER
    return visit.send_to(f"/m/{visit.club.slug}" if is_member else f"{_home(visit.club)}/done", [opened])


def ask_code_again(pages: Pages, visit: Visit) -> Response:
    """Have another code sent; only the newest one counts."""
    pending = visit.recall(PURPOSE, PendingJoin)
    if pending is None:
        return visit.send_to(_home(visit.club))
    if not visit.is_posted_by_our_form():
        return _code_form(visit, pending, Form(fault=Refusal("form_too_old")))
    try:
        joining = pages.joining(visit.club)
        challenge_id = joining.ask_code(pending.request, visit.caller, once=visit.form_sent)
    except Refusal as refusal:
        return _refuse_code(visit, pending, Form(fault=refusal))
    return _on_to_code(visit, PendingJoin(challenge_id, pending.request))


def show_done(_pages: Pages, visit: Visit) -> Response:
    """What somebody sees who only wanted the news."""
    return visit.show("join_done.html", home=visit.request.path, headers=KEEP_AS_LEFT)


def show_look(_pages: Pages, visit: Visit) -> Response:
    """The club's colours; kept for ever under the address that names their version."""
    css = look.stylesheet(look.accent_of(visit.club))
    is_current = visit.request.query.get("v") == look.version_of(css)
    return Response(
        HTTPStatus.OK, css, STYLE_HEADERS | {"cache-control": KEEP_FOR_EVER if is_current else "no-cache"}
    )


def _refuse_wish(visit: Visit, form: Form) -> Response:
    return visit.refuse(_home(visit.club), form, partial(_join_form, visit))


def _refuse_code(visit: Visit, pending: PendingJoin, form: Form) -> Response:
    return visit.refuse(f"{_home(visit.club)}/code", form, partial(_code_form, visit, pending))


def _join_form(visit: Visit, form: Form | None = None, headers: Mapping[str, str] | None = None) -> Response:
    club = visit.club
    terms = club.current_terms()
    rate = programme_at(club.programmes, visit.clock.now()).rate
    wordings = {
        "terms": terms_wording(club, visit.language),
        **{
            BOX_OF_PERMISSION[kind]: club_permission(club, kind, visit.language).wording for kind in asked_kinds(club)
        },
    }
    return visit.show(
        "join.html",
        home=_home(club),
        form=_with_ticks_that_hold(visit, form or visit.sent_back or Form(), terms, wordings),
        headers=headers,
        terms=terms,
        rate=percent_text(rate, visit.language) if rate else "",
        wordings=wordings,
    )


def _with_ticks_that_hold(visit: Visit, form: Form, terms: TermsVersion, wordings: Mapping[str, str]) -> Form:
    """The form as it is shown again: a tick was for the words and terms that it stood beside, and for no others."""
    shown = visit.shown_beside(form.values)
    dropped = {box for box, wording in wordings.items() if not shown.has(wording)}
    if shown.terms_version != terms.version:
        dropped.add("terms")
    return replace(form, values={name: value for name, value in form.values.items() if name not in dropped})


def _code_form(visit: Visit, pending: PendingJoin, form: Form | None = None) -> Response:
    path = f"{_home(visit.club)}/code"
    back = visit.address(_home(visit.club), edit="1")
    phone = pending.request.phone
    return visit.show("code.html", home=path, form=form, path=path, back=back, phone=phone, joining=True)


def _on_to_code(visit: Visit, pending: PendingJoin) -> Response:
    return visit.send_to(f"{_home(visit.club)}/code", [visit.remember(PURPOSE, pending)])


def _typed_form(visit: Visit) -> JoinForm:
    typed = visit.typed
    return JoinForm(
        phone=typed.get("phone", ""),
        first_name=typed.get("first_name", ""),
        email=typed.get("email", ""),
        accepts_terms=visit.ticked("terms"),
        permissions=frozenset(kind for kind, box in BOX_OF_PERMISSION.items() if visit.ticked(box)),
        shown=visit.shown,
        birth_date=typed.get("birth_date", ""),
    )


def _home(club: Club) -> str:
    return f"/{club.slug}/join"


type Endpoint = Callable[[Pages, Visit], Response]

ENDPOINTS: Mapping[str, Endpoint] = {
    **{
        endpoint.__name__: endpoint
        for endpoint in (
            lead_to_join,
            show_join,
            ask_code,
            show_code,
            join,
            ask_code_again,
            show_done,
            show_look,
        )
    },
    **TERMS_ENDPOINTS,
}

FOR_EVERY_CLUB = frozenset({"show_terms", "show_terms_changes", "show_look"})
"""What links and cards lead to, also in a club that has not said yet what its other pages need."""
