"""HTTP for every Lambda behind the gateway: routing, bodies, problem documents, one log line a request.

Powertools' own resolver is not used: importing it loads asyncio and every event type, a fifth of
a cold start (docs/adr/0002). What is left to do here is small.
"""

import base64
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from copy import replace
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, field

from stamkunde.observability import MetricUnit, logger, metrics, where_it_broke
from stamkunde.shared import reasons
from stamkunde.shared.errors import Refusal
from stamkunde.shared.faults import is_passing
from stamkunde.shared.language import text
from stamkunde.shared.routing import Route

LARGEST_BODY = 256 * 1024
ORIGIN_HEADER = "x-stamkunde-origin"
CLIENT_IP_HEADER = "x-stamkunde-client-ip"
FORM_TYPE = "application/x-www-form-urlencoded"
MOST_FORM_FIELDS = 50
DEFAULT_LANGUAGE = "en"
UNAUTHENTICATED = 401
FIRST_REFUSAL = 400
FIRST_SERVER_ERROR = 500
PROBLEM_TYPE = "urn:stamkunde:problem:"
RETRY_AFTER_FAULT_SECONDS = 5
"""Longer than for a busy member: AWS itself is in trouble, and every till asks again."""


class Request(Struct, frozen=True):
    """A request once the gateway's event is read."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    raw_body: str
    base64_encoded: bool
    source_ip: str = ""
    gateway_cookies: Sequence[str] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read an API Gateway HTTP API event (payload version 2.0)."""
        http = event["requestContext"]["http"]
        return cls(
            method=http["method"],
            path=event["rawPath"],
            headers={name.lower(): value for name, value in event.get("headers", {}).items()},
            query=event.get("queryStringParameters") or {},
            raw_body=event.get("body") or "",
            base64_encoded=bool(event.get("isBase64Encoded")),
            source_ip=http.get("sourceIp", ""),
            gateway_cookies=tuple(event.get("cookies", ())),
        )

    @property
    def reads(self) -> bool:
        """Whether it only asks for something: HEAD is GET without the body (RFC 9110 9.3.2)."""
        return self.method in {"GET", "HEAD"}

    @property
    def client_ip(self) -> str:
        """The address of whoever asks: legal evidence, so only the front door's word counts.

        The front door overwrites what a client claims, and a request that came another way was refused before.
        """
        return self.headers.get(CLIENT_IP_HEADER) or self.source_ip

    @property
    def user_agent(self) -> str:
        """What the browser says it is."""
        return self.headers.get("user-agent", "")

    @property
    def cookies(self) -> dict[str, str]:
        """Cookies by name: AWS takes them out of the headers, the local engine leaves them there."""
        written = self.gateway_cookies or self.headers.get("cookie", "").split(";")
        pairs = (cookie.partition("=") for cookie in written)
        return {name.strip(): value.strip() for name, _, value in pairs}

    def form(self) -> dict[str, str]:
        """The fields of a posted form; of a field that comes twice, the last.

        Raises
        ------
        Refusal
            ``wrong_content_type``, ``body_too_large``, ``malformed_body``.
        """
        raw = self._bytes_of(FORM_TYPE)
        try:
            pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MOST_FORM_FIELDS, errors="strict")
        except ValueError as error:
            raise Refusal("malformed_body") from error
        return dict(pairs)

    def body[T](self, model: type[T]) -> T:
        """The JSON body, read strictly into a model.

        Raises
        ------
        Refusal
            ``wrong_content_type``, ``body_too_large``, ``malformed_body``, ``invalid_field``.
        """
        return decode(self._bytes_of("application/json"), model)

    def _bytes_of(self, wanted_type: str) -> bytes:
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != wanted_type:
            raise Refusal("wrong_content_type")
        if len(self.raw_body) > LARGEST_BODY * 4 // 3 + 4:
            raise Refusal("body_too_large", {"kilobytes": LARGEST_BODY // 1024})
        raw = self._raw_bytes()
        if len(raw) > LARGEST_BODY:
            raise Refusal("body_too_large", {"kilobytes": LARGEST_BODY // 1024})
        return raw

    def _raw_bytes(self) -> bytes:
        if not self.base64_encoded:
            return self.raw_body.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(self.raw_body, validate=True)
        except ValueError as error:
            raise Refusal("malformed_body") from error


class Response(Struct, frozen=True):
    """An answer: a model to be written as JSON, or a text that is sent as it is, and its status."""

    status: int
    model: msgspec.Struct | Mapping[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)
    log: Mapping[str, str | int] = field(default_factory=dict)
    cookies: Sequence[str] = ()


class Problem(msgspec.Struct, omit_defaults=True):
    """A problem document (RFC 9457) with a stable `code` and words a cashier understands."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    pointer: str | None = None


def decode[T](raw: bytes, model: type[T]) -> T:
    """JSON bytes as a model; whole numbers are whole, unknown fields are refused.

    Raises
    ------
    Refusal
        ``malformed_body``, ``invalid_field``.
    """
    try:
        return msgspec.json.decode(raw, type=model)
    except msgspec.ValidationError as error:
        reason, pointer = reasons.read(str(error))
        raise Refusal("invalid_field", {"expected": reason}, pointer) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("malformed_body") from error


def problem_document(refusal: Refusal, language: str) -> Problem:
    """A refusal in words, in one of the three languages."""
    return Problem(
        type=PROBLEM_TYPE + refusal.code,
        title=text(language, f"problem.{refusal.code}.title"),
        status=refusal.status,
        code=refusal.code,
        detail=text(language, f"problem.{refusal.code}.detail", **refusal.values),
        pointer=refusal.pointer,
    )


def problem(refusal: Refusal, language: str) -> Response:
    """The answer to a request that is refused."""
    headers = {"content-type": "application/problem+json"}
    if refusal.status == UNAUTHENTICATED:
        headers["www-authenticate"] = "Bearer"  # RFC 9110 11.6.1: says how to authenticate
    if "allowed" in refusal.values:
        headers["allow"] = str(refusal.values["allowed"])
    if refusal.retry_after is not None:
        headers["retry-after"] = str(refusal.retry_after)
    return Response(refusal.status, problem_document(refusal, language), headers, {"code": refusal.code})


def failure(error: Exception, language: str) -> Response:
    """The answer to a request that failed: refused, met by a passing fault of AWS, or broken."""
    if isinstance(error, Refusal):
        return problem(error, language)
    logger.error("request broke", error=type(error).__qualname__, frames=where_it_broke(error))
    if is_passing(error):
        return problem(Refusal("try_again", retry_after=RETRY_AFTER_FAULT_SECONDS), language)
    return problem(Refusal("internal_error"), language)


type Endpoint = Callable[[Route, Request], Response]
type Failed = Callable[[Exception, Request | None], Response]


def problem_in_english(error: Exception, _request: Request | None) -> Response:
    """The answer where nobody knows yet which club, and so which language, a request is for."""
    return failure(error, DEFAULT_LANGUAGE)


class Resolver:
    """Finds the route of a request, answers it, and turns whatever goes wrong into an answer too."""

    def __init__(
        self, routes: Sequence[Route], answer: Endpoint, origin_secret: str, failed: Failed = problem_in_english
    ) -> None:
        if not origin_secret:
            raise ValueError("without the front door's secret anybody could say where a call comes from")
        self._routes = [(route, route.pattern()) for route in routes]
        self._answer = answer
        self._origin_secret = origin_secret
        self._failed = failed

    def resolve(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one event of the gateway's."""
        started = time.perf_counter()
        name = "unmatched"
        request = None
        try:
            request = Request.from_event(event)
            self._check_origin(request)
            route, parameters = self._match(request)
            name = route.name
            response = self._answer(route, replace(request, parameters=parameters))
        except Exception as error:  # noqa: BLE001 - the last line of defence: whatever broke, the caller gets an answer
            response = self._failed(error, request)
        _report(name, response, started)
        answered = _to_gateway(response)
        return answered | {"body": ""} if request is not None and request.method == "HEAD" else answered

    def _check_origin(self, request: Request) -> None:
        """Only the front door may call: what it says of the caller's address is evidence."""
        given = request.headers.get(ORIGIN_HEADER, "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._origin_secret.encode()):
            raise Refusal("origin_refused")

    def _match(self, request: Request) -> tuple[Route, dict[str, str]]:
        path = request.path.removesuffix("/") if request.reads else request.path
        matches = [(r, m.groupdict()) for r, p in self._routes if (m := p.fullmatch(path)) is not None]
        if not matches:
            raise Refusal("no_such_route")
        wanted = "GET" if request.reads else request.method
        for route, parameters in matches:
            if route.method == wanted:
                return route, parameters
        allowed = [method for route, _ in matches for method in _methods(route)]
        raise Refusal("method_not_allowed", {"allowed": ", ".join(allowed)})


def _methods(route: Route) -> tuple[str, ...]:
    """What may be asked of a route."""
    return ("GET", "HEAD") if route.method == "GET" else (route.method,)


def _report(name: str, response: Response, started: float) -> None:
    """The request's one log line, and its metrics: never more dimensions, each is paid for by the month."""
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    logger.append_keys(route=name, status=response.status, ms=milliseconds, **response.log)
    logger.info("request")
    metrics.add_metric(name="Latency", unit=MetricUnit.Milliseconds, value=milliseconds)
    if response.status >= FIRST_SERVER_ERROR:
        metrics.add_metric(name="ServerErrors", unit=MetricUnit.Count, value=1)
    elif response.status >= FIRST_REFUSAL:
        metrics.add_metric(name="Refusals", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


def _to_gateway(response: Response) -> dict[str, Any]:
    model = response.model
    answer = {
        "statusCode": response.status,
        "headers": {"content-type": "application/json", "cache-control": "no-store", **response.headers},
        "body": model if isinstance(model, str) else msgspec.json.encode(model).decode(),
    }
    return answer | {"cookies": list(response.cookies)} if response.cookies else answer
