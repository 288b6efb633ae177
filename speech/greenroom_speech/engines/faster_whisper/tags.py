"""What the engine faster-whisper can be asked for."""

from greenroom_speech.engines.engine_tags import EngineTags

TAGS = EngineTags(prompted=True)
