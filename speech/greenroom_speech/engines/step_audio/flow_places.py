"""Where the flow remembers streams: as many at once as there is room for."""

from dataclasses import dataclass

import torch

from greenroom_speech.engines.step_audio.vocoder.flow import VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.flow_stream import FlowStream
from greenroom_speech.engines.step_audio.vocoder.vocoder import Vocoder


@dataclass(eq=False)
class FlowPlace:
    """One place, and the flow that remembers in it, or did last."""

    states: torch.Tensor
    flow: FlowStream | None = None
    voice: bytes = b""
    taken: bool = False


class FlowPlaces:
    """A stream takes a place with its first sound and keeps it to its end."""

    def __init__(self, vocoder: Vocoder, states: torch.Tensor, shared: bool) -> None:
        """``states`` (places, ...) are of the vocoder's ``memory_shape`` each.

        ``shared``: utterances of a voice begin after one set-up, where it is still remembered.
        """
        self._vocoder, self._shared = vocoder, shared
        self._places = [FlowPlace(place) for place in states]

    def take(self, voice: bytes) -> FlowPlace | None:
        """A free place, where it can be one that remembers the voice; None: all are taken."""
        free = [place for place in self._places if not place.taken]
        if not free:
            return None
        place = max(free, key=lambda place: (place.voice == voice, place.flow is None))
        place.taken = True
        return place

    def flow(self, place: FlowPlace, voice: bytes, prompt: VoicePrompt) -> FlowStream:
        """For the next utterance in this place; it need not be set up again."""
        known = self._shared and place.voice == voice
        if known and place.flow is not None and place.flow.is_set_up:
            place.flow.rewind()
        else:
            place.flow = self._vocoder.flow_stream(prompt, place.states)
            place.voice = voice
        return place.flow

    def give_back(self, place: FlowPlace) -> None:
        """Let others have it."""
        place.taken = False

    def forget(self) -> None:
        """The memory has left the device."""
        for place in self._places:
            place.flow, place.voice = None, b""
