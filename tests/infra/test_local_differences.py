"""What runs on a laptop is what runs on AWS, but for the differences written in docs/local-differences.md."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from infra.packaging import ROOT
from tests.infra.templates import Stacks

COMPARED = ("StamkundeData", "StamkundeService", "StamkundeMonitoring")
ROW = re.compile(r"\| (?P<stack>\w+) \| `(?P<path>[^`]+)` \| (?P<where>AWS|local|both) \| (?P<why>[^|]+) \|")
WORDS_OF_A_REASON = 5


@dataclass(frozen=True)
class Difference:
    """One value that isn't the same in both templates of a stack."""

    stack: str
    path: str
    where: str


@dataclass(frozen=True)
class Allowed:
    """One line of the written list."""

    stack: str
    path: str
    where: str

    def covers(self, difference: Difference) -> bool:
        """Whether this line speaks of that difference."""
        same = (self.stack, self.where) == (difference.stack, difference.where)
        return same and any(fnmatchcase(difference.path, path) for path in (self.path, f"{self.path}.*"))


def test_every_difference_is_in_the_written_list(aws: Stacks, local: Stacks) -> None:
    unwritten = [
        difference
        for difference in _differences(aws, local)
        if not any(allowed.covers(difference) for allowed in _written_list())
    ]
    assert unwritten == []


def test_every_line_of_the_written_list_still_has_its_difference(aws: Stacks, local: Stacks) -> None:
    differences = list(_differences(aws, local))
    outdated = [
        allowed for allowed in _written_list() if not any(allowed.covers(difference) for difference in differences)
    ]
    assert outdated == []


def test_every_line_of_the_written_list_can_be_read_and_has_a_reason() -> None:
    text = (ROOT / "docs" / "local-differences.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("| Stamkunde")]
    matches = [ROW.fullmatch(line) for line in lines]
    assert lines
    assert all(match and len(match["why"].split()) >= WORDS_OF_A_REASON for match in matches)


def _written_list() -> list[Allowed]:
    text = (ROOT / "docs" / "local-differences.md").read_text()
    return [Allowed(row["stack"], row["path"], row["where"]) for row in ROW.finditer(text)]


def _differences(aws: Stacks, local: Stacks) -> Iterator[Difference]:
    for stack in COMPARED:
        on_aws = dict(_values(aws.templates[stack]))
        here = dict(_values(local.templates[stack]))
        for path in sorted(on_aws.keys() | here.keys()):
            if path not in here:
                yield Difference(stack, path, "AWS")
            elif path not in on_aws:
                yield Difference(stack, path, "local")
            elif on_aws[path] != here[path]:
                yield Difference(stack, path, "both")


def _values(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf of a template by its path; what a resource depends on has no order."""
    if isinstance(node, dict) and node:
        for name, value in node.items():
            inner = f"{path}.{name}" if path else name
            yield from _values(dict.fromkeys(value, "") if name == "DependsOn" else value, inner)
    elif isinstance(node, list) and node:
        for number, value in enumerate(node):
            yield from _values(value, f"{path}.{number}")
    else:
        yield path, json.dumps(node)
