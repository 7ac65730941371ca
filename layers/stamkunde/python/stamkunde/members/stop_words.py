"""What somebody means who answers a text message: stop, start again, or nothing that we act on. Pure rules.

The words are AWS's own list and those of Denmark and Norway, where STOP and STOPP must both do. They are looked for
in all languages at once: nobody is asked which one they write in.
"""

import re
import unicodedata
from enum import StrEnum

from msgspec import Struct

LONGEST_READ = 200
"""Letters: what is asked for stands at the beginning, and what comes after is nobody's business here."""

STOP_WORDS = frozenset(
    {
        *("stop", "stopp", "stopall", "stopalt", "afmeld", "afmeldt", "frameld", "avmeld", "avslutt", "slut"),
        *("unsubscribe", "cancel", "end", "quit", "arret", "remove", "optout"),
    }
)
START_WORDS = frozenset({"start", "tilmeld", "påmeld", "unstop"})

NOT_A_SHOP = frozenset({"sms", "smser", "alle", "alt", "all", "alting", "tak", "takk", "nu", "nå", "now", "please"})
"""Second words that only say the first one again, or politely."""

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_INNER = re.compile(r"[-'’]")
_SPELT = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "ä": "ae", "ö": "oe", "ü": "ue"})
_NOT_IN_A_KEYWORD = re.compile(r"[^0-9a-z]")


class Wish(StrEnum):
    """What an answer asks for."""

    STOP = "stop"
    START = "start"


class Answer(Struct, frozen=True):
    """An answer that asks for something.

    Parameters
    ----------
    keyword
        Which shop it may name, as `keyword_of` writes it; None for none. What no shop is called says nothing.
    """

    wish: Wish
    keyword: str | None = None


def read_answer(text: str) -> Answer | None:
    """What an answer asks for; None for anything else, such as a question to the shop.

    The first word decides, however it is written: ``STOP``, ``Stop!``, ``ＳＴＯＰ``, ``opt-out``. The second is the
    shop's keyword, if there is one.
    """
    written = unicodedata.normalize("NFKC", text[:LONGEST_READ]).casefold()
    # Of the first line only: below it some phones put a signature.
    words = next((words for line in written.splitlines() if (words := _WORD.findall(line))), None)
    if words is None:
        return None
    first = _without_accents(_INNER.sub("", words[0]))
    wish = Wish.STOP if first in STOP_WORDS else Wish.START if first in START_WORDS else None
    if wish is None:
        return None
    named = words[1] if len(words) > 1 and words[1] not in NOT_A_SHOP else None
    return Answer(wish, keyword_of(named) or None if named else None)


def keyword_of(name: str) -> str:
    """A shop's keyword, made of its name in addresses or of what somebody typed: ``bager-ærø`` is ``bageraeroe``."""
    spelt = unicodedata.normalize("NFC", name).casefold().translate(_SPELT)
    return _NOT_IN_A_KEYWORD.sub("", _without_accents(spelt))


def _without_accents(word: str) -> str:
    """``arrêt`` as ``arret``; å, ø and æ are letters of their own and stay."""
    kept = {"å": "å", "æ": "æ", "ø": "ø"}
    return "".join(kept.get(letter) or unicodedata.normalize("NFKD", letter)[0] for letter in word)
