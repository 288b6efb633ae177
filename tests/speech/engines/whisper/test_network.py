"""The network: its precision, what it holds, and how long it takes to make."""

import weakref
from collections import Counter

import pytest
import torch
from tiny_checkpoints import tiny_whisper
from torch.utils._python_dispatch import TorchDispatchMode
from whisper.model import LayerNorm, ModelDimensions, Whisper

from greenroom_speech.engines.whisper.network import alignment_heads
from greenroom_speech.engines.whisper.network import network as network_of

LARGE_V3 = ModelDimensions(
    n_mels=128,
    n_audio_ctx=1500,
    n_audio_state=1280,
    n_audio_head=20,
    n_audio_layer=32,
    n_vocab=51_866,
    n_text_ctx=448,
    n_text_state=1280,
    n_text_head=20,
    n_text_layer=32,
)


def test_it_has_the_tensors_of_a_checkpoint():
    for vocabulary in (tiny_whisper.MULTILINGUAL, tiny_whisper.ENGLISH_ONLY):
        dims = tiny_whisper.sizes(vocabulary)
        made, whispers = network_of(dims, torch.float32), Whisper(dims)
        shapes = {name: tensor.shape for name, tensor in made.state_dict().items()}
        assert shapes == {name: tensor.shape for name, tensor in whispers.state_dict().items()}
        assert all(parameter.is_meta for parameter in made.parameters())
        assert torch.equal(made.decoder.mask, whispers.decoder.mask)


def test_released_models_know_their_heads_that_follow_the_sound():
    def heads(name, dims):
        return alignment_heads(dims, name).indices().T.tolist()

    assert len(heads("large-v3", LARGE_V3)) == 10
    later = [[layer, head] for layer in range(16, 32) for head in range(20)]
    assert heads("my.pt", LARGE_V3) == later
    assert heads("tiny", tiny_whisper.sizes()) == [[1, 0], [1, 1]]


@pytest.fixture
def halved(network):
    """Return whisper's own network with weights as its files have them, and ours in half."""
    whispers = Whisper(network.dims).requires_grad_(False)
    stored = {name: tensor.half() for name, tensor in network.state_dict().items()}
    whispers.load_state_dict(stored)
    ours = network_of(network.dims, torch.float16)
    types = {name: tensor.dtype for name, tensor in ours.state_dict().items()}
    values = {name: tensor.to(types[name]) for name, tensor in stored.items()}
    ours.load_state_dict(values, assign=True)
    return whispers, ours


def test_half_precision_gives_the_bits_of_whispers_own_for_half_the_memory(halved):
    whispers, ours = halved
    mel = torch.randn(1, 128, 3000, generator=torch.Generator().manual_seed(0)).half()
    tokens = torch.tensor([[50258, 50259, 50360, 50364, 264, 281]])
    features = whispers.encoder(mel)
    assert torch.equal(ours.encoder(mel), features)
    assert torch.equal(ours.decoder(tokens, features), whispers.decoder(tokens, features))
    norms = [module.weight.dtype for module in ours.modules() if isinstance(module, LayerNorm)]
    assert set(norms) == {torch.float32}
    assert ours.encoder.conv1.weight.dtype == torch.float16
    assert weight_bytes(ours) < 0.55 * weight_bytes(whispers)


def weight_bytes(model):
    held = [*model.parameters(), *model.buffers()]
    return sum(t.numel() * t.element_size() for t in held if t.layout == torch.strided)


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that are made within and alive, and their peak."""

    def __init__(self, given):
        super().__init__()
        self._given = {tensor.untyped_storage()._cdata for tensor in given}
        self._holders = Counter()
        self.now = self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else [made]:
            if isinstance(tensor, torch.Tensor):
                self._hold(tensor)
        return made

    def _hold(self, tensor):
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._given:
            return
        if not self._holders[key]:
            self.now += size
            self.peak = max(self.peak, self.now)
        self._holders[key] += 1
        weakref.finalize(tensor, self._let_go, key, size)

    def _let_go(self, key, size):
        self._holders[key] -= 1
        if not self._holders[key]:
            self.now -= size


@pytest.mark.slow
def test_large_v3_takes_less_than_3_5_gb(monkeypatch, record_property):
    """On the meta device: what a GPU would hold at most, in the longest window.

    Attention counts as a GPU does it in half precision, without its matrix of weights.
    """
    monkeypatch.setattr(
        "whisper.model.scaled_dot_product_attention",
        lambda q, k, v, is_causal: q.new_empty(q.shape),
    )
    model = network_of(LARGE_V3, torch.float16).to("meta")
    held, weights = [*model.parameters(), *model.buffers()], weight_bytes(model)
    with LiveBytes(held) as encoding, torch.no_grad():
        features = model.encoder(torch.empty(1, 128, 3000, dtype=torch.float16, device="meta"))
    with LiveBytes(held) as decoding, torch.no_grad():
        cache, hooks = model.install_kv_cache_hooks()
        model.decoder(token(4), features, kv_cache=cache)
        for block in model.decoder.blocks:
            for module in (block.attn.key, block.attn.value):
                cache[module] = cache[module].new_empty(1, 4 + 224, LARGE_V3.n_text_state)
        model.decoder(token(1), features, kv_cache=cache)
    for hook in hooks:
        hook.remove()
    total = weights + max(encoding.peak, decoding.peak)
    record_property("bytes", {"weights": weights, "encoding": encoding.peak, "total": total})
    print(f"weights {weights / 1e9:.3f}, encoding {encoding.peak / 1e9:.3f}, ", end="")
    print(f"decoding {decoding.peak / 1e9:.3f}, at most {total / 1e9:.3f} GB")
    assert 3.08e9 < weights < 3.10e9
    assert decoding.peak > 0.28e9
    assert total < 3.5e9


def token(count):
    return torch.empty(1, count, dtype=torch.long, device="meta")
