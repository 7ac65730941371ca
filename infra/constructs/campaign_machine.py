"""How a campaign begins: whom it is for is frozen, lists are made, and the first of them go."""

from typing import Any

from infra.constructs.case_machine import LASTS, RETRY

_AFTER = {"Freeze": "MakeLists", "MakeLists": "Begin"}
_DOES = {
    "Freeze": "Writes down what is decided about everybody whom the campaign looks for.",
    "MakeLists": "Makes lists of a hundred members each of that.",
    "Begin": "Lets the first lists go if they cost what was seen; else pauses the campaign.",
}


def definition(function: str) -> dict[str, Any]:
    """Freeze, make lists, begin, in Amazon States Language; what breaks for good is paused, where it is seen."""
    states: dict[str, Any] = {}
    for name, after in _AFTER.items():
        choice = f"{name}Again"
        states[name] = _step(function, name, choice)
        states[choice] = {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.left.outcome", "StringEquals": "more", "Next": name},
                {"Variable": "$.left.outcome", "StringEquals": "not_now", "Next": "Done"},
            ],
            "Default": after,
        }
    states["Begin"] = _step(function, "Begin", "Done")
    states["GiveUp"] = {
        **_task(function, "give_up"),
        "Comment": "Pauses the campaign, for somebody to see.",
        "ResultPath": "$.left",
        "Next": "Failed",
    }
    states["Failed"] = {"Type": "Fail", "Error": "CampaignNotBegun"}
    states["Done"] = {"Type": "Succeed"}
    return {
        "Comment": "A campaign begins (docs/campaigns.md, Life).",
        "StartAt": "Freeze",
        "TimeoutSeconds": int(LASTS.to_seconds()),
        "States": states,
    }


def _step(function: str, name: str, after: str) -> dict[str, Any]:
    do = {"Freeze": "freeze", "MakeLists": "make_lists", "Begin": "begin"}[name]
    # What comes to the catch keeps the input: the error's own words might quote a row.
    caught = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.left", "Next": "GiveUp"}
    return {
        **_task(function, do),
        "Comment": _DOES[name],
        "ResultPath": "$.left",
        "Catch": [caught],
        "Next": after,
    }


def _task(function: str, do: str) -> dict[str, Any]:
    parameters = {"do": do, "club.$": "$.club", "campaign.$": "$.campaign"}
    return {"Type": "Task", "Resource": function, "Parameters": parameters, "Retry": [RETRY]}
