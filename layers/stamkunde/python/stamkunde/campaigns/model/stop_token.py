"""The token of a campaign's link: who was written to, so short that it costs little, and signed by the club. Pure.

Twelve letters and digits (base 62) hold 71 bits: 24 for the number of a campaign's run, 20 for the place that
somebody has in its lists, 27 of HMAC-SHA-256 under the club's signing key. Whoever guesses is right once in 134
million tries, and tries are limited. Nothing is written for it.
"""

from collections.abc import Sequence

from msgspec import Struct

from stamkunde.shared.signing import SigningKey, derive

TOKEN_LETTERS = 12
_NUMBER_BITS = 24
_INDEX_BITS = 20
_PROOF_BITS = 27

MOST_NUMBERS = 1 << _NUMBER_BITS
"""How many runs can have a number at a time."""

MOST_IN_A_RUN = (1 << _INDEX_BITS) - 1
"""How many members one run of a campaign can be sent to."""

TEST_INDEX = MOST_IN_A_RUN
"""The place of whoever tries a campaign on themselves: it leads to no member."""

SAMPLE_TOKEN = "x" * TOKEN_LETTERS
"""Stands where a token comes, to count a text before anybody is written to."""

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_LETTERS)}
_PURPOSE = "stop_link"


class StopToken(Struct, frozen=True):
    """What a token says; whether it may be believed is asked with `is_genuine`.

    Parameters
    ----------
    number
        Of the run of the campaign; see `stamkunde.campaigns.stop_links`.
    index
        The place in its lists, from 0.
    """

    number: int
    index: int
    proof: int


def token_of(keys: Sequence[SigningKey], number: int, index: int) -> str:
    """The token of somebody's place in a run, signed by the key that signs now.

    Parameters
    ----------
    keys
        The club's, in the order of their use.

    Raises
    ------
    ValueError
        There is no such place.
    """
    if not (0 <= number < MOST_NUMBERS and 0 <= index <= MOST_IN_A_RUN):
        raise ValueError("no token has room for that")
    packed = (((number << _INDEX_BITS) | index) << _PROOF_BITS) | _proof(keys[0], number, index)
    letters = []
    for _ in range(TOKEN_LETTERS):
        packed, value = divmod(packed, len(_LETTERS))
        letters.append(_LETTERS[value])
    return "".join(reversed(letters))


def read_token(text: str) -> StopToken | None:
    """What a token says, whoever made it; None for what can't be one."""
    if len(text) != TOKEN_LETTERS or not _VALUES.keys() >= set(text):
        return None
    packed = 0
    for letter in text:
        packed = packed * len(_LETTERS) + _VALUES[letter]
    rest, proof = divmod(packed, 1 << _PROOF_BITS)
    number, index = divmod(rest, 1 << _INDEX_BITS)
    return StopToken(number, index, proof) if number < MOST_NUMBERS else None


def is_genuine(keys: Sequence[SigningKey], token: StopToken) -> bool:
    """Whether the club signed it, with a key that still counts."""
    return any(_proof(key, token.number, token.index) == token.proof for key in keys)


def link_of(short_domain: str, token: str) -> str:
    """The link as a text message carries it: a phone makes a link of it without ``https://``."""
    return f"{short_domain}/{token}"


def _proof(key: SigningKey, number: int, index: int) -> int:
    digest = derive(key.secret, _PURPOSE, str(number), str(index))
    return int.from_bytes(digest[:4], "big") >> (32 - _PROOF_BITS)
