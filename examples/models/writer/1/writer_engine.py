"""A language model of Hugging Face transformers, made managed."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from greenroom.managed.arena import ArenaEngine
from greenroom.managed.engine import Tensors, text

CHECKPOINT = Path(__file__).parent / "checkpoint"
NEW_TOKENS = 24


class WriterEngine(ArenaEngine):
    """Continues ``TEXT`` greedily, so that the same text is always continued the same way."""

    name = "writer"

    def __init__(self, settings: object) -> None:
        local = {"local_files_only": True, "trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT, **local)
        self.model = AutoModelForCausalLM.from_pretrained(
            CHECKPOINT, use_safetensors=True, dtype="auto", **local
        )
        super().__init__(self.model)  # from here on the weights are in the arena

    def answer(self, request: Tensors) -> Tensors:
        """Return ``CONTINUATION``."""
        given = self.tokenizer(request["TEXT"][0], return_tensors="pt").to(self.arena.device)
        with torch.inference_mode():
            tokens = self.model.generate(**given, do_sample=False, max_new_tokens=NEW_TOKENS)
        new = tokens[0, given["input_ids"].shape[1] :]
        return {"CONTINUATION": text(self.tokenizer.decode(new, skip_special_tokens=True))}

    def prime(self) -> None:
        """Run once, so that the first request is as fast as the second."""
        self.answer({"TEXT": text("Good evening")})
