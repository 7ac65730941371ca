"""How somebody is written to."""

from enum import StrEnum


class Channel(StrEnum):
    """The way a message takes; permission to advertise is given for each by itself."""

    SMS = "sms"
    EMAIL = "email"
