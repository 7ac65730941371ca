"""A till sends what was sold and paid; what it has reckoned itself is not asked for."""

from __future__ import annotations

import pytest

from tests.till_client import TillClient
from tests.written import writes_so_far


@pytest.mark.parametrize("field", ["earned", "bonus", "points", "balance", "rate", "stamps", "total"])
def test_what_a_till_has_reckoned_itself_is_refused(till: TillClient, field: str) -> None:
    member_id = till.join().body["member_id"]
    before = writes_so_far()
    answer = till.send("POST", "/v1/purchases", till.receipt(member_id) | {field: 100_000})
    assert (answer.status, answer.code, answer.body["pointer"]) == (422, "invalid_field", f"/{field}")
    assert writes_so_far() == before
