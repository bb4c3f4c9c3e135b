#!/usr/bin/env python3
"""Makes tests/golden/idefics3: tiny random Idefics3 and SmolVLM models, and one of each decoder with a LoRA adapter, with
what transformers and PEFT compute from them.

Each case is a model folder (weights in bf16, exact in f32) beside inputs.safetensors and outputs.safetensors: `logits`,
`greedy_tokens` and `image_hidden_states`. Run without arguments, with torch, transformers, peft and safetensors installed.
"""
import json
import pathlib

import peft
import torch
import transformers
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "idefics3"
GENERATED = 8
IMAGE = 60  # image_token_id


def randomise(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
                parameter.copy_(centre + 0.3 * torch.randn_like(parameter))
            else:
                spread = 0.5 if "position_embedding" in name else 1.2 / parameter[0].numel() ** 0.5
                parameter.copy_(spread * torch.randn_like(parameter))
    return model.eval()


def save(folder, inputs, outputs):
    save_file({key: value.to(torch.bfloat16) if value.is_floating_point() else value for key, value in inputs.items()},
              folder / "inputs.safetensors")
    save_file({key: value.contiguous().clone() for key, value in outputs.items()}, folder / "outputs.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)


def greedy(model, inputs):
    with torch.no_grad():
        tokens = model.generate(**inputs, max_new_tokens=GENERATED, min_new_tokens=GENERATED, do_sample=False,
                                eos_token_id=None, pad_token_id=0)
    return tokens[:, inputs["input_ids"].shape[1]:]


def vision_language(name, family, scale, side, patch, pictures, padded, lengths):
    """pictures: of each row of the batch; padded: a picture's lower and right edge is padding."""
    torch.manual_seed(sum(map(ord, name)))
    config = getattr(transformers, family + "Config")(
        image_token_id=IMAGE, scale_factor=scale, tie_word_embeddings=False,
        vision_config=dict(hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=side,
                           patch_size=patch),
        text_config=dict(model_type="llama", vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
                         pad_token_id=0, tie_word_embeddings=False))
    model = randomise(getattr(transformers, family + "ForConditionalGeneration")(config)).to(torch.bfloat16)
    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    model = type(model).from_pretrained(folder, dtype=torch.float32).eval()
    tokens = (side // patch // scale) ** 2
    most = max(pictures)
    pixels = torch.zeros(len(pictures), most, 3, side, side)
    mask = torch.zeros(len(pictures), most, side, side, dtype=torch.int64)
    longest = max(lengths)
    ids = torch.randint(3, IMAGE, (len(pictures), longest))
    attention = torch.ones_like(ids)
    for row, (count, length) in enumerate(zip(pictures, lengths)):
        pixels[row, :count] = torch.randn(count, 3, side, side).to(torch.bfloat16).float()
        mask[row, :count] = 1
        ids[row, :longest - length] = 0
        attention[row, :longest - length] = 0
        start = longest - length + 2
        for _ in range(count):
            ids[row, start:start + tokens] = IMAGE
            start += tokens + 1
    if padded:
        pixels[0, 0, :, side - patch - 1:] = 0
        mask[0, 0, side - patch:] = 0
        pixels[0, 0, :, :, side - 2 * patch:] = 0
        mask[0, 0, :, side - 2 * patch:] = 0
    inputs = {"input_ids": ids, "attention_mask": attention, "pixel_values": pixels, "pixel_attention_mask": mask}
    with torch.no_grad():
        result = model(**inputs)
        features = torch.cat(model.model.get_image_features(pixels, mask, return_dict=True).pooler_output)
    logits = result.logits * attention.unsqueeze(-1)
    outputs = {"logits": logits, "greedy_tokens": greedy(model, inputs), "image_hidden_states": features.view(-1, tokens, 32)}
    save(folder, inputs, outputs)


def adapted(name, rslora, tied=True, biased=False, **more):
    """more: of PEFT's config. What is written is what PEFT's own merge gives."""
    torch.manual_seed(sum(map(ord, name)))
    config = transformers.LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                                      num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=tied, bos_token_id=1,
                                      eos_token_id=2, attention_bias=biased)
    model = randomise(transformers.LlamaForCausalLM(config)).to(torch.bfloat16)
    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    base = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = peft.get_peft_model(base, peft.LoraConfig(
        r=4, lora_alpha=10, use_rslora=rslora, target_modules=["q_proj", "v_proj", "down_proj", "gate_proj"],
        alpha_pattern={"layers.1.mlp.down_proj": 3}, task_type="CAUSAL_LM", **more))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_((0.3 * torch.randn_like(parameter)).to(torch.bfloat16).float())
    model.eval().save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base_model_name_or_path": name}, indent=2) + "\n")
    inputs = {"input_ids": torch.randint(3, 64, (2, 20))}
    model = model.merge_and_unload()
    with torch.no_grad():
        logits = model(**inputs).logits
    save(folder, inputs, {"logits": logits, "greedy_tokens": greedy(model, inputs)})


def main():
    vision_language("smolvlm_two_tiles", "SmolVLM", 2, 32, 8, [2, 1], False, [20, 13])
    vision_language("idefics3_padded", "Idefics3", 2, 24, 4, [1], True, [16])
    adapted("llama_lora", False)
    adapted("llama_rslora", True)
    adapted("llama_patterns", True, tied=False, biased=True, rank_pattern={"down_proj": 2, "layers.0.self_attn.q_proj": 6},
            modules_to_save=["lm_head"], bias="lora_only")
    manifest = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__, "peft": peft.__version__,
                "cases": sorted(folder.name for folder in ROOT.iterdir() if folder.is_dir())}
    (ROOT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
