#!/usr/bin/env python3
"""Makes tests/golden/vision: tiny random ViT, CLIP and SigLIP models with what transformers computes from them.

Each case is a model folder (weights in bf16, so that the file is small and exact in f32) beside inputs.safetensors and
outputs.safetensors, named as `vedette models eval` names them. Run without arguments, with torch, transformers and
safetensors installed; the manifest says with which versions.
"""
import json
import pathlib

import torch
import transformers
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "vision"


def randomise(model, seed):
    torch.manual_seed(sum(map(ord, seed)))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim <= 1:
                centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
                if name.endswith("logit_scale"):
                    centre = 1.5
                parameter.copy_(centre + 0.3 * torch.randn_like(parameter))
            else:
                fan = parameter[0].numel() if parameter.ndim != 3 else parameter.shape[-1]
                spread = 0.5 if "embedding" in name and parameter.ndim < 4 else 1.3 / fan ** 0.5
                parameter.copy_(spread * torch.randn_like(parameter))
    return model.eval()


def pixels(*shape):
    return torch.randn(*shape).to(torch.bfloat16).float()


def save(name, model, inputs, outputs):
    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    inputs = {key: value.to(torch.bfloat16) if value.is_floating_point() else value for key, value in inputs.items()}
    save_file(inputs, folder / "inputs.safetensors")
    save_file({key: value.contiguous().clone() for key, value in outputs.items()}, folder / "outputs.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


def round_weights(model):
    return model.to(torch.bfloat16).float()


def rename(folder, pairs):
    """Gives tensors the names that the reference has in memory, and some files too."""
    weights = load_file(folder / "model.safetensors")
    renamed = {}
    for key, value in weights.items():
        for old, new in pairs:
            key = key.replace(old, new)
        renamed[key] = value.clone()
    write_weights(renamed, folder)


def write_weights(weights, folder):
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)


VIT_NEW_NAMES = [("encoder.layer.", "layers."), ("attention.attention.query", "attention.q_proj"),
                 ("attention.attention.key", "attention.k_proj"), ("attention.attention.value", "attention.v_proj"),
                 ("attention.output.dense", "attention.o_proj"), ("intermediate.dense", "mlp.fc1"),
                 ("output.dense", "mlp.fc2")]


def vit(name, size, classes, pooler, **fields):
    config = transformers.ViTConfig(**fields)
    if classes:
        config.num_labels = classes
        model = transformers.ViTForImageClassification(config)
    else:
        model = transformers.ViTModel(config, add_pooling_layer=pooler)
    model = round_weights(randomise(model, name))
    inputs = {"pixel_values": pixels(2, 3, *size)}
    flags = {"interpolate_pos_encoding": True} if size != (config.image_size, config.image_size) else {}
    with torch.no_grad():
        result = model(**inputs, **flags, output_hidden_states=True)
        base = (model.vit if classes else model)(**inputs, **flags)
    outputs = {"last_hidden_state": base.last_hidden_state}
    if classes:
        outputs["logits"] = result.logits
    elif pooler:
        outputs["pooler_output"] = result.pooler_output
    folder = save(name, model, inputs, outputs)
    if not classes:
        rename(folder, VIT_NEW_NAMES)


def contrastive(name, family, size, vision, text, lengths, **fields):
    prefix = {"clip": "CLIP", "siglip": "Siglip"}[family]
    config_class = getattr(transformers, prefix + "Config")
    config = config_class(vision_config=vision, text_config=text, **fields)
    model = round_weights(randomise(getattr(transformers, prefix + "Model")(config), name))
    vocabulary, longest = config.text_config.vocab_size, max(lengths)
    # Ids below the end token, then the end token, then padding with it, as CLIP's tokenizer pads.
    end = config.text_config.eos_token_id
    end = vocabulary - 1 if end == 2 or end >= vocabulary else end
    ids = torch.randint(3, vocabulary - 1, (len(lengths), longest))
    ids[ids == end] = 3
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, length - 1:] = end
        mask[row, :length] = 1
    inputs = {"pixel_values": pixels(2, 3, *size), "input_ids": ids}
    if family == "clip":
        inputs["attention_mask"] = mask
    flags = {"interpolate_pos_encoding": True} if size != (config.vision_config.image_size,) * 2 else {}
    with torch.no_grad():
        result = model(**inputs, **flags)
    outputs = {"image_embeds": result.image_embeds, "text_embeds": result.text_embeds,
               "logits_per_image": result.logits_per_image,
               "last_hidden_state": result.vision_model_output.last_hidden_state,
               "pooler_output": model.vision_model(inputs["pixel_values"], **flags).pooler_output.detach()}
    folder = save(name, model, inputs, outputs)
    if family == "clip":  # published files carry this, and eos_token_id 2
        weights = load_file(folder / "model.safetensors")
        weights["text_model.embeddings.position_ids"] = torch.arange(4).reshape(1, 4)
        write_weights(weights, folder)


def tower(name, model, size):
    model = round_weights(randomise(model, name))
    inputs = {"pixel_values": pixels(2, 3, *size)}
    with torch.no_grad():
        result = model(**inputs)
    outputs = {"last_hidden_state": result.last_hidden_state}
    if getattr(result, "image_embeds", None) is not None:
        outputs["image_embeds"] = result.image_embeds
    elif getattr(result, "pooler_output", None) is not None:
        outputs["pooler_output"] = result.pooler_output
    save(name, model, inputs, outputs)


def main():
    small = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2)
    vit("vit_published", (32, 32), 5, False, image_size=32, patch_size=8, **small)
    vit("vit_pooled_wide", (24, 40), 0, True, image_size=32, patch_size=8, qkv_bias=False, hidden_size=36,
        intermediate_size=40, num_hidden_layers=2, num_attention_heads=3)
    text = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3)
    contrastive("clip_published", "clip", (28, 28), dict(image_size=28, patch_size=7, **small),
                dict(vocab_size=60, max_position_embeddings=16, eos_token_id=2, **text), [9, 5, 12], projection_dim=20)
    contrastive("clip_gelu_wide", "clip", (20, 35), dict(image_size=28, patch_size=7, hidden_act="gelu", **small),
                dict(vocab_size=60, max_position_embeddings=16, eos_token_id=59, hidden_act="gelu", **text), [4, 16],
                projection_dim=16)
    contrastive("siglip_square", "siglip", (32, 32), dict(image_size=32, patch_size=8, **small),
                dict(vocab_size=50, max_position_embeddings=12, hidden_size=32, intermediate_size=40, num_hidden_layers=2,
                     num_attention_heads=4, projection_size=32), [12, 7])
    tower("siglip_tower", transformers.SiglipVisionModel(transformers.SiglipVisionConfig(
        image_size=30, patch_size=6, hidden_size=40, intermediate_size=56, num_hidden_layers=3, num_attention_heads=5)),
        (30, 30))
    tower("siglip_headless", transformers.SiglipVisionModel(transformers.SiglipVisionConfig(
        image_size=32, patch_size=4, vision_use_head=False, **small)), (32, 32))
    tower("clip_projected", transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(
        image_size=28, patch_size=14, projection_dim=12, **small)), (28, 28))
    manifest = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
                "cases": sorted(folder.name for folder in ROOT.iterdir() if folder.is_dir())}
    (ROOT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
