"""One function a route: read the body, call the use case, show the answer."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

from stamkunde.bootstrap import TillSession
from stamkunde.http import Request, Response, problem_document
from stamkunde.ledger.model import Receipt
from stamkunde.ledger.service import Booked, TillPoint
from stamkunde.shared.errors import Refusal
from stamkunde.shared.pagination import decode_cursor, encode_cursor
from till_api import answers, requests

ENTRIES_A_PAGE = 25
MOST_ENTRIES_A_PAGE = 100
ENTRY_SORT_KEYS = "ENTRY#"
PAGE_SIZE = re.compile(r"[0-9]{1,3}")


def look_up_member(session: TillSession, request: Request) -> Response:
    """Who has this phone number or card, and what they have to spend."""
    body = request.body(requests.LookUp)
    found = (
        session.membership.look_up_by_card(body.card) if body.card else session.membership.look_up(body.phone or "")
    )
    return Response(HTTPStatus.OK, answers.show_member(session.club, found))


def join_member(session: TillSession, request: Request) -> Response:
    """Join with a phone number; 201 for somebody new, 200 for somebody who was there."""
    body = request.body(requests.Join)
    acceptance = body.terms_acceptance.to_acceptance() if body.terms_acceptance else None
    joined = session.membership.join(
        body.phone, body.first_name, acceptance, session.till.outlet_id, session.till.till_id
    )
    status = HTTPStatus.CREATED if joined.new else HTTPStatus.OK
    return Response(status, answers.show_member(session.club, joined.at_till))


def quote_purchase(session: TillSession, request: Request) -> Response:
    """What a basket would earn and spend; nothing is written."""
    body = request.body(requests.Quote)
    _check_currency(session, body.currency)
    settlement = session.ledger.quote(body.to_basket(), body.member_id, body.account_id)
    return Response(HTTPStatus.OK, answers.show_quote(session.club, settlement))


def book_purchase(session: TillSession, request: Request) -> Response:
    """Book a settled receipt; the same again gets the same answer, with 200 for 201."""
    booked = _book(session, request.body(requests.Purchase))
    shown = _show(session, booked)
    status = HTTPStatus.OK if booked.repeated else HTTPStatus.CREATED
    return Response(status, shown, log={"purchase": shown.purchase_id})


def book_purchases(session: TillSession, request: Request) -> Response:
    """Book a queue of receipts in the order sent; each has its own answer, none stops the others."""
    purchases = request.body(requests.Batch).purchases
    answered = session.ledger.book_in_turn([_readable(session, each) for each in purchases], _point(session))
    results = [_batch_result(session, *each) for each in zip(purchases, answered, strict=True)]
    return Response(HTTPStatus.OK, answers.BatchShown(results), log={"purchases": len(results)})


def show_purchase(session: TillSession, request: Request) -> Response:
    """A booked purchase of this club, at whichever till."""
    entry = session.ledger.find_purchase(
        _id_in_path(request, "purchase_id", requests.PURCHASE_ID, "unknown_purchase")
    )
    return Response(HTTPStatus.OK, _show(session, Booked(entry, repeated=True)))


def show_ledger(session: TillSession, request: Request) -> Response:
    """A member's movements, newest first."""
    cursor = request.query.get("cursor")
    page = session.ledger.entries(
        _id_in_path(request, "member_id", requests.MEMBER_ID, "unknown_member"),
        most=_page_size(request),
        after=decode_cursor(cursor, ENTRY_SORT_KEYS) if cursor else None,
    )
    following = encode_cursor(page.following) if page.following else None
    entries = [answers.show_entry(session.club, entry) for entry in page.entries]
    return Response(HTTPStatus.OK, answers.LedgerShown(session.club.currency, entries, following))


def _book(session: TillSession, purchase: requests.Purchase) -> Booked:
    _check_currency(session, purchase.currency)
    return session.ledger.book(purchase.to_receipt(), _point(session))


def _point(session: TillSession) -> TillPoint:
    till = session.till
    return TillPoint(till.till_id, till.outlet_id, till.receipt_numbers.value, till.late_receipts_until)


def _readable(session: TillSession, purchase: requests.Purchase) -> Receipt | Refusal:
    try:
        _check_currency(session, purchase.currency)
        return purchase.to_receipt()
    except Refusal as refusal:
        return refusal


def _show(session: TillSession, booked: Booked) -> answers.PurchaseShown:
    if booked.entry.purchase is None:
        raise Refusal("unknown_purchase")
    return answers.show_purchase(session.club, booked.entry, booked.entry.purchase)


def _batch_result(session: TillSession, purchase: requests.Purchase, answer: Booked | Refusal) -> answers.BatchResult:
    if isinstance(answer, Refusal):
        document = problem_document(answer, session.club.language)
        return answers.BatchResult(purchase.receipt_number, answer.status, problem=document)
    status = HTTPStatus.OK if answer.repeated else HTTPStatus.CREATED
    return answers.BatchResult(purchase.receipt_number, status, purchase=_show(session, answer))


def _check_currency(session: TillSession, currency: str) -> None:
    if currency != session.club.currency:
        raise Refusal("currency_differs", {"currency": session.club.currency}, "/currency")


def _page_size(request: Request) -> int:
    text = request.query.get("limit", str(ENTRIES_A_PAGE))
    if not PAGE_SIZE.fullmatch(text) or not 1 <= int(text) <= MOST_ENTRIES_A_PAGE:
        raise Refusal("invalid_field", {"expected": f"1-{MOST_ENTRIES_A_PAGE}"}, "/limit")
    return int(text)


def _id_in_path(request: Request, name: str, pattern: str, unknown: str) -> str:
    """An id of a form we give; anything else is as unknown as one that was never given."""
    value = request.parameters[name]
    if not re.fullmatch(pattern, value):
        raise Refusal(unknown)
    return value


type Endpoint = Callable[[TillSession, Request], Response]

ENDPOINTS: Mapping[str, Endpoint] = {
    endpoint.__name__: endpoint
    for endpoint in (
        look_up_member,
        join_member,
        quote_purchase,
        book_purchase,
        book_purchases,
        show_purchase,
        show_ledger,
    )
}
