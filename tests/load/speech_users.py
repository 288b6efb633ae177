"""Users of the speech models, one kind for each protocol of the gateway."""

import io
import random
from functools import cache

import numpy as np
import soundfile
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from load_tally import AUDIO_SECONDS
from load_user import PATIENCE, LoadUser, authorization
from locust import FastHttpUser
from speech_requests import inputs

from greenroom_speech.voices import voice

ENSEMBLE = "speech"
VOICES = ("clara", "henry")
TEXTS = (
    "Good evening, and welcome.",
    "The train leaves at nine.",
    "Please take a seat near the window.",
)
SHORTEST = 0.3
"""Seconds; a shorter answer to these texts is none."""


@cache
def recording(name):
    """Return the samples [1, n] and the rate of a bundled voice."""
    samples, rate = soundfile.read(voice(name).path, dtype="float32")
    return samples[None], rate


def tensors(module, **more):
    """Return the inputs of a clone request for tritonclient.http or .grpc."""
    name = random.choice(VOICES)
    samples, rate = recording(name)
    given = {"AUDIO": samples, "SAMPLE_RATE": rate, "TRANSCRIPT": voice(name).transcript}
    return inputs(module, **given, TEXT=random.choice(TEXTS))


def seconds_of(result):
    """Return the seconds of a waveform; an error if it is too short to be speech."""
    return checked(result.as_numpy("WAVEFORM").size / result.as_numpy("WAVEFORM_RATE").item())


def checked(seconds):
    """Return the seconds unless they are too few to be speech."""
    if not np.isfinite(seconds) or seconds < SHORTEST:
        raise ValueError(f"the answer has {seconds:g} s of sound, at least {SHORTEST} are expected")
    return seconds


class KServeHttp(LoadUser):
    """KServe v2 over HTTP, with binary tensors, by an unmodified tritonclient."""

    def on_start(self):
        self.triton = triton_http.InferenceServerClient(
            self.address, connection_timeout=PATIENCE, network_timeout=PATIENCE
        )

    def on_stop(self):
        self.triton.close()

    def ask(self):
        given = tensors(triton_http)
        self.measured(
            "KServe HTTP",
            ENSEMBLE,
            lambda: seconds_of(self.triton.infer(ENSEMBLE, given, headers=authorization())),
        )


class KServeGrpc(LoadUser):
    """KServe v2 over gRPC, likewise."""

    def on_start(self):
        self.triton = triton_grpc.InferenceServerClient(self.grpc_address)

    def on_stop(self):
        self.triton.close()

    def ask(self):
        given = tensors(triton_grpc)
        self.measured(
            "KServe gRPC",
            ENSEMBLE,
            lambda: seconds_of(
                self.triton.infer(ENSEMBLE, given, headers=authorization(), client_timeout=PATIENCE)
            ),
        )


class SpeechApi(LoadUser, FastHttpUser):
    """OpenAI's speech endpoint, with bundled voices."""

    network_timeout = connection_timeout = PATIENCE
    default_headers = authorization()

    def ask(self):
        wanted = {"model": ENSEMBLE, "voice": random.choice(VOICES), "input": random.choice(TEXTS)}
        with self.client.post(
            "/v1/audio/speech", json={**wanted, "response_format": "wav"}, catch_response=True
        ) as answer:
            if answer.status_code == 200:
                sound = soundfile.info(io.BytesIO(answer.content))
                answer.request_meta["context"][AUDIO_SECONDS] = checked(sound.duration)
            else:
                answer.failure(f"status {answer.status_code}: {answer.text or answer.error}")
