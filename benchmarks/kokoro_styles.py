"""Make engines/kokoro/styles.npz from the official tables of Kokoro's voices.

Usage: ``npm pack kokoro-js@1.2.1``, unpack it, then
``python benchmarks/kokoro_styles.py package/voices``. It takes some minutes: each voice speaks, and
whose voice it is and how high are measured.
"""

import argparse
from importlib.resources import as_file
from pathlib import Path

import numpy as np
from rich.progress import track

from greenroom_speech.engines.embedded.base_texts import BASE_TEXTS
from greenroom_speech.engines.kokoro import english
from greenroom_speech.engines.kokoro.embedder import Embedder
from greenroom_speech.engines.kokoro.network import RATE, Kokoro
from greenroom_speech.engines.kokoro.phrases import phrases
from greenroom_speech.engines.kokoro.pitched_graph import VOICED_HERTZ
from greenroom_speech.engines.kokoro.styles import FILE, ROWS
from greenroom_speech.settings import EngineSettings

TABLE_ROWS = 510


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the styles of Kokoro's voices.")
    parser.add_argument("folder", type=Path, help="folder with one .bin file for each voice")
    paths = sorted(parser.parse_args().folder.glob("*.bin"))
    tables = [np.fromfile(path, np.float32).reshape(TABLE_ROWS, 256) for path in paths]
    models = EngineSettings().models
    network, embedder = Kokoro(models, 2), Embedder(models)
    said = phrases(english.phonemes(BASE_TEXTS["en"]))[:2]
    embeddings, log_f0 = [], []
    for table in track(tables, "Voices"):
        spoken = [network.say(phrase.ids, table[len(phrase.ids)]) for phrase in said]
        wave, curve = (np.concatenate(parts) for parts in zip(*spoken, strict=True))
        embeddings.append(embedder.embedding(wave, RATE))
        log_f0.append(np.log(np.median(curve[curve > VOICED_HERTZ])))
    kept = np.stack(tables)[:, ROWS].astype(np.float16)
    with as_file(FILE) as file:
        np.savez(
            file,
            names=np.array([path.stem for path in paths]),
            rows=ROWS.astype(np.int16),
            table=kept,
            embeddings=np.array(embeddings, np.float16),
            log_f0=np.array(log_f0, np.float32),
        )
        print(f"{len(paths)} voices, error {error(tables, kept):.4f}, {file.stat().st_size} bytes")


def error(tables: list[np.ndarray], kept: np.ndarray) -> float:
    """Return the relative error of all rows between those that are kept."""
    places = np.arange(TABLE_ROWS)
    off = total = 0.0
    for table, rows in zip(tables, kept.astype(np.float32), strict=True):
        back = np.stack([np.interp(places, ROWS, rows[:, one]) for one in range(256)], axis=1)
        off += float(np.sum((back - table) ** 2))
        total += float(np.sum(table**2))
    return (off / total) ** 0.5


if __name__ == "__main__":
    main()
