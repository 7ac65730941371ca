"""The till API's routes: the one list that resolver, stacks and tests read."""

from stamkunde.shared.routing import Auth, Route

ROUTES = (
    Route("POST", "/v1/members/lookup", "look_up_member", Auth.TILL_KEY, writes=False),
    Route("POST", "/v1/members", "join_member", Auth.TILL_KEY, writes=True),
    Route("GET", "/v1/permissions", "show_permission_texts", Auth.TILL_KEY, writes=False),
    Route("POST", "/v1/members/{member_id}/permissions", "say_permissions", Auth.TILL_KEY, writes=True),
    Route("POST", "/v1/members/{member_id}/vouchers", "give_voucher", Auth.TILL_KEY, writes=True),
    Route("POST", "/v1/members/{member_id}/carry-over", "carry_over", Auth.TILL_KEY, writes=True),
    Route("POST", "/v1/quotes", "quote_purchase", Auth.TILL_KEY, writes=False),
    Route("POST", "/v1/purchases", "book_purchase", Auth.TILL_KEY, writes=True),
    Route("POST", "/v1/purchases/batch", "book_purchases", Auth.TILL_KEY, writes=True),
    Route("POST", "/v1/reservations", "reserve", Auth.TILL_KEY, writes=True),
    Route("POST", "/v1/reservations/{reservation_id}/release", "release", Auth.TILL_KEY, writes=True),
    Route("POST", "/v1/reservations/{reservation_id}/capture", "capture", Auth.TILL_KEY, writes=True),
    Route("POST", "/v1/purchases/{purchase_id}/refunds", "refund_purchase", Auth.TILL_KEY, writes=True),
    Route("POST", "/v1/refunds", "refund_receipt", Auth.TILL_KEY, writes=True),
    Route("GET", "/v1/purchases/{purchase_id}", "show_purchase", Auth.TILL_KEY, writes=False),
    Route("GET", "/v1/members/{member_id}/ledger", "show_ledger", Auth.TILL_KEY, writes=False),
)
