"""Users who listen while speech is made."""

import random
import time

import httpx
import numpy as np
from load_tally import AUDIO_SECONDS, FIRST_SOUND
from load_user import PATIENCE, LoadUser, authorization
from speech_users import ENSEMBLE, TEXTS, VOICES, checked

AUDIBLE = 10 ** (-50 / 20)
RATE = 24_000


class Listener(LoadUser):
    """OpenAI's speech endpoint as it is made; a new text each time."""

    def on_start(self):
        self.web = httpx.Client(base_url=self.host, headers=authorization(), timeout=PATIENCE)

    def on_stop(self):
        self.web.close()

    def ask(self):
        with self.environment.events.request.measure("POST", "/v1/audio/speech") as event:
            event["context"] |= self._heard()

    def _heard(self):
        text = f"Number {random.randrange(10**6)}. {' '.join(random.sample(TEXTS, 2))}"
        asked = {"model": ENSEMBLE, "voice": random.choice(VOICES), "input": text}
        begin, sound, first = time.monotonic(), b"", None
        with self.web.stream(
            "POST", "/v1/audio/speech", json={**asked, "response_format": "pcm"}
        ) as answer:
            if answer.status_code != 200:
                raise ValueError(f"status {answer.status_code}: {answer.read().decode()}")
            for part in answer.iter_raw():
                sound += part
                if first is None and _audible(sound):
                    first = time.monotonic() - begin
        return {AUDIO_SECONDS: checked(len(sound) / 2 / RATE), FIRST_SOUND: first}


def _audible(sound):
    samples = np.frombuffer(sound[: len(sound) // 2 * 2], "<i2")
    return bool(np.any(np.abs(samples.astype(np.int32)) > AUDIBLE * 32768))
