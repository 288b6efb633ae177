"""Requests to the engine `step-audio-editx`, and running them to their end."""

import numpy as np

from greenroom.errors import InvalidInput

RATE = 24000


def prompt(groups=25, seed=0):
    draw = np.random.default_rng(seed)
    linguistic = 65536 + draw.integers(0, 1024, (groups, 2))
    semantic = 66560 + draw.integers(0, 4096, (groups, 3))
    return {
        "PROMPT_TOKENS": np.hstack([linguistic, semantic]).reshape(-1).astype(np.int32),
        "SPEECH_FEATURES": draw.normal(size=(6 * groups, 80)).astype(np.float32),
        "SPEAKER_EMBEDDING": draw.normal(size=192).astype(np.float32),
        "TRANSCRIPT": words("hello world"),
    }


def words(*values):
    return np.array(values, dtype=np.object_)


def clone(text, seed=0, **more):
    given = {name: words(*value) for name, value in more.items()}
    return prompt(seed=seed) | {"TEXT": words(text), "SEED": np.array([seed])} | given


def run(engine, requests, whole=True):
    """Let all be made beside each other; return their answers or errors, and their pieces."""
    rows, taken = [], []
    for request in requests:
        try:
            rows.append(engine.begin(request, whole))
        except InvalidInput as error:
            rows.append(error)
        taken.append([])
    while going := [row for row in rows if not (isinstance(row, Exception) or row.done)]:
        engine.step(going)
        for row, pieces in zip(rows, taken, strict=True):
            if row in going and row.error is not None:
                rows[rows.index(row)] = row.error
                engine.end(row)
            elif row in going and row.ready:
                pieces.append(row.take(whole=row.done).tensors)
                if row.done:
                    engine.end(row)
    return [
        row if isinstance(row, Exception) else pieces
        for row, pieces in zip(rows, taken, strict=True)
    ]


def together(engine, requests):
    """Return the one piece of each whole answer, or its error."""
    answers = run(engine, requests)
    return [answer if isinstance(answer, Exception) else answer[0] for answer in answers]


def wave(engine, request):
    [answer] = together(engine, [request])
    if isinstance(answer, Exception):
        raise answer
    assert answer["WAVEFORM_RATE"].tolist() == [RATE]
    return answer["WAVEFORM"]
