"""Links with which an analysis is shown to others who are logged in: signed, and valid for a while."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.core.signing import BadSignature, TimestampSigner

LINK_AGE: Final = timedelta(days=30)
_SALT: Final = "link to an analysis"


def link_token(analysis_id: UUID) -> str:
    """What a link carries. It says nothing about the analysis, and opens only this one."""
    return TimestampSigner(salt=_SALT).sign(str(analysis_id)).partition(":")[2]


def opens(token: str, analysis_id: UUID) -> bool:
    """Whether the token was made for this analysis, by this server, less than ``LINK_AGE`` ago."""
    try:
        TimestampSigner(salt=_SALT).unsign(f"{analysis_id}:{token}", max_age=LINK_AGE)
    except BadSignature:
        return False
    return True
