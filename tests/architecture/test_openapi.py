"""The OpenAPI document: made of the code, valid, complete, and its examples are what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis

from infra.local.home import ROOT
from infra.openapi import DIALECT, DOCUMENT, document, written
from stamkunde.shared.errors import STATUS_BY_CODE
from stamkunde.shared.language import LANGUAGES
from tests.architecture.test_documents import rows, section
from till_api.contract import CONTRACT, PATH_PARAMETERS
from till_api.routes import ROUTES

MADE = document()
PROBLEMS = MADE["components"]["examples"]
OPERATIONS = {
    operation["operationId"]: operation for methods in MADE["paths"].values() for operation in methods.values()
}
CODE = "#/components/examples/"


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(inner)


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """A validator for a schema of the document."""
    whole = {"$schema": DIALECT, "components": MADE["components"], **schema}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def contents(operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Each schema of an operation that has an example, with the example."""
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for part in [*bodies, *operation["responses"].values()]:
        for content in part.get("content", {}).values():
            if "example" in content:
                yield content["schema"], content["example"]
            for named in content.get("examples", {}).values():
                yield content["schema"], PROBLEMS[named["$ref"].removeprefix(CODE)]["value"]


def test_the_committed_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text() == written(MADE), "`make openapi` writes it anew"


def test_the_document_is_openapi_3_1() -> None:
    schemathesis.openapi.from_dict(MADE).validate()
    assert MADE["openapi"] == "3.1.0"
    for schema in MADE["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema | {"$schema": DIALECT})


def test_every_reference_leads_somewhere() -> None:
    references = {part["$ref"] for part in parts(MADE) if "$ref" in part}
    assert references
    for reference in references:
        found = MADE
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_every_route_is_described_and_no_other() -> None:
    assert CONTRACT.keys() == OPERATIONS.keys() == {route.name for route in ROUTES}
    assert PATH_PARAMETERS.keys() == {name for route in ROUTES for name in route.pattern().groupindex}
    for route in ROUTES:
        assert MADE["paths"][route.path][route.method.lower()] == OPERATIONS[route.name]


def test_every_example_of_a_field_is_what_its_own_schema_says() -> None:
    named = [part for part in parts(MADE) if isinstance(part.get("examples"), list)]
    assert any("pattern" in schema for schema in named)
    for schema in named:
        for example in schema["examples"]:
            validator(schema).validate(example)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_routes_examples_are_what_its_schemas_say(name: str) -> None:
    operation = OPERATIONS[name]
    found = list(contents(operation))
    for schema, example in found:
        validator(schema).validate(example)
    good = [status for status in operation["responses"] if status.startswith("2")]
    answered = [
        status for status in good if "example" in operation["responses"][status]["content"]["application/json"]
    ]
    assert len(answered) == 1
    if "requestBody" in operation:
        body = operation["requestBody"]["content"]["application/json"]["example"]
        msgspec.convert(body, CONTRACT[name].body, strict=False)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_route_tells_every_refusal_once_under_its_status(name: str) -> None:
    told = []
    for status, response in OPERATIONS[name]["responses"].items():
        shared = MADE["components"]["responses"].get(response.get("$ref", "").rpartition("/")[2])
        content = (shared or response).get("content", {}).get("application/problem+json", {"examples": {}})
        assert {STATUS_BY_CODE[code] for code in content["examples"]} <= {int(status)}
        told += content["examples"]
    assert sorted(told) == sorted(set(CONTRACT[name].codes()))


def test_a_wrong_answer_would_be_seen() -> None:
    schema = OPERATIONS["show_purchase"]["responses"]["404"]["content"]["application/problem+json"]["schema"]
    good = PROBLEMS["unknown_purchase"]["value"]
    assert validator(schema).is_valid(good)
    for wrong in ({"code": "unknown_member"}, {"status": 422}, {"title": None}):
        assert not validator(schema).is_valid(good | wrong)


def test_the_document_has_the_codes_of_the_till_api_page_and_no_other() -> None:
    page = (ROOT / "docs/till-api.md").read_text()
    assert PROBLEMS.keys() == {row[0] for row in rows(section(page, "## Errors"))}


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_refusal_is_told_in_words_of_every_language(code: str) -> None:
    example = PROBLEMS[code]
    assert example["x-words"].keys() == set(LANGUAGES)
    for words in example["x-words"].values():
        assert words["title"]
        assert not re.search(r"[{}]|^ *$", words["detail"])
    assert {"title": example["value"]["title"], "detail": example["value"]["detail"]} == example["x-words"]["en"]


def test_every_route_but_none_else_needs_a_tills_key() -> None:
    assert MADE["security"] == [{"till_key": []}]
    assert not any("security" in operation for operation in OPERATIONS.values())
    assert {route.auth.value for route in ROUTES} == {"till_key"}


def test_the_document_names_no_host() -> None:
    assert [server["url"] for server in MADE["servers"]] == ["/"]
    hosts = set(re.findall(r"https?://([\w.-]+)", json.dumps(MADE)))
    assert hosts == {"json-schema.org"}
