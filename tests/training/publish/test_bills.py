"""Each pack of weights has a bill of materials that is true of it, and the open pack is made of free materials only."""

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from cv.engine.config import Pack
from cv.engine.fields import MANIFEST
from training.publish.bills import FILE, FREE, build_bill
from training.publish.packs import lend


@pytest.mark.parametrize("pack", Pack)
def test_the_bill_beside_the_weights_is_that_of_their_manifest_and_valid_cyclonedx(pack: Pack) -> None:
    text = (pack.folder() / FILE).read_text(encoding="utf-8")

    manifest = json.loads((pack.folder() / MANIFEST).read_text(encoding="utf-8"))
    assert json.loads(text) == build_bill(pack, manifest), "run: python -m training.publish.bills"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_open_pack_is_made_of_nothing_that_forbids_commercial_use() -> None:
    bill = json.loads((Pack.OPEN.folder() / FILE).read_text(encoding="utf-8"))

    licences = {part["name"]: part["licenses"][0]["license"].get("id") for part in bill["components"]}
    assert set(licences) == {
        "mtcnn", "xcloud-attributes-open", "xcloud-quality", "FairFace", "dlib's face-recognition ResNet",
    }  # fmt: skip
    assert set(licences.values()) <= FREE


def test_what_the_research_pack_lends_is_the_same_in_both() -> None:
    research, shared = (json.loads((pack.folder() / MANIFEST).read_text(encoding="utf-8")) for pack in Pack)

    assert {name: shared[name] for name in lend(research)} == lend(research), "run: python -m training.publish.packs"


def test_a_net_that_learned_from_a_set_without_known_terms_is_refused() -> None:
    manifest = json.loads((Pack.RESEARCH.folder() / MANIFEST).read_text(encoding="utf-8"))
    manifest["quality"]["trained_on"] = ["a set that nobody knows"]

    with pytest.raises(KeyError, match="a set that nobody knows"):
        build_bill(Pack.RESEARCH, manifest)
