"""What came of a replay, for the report."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Outcome:
    """Answers and differences, counted by tills that run at once."""

    answers: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    seconds: float = 0.0
    facts: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def count(self, answer: str) -> None:
        """One answer more of a kind."""
        with self._lock:
            self.answers[answer] += 1

    def compare(self, what: str, told: object, due: object) -> None:
        """Note a difference between what was answered and what SQL says."""
        if told != due:
            self.differences.append(f"{what}: {told}, SQL says {due}")

    def compare_any(self, what: str, told: object, due: Collection[object]) -> None:
        """Note an answer that is none of those that SQL knows."""
        if told not in due:
            self.differences.append(f"{what}: {told}, SQL says {' or '.join(map(str, due))}")

    def report(self) -> str:
        """The outcome in a few lines."""
        ranked = sorted(self.milliseconds)
        rate = len(ranked) / self.seconds
        said = ", ".join(f"{name} {count:,}" for name, count in sorted(self.answers.items()))
        p50, p99 = statistics.median(ranked), ranked[int(len(ranked) * 0.99)]
        lines = [
            ", ".join(f"{value:,} {name}" for name, value in self.facts.items()),
            f"answers: {said}",
            f"{len(ranked):,} receipts and refunds in {self.seconds:.1f} s: {rate:.0f} a second",
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
            f"{len(self.differences)} differences from the SQL calculation",
        ]
        return "\n".join(lines + self.differences[:20])
