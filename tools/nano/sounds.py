"""Sounds: packaged clips, made tones, noise and music, spoken sentences; and half-minute mixtures with known spans."""
import io
import json
import pathlib
import random
import subprocess
import tarfile

import numpy as np
from pack import held_out

RATE = 16000
SETS = ["sounds", "doubtful_sounds"]
# What the timeline says -> what the sets call it. The rest of the packaged clips are "something".
CLASSES = {
    "speech": "speech", "dog": "dog_bark dog", "rooster": "rooster", "rain": "rain", "waves": "sea_waves", "baby crying": "baby_cry",
    "clock ticking": "clock_tick", "sneeze": "sneeze", "helicopter": "helicopter", "chainsaw": "chainsaw", "fire": "fire_crackling",
    "footsteps": "footstep", "door": "door knock", "noise": "noise air_conditioner", "music": "street_music",
    "siren": "siren", "car horn": "car_horn", "engine": "engine_idling", "gunshot": "gun_shot", "drill": "drilling jackhammer",
    "children": "children_playing", "cat": "cat", "bird": "bird blackbird crow lark cuckoo seagull owl", "cow": "cow cow_white bull",
    "sheep": "sheep sheep_lamb ram", "chicken": "chicken hen"}
CLASS_OF = {name: cls for cls, names in CLASSES.items() for name in names.split()}
MADE = ("silence", "speech", "music", "tone", "noise")
VOICES = ["en-us", "en-gb", "en-gb-scotland", "en-us+m2", "en-us+m3", "en-us+f2", "en-us+f3", "en-gb+m4", "en-gb+f1", "en-us+croak"]
HELD_SPEAKER = "nicolas"
HELD_VOICES = ["en-us+f4", "en-gb+m7", "en-gb-x-rp"]


def decode(blob: bytes) -> np.ndarray:
    import av
    with av.open(io.BytesIO(blob)) as container:
        resampler = av.AudioResampler("flt", "mono", RATE)
        parts = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.float32)


def recording(label: dict) -> str:
    """What a clip was cut from: all cuts of one recording stand on one side. ESC-10 and UrbanSound8K name Freesound's number."""
    stem = pathlib.Path(label["file"]).stem
    if stem.startswith("esc10_"):
        return stem.split("-")[1]
    return stem.removeprefix("us8k_").split("-")[0] if stem.startswith("us8k_") else stem


def clips(data: pathlib.Path, sources: str, held: bool) -> dict:
    """class -> list of clips; speech goes by its speaker, the rest by the recording."""
    found: dict = {}
    for name in SETS if sources == "all" else SETS[:1]:
        with tarfile.open(data / f"{name}.tar") as tar:
            for line in tar.extractfile("labels.jsonl").read().decode().splitlines():
                label = json.loads(line)
                if label["cls"] != "speech" and held_out(recording(label)) != held:
                    continue
                if label["cls"] == "speech" and (label["speaker"] == HELD_SPEAKER) != held:
                    continue
                found.setdefault(CLASS_OF.get(label["cls"], "something"), []).append(decode(tar.extractfile(label["file"]).read()))
    return found


def spoken(text: str, voice: str, speed: int, pitch: int) -> np.ndarray:
    wave = subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", "--stdin"], input=text.encode(),
                          capture_output=True, check=True).stdout
    return decode(wave)


def tone(rng, seconds):
    t = np.arange(int(seconds * RATE)) / RATE
    start, kind = rng.uniform(150, 3500), rng.choice(["steady", "steady", "beeps", "two", "sweep"])
    if kind == "sweep":
        phase = np.cumsum(np.linspace(start, rng.uniform(150, 3500), len(t))) / RATE
    elif kind == "two":
        phase = np.cumsum(np.where((t * rng.uniform(1, 4)).astype(int) % 2, start, start * rng.uniform(1.1, 1.5))) / RATE
    else:
        phase = t * start
    wave = np.sin(2 * np.pi * phase)
    if rng.random() < 0.3:
        wave = np.sign(wave) * 0.5
    return wave * ((t * rng.uniform(1.5, 6)) % 1 < rng.uniform(0.3, 0.7) if kind == "beeps" else 1.0)


def noise(rng, seconds):
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(rng.getrandbits(32)).standard_normal(count))
    spectrum *= np.maximum(np.arange(len(spectrum)), 20.0) ** -rng.choice([0.0, 0.0, 0.5, 1.0])
    low, high = sorted((rng.uniform(0, 1), rng.uniform(0, 1)))
    if rng.random() < 0.3 and high - low > 0.2:
        spectrum[: int(low * len(spectrum))] *= 0.05
        spectrum[int(high * len(spectrum)):] *= 0.05
    return np.fft.irfft(spectrum, count)


