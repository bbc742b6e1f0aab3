"""Validates clients' names that become part of addresses, so that all clients and proxies can use the addresses."""

import unicodedata
from typing import Any, Final

from rest_framework import serializers

# Control characters, and what ends a line or paragraph.
BREAKING: Final = frozenset({"Cc", "Zl", "Zp"})
# As path segments these change the address: clients and proxies resolve them before they send the request.
LEADING_ELSEWHERE: Final = frozenset({"", ".", ".."})


class NameField(serializers.CharField):
    """Text that can stand in an address: without control characters, and without `.`, `..` or nothing between slashes.

    Rows stored before this rule may hold other names; routes that take the name in the body find them.
    """

    default_error_messages = {
        "breaking": "must have no line breaks and no control characters",
        "leading": "must not be `.` or `..`, nor have them, or nothing, before, between or after slashes",
    }

    def to_internal_value(self, data: Any) -> str:
        name: str = super().to_internal_value(data)
        if any(unicodedata.category(letter) in BREAKING for letter in name):
            self.fail("breaking")
        if name and not LEADING_ELSEWHERE.isdisjoint(name.split("/")):
            self.fail("leading")
        return name
