"""What a gateway carries along with a message and says again when it reports of it: where it was sent from.

It names a club, a campaign and a place in one of its lists, or a club and a message, and nobody. One word fits all
gateways: Amazon SES takes letters, digits, ``_`` and ``-`` in a tag, and nothing else.
"""

import re

from msgspec import Struct

KEY = "ref"
"""What the word is called where a gateway asks for a name."""

_CAMPAIGN = re.compile(r"([0-9a-z]{1,32})_([0-9a-z]{1,32})_([0-9a-z-]{1,32})_([0-9]{1,4})", re.ASCII)
_MESSAGE = re.compile(r"([0-9a-z]{1,32})_([0-9a-z]{1,32})", re.ASCII)


class CampaignReference(Struct, frozen=True):
    """A message of a campaign, by its place: the member's id stands there, and nowhere outside.

    Parameters
    ----------
    chunk
        Which of the campaign's lists.
    index
        The place in it, from 0.
    """

    club_id: str
    campaign_id: str
    chunk: str
    index: int

    @property
    def text(self) -> str:
        """As a gateway carries it."""
        return f"{self.club_id}_{self.campaign_id}_{self.chunk}_{self.index}"


class MessageReference(Struct, frozen=True):
    """A message that is sent by itself, by its own id."""

    club_id: str
    message_id: str

    @property
    def text(self) -> str:
        """As a gateway carries it."""
        return f"{self.club_id}_{self.message_id}"


type Reference = CampaignReference | MessageReference


def read_reference(text: object) -> Reference | None:
    """What a gateway says again; None for what isn't ours, such as somebody else's message by the same account."""
    if not isinstance(text, str):
        return None
    if found := _CAMPAIGN.fullmatch(text):
        club_id, campaign_id, chunk, index = found.groups()
        return CampaignReference(club_id, campaign_id, chunk, int(index))
    found = _MESSAGE.fullmatch(text)
    return MessageReference(*found.groups()) if found else None
