"""The library that reads and writes audio files; the extra ``speech`` brings it."""

from importlib.util import find_spec
from typing import Any

from greenroom_client.errors import MissingExtra

installed = find_spec("soundfile") is not None


def soundfile() -> Any:
    """Import it. Raises MissingExtra."""
    if not installed:
        raise MissingExtra(
            "audio files cannot be read or written without soundfile; "
            "install it with: pip install 'greenroom-client[speech]'"
        )
    import soundfile

    return soundfile
