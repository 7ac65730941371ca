"""What a member was told on the ladder, or passed over with, a sentence each: for whoever asks for the shop."""

from pathlib import Path

from stamkunde.members import permission
from stamkunde.members.permission import Day
from stamkunde.shared.clock import local_date
from stamkunde.shared.ladder import RungNotice, RungSkipped
from stamkunde.shared.language import Catalogue

_VERDICTS = Catalogue(Path(permission.__file__).parent / "verdicts")


def ladder_line(told: RungNotice | RungSkipped, time_zone: str, language: str) -> str:
    """What became of a rung, and on which day."""
    months = told.rung.after_months
    if isinstance(told, RungSkipped):
        return _VERDICTS.text(language, f"ladder.{told.reason}", months=months, day=Day(told.day))
    day = Day(local_date(told.written_at, time_zone))
    if told.names is None:
        return _VERDICTS.text(language, "ladder.written", months=months, day=day)
    return _VERDICTS.text(language, "ladder.named", months=months, day=day, names=Day(told.names))