def music(rng, seconds):
    """Chords, a tune and a beat, of harmonics with decay: music-like, no recording."""
    out, beat = np.zeros(int((seconds + 2) * RATE)), rng.uniform(0.25, 0.6)
    root, decay = rng.uniform(110, 240), rng.uniform(1.5, 7)
    harmonics = [rng.uniform(0, 1) / k for k in range(1, rng.randint(3, 9))]
    scale = rng.choice([[0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10], [0, 3, 5, 7, 10]])
    drums, chords = rng.random() < 0.6, rng.random() < 0.8

    def add(at, wave):
        start = int(at * RATE)
        out[start:start + len(wave)] += wave[: max(0, len(out) - start)]

    def note(step, length, loud):
        t = np.arange(int(length * RATE)) / RATE
        base = root * 2 ** ((12 * (step // len(scale)) + scale[step % len(scale)]) / 12)
        wave = sum(a * np.sin(2 * np.pi * base * (k + 1) * t) for k, a in enumerate(harmonics))
        return loud * wave * np.exp(-decay * t) * np.minimum(1, t * 80)

    for index in range(int(seconds / beat) + 1):
        at = index * beat
        if chords and index % 4 == 0:
            step = rng.choice([0, 3, 4, 5])
            for third in (0, 2, 4):
                add(at, note(step + third, 4 * beat, 0.5))
        if rng.random() < 0.75:
            add(at, note(rng.randint(5, 14), beat * rng.choice([1, 2]), 0.8))
        if drums:
            hit = noise(rng, 0.12) * np.exp(-np.arange(int(0.12 * RATE)) / RATE * rng.choice([25, 60]))
            add(at, hit / (np.abs(hit).max() + 1e-9) * rng.uniform(0.3, 1.0))
    return out[: int(seconds * RATE)]


def known_classes(found: dict, least=12) -> list:
    """Classes with clips enough to learn from; the others' clips are "something"."""
    return sorted({cls for cls, some in found.items() if len(some) >= least} | set(MADE) | {"something"})


class Mixer:
    def __init__(self, found: dict, classes: list, sentences: list, rng: random.Random, held: bool):
        self.found = {}
        for cls, some in found.items():
            self.found.setdefault(cls if cls in classes else "something", []).extend(some)
        self.rng, self.held = rng, held
        self.voices = HELD_VOICES if held else VOICES
        self.sentences = [s for s in sentences if len(s) > 15]
        self.classes = sorted(set(self.found) | set(MADE))
        self.spoken = [self._speak() for _ in range(12 if held else 80)]

    def _speak(self):
        rng = self.rng
        return spoken(rng.choice(self.sentences), rng.choice(self.voices), rng.randint(120, 200), rng.randint(30, 70))

    def segment(self, cls: str) -> np.ndarray:
        rng, seconds = self.rng, self.rng.uniform(3.2, 6.0)
        if cls == "silence":
            return np.random.default_rng(rng.getrandbits(32)).standard_normal(int(seconds * RATE)) * 10 ** rng.uniform(-5, -3.1)
        packaged = self.found.get(cls, [])
        if cls == "speech" and (not packaged or rng.random() < 0.65):
            wave = rng.choice(self.spoken)
        elif cls == "tone":
            wave = tone(rng, seconds)
        elif cls == "noise" and (not packaged or rng.random() < 0.6):
            wave = noise(rng, seconds)
        elif cls == "music" and (not packaged or rng.random() < 0.5):
            wave = music(rng, seconds)
        else:
            wave = rng.choice(packaged)
            while len(wave) < 2.6 * RATE:  # short ones come again, as steps and barks do
                wave = np.concatenate([wave, np.zeros(int(rng.uniform(0.02, 0.4) * RATE), np.float32), rng.choice(packaged) if cls in (
                    "speech", "footsteps", "something") else wave])
        wave = wave[: int(seconds * RATE)]
        return wave / (np.abs(wave).max() + 1e-9) * 10 ** rng.uniform(-1.3, -0.05)

    def window(self, seconds=30.0, classes=None):
        """(samples, [(from, to, class)]): segments one behind the other under a camera's own hiss."""
        rng, spans, parts, at = self.rng, [], [], 0.0
        length = seconds if rng.random() < 0.6 else rng.uniform(8, seconds)
        while at < length:
            cls = rng.choice(classes or self.classes)
            wave = self.segment(cls)[: int((length - at) * RATE) + 1]
            spans.append((at, at + len(wave) / RATE, cls))
            parts.append(wave)
            at += len(wave) / RATE
        wave = np.concatenate(parts)
        hiss = np.random.default_rng(rng.getrandbits(32)).standard_normal(len(wave)) * 10 ** rng.uniform(-4.5, -2.6)
        return np.clip(wave + hiss, -1, 1).astype(np.float32), spans
