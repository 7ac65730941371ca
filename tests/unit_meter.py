"""Counts the DynamoDB units that calls cost, from the sizes of the items they carry.

The local engine's own ConsumedCapacity is wrong for queries, so the size rules of AWS's documentation are applied
here, to what a client sends and gets. An update is counted by what is sent, which is too little for a large item:
none is updated in place so far but rows of well under a kilobyte.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

WRITE_UNIT = 1024
READ_UNIT = 4096

_SINGLE_WRITES = ("PutItem", "UpdateItem", "DeleteItem")


def item_size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Bytes of an item in DynamoDB JSON: names and values."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: Mapping[str, Any]) -> int:
    """Bytes of one value in DynamoDB JSON."""
    ((kind, content),) = value.items()
    if kind == "L":
        return 3 + sum(1 + value_size(part) for part in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + value_size(part) for name, part in content.items())
    if kind.endswith("S") and kind != "S":
        return sum(_scalar_size(kind[0], part) for part in content)
    return _scalar_size(kind, content)


def _scalar_size(kind: str, content: Any) -> int:
    if kind == "N":
        return _number_size(content)
    if kind in {"BOOL", "NULL"}:
        return 1
    return len(content.encode() if kind == "S" else content)


def _number_size(text: str) -> int:
    """About a byte for two significant digits, one for the number, one more for a minus."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")


def write_units(size: int) -> int:
    """Units of one write outside a transaction; twice as many inside."""
    return max(1, math.ceil(size / WRITE_UNIT))


def read_units(size: int, *, consistent: bool) -> float:
    """Units of one read outside a transaction; twice the consistent ones inside."""
    return max(1, math.ceil(size / READ_UNIT)) * (1 if consistent else 0.5)


@dataclass
class UnitMeter:
    """What has been read and written through the clients it is attached to."""

    written: float = 0
    read: float = 0
    calls: Counter[str] = field(default_factory=Counter)

    def attach(self, client: Any) -> None:
        """Count this client's calls from now on."""
        client.meta.events.register("provide-client-params.dynamodb.*", self._remember)
        client.meta.events.register("after-call.dynamodb.*", self._count)

    def reset(self) -> None:
        """Begin at zero."""
        self.written = self.read = 0
        self.calls.clear()

    def _remember(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["unit_meter"] = params

    def _count(self, model: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        name, params = model.name, context["unit_meter"]
        self.calls[name] += 1
        if name in _SINGLE_WRITES:
            self.written += write_units(_sent_size(params))
        elif name == "TransactWriteItems":
            intents = (next(iter(item.values())) for item in params["TransactItems"])
            self.written += sum(2 * write_units(_sent_size(intent)) for intent in intents)
        elif name == "BatchWriteItem":
            self.written += sum(_batch_units(requests) for requests in params["RequestItems"].values())
        elif name in ("GetItem", "Query"):
            found = [parsed["Item"]] if "Item" in parsed else parsed.get("Items", [])
            size = sum(item_size(item) for item in found)
            self.read += read_units(size, consistent=params.get("ConsistentRead", False))
        elif name == "BatchGetItem":
            self.read += sum(_batch_read(asked, parsed, table) for table, asked in params["RequestItems"].items())
        else:
            raise AssertionError(f"the unit meter does not know what {name} costs")


def _sent_size(intent: Mapping[str, Any]) -> int:
    """The item that is put, or the key and the values of an update, delete or check."""
    if "Item" in intent:
        return item_size(intent["Item"])
    return item_size(intent["Key"]) + item_size(intent.get("ExpressionAttributeValues", {}))


def _batch_units(requests: Iterable[Mapping[str, Any]]) -> float:
    return sum(
        write_units(item_size(request["PutRequest"]["Item"])) if "PutRequest" in request else 1
        for request in requests
    )


def _batch_read(asked: Mapping[str, Any], parsed: Mapping[str, Any], table: str) -> float:
    """Each key is read by itself; one that isn't there costs as much as the smallest row."""
    found = [item_size(item) for item in parsed.get("Responses", {}).get(table, [])]
    sizes = [*found, *[0] * (len(asked["Keys"]) - len(found))]
    return sum(read_units(size, consistent=asked.get("ConsistentRead", False)) for size in sizes)
