"""How somebody is erased, step by step: the machine is made of the plan, which is made of docs/data.md."""

import json
from itertools import pairwise
from typing import Any

from infra.constructs.case_machine import LASTS, step
from infra.erasure_plan import PLAN

CHOOSES = {
    "more": "HasMore",
    "not_due": "IsDue",
}
"""What stands behind a step that may answer otherwise than that it is done."""


def definition(function: str) -> dict[str, Any]:
    """The plan's steps one after the other, in Amazon States Language.

    One that answers that there is more is done again. Who isn't to be erased any more stays, and their case ends with
    when to look at them next.
    """
    steps = json.loads(PLAN.read_text())["steps"]
    states: dict[str, Any] = {}
    for each, following in pairwise([*steps, None]):
        after = title(following["name"]) if following else "Done"
        states |= _states(function, each, after)
    states["Rearm"] = {**step(function, "rearm"), "ResultPath": "$.left", "Next": "Done"}
    states["Done"] = {"Type": "Succeed"}
    return {
        "Comment": "Somebody is erased, step by step (docs/data.md, Erasing).",
        "StartAt": title(steps[0]["name"]),
        "TimeoutSeconds": int(LASTS.to_seconds()),
        "States": states,
    }


def title(name: str) -> str:
    """The state of a step: ``cut_access`` is ``CutAccess``."""
    return name.title().replace("_", "")


def _states(function: str, planned: dict[str, Any], after: str) -> dict[str, Any]:
    own = title(planned["name"])
    (other,) = [answer for answer in planned["answers"] if answer != "done"] or [None]
    task = {**step(function, planned["name"]), "Comment": planned["does"], "ResultPath": "$.left"}
    if other is None:
        return {own: {**task, "Next": after}}
    choice = f"{own}{CHOOSES[other]}"
    elsewhere = {"more": own, "not_due": "Rearm"}[other]
    return {
        own: {**task, "Next": choice},
        choice: {
            "Type": "Choice",
            "Choices": [{"Variable": "$.left.outcome", "StringEquals": other, "Next": elsewhere}],
            "Default": after,
        },
    }
