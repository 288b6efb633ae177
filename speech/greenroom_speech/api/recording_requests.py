"""Requests that change a recording, or prepare it as a reference."""

from typing import Annotated, Literal

from pydantic import Field

from greenroom.plugin import Array
from greenroom_speech.api.formats import Format
from greenroom_speech.api.request_fields import File, NonEmpty, Seed, StrictRequest, Task, Times
from greenroom_speech.api.tensor_fields import TensorField, text


class EditRequest(StrictRequest):
    """A recording and what to change of it."""

    file: File = Field(description="The audio file.")
    task: Task
    task_info: str = Field("", description="Detail of the task, such as happy; see /v1/tags.")
    n_edits: Times = 1
    chain: Literal["codes", "afresh"] = Field(
        "codes",
        description="What each further edit starts from. codes: the audio codes of the "
        "edit before, "
        "which keeps the voice. afresh: its audio, analysed again, which makes an effect stronger.",
    )
    text: Annotated[NonEmpty | None, TensorField("TEXT")] = Field(
        None, description="The new text, for tasks that change the words."
    )
    transcript: NonEmpty | None = Field(
        None,
        description="What the file says. If not given, it is recognised; denoise and vad need "
        "none.",
    )
    language: Annotated[str | None, TensorField("LANGUAGE")] = None
    seed: Annotated[Seed | None, TensorField("SEED")] = None
    response_format: Format = "wav"

    def tasks(self) -> dict[str, Array]:
        """The tensors TASK and TASK_INFO of one request to the model."""
        times = 1 if self.chain == "afresh" else self.n_edits
        return {
            "TASK": text(*[self.task] * times),
            "TASK_INFO": text(*[self.task_info] * times),
        }


class AnalysisRequest(StrictRequest):
    """A recording that will be used as a reference."""

    file: File = Field(description="The audio file, with the same bytes as in the later request.")
