"""Form fields (multipart or URL-encoded) converted to nested data like that of a JSON body."""

import json
from typing import Any

from django.http import QueryDict
from rest_framework.exceptions import ValidationError

STORE = "store"
LISTS = frozenset({"attributes", "accept", "faces"})
# Addresses may contain commas, so each is a field of its own.
REPEATED = frozenset({"urls", "analyses"})


def nested(form: QueryDict) -> dict[str, Any]:
    """``attributes``, ``accept`` and ``faces`` may be repeated or comma-separated, ``urls`` and ``analyses`` repeated.

    ``store`` is a JSON object or fields ``store.image``…

    Raises ValidationError if a field comes twice or ``store`` is not JSON.
    """
    data: dict[str, Any] = {}
    store: dict[str, Any] = {}
    for name, values in form.lists():
        if name in LISTS:
            data[name] = [word.strip() for value in values for word in str(value).split(",")]
            continue
        if name in REPEATED:
            data[name] = values
            continue
        if len(values) > 1:
            raise ValidationError({name: ["sent more than once"]})
        if name.startswith(f"{STORE}."):
            store[name.removeprefix(f"{STORE}.")] = values[0]
        else:
            data[name] = values[0]
    if STORE in data:
        if store:
            raise ValidationError({STORE: ["sent twice: as JSON and as separate fields"]})
        data[STORE] = _parsed(data[STORE])
    elif store:
        data[STORE] = store
    return data


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value)
    except (ValueError, TypeError, RecursionError):
        raise ValidationError({STORE: ["not a JSON object"]}) from None
