#!/usr/bin/env python3
"""Trains the head that names sounds, on what the speech model's encoder makes of half-minute windows.

  sound.py --data DIR --hear WHISPER_FOLDER --words words.json --out DIR [--sources clear|all] [--windows 400] [--threads 1]

Three seconds of encoder states (50 a second) are pooled to mean and standard deviation; a linear layer names them. Windows
are encoded once and kept in OUT/sound_*.pt (train.py --sounds takes the one of training). Writes OUT/sound/{config.json,model.safetensors}, prints held-out scores.
"""
import argparse
import json
import pathlib
import random
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from sound_rows import pool, pool_rows
from sounds import RATE, Mixer, clips, known_classes
from transformers import WhisperFeatureExtractor, WhisperModel

SPAN, RATE_STATES = 3, 50


def encode(mixer, folder, count, label):
    """Features [spans, 2 * width], rows for the sound projector and class index of all 3 s spans that lie to 80 % in one class."""
    extractor = WhisperFeatureExtractor.from_pretrained(folder)
    encoder = WhisperModel.from_pretrained(folder).encoder.float().eval()
    features, rows, classes, began = [], [], [], time.monotonic()
    for index in range(count):
        wave, spans = mixer.window()
        with torch.no_grad():
            states = encoder(extractor(wave, sampling_rate=RATE, return_tensors="pt").input_features).last_hidden_state[0]
        for start in range(0, int(len(wave) / RATE) - SPAN + 1):
            for a, b, cls in spans:
                if min(b, start + SPAN) - max(a, start) >= 0.8 * SPAN:
                    span = states[start * RATE_STATES:(start + SPAN) * RATE_STATES]
                    features.append(pool(span))
                    rows.append(pool_rows(span).half())
                    classes.append(mixer.classes.index(cls))
        if index % 50 == 49:
            print(f"{label}: {index + 1} windows, {time.monotonic() - began:.0f} s", flush=True)
    return {"x": torch.stack(features), "rows": torch.stack(rows), "y": torch.tensor(classes), "classes": mixer.classes}


def fit(train, classes, keep):
    x, y = train["x"][keep], train["y"][keep]
    mean, scale = x.mean(0), x.std(0) + 1e-4
    linear = torch.nn.Linear(x.shape[1], len(classes))
    weight = len(y) / torch.bincount(y, minlength=len(classes)).clamp(min=1) / len(classes)
    weight = weight.clamp(max=4)
    optimizer = torch.optim.AdamW(linear.parameters(), lr=3e-3, weight_decay=0.3)
    for step in range(600):
        rows = torch.randint(len(x), (512,))
        seen = (x[rows] - mean) / scale
        loss = F.cross_entropy(linear(seen + torch.randn_like(seen)), y[rows], weight=weight, label_smoothing=0.05)
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - step / 600)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # The normalisation goes into the matrix: whoever runs it needs no statistics.
    weight = linear.weight.detach() / scale
    return {"weight": weight, "bias": linear.bias.detach() - weight @ mean}


def temperature(logits, y):
    """By which logits are divided so that probabilities mean what they say."""
    choices = torch.linspace(0.4, 4, 73)
    return float(choices[torch.stack([F.cross_entropy(logits / t, y) for t in choices]).argmin()])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("data", "hear", "words", "out"):
        parser.add_argument(f"--{option}", type=pathlib.Path, required=True)
    parser.add_argument("--sources", choices=["clear", "all"], default="all")
    parser.add_argument("--windows", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    sentences = json.loads(options.words.read_text())["said"]
    sets = {}
    for held in (False, True):
        label = f"sound_{options.sources}_{'held' if held else 'train'}"
        file = options.out / f"{label}.pt"
        if not file.exists():
            rng = random.Random(7 + held)
            part = sentences[: len(sentences) // 10] if held else sentences[len(sentences) // 10:]
            found = clips(options.data, options.sources, held)
            mixer = Mixer(found, sets[False]["classes"] if held else known_classes(found), part, rng, held)
            print(label, {cls: len(found) for cls, found in mixer.found.items()}, flush=True)
            torch.save(encode(mixer, options.hear, options.windows // 4 if held else options.windows, label), file)
        sets[held] = torch.load(file)
    train, test = sets[False], sets[True]
    classes = train["classes"]
    at = torch.tensor([classes.index(c) for c in test["classes"]])
    test["y"] = at[test["y"]]
    head = fit(train, classes, torch.arange(len(train["y"])))
    logits = test["x"] @ head["weight"].T + head["bias"]
    heat = temperature(logits[::2], test["y"][::2])
    report(logits[1::2] / heat, test["y"][1::2], classes, heat)
    folder = options.out / "sound"
    folder.mkdir(exist_ok=True)
    save_file({"weight": head["weight"].float().contiguous(), "bias": head["bias"].float().contiguous()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({
        "model_type": "pooled_linear", "in": train["x"].shape[1] // 2, "pooling": ["mean", "std"], "states_per_second": RATE_STATES,
        "span_s": SPAN, "hop_s": 1, "temperature": round(heat, 3), "least": 0.5, "classes": classes}, indent=1) + "\n")


def report(logits, y, classes, heat):
    best, probability = logits.argmax(1), logits.softmax(1).amax(1)
    right = best == y
    per = {classes[k]: [round(float(right[y == k].float().mean()), 2), int((y == k).sum())] for k in range(len(classes)) if (y == k).any()}
    said = probability >= 0.5
    print(json.dumps({"right": round(float(right.float().mean()), 3), "mean over classes": round(float(np.mean([v[0] for v in per.values()])), 3),
                      "majority": round(float(torch.bincount(y).max() / len(y)), 3), "temperature": heat, "said": round(float(said.float().mean()), 3),
                      "right where said": round(float(right[said].float().mean()), 3), "spans": len(y)}))
    print(json.dumps(per))


if __name__ == "__main__":
    main()
