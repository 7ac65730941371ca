"""HTML answers: one template environment, the headers that every page carries, and errors as pages."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, FileSystemLoader, ModuleLoader, StrictUndefined
from markupsafe import Markup, escape

from stamkunde.clubs.model import Club
from stamkunde.http import Request, Response, failure
from stamkunde.observability import invocation_reference
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.faults import is_passing
from stamkunde.shared.language import Worded
from stamkunde.web import look
from stamkunde.web.assets import asset_address
from stamkunde.web.texts import (
    LANGUAGE_NAMES,
    catalogue,
    day_text,
    language_of,
    phone_text,
    refusal_text,
    refusal_title,
)

FIRST_LANGUAGE = "da"
HTML = "text/html; charset=utf-8"
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "manifest-src 'none'",
    )
)
PAGE_HEADERS = {
    "content-type": HTML,
    "content-security-policy": CONTENT_SECURITY_POLICY,
    # What an address tells (a token, a club) stays here; the browser then posts forms with `Origin: null`.
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
# Nobody's page: a browser may show it again as it was left, with what was typed.
KEEP_AS_LEFT = {"cache-control": "private, no-cache"}

_TEMPLATES = Path(__file__).parent / "templates"
COMPILED = Path(__file__).parent / "compiled"
"""Where packaging puts the templates as modules: compiling them took each cold start as long as a query."""


@cache
def environment() -> Environment:
    """The pages' templates: everything is escaped, and a value that is missing is a fault."""
    made = Environment(
        loader=_loader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {"asset": asset_address, "look": look.address_of, "language_names": LANGUAGE_NAMES}
    made.filters |= {"phone": phone_text, "local_day": lambda instant, club: local_date(instant, club.time_zone)}
    return made


def _loader() -> BaseLoader:
    return ModuleLoader(COMPILED) if COMPILED.is_dir() else FileSystemLoader(_TEMPLATES)


def page(
    template: str,
    language: str,
    *,
    club: Club | None = None,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    cookies: Sequence[str] = (),
    **values: Any,
) -> Response:
    """A page made of a template, in one language and a club's look."""
    html = (
        environment()
        .get_template(template)
        .render(
            club=club,
            language=language,
            t=partial(_text, language),
            day=partial(day_text, language=language),
            amount=lambda worded: _unbroken(worded, language),
            refusal=lambda refusal: refusal_text(refusal, language),
            **values,
        )
    )
    return Response(status, html, PAGE_HEADERS | dict(headers or {}), cookies=cookies)


def see_other(address: str, cookies: Sequence[str] = ()) -> Response:
    """Send the browser on after a form, so that loading again posts nothing again."""
    return _sent_on(HTTPStatus.SEE_OTHER, address, cookies)


def moved(address: str) -> Response:
    """Send the browser to the address that a page really has."""
    return _sent_on(HTTPStatus.PERMANENT_REDIRECT, address)


def _sent_on(status: HTTPStatus, address: str, cookies: Sequence[str] = ()) -> Response:
    return Response(status, "", PAGE_HEADERS | {"location": address}, cookies=cookies)


def error_page(error: Exception, request: Request | None, club: Club | None, language: str) -> Response:
    """What went wrong as a page, or as a problem document for whoever doesn't ask for pages."""
    answer = failure(error, language)
    if request is None or "text/html" not in request.headers.get("accept", ""):
        return answer
    refusal = error if isinstance(error, Refusal) else Refusal("try_again" if is_passing(error) else "internal_error")
    headers = {name: value for name, value in answer.headers.items() if name != "content-type"}
    shown = page(
        "error.html",
        language,
        club=club,
        status=answer.status,
        headers=headers,
        title=refusal_title(refusal, language),
        error=refusal,
        reference=invocation_reference(),
        addresses={},
    )
    return Response(shown.status, shown.model, shown.headers, answer.log)


def failed(error: Exception, request: Request | None) -> Response:
    """The answer where nobody knows yet which club a request is for."""
    return error_page(error, request, None, _language_without_club(request))


def _language_without_club(request: Request | None) -> str:
    if request is None:
        return FIRST_LANGUAGE
    return language_of(request.query.get("lang"), request.headers.get("accept-language", ""), FIRST_LANGUAGE)


def _text(language: str, key: str, **values: str | int) -> Markup:
    """A text with its values merged in, each of them escaped unless we made it."""
    return escape(catalogue(language)[key]).format_map({name: escape(value) for name, value in values.items()})


def _unbroken(amount: Worded, language: str) -> Markup:
    """An amount that no line break tears apart."""
    return Markup("<span class=money>{}</span>").format(amount.text(language))
