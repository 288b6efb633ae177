"""The weights of the semantic network, found in its ONNX file by what is done with them.

The names in such a file depend on the exporter, so none is relied on. Operations come in an
order in which they can run, and all parts of the network but query, key and value wait for one
another: the n-th normalisation is the n-th of the network. Which of the three a matrix is shows
in the attention, whose two products are query times key and the result of that times value.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.prompt_analysis.onnx_file import Array, Node, read_graph
from greenroom_speech.engines.step_audio.prompt_analysis.onnx_walk import OnnxWalk
from greenroom_speech.engines.step_audio.prompt_analysis.semantic_network import HEAD, SemanticShape

Weights = dict[str, Array | None]
"""Weights by the names of ``SemanticNetwork``; None where the file has no bias."""

NORMS, PRODUCTS, MIXTURES = 2, 6, 2
"""Normalisations, products by weights and products of two computed matrices in one block."""


def semantic_weights(path: Path) -> tuple[SemanticShape, dict[str, Tensor]]:
    """The sizes and the weights, named as ``SemanticNetwork`` names them.

    The weights are views of the mapped file. SetupError when the file is not of this network.
    """
    walk = OnnxWalk(read_graph(path))
    try:
        found = _blocks(walk) | _outer(walk)
        shape = _shape(found)
    except _OtherNetwork as other:
        raise SetupError(f"{path} is not the S3 tokenizer v1 at 25 Hz: {other}.") from None
    return shape, {name: torch.from_numpy(a) for name, a in found.items() if a is not None}


class _OtherNetwork(Exception):
    """What is different."""


def _outer(walk: OnnxWalk) -> Weights:
    """What is before and after the blocks."""
    convolutions = walk.of_kind("Conv")
    strides = [node.integers.get("strides") for node in convolutions]
    if strides != [(2,), (2,)]:
        raise _OtherNetwork(f"its convolutions have the strides {strides}, not 2 and 2")
    found: Weights = {}
    for number, node in enumerate(convolutions, 1):
        for name, made_of in zip(("weight", "bias"), node.inputs[1:], strict=False):
            found[f"conv{number}.{name}"] = walk.constant(made_of)
    tables = [table for node in walk.of_kind("Add") if (table := walk.operand(node, 2)) is not None]
    if not tables:
        raise _OtherNetwork("it adds no table of positions")
    # What the file adds after that are the squares of the codebook, if they are stored.
    codebook, _ = _product(walk, _products(walk, weighted=True)[-1])
    return found | {"positions": tables[0], "codebook": codebook}


def _blocks(walk: OnnxWalk) -> Weights:
    norms = [norm for node in walk.nodes if (norm := _norm(walk, node))]
    products, mixtures = _products(walk, weighted=True), _products(walk, weighted=False)
    blocks = max(1, len(walk.of_kind("Softmax")))
    counts = len(norms), len(products), len(mixtures)
    if counts != (NORMS * blocks, PRODUCTS * blocks + 1, MIXTURES * blocks):
        raise _OtherNetwork(
            "it has {} normalisations and {} + {} products".format(*counts)
            + f", which do not make {blocks} blocks"
        )
    found: Weights = {}
    for block in range(blocks):
        own = products[PRODUCTS * block :][:PRODUCTS]
        named = _attention(walk, mixtures[MIXTURES * block :][:MIXTURES], own[:3])
        named |= dict(zip(("out", "widen", "narrow"), own[3:], strict=True))
        pairs = {name: _product(walk, node) for name, node in named.items()}
        pairs["attention_norm"], pairs["perceptron_norm"] = norms[NORMS * block :][:NORMS]
        for name, (weight, bias) in pairs.items():
            found[f"blocks.{block}.{name}.weight"] = weight
            found[f"blocks.{block}.{name}.bias"] = bias
    return found


def _products(walk: OnnxWalk, weighted: bool) -> list[Node]:
    """The matrix products by weights, or those of two computed matrices."""
    nodes = walk.of_kind("MatMul")
    return [n for n in nodes if (walk.constant(n.inputs[1]) is not None) == weighted]


def _product(walk: OnnxWalk, node: Node) -> tuple[Array | None, Array | None]:
    """A product's matrix, and the vector that is added to it."""
    biases = [walk.operand(user, 1) for user in walk.users(node, "Add")]
    return walk.constant(node.inputs[1]), next(iter(biases), None)


def _norm(walk: OnnxWalk, node: Node) -> tuple[Array | None, Array | None] | None:
    """Weight and bias of a normalisation, whole or as its last two operations."""
    if node.kind == "LayerNormalization":
        return walk.constant(node.inputs[1]), walk.constant(node.inputs[2])
    weight = walk.operand(node, 1) if node.kind == "Mul" else None
    if weight is None or weight.size == 1:
        return None
    return next(((weight, walk.operand(user, 1)) for user in walk.users(node, "Add")), None)


def _attention(walk: OnnxWalk, mixtures: Sequence[Node], three: Sequence[Node]) -> dict[str, Node]:
    """Which of three products is query, key and value."""
    made_by = {node.outputs[0]: node for node in three}
    scores, mixed = mixtures
    sides = {"query": scores.inputs[0], "key": scores.inputs[1], "value": mixed.inputs[1]}
    found = {}
    for name, side in sides.items():
        origins = walk.origins(side, made_by.keys())
        if len(origins) != 1:
            raise _OtherNetwork(f"the {name} of an attention comes from {len(origins)} products")
        found[name] = made_by[origins.pop()]
    return found


def _shape(found: Weights) -> SemanticShape:
    sizes = {name: array.shape for name, array in found.items() if array is not None}
    if "conv1.weight" not in sizes:
        raise _OtherNetwork("the filters of its first convolution are computed")
    width, bands = sizes["conv1.weight"][:2]
    if width % HEAD:
        raise _OtherNetwork(
            f"its width of {width} is not a multiple of {HEAD}, the width of a head"
        )
    blocks = sum(name.endswith("query.weight") for name in sizes)
    inner = sizes["blocks.0.widen.weight"][1]
    return SemanticShape(bands, width, blocks, inner, sizes["positions"][0], sizes["codebook"][1])
