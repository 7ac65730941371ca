"""Why a field of a body is refused, in words of each language: msgspec says it in English only.

The shapes are all that msgspec 0.22 has; tests/unit/test_reasons.py reads them out of the library itself.
"""

import re
from collections.abc import Mapping

from msgspec import Struct, field

from stamkunde.shared.language import Worded, text

_PLACE = re.compile(r"(?P<reason>.*) - at `(?:key` in `)?\$(?P<path>[^`]*)`", re.DOTALL)
_TYPES = frozenset(
    {"int", "float", "str", "bool", "null", "array", "object", "bytes"}
    | {"datetime", "date", "time", "duration", "uuid", "decimal"}
)


class Reason(Struct, frozen=True):
    """A text ``reason.<key>``, worded once the language is known.

    Parameters
    ----------
    values
        What the text merges.
    """

    key: str
    values: Mapping[str, str | int | Worded] = field(default_factory=dict)

    def text(self, language: str) -> str:
        """The reason as part of a sentence."""
        return text(language, f"reason.{self.key}", **self.values)


class _Types(Struct, frozen=True):
    """What may stand in a field: ``int | null``."""

    names: str

    def text(self, language: str) -> str:
        known = [name if name in _TYPES else "other" for name in self.names.split(" | ")]
        alternatives = dict.fromkeys(text(language, f"reason.type.{name}") for name in known)
        return text(language, "reason.or").join(alternatives)


_SHAPES = tuple(
    (re.compile(shape, re.DOTALL), key)
    for shape, key in (
        (r"Object contains unknown field `(?P<field>.*)`", "unknown_field"),
        (r"Object missing required field `(?P<field>.*)`", "missing_field"),
        (r"Expected `(?P<wanted>[^`]*)`, got `(?P<given>[^`]*)`", "wrong_type"),
        (r"Expected `(?P<wanted>[^`]*)`", "wanted"),
        (r"Invalid (?:enum )?value .*", "not_a_choice"),
        (r"Expected `(?:int|float)` >= (?P<least>\S+)", "at_least"),
        (r"Expected `(?:int|float)` <= (?P<most>\S+)", "at_most"),
        (r"Expected `float` > (?P<least>\S+)", "more_than"),
        (r"Expected `float` < (?P<most>\S+)", "less_than"),
        (r"Expected `(?:int|float)` that's a multiple of (?P<step>\S+)", "multiple"),
        (r"Expected `\w+` of (?:at least )?length (?:>= )?1(?:, got 0)?", "empty"),
        (r"Expected `(?:str|bytes)` of length >= (?P<least>\d+)", "too_short"),
        (r"Expected `(?:str|bytes)` of length <= (?P<most>\d+)", "too_long"),
        (r"Expected `\w+` of (?:at least length|length >=) (?P<least>\d+)(?:, got \d+)?", "too_few"),
        (r"Expected `\w+` of (?:at most length|length <=) (?P<most>\d+)(?:, got \d+)?", "too_many"),
        (r"Expected `\w+` of length (?P<count>\d+)(?:, got \d+)?", "exactly"),
        (r"Expected `\w+` of length (?P<least>\d+) to (?P<most>\d+)(?:, got \d+)?", "that_many"),
        (r"Expected `str` matching regex '(?P<pattern>.*)'", "pattern"),
        (r'Expected `str` matching regex "(?P<pattern>.*)"', "pattern"),
        (r"Expected `\w+` with a timezone component", "no_offset"),
        (r"Expected `\w+` with no timezone component", "offset"),
        (r"Invalid (?:RFC3339 encoded|ISO8601) (?P<wanted>\w+)", "not_a"),
        (r"Invalid (?P<wanted>UUID|decimal)(?: string| bytes)?", "not_a"),
        (r"Invalid base64 encoded string", "not_base64"),
        (r"Only units .* are supported when parsing ISO8601 (?P<wanted>duration)s", "not_a"),
        (r"(?:Integer value|Number|Timestamp|Duration) (?:is )?out of range ?", "out_of_range"),
        (r"Invalid epoch timestamp", "out_of_range"),
    )
)


def read(message: str) -> tuple[Reason, str | None]:
    """What msgspec complains of, as a reason and the place of its field as a JSON Pointer (RFC 6901), if any.

    A field that is missing or unknown is itself the place, not the object around it.
    """
    placed = _PLACE.fullmatch(message)
    said, path = (placed["reason"], placed["path"]) if placed else (message, "")
    reason = _reason(said)
    named = reason.values.get("field")
    pointer = _pointer(path) + (f"/{_escaped(str(named))}" if named is not None else "")
    return reason, pointer or None


def _reason(said: str) -> Reason:
    for shape, key in _SHAPES:
        if match := shape.fullmatch(said):
            return Reason(key, {name: _value(name, value) for name, value in match.groupdict().items()})
    return Reason("other")


def _value(name: str, value: str) -> str | Worded:
    return _Types(value.lower() if value == "UUID" else value) if name in {"wanted", "given"} else value


def _pointer(path: str) -> str:
    """``.lines[0].amount`` as ``/lines/0/amount``."""
    return path.replace("[...]", ".*").replace("[", ".").replace("]", "").replace(".", "/")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
