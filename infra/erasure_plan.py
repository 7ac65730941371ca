"""The plan by which members are erased, made of what docs/data.md says: ``python -m infra.erasure_plan`` writes it.

It lies with the code that does its steps, so that whoever changes what is stored changes the plan with it.
"""

import json
import re

from infra.local.home import ROOT

PAGE = ROOT / "docs" / "data.md"
PLAN = ROOT / "layers" / "stamkunde" / "python" / "stamkunde" / "erasure" / "plan.json"

BY_ITSELF = {"ttl", "stream", "minute", "night"}
"""What takes a row away without a step: the table, the ledger's stream, a job of each minute, the nightly proof."""

NOTHING = "–"
_STEP = re.compile(r"(\w+): .+")


def read_table(page: str, heading: str) -> list[dict[str, str]]:
    """The rows of the table under a heading of the page, by the names of its columns."""
    section = page.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line.strip().strip("|") for line in section.splitlines() if line.strip().startswith("|")]
    names = [cell.strip() for cell in lines[0].split("|")]
    return [
        dict(zip(names, (cell.strip().strip("`") for cell in line.split("|")), strict=True)) for line in lines[2:]
    ]


def step_of(entity: dict[str, str]) -> str | None:
    """The step that clears what an entity holds of somebody; None where it holds nothing.

    Raises
    ------
    ValueError
        It holds something, and nothing clears it; or the other way about.
    """
    is_personal, cell = entity["personal data"] != "no", entity["erasure step"]
    if not is_personal and cell == NOTHING:
        return None
    named = _STEP.fullmatch(cell)
    if not is_personal or named is None:
        raise ValueError(f"{entity['entity']}: what clears what it holds of whom?")
    return named[1]


def plan_of(page: str) -> dict[str, object]:
    """The steps in their order, each with what it does, may answer and clears.

    Raises
    ------
    ValueError
        A row is cleared by no step that there is.
    """
    steps = read_table(page, "Erasing")
    cleared: dict[str, list[str]] = {each["step"]: [] for each in steps}
    for entity in read_table(page, "Entities"):
        step = step_of(entity)
        if step is None or step in BY_ITSELF:
            continue
        if step not in cleared:
            raise ValueError(f"{entity['entity']}: there is no step {step}")
        cleared[step].append(entity["entity"])
    return {
        "steps": [
            {
                "name": each["step"],
                "does": each["what it does"],
                "answers": each["answers"].split(", "),
                "clears": cleared[each["step"]],
            }
            for each in steps
        ]
    }


def written(plan: dict[str, object]) -> str:
    """The plan as its file has it."""
    return json.dumps(plan, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PLAN.write_text(written(plan_of(PAGE.read_text())))
