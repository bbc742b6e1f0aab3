"""The limits that requests, commands, the admin and the settings share."""

from typing import Final

# The most days that a request may have anything kept, or a key be valid.
MOST_DAYS: Final = 3650
# The most days of a setting: a century, which every date can go back.
MOST_DAYS_SET: Final = 36_500
# The most requests per minute that a key may be given.
MOST_RATE: Final = 1_000_000
