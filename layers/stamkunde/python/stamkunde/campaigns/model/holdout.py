"""Who is left alone by a campaign, so that its effect can be seen: drawn by their id, without a row. Pure."""

import hashlib
import hmac

_ALL = 10_000


def is_held_out(key: bytes, campaign_id: str, member_id: str, basis_points: int) -> bool:
    """Whether somebody is among the so many in ten thousand that a campaign leaves alone.

    The same answer however often it is asked, another one for each campaign, and nobody without the club's key can
    foretell it. A number leads to one member, so whoever is drawn is drawn by all of a campaign's channels.
    """
    if not basis_points:
        return False
    drawn = hmac.digest(key, f"holdout#{campaign_id}#{member_id}".encode(), hashlib.sha256)
    return int.from_bytes(drawn[:8], "big") % _ALL < basis_points
