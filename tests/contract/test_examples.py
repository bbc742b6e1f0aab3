"""Every JSON body of the schema, sent or answered, success or error, has an example that fits it."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from django.test import Client

from api.exceptions import STATUS_OF_CODE


@pytest.fixture
def schema(client: Client) -> Any:
    return client.get("/api/schema?format=json").json()


def operations(schema: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation


def json_bodies(schema: Any) -> Iterator[tuple[str, Any]]:
    """Where it stands, and the media type with its schema and examples."""
    for label, operation in operations(schema):
        sent = operation.get("requestBody", {}).get("content", {})
        if "application/json" in sent:
            yield f"{label}, sent", sent["application/json"]
        for status, answer in operation["responses"].items():
            if "application/json" in answer.get("content", {}):
                yield f"{label}, {status}", answer["content"]["application/json"]


def test_every_json_body_has_examples_that_fit(schema: Any) -> None:
    root = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": schema["components"]}
    bodies = dict(json_bodies(schema))
    without = [where for where, body in bodies.items() if not body.get("examples")]
    assert without == []
    for where, body in bodies.items():
        validator = jsonschema.Draft202012Validator({**root, **body["schema"]})
        for name, example in body["examples"].items():
            faults = [fault.message for fault in validator.iter_errors(example["value"])]
            assert faults == [], f"{where}: {name}"
    assert len(bodies) > 150


def test_every_error_example_stands_at_the_status_of_its_code(schema: Any) -> None:
    for where, body in json_bodies(schema):
        status = where.rpartition(", ")[2]
        if body["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}:
            for example in body["examples"].values():
                assert STATUS_OF_CODE[example["value"]["error"]["code"]] == int(status), where


def test_every_operation_has_one_topic_that_is_described(schema: Any) -> None:
    topics = {topic["name"]: topic["description"] for topic in schema["tags"]}
    used = {label: operation["tags"] for label, operation in operations(schema)}
    assert {label: tags for label, tags in used.items() if len(tags) != 1 or tags[0] not in topics} == {}
    assert {tag for tags in used.values() for tag in tags} == set(topics)
    assert used["POST /api/v1/detections"] == ["analyses"]


def test_every_operation_names_its_scope_or_that_it_needs_none(schema: Any) -> None:
    unnamed = [
        label
        for label, operation in operations(schema)
        if "Scope `" not in operation.get("description", "") and operation["operationId"] not in NEEDS_NO_SCOPE
    ]
    assert unnamed == []


NEEDS_NO_SCOPE = {"model_list", "model_read", "model_file_read", "receipt_key_list", "identity_read"}
