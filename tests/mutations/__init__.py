"""Rules switched off one by one: each must make the test fail that claims to hold it."""
