"""The pages behind a campaign's links: the offer, its conditions and a way to stop; nothing of the person.

A link of an old message, whose lists are gone, still works: it asks for the number. What a mail program posts to
unsubscribe its reader (RFC 8058) acts at once, without cookie, form or redirect.
"""

from collections.abc import Callable, Mapping
from copy import replace
from functools import partial
from http import HTTPStatus

from stamkunde.campaigns.offers import Offer, offer_of
from stamkunde.campaigns.stop_links import Followed
from stamkunde.http import FORM_TYPE, Request, Response
from stamkunde.members.consents import ConsentMethod
from stamkunde.members.model import Member
from stamkunde.members.stopping import Said
from stamkunde.page_bootstrap import Pages
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal
from stamkunde.web.visit import Form, Visit

STOPPED = {Channel.SMS: "stopped", Channel.EMAIL: "unsubscribed"}
NUMBER_STOPPED = "number_stopped"


class _Page:
    """What one of these pages knows of its link."""

    def __init__(self, pages: Pages, visit: Visit, link: Followed) -> None:
        self.pages = pages
        self.link = link
        self.channel = link.run.channel
        self.stopping = pages.stopping(link.club)
        self.member = _member(pages, link)
        self.visit = visit.in_language(self.member.language if self.member else None)
        self.path = visit.request.path

    @property
    def has_stopped(self) -> bool:
        return self.member is not None and self.stopping.has_stopped(self.member, self.channel)

    def said(self, method: ConsentMethod) -> Said:
        return Said(method, self.visit.language, self.visit.caller)

    def done(self, outcome: str, status: int = HTTPStatus.OK) -> Response:
        shown = self.visit.show("link_done.html", home=self.path, outcome=outcome)
        return replace(shown, status=status)


def show_offer(pages: Pages, visit: Visit, link: Followed, form: Form | None = None) -> Response:
    """The offer and the way to stop."""
    page = _Page(pages, visit, link)
    offer, asks_to_say_seen = _offer(page)
    has_said_seen = asks_to_say_seen and _has_said_seen(page)
    return page.visit.show(
        "offer.html",
        home=page.path,
        form=form,
        path=page.path,
        offer=offer,
        channel=page.channel.value,
        asks_number=page.member is None,
        has_stopped=page.has_stopped,
        asks_to_say_seen=asks_to_say_seen and not has_said_seen,
        has_said_seen=has_said_seen,
    )


def act_on_offer(pages: Pages, visit: Visit, link: Followed) -> Response:
    """Stop, for whoever the message was to or for the number that was typed; or note that it was seen."""
    show = partial(show_offer, pages, visit, link)
    if not visit.is_posted_by_our_form():
        return show(Form(visit.typed, fault=Refusal("form_too_old")))
    page = _Page(pages, visit, link)
    match visit.typed.get("act"), page.member:
        case "stop", Member() as member:
            page.stopping.stop(member.member_id, page.channel, page.said(ConsentMethod.STOP_LINK))
        case "seen", Member() as member:
            _note_seen(page, member)
        case "stop_number", None:
            return _stop_number(page, show)
        case _:
            raise Refusal("malformed_body")
    return page.visit.send_to(page.path)


def show_unsubscribe(pages: Pages, visit: Visit, link: Followed, form: Form | None = None) -> Response:
    """A page with a button: whoever only looks, such as a program that opens all links of a mail, changes nothing."""
    page = _Page(pages, visit, link)
    if page.has_stopped:
        return page.done(STOPPED[page.channel])
    return page.visit.show(
        "unsubscribe.html",
        home=page.path,
        form=form,
        path=page.path,
        channel=page.channel.value,
        asks_number=page.member is None,
    )


def unsubscribe(pages: Pages, visit: Visit, link: Followed) -> Response:
    """Stop at once, whoever posts whatever: a mail program brings no cookie, and need not say why."""
    page = _Page(pages, visit, link)
    if page.member is not None:
        page.stopping.stop(page.member.member_id, page.channel, page.said(ConsentMethod.UNSUBSCRIBE))
        return page.done(STOPPED[page.channel])
    show = partial(show_unsubscribe, pages, visit, link)
    if visit.typed.get("act") != "stop_number":
        # Nobody knows any more whose an old message was, and a mail program must not say that it is done.
        return replace(show(), status=HTTPStatus.GONE)
    if not visit.is_posted_by_our_form():
        return show(Form(visit.typed, fault=Refusal("form_too_old")))
    return _stop_number(page, show)


def _stop_number(page: _Page, show: Callable[[Form], Response]) -> Response:
    typed = page.visit.typed
    try:
        page.stopping.stop_number(typed.get("phone", ""), page.channel, page.said(ConsentMethod.STOP_LINK))
    except Refusal as refusal:
        faults = {"phone": refusal} if refusal.pointer == "/phone" else {}
        return page.visit.refuse(page.path, Form(typed, faults, None if faults else refusal), show)
    return page.done(NUMBER_STOPPED)


def _offer(page: _Page) -> tuple[Offer | None, bool]:
    """What was offered, and whether a text message follows unless its reader says that they have seen it."""
    campaign = page.pages.campaign(page.link.club, page.link.run.campaign_id)
    if campaign is None:
        return None, False
    offer = offer_of(campaign, page.link.club, page.pages.domains, page.channel, page.visit.language)
    return offer, campaign.sms_waits and page.channel is Channel.EMAIL and page.member is not None


def _note_seen(page: _Page, member: Member) -> None:
    """Only the button counts: mail programs open every link before their reader does."""
    results, campaign_id = page.pages.results(page.link.club), page.link.run.campaign_id
    now = page.stopping.clock.now()
    page.pages.patience.until_done(lambda: results.note_click(member.member_id, campaign_id, page.channel, now))


def _has_said_seen(page: _Page) -> bool:
    results, campaign_id = page.pages.results(page.link.club), page.link.run.campaign_id
    return page.member is not None and bool(results.clicked(campaign_id, [page.member.member_id]))


def _member(pages: Pages, link: Followed) -> Member | None:
    """Whose message it was in; None also for who is gone since: their number, typed, finds nobody either."""
    members = pages.admission(link.club).members
    return members.find(link.member_id, consistent=True) if link.member_id else None


def without_form(request: Request) -> Request:
    """What a mail program posts, in whatever way it writes a form: nothing in it is read."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or media_type == FORM_TYPE:
        return request
    headers = {**request.headers, "content-type": FORM_TYPE}
    return replace(request, headers=headers, raw_body="", base64_encoded=False)


type CampaignEndpoint = Callable[[Pages, Visit, Followed], Response]

CAMPAIGN_ENDPOINTS: Mapping[str, CampaignEndpoint] = {
    "show_link": show_offer,
    "act_on_link": act_on_offer,
    "show_unsubscribe": show_unsubscribe,
    "unsubscribe": unsubscribe,
}
