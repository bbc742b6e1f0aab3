"""The second head: fitted exactly where the points are a line of the features; the mesh stays as it was."""

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from PIL import Image

from cv.engine.config import WEIGHTS_DIR
from cv.engine.readers.mesh import VIEW_PX
from cv.engine.types import Landmarks
from training.publish.face_mesh import FILE, MIRRORED, add_head, both_ways, features_of, fit_head


def tiny_mesh() -> ModelProto:
    """Means of the channels, padded to eight features, and a layer from them to the mesh; a second output beside it."""
    weight = np.random.default_rng(3).normal(size=(1404, 8, 1, 1)).astype(np.float32)
    pad = np.array([0, 0, 0, 0, 0, 5, 0, 0], np.int64)
    constants = [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(pad, "pad")]
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["mean"]),
        helper.make_node("Pad", ["mean", "pad"], ["last"]),
        helper.make_node("Conv", ["last", "weight"], ["told"]),
        helper.make_node("Flatten", ["told"], ["mesh"]),
        helper.make_node("Flatten", ["mean"], ["face"]),
    ]
    shown = [("picture", ("batch", 3, VIEW_PX, VIEW_PX)), ("mesh", ("batch", 1404)), ("face", ("batch", 3))]
    given, *told = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shown)
    graph = helper.make_graph(nodes, "tiny", [given], told, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_points_that_are_a_line_of_the_features_are_told_exactly() -> None:
    dice = np.random.default_rng(1)
    features, slopes = dice.normal(size=(400, 12)), dice.normal(size=(12, 136))
    points = (features @ slopes + 5).reshape(400, 68, 2)

    found, bias = fit_head(features, points, ridge=1e-9)

    assert found == pytest.approx(slopes, abs=1e-5)
    assert bias == pytest.approx(5, abs=1e-5)


def test_a_ridge_makes_the_slopes_smaller() -> None:
    dice = np.random.default_rng(1)
    features, points = dice.normal(size=(50, 12)), dice.normal(size=(50, 68, 2))

    free, held = (np.linalg.norm(fit_head(features, points, ridge)[0]) for ridge in (1e-6, 1.0))

    assert held < free


def test_the_head_reads_what_the_mesh_is_told_from() -> None:
    net = tiny_mesh()
    slopes, bias = np.random.default_rng(1).normal(size=(8, 136)), np.arange(136.0)
    assert features_of(net) == "last"
    served = onnxruntime.InferenceSession(add_head(net, slopes, bias).SerializeToString())
    chips = np.random.default_rng(2).integers(0, 256, (2, 3, VIEW_PX, VIEW_PX)).astype(np.float32)

    assert [output.name for output in served.get_outputs()] == ["mesh", "points"]
    mesh, points = served.run(None, {"chips": chips})

    (mesh_before,) = onnxruntime.InferenceSession(net.SerializeToString()).run(["mesh"], {"picture": chips / 255})
    features = chips.mean(axis=(2, 3)) / 255
    assert mesh == pytest.approx(mesh_before, abs=1e-4)
    expected = np.concatenate([features, np.zeros((2, 5))], axis=1) @ slopes + bias
    assert points == pytest.approx(expected, abs=1e-3)


def test_the_order_in_the_mirror_is_its_own_opposite() -> None:
    assert [MIRRORED[at] for at in MIRRORED] == list(range(68))
    assert (MIRRORED[36], MIRRORED[39], MIRRORED[48], MIRRORED[60], MIRRORED[8]) == (45, 42, 54, 64, 8)


def test_a_pictures_mirror_image_has_its_points_on_the_other_side() -> None:
    points = np.zeros((68, 2))
    points[36], points[45] = (2, 5), (7, 5)
    landmarks = Landmarks((2.5, 5.5), (7.5, 5.5), (5, 7), (3, 9), (6, 9))

    (_, as_it_is, same), (picture, mirrored, other) = both_ways(Image.new("RGB", (12, 10)), landmarks, points)

    assert (as_it_is, same.tolist(), picture.size) == (landmarks, points.tolist(), (12, 10))
    assert (other[36].tolist(), other[45].tolist()) == ([4, 5], [9, 5])
    assert (mirrored.left_eye, mirrored.right_eye, mirrored.mouth_left) == ((4.5, 5.5), (9.5, 5.5), (6, 9))


def test_the_published_net_has_both_heads() -> None:
    session = onnxruntime.InferenceSession(WEIGHTS_DIR / FILE)

    assert {output.name: output.shape[1] for output in session.get_outputs()} == {"mesh": 1404, "points": 136}
