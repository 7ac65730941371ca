"""One browser's request to one club's pages: its language, its forms, its cookies."""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct, field

from stamkunde.clubs.model import Club
from stamkunde.http import Request, Response
from stamkunde.members.consents import Caller
from stamkunde.members.wordings import Shown, digests
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.signing import seal, unseal
from stamkunde.web import pages
from stamkunde.web.cookies import (
    PENDING_LASTS,
    Pending,
    device_cookie,
    drop_cookie,
    pending_cookie,
    refused_cookie,
    set_cookie,
)
from stamkunde.web.csrf import TOKEN_FIELD, Visitor, form_token, is_our_form
from stamkunde.web.texts import LANGUAGE_NAMES, language_of

LANGUAGE_FIELD = "lang"
ONCE_FIELD = "once"
SHOWN_FIELD = "shown"
LONGEST_REFUSED = 2048
"""Letters of a cookie: no form as our pages let it be filled in comes near."""

_MECHANISM = frozenset({TOKEN_FIELD, ONCE_FIELD, LANGUAGE_FIELD})
_ONCE = re.compile(r"[0-9a-z]{16}")
_NUMBER = re.compile(r"[0-9]{1,6}")


class Form(Struct, frozen=True):
    """A form as it is shown: what was typed, and what is wrong with it, field by field.

    Parameters
    ----------
    fault
        What is wrong with all of it, if anything.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Refusal] = field(default_factory=dict)
    fault: Refusal | None = None

    @classmethod
    def with_code_refused(cls, values: Mapping[str, str], refusal: Refusal) -> "Form":
        """The form of a code once it is refused: what is wrong with the code stands beside it."""
        if refusal.pointer == "/code":
            return cls(values, faults={"code": refusal})
        return cls(values, fault=refusal)

    @property
    def status(self) -> int:
        """The status to show it with."""
        if self.fault is not None:
            return self.fault.status
        return HTTPStatus.UNPROCESSABLE_ENTITY if self.faults else HTTPStatus.OK

    @property
    def retry_headers(self) -> dict[str, str]:
        """When a new try makes sense, as a header says it."""
        after = self.fault.retry_after if self.fault else None
        return {"retry-after": str(after)} if after is not None else {}


class Visit(Struct, frozen=True):
    """What a page's endpoint works with, whatever it shows.

    Parameters
    ----------
    language_chosen
        Somebody asked for the language; it goes along to whatever comes next.
    typed
        The posted fields; empty for a GET.
    pages_domain
        The host that our pages are on.
    """

    club: Club
    request: Request
    clock: Clock
    visitor: Visitor
    language: str
    language_chosen: bool
    typed: Mapping[str, str]
    pages_domain: str

    @classmethod
    def of(cls, club: Club, request: Request, clock: Clock, pages_domain: str) -> "Visit":
        """The visit that a request makes.

        Raises
        ------
        Refusal
            Those of `Request.form`.
        """
        typed = request.form() if request.method == "POST" else {}
        chosen = typed.get(LANGUAGE_FIELD) or request.query.get(LANGUAGE_FIELD)
        language = language_of(chosen, "", club.language)
        return cls(
            club,
            request,
            clock,
            Visitor.of(request),
            language,
            language_chosen=chosen in LANGUAGE_NAMES,
            typed=typed,
            pages_domain=pages_domain,
        )

    def in_language(self, language: str | None) -> "Visit":
        """The visit in its member's own language, if that is known, unless another was chosen."""
        return self if self.language_chosen or language is None else replace(self, language=language)

    @property
    def carries_language(self) -> bool:
        """Whether addresses and forms must say the language: without it they lead to the club's own."""
        return self.language_chosen or self.language != self.club.language

    @property
    def caller(self) -> Caller:
        """Who asks, as evidence keeps it."""
        return Caller(self.request.client_ip, self.request.user_agent)

    @property
    def device_token(self) -> str:
        """What this browser keeps to show a card; empty for none."""
        return self.request.cookies.get(device_cookie(self.club.club_id), "")

    def ticked(self, name: str) -> bool:
        """Whether a box is ticked."""
        return self.typed.get(name) == "yes"

    @property
    def shown(self) -> Shown:
        """What the posted form had beside its boxes and buttons."""
        return self.shown_beside(self.typed)

    def shown_beside(self, values: Mapping[str, str]) -> Shown:
        """What a form had beside its boxes and buttons, whose values these are."""
        digests = values.get(SHOWN_FIELD, "").split()
        version = values.get("terms_version", "")
        return Shown(self.language, int(version) if _NUMBER.fullmatch(version) else 0, frozenset(digests))

    def is_posted_by_our_form(self) -> bool:
        """Whether the posted form was shown by us, to this browser."""
        token = self.typed.get(TOKEN_FIELD, "")
        keys = self.club.signing_keys
        form = self.request.path
        return is_our_form(self.request, token, keys, self.visitor, form, self.pages_domain)

    def address(self, path: str, **query: str) -> str:
        """An address of ours that stays in the page's language."""
        if self.carries_language:
            query[LANGUAGE_FIELD] = self.language
        return f"{path}?{urlencode(query)}" if query else path

    def show(
        self,
        template: str,
        *,
        home: str,
        form: Form | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Response:
        """A page of this visit.

        Parameters
        ----------
        home
            The path that shows the page afresh: where the links to the other languages lead.
        form
            The form of the page; by default one that was sent back here.
        """
        sent_back = self.sent_back
        form = form or sent_back or Form()
        # What was wrong with an earlier form is nothing wrong with asking for a page.
        status = HTTPStatus.OK if self.request.reads else form.status
        return pages.page(
            template,
            self.language,
            club=self.club,
            status=status,
            headers={**(headers or {}), **form.retry_headers},
            cookies=[*self.visitor.cookies(), *([drop_cookie(self._refused_cookie)] if sent_back else [])],
            form=form,
            visit=self,
            addresses={code: f"{home}?{LANGUAGE_FIELD}={code}" for code in LANGUAGE_NAMES},
            **more,
        )

    def send_to(self, path: str, cookies: Sequence[str] = ()) -> Response:
        """On to another page of ours."""
        return pages.see_other(self.address(path), [*self.visitor.cookies(), *cookies])

    def refuse(self, path: str, form: Form, show: Callable[[Form], Response]) -> Response:
        """Answer a form of ours that is filled in wrong: its page is fetched afresh, and says so once (ADR 0019).

        Whoever goes back later then comes to a page, not to a form that the browser would have to send again. Other
        refusals, and what no cookie carries, are answered where they happen.

        Parameters
        ----------
        path
            The page that the form stands on.
        show
            Makes that page.
        """
        if form.status != HTTPStatus.UNPROCESSABLE_ENTITY or self.visitor.new:
            return show(form)
        values = {name: value for name, value in form.values.items() if name not in _MECHANISM}
        faults = {name: _Fault.of(refusal, self.language) for name, refusal in form.faults.items()}
        fault = _Fault.of(form.fault, self.language) if form.fault else None
        sealed = self._seal(_refused_at(path), _SentBack(values, faults, fault))
        if len(sealed) > LONGEST_REFUSED:
            return show(form)
        codes = [each.code for each in (*faults.values(), fault) if each is not None]
        answer = self.send_to(path, [set_cookie(self._refused_cookie, sealed, PENDING_LASTS)])
        return replace(answer, log={"code": codes[0]})

    @property
    def sent_back(self) -> Form | None:
        """The form that `refuse` sent back to this page, if it did; the answer that shows it forgets it."""
        if not self.request.reads:
            return None
        text = self.request.cookies.get(self._refused_cookie, "")
        found = self._unseal(_refused_at(self.request.path), text, _SentBack)
        if found is None:
            return None
        faults = {name: fault.refusal() for name, fault in found.faults.items()}
        return Form(found.values, faults, found.fault.refusal() if found.fault else None)

    @property
    def _refused_cookie(self) -> str:
        return refused_cookie(self.club.club_id)

    def moved(self) -> Response | None:
        """The way to the page's own address, when somebody typed it with capital letters or a slash at the end."""
        typed = self.request.parameters.get("slug", self.club.slug)
        path = self.request.path.replace(typed, self.club.slug, 1).removesuffix("/")
        if path == self.request.path or not self.request.reads:
            return None
        query = urlencode(self.request.query)
        return pages.moved(f"{path}?{query}" if query else path)

    def token(self, path: str) -> str:
        """The token of the form that posts to a path."""
        return form_token(self.club.signing_keys[0], self.visitor, path)

    def once(self) -> str:
        """Letters of a form's own: they tell one that is sent twice from two."""
        return new_id("")

    def showing(self, *sentences: str) -> str:
        """What a form carries along of the sentences beside its boxes and buttons."""
        return digests(self.language, sentences)

    @property
    def form_sent(self) -> str:
        """The letters of the posted form, made this browser's own; empty for a form without any."""
        letters = self.typed.get(ONCE_FIELD, "")
        return f"{self.visitor.value}.{letters}" if _ONCE.fullmatch(letters) else ""

    def remember(self, purpose: Pending, state: msgspec.Struct) -> str:
        """A cookie that carries what was typed to the page that asks for the code."""
        name = pending_cookie(purpose, self.club.club_id)
        return set_cookie(name, self._seal(purpose, state), PENDING_LASTS)

    def recall[T](self, purpose: Pending, model: type[T]) -> T | None:
        """What `remember` put away in this browser, for a quarter of an hour."""
        return self._unseal(purpose, self.request.cookies.get(pending_cookie(purpose, self.club.club_id), ""), model)

    def _seal(self, purpose: str, state: msgspec.Struct) -> str:
        payload = msgspec.json.encode(
            _Pending(self._now() + PENDING_LASTS.total_seconds(), msgspec.Raw(msgspec.json.encode(state)))
        )
        return seal(self.club.signing_keys, purpose, payload)

    def _unseal[T](self, purpose: str, text: str, model: type[T]) -> T | None:
        payload = unseal(self.club.signing_keys, purpose, text)
        if payload is None:
            return None
        try:
            pending = msgspec.json.decode(payload, type=_Pending)
            return msgspec.json.decode(pending.state, type=model) if self._now() < pending.until else None
        except msgspec.DecodeError:
            # Sealed by a version of ours that remembered other things: the form is filled in again.
            return None

    def _now(self) -> float:
        return self.clock.now().timestamp()


class _Pending(msgspec.Struct, frozen=True):
    until: float
    state: msgspec.Raw


class _Fault(msgspec.Struct, frozen=True):
    code: str
    values: dict[str, str | int]

    @classmethod
    def of(cls, refusal: Refusal, language: str) -> "_Fault":
        values = refusal.values.items()
        return cls(refusal.code, {name: v if isinstance(v, str | int) else v.text(language) for name, v in values})

    def refusal(self) -> Refusal:
        return Refusal(self.code, self.values)


class _SentBack(msgspec.Struct, frozen=True):
    values: dict[str, str]
    faults: dict[str, _Fault]
    fault: _Fault | None


def _refused_at(path: str) -> str:
    return f"refused:{path}"
