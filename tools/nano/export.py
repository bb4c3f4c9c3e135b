#!/usr/bin/env python3
"""Writes the published folder from checkpoints, calibrates the heads, and prints what held-out pictures give.

  export.py --packed DIR --run DIR --out models/nano [--sound DIR] [--scenes 600] [--lora [--narrates]] [--sound-projector]
"""
import argparse
import json
import pathlib
import shutil
import time

import heads
import language
import layout
import sound_rows
import story
import torch
from encoder import Encoder
from safetensors.torch import load_file, save_file
from world import KINDS, World

BF16 = torch.bfloat16
# Of LoRA's step away from the base model (Wortsman et al. 2022, WiSE-FT). All of it answers questions about facts best, and has
# forgotten how to read what was said; models/nano/README.md has figures.
KEPT = 6 / 16


def save(tensors, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().to(BF16).contiguous() for k, v in tensors.items()}, path, metadata={"format": "pt"})
    path.chmod(0o644)


def put(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def vision(model, out):
    tower = getattr(model.tower, "vision_model", model.tower)
    save(tower.state_dict(), out / "vision" / "model.safetensors")
    config = {k: v for k, v in model.tower.config.to_dict().items() if k in (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_channels", "image_size", "patch_size",
        "hidden_act", "layer_norm_eps", "attention_dropout", "vision_use_head")}
    put(out / "vision" / "config.json", {"architectures": ["SiglipVisionModel"], "model_type": "siglip_vision_model", "torch_dtype": "bfloat16", **config})
    side = config["image_size"]
    put(out / "vision" / "preprocessor_config.json", {
        "image_processor_type": "SiglipImageProcessor", "do_convert_rgb": True, "do_resize": True, "size": {"height": side, "width": side},
        "resample": 2, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3})


def speaker_of(options, model):
    """The projector and, where it is asked for, LoRA."""
    speaker = language.Speaker(model, language.load_llm(options.packed).to(BF16))
    if options.lora:
        language.add_lora(speaker)
    if options.begin:
        language.load_published(speaker, options.begin)
    for step in ("projector", "lora") if options.lora else ("projector",):
        path = options.run / "checkpoints" / f"{step}.pt"
        if path.exists():
            speaker.load_state_dict(torch.load(path)["model"], strict=False)
        elif not options.begin:
            raise SystemExit(f"{path} is not there: train.py --step {step} makes it, or give --from")
    return speaker


def projector(speaker, out):
    save({k: v for k, v in speaker.projector.state_dict().items()}, out / "projector" / "model.safetensors")
    put(out / "projector" / "config.json", {
        "model_type": "pixel_shuffle_mlp", "scale_factor": language.SHUFFLE, "in": language.WIDTH, "hidden": language.WIDTH * language.SHUFFLE**2,
        "out": language.HIDDEN, "hidden_act": "gelu", "layer_norm_eps": 1e-5})


def sound_projector(options, speaker, out):
    path = options.run / "checkpoints" / "sound_projector.pt"
    if path.exists():
        speaker.sound_projector.load_state_dict(torch.load(path)["model"])
    elif not (options.begin and (options.begin / "sound_projector").exists()):
        raise SystemExit(f"{path} is not there: train.py --step projector --sounds makes it")
    sound_rows.write(speaker.sound_projector, out / "sound_projector", save)


def adapter(speaker, out):
    speaker.llm.save_pretrained(out / "adapter")
    (out / "adapter" / "README.md").unlink(missing_ok=True)
    path = out / "adapter" / "adapter_model.safetensors"
    save(load_file(path), path)
    path = out / "adapter" / "adapter_config.json"
    config = json.loads(path.read_text())
    config["lora_alpha"] *= KEPT
    config.update(base_model_name_or_path="smollm2-135m-instruct", target_modules=sorted(config["target_modules"]))
    path.write_text(json.dumps(config, indent=1) + "\n")


def answers(options, speaker, held):
    said = json.loads((options.packed / "words.json").read_text())["said"]
    result = {}
    for control in ("", "black", "mute"):
        teacher = language.Teacher(options.packed, said[: len(said) // 10], held, 5)
        scores, shown = language.measure(speaker, teacher, options.answers if not control else options.answers // 2, control)
        result[control or "as it is"] = scores
        print(f"answers, {control or 'as it is'}: {json.dumps(scores)}")
        if not control:
            print("\n".join(shown))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("packed", "run", "out"):
        parser.add_argument(f"--{option}", type=pathlib.Path, required=True)
    parser.add_argument("--sound", type=pathlib.Path, help="folder that sound.py wrote")
    parser.add_argument("--scenes", type=int, default=600, help="held-out pictures for the calibration, and as many for the scores")
    parser.add_argument("--lora", action="store_true", help="publish the adapter of the LoRA step, too")
    parser.add_argument("--sound-projector", action="store_true", help="publish the sound projector, too")
    parser.add_argument("--narrates", action="store_true", help="the LLM's captions may be used")
    parser.add_argument("--from", dest="begin", type=pathlib.Path, help="published weights for the steps that have no checkpoint")
    parser.add_argument("--answers", type=int, default=0, help="held-out stories, six questions each, to put to the LLM")
    options = parser.parse_args()
    if options.narrates and not options.lora:
        parser.error("--narrates needs --lora: without it nothing was taught to narrate")
    torch.set_num_threads(1)
    torch.manual_seed(1)
    sentences = torch.tensor(json.loads((options.packed / "words.json").read_text())["embeddings"])
    model, state = Encoder(sentences), torch.load(options.run / "checkpoints" / "encoder.pt")
    model.load_state_dict(state.get("mean") or state["model"])
    model.eval()
    # Not on what the scores are taken from. On photographs too: a camera's picture is full of what the renderer does not draw.
    known = World(options.packed, "train", "all", torch.device("cpu"))
    calibration = heads.calibrate(heads.run(model, known, options.scenes, 0.4), heads.run(model, known, options.scenes, faults=True))
    held = World(options.packed, "held", "all", torch.device("cpu"))
    report = {"time": time.strftime("%H:%M"), "spent": state["spent"], "calibration": calibration}
    for name, photos, control, faults in (("made scenes", 0.0, "", False), ("whole photographs", 1.0, "", False), ("faults", 0.0, "", True),
                                          ("black", 0.0, "black", False), ("swap", 0.0, "swap", False)):
        batches = heads.run(model, held, options.scenes // (3 if control else 1), photos, control, faults)
        report[name] = heads.scores(batches, calibration)
    print(json.dumps(report, indent=1))
    options.out.mkdir(parents=True, exist_ok=True)
    vision(model, options.out)
    save({"patch.weight": model.patch.weight, "patch.bias": model.patch.bias, "whole.weight": model.whole.weight, "whole.bias": model.whole.bias,
          "name.weight": model.name.weight, "name.bias": model.name.bias}, options.out / "heads" / "model.safetensors")
    put(options.out / "heads" / "config.json", heads.config(calibration))
    speaker = speaker_of(options, model)
    projector(speaker, options.out)
    shutil.rmtree(options.out / "adapter", ignore_errors=True)
    shutil.rmtree(options.out / "sound_projector", ignore_errors=True)
    if options.sound_projector:
        sound_projector(options, speaker, options.out)
    if options.lora:
        adapter(speaker, options.out)
    if options.answers:
        report["answers"] = answers(options, speaker, held)
    layout.write(options.out / "prompt_layout.json", options.lora, options.narrates, KINDS[1:] + story.COLOURS + [name for name in story.SOUNDS if " " not in name])
    parts = ["vision", "projector", "heads", "sound"] + (["adapter"] if options.lora else []) + (["sound_projector"] if options.sound_projector else [])
    put(options.out / "config.json", {"model_type": "vedette_nano", "bases": {"hear": "whisper-tiny.en", "think": "smollm2-135m-instruct"},
                                      **{part: part for part in parts}})
    if options.sound:
        shutil.copytree(options.sound, options.out / "sound", dirs_exist_ok=True)
    (options.run / "report.json").write_text(json.dumps(report, indent=1))
    for file in sorted(options.out.rglob("*")):
        if file.is_file():
            print(f"{file.relative_to(options.out).as_posix():40} {file.stat().st_size / 2**20:7.2f} MiB")


if __name__ == "__main__":
    main()
