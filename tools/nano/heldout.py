#!/usr/bin/env python3
"""Writes clips of what training never saw, and a manifest for `vedette eval`.

  heldout.py --packed DIR --data DIR --out DIR [--clips 120] [--seed 1]

Each clip: 8 s of 640 x 360 H.264 at 8 frames a second, at 120, 300 or 900 kbit/s in turn, with AAC sound: held-out cut-outs,
photographs, backgrounds, voices and recordings. A line of OUT/manifest.jsonl is one question: an answer is right when one of
"expect" stands in it, whole words, case aside. Needs ffmpeg and espeak-ng.
"""
import argparse
import json
import pathlib
import random
import subprocess
import wave

import numpy as np
import torch
from camera import FAULTS
from heads import side
from sounds import RATE, Mixer, clips, known_classes, spoken
from story import PLACE, SIDES, an, plural
from world import COLOUR_NAMES, KINDS, World

SECONDS, FPS, BITRATES = 8, 8, (120, 300, 900)
NUMBERS = [["none", "no", "0"], ["one", "1"], ["two", "2"], ["three", "3"], ["four", "4", "many"], ["five", "5", "many"]]
STATE = {"clear": ["all right", "clear"], "black": ["black"], "overexposed": ["too bright", "overexposed"], "blurred": ["blurred"],
         "noisy": ["noisy"], "blocky": ["blocky"], "garbled": ["garbled"], "covered": ["covered"]}


def encode(path, pixels, sound, kbit):
    with wave.open(str(path.with_suffix(".wav")), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    side_px = pixels.shape[-1]
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{side_px}x{side_px}", "-r", str(FPS), "-i", "-",
               "-i", str(path.with_suffix(".wav")), "-vf", "scale=640:360:flags=bicubic,format=yuv420p", "-c:v", "libx264", "-preset", "veryfast",
               "-b:v", f"{kbit}k", "-maxrate", f"{kbit}k", "-bufsize", f"{kbit}k", "-g", str(2 * FPS), "-threads", "1", "-c:a", "aac",
               "-b:a", "64k", "-t", str(SECONDS), str(path)]
    subprocess.run(command, input=(pixels.permute(0, 2, 3, 1) * 255).byte().numpy().tobytes(), check=True)
    path.with_suffix(".wav").unlink()


def about_picture(rng, scenes):
    """[(slot, question, expect)] about the clip's last second."""
    fault = FAULTS[int(scenes.fault[0])]
    asked = [("state", "How is the picture?", STATE[fault])]
    if fault != "clear":
        return asked
    things = [(KINDS[k], c, side(box[0]), s) for k, c, box, s in zip(
        scenes.kind[0].tolist(), scenes.colour[0].tolist(), scenes.box[0].tolist(), scenes.shift[0].tolist()) if k]
    kinds = [t[0] for t in things]
    asked.append(("count", "How many things are there?", NUMBERS[len(things)]))
    present, absent = sorted(set(kinds)), [k for k in KINDS[1:4] if k not in kinds]
    for there, some in (("yes", [k for k in present if k != "thing"]), ("no", absent)):
        if some:
            kind = rng.choice(some)
            asked.append(("presence", f"Is there {an(kind)}?", [there]))
            asked.append(("check", f"Is it true that {an(kind)} is visible? Answer yes or no.", [there]))
    if len(things) == 1:
        kind, colour, place, shift = things[0]
        asked.append(("class", "What is there?", [kind]))
        asked.append(("where", f"Where is the {kind}?", [PLACE[place], place]))
        if 0 <= colour < len(COLOUR_NAMES) - 1 and not scenes.grey[0]:
            asked.append(("colour", f"What colour is the {kind}?", [COLOUR_NAMES[colour]]))
        if abs(shift) * FPS > 0.02:
            asked.append(("moved", "Which way did it move?", ["left to right" if shift > 0 else "right to left"]))
        elif shift == 0:
            asked.append(("moved", "Did anything move?", ["nothing moved", "no"]))
    elif not things:
        asked.append(("class", "What is there?", ["nothing"]))
    if things and present != ["thing"]:
        kind = rng.choice([k for k in present if k != "thing"])
        asked.append(("count", f"How many {plural(kind)} are there?", NUMBERS[kinds.count(kind)]))
    return asked


def about_sound(mixer, cls, text):
    if cls == "speech":
        words = [w for w in text.lower().split() if len(w) > 4 and w.isalpha()]
        return [("said", "What was said?", words or [text]), ("heard", "Is it true that somebody speaks? Answer yes or no.", ["yes"])]
    asked = [("said", "What was said?", ["nothing was heard", "nothing"]), ("heard", "Is it true that somebody speaks? Answer yes or no.", ["no"])]
    if cls == "silence":
        return asked + [("sound", "Which sounds were there?", ["no", "silence", "nothing"])]
    return asked + [("sound", "Which sounds were there?", [cls])]


def sound_of(mixer, rng, cls):
    if cls == "speech":
        text = rng.choice(mixer.sentences)
        part = spoken(text, rng.choice(mixer.voices), rng.randint(130, 180), rng.randint(35, 65))
        part = part / (np.abs(part).max() + 1e-9) * 0.6
    else:
        text, part = "", np.concatenate([mixer.segment(cls) for _ in range(2)])
    out = np.zeros(SECONDS * RATE)
    start = int(0.5 * RATE)
    part = part[: len(out) - start]
    out[start:start + len(part)] = part
    return out + np.random.default_rng(rng.getrandbits(32)).standard_normal(len(out)) * 10 ** rng.uniform(-4.5, -3.3), text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("packed", "data", "out"):
        parser.add_argument(f"--{option}", type=pathlib.Path, required=True)
    parser.add_argument("--clips", type=int, default=120)
    parser.add_argument("--sources", choices=["clear", "all"], default="all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    rng = random.Random(options.seed)
    world = World(options.packed, "held", options.sources, torch.device("cpu"), size=480, aspects=(16 / 9,))
    said = json.loads((options.packed / "words.json").read_text())["said"]
    classes = known_classes(clips(options.data, options.sources, False))
    mixer = Mixer(clips(options.data, options.sources, True), classes, said[: len(said) // 10], rng, True)
    with (options.out / "manifest.jsonl").open("w") as manifest:
        for index in range(options.clips):
            scenes = world.render(1, frames=SECONDS * FPS, photos=0.0, faults=rng.random() < 0.6, speed=1 / FPS)
            cls = mixer.classes[index % len(mixer.classes)]
            kbit = BITRATES[index % len(BITRATES)]
            sound, text = sound_of(mixer, rng, cls)
            path = options.out / f"clip_{index:03d}_{kbit}k.mp4"
            encode(path, scenes.pixels[0], sound, kbit)
            last = 1000 * (SECONDS - 1)
            for slot, question, expect in about_picture(rng, scenes):
                begin = 0 if slot == "moved" else last - 1000
                manifest.write(json.dumps({"file": path.name, "from_ms": begin, "to_ms": 1000 * SECONDS, "slot": slot, "question": question,
                                           "expect": expect}) + "\n")
            for slot, question, expect in about_sound(mixer, cls, text):
                manifest.write(json.dumps({"file": path.name, "from_ms": 0, "to_ms": 1000 * SECONDS, "slot": slot, "question": question,
                                           "expect": expect}) + "\n")
    print(f"{options.clips} clips in {options.out}")


if __name__ == "__main__":
    main()
