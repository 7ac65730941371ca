"""What everybody who has to do with one-time codes agrees on: who asks for them, and who sends them."""

from datetime import timedelta

CODE_DIGITS = 6
CODE_LASTS = timedelta(minutes=10)
"""How long a code can be typed."""
