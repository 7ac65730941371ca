"""Booking a settled receipt, sent by itself or as the end of a reservation."""

from http import HTTPStatus

from stamkunde.bootstrap import TillSession
from stamkunde.http import Response
from till_api import answers, requests


def book(session: TillSession, purchase: requests.Purchase) -> Response:
    """Book a receipt; 201 the first time, 200 with the same answer whenever it comes again."""
    session.check_currency(purchase.currency)
    booked = session.ledger.book(purchase.to_receipt(), session.point)
    shown = answers.show_booked(session.club, booked.entry)
    status = HTTPStatus.OK if booked.repeated else HTTPStatus.CREATED
    return Response(status, shown, log={"purchase": shown.purchase_id})
