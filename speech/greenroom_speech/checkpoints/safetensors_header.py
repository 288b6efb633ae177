"""What a safetensors file says of itself, read without torch and without its tensors.

https://huggingface.co/docs/safetensors: 8 bytes length, a JSON header, the tensors' bytes.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAX_BYTES = 100 * 2**20
"""The bound that the format itself sets."""


def read_header(path: Path) -> tuple[int, Mapping[str, Any]]:
    """Where the tensors' bytes begin, and the description of each by its name.

    Raises OSError, and ValueError if the file is not whole.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(path.stat().st_size, MAX_BYTES):
            raise ValueError(f"{path} is cut off, or not a safetensors file")
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError(f"{path} has a header that is not a JSON object")
    return 8 + length, {name: entry for name, entry in header.items() if name[:2] != "__"}
