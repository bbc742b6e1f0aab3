"""Every search backend that this machine can run passes the same tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest

from cv.search import exact
from cv.search.base import Hit, VectorIndex, Vectors, as_keys
from cv.search.exact import ExactIndex
from cv.search.milvus import MilvusIndex
from cv.search.pgvector import PgvectorIndex

HERE, ELSEWHERE = uuid4(), uuid4()


def unit_vectors(count: int, seed: int = 0, dimensions: int = 128) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Any]]:
    """Opens connections to a PostgreSQL with pgvector, from the package pgserver."""
    pgserver = pytest.importorskip("pgserver", reason="pgserver, which has PostgreSQL with pgvector, is not installed")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    yield lambda: psycopg.connect(server.get_uri(), autocommit=True)
    server.cleanup()


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    """Milvus Lite: the same client as for a server, with a file."""
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    return MilvusIndex(str(tmp_path_factory.mktemp("milvus") / "faces.db"))


@pytest.fixture(params=["numpy", "faiss", "pgvector", "milvus"])
def index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[VectorIndex]:
    match request.param:
        case "numpy":
            yield ExactIndex()
        case "faiss":
            pytest.importorskip("faiss", reason="faiss is not installed")
            # Small, so that the tests have both a bulk and further rows.
            monkeypatch.setattr(exact, "BULK", 100)
            yield ExactIndex()
        case "pgvector":
            connect = request.getfixturevalue("postgres")

            @contextmanager
            def cursor() -> Iterator[Any]:
                with connect() as connection, connection.cursor() as opened:
                    yield opened

            yield emptied(PgvectorIndex(cursor))
        case "milvus":
            yield emptied(request.getfixturevalue("milvus"))


def emptied(index: VectorIndex) -> VectorIndex:
    for gallery in index.galleries():
        index.drop(gallery)
    return index


def keys_found(hits: list[list[Hit]]) -> list[list[int]]:
    return [[hit.key for hit in found] for found in hits]


def filled(index: VectorIndex, gallery: UUID, count: int, first: int = 1, seed: int = 0) -> Vectors:
    vectors = unit_vectors(count, seed)
    index.add(gallery, as_keys(range(first, first + count)), vectors)
    return vectors


def test_the_nearest_are_those_with_the_highest_cosine_in_order(index: VectorIndex) -> None:
    vectors, probes = filled(index, HERE, 250), unit_vectors(7, seed=1)
    truth = probes @ vectors.T
    for hits, similarities in zip(index.search(HERE, probes, 5), truth, strict=True):
        assert [hit.key for hit in hits] == (np.argsort(-similarities)[:5] + 1).tolist()
        assert [hit.similarity for hit in hits] == pytest.approx(np.sort(similarities)[::-1][:5], abs=1e-3)


def test_a_vector_finds_itself_with_similarity_1(index: VectorIndex) -> None:
    vectors = filled(index, HERE, 150)
    for row in (0, 149):
        (hits,) = index.search(HERE, vectors[row : row + 1], 1)
        assert (hits[0].key, hits[0].similarity) == (row + 1, pytest.approx(1.0, abs=1e-3))


def test_fewer_vectors_than_asked_for_are_all_returned(index: VectorIndex) -> None:
    filled(index, HERE, 3)
    assert [sorted(found) for found in keys_found(index.search(HERE, unit_vectors(2, seed=1), 10))] == [[1, 2, 3]] * 2


def test_a_removed_vector_is_not_found_again(index: VectorIndex) -> None:
    vectors = filled(index, HERE, 260)
    index.remove(HERE, as_keys([1, 200, 255, 999]))
    assert index.count(HERE) == 257
    assert sorted(index.keys(HERE).tolist()) == sorted(set(range(1, 261)) - {1, 200, 255})
    found = keys_found(index.search(HERE, vectors[[0, 199, 254]], 257))
    assert all({1, 200, 255}.isdisjoint(keys) and len(keys) == 257 for keys in found)


def test_adding_a_key_again_replaces_its_vector(index: VectorIndex) -> None:
    filled(index, HERE, 120)
    newer = unit_vectors(1, seed=5)
    index.add(HERE, as_keys([7]), newer)
    assert index.count(HERE) == 120
    assert keys_found(index.search(HERE, newer, 1)) == [[7]]


def test_galleries_are_apart(index: VectorIndex) -> None:
    here, _ = filled(index, HERE, 5), filled(index, ELSEWHERE, 5, first=100, seed=1)
    assert sorted(keys_found(index.search(ELSEWHERE, here[:1], 10))[0]) == [100, 101, 102, 103, 104]
    index.drop(HERE)
    assert (index.count(HERE), index.count(ELSEWHERE)) == (0, 5)
    assert index.search(HERE, here[:2], 3) == [[], []]
    index.drop(HERE)
    assert index.galleries() == [ELSEWHERE]


def test_an_unknown_gallery_is_empty(index: VectorIndex) -> None:
    nowhere = uuid4()
    assert (index.count(nowhere), index.keys(nowhere).tolist()) == (0, [])
    index.remove(nowhere, as_keys([1]))
    assert index.search(nowhere, unit_vectors(1), 3) == [[]]


def test_many_probes_at_once_are_searched_like_one_by_one(index: VectorIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "BLOCK", 1000)
    filled(index, HERE, 130)
    probes = unit_vectors(40, seed=2)
    one_by_one = [index.search(HERE, probe[None], 3)[0] for probe in probes]
    assert keys_found(index.search(HERE, probes, 3)) == keys_found(one_by_one)
