"""The limits that requests, commands, the admin and the settings share."""

from typing import Final

# The most days that anything is kept or valid for.
MOST_DAYS: Final = 3650
# The most requests per minute that a key may be given.
MOST_RATE: Final = 1_000_000
