"""The bonus ledger's rules: pure, without I/O, the same for a quote and for a purchase.

Amounts are minor units of the club's currency unless they say units of bonus, rates basis points, instants UTC; a lot
lives through its last day in the club's time zone.
"""
