"""KServe v2 binary tensors, by tritonclient's own codec."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput, InferResult
from tritonclient.utils import np_to_triton_dtype

from greenroom_client.errors import ServerError

HEADER_LENGTH = "Inference-Header-Content-Length"


def encode(
    inputs: Mapping[str, npt.NDArray[Any]], outputs: Sequence[str]
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of an infer request; the batch dimension is added here."""
    body, json_length = InferenceServerClient.generate_request_body(
        [_input(name, array[np.newaxis]) for name, array in inputs.items()],
        outputs=[InferRequestedOutput(name, binary_data=True) for name in outputs],
    )
    return body, {
        "Content-Type": "application/octet-stream",
        HEADER_LENGTH: str(json_length),
    }


@dataclass(frozen=True)
class Outputs:
    """The outputs of an infer answer, batch dimension removed.

    Whatever is wrong with them is a ServerError.
    """

    result: InferResult

    @classmethod
    def decode(cls, body: bytes, header_length: str | None) -> "Outputs":
        """Read the body of an answer; ``header_length`` is the value of HEADER_LENGTH."""
        try:
            length = None if header_length is None else int(header_length)
            return cls(InferenceServerClient.parse_response_body(body, header_length=length))
        # The codec trips over foreign bytes in many ways: json, key, type and index errors.
        except Exception:
            raise ServerError(
                "the server's answer is not an inference response; is this a Greenroom server?"
            ) from None

    def samples(self, name: str) -> npt.NDArray[np.float32]:
        """A float32 output of shape [n]."""
        array = self._row(name)
        if array.dtype != np.float32 or array.ndim != 1:
            raise _unreadable(name)
        return array

    def rate(self, name: str) -> int:
        """An integer output of shape [1], a number of Hz."""
        if (found := self.whole_number(name)) < 1:
            raise _unreadable(name)
        return found

    def whole_number(self, name: str) -> int:
        """An integer output of shape [1]."""
        array = self._row(name)
        if not np.issubdtype(array.dtype, np.integer) or array.shape != (1,):
            raise _unreadable(name)
        return int(array[0])

    def text(self, name: str) -> str:
        """A string output of shape [1]."""
        array = self._row(name)
        if array.dtype != np.object_ or array.shape != (1,):
            raise _unreadable(name)
        item = array[0]
        return item.decode(errors="replace") if isinstance(item, bytes) else str(item)

    def _row(self, name: str) -> npt.NDArray[Any]:
        try:
            row: npt.NDArray[Any] = np.asarray(self.result.as_numpy(name)[0])
        except Exception:
            raise _unreadable(name) from None
        return row


def _input(name: str, array: npt.NDArray[Any]) -> InferInput:
    tensor = InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    return tensor.set_data_from_numpy(array)


def _unreadable(name: str) -> ServerError:
    return ServerError(f"the server's answer has no readable output {name}.")
