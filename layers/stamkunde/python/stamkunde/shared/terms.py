"""What every context says of accepted terms."""

NOT_ACCEPTED = 0
"""The terms version of somebody who hasn't accepted any: what they earn is pending."""
