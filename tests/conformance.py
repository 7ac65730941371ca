"""What schemathesis holds the till API to: whatever is sent, the answer is one of the document's, and never a 5xx.

schemathesis' own pytest plugin is off: loading it would cost every run of every test more than a second.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import APIOperation, Case, GenerationMode, checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok

from infra.openapi import DOCUMENT
from tests.till_client import TillClient

type Sent = Case[Any]
type Send = Callable[[Sent], Any]
type Operation = APIOperation[Any, Any, Any, Any]

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
SEED = 20_261_122
# Keys that are missing or wrong have tests of their own: here every request carries a good one.
# A method that a path hasn't got may be another path's: `GET /v1/purchases/batch` asks for a purchase called so.
CONFIG = SchemathesisConfig.from_dict(
    {"generation": {"with-security-parameters": False}, "phases": {"coverage": {"unexpected-methods": []}}}
)
QUIET = settings(deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
MOST_ITEMS = 2


def hold_to_its_limits(name: str, send: Send) -> None:
    """Send an operation of the committed document what lies on, inside and outside every limit of its schemas.

    Raises
    ------
    schemathesis.core.failures.FailureGroup
        Answered was what the document doesn't say; with the request as a curl command.
    """
    operation = _operation(name, json.loads(DOCUMENT.read_text()))
    config = operation.schema.config.generation_for(operation=operation)
    found = operation.schema.iter_coverage_cases(
        operation, generation_modes=list(GenerationMode), generation_config=config
    )
    for case in found:
        case.validate_response(send(case), checks=[*CHECKS, checks.negative_data_rejection])


def hold_in_a_shop(name: str, till: TillClient, send: Send, *, cases: int) -> None:
    """Send an operation what means something in a shop with members and a purchase, and as much that is wrong.

    Raises
    ------
    schemathesis.core.failures.FailureGroup
        Answered was what the document doesn't say; with the request as a curl command.
    """
    operation = _operation(name, _narrowed(json.loads(DOCUMENT.read_text()), _known_to(till)))
    # Of an operation that takes nothing, nothing can be wrong.
    modes = list(GenerationMode) if operation.body or list(operation.iter_parameters()) else [GenerationMode.POSITIVE]
    for mode in modes:

        @seed(SEED)
        @settings(QUIET, max_examples=cases)
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: Sent) -> None:
            case.validate_response(send(case), checks=CHECKS)

        holds()


def _operation(name: str, document: dict[str, Any]) -> Operation:
    schema = schemathesis.openapi.from_dict(document, config=CONFIG)
    found = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    return next(each for each in found if each.definition.raw["operationId"] == name)


def _known_to(till: TillClient) -> dict[str, list[Any]]:
    """Values that are known in a shop, by field, beside some that aren't."""
    member, open_member = till.join().body, till.join("20123457", accepts=False).body
    bought = till.buy(member["member_id"], 100_000).body
    now = datetime.now(UTC)
    ages = (timedelta(), timedelta(days=2), timedelta(days=20), timedelta(hours=-1))
    instants = [(now - age).isoformat(timespec="seconds") for age in ages]
    return {
        "member_id": [member["member_id"], open_member["member_id"], "m0000000000000000"],
        "purchase_id": [bought["purchase_id"], "p000000000000000000000000"],
        "account_id": [None, member["account_id"], "a0000000000000000"],
        "till_id": [None, bought["till_id"], "none"],
        "receipt_number": [bought["receipt_number"], "2", "3"],
        "phone": ["20123456", "20123457", "20123458", "no number"],
        "currency": ["DKK", "DKK", "NOK"],
        "bought_at": instants,
        "refunded_at": instants,
        "accepted_at": instants,
        "spend_bonus": [0, 0, 100, 100_000_000],
        "reservation_id": [None, None, f"h{'0' * 32}"],
        "redemptions": [[], [], [{"kind": "reward", "name": "none"}], [{"kind": "code", "name": "none"}]],
    }


def _narrowed(document: dict[str, Any], known: dict[str, list[Any]]) -> dict[str, Any]:
    """The document with bodies and paths that name what is known: almost anything else is refused for that alone."""
    narrowed = copy.deepcopy(document)
    bodies = [each for each in narrowed["components"]["schemas"].values() if "additionalProperties" in each]
    for body in bodies:
        for field, schema in body["properties"].items():
            if field in known:
                body["properties"][field] = {"enum": known[field]}
            elif "maxItems" in schema:
                schema["maxItems"] = MOST_ITEMS
    for operation in (each for path in narrowed["paths"].values() for each in path.values()):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                parameter["schema"] = {"enum": [value for value in known[parameter["name"]] if value]}
    return narrowed
