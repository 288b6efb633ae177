"""Speech recognition by OpenAI's Whisper, from a local checkpoint.

The network and the decoding of a window are openai-whisper's; loading, precision, the way
through long recordings and the bounds are here. Needs the extra ``production``.
"""
