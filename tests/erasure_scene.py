"""Somebody who used everything, and their erasure, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from copy import replace
from dataclasses import dataclass
from datetime import date
from typing import Any

from stamkunde.erasure.model import Left, Receipt, StepName
from stamkunde.erasure.steps import Erasure
from tests.due_scene import DueShop, Killed, Life
from tests.erasing_shop import erasure_of

CHANGES = ("put_item", "update_item", "delete_item", "transact_write_items")


@dataclass
class Mortal:
    """Whatever is called by somebody who may die before each call that changes something."""

    inner: Any
    life: Life
    changes: tuple[str, ...] = CHANGES

    def __getattr__(self, operation: str) -> Any:
        called = getattr(self.inner, operation)
        if operation not in self.changes:
            return called

        def call(*args: Any, **given: Any) -> Any:
            self.life.passes()
            return called(*args, **given)

        return call


@dataclass
class Eraser:
    """Does the steps of one shop's erasures, and dies if it is told to."""

    due: DueShop

    def erasure(self, life: Life | None = None) -> Erasure:
        due = self.due
        if life is None:
            return due.erasure
        client: Any = Mortal(due.shop.client, life)
        shop = replace(due.shop, client=client)
        photos, tombstones = Mortal(due.photos, life, ("remove_all",)), Mortal(due.tombstones, life, ("keep",))
        return erasure_of(shop, replace(due, shop=shop).looking, photos, tombstones)

    def case(self) -> str:
        """The case that the hourly job has begun, the first of them if several hints led to somebody."""
        case_id, *_ = self.due.machine.waiting
        self.due.machine.waiting.clear()
        return case_id

    def do(self, step: StepName, case_id: str) -> Left:
        """A step, as often as it asks for it."""
        while (left := self.erasure().do(step, case_id)) is Left.MORE:
            pass
        return left

    def do_all(self, case_id: str) -> None:
        for step in StepName:
            assert self.do(step, case_id) is Left.DONE

    def do_dying(self, step: StepName, case_id: str) -> int:
        """A step that is killed before each of its changes, and is done once more after its end: how often."""
        deaths = 0
        while True:
            try:
                if self.erasure(Life(deaths)).do(step, case_id) is Left.DONE:
                    self.do(step, case_id)
                    return deaths
            except Killed:
                deaths += 1

    def receipts(self, *months: date) -> list[Receipt]:
        return [each for month in months for each in self._receipts(month)]

    def _receipts(self, month: date) -> Iterator[Receipt]:
        return self.erasure().stores.receipts.of_month(month)
