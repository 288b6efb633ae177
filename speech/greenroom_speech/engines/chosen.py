"""Which engines the models of speech run, why, and whether they fit together."""

from collections.abc import Mapping
from dataclasses import dataclass

from greenroom.errors import SetupError
from greenroom.managed.engine_choice import engine_name, lacking
from greenroom_speech.engines.engine_tags import tags_of


@dataclass(frozen=True)
class Chosen:
    """The engine of one model."""

    engine: str
    lacks: tuple[str, ...]
    """Packages that it needs and that are not installed."""
    better: str
    """The engine that the model's config prefers."""
    better_lacks: tuple[str, ...]
    """What that one needs."""


def chosen(model: str, parameters: Mapping[str, str]) -> Chosen:
    """``parameters`` are those of the model's config. SetupError for an engine there is not."""
    engine = engine_name(model, parameters)
    better = parameters.get("engine", engine).partition(",")[0].strip()
    return Chosen(engine, lacking(model, engine), better, lacking(model, better))


def check_fit(tokenizer: str, tts: str) -> None:
    """SetupError where the engine of tts takes the features of another engine of tokenizer."""
    wanted = tags_of("tts", tts).tokenizer
    if wanted not in ("", tokenizer):
        raise SetupError(
            f"The engine of tts is {tts!r} and that of tokenizer {tokenizer!r}; it must be "
            f"{wanted!r}. GREENROOM_ENGINES chooses engines that fit, for all models together."
        )
