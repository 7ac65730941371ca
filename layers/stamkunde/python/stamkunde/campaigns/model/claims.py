"""What a campaign's words claim, as far as words show it: prices, reductions, gifts, orders, alcohol.

Looked for in all languages at once, as in `stamkunde.messaging.lint`: a Norwegian shop may write Danish. A list of
words asks the right questions most of the time; whoever writes answers for the rest.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from stamkunde.messaging.text import Template, make_plain

_UNKNOWN_VALUE = "{}"


class Claim(StrEnum):
    """Something that a text says of which the law wants more to be true or said."""

    PRICE = "price"
    REDUCTION = "reduction"
    COMPARED_PRICE = "compared_price"
    OFFER = "offer"
    GIFT = "gift"
    FREE = "free"
    MEMBERS_ONLY = "members_only"
    SCARCE = "scarce"
    NUMBER = "number"
    ORDER = "order"
    FRIEND = "friend"
    ALCOHOL = "alcohol"
    PERMISSION = "permission"
    NEWSLETTER = "newsletter"


def _any_of(*expressions: str) -> re.Pattern[str]:
    return re.compile("|".join(expressions), re.IGNORECASE)


_NO_THINGS = (
    r"kroner|pro[cs]ent|minut|time|dage|days|uger|uker|måned|gange?\b|ganger\b|points?\b|poeng"
    r"|gram|kilo|liter|meter|grader|person|butikk?|slags\b|eller\b|efter\b|etter\b|afmeld|avmeld|unsubscribe"
    r"|(?:man|tirs|ons|tors|fre|lør|søn)dag|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|januar|februar|march|marts|mars\b|april|june|juni|july|juli|august|september|o[kc]tober|november|de[cs]ember"
)
"""What a number may be of that says nothing of how many there are."""

_AMOUNT = r"\d[\d.,]*"
_MESSAGES = r"(?:sms|e-?mail|e-?post|reklame|tilbud|nyhed(?!sbrev)|nyhet(?!sbrev))"
_NOT_FREE_OF_IT = r"(?<!alkoholfri )(?<!alkoholfritt )(?<!alkoholfrie )"
_COMPARED = (
    r"\b(?:halv|1/2) ?pris\b|\bhalf price\b",
    r"\b(?:før|normal|vejl)pris|\b(?:before|normal|usual) price",
    rf"\b(?:før|before|normalt|vanligvis):? (?:kr\.? ?{_AMOUNT}|{_AMOUNT}(?: ?kr|,-))",
    rf"\b(?:før|before) ?/ ?(?:nu|nå|now)\b|\bfør:? {_AMOUNT},? (?:nu|nå):? {_AMOUNT}",
    r"rabat|discount",
)
"""Words that compare prices, whatever else is said of them."""
_WORDS = {
    Claim.PRICE: _any_of(rf"{_AMOUNT} ?(?:kr\b|kroner\b|,-|dkk\b|nok\b)", rf"\b(?:kr\.?|dkk|nok) ?{_AMOUNT}"),
    Claim.COMPARED_PRICE: _any_of(*_COMPARED),
    Claim.REDUCTION: _any_of(
        *_COMPARED,
        r"[%٪﹪％]|\bpro[cs]ent|\bper ?cent\b|\bpct\b",
        r"\bspar(?:er|e)?\b|\bsave \d",
        r"billigere|\bcheaper\b|\bnedsatt?e?\b|\bsatt? ned\b|udsalg|utsalg|\bsale\b",
    ),
    Claim.OFFER: _any_of(
        r"tilbud(?!t)|\boffers?\b",
        r"\bbetal(?:er?)? for \d|\bpay for \d|\b(?:2 for 1|3 for 2|4 for 3|5 for 4)\b",
    ),
    # A bakery may ask whether somebody still looks for a present: that gives nothing away.
    Claim.GIFT: _any_of(
        r"kupon|coupon|voucher",
        r"\b(?:få|får|giver|gir|hent|henter) (?:(?:du|dig|deg|en|din|gratis|lille|liten|fin) ){0,3}gaver?\b",
        r"\b(?:din|gratis) gaver?\b|\b(?:get|a free|have a) gifts?\b",
        r"\b(?:gaver?|gifts?) (?:til dig\b|til deg\b|venter|ved køb|ved kjøp|med i købet|på kjøpet|for you\b)",
        r"(?:fødselsdags|bursdags|velkomst|medlems)gaver?\b|\bfree gifts?\b|\byour gift\b",
    ),
    Claim.FREE: _any_of(r"\bgratis\b|\bfor free\b|\bfree of charge\b|\bis free\b"),
    Claim.MEMBERS_ONLY: _any_of(
        r"\b(?:kun|bare|eksklusivt) (?:for|til) (?:\w+ )?(?:klubb?)?medlemm\w+",
        r"\bmembers only\b|\bonly for members\b",
    ),
    Claim.SCARCE: _any_of(
        r"\bførst til mølle\b|\bførstemann til mølla\b|\bfirst come\b",
        r"\bså længe lager haves\b|\bså lenge (?:lageret|beholdningen) rekker\b|\bwhile stocks? lasts?\b",
        r"\bbegr[æe]ns\w+ (?:antall?|mængde|mengde|parti|opp?lag|lager|udvalg|utvalg|plad\w+|plas\w+)",
        r"\b(?:antall?|antall?et|plad\w+|plas\w+) er begr[æe]ns\w+",
        r"\blimited (?:number|stock|supply|edition|seats|places)\b",
        r"\b(?:kun|bare|only) (?:få|noen få|a few)\b|\bfå (?:stk|pladser|plasser|tilbage|igjen)\b",
    ),
    Claim.NUMBER: _any_of(
        r"(?<!kr )(?<!kr\. )(?<!kl\. )(?<!kl )(?<!uge )(?<!uke )(?<!\d )(?<![\d/.,:-])"
        rf"\b[1-9]\d{{0,3}} (?:stk\b|(?!{_NO_THINGS})[a-zæøå]{{4,}})"
    ),
    Claim.ORDER: _any_of(
        r"(?:\b|for|forud|forhånds)bestill?(?!t|ing)(?:er|es)?\b",
        r"\breserv[eé]r\b|\b(?:pre-?)?order\b",
    ),
    Claim.FRIEND: _any_of(
        r"\b(?:tips?|verv|hverv|inviter|anbefal|giv|gi|send) (?:(?:en|din|dine) )?venn?(?:er|en|inde|inne)?\b",
        r"\banbefal\w* \w+ til (?:en|din|dine) ven\w*",
        r"\b(?:refer|tip|invite|bring) a friend\b",
        r"\bvenn?ekode|\bfriend code\b",
    ),
    Claim.ALCOHOL: _any_of(
        rf"{_NOT_FREE_OF_IT}\b(?:fat|jule|påske|hånd)?øl(?:et|smaking|smagning|kveld|aften)?\b",
        rf"{_NOT_FREE_OF_IT}\b(?:rød|hvit|hvid|rosé|hus)?vin(?:en|er|glass?|smaking|smagning|kveld|aften)?\b",
        rf"{_NOT_FREE_OF_IT}\b(?:wines?|beers?|cider|champagne|prosecco|cava|cr[eé]mant|m[uo]u?sserende|glühwein)\b",
        rf"{_NOT_FREE_OF_IT}\b(?:cocktails?|drinker|pils\w*|ipa|gin|vermouth|aperol|irish coffee)\b",
        r"\bbobler\b(?! i d(?:ei|ej))",
        r"\bwhiske?y\b|\bvodka\b|\b[ck]ognac\b|\bkonjakk\b|\ba[kq][ue]?avit\b|\bakevitt\b|\blikør\b|\bdram\b",
        r"\bbrændevin\b|\bbrennevin\b|\bsnaps\b|[\U0001f377-\U0001f37b\U0001f37e\U0001f942\U0001f943\U0001f376]",
    ),
    Claim.PERMISSION: _any_of(
        r"\bja,? takk? til (?:sms|e-?mail|e-?post|reklame|tilbud|nyhed|nyhet)",
        r"\b(?:sig|si) ja til (?:sms|e-?mail|e-?post|reklame|tilbud|nyhed|nyhet)",
        r"\bgiv\w* (?:dit |os )?samtykke\b|\bgi (?:ditt |oss )?samtykke\b",
        r"\bgive (?:us )?(?:your )?(?:consent|permission)\b",
        rf"\bsvar\w* ja,? (?:\w+ ){{0,4}}?{_MESSAGES}|\breply yes (?:\w+ ){{0,4}}?(?:texts|e-?mails?|offers|news)\b",
        rf"\b(?:må|kan|får) vi (?:\w+ ){{0,3}}?(?:sende|skrive|sms'e) (?:(?:\w+ ){{0,4}}?{_MESSAGES}|til d[ei]g\?)",
        r"\bgiv os lov\b|\bgi oss lov\b|\bmay we (?:text|e-?mail|write)\b",
        rf"\b(?:tilmeld dig|meld d[ei]g på|skriv d[ei]g op til) (?:\w+ ){{0,2}}?{_MESSAGES}",
    ),
    Claim.NEWSLETTER: _any_of(r"nyhedsbrev\w*|nyhetsbrev\w*|newsletter"),
}  # fmt: skip

_PLACES = {
    "Pris": Claim.PRICE,
    "Price": Claim.PRICE,
    "Tilbud": Claim.OFFER,
    "Offer": Claim.OFFER,
    "Gave": Claim.GIFT,
    "Gift": Claim.GIFT,
    "Antal": Claim.NUMBER,
    "Number": Claim.NUMBER,
}
"""What a place claims whatever the shop fills in."""


Claims = Mapping[Claim, str]
"""What a text claims, each with the first words that do."""


def words_said(template: Template, filled: Mapping[str, str]) -> str:
    """The text on one line, with what the shop filled in, and a mark where each member's own values come."""
    said = (
        piece if isinstance(piece, str) else _value(piece.name, piece.fallback, filled) for piece in template.pieces
    )
    return " ".join(make_plain("".join(said)).text.split())


def claims_of(template: Template, filled: Mapping[str, str]) -> Claims:
    """What a text claims."""
    said = words_said(template, filled)
    by_words = {claim: found.group().strip() for claim, words in _WORDS.items() if (found := words.search(said))}
    by_place = {_PLACES[name]: f"{{{name}}}" for name in sorted(template.names & _PLACES.keys())}
    return by_place | by_words


def _value(name: str, fallback: str, filled: Mapping[str, str]) -> str:
    return filled.get(name) or fallback or _UNKNOWN_VALUE
