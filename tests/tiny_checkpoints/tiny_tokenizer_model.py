"""A small tokenizer.model of the released kind: Unigram, byte fallback, the special pieces."""

import io
import random
from functools import cache

import sentencepiece

AUDIO_PIECES = 5120
_WORDS = (
    "I had a quiet day at the office. Make the following audio more happy. Remove any noise from "
    "the given audio while preserving the voice content clearly. The text corresponding to the "
    "audio is: Generate audio with the following timbre, prosody and speaking style, speaker name "
    "speaker prompt text. system human assistant speaker audio tokens. hello world, naive cafe. "
    "今天天气很好。 你好，世界！ 他过去了。 我们去耍哈。 [Sigh] [Laughter] guo4"
)


@cache
def tokenizer_model() -> bytes:
    """The file's content, trained once a process; <audio_0> has the first id after four others."""
    draw = random.Random(1)
    sentences = (" ".join(draw.choices(_WORDS.split(), k=12)) for _ in range(600))
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sentences,
        model_writer=out,
        model_type="unigram",
        vocab_size=AUDIO_PIECES + 600,
        hard_vocab_limit=False,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        control_symbols=["<|EOT|>", "<|BOT|>"],
        user_defined_symbols=["<tool>", *(f"<audio_{n}>" for n in range(AUDIO_PIECES))],
        minloglevel=2,
    )
    return out.getvalue()
