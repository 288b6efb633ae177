"""The key of Triton's repository API, which only Greenroom may use."""

import re
import secrets

from greenroom.create_once import drawn_once
from greenroom.runtime_folder import runtime_folder
from greenroom.settings import Settings

HTTP_HEADER = "greenroom-key"
RESTRICTED_PREFIX = "triton-grpc-protocol-"
"""How the names of gRPC metadata begin that carry a key of Triton's."""
GRPC_METADATA = f"{RESTRICTED_PREFIX}{HTTP_HEADER}"
_FORM = re.compile(r"[\w-]{43}", re.ASCII)


def triton_key(settings: Settings) -> str:
    """The configured key, else the one created in the runtime folder, mode 0600.

    Every process of the service gets the same one.
    """
    if settings.triton_key:
        return settings.triton_key.get_secret_value()
    return drawn_once(runtime_folder(settings) / "triton.key", _FORM, secrets.token_urlsafe)
