"""What a pipecat bot does with its OpenAI services: speak, and recognise, with their defaults."""

import asyncio
import io
import json
import sys
import wave

from pipecat.frames.frames import ErrorFrame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService


async def main(url: str, words: str) -> None:
    tts = OpenAITTSService(api_key="none", base_url=f"{url}/v1")
    tts._sample_rate = 24000  # a StartFrame's, which a whole pipeline would send
    sounds = []
    async for frame in tts.run_tts(words, "context"):
        if isinstance(frame, ErrorFrame):
            raise SystemExit(frame.error)
        if isinstance(frame, TTSAudioRawFrame):
            sounds.append(frame.audio)
    recording = io.BytesIO()
    with wave.open(recording, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24000)
        file.writeframes(b"".join(sounds))
    stt = OpenAISTTService(api_key="none", base_url=f"{url}/v1")
    heard = [
        frame.text
        async for frame in stt.run_stt(recording.getvalue())
        if isinstance(frame, TranscriptionFrame)
    ]
    print(json.dumps({"chunks": len(sounds), "heard": " ".join(heard)}))


asyncio.run(main(*sys.argv[1:]))
