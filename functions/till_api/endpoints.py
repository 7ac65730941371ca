"""One function a route: read the body, call the use case, show the answer."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from stamkunde.bootstrap import TillSession
from stamkunde.http import Request, Response, problem_document
from stamkunde.ledger.service import Booked, TillPoint
from stamkunde.shared.errors import Refusal
from stamkunde.shared.pagination import decode_cursor, encode_cursor
from till_api import answers, requests

ENTRIES_A_PAGE = 25
MOST_ENTRIES_A_PAGE = 100
ENTRY_SORT_KEYS = "ENTRY#"


def look_up_member(session: TillSession, request: Request) -> Response:
    """Who has this phone number, and what they have to spend."""
    body = request.body(requests.LookUp)
    return Response(HTTPStatus.OK, answers.show_member(session.club, session.membership.look_up(body.phone)))


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
    body = request.body(requests.Batch)
    results = [_batch_result(session, purchase) for purchase in body.purchases]
    return Response(HTTPStatus.OK, answers.BatchShown(results), log={"purchases": len(results)})


def show_purchase(session: TillSession, request: Request) -> Response:
    """A booked purchase of this club, at whichever till."""
    entry = session.ledger.find_purchase(request.parameters["purchase_id"])
    return Response(HTTPStatus.OK, _show(session, Booked(entry, repeated=True)))


def show_ledger(session: TillSession, request: Request) -> Response:
    """A member's movements, newest first."""
    cursor = request.query.get("cursor")
    page = session.ledger.entries(
        request.parameters["member_id"],
        most=_page_size(request),
        start=decode_cursor(cursor, ENTRY_SORT_KEYS) if cursor else None,
    )
    following = encode_cursor(page.following) if page.following else None
    entries = [answers.show_entry(session.club, entry) for entry in page.entries]
    return Response(HTTPStatus.OK, answers.LedgerShown(session.club.currency, entries, following))


def _book(session: TillSession, purchase: requests.Purchase) -> Booked:
    _check_currency(session, purchase.currency)
    till = session.till
    point = TillPoint(till.till_id, till.outlet_id, till.receipt_numbers.value, till.late_receipts_until)
    return session.ledger.book(purchase.to_receipt(), point)


def _show(session: TillSession, booked: Booked) -> answers.PurchaseShown:
    if booked.entry.purchase is None:
        raise Refusal("unknown_purchase")
    return answers.show_purchase(session.club, booked.entry, booked.entry.purchase)


def _batch_result(session: TillSession, purchase: requests.Purchase) -> answers.BatchResult:
    try:
        booked = _book(session, purchase)
    except Refusal as refusal:
        document = problem_document(refusal, session.club.language)
        return answers.BatchResult(purchase.receipt_number, refusal.status, problem=document)
    status = HTTPStatus.OK if booked.repeated else HTTPStatus.CREATED
    return answers.BatchResult(purchase.receipt_number, status, purchase=_show(session, booked))


def _check_currency(session: TillSession, currency: str) -> None:
    if currency != session.club.currency:
        raise Refusal("currency_differs", {"currency": session.club.currency}, "/currency")


def _page_size(request: Request) -> int:
    text = request.query.get("limit", str(ENTRIES_A_PAGE))
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MOST_ENTRIES_A_PAGE:
        raise Refusal("invalid_field", {"expected": f"1-{MOST_ENTRIES_A_PAGE}"}, "/limit")
    return int(text)


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
