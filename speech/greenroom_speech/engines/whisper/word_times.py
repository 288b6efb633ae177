"""When each word was said: openai-whisper aligns them by the decoder's attention to the sound."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from whisper.audio import FRAMES_PER_SECOND, HOP_LENGTH, SAMPLE_RATE
from whisper.model import Whisper
from whisper.timing import add_word_timestamps
from whisper.tokenizer import Tokenizer

from greenroom_speech.engines.times import Timed


def words_of_window(
    model: Whisper,
    tokenizer: Tokenizer,
    tokens: list[int],
    features: Tensor,
    seek: int,
    frames: int,
    before: Sequence[Timed],
) -> list[Timed]:
    """The words of the tokens that were heard in so many frames from frame `seek` on.

    `before` are the words of earlier windows, `features` (positions, width) those of this one.
    """
    begin = seek * HOP_LENGTH / SAMPLE_RATE
    end = begin + frames / FRAMES_PER_SECOND
    window: dict[str, Any] = {"seek": seek, "tokens": tokens, "start": begin, "end": end}
    add_word_timestamps(
        segments=[window],
        model=_Encoded(model),
        tokenizer=tokenizer,
        mel=features,
        num_frames=frames,
        last_speech_timestamp=before[-1].end if before else 0.0,
    )
    return [Timed(word["word"], word["start"], word["end"]) for word in window["words"]]


class _Encoded:
    """What whisper's alignment asks of a model; the window has been encoded already."""

    def __init__(self, model: Whisper) -> None:
        self.dims, self.decoder, self.device = model.dims, model.decoder, model.device
        self.alignment_heads = model.alignment_heads

    def __call__(self, features: Tensor, tokens: Tensor) -> Tensor:
        logits: Tensor = self.decoder(tokens, features)
        return logits
