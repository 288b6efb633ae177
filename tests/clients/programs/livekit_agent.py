"""What a LiveKit agent does with its OpenAI plug-in: speak, and recognise, with its defaults."""

import asyncio
import json
import sys

from livekit.agents import utils
from livekit.plugins import openai


async def main(url: str, words: str) -> None:
    async with utils.http_context.open():
        frames = []
        for model in ("tts-1", "gpt-4o-mini-tts"):  # events, and the audio itself
            tts = openai.TTS(base_url=f"{url}/v1", api_key="none", model=model)
            frames = [event.frame async for event in tts.synthesize(words)]
        stt = openai.STT(base_url=f"{url}/v1", api_key="none", model="whisper-1")
        heard = await stt.recognize(frames)
    print(json.dumps({"chunks": len(frames), "heard": heard.alternatives[0].text}))


asyncio.run(main(*sys.argv[1:]))
