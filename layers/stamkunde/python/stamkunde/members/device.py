"""A device on which somebody's card is open: a browser that has entered a code once. Pure rules."""

import base64
import hashlib
import re
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.shared.signing import SigningKey, derive

DEVICE_LASTS = timedelta(days=180)
"""How long a card stays open after it was last used there."""

USE_NOTED_AFTER = timedelta(days=1)
"""A use is written down at most so often."""

MOST_DEVICES = 10
"""The longest unused leaves when another is opened."""


class Device(Struct, frozen=True):
    """One browser that may show a member's card.

    Parameters
    ----------
    device_id
        SHA-256 of the secret that the browser keeps: names the device, and opens nothing.
    label
        Browser and system in words, or empty when the browser doesn't say.
    """

    device_id: str
    member_id: str
    label: str
    opened_at: datetime
    used_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether it has been unused for too long to show anything."""
        return now >= self.used_at + DEVICE_LASTS


class DeviceToken(Struct, frozen=True):
    """What a browser keeps: whose card it opens, and the secret that proves it."""

    member_id: str
    secret: str

    @property
    def device_id(self) -> str:
        """The device's name in lists and in the table."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.member_id}.{self.secret}"


_TOKEN = re.compile(r"(?P<member_id>m[0-9a-z]{16})\.(?P<secret>[A-Za-z0-9_-]{43})")


def parse_device_token(text: str) -> DeviceToken | None:
    """The parts of a token, or None when it can't be one."""
    match = _TOKEN.fullmatch(text)
    return DeviceToken(**match.groupdict()) if match else None


def device_token(key: SigningKey, challenge_id: str, member_id: str) -> DeviceToken:
    """The token that a challenge's right code opens: the same code posted twice opens one device."""
    secret = derive(key.secret, "device", challenge_id, member_id)
    return DeviceToken(member_id, base64.urlsafe_b64encode(secret).decode().rstrip("="))


_BROWSERS = (
    ("Edge", r"\bEdg(?:A|iOS)?/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome", r"\b(?:Chrome|CriOS|Chromium|HeadlessChrome)/"),
    ("Safari", r"\bSafari/"),
)
_SYSTEMS = (
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Android", r"\bAndroid\b"),
    ("Windows", r"\bWindows\b"),
    ("Mac", r"\bMacintosh\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Linux", r"\bLinux\b"),
)


def device_label(user_agent: str) -> str:
    """A browser as its owner knows it, such as ``Chrome, Android``; most name others too, so the order matters."""
    named = [
        next((name for name, sign in known if re.search(sign, user_agent)), None) for known in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(name for name in named if name)
