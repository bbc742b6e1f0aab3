"""What the API refused, and why."""

from typing import Any, Final, Self

import httpx

# Statuses of a busy server or an exceeded rate; a POST can be sent again because it has an Idempotency-Key.
RETRIED: Final = frozenset({429, 503})
LONGEST_WAIT_S: Final = 60.0


class ApiError(Exception):
    """``code`` is stable (see docs/api.md), the message is for people; ``retry_after`` is in seconds, or None."""

    def __init__(
        self, status: int, code: str, message: str, details: dict[str, Any], request_id: str, retry_after: float | None
    ) -> None:
        super().__init__(f"{message} ({code}, request {request_id})")
        self.status = status
        self.code = code
        self.details = details
        self.request_id = request_id
        self.retry_after = retry_after

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in RETRIED

    @property
    def wait_s(self) -> float:
        """The seconds to wait before the next try."""
        return min(self.retry_after or 1.0, LONGEST_WAIT_S)

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """Builds the error from a response, also from a proxy's response that is not JSON."""
        wait = response.headers.get("Retry-After", "")
        retry_after = float(wait) if wait.isdigit() else None
        try:
            body = response.json()
            error = body["error"]
            return cls(
                response.status_code,
                error["code"],
                error["message"],
                error["details"],
                body["request_id"],
                retry_after,
            )
        except (ValueError, KeyError, TypeError):
            message = f"the server answered {response.status_code}"
            return cls(response.status_code, "unexpected", message, {}, "", retry_after)
