"""How an ensemble is wired, read from its config; a model by itself is a graph of one step."""

from collections.abc import Mapping
from dataclasses import dataclass

from tritonclient.grpc import model_config_pb2

from greenroom.errors import SetupError
from greenroom.managed.stream_order import STREAM_INPUT, STREAM_OUTPUT
from greenroom.residency.control import REPORT_OUTPUT, RESIDENCY_INPUT
from greenroom.triton.repository import ModelSpec

OWN_TENSORS = frozenset({RESIDENCY_INPUT, REPORT_OUTPUT, STREAM_INPUT, STREAM_OUTPUT})
"""What is between Greenroom and its models; no client sees them."""


@dataclass(frozen=True)
class Step:
    """One model's part. Tensors of the graph have names of their own."""

    model: str
    version: str
    """Empty: the latest."""
    inputs: Mapping[str, str]
    """The graph's tensor by the model's input."""
    outputs: Mapping[str, str]
    """The graph's tensor by the model's output."""


@dataclass(frozen=True)
class Graph:
    """Steps in an order in which each finds its inputs; its tensors' names by their direction."""

    steps: tuple[Step, ...]
    inputs: tuple[str, ...]
    required: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def made_early(self) -> frozenset[str]:
        """Outputs that a step before the last one makes."""
        return frozenset(self.outputs).difference(self.last.outputs.values())

    @property
    def last(self) -> Step:
        return self.steps[-1]


def pulled(spec: ModelSpec) -> bool:
    """It works in steps and gives its answers to who pulls them."""
    return spec.works_in_steps and any(one.name == STREAM_INPUT for one in spec.config.input)


def graph_of(spec: ModelSpec) -> Graph:
    """Raises SetupError for steps that wait for each other."""
    model, config = spec.name, spec.known_config or spec.config
    inputs = [one for one in config.input if one.name not in OWN_TENSORS]
    outputs = tuple(one.name for one in config.output if one.name not in OWN_TENSORS)
    names = tuple(one.name for one in inputs)
    required = tuple(one.name for one in inputs if not one.optional)
    if config.HasField("ensemble_scheduling"):
        steps = _ordered(model, [_step(one) for one in config.ensemble_scheduling.step])
    else:
        steps = (Step(model, "", {name: name for name in names}, {one: one for one in outputs}),)
    return Graph(steps, names, required, outputs)


def _step(config: model_config_pb2.ModelEnsembling.Step) -> Step:
    version = str(config.model_version) if config.model_version > 0 else ""
    return Step(config.model_name, version, dict(config.input_map), dict(config.output_map))


def _ordered(model: str, pending: list[Step]) -> tuple[Step, ...]:
    found: list[Step] = []
    while pending:
        made = {name for step in pending for name in step.outputs.values()}
        ready = [step for step in pending if made.isdisjoint(step.inputs.values())]
        if not ready:
            raise SetupError(f"The steps of ensemble {model!r} wait for each other's tensors.")
        found.append(ready[0])
        pending.remove(ready[0])
    return tuple(found)
