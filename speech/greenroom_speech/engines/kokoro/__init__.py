"""The engines ``kokoro`` of ``tts`` and ``tokenizer``: a neural voice from ordinary packages.

The way of a text::

    text -> english | mandarin -> phonemes -> phrases of at most 60
        style: one voice, a blend, or the mix that comes nearest to a reference
        -> Kokoro-82M (int8, onnxruntime), its pitch set inside the graph -> 24 kHz
        -> for a reference that WORLD brings nearer: its spectra

What others publish is read as data and checked by its sha256 (``package_files``).
"""
