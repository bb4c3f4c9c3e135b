#!/usr/bin/env python3
"""Writes clips of what training never saw, and a manifest for `vedette eval`.

  heldout.py --packed DIR --data DIR --out DIR [--clips 120] [--seed 1]

Each clip: 6 s of 640 x 360 H.264 at 6 frames a second, at 120, 300 or 900 kbit/s in turn, with AAC sound: held-out cut-outs,
photographs, backgrounds, voices and recordings; one clip in three has a faulty picture. A line of OUT/manifest.jsonl is one
question: an answer is right when one of "expect" stands in it and none of "reject", whole words, case aside. Slots such as
"kind/person" are averaged over what stands behind the stroke. Needs ffmpeg and espeak-ng.
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
from story import SIDES, an
from world import COLOUR_NAMES, KINDS, World

SECONDS, FPS, BITRATES = 6, 6, (120, 300, 900)
SIDE = 320      # rendered pixels, before the clip's own size
MOVES = 0.03    # share of the picture's width in a second from which a movement must be told (docs/motion.md)
COUNTS = (.15, .5, .2, .1, .05, 0)
NUMBERS = [["none", "no", "nothing", "0"], ["one", "1"], ["two", "2"], ["three", "3"], ["four", "4"], ["five", "5"]]
STATE = {"clear": ["all right", "clear"], "black": ["black"], "overexposed": ["too bright", "overexposed"], "blurred": ["blurred"],
         "noisy": ["noisy"], "blocky": ["blocky"], "garbled": ["garbled"], "covered": ["covered"]}
NAMES = {"person": ["person", "people", "persons"], "vehicle": ["vehicle", "vehicles"], "animal": ["animal", "animals"], "thing": ["thing", "things"]}
WAYS = ["left to right", "right to left"]
# Asked in turn, so that no one wording is what was learnt by heart.
ASKED = {"state": ["How is the picture?", "What is wrong with the picture?"], "count": ["How many things are there?", "How many things do you see?"],
         "presence": ["Is there {}?", "Do you see {}?", "Is {} visible?"],
         "check": ["Is it true that {} is visible? Answer yes or no.", "Is it true that there is {}? Answer yes or no."],
         "what": ["What is there?", "What do you see?", "What is in the picture?"], "where": ["Where is the {}?", "On which side is the {}?"],
         "colour": ["What colour is the {}?"], "way": ["Which way did it move?", "What moved?"],
         "moves": ["Did anything move?", "Is it true that something moved? Answer yes or no."],
         "sound": ["Which sounds were there?", "What sounds were heard?"], "said": ["What was said?"],
         "speaks": ["Is it true that somebody speaks? Answer yes or no.", "Did anybody speak?"]}


def encode(path, pixels, sound, kbit):
    with wave.open(str(path.with_suffix(".wav")), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    size = f"{SIDE}x{SIDE}"
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(FPS), "-i", "-",
               "-i", str(path.with_suffix(".wav")), "-vf", "scale=640:360:flags=bicubic,format=yuv420p", "-c:v", "libx264", "-preset", "veryfast",
               "-b:v", f"{kbit}k", "-maxrate", f"{kbit}k", "-bufsize", f"{kbit}k", "-g", str(2 * FPS), "-threads", "1", "-c:a", "aac",
               "-b:a", "64k", "-t", str(SECONDS), str(path)]
    subprocess.run(command, input=(pixels.permute(0, 2, 3, 1) * 255).byte().numpy().tobytes(), check=True)
    path.with_suffix(".wav").unlink()


class Asker:
    """Gathers the questions about one clip."""

    def __init__(self, rng):
        self.rng, self.lines = rng, []

    def ask(self, slot, form, expect=(), reject=(), about="", whole=False):
        line = {"slot": slot, "question": self.rng.choice(ASKED[form]).format(about), "expect": list(expect), "reject": list(reject)}
        self.lines.append((whole, line))


def others(table, own):
    """All words of a table of wordings but those of its own entries."""
    return [word for name, words in table.items() if name not in own for word in words]


def about_picture(asker, scenes):
    """About the clip's last second, or all of it where something moved."""
    fault = FAULTS[int(scenes.fault[0])]
    asker.ask(f"state/{fault}", "state", STATE[fault], others(STATE, [fault]))
    if fault != "clear":
        return
    things = [(KINDS[k], c, side(box[0]), s) for k, c, box, s in zip(
        scenes.kind[0].tolist(), scenes.colour[0].tolist(), scenes.box[0].tolist(), scenes.shift[0].tolist()) if k]
    kinds = [t[0] for t in things]
    named = {k: w for k, w in NAMES.items() if k != "thing"}
    asker.ask("count", "count", NUMBERS[len(things)], [w for k, words in enumerate(NUMBERS) if k != len(things) for w in words])
    asker.ask("names only what is there", "what", reject=others(named, kinds))
    for there, some in (("yes", [k for k in named if k in kinds]), ("no", [k for k in named if k not in kinds])):
        if some:
            kind, other = asker.rng.choice(some), "no" if there == "yes" else "yes"
            asker.ask(f"presence/{there}", "presence", [there], [other], an(kind))
            asker.ask(f"check/{there}", "check", [there], [other], an(kind))
    if not things:
        asker.ask("nothing there", "what", ["nothing"])
    if len(things) == 1:
        about_one_thing(asker, things[0], bool(scenes.grey[0]))
    about_movement(asker, [t[3] * FPS for t in things])


