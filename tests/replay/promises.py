"""What the club of the replay promises: its programme, and what a campaign's coupon gives.

Operators publish it as it stands here; plan.sql reckons with the same numbers in its own way.
"""

from __future__ import annotations

OUTLETS = ("centrum", "havnen")
"""A store's number, even or odd, says at which of them it is."""

RATE = 300
SPECIAL_RATE = 500
SPECIAL_GROUP = "SOFT DRINKS"
EXCLUDED_GROUP = "COUPON/MISC ITEMS"
STAMPED_GROUP = "BAKED BREAD/BUNS/ROLLS"
STAMP_PROGRAMME = "brod"
STAMPS_NEEDED = 10
PROGRAMME = {
    "rate": RATE,
    "expiry_months": 36,
    "rules": [
        {
            "rule_id": "sodavand",
            "rate": SPECIAL_RATE,
            "items": {"item_groups": [SPECIAL_GROUP]},
            "outlets": [OUTLETS[1]],
        }
    ],
    "multipliers": [
        {
            "multiplier_id": "fredag-aften",
            "factor": 20_000,
            "starts_at": "2017-01-01T00:00",
            "ends_at": "2018-01-01T00:00",
            "hours": {"weekdays": [5], "from_time": "17:00", "until_time": "21:00"},
        }
    ],
    "exclusions": {"items": {"item_groups": [EXCLUDED_GROUP]}},
    "stamp_programmes": [
        {
            "stamp_programme_id": STAMP_PROGRAMME,
            "name": "Brød",
            "needed": STAMPS_NEEDED,
            "reward_name": "gratis brød",
            "items": {"item_groups": [STAMPED_GROUP]},
            "reward": {"item_groups": [STAMPED_GROUP]},
        }
    ],
}

PERCENT_OFF = 1_000
"""Of what a campaign of type A is about, in basis points."""

AMOUNT_OFF = 150
"""Of what a campaign of type B is about, in øre; one of type C gives one of its goods for nothing."""

MOST_GROUPS = 100
"""A campaign is about so many groups of goods at most: those that most of its products are in."""
