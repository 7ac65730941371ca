"""What the page of the till API shows, read out of the OpenAPI document."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from markupsafe import Markup, escape
from msgspec import Struct, field

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
ADDRESS = "https://club.example.com"
WORDS: Mapping[str, str] = {
    "version": "Version",
    "routes": "Routes",
    "document": "The same for programs: openapi.json",
    "sends": "Sends",
    "parameters": "Parameters",
    "body": "Body",
    "example": "Example",
    "answers": "Answers",
    "refusals": "Refusals, besides those of every route",
    "everywhere": "Every route",
    "models": "Bodies and answers",
    "errors": "Refusals",
    "required": "required",
}
"""In English only, as the document is: the pages' catalogues hold what customers read."""
_CODE = re.compile(r"`+([^`]+)`+")
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "pattern": "{}",
}


class Field(Struct, frozen=True):
    """A field or a parameter: its kind in words, the models that those name, and what limits it."""

    name: str
    kind: str
    models: tuple[str, ...]
    required: bool
    words: Markup
    limits: str


class Model(Struct, frozen=True):
    """A body, an answer or a part of one."""

    name: str
    words: Markup
    fields: tuple[Field, ...]


class Answer(Struct, frozen=True):
    """A status that isn't a refusal, what comes with it, and an example of it."""

    status: str
    model: str
    words: Markup
    example: str | None


class Operation(Struct, frozen=True):
    """A route."""

    name: str
    method: str
    path: str
    words: Markup
    parameters: tuple[Field, ...]
    body: str | None
    request: str
    answers: tuple[Answer, ...]
    codes: tuple[str, ...]


class Problem(Struct, frozen=True):
    """A refusal in the words of each language."""

    code: str
    status: int
    words: Mapping[str, Mapping[str, str]]


class Reference(Struct, frozen=True):
    """The whole page."""

    title: str
    version: str
    about: tuple[Markup, ...]
    operations: tuple[Operation, ...]
    models: tuple[Model, ...]
    everywhere: tuple[str, ...]
    problems: tuple[Problem, ...]
    words: Mapping[str, str] = field(default_factory=lambda: WORDS)


def read_reference(written: bytes) -> Reference:
    """The page's content, from the document."""
    document = msgspec.json.decode(written)
    components = document["components"]
    everywhere = tuple(_codes(components["responses"]))
    return Reference(
        title=document["info"]["title"],
        version=document["info"]["version"],
        about=tuple(_marked(part) for part in document["info"]["description"].split("\n\n")),
        operations=tuple(
            _operation(method, path, operation, everywhere)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ),
        models=tuple(_model(name, schema) for name, schema in components["schemas"].items()),
        everywhere=everywhere,
        problems=tuple(
            Problem(code, example["value"]["status"], example["x-words"])
            for code, example in components["examples"].items()
        ),
    )


def _operation(method: str, path: str, operation: Mapping[str, Any], everywhere: tuple[str, ...]) -> Operation:
    body = operation.get("requestBody", {}).get("content", {}).get(JSON)
    parameters = operation.get("parameters", ())
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        words=_marked(operation["description"]),
        parameters=tuple(
            _field(each["name"], each["schema"] | each, required=each.get("required", False)) for each in parameters
        ),
        body=_named(body["schema"]) if body else None,
        request=_request(method.upper(), path, parameters, body["example"] if body else None),
        answers=tuple(_answers(operation["responses"])),
        codes=tuple(code for code in _codes(operation["responses"]) if code not in everywhere),
    )


def _request(method: str, path: str, parameters: list[dict[str, Any]], body: Any) -> str:
    """The request as somebody would try it."""
    for each in parameters:
        path = path.replace(f"{{{each['name']}}}", str(next(iter(each["schema"].get("examples", ())), "")))
    lines = [f"curl -X {method} {ADDRESS}{path}", "  -H 'Authorization: Bearer till_…'"]
    lines += [f"  -H '{each['name']}: 1'" for each in parameters if each["in"] == "header"]
    if body is not None:
        lines += [f"  -H 'Content-Type: {JSON}'", f"  -d '{_json(body)}'"]
    return " \\\n".join(lines)


def _answers(responses: Mapping[str, Any]) -> Iterator[Answer]:
    for status, response in responses.items():
        content = response.get("content", {}).get(JSON)
        if content is not None:
            example = _json(content["example"]) if "example" in content else None
            yield Answer(status, _named(content["schema"]), _marked(response["description"]), example)


def _codes(responses: Mapping[str, Any]) -> Iterator[str]:
    for response in responses.values():
        yield from response.get("content", {}).get(PROBLEM_JSON, {}).get("examples", ())


def _model(name: str, schema: Mapping[str, Any]) -> Model:
    required = schema.get("required", ())
    fields = schema.get("properties", {}).items()
    return Model(
        name=name,
        words=_marked(schema.get("description", "")),
        fields=tuple(_field(each, content, required=each in required) for each, content in fields),
    )


def _field(name: str, schema: Mapping[str, Any], *, required: bool) -> Field:
    parts = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    described = next((part["description"] for part in (schema, *parts) if "description" in part), "")
    limits = [_limited(limit, part[limit]) for part in parts for limit in _LIMITS if limit in part]
    return Field(name, _kind(schema), tuple(_models(schema)), required, _marked(described), ", ".join(limits))


def _limited(limit: str, value: Any) -> str:
    return "not empty" if (limit, value) == ("minLength", 1) else _LIMITS[limit].format(value)


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    if "$ref" in schema:
        return _named(schema)
    if "enum" in schema:
        return " or ".join(f'"{value}"' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("format", schema.get("type", "anything")))


def _models(schema: Mapping[str, Any]) -> Iterator[str]:
    for part in schema.get("anyOf", [schema]):
        inner = part.get("items", part)
        if "$ref" in inner:
            yield _named(inner)


def _named(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _marked(words: str) -> Markup:
    """Plain words with `code` in them, as HTML."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(words))))  # noqa: S704 - escaped right here
