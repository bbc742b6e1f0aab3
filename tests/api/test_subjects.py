"""Everything stored about a person: exported completely, and erased completely with a receipt without names."""

import base64
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.core.management import CommandError, call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import Scope
from cv.engine.labels import Attribute
from cv.models import Analysis, ApiKey, AuditEvent, Face, IdempotentRequest, Job
from cv.services import api_key_create
from cv.trust.caller import Caller
from cv.trust.receipts import canonical, is_genuine, public_key
from tests.factories import close, face_result, stored_analysis, streamed

ANALYSES = "/api/v1/analyses"


def address(subject: str, what: str) -> str:
    return f"/api/v1/subjects/{subject}/{what}"


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def document_of(answer: Any) -> Any:
    return json.loads(streamed(answer))


def test_json_export_has_every_analysis_with_its_picture(api: APIClient, caller: Caller, grace_hopper: bytes) -> None:
    first = stored_analysis(caller, face_result(), subject="visitor 17", data=grace_hopper, image=True, ttl_days=3)
    second = stored_analysis(caller, subject="visitor 17")
    stored_analysis(caller, face_result(), subject="visitor 18")
    answer = api.get(address("visitor 17", "export"))
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store")
    assert answer["Content-Type"] == "application/json"
    document = document_of(answer)
    assert sorted(document) == ["analyses", "enrolled_faces", "exported_at", "jobs", "not_this_person"]
    exported = document["analyses"]
    assert [held["id"] for held in exported] == [str(first.pk), str(second.pk)]
    held = exported[0]
    assert (held["subject"], held["source"], held["api_key"], held["min_face_px"]) == (
        "visitor 17",
        "upload",
        "tests",
        40,
    )
    assert held["faces"][0]["attributes"]["race"]["label"] == "black"
    assert held["expires_at"] is not None
    assert held["picture"]["media_type"] == "image/jpeg"
    assert base64.b64decode(held["picture"]["base64"]) == Path(first.picture.path).read_bytes()
    assert exported[1]["picture"] is None


def test_zip_export_has_the_pictures_as_files(api: APIClient, caller: Caller, grace_hopper: bytes) -> None:
    row = stored_analysis(caller, face_result(), subject="visitor", data=grace_hopper, image=True)
    answer = api.get(address("visitor", "export") + "?format=zip")
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"] == 'attachment; filename="export.zip"'
    with zipfile.ZipFile(io.BytesIO(streamed(answer))) as archive:
        assert sorted(archive.namelist()) == ["export.json", f"pictures/{row.pk}.jpg"]
        document = json.loads(archive.read("export.json"))
        assert archive.read(f"pictures/{row.pk}.jpg") == Path(row.picture.path).read_bytes()
    assert document["analyses"][0]["picture"] == {"file": f"pictures/{row.pk}.jpg"}


