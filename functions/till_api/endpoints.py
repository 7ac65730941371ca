"""One function a route: read the body, call the use case, show the answer."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

from stamkunde.bootstrap import TillSession
from stamkunde.http import Request, Response, problem_document
from stamkunde.ledger.model.receipts import Receipt
from stamkunde.ledger.service import Booked
from stamkunde.shared.errors import Refusal
from stamkunde.shared.pagination import decode_cursor, encode_cursor
from stamkunde.shared.reasons import Reason
from till_api import answers, carry_over, members, refunds, requests, reservations, vouchers
from till_api.booking import book
from till_api.paths import id_in_path

ENTRIES_A_PAGE = 25
MOST_ENTRIES_A_PAGE = 100
ENTRY_SORT_KEYS = "ENTRY#"
PAGE_SIZE = re.compile(r"[0-9]{1,3}")


def quote_purchase(session: TillSession, request: Request) -> Response:
    """What a basket would earn and spend; nothing is written."""
    body = request.body(requests.Quote)
    session.check_currency(body.currency)
    settlement = session.ledger.quote(body.to_basket(), session.till.outlet_id, body.member_id, body.account_id)
    return Response(HTTPStatus.OK, answers.show_quote(session.club, settlement, body.member_id))


def book_purchase(session: TillSession, request: Request) -> Response:
    """Book a settled receipt; the same again gets the same answer, with 200 for 201."""
    return book(session, request.body(requests.Purchase))


def book_purchases(session: TillSession, request: Request) -> Response:
    """Book a queue of receipts in the order sent; each has its own answer, none stops the others."""
    purchases = request.body(requests.Batch).purchases
    answered = session.ledger.book_in_turn([_readable(session, each) for each in purchases], session.point)
    results = [_batch_result(session, *each) for each in zip(purchases, answered, strict=True)]
    return Response(HTTPStatus.OK, answers.BatchShown(results), log={"purchases": len(results)})


def show_ledger(session: TillSession, request: Request) -> Response:
    """A member's movements, newest first."""
    cursor = request.query.get("cursor")
    page = session.ledger.entries(
        id_in_path(request, "member_id", requests.MEMBER_ID, "unknown_member"),
        most=_page_size(request),
        after=decode_cursor(cursor, ENTRY_SORT_KEYS) if cursor else None,
    )
    following = encode_cursor(page.following) if page.following else None
    entries = [answers.show_entry(session.club, entry) for entry in page.entries]
    return Response(
        HTTPStatus.OK, answers.LedgerShown(session.club.currency, session.club.unit.value, entries, following)
    )


def _readable(session: TillSession, purchase: requests.Purchase) -> Receipt | Refusal:
    try:
        session.check_currency(purchase.currency)
        return purchase.to_receipt(queued=True)
    except Refusal as refusal:
        return refusal


def _batch_result(session: TillSession, purchase: requests.Purchase, answer: Booked | Refusal) -> answers.BatchResult:
    if isinstance(answer, Refusal):
        document = problem_document(answer, session.club.language)
        return answers.BatchResult(purchase.receipt_number, answer.status, problem=document)
    status = HTTPStatus.OK if answer.repeated else HTTPStatus.CREATED
    return answers.BatchResult(
        purchase.receipt_number, status, purchase=answers.show_booked(session.club, answer.entry)
    )


def _page_size(request: Request) -> int:
    text = request.query.get("limit", str(ENTRIES_A_PAGE))
    if not PAGE_SIZE.fullmatch(text) or not 1 <= int(text) <= MOST_ENTRIES_A_PAGE:
        among = Reason("between", {"least": 1, "most": MOST_ENTRIES_A_PAGE})
        raise Refusal("invalid_field", {"expected": among}, "/limit")
    return int(text)


type Endpoint = Callable[[TillSession, Request], Response]

ENDPOINTS: Mapping[str, Endpoint] = {
    endpoint.__name__: endpoint
    for endpoint in (
        members.look_up_member,
        members.join_member,
        members.say_permissions,
        members.show_permission_texts,
        carry_over.carry_over,
        vouchers.give_voucher,
        quote_purchase,
        book_purchase,
        book_purchases,
        refunds.show_purchase,
        refunds.refund_purchase,
        refunds.refund_receipt,
        show_ledger,
        reservations.reserve,
        reservations.release,
        reservations.capture,
    )
}
