"""The OpenAPI document of the till API, made of what the code says; ``make openapi`` writes it.

Routes, models, codes and texts are the code's own; `till_api.contract` says which of them belong together, and
``events/till_api`` holds a request of each route with the answer it got.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from infra.packaging import ROOT
from stamkunde.http import PROBLEM_TYPE, Problem
from stamkunde.shared.errors import STATUS_BY_CODE
from stamkunde.shared.language import LANGUAGES, text
from stamkunde.shared.routing import Route
from till_api.contract import (
    CONTRACT,
    EVERYWHERE,
    EXAMPLE_VALUES,
    OWN_EXAMPLE_VALUES,
    PATH_PARAMETERS,
    WITH_A_BODY,
    Operation,
)
from till_api.endpoints import ENDPOINTS
from till_api.idempotency import HEADER, LONGEST_KEY
from till_api.routes import ROUTES

DOCUMENT = ROOT / "docs" / "openapi.json"
EVENTS = ROOT / "events" / "till_api"
ANSWERS = EVENTS / "answers"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
IN_ENGLISH = "en"

ABOUT = """\
For those who build tills and webshops. Send requests to the club's public address, over HTTPS.

Money is whole minor units: 4995 is 49.95 kr. Instants are ISO 8601 with an offset. Ids are opaque. Fields that you \
don't know may come in answers: ignore them. In a body, a field that isn't known is refused.

The receipt is the key: the same receipt again gets the first answer, with 200 for 201, and counts once. After no \
answer, a 429 or a 5xx, send the same request again, after `Retry-After` seconds if given.

A refusal is a problem document (RFC 9457). Branch on `code`; `title` and `detail` are words for a cashier, in the \
club's language once the key is known to be good."""

HEADERS: Mapping[int, tuple[str, str]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "How to authenticate: `Bearer`"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow", "The methods that this path has"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", "Whole seconds until a new try makes sense"),
}


def document() -> dict[str, Any]:
    """The whole document, as plain JSON values.

    Raises
    ------
    LookupError
        A route has no entry in `CONTRACT`, or no example in ``events/till_api``.
    """
    if bare := [route.name for route in ROUTES if not _is_described(route)]:
        raise LookupError(f"not described in till_api/contract.py, or without events and answers: {bare}")
    routed = [(route, CONTRACT[route.name]) for route in ROUTES]
    models = {model for _, each in routed for model in (*each.answers.values(), each.body) if model} | {Problem}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    codes = dict.fromkeys(code for _, each in routed for code in each.codes())
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {"title": "Stamkunde: the till API", "version": _version(), "description": ABOUT},
        "servers": [{"url": "/", "description": "The club's public address"}],
        "security": [{"till_key": []}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(route) for route in ROUTES)],
        "paths": {
            path: {route.method.lower(): _operation(route, CONTRACT[route.name]) for route in routes}
            for path, routes in groupby(sorted(ROUTES, key=_first_with_this_path), key=lambda route: route.path)
        },
        "components": {
            "securitySchemes": {
                "till_key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The till's own key, as whoever runs the club was shown it once.",
                }
            },
            "schemas": dict(sorted(schemas.items())),
            "responses": _shared_responses(),
            "examples": {code: _problem_example(code) for code in sorted(codes)},
        },
    }


def written(made: Mapping[str, Any]) -> str:
    """The document as it stands in the file."""
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def _tag(route: Route) -> str:
    return route.path.split("/")[2]


def _is_described(route: Route) -> bool:
    files = (EVENTS / f"{route.name}.json", ANSWERS / f"{route.name}.json")
    return route.name in CONTRACT and all(file.is_file() for file in files)


def _first_with_this_path(route: Route) -> int:
    return next(place for place, other in enumerate(ROUTES) if other.path == route.path)


# -- operations


def _operation(route: Route, contract: Operation) -> dict[str, Any]:
    described = " ".join((ENDPOINTS[route.name].__doc__ or "").split("\n\n", 1)[0].split())
    shown = {
        "operationId": route.name,
        "tags": [_tag(route)],
        "summary": route.name.replace("_", " ").capitalize(),
        "description": described,
        "parameters": list(_parameters(route, contract)),
        "requestBody": _body(route, contract),
        "responses": _answers(route, contract) | _refusals(contract.codes()),
    }
    return {name: value for name, value in shown.items() if value}


