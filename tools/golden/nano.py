#!/usr/bin/env python3
"""Makes tests/golden/nano: a folder in vedette-nano's format with tiny random weights, and what the trainer's own code
(tools/nano) makes of pictures with it.

outputs.safetensors holds the pictures (RGB) and their `tokens`, encoder states of sounds and their `rows`, and prompts of both: ids and
the rows of embeddings among them (-1); sightings.json what the heads say.

  nano.py SMOLLM2_FOLDER     (of which the tokenizer is taken; torch, transformers and safetensors must be installed)
"""
import json
import pathlib
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

TOOLS = pathlib.Path(__file__).resolve().parents[1]
ROOT = TOOLS.parent / "tests" / "golden" / "nano"
sys.path.insert(0, str(TOOLS / "nano"))

import heads  # noqa: E402
import language  # noqa: E402
import layout  # noqa: E402
import sound_rows  # noqa: E402
from camera import FAULTS  # noqa: E402
from encoder import PATCH_PARTS, WHOLE_PARTS  # noqa: E402

WIDTH, HIDDEN, SIDE, PATCH = 16, 32, 40, 4
STATES = 12  # width of the speech model's encoder states
CALIBRATION = {"centre_threshold": 0.55, "kind_temperature": 1.4, "something_below": 0.5, "score": [1.1, 0.9, -0.2],
               "something_score": [0.8, 0.1], "colour_least": 0.2, "most": 4, "fault_temperature": 1.2, "fault_least": 0.2,
               "presence_least": [0.1, 0.9, 0.4, 0.6]}


def save(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.detach().to(torch.bfloat16).contiguous() for key, value in tensors.items()}, path)
    path.chmod(0o644)


def put(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def rounded(module):
    for parameter in module.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).float()
    return module.eval()


def heard(outputs):
    """A sound projector, and what it makes of spans of states: whole rows, one and a rest, less than one, more than the most."""
    torch.manual_seed(6)
    projector = sound_rows.SoundProjector(HIDDEN, STATES)
    torch.nn.init.normal_(projector.linear_2.weight, std=0.2)
    rounded(projector)
    with torch.no_grad():
        for name, count in (("sound_0", 75), ("sound_1", 40), ("sound_2", 9), ("sound_3", 200)):
            outputs[name] = torch.randn(count, STATES)
            outputs[name + ".rows"] = projector(sound_rows.pool_rows(outputs[name]))
    sound_rows.write(projector, ROOT / "sound_projector", lambda tensors, path: save(path, tensors))


