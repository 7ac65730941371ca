"""Times as people write them in a file or on the command line: without seconds, on the club's wall clock."""

from datetime import datetime, time
from typing import Annotated

from msgspec import Meta

from stamkunde.shared.errors import Refusal

type WallTime = Annotated[str, Meta(description="2026-11-26T16:00 on the club's wall clock, or with an offset")]
type TimeOfDay = Annotated[str, Meta(description="06:30")]

_MOMENT = {"expected": "2026-11-26T16:00"}
_TIME = {"expected": "06:30"}
_LONGEST_DAY = len("2026-W48-4")


def read_moment(text: str, pointer: str) -> datetime:
    """What somebody wrote, as it stands; without an offset it is what the shop's clock shows.

    Raises
    ------
    Refusal
        ``invalid_field``: it is no time, or a day without one, which could mean its beginning or its end.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal("invalid_field", _MOMENT, pointer) from error
    if len(text) <= _LONGEST_DAY:
        raise Refusal("invalid_field", _MOMENT, pointer)
    return found


def read_time(text: str, pointer: str) -> time:
    """A time of day, which has no offset.

    Raises
    ------
    Refusal
        ``invalid_field``.
    """
    try:
        found = time.fromisoformat(text)
    except ValueError as error:
        raise Refusal("invalid_field", _TIME, pointer) from error
    if found.tzinfo is not None:
        raise Refusal("invalid_field", _TIME, pointer)
    return found