@pytest.mark.parametrize("served", [frozenset(Attribute), frozenset({Attribute.AGE})])
def test_a_key_that_may_not_have_every_attribute_exports_nothing(
    api: APIClient, caller: Caller, key: tuple[ApiKey, str], settings: Settings, served: frozenset[Attribute]
) -> None:
    """Even if the server serves only what the key may read, because more may be stored."""
    stored_analysis(caller, face_result(), subject="visitor")
    ApiKey.objects.filter(pk=key[0].pk).update(attributes=["age"])
    settings.XCLOUD_ATTRIBUTES = served
    answer = api.get(address("visitor", "export"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


def test_what_is_switched_off_by_now_is_exported_all_the_same(
    api: APIClient, caller: Caller, settings: Settings
) -> None:
    stored_analysis(caller, face_result(), subject="visitor")
    settings.XCLOUD_ATTRIBUTES = frozenset({Attribute.AGE})
    (held,) = document_of(api.get(address("visitor", "export")))["analyses"]
    assert held["faces"][0]["attributes"]["race"]["label"] == "black"


def test_subjects_are_told_apart_to_the_letter_on_every_database(api: APIClient, caller: Caller) -> None:
    for subject in ("bob", "Bob", "bób", "a/b", "日本"):
        stored_analysis(caller, subject=subject)
    for subject in ("bob", "a%2Fb", "%E6%97%A5%E6%9C%AC"):
        assert len(document_of(api.get(address(subject, "export")))["analyses"]) == 1, subject
    assert len(api.get(f"{ANALYSES}?subject=Bob").json()["results"]) == 1
    assert api.post(address("bob", "erase"), {}).json()["receipt"]["deleted"]["analyses"] == 1
    assert set(Analysis.objects.values_list("subject", flat=True)) == {"Bob", "bób", "a/b", "日本"}


UNADDRESSED = ["a\nb", "a\r\nb", "a\u2028b", "a\x1bb", ".", "..", "a/../b", "./a", "a//b", "/a", "a/"]


@pytest.mark.parametrize("subject", UNADDRESSED)
def test_a_subject_that_no_address_can_hold_is_refused_on_the_way_in(
    api: APIClient, empty_scene: bytes, subject: str
) -> None:
    image = base64.b64encode(empty_scene).decode()
    for path, body in ((ANALYSES, {"image": image}), ("/api/v1/jobs", {"urls": ["https://example.org/a.jpg"]})):
        answer = api.post(path, {**body, "store": {"subject": subject}})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
        assert list(answer.json()["error"]["details"]["store"]) == ["subject"]
    assert (Analysis.objects.count(), Job.objects.count()) == (0, 0)


@pytest.mark.parametrize("subject", [*UNADDRESSED, "visitor 17"])
def test_a_subject_of_earlier_days_is_exported_and_erased_by_its_name_in_the_body(
    api: APIClient, caller: Caller, subject: str
) -> None:
    stored_analysis(caller, face_result(), subject=subject)
    assert len(document_of(api.post("/api/v1/subjects/export", {"subject": subject}))["analyses"]) == 1
    zipped = api.post("/api/v1/subjects/export", {"subject": subject, "format": "zip"})
    assert (zipped["Content-Type"], zipped["Cache-Control"]) == ("application/zip", "private, no-store")
    close(zipped)
    receipt = api.post("/api/v1/subjects/erase", {"subject": subject}).json()
    assert receipt["receipt"]["deleted"]["analyses"] == 1
    assert Analysis.objects.count() == 0
    assert api.post("/api/v1/subjects/erase", {"subject": subject}).status_code == 404
    assert api.post("/api/v1/subjects/erase", {"subject": "a\0b"}).status_code == 400
    assert api.post("/api/v1/subjects/export", {}).status_code == 400


def test_erase_removes_rows_faces_pictures_and_remembered_answers(
    api: APIClient, caller: Caller, empty_scene: bytes, pictures: Path
) -> None:
    body = {"image": base64.b64encode(empty_scene).decode(), "store": {"image": True, "subject": "visitor"}}
    assert api.post(ANALYSES, body, HTTP_IDEMPOTENCY_KEY="k1").status_code == 201
    stored_analysis(caller, face_result(0), face_result(1), subject="visitor")
    kept = stored_analysis(caller, face_result(), subject="other", data=empty_scene, image=True)
    answer = api.post(address("visitor", "erase"), {})
    assert answer.status_code == 200
    deleted = {
        "analyses": 2,
        "faces": 2,
        "pictures": 1,
        "remembered_answers": 1,
        "jobs": 0,
        "enrolled_faces": 0,
        "vectors": 0,
        "group_memberships": 0,
        "negatives": 0,
        "chips": 0,
    }
    assert answer.json()["receipt"]["deleted"] == deleted
    assert list(Analysis.objects.all()) == [kept]
    assert (Face.objects.count(), IdempotentRequest.objects.count()) == (1, 0)
    assert files_in(pictures) == [Path(kept.picture.path)]
    assert api.get(address("visitor", "export")).status_code == 404
    assert api.post(address("visitor", "erase"), {}).status_code == 404


def test_receipt_is_genuine_names_nobody_and_notices_every_change(
    api: APIClient, caller: Caller, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored_analysis(caller, face_result(), subject="Jane Doe")
    receipt = api.post(address("Jane Doe", "erase"), {}).json()
    assert "Jane" not in json.dumps(receipt)
    (published,) = APIClient().get("/api/v1/receipt-keys").json()["results"]
    assert published["key_id"] == receipt["key_id"]
    key = load_pem_public_key(published["pem"].encode())
    assert isinstance(key, Ed25519PublicKey)
    # Verified without this service's code, as anyone can.
    key.verify(base64.b64decode(receipt["signature"]), canonical(receipt["receipt"]))
    assert is_genuine(receipt, key)
    forged = json.loads(json.dumps(receipt))
    forged["receipt"]["deleted"]["faces"] = 2
    assert not is_genuine(forged, key)
    assert not is_genuine({}, key)
    assert not is_genuine({**receipt, "signature": "AAAA"}, key)

    file, pem = tmp_path / "receipt.json", tmp_path / "key.pem"
    file.write_text(json.dumps(receipt))
    pem.write_text(published["pem"])
    call_command("verify_receipt", str(file))
    call_command("verify_receipt", str(file), "--key", str(pem))
    assert capsys.readouterr().out == f"genuine: signed by key {receipt['key_id']}\n" * 2
    file.write_text(json.dumps(forged))
    with pytest.raises(CommandError, match="not genuine"):
        call_command("verify_receipt", str(file))


def test_a_receipt_with_a_changed_outer_field_is_not_genuine(api: APIClient, caller: Caller) -> None:
    stored_analysis(caller, subject="visitor")
    receipt = api.post(address("visitor", "erase"), {}).json()
    key = public_key()
    assert is_genuine(receipt, key)
    # The last letter before the padding has four unused bits.
    other = chr(ord(receipt["signature"][-3]) + 1)
    for changes in (
        {"algorithm": "none"},
        {"key_id": "0" * 16},
        {"subject": "Jane Doe"},
        {"signature": f"{receipt['signature'][:-3]}{other}=="},
    ):
        assert not is_genuine({**receipt, **changes}, key), changes
    assert not is_genuine({name: receipt[name] for name in ("receipt", "signature")}, key)
    assert not is_genuine([receipt], key)


def test_a_file_of_several_receipts_verifies_where_each_does(
    api: APIClient, caller: Caller, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The admin's receipts.json is an example."""
    receipts = []
    for subject in ("one", "two"):
        stored_analysis(caller, subject=subject)
        receipts.append(api.post(address(subject, "erase"), {}).json())
    file = tmp_path / "receipts.json"
    file.write_text(json.dumps(receipts))
    call_command("verify_receipt", str(file))
    assert capsys.readouterr().out == f"genuine: 2 receipts, each signed by key {receipts[0]['key_id']}\n"
    receipts[1]["receipt"]["deleted"]["faces"] += 1
    for text, complaint in ((json.dumps(receipts), "did not sign receipt 2 of 2"), ("[]", "no receipt in it")):
        file.write_text(text)
        with pytest.raises(CommandError, match=complaint):
            call_command("verify_receipt", str(file))


def test_signing_key_is_private_and_made_once(api: APIClient, settings: Settings) -> None:
    first = api.get("/api/v1/receipt-keys").json()
    assert settings.XCLOUD_RECEIPT_KEY_FILE.stat().st_mode & 0o777 == 0o600
    assert api.get("/api/v1/receipt-keys").json() == first


def test_everyones_rows_need_the_admin_scope(
    api: APIClient, caller: Caller, client_of: Callable[[str], APIClient]
) -> None:
    row, text = api_key_create("operator", scopes=list(Scope))
    stored_analysis(caller, subject="visitor")
    stored_analysis(Caller(api_key=row), subject="visitor")
    assert api.get(address("visitor", "export") + "?everyone=true").status_code == 403
    assert api.post(address("visitor", "erase"), {"everyone": True}).status_code == 403
    for path in ("export", "erase"):
        assert api.post(f"/api/v1/subjects/{path}", {"subject": "visitor", "everyone": True}).status_code == 403
    operator = client_of(text)
    assert len(document_of(operator.get(address("visitor", "export")))["analyses"]) == 1
    assert len(document_of(operator.get(address("visitor", "export") + "?everyone=true"))["analyses"]) == 2
    assert operator.post(address("visitor", "erase"), {"everyone": True}).json()["receipt"]["deleted"]["analyses"] == 2


def test_audit_log_says_who_did_what_by_ids_alone(
    api: APIClient, key: tuple[ApiKey, str], caller: Caller, empty_scene: bytes, client_of: Callable[[str], APIClient]
) -> None:
    row = stored_analysis(caller, face_result(), subject="Jane Doe", data=empty_scene, image=True)
    other = stored_analysis(caller)
    api.get(ANALYSES)
    api.get(f"{ANALYSES}/{row.pk}", HTTP_X_REQUEST_ID="read-1")
    close(api.get(f"{ANALYSES}/{row.pk}/picture"))
    document_of(api.get(address("Jane Doe", "export")))
    api.delete(f"{ANALYSES}/{other.pk}")
    receipt = api.post(address("Jane Doe", "erase"), {}).json()["receipt"]["id"]

    auditor = client_of(api_key_create("auditor", scopes=[Scope.ADMIN])[1])
    events = auditor.get("/api/v1/audit").json()["results"][::-1]
    assert [(event["action"], event["objects"], event["count"]) for event in events] == [
        ("analysis.list", [str(other.pk), str(row.pk)], 2),
        ("analysis.read", [str(row.pk)], 1),
        ("picture.read", [str(row.pk)], 1),
        ("subject.export", [str(row.pk)], 1),
        ("analysis.erase", [str(other.pk)], 1),
        ("subject.erase", [receipt], 1),
    ]
    assert {event["actor"] for event in events} == {f"key:{key[0].pk}"}
    assert events[1]["request_id"] == "read-1"
    assert "Jane" not in str(list(AuditEvent.objects.values()))
    found = auditor.get("/api/v1/audit?action=picture.read").json()["results"]
    assert [event["action"] for event in found] == ["picture.read"]


def test_default_time_to_live_holds_where_a_request_names_none(
    api: APIClient, settings: Settings, empty_scene: bytes
) -> None:
    settings.XCLOUD_DEFAULT_TTL_DAYS = 30
    image = base64.b64encode(empty_scene).decode()
    days = []
    for store in ({}, {"ttl_days": None}, {"ttl_days": 7}):
        row = Analysis.objects.get(pk=api.post(ANALYSES, {"image": image, "store": store}).json()["id"])
        assert row.expires_at is not None
        days.append((row.expires_at - row.created_at).days)
    assert days == [30, 30, 7]