def prompt(outputs, folder):
    """A prompt with a picture and two sounds in it, as the trainer writes it: ids, and the rows behind -1, in order."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    facts = [("sounded", 10.0, 12.6, "dog", "sound_0"), ("frame", 11.0, 11.0, "", "picture_1"), ("heard", 11.5, 12.0, "Who is there?", None),
             ("sounded", 13.2, None, "something", "sound_2")]
    text, rows = "", []
    for kind, start, end, words, what in facts:
        if kind == "frame":
            rows.append(outputs[what + ".tokens"])
            text += layout.line(kind, start, end, layout.FRAME_TOKEN * len(rows[-1]))
            continue
        if what:
            rows.append(outputs[what + ".rows"])
        text += layout.line(kind, start, end, words, len(rows[-1]) if what else 0)
    text = layout.prefix(text) + layout.turn(layout.fill(layout.LAYOUT["question"], text="What happens?"))
    places = tokenizer.convert_tokens_to_ids([layout.FRAME_TOKEN, layout.SOUND_TOKEN])
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    outputs["prompt.ids"] = torch.tensor([-1 if i in places else i for i in ids])
    outputs["prompt.rows"] = torch.cat(rows)


def main():
    torch.manual_seed(5)
    config = transformers.SiglipVisionConfig(hidden_size=WIDTH, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
                                             image_size=SIDE, patch_size=PATCH, vision_use_head=False)
    tower = rounded(transformers.SiglipVisionModel(config))
    for parameter in tower.parameters():
        parameter.data = (parameter.data + 0.1 * torch.randn_like(parameter)).to(torch.bfloat16).float()
    language.WIDTH, language.HIDDEN = WIDTH, HIDDEN
    projector = language.Projector()
    torch.nn.init.normal_(projector.linear_2.weight, std=0.2)
    rounded(projector)
    patch = torch.nn.Linear(WIDTH, sum(PATCH_PARTS.values()))
    torch.nn.init.normal_(patch.weight, std=0.6)
    rounded(patch)
    random = np.random.default_rng(2)
    pictures = {f"picture_{i}": torch.from_numpy(random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)) for i in range(3)}
    whole = torch.nn.Linear(2 * WIDTH, sum(WHOLE_PARTS.values()))
    torch.nn.init.normal_(whole.weight, std=0.6)
    rounded(whole)
    outputs, sightings = {}, {}
    with torch.no_grad():
        for name, pixels in pictures.items():
            values = (pixels.permute(2, 0, 1).float() / 255 - 0.5) / 0.5
            features = tower(values[None]).last_hidden_state
            outputs[name] = pixels
            outputs[name + ".tokens"] = projector(features)[0].contiguous()
            guess = dict(zip(PATCH_PARTS, patch(features[0]).split(list(PATCH_PARTS.values()), -1)))
            seen = [heads.sighting(peak, CALIBRATION) for peak in heads.peaks(guess, CALIBRATION)]
            sightings[name] = sorted(seen, key=lambda one: -one["score"])
            pooled = torch.cat([features.mean(1), features.amax(1)], 1)
            presence = dict(zip(WHOLE_PARTS, whole(pooled)[0].split(list(WHOLE_PARTS.values()))))["presence"]
            sightings[name] += [{"what": kind, "where": "", "score": p, "of_picture": True} for kind, p in heads.likely(presence, CALIBRATION)]
            shares = (whole(pooled)[0, :len(FAULTS)] / CALIBRATION["fault_temperature"]).softmax(-1)
            if int(shares.argmax()) and float(shares.max()) >= CALIBRATION["fault_least"]:
                sightings[name].append({"what": "picture_" + FAULTS[int(shares.argmax())], "where": "", "score": float(shares.max()), "of_picture": True})
    save(ROOT / "vision" / "model.safetensors", tower.state_dict())
    put(ROOT / "vision" / "config.json", {"model_type": "siglip_vision_model", **{key: getattr(config, key) for key in (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_channels", "image_size",
        "patch_size", "hidden_act", "layer_norm_eps", "vision_use_head")}})
    put(ROOT / "vision" / "preprocessor_config.json", {
        "image_processor_type": "SiglipImageProcessor", "size": {"height": SIDE, "width": SIDE}, "resample": 2,
        "image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    save(ROOT / "projector" / "model.safetensors", projector.state_dict())
    put(ROOT / "projector" / "config.json", {"model_type": "pixel_shuffle_mlp", "scale_factor": language.SHUFFLE, "in": WIDTH,
                                             "hidden": WIDTH * language.SHUFFLE ** 2, "out": HIDDEN, "hidden_act": "gelu",
                                             "layer_norm_eps": 1e-5})
    save(ROOT / "heads" / "model.safetensors", {"patch.weight": patch.weight, "patch.bias": patch.bias,
                                                "whole.weight": whole.weight, "whole.bias": whole.bias})
    put(ROOT / "heads" / "config.json", heads.config(CALIBRATION))
    put(ROOT / "config.json", {"model_type": "vedette_nano", "bases": {"think": "llama_lora", "hear": "tiny"}, "vision": "vision",
                               "projector": "projector", "heads": "heads", "sound_projector": "sound_projector"})
    put(ROOT / "sightings.json", sightings)
    heard(outputs)
    prompt(outputs, sys.argv[1])
    save_file(outputs, ROOT / "outputs.safetensors")
    (ROOT / "outputs.safetensors").chmod(0o644)
    put(ROOT / "manifest.json", {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__})
    print(json.dumps(sightings, indent=1))


if __name__ == "__main__":
    main()
