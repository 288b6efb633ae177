"""The speaker of a recording as one vector, by the released CAM++ network."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.prompt_analysis.kaldi_fbank import fbank, povey_window

THREADS = 2
"""28 MB of weights and seconds of audio need no more."""


class SpeakerNetwork:
    """CAM++ in ONNX Runtime on the CPU, where upstream has it too.

    Its memory is its own (about twice the file); it is not part of the arena.
    """

    def __init__(self, path: Path) -> None:
        """Make the session once; SetupError if the file is not one network of one input."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # No memory kept between requests, and no thread that spins while it has nothing to do.
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
            (self._input,) = (each.name for each in self._session.get_inputs())
        except Exception as error:
            # ONNX Runtime's exceptions have no common class of their own.
            first = str(error).strip().split("\n", 1)[0][:200]
            raise SetupError(
                f"{path} is not a network that ONNX Runtime can run: {first}"
            ) from None

    def embedding(self, wave: Tensor) -> Tensor:
        """The embedding (192,), float32, of a 16 kHz wave (samples,)."""
        energies = fbank(wave, povey_window())
        centred = (energies - energies.mean(0))[None].numpy()
        output = self._session.run(None, {self._input: centred})[0]
        return torch.from_numpy(np.asarray(output, np.float32).reshape(-1))
