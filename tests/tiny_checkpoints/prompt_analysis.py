"""A whole small checkpoint of the prompt analysis: random weights under the released names."""

from pathlib import Path

import numpy as np
import onnx
import torch
import yaml
from onnx import TensorProto, helper, numpy_helper
from tiny_checkpoints.semantic_onnx import semantic_onnx

PARAFORMER = "dengcunqin/speech_paraformer-large_asr_nat-zh-cantonese-en-16k-vocab8501-online"
FEATURES, WIDTH, BLOCKS, INNER, CODES = 560, 32, 3, 48, 1024
EMBEDDING = 192


def prompt_checkpoint(models: Path, seed: int = 0) -> Path:
    """Write Step-Audio-Tokenizer/ and the speaker network below a models folder; return that."""
    generator = torch.Generator().manual_seed(seed)
    tokenizer = models / "Step-Audio-Tokenizer"
    paraformer = tokenizer / PARAFORMER
    paraformer.mkdir(parents=True)
    centres = torch.randn(CODES, WIDTH, generator=generator)
    np.save(tokenizer / "linguistic_tokenizer.npy", centres.numpy())
    semantic_onnx(tokenizer / "speech_tokenizer_v1.onnx", seed)
    (paraformer / "config.yaml").write_text(yaml.safe_dump(config()))
    (paraformer / "am.mvn").write_text(normalisation(generator))
    torch.save(paraformer_state(generator), paraformer / "model.pt")
    cosyvoice = models / "Step-Audio-EditX" / "CosyVoice-300M-25Hz"
    cosyvoice.mkdir(parents=True, exist_ok=True)
    speaker_onnx(cosyvoice / "campplus.onnx", seed)
    return models


def config() -> dict:
    """Return what of the released config.yaml is known, with small sizes."""
    return {
        "model": "ParaformerStreaming",
        "encoder": "SANMEncoderChunkOpt",
        "encoder_conf": {
            "output_size": WIDTH,
            "attention_heads": 4,
            "linear_units": INNER,
            "num_blocks": BLOCKS,
            "dropout_rate": 0.1,
            "positional_dropout_rate": 0.1,
            "attention_dropout_rate": 0.1,
            "input_layer": "pe_online",
            "pos_enc_class": "SinusoidalPositionEncoder",
            "normalize_before": True,
            "kernel_size": 11,
            "sanm_shfit": 0,
            "selfattention_layer_type": "sanm",
            "chunk_size": [12, 15],
            "stride": [8, 10],
            "pad_left": [0, 0],
            "encoder_att_look_back_factor": [4, 4],
            "decoder_att_look_back_factor": [1, 1],
        },
        "frontend": "WavFrontendOnline",
        "frontend_conf": {
            "fs": 16000,
            "window": "hamming",
            "n_mels": 80,
            "frame_length": 25,
            "frame_shift": 10,
            "lfr_m": 7,
            "lfr_n": 6,
        },
    }


def normalisation(generator: torch.Generator) -> str:
    """Return an am.mvn."""
    shift = " ".join(f"{x:.6f}" for x in -8 + torch.randn(FEATURES, generator=generator))
    scale = " ".join(f"{x:.6f}" for x in 0.1 + 0.1 * torch.rand(FEATURES, generator=generator))
    return (
        f"<Nnet> \n<Splice> {FEATURES} {FEATURES}\n[ 0 ]\n"
        f"<AddShift> {FEATURES} {FEATURES}\n<LearnRateCoef> 0 [ {shift} ]\n"
        f"<Rescale> {FEATURES} {FEATURES}\n<LearnRateCoef> 0 [ {scale} ]\n</Nnet>\n"
    )


def paraformer_state(generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Return a state dict with an encoder and something of a decoder."""
    shapes = {"encoder.after_norm.weight": (WIDTH,), "encoder.after_norm.bias": (WIDTH,)}
    for block in range(BLOCKS):
        name = "encoders0.0" if block == 0 else f"encoders.{block - 1}"
        inputs = FEATURES if block == 0 else WIDTH
        layers = {
            "self_attn.linear_q_k_v": (3 * WIDTH, inputs),
            "self_attn.linear_out": (WIDTH, WIDTH),
            "feed_forward.w_1": (INNER, WIDTH),
            "feed_forward.w_2": (WIDTH, INNER),
            "norm1": (inputs,),
            "norm2": (WIDTH,),
        }
        for layer, shape in layers.items():
            shapes[f"encoder.{name}.{layer}.weight"] = shape
            shapes[f"encoder.{name}.{layer}.bias"] = shape[:1]
        shapes[f"encoder.{name}.self_attn.fsmn_block.weight"] = (WIDTH, 1, 11)
    shapes["decoder.embed.0.weight"] = (8501, WIDTH)
    state = {}
    for name, shape in shapes.items():
        spread = shape[-1] ** -0.5 if len(shape) > 1 else 0.1
        state[name] = torch.randn(shape, generator=generator) * spread
        if "norm" in name and name.endswith("weight"):
            state[name] += 1
    return state


def speaker_onnx(path: Path, seed: int) -> None:
    """Write a network (1, frames, 80) -> (1, 192): the mean over time times a matrix."""
    matrix = np.random.default_rng(seed).normal(size=(80, EMBEDDING)).astype(np.float32)
    nodes = [
        helper.make_node("Abs", ["input"], ["levels"]),
        helper.make_node("ReduceMean", ["levels"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "matrix"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "speaker",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, "frames", 80])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, EMBEDDING])],
        [numpy_helper.from_array(matrix, "matrix")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
