"""What the API refused, and why."""

from typing import Any, Self

import httpx


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
