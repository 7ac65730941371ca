"""DynamoDB's typed attributes to and from Python values.

The boto3 resource layer has such a serializer, but importing boto3 costs a cold start more than the rest of the
till API, and its numbers are Decimals; ours are whole.
"""

from collections.abc import Mapping
from typing import Any

type Wire = dict[str, Any]


def to_wire(item: Mapping[str, Any]) -> dict[str, Wire]:
    """An item as DynamoDB takes it."""
    return {name: _attribute_to_wire(value) for name, value in item.items()}


def from_wire(wire: Mapping[str, Any]) -> dict[str, Any]:
    """An item as DynamoDB gave it, in Python values."""
    return {name: _attribute_from_wire(value) for name, value in wire.items()}


def _attribute_to_wire(value: Any) -> Wire:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case list() | tuple():
            return {"L": [_attribute_to_wire(each) for each in value]}
        case dict():
            return {"M": to_wire(value)}
    raise TypeError(f"{type(value).__name__} has no place in a table")


def _attribute_from_wire(wire: Wire) -> Any:
    ((kind, value),) = wire.items()
    match kind:
        case "S" | "BOOL" | "B":
            return value
        case "N":
            return int(value)
        case "NULL":
            return None
        case "L":
            return [_attribute_from_wire(each) for each in value]
        case "M":
            return from_wire(value)
    raise TypeError(f"{kind} is not used in our tables")
