"""From audio codes to a waveform: a flow over mel frames (25 Hz pairs to 50 Hz) and HiFT (24 kHz).

``Vocoder`` makes a whole utterance, ``SpeechStream`` the same voice chunk by chunk, both in pieces
of work between which something else can be done.
"""