def about_one_thing(asker, thing, grey):
    kind, colour, place, _ = thing
    asker.ask(f"kind/{kind}", "what", NAMES[kind], others(NAMES, [kind]))
    asker.ask(f"where/{place}", "where", [place], [s for s in SIDES if s != place], kind)
    if 0 <= colour < len(COLOUR_NAMES) - 1 and not grey:
        asker.ask("colour", "colour", [COLOUR_NAMES[colour]], [c for c in COLOUR_NAMES if c != COLOUR_NAMES[colour]], kind)


def about_movement(asker, speeds):
    moving = [speed for speed in speeds if speed]
    if not moving:
        asker.ask("moves/no", "moves", ["no", "nothing"], ["yes"], whole=True)
    elif max(map(abs, moving)) > MOVES:
        asker.ask("moves/yes", "moves", ["yes"], ["no", "nothing"], whole=True)
    if len(moving) == 1 and abs(moving[0]) > MOVES:
        way = WAYS[moving[0] < 0]
        asker.ask(f"way/{way}", "way", [way], [w for w in WAYS if w != way], whole=True)


def about_sound(asker, mixer, cls, text):
    if cls == "speech":
        words = [w for w in text.lower().split() if len(w) > 4 and w.isalpha()]
        asker.ask("said", "said", words or [text], whole=True)
    asker.ask(f"speaks/{'yes' if cls == 'speech' else 'no'}", "speaks", ["yes" if cls == "speech" else "no"],
              ["no" if cls == "speech" else "yes"], whole=True)
    if cls in ("speech", "something"):  # the words are what is told of speech; of the rest nobody knows what it is
        return
    names = [name for name in mixer.classes if name not in ("speech", "silence", "something", cls)]
    asker.ask(f"sound/{cls}", "sound", ["no", "none", "silence", "nothing"] if cls == "silence" else [cls], names, whole=True)


def sound_of(mixer, rng, cls):
    if cls == "speech":
        text = rng.choice(mixer.sentences)
        part = spoken(text, rng.choice(mixer.voices), rng.randint(130, 180), rng.randint(35, 65))
        part = part / (np.abs(part).max() + 1e-9) * 0.6
    else:
        text, part = "", np.concatenate([mixer.segment(cls) for _ in range(2)])
    out = np.zeros(SECONDS * RATE)
    start = int(0.3 * RATE)
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
    world = World(options.packed, "held", options.sources, torch.device("cpu"), size=SIDE, aspects=(16 / 9,))
    said = json.loads((options.packed / "words.json").read_text())["said"]
    classes = known_classes(clips(options.data, options.sources, False))
    mixer = Mixer(clips(options.data, options.sources, True), classes, said[: len(said) // 10], rng, True)
    with (options.out / "manifest.jsonl").open("w") as manifest:
        for index in range(options.clips):
            fault = FAULTS[1 + index // 3 % (len(FAULTS) - 1)] if index % 3 == 2 else "clear"
            scenes = world.render(1, frames=SECONDS * FPS, photos=0.0, faults=fault, speed=1 / FPS, counts=COUNTS)
            cls = "speech" if index % 5 == 4 else mixer.classes[index % len(mixer.classes)]
            kbit = BITRATES[(index + index // 3) % len(BITRATES)]
            sound, text = sound_of(mixer, rng, cls)
            path = options.out / f"clip_{index:03d}_{kbit}k.mp4"
            encode(path, scenes.pixels[0], sound, kbit)
            asker = Asker(rng)
            about_picture(asker, scenes)
            about_sound(asker, mixer, cls, text)
            for whole, line in asker.lines:
                begin = 0 if whole or line["slot"].startswith("state") else 1000 * (SECONDS - 2)
                manifest.write(json.dumps({"file": path.name, "from_ms": begin, "to_ms": 1000 * SECONDS, **line}) + "\n")
    print(f"{options.clips} clips in {options.out}")


if __name__ == "__main__":
    main()
