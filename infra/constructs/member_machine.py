"""What is done about a member who is due, step by step."""

from typing import Any

from infra.constructs.case_machine import LASTS, step


def definition(function: str) -> dict[str, Any]:
    """Act, re-arm, done, in Amazon States Language."""
    return {
        "Comment": "A member is due: do what is due by the facts, then write when to look again.",
        "StartAt": "Act",
        "TimeoutSeconds": int(LASTS.to_seconds()),
        "States": {
            "Act": {**step(function, "act"), "ResultPath": "$.acted", "Next": "IsCaseOpen"},
            "IsCaseOpen": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.acted.outcome", "StringEquals": "closed", "Next": "Done"}],
                "Default": "Rearm",
            },
            "Rearm": {**step(function, "rearm"), "ResultPath": "$.rearmed", "Next": "Done"},
            "Done": {"Type": "Succeed"},
        },
    }
