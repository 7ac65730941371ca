"""What is to be done about somebody by the clock, and when: decided from the facts alone. Pure."""

from stamkunde.retention.model.chase import (
    ERASED_AFTER,
    FIRST_REMINDER,
    KNOWN_AFTER,
    LAST_NOTICE,
    LATE_NOTICE,
    MOST_REMINDERS,
    REMINDERS,
    day_to_name,
)
from stamkunde.retention.model.deciding import MOST_TELLINGS, Facts, Lapse, Standing, next_step
from stamkunde.retention.model.horizon import HORIZON, look_at
from stamkunde.retention.model.ladder import (
    LAST_CHANCE,
    Away,
    LadderStep,
    active_on,
    day_named,
    end_of,
    ladder_step,
    passed_over,
    rung_day,
)
from stamkunde.retention.model.steps import ClubTime, Step, StepKind

__all__ = [
    "ERASED_AFTER",
    "FIRST_REMINDER",
    "HORIZON",
    "KNOWN_AFTER",
    "LAST_CHANCE",
    "LAST_NOTICE",
    "LATE_NOTICE",
    "MOST_REMINDERS",
    "MOST_TELLINGS",
    "REMINDERS",
    "Away",
    "ClubTime",
    "Facts",
    "LadderStep",
    "Lapse",
    "Standing",
    "Step",
    "StepKind",
    "active_on",
    "day_named",
    "day_to_name",
    "end_of",
    "ladder_step",
    "look_at",
    "next_step",
    "passed_over",
    "rung_day",
]
