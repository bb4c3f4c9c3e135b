#!/usr/bin/env python3
"""Makes tests/golden/llama: tiny random Llama models with what transformers computes from them.

Each case is a model folder (weights in bf16, so that the file is small and exact in f32) beside inputs.safetensors and
outputs.safetensors: `logits` of a whole pass in f32 and `greedy_tokens` that continue it. Run without arguments, with
torch, transformers and safetensors installed; the manifest says with which versions.
"""
import json
import pathlib

import torch
import transformers
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "llama"
GENERATED = 12

CASES = {
    # name: (config, published style, rows of lengths; a shorter one is padded on the left)
    "kv1_head16_tied": (
        dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=1, head_dim=16, tie_word_embeddings=True, rms_norm_eps=1e-5,
             rope_parameters={"rope_type": "default", "rope_theta": 100000.0}),
        False, [70]),
    "kv3of9_head64_untied": (
        dict(vocab_size=80, hidden_size=18, intermediate_size=40, num_hidden_layers=1, num_attention_heads=9,
             num_key_value_heads=3, head_dim=64, tie_word_embeddings=False,
             rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}),
        True, [40, 29]),
    "kv4_head80_bias": (
        dict(vocab_size=72, hidden_size=20, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=4, head_dim=80, tie_word_embeddings=False, attention_bias=True, mlp_bias=True,
             max_position_embeddings=256,
             rope_parameters={"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
                              "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
        False, [33, 33, 33]),
}


def publish_old_style(folder, config):
    """Rewrites config.json as files from before transformers 5 have it, and adds the extras that such files carry."""
    file = folder / "config.json"
    text = json.loads(file.read_text())
    rope = dict(text.pop("rope_parameters"))
    text["rope_theta"] = rope.pop("rope_theta")
    text["rope_scaling"] = {"type": rope.pop("rope_type"), **rope}
    text["torch_dtype"] = text.pop("dtype", "bfloat16")
    for key in ("attention_bias", "mlp_bias", "tie_word_embeddings"):
        text.pop(key, None)
    file.write_text(json.dumps(text, indent=2) + "\n")
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.full((config.head_dim // 2,), 7.0)
    weights["model.embeddings.position_ids"] = torch.arange(4).reshape(1, 4)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def make_case(name, fields, old_style, lengths):
    torch.manual_seed(sum(map(ord, name)))
    config = transformers.LlamaConfig(bos_token_id=1, eos_token_id=2, **fields)
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            spread = 1.3 / parameter.shape[-1] ** 0.5 if parameter.ndim == 2 else 0.3
            centre = 1.0 if parameter.ndim == 1 and parameter.mean() > 0.5 else 0.0
            parameter.copy_(centre + spread * torch.randn_like(parameter))
    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    # Loaded anew: what .to() rounded besides the weights (the rates of RoPE) is exact again.
    model = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    longest = max(lengths)
    ids = torch.randint(3, config.vocab_size, (len(lengths), longest))
    mask = torch.ones_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :longest - length] = 0
        mask[row, :longest - length] = 0
    inputs = {"input_ids": ids}
    if min(lengths) < longest:
        inputs["attention_mask"] = mask
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask).logits
        generated = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=GENERATED,
                                   min_new_tokens=GENERATED, do_sample=False, eos_token_id=None, pad_token_id=0)
    logits = logits * mask.unsqueeze(-1)  # what stands at padding means nothing
    save_file(inputs, folder / "inputs.safetensors")
    save_file({"logits": logits.contiguous(), "greedy_tokens": generated[:, longest:].contiguous()},
              folder / "outputs.safetensors")
    if old_style:
        publish_old_style(folder, config)
    for file in folder.iterdir():
        file.chmod(0o644)


def main():
    for name, case in CASES.items():
        make_case(name, *case)
    manifest = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__, "cases": list(CASES)}
    (ROOT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
