"""Ids in paths."""

import re

from stamkunde.http import Request
from stamkunde.shared.errors import Refusal


def id_in_path(request: Request, name: str, pattern: str, unknown: str) -> str:
    """An id of a form we give; anything else is as unknown as one that was never given.

    Raises
    ------
    Refusal
        The code given as `unknown`.
    """
    value = request.parameters[name]
    if not re.fullmatch(pattern, value):
        raise Refusal(unknown)
    return value
