"""Every JSON body of the schema, sent or answered, success or error, has an example that fits it."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.test import Client
from rest_framework.test import APIClient

from api.exceptions import STATUS_OF_CODE
from cv.trust.receipts import key_id


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


SENT_AS_IT_STANDS = {"/api/v1/analyses": 201, "/api/v1/detections": 200, "/api/v1/previews": 200}


@pytest.mark.parametrize("path", SENT_AS_IT_STANDS)
def test_an_example_with_a_photo_can_be_sent_as_it_stands(schema: Any, api: APIClient, path: str) -> None:
    operation = schema["paths"][path]["post"]
    examples = [each["value"] for each in operation["requestBody"]["content"]["application/json"]["examples"].values()]
    for example in [each for each in examples if "image" in each]:
        answer = api.post(path, example)
        assert answer.status_code == SENT_AS_IT_STANDS[path]
        if path != "/api/v1/previews":
            documented = operation["responses"][str(answer.status_code)]["content"]["application/json"]["examples"]
            (shown,) = (each["value"] for each in documented.values())
            assert answer.json()["image"] == shown["image"]
            (face,) = answer.json()["faces"]
            assert face["box"] == pytest.approx(shown["faces"][0]["box"], abs=3)


def test_the_receipt_shown_is_genuine(schema: Any) -> None:
    def example(method: str, path: str) -> Any:
        content = schema["paths"][path][method]["responses"]["200"]["content"]["application/json"]
        (shown,) = content["examples"].values()
        return shown["value"]

    signed = example("post", "/api/v1/subjects/erase")
    (key,) = example("get", "/api/v1/receipt-keys")["results"]
    text = json.dumps(signed["receipt"], sort_keys=True, separators=(",", ":")).encode()
    public = load_pem_public_key(key["pem"].encode())
    assert isinstance(public, Ed25519PublicKey)
    public.verify(base64.b64decode(signed["signature"]), text)
    assert signed["key_id"] == key["key_id"] == key_id(public)


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