def _parameters(route: Route, contract: Operation) -> Iterable[dict[str, Any]]:
    for name in route.pattern().groupindex:
        yield _parameter(name, "path", PATH_PARAMETERS[name]) | {"required": True}
    for name, kind in contract.query.items():
        yield _parameter(name, "query", kind)
    if contract.write_key:
        key = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
        words = "Chosen by the till for this write: the same key with the same body again is the same write."
        yield {"name": HEADER, "in": "header", "required": True, "description": words, "schema": key}


def _parameter(name: str, place: str, kind: Any) -> dict[str, Any]:
    schema = msgspec.json.schema(kind)
    words = schema.pop("description", "")
    return {"name": name, "in": place, **({"description": words} if words else {}), "schema": schema}


def _body(route: Route, contract: Operation) -> dict[str, Any] | None:
    if contract.body is None:
        return None
    event = json.loads((EVENTS / f"{route.name}.json").read_text())
    return {"required": True, "content": {JSON: _content(contract.body, json.loads(event["body"]))}}


def _answers(route: Route, contract: Operation) -> dict[str, Any]:
    recorded = json.loads((ANSWERS / f"{route.name}.json").read_text())
    return {
        str(status.value): {
            "description": (model.__doc__ or "").split("\n", 1)[0],
            "content": {JSON: _content(model, recorded["body"] if status == recorded["status"] else None)},
        }
        for status, model in sorted(contract.answers.items())
    }


def _content(model: type[msgspec.Struct], example: Any) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"schema": schema} if example is None else {"schema": schema, "example": example}


# -- refusals


def _refusals(codes: Iterable[str]) -> dict[str, Any]:
    by_status = _by_status(codes)
    shared = _by_status((*EVERYWHERE, *WITH_A_BODY))
    responses = {
        str(status): _shared(status) if same == shared.get(status) else _refused(status, same)
        for status, same in by_status.items()
    }
    return dict(sorted((responses | {"429": _shared(HTTPStatus.TOO_MANY_REQUESTS)}).items()))


def _shared_responses() -> dict[str, Any]:
    by_status = _by_status((*EVERYWHERE, *WITH_A_BODY))
    responses = {_name(status): _refused(status, codes) for status, codes in by_status.items()}
    words = "One address sends far too much: answered by what stands in front of the API, with a body of its own."
    return dict(sorted((responses | {_name(HTTPStatus.TOO_MANY_REQUESTS): {"description": words}}).items()))


def _shared(status: int) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{_name(status)}"}


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    by_status: dict[int, list[str]] = {}
    for code in sorted(set(codes)):
        by_status.setdefault(STATUS_BY_CODE[code], []).append(code)
    return by_status


def _refused(status: int, codes: list[str]) -> dict[str, Any]:
    problem = {"$ref": "#/components/schemas/Problem"}
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    refused: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}",
        "content": {PROBLEM_JSON: {"schema": {"allOf": [problem, narrowed]}, "examples": examples}},
    }
    if status in HEADERS:
        name, words = HEADERS[status]
        refused["headers"] = {name: {"description": words, "schema": {"type": "string"}}}
    return refused


def _problem_example(code: str) -> dict[str, Any]:
    words = {language: _words(code, language) for language in LANGUAGES}
    english = words[IN_ENGLISH]
    head = {"type": PROBLEM_TYPE + code, "title": english["title"], "status": STATUS_BY_CODE[code]}
    return {
        "summary": english["title"],
        "value": {**head, "code": code, "detail": english["detail"]},
        "x-words": words,
    }


def _words(code: str, language: str) -> dict[str, str]:
    values = {**EXAMPLE_VALUES, **OWN_EXAMPLE_VALUES.get(code, {})}
    return {part: text(language, f"problem.{code}.{part}", **values) for part in ("title", "detail")}


def main(path: Path = DOCUMENT) -> int:
    """Write the document."""
    path.write_text(written(document()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
