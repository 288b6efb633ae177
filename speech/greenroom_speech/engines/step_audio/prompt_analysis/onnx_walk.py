"""Ways through the graph of an ONNX file."""

from collections.abc import Set

from greenroom_speech.engines.step_audio.prompt_analysis.onnx_file import Array, Node, OnnxGraph

_HANDED_ON = ("Identity", "Cast", "Slice", "Gather", "Unsqueeze")
"""Operations on a constant that leave it to be recognised: of a table of positions a part is
taken, at a length that only a run knows."""


class OnnxWalk:
    """Answers where a tensor comes from and where it goes."""

    def __init__(self, graph: OnnxGraph) -> None:
        self.nodes = graph.nodes
        self._constants = graph.constants
        self._maker = {name: node for node in graph.nodes for name in node.outputs}

    def of_kind(self, kind: str) -> list[Node]:
        """In their order in the file."""
        return [node for node in self.nodes if node.kind == kind]

    def constant(self, name: str) -> Array | None:
        """The constant that a tensor is or is made of; None if it depends on the input."""
        if name in self._constants:
            return self._constants[name]
        maker = self._maker.get(name)
        if maker is None or maker.kind not in (*_HANDED_ON, "Transpose"):
            return None
        value = self.constant(maker.inputs[0])
        if value is None or maker.kind != "Transpose":
            return value
        return value.transpose(maker.integers.get("perm"))

    def operand(self, node: Node, dimensions: int) -> Array | None:
        """The constant of so many dimensions that an operation of two has; None if it has none."""
        values = [self.constant(name) for name in node.inputs]
        return next((v for v in values if v is not None and v.ndim == dimensions), None)

    def users(self, node: Node, kind: str) -> list[Node]:
        """The operations of a kind that take what a node makes."""
        return [user for user in self.of_kind(kind) if set(node.outputs) & set(user.inputs)]

    def origins(self, name: str, ends: Set[str]) -> set[str]:
        """Which of the tensors ``ends`` another is made of; its shape alone does not count."""
        found, pending, seen = set[str](), [name], set[str]()
        while pending:
            tensor = pending.pop()
            maker = self._maker.get(tensor)
            if tensor in ends:
                found.add(tensor)
            elif tensor not in seen and maker is not None and maker.kind != "Shape":
                pending += maker.inputs
            seen.add(tensor)
        return found
