#!/usr/bin/env python3
"""Minutes of silence, tones, noise and music must give no words: no_words.py BUILD [--minutes M] [FILE...]

Makes the sound with sox (the same in every run), or takes the files, and hears it as a stream does, in media time, with the
real speech model (hearing_bench). Prints what was heard; exits 1 if anything was. About 7 minutes of one core for 5 minutes
of each kind: hearing_test in the test suite has seconds of the same.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

CHORDS = ["C3 E3 G3", "A2 C3 E3", "F2 A2 C3", "G2 B2 D3"]
SOUNDS = {
    "silence": ["synth", "{s}", "sine", "0", "vol", "0"],
    "tone": ["synth", "{s}", "sine", "440", "vol", "0.2"],
    "sweep": ["synth", "{s}", "sine", "200-3000", "vol", "0.2"],
    "white noise": ["synth", "{s}", "whitenoise", "vol", "0.03"],
    "pink noise": ["synth", "{s}", "pinknoise", "vol", "0.1"],
    "brown noise": ["synth", "{s}", "brownnoise", "tremolo", "0.3", "80", "vol", "0.2"],
}


def sox(*words):
    subprocess.run(["sox", "-q", "-R", *map(str, words)], check=True)


def music(folder, seconds):
    """Plucked chords over a bass, in a loop of 8 s, with a hiss as of a cymbal."""
    bars = []
    for number, chord in enumerate(CHORDS):
        bar = folder / f"bar{number}.wav"
        notes = [word for note in chord.split() for word in ("pluck", note)]
        sox("-n", "-r", 16000, "-c", 1, bar, "synth", 2, *notes, "remix", "-", "norm", -9)
        bars.append(bar)
    chords, hiss, loop, file = (folder / f"{name}.wav" for name in ("chords", "hiss", "loop", "music"))
    sox(*bars, chords)
    sox("-n", "-r", 16000, "-c", 1, hiss, "synth", 8, "whitenoise", "tremolo", 4, 95, "vol", 0.02)
    sox("-m", chords, hiss, loop)
    sox(loop, file, "repeat", int(seconds / 8))
    return file


def made(folder, minutes):
    files = {}
    for name, words in SOUNDS.items():
        files[name] = folder / (name.replace(" ", "_") + ".wav")
        sox("-n", "-r", 16000, "-c", 1, files[name], *(word.format(s=60 * minutes) for word in words))
    files["music"] = music(folder, 60 * minutes)
    return files


def heard(build, model, file):
    """(words committed, lines of records) of a file."""
    run = subprocess.run([build / "bench" / "hearing_bench", model, "--verbose", f"{file}=/dev/null"], check=True,
                         capture_output=True, text=True)
    count = int(re.search(r"changed \d+ of (\d+) words", run.stdout).group(1))
    return count, re.findall(r"^ +[\d.]+ (?:open|update|close) .*", run.stdout, re.M)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=5)
    options = parser.parse_args()
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    model = cache / "vedette" / "models" / "whisper-tiny.en"
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="vedette-no-words-") as folder:
        files = {file.name: file for file in options.files} or made(pathlib.Path(folder), options.minutes)
        for name, file in files.items():
            words, records = heard(options.build, model, file)
            print(f"{name:12} {words} words, {len(records)} records", flush=True)
            print("".join(record + "\n" for record in records), end="")
            wrong += words
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
