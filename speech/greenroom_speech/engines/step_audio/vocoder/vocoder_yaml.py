"""``cosyvoice.yaml`` read as plain data: its tags name Python objects, which are never made."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.vocoder.sizes import Sizes, VocoderSizes


class _PlainLoader(yaml.SafeLoader):
    """Any tag that is not YAML's own stands for the mapping, list or text that it marks."""


def _plain(loader: _PlainLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_PlainLoader.add_multi_constructor("", _plain)


def vocoder_sizes(path: Path) -> VocoderSizes:
    """The sizes in the file; what it does not say is as in the released model.

    SetupError where the file is missing, is no YAML mapping, or has a size that is none.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _PlainLoader)
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise SetupError(
            f"{path} is not YAML; it must be the checkpoint's cosyvoice.yaml."
        ) from None
    if not isinstance(content, dict):
        raise SetupError(f"{path} is a {type(content).__name__}; it must be a YAML mapping.")
    try:
        return VocoderSizes.model_validate(_given(VocoderSizes, content))
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(map(str, wrong["loc"]))
        raise SetupError(f"{path} has {wrong['input']!r} as {where}: {wrong['msg']}.") from None


def _given(sizes: type[Sizes], content: dict[str, Any]) -> dict[str, Any]:
    """What the file says of these sizes; they may lie in mappings between, as a decoder's.

    What lies in a part with sizes of its own belongs to that part alone.
    """
    parts = {
        name: field.annotation
        for name, field in sizes.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Sizes)
    }
    found: dict[str, Any] = {}
    mappings = [content]
    for mapping in mappings:
        for name, value in mapping.items():
            if name in parts and isinstance(value, dict):
                found.setdefault(name, _given(parts[name], value))
            elif name in sizes.model_fields:
                found.setdefault(name, value)
            elif isinstance(value, dict):
                mappings.append(value)
    return found
