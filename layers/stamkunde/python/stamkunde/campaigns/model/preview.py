"""What a campaign would come to: who gets it, in how many parts, at what price, and who is left out and why. Pure."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from stamkunde.campaigns.model.campaign import Pin
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.pricing import AudiencePrice
from stamkunde.shared.channel import Channel

SAMPLES = 5
"""So many members are named for each reason, to look at one of them."""

_DIGEST_SPACE = 1 << 64


class Share(Struct, frozen=True, array_like=True):
    """What one member gets by a channel.

    Parameters
    ----------
    parts
        Of a text message; an e-mail has none.
    price
        In minor units of the club's currency.
    priced
        Whether a price for their country is known; if not, it is reckoned as the club's own.
    later
        Whether it is a text message that goes only if they don't click in the e-mail.
    """

    parts: int = 0
    price: int = 0
    priced: bool = True
    later: bool = False


class Decided(Struct, frozen=True, array_like=True):
    """What is decided about one member, by each of a campaign's channels."""

    member_id: str
    by_channel: Mapping[Channel, Share | LeftOut]

    @property
    def shares(self) -> dict[Channel, Share]:
        """What they get."""
        return {channel: said for channel, said in self.by_channel.items() if isinstance(said, Share)}

    @property
    def is_written_to(self) -> bool:
        """Whether they get it by any channel."""
        return bool(self.shares)


class ChannelTotal(Struct):
    """What a campaign comes to by one channel.

    Parameters
    ----------
    later, later_price
        How many of the members get a text message only if they don't click, and what it costs if nobody does.
    unpriced
        How many have numbers of countries whose price isn't known.
    by_parts
        How many members get a text message of so many parts.
    samples
        Some of those who are left out, by reason.
    """

    members: int = 0
    later: int = 0
    parts: int = 0
    price: int = 0
    later_price: int = 0
    unpriced: int = 0
    by_parts: dict[int, int] = field(default_factory=dict)
    left_out: dict[LeftOut, int] = field(default_factory=dict)
    samples: dict[LeftOut, list[str]] = field(default_factory=dict)

    def add(self, member_id: str, said: Share | LeftOut) -> None:
        """Count one member."""
        if isinstance(said, LeftOut):
            self._leave_out(member_id, said)
            return
        self.members += 1
        self.parts += said.parts
        self.price += said.price
        self.unpriced += not said.priced
        if said.parts:
            self.by_parts[said.parts] = self.by_parts.get(said.parts, 0) + 1
        if said.later:
            self.later += 1
            self.later_price += said.price

    def _leave_out(self, member_id: str, reason: LeftOut) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + 1
        named = self.samples.setdefault(reason, [])
        if len(named) < SAMPLES:
            named.append(member_id)


class Reckoning(Struct):
    """What a campaign comes to, counted member by member.

    Parameters
    ----------
    looked_at
        How many members the campaign looks for, and those of whom it can't be said.
    members
        How many of them get it by any channel.
    digest
        Who gets what; the order in which they are counted doesn't matter.
    """

    looked_at: int = 0
    members: int = 0
    digest: int = 0
    by_channel: dict[Channel, ChannelTotal] = field(default_factory=dict)

    def add(self, decided: Decided) -> None:
        """Count one member."""
        self.looked_at += 1
        self.members += decided.is_written_to
        for channel, said in decided.by_channel.items():
            self.by_channel.setdefault(channel, ChannelTotal()).add(decided.member_id, said)
            if isinstance(said, Share):
                self.digest = (self.digest + _digest(decided.member_id, channel, said)) % _DIGEST_SPACE

    def pin(self, text_version: int, now: datetime) -> Pin:
        """What is seen of it, to be sent by."""
        totals = self.by_channel.values()
        parts, price = sum(each.parts for each in totals), sum(each.price for each in totals)
        later = sum(each.later_price for each in totals)
        return Pin(f"{self.digest:016x}", self.members, parts, price, text_version, now, later)


class CampaignPreview(Struct, frozen=True):
    """What is seen of a campaign before it is sent.

    Parameters
    ----------
    sms
        What its text messages come to by list prices, and what makes them long.
    ceiling_left
        What campaigns may still cost in the month in which it is sent, in minor units; None for as much as they cost.
    """

    reckoned: Reckoning
    pin: Pin
    currency: str
    sms: AudiencePrice
    ceiling_left: int | None = None

    @property
    def seal(self) -> str:
        """Names what was seen; whoever presses send hands it back."""
        return seal_of(self.pin)

    @property
    def most_saved(self) -> int:
        """What isn't spent if all click in the e-mail who get it first, in minor units."""
        return self.pin.later

    @property
    def is_over_ceiling(self) -> bool:
        """Whether it would stop at the ceiling, even if all click in the e-mail who get it first."""
        return self.ceiling_left is not None and self.pin.price - self.pin.later > self.ceiling_left


def seal_of(pin: Pin) -> str:
    """A short name of what was seen, whenever that was."""
    said = f"{pin.audience}#{pin.members}#{pin.parts}#{pin.price}#{pin.text_version}"
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _digest(member_id: str, channel: Channel, share: Share) -> int:
    said = f"{member_id}#{channel}#{share.later}#{share.parts}"
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], "big")
