"""PyTorch's own files (.pt): tensors, numbers and plain containers of them, never code."""

import re
import zipfile
from pathlib import Path

import torch

from greenroom.errors import SetupError

_REFUSED = re.compile(r"nsupported (?:global: )?GLOBAL (\w+(?:\.\w+)*)")


def read(path: Path) -> object:
    """What a ``.pt`` file holds; its tensors are pages of the file if it is an archive.

    SetupError says whether it is not there, is not whole, or holds objects, which would have to
    be executed. torch's own sentences advise to trust the file, so they are not handed on.
    """
    try:
        # The older form, which is no archive, cannot be mapped.
        mapped = zipfile.is_zipfile(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise SetupError(f"checkpoint {path} cannot be read: {error.strerror}.") from None
    except Exception as error:
        # Unpickling what is no checkpoint can fail in any way.
        refused = _REFUSED.search(str(error))
    if refused:
        raise SetupError(
            f"checkpoint {path} holds {refused[1]}, which is neither a tensor nor a plain "
            "container; it was not executed."
        )
    raise SetupError(
        f"checkpoint {path} is not a complete .pt file: it ends early, or is of another kind."
    )
