"""Formats log records as one line of JSON each, with the id of the request."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")

# The fields that ``extra=`` may add to a line; all others are dropped, so that no picture or key gets into a log.
EXTRA_FIELDS = (
    "method", "path", "status", "milliseconds", "analysis", "faces", "code", "caller", "delivery",
    "job", "items",
)  # fmt: skip


# Django's loggers about requests quote the URL or host, which may contain a person's name.
ABOUT_REQUESTS = ("django.request", "django.security")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        of_request = record.name.startswith(ABOUT_REQUESTS)
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _without_quotation(record) if of_request else record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        line |= {name: getattr(record, name) for name in EXTRA_FIELDS if hasattr(record, name)}
        # The exception about a refused host or URL quotes it.
        if record.exc_info and not record.name.startswith("django.security"):
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _without_quotation(record: logging.LogRecord) -> str:
    """The message without the URL or host that it quotes; the request's own line has the route."""
    if isinstance(record.args, tuple) and record.args:
        return str(record.args[0])
    return f"refused: {record.name.rpartition('.')[2]}"
