"""Speech whose words have known times: synthesisers tell how long each of their phones lasts."""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np

SENTENCES = (
    "The garden is full of flowers this summer, and the children play there every evening.",
    "He told us about the long train journey. Nobody believed a single word of it!",
    "Please send the second package to the office before noon on Friday.",
    "My brother came home late last night, so we talked until three in the morning.",
)
FRAME = 600
"""Samples of one of Kokoro's frames, at 24 kHz."""
_DURATIONS = "/encoder/Clip_output_0"


def by_kokoro(text, voice="af_heart"):
    """Samples at 24 kHz, and the words with the seconds at which each begins."""
    from greenroom_speech.engines.kokoro.english import phonemes
    from greenroom_speech.engines.kokoro.phrases import Phrase, vocabulary
    from greenroom_speech.engines.kokoro.styles import styles

    said = [one for one in phonemes(text) if one in vocabulary()]
    ids = Phrase("".join(said), 0).ids
    wave, durations = _network().run(
        ["audio", _DURATIONS],
        {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": styles().style({voice: 1.0}, len(ids))[np.newaxis],
            "speed": np.ones(1, np.float32),
        },
    )
    ends = np.cumsum(durations.reshape(-1)) * FRAME / 24_000
    # Phoneme i is the id after the first 0, so it begins where id i ends, less what its sound comes
    # before its frames: three of them, which Kokoro's own times of words leave out as well.
    ends -= 3 * FRAME / 24_000
    begins = [float(ends[i]) for i in range(len(said)) if i == 0 or said[i - 1] == " "]
    words = text.split()
    assert len(begins) == len(words), (said, words)
    return wave.reshape(-1), list(zip(words, begins, strict=True))


def by_flite(text, voice="rms"):
    """Samples at 16 kHz, and the words with the seconds at which each begins."""
    from greenroom_speech.engines.embedded import flite

    samples = flite.speak(text, voice)
    library, handle = flite._library(), flite._voice(voice)
    item = ctypes.c_void_p
    library.flite_synth_text.restype = item
    for name, result, *given in (
        ("utt_relation", item, item, ctypes.c_char_p),
        ("relation_head", item, item),
        ("item_next", item, item),
        ("flite_ffeature_float", ctypes.c_float, item, ctypes.c_char_p),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, given
    spoken = item(library.flite_synth_text(text.encode(), handle))
    first = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
    begins, word = [], library.relation_head(library.utt_relation(spoken, b"Word"))
    while word:
        begins.append(library.flite_ffeature_float(word, first))
        word = library.item_next(word)
    library.delete_utterance(spoken)
    return samples, list(zip(text.split(), begins, strict=True))


def start_errors(known, found):
    """How many seconds each word of `known` begins too early or late in `found`.

    Words that were not recognised are left out; so the two lists need not be equally long.
    """
    from difflib import SequenceMatcher

    said, heard = ([_plain(word) for word, *_ in words] for words in (known, found))
    matched = SequenceMatcher(None, said, heard, autojunk=False).get_matching_blocks()
    return [
        abs(known[block.a + k][1] - found[block.b + k][1])
        for block in matched
        for k in range(block.size)
    ]


def _plain(word):
    return "".join(filter(str.isalnum, word.lower()))


@cache
def _network():
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    from greenroom_speech.engines.kokoro.package_files import KOKORO

    model = onnx.load_model_from_string(bytes(KOKORO.read(Path("nowhere"))))
    model.graph.output.append(helper.make_tensor_value_info(_DURATIONS, TensorProto.FLOAT, None))
    return onnxruntime.InferenceSession(model.SerializeToString())
