"""The semantic network against ONNX Runtime, on files that the tests export themselves."""

import onnx
import onnxruntime
import pytest
import torch
from tiny_checkpoints.semantic_onnx import BANDS, BLOCKS, CODES, POSITIONS, WIDTH, semantic_onnx

from greenroom.errors import GreenroomError, SetupError
from greenroom_speech.engines.step_audio.prompt_analysis.semantic_codes import semantic_codes
from greenroom_speech.engines.step_audio.prompt_analysis.semantic_network import (
    SemanticNetwork,
    SemanticShape,
)
from greenroom_speech.engines.step_audio.prompt_analysis.semantic_weights import semantic_weights


def loaded(path) -> SemanticNetwork:
    shape, weights = semantic_weights(path)
    with torch.device("meta"):
        network = SemanticNetwork(shape)
    network.load_state_dict(weights, strict=True, assign=True)
    return network


def runtime_codes(path, mel: torch.Tensor) -> torch.Tensor:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    length = torch.tensor([mel.shape[1]], dtype=torch.int32)
    (codes,) = session.run(None, dict(zip(names, (mel[None].numpy(), length.numpy()), strict=True)))
    return torch.from_numpy(codes).flatten().long()


def spectrogram(frames: int) -> torch.Tensor:
    return torch.randn(BANDS, frames, generator=torch.Generator().manual_seed(frames))


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A file like the released one: constants folded into new names, normalisations in parts."""
    path = tmp_path_factory.mktemp("semantic") / "speech_tokenizer_v1.onnx"
    semantic_onnx(path)
    return path


@pytest.mark.parametrize("frames", [3, 25, 800])
def test_codes_equal_those_of_onnx_runtime(released, frames):
    mel = spectrogram(frames)
    codes = loaded(released)(mel)
    assert codes.shape == (-(-frames // 4),)
    assert torch.equal(codes, runtime_codes(released, mel))
    assert len(codes.unique()) > len(codes) // 8


@pytest.mark.parametrize("options", [{"opset": 17}, {"folded": False}])
def test_other_exports_of_the_same_network(tmp_path, released, options):
    semantic_onnx(tmp_path / "other.onnx", **options)
    mel = spectrogram(400)
    assert torch.equal(loaded(tmp_path / "other.onnx")(mel), loaded(released)(mel))


def test_names_do_not_matter(tmp_path, released):
    model = onnx.load(released)
    names = {each.name: f"w{number}" for number, each in enumerate(model.graph.initializer)}
    for each in model.graph.initializer:
        each.name = names[each.name]
    for node in model.graph.node:
        node.name = ""
        node.input[:] = [names.get(name, name) for name in node.input]
    onnx.save(model, tmp_path / "renamed.onnx")
    mel = spectrogram(400)
    assert torch.equal(loaded(tmp_path / "renamed.onnx")(mel), loaded(released)(mel))


def test_query_key_and_value_are_told_apart_in_any_order(tmp_path, released):
    model = onnx.load(released)
    nodes = list(model.graph.node)
    makers = {name: node for node in nodes for name in node.output}
    weights = {each.name for each in model.graph.initializer}
    query = next(n for n in nodes if n.op_type == "MatMul" and n.input[1] in weights)
    trio = [n for n in nodes if n.op_type == "MatMul" and n.input[0] == query.input[0]]
    place = nodes.index(trio[0])
    assert makers[query.input[0]] in nodes[:place]
    moved = list(reversed(trio))
    rest = [n for n in nodes if n not in trio]
    del model.graph.node[:]
    model.graph.node.extend(rest[:place] + moved + rest[place:])
    onnx.save(model, tmp_path / "moved.onnx")
    mel = spectrogram(400)
    assert torch.equal(loaded(tmp_path / "moved.onnx")(mel), loaded(released)(mel))


def test_weights_are_not_copied_out_of_the_file(released):
    _, weights = semantic_weights(released)
    large = [tensor for tensor in weights.values() if tensor.ndim > 1]
    assert all(tensor.is_contiguous() for tensor in large)
    before = weights["codebook"][0, 0].clone()
    with released.open("r+b") as file:
        content = file.read()
        at = content.index(weights["codebook"].numpy().tobytes())
        file.seek(at)
        file.write(b"\0\0\0\x40")
    assert before != 2
    assert weights["codebook"][0, 0] == 2
    with released.open("r+b") as file:
        file.write(content)


def test_the_sizes_come_from_the_file(released):
    shape, _ = semantic_weights(released)
    assert shape == SemanticShape(BANDS, WIDTH, BLOCKS, 4 * WIDTH, POSITIONS, CODES)


def test_the_50_hz_file_is_refused(tmp_path):
    path = tmp_path / "speech_tokenizer_v1.onnx"
    semantic_onnx(path, stride=1)
    with pytest.raises(SetupError, match=r"v1\.onnx is not the S3 .* 25 Hz: .*\[\(1,\), \(2,\)\]"):
        semantic_weights(path)


def test_another_network_is_refused(tmp_path):
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, 1, [1]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "relu.onnx")
    with pytest.raises(SetupError, match="is not the S3 tokenizer"):
        semantic_weights(tmp_path / "relu.onnx")


# Empty, text, a graph of five bytes that are not there, and a file that was cut off.
@pytest.mark.parametrize("content", [b"", b"no protobuf at all", b"\x3a\x05", None])
def test_what_is_no_onnx_file_is_refused(tmp_path, released, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(released.read_bytes()[:-1000] if content is None else content)
    with pytest.raises(SetupError, match=r"broken\.onnx is not a complete ONNX file"):
        semantic_weights(path)
    with pytest.raises(SetupError, match="No such file"):
        semantic_weights(tmp_path / "absent.onnx")


def test_pieces_of_30_s_without_overlap():
    pieces = []

    def network(mel: torch.Tensor) -> torch.Tensor:
        pieces.append(mel.shape[1])
        return torch.full((-(-mel.shape[1] // 4),), len(pieces))

    codes = semantic_codes(torch.randn(480_000 + 4_320), network)
    assert pieces == [3000, 27]
    assert codes.tolist() == [1] * 750 + [2] * 7
    semantic_codes(torch.randn(480_000 + 479), network)
    assert pieces[2:] == [3000]


def test_a_network_of_another_rate_is_found_out():
    with pytest.raises(GreenroomError, match=r"made 50 codes of 1\.00 s; it must make 25"):
        semantic_codes(torch.randn(16_000), lambda mel: torch.zeros(mel.shape[1] // 2))
