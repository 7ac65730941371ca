"""A browser without a window, in front of the pages' real handlers: cookies, forms, redirects; no JavaScript."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.till_client import gateway_event

PHONE_BROWSER = (
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
)
SENT_BACK = [303, 200]
"""What a browser is answered that sends a form filled in wrong: on to the page that says so (ADR 0019)."""
FORM_TYPE = "application/x-www-form-urlencoded"
VOID = {"input", "meta", "link", "br", "path"}


@dataclass
class Element:
    """What a test asks about one tag of a page."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class ShownForm:
    """A form as it stands on a page, ready to be filled in."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    boxes: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.forms: list[ShownForm] = []
        self._open: list[Element] = []
        self._choice = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)
        if tag == "form":
            self.forms.append(ShownForm(element.attributes["action"]))
        elif self.forms:
            self._note(element)

    def handle_endtag(self, tag: str) -> None:
        if tag in {element.tag for element in self._open}:
            while self._open.pop().tag != tag:
                continue

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def _note(self, element: Element) -> None:
        given = element.attributes
        name, value = given.get("name", ""), given.get("value", "")
        if element.tag == "button" and name:
            self.forms[-1].buttons.append((name, value))
        elif element.tag == "input" and given.get("type") == "checkbox":
            self.forms[-1].boxes.add(name)
            if "checked" in given:
                self.forms[-1].fields[name] = value
        elif element.tag == "input":
            self.forms[-1].fields[name] = value
        elif element.tag == "select":
            self._choice = name
            self.forms[-1].choices[name] = []
        elif element.tag == "option":
            # A browser sends the first of a list unless another is chosen.
            self.forms[-1].choices[self._choice].append(value)
            if "selected" in given or len(self.forms[-1].choices[self._choice]) == 1:
                self.forms[-1].fields[self._choice] = value


@dataclass
class Seen:
    """A page as it came."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    html: str

    def __post_init__(self) -> None:
        reader = _Reader()
        reader.feed(self.html)
        self.elements, self.forms = reader.elements, reader.forms

    @property
    def heading(self) -> str:
        return self.all("h1")[0].text.strip()

    @property
    def text(self) -> str:
        return " ".join(self.all("body")[0].text.split())

    @property
    def alerts(self) -> list[str]:
        return [" ".join(each.text.split()) for each in self.elements if each.attributes.get("role") == "alert"]

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def named(self, name: str) -> Element:
        return next(each for each in self.elements if each.attributes.get("name") == name)

    def by_id(self, name: str) -> Element:
        return next(each for each in self.elements if each.attributes.get("id") == name)

    def form(self, action: str) -> ShownForm:
        return next(each for each in self.forms if each.action == action)


@dataclass
class PageBrowser:
    """One browser: what it keeps, where it is, and what it was answered on the way there."""

    origin_secret: str
    context: Any
    cookies: dict[str, str] = field(default_factory=dict)
    path: str = ""
    statuses: list[int] = field(default_factory=list)
    seen: Seen = field(default_factory=lambda: Seen(0, {}, [], ""))
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Seen:
        """Open an address, and whatever it sends on to."""
        self.statuses = []
        return self._go("GET", path, "")

    def post(self, path: str, fields: dict[str, str]) -> Seen:
        """Send fields to an address, whether or not a form stands there."""
        self.statuses = []
        return self._go("POST", path, urlencode(fields))

    def send(self, action: str, **typed: str) -> Seen:
        """Fill in the form of the page that posts to an address, and send it."""
        return self.post(action, self.seen.form(action).fields | typed)

    def _go(self, method: str, path: str, body: str) -> Seen:
        answer = self.call(method, path, body)
        self._keep(answer.get("cookies", []))
        headers = answer["headers"]
        self.statuses.append(answer["statusCode"])
        self.seen = Seen(answer["statusCode"], headers, answer.get("cookies", []), answer["body"])
        self.path = path
        if self.seen.status == 303:
            return self._go("GET", headers["location"], "")
        return self.seen

    def call(self, method: str, path: str, body: str = "", **headers: str) -> dict[str, Any]:
        """The bare answer of the function that the path belongs to."""
        given = {
            "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "user-agent": PHONE_BROWSER,
            "x-stamkunde-origin": self.origin_secret,
            "x-stamkunde-client-ip": "203.0.113.7",
            "sec-fetch-site": "same-origin",
            **({"content-type": FORM_TYPE, "origin": "null"} if method == "POST" else {}),
            **self.headers,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        event = gateway_event(method, path, given, body)
        event["cookies"] = [f"{name}={value}" for name, value in self.cookies.items()]
        answer: dict[str, Any] = _handler(urlsplit(path).path)(event, self.context)
        return answer

    def _keep(self, cookies: list[str]) -> None:
        for cookie in cookies:
            pair, _, attributes = cookie.partition(";")
            name, _, value = pair.partition("=")
            self.cookies.pop(name, None)
            if "Max-Age=0" not in attributes:
                self.cookies[name] = value


def _handler(path: str) -> Any:
    from asset_page import handler as asset_page
    from join_page import handler as join_page
    from member_page import handler as member_page

    by_first = {"m": member_page, "assets": asset_page, "docs": asset_page, "openapi.json": asset_page}
    return by_first.get(path.split("/")[1], join_page).lambda_handler
