"""The reader of ONNX files against the onnx package."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.prompt_analysis.onnx_file import read_graph


def written(path, nodes, initializers=()):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initializers)
    onnx.save(helper.make_model(graph), path)
    return path


@pytest.mark.parametrize("raw", [False, True])
def test_constants_are_read_however_they_are_stored(tmp_path, raw):
    values = {
        TensorProto.FLOAT: [[1.5, -2.0, 3e-9]],
        TensorProto.DOUBLE: [[1.5, -2.0, 3e-99]],
        TensorProto.INT32: [[1, -2, 2**31 - 1]],
        TensorProto.INT64: [[1, -2, 2**62]],
        TensorProto.BOOL: [[True, False, True]],
    }
    tensors = []
    for kind, rows in values.items():
        array = np.array(rows, helper.tensor_dtype_to_np_dtype(kind))
        vals = array.tobytes() if raw else array.flatten()
        tensors.append(helper.make_tensor(f"t{kind}", kind, array.shape, vals, raw=raw))
    constant = helper.make_node("Constant", [], ["c"], value=tensors[0])
    graph = read_graph(written(tmp_path / "m.onnx", [constant], tensors))
    for tensor in tensors:
        expected, found = numpy_helper.to_array(tensor), graph.constants[tensor.name]
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)
    assert np.array_equal(graph.constants["c"], numpy_helper.to_array(tensors[0]))


def test_operations_are_read_in_their_order(tmp_path):
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0], doc_string="turned"),
        helper.make_node("Gemm", ["t", "", "b"], ["y"], transB=1, alpha=0.5),
    ]
    first, second = read_graph(written(tmp_path / "m.onnx", nodes)).nodes
    assert (first.kind, first.inputs, first.outputs) == ("Transpose", ("x",), ("t",))
    assert first.integers["perm"] == (1, 0)
    assert second.inputs == ("t", "", "b")
    assert second.integers["transB"] == (1,)


def test_weights_in_another_file_are_refused(tmp_path):
    array = np.ones((64, 64), np.float32)
    path = written(tmp_path / "m.onnx", [], [numpy_helper.from_array(array, "w")])
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights")
    with pytest.raises(SetupError, match=r"tensor 'w' lies in another file"):
        read_graph(path)
