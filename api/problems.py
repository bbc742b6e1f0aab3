"""Describes errors as problem details (RFC 9457), the second media type of every error answer, in the API's schema."""

from typing import Any, Final

from api.exceptions import PROBLEM, problem

_REFERENCE: Final = {"$ref": "#/components/schemas/Problem"}
_SCHEMA: Final = {
    "type": "object",
    "description": "An error as RFC 9457 says, for clients that accept `application/problem+json`.",
    "properties": {
        "type": {"type": "string", "description": "`urn:xcloud:error:` and the code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "The message for people."},
        "code": {"type": "string", "description": "Stable, as `error.code` in the other form."},
        "details": {"type": "object", "additionalProperties": {}},
        "request_id": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "code", "details", "request_id"],
}


def describe_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A hook of drf-spectacular: beside each error in our own form, the same error as a problem."""
    for methods in result["paths"].values():
        for name, operation in methods.items():
            if name == "parameters":
                continue
            for status, answer in operation["responses"].items():
                content = answer.get("content", {})
                if status >= "400" and "application/json" in content:
                    content[PROBLEM] = {"schema": _REFERENCE, "examples": _examples(content["application/json"])}
    result["components"]["schemas"]["Problem"] = _SCHEMA
    return result


def _examples(content: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, example in content.get("examples", {}).items():
        said = example["value"]
        found[name] = {"value": {**problem(**said["error"]), "request_id": said["request_id"]}}
    return found
