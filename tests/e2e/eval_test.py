#!/usr/bin/env python3
"""`vedette eval` on made clips whose truth is known: eval_test.py BUILD

What is measured without a model that sees (faults, movement, speech) must be told right, through H.264 and AAC; a control must take
away what it says and nothing else; bad manifests and files are named.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support")]
from checks import Checks  # noqa: E402

SECONDS = 6
PICTURE = f"smptebars=size=320x180:rate=10:duration={SECONDS}"
BOX = f"color=white:size=40x60:rate=10:duration={SECONDS}"
SILENCE = f"anullsrc=channel_layout=mono:sample_rate=16000,atrim=duration={SECONDS}"
SPEECH = "The driver needs a signature from the manager."


def encode(file, picture, sound, movement=None):
    inputs = [word for source in [picture] + ([BOX] if movement else []) for word in ("-f", "lavfi", "-i", source)]
    sounds = ["-i", sound] if isinstance(sound, pathlib.Path) else ["-f", "lavfi", "-i", sound]
    video = f"[0:v][1:v]overlay=x='{movement}':y=70[v]" if movement else "[0:v]null[v]"
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *inputs, *sounds, "-filter_complex", video, "-map", "[v]", "-map",
                    f"{2 if movement else 1}:a", "-af", "apad", "-t", str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt",
                    "yuv420p", "-g", "20", "-c:a", "aac", file], check=True)


def make_clips(folder):
    spoken = folder / "spoken.wav"
    subprocess.run(["espeak-ng", "-s", "140", "-w", spoken, SPEECH], check=True)
    encode(folder / "rightwards.mp4", PICTURE, SILENCE, "20+40*t")
    encode(folder / "leftwards.mp4", PICTURE, spoken, "260-40*t")
    encode(folder / "black.mp4", f"color=black:size=320x180:rate=10:duration={SECONDS}", SILENCE)
    encode(folder / "still.mp4", PICTURE, SILENCE)


# What may be wrong with a picture, as filters make it; each at three bit rates.
FAULTS = {"all right": "null", "blurred": "gblur=sigma=9", "noisy": "noise=c0s=60:c0f=t",
          "blocky": "scale=20:20:flags=area,scale=320:180:flags=neighbor",
          "garbled": r"geq=lum='lum(mod(X+60*mod(floor(Y/9)\,2)\,W)\,Y)':cb=128:cr=128"}
BITRATES = (100, 300, 900)


def make_faults(folder):
    """One line of a manifest for each fault and bit rate."""
    rows = []
    for state, fault in FAULTS.items():
        for kbit in BITRATES:
            file = f"{state.replace(' ', '_')}_{kbit}k"
            subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=10:duration={SECONDS}",
                            "-f", "lavfi", "-i", SILENCE, "-vf", fault, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "20",
                            "-b:v", f"{kbit}k", "-maxrate", f"{kbit}k", "-bufsize", f"{kbit}k", "-c:a", "aac", folder / f"{file}.mp4"], check=True)
            rows.append((file, f"state/{state}", "How is the picture?", [state], [other for other in FAULTS if other != state]))
    return rows


WAYS = ["left to right", "right to left"]
QUESTIONS = [  # file, slot, question, expect, reject
    ("rightwards", "way/right", "Which way did it move?", WAYS[:1], WAYS[1:]),
    ("rightwards", "moves/yes", "Did anything move?", ["yes"], ["no"]),
    ("rightwards", "speaks/no", "Did anybody speak?", ["no"], ["yes"]),
    ("leftwards", "way/left", "What moved?", WAYS[1:], WAYS[:1]),
    ("leftwards", "moves/yes", "Is it true that something moved? Answer yes or no.", ["yes"], ["no"]),
    ("leftwards", "speaks/yes", "Is it true that somebody speaks? Answer yes or no.", ["yes"], ["no"]),
    ("leftwards", "said", "What was said?", ["signature"], []),
    ("black", "state/black", "How is the picture?", ["black"], ["all right"]),
    ("black", "moves/no", "Did anything move?", ["no"], ["yes"]),
    ("still", "state/clear", "How is the picture?", ["all right"], ["black"]),
    ("still", "moves/no", "Did anything move?", ["no"], ["yes"]),
    ("still", "invented", "Which sounds were there?", [], ["dog", "speech"]),
]


def write_manifest(folder, name, rows):
    lines = [json.dumps({"file": f"{file}.mp4", "from_ms": 0, "to_ms": 1000 * SECONDS, "slot": slot, "question": question, "expect": expect,
                         "reject": reject}) for file, slot, question, expect, reject in rows]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


def evaluate(checks, vedette, manifest, name, *options, code=0):
    done = checks.program([vedette, "eval", manifest, "--see", "none", "--json", *options], code, name=name)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    answers = {(pathlib.Path(line["file"]).stem, line["slot"]): line for line in lines[:-1]}
    return answers, lines[-1] if lines else {}, done


def check_scores(checks, vedette, manifest):
    answers, summary, _ = evaluate(checks, vedette, manifest, "eval of all clips")
    for key, line in answers.items():
        checks.that(line["right"], f"{key}: {line['question']} {line['answer']}", line)
    checks.that((summary["asked"], summary["right"], summary["failed"]) == (len(QUESTIONS),) * 2 + (0,), "all are counted", summary)
    checks.that(summary["balanced"] == {"way": 1.0, "moves": 1.0, "speaks": 1.0, "state": 1.0}, "means over strokes", summary["balanced"])
    checks.that(summary["slots"]["way/right"]["commonest"] == 1.0 and summary["slots"]["invented"]["commonest"] is None,
                "the commonest answer's share", summary["slots"])


def check_controls(checks, vedette, manifest):
    every = {(file, slot) for file, slot, *_ in QUESTIONS}
    moving = {("rightwards", "way/right"), ("rightwards", "moves/yes"), ("leftwards", "way/left"), ("leftwards", "moves/yes")}
    heard = {("leftwards", "speaks/yes"), ("leftwards", "said")}
    lost = {"black": moving | {("still", "state/clear")}, "mute": heard,
            # each is asked of the next file; the last of the first
            "swap": {("rightwards", "way/right"), ("rightwards", "speaks/no"), ("leftwards", "way/left"), ("leftwards", "moves/yes"),
                     ("black", "state/black"), ("still", "moves/no")} | heard}
    for control, wrong in lost.items():
        answers, summary, _ = evaluate(checks, vedette, manifest, f"eval --control {control}", "--control", control)
        found = {key for key, line in answers.items() if not line["right"]}
        checks.that(found == wrong, f"--control {control} takes away what it says and nothing else", sorted(found ^ wrong))
        checks.that(summary["control"] == control and summary["right"] == len(every - wrong), f"--control {control} is counted", summary)


def check_faults(checks, vedette, folder):
    rows = make_faults(folder)
    answers, summary, _ = evaluate(checks, vedette, write_manifest(folder, "faults.jsonl", rows), "eval of faulty pictures")
    for (file, _), line in answers.items():
        checks.that(line["right"], f"{file}: {line['answer']}", line)
    checks.that(summary["right"] == len(FAULTS) * len(BITRATES), "each fault is told at each bit rate", summary)


def check_trouble(checks, vedette, folder):
    rows = QUESTIONS[:2]
    bad = folder / "bad.jsonl"
    bad.write_text('{"file": "still.mp4", "from_ms": 5, "to_ms": 5, "slot": "s", "question": "q", "expect": ["x"]}\nnot json\n')
    done = checks.program([vedette, "eval", bad, "--see", "none"], 2, err=f"{bad}:1: to_ms: expected more than from_ms, received 5",
                          name="a bad line is named")
    checks.that(f"{bad}:2: expected a JSON object" in done.stderr, "so is every other", done.stderr)
    neither = write_manifest(folder, "neither.jsonl", [("still", "s", "q", [], [])])
    checks.program([vedette, "eval", neither, "--see", "none"], 2, err=f"{neither}:1: expect: expected a list of texts", name="nothing expected")
    (folder / "empty.jsonl").write_text("\n")
    checks.program([vedette, "eval", folder / "empty.jsonl", "--see", "none"], 2, err="there is no question in it", name="an empty manifest")
    checks.program([vedette, "eval", folder / "none.jsonl"], 2, err="none.jsonl: cannot be read", name="no manifest")
    one = write_manifest(folder, "one.jsonl", rows)
    checks.program([vedette, "eval", one, "--see", "none", "--control", "swap"], 2, err="--control swap needs questions about two files",
                   name="nothing to swap with")
    (folder / "broken.mp4").write_bytes(b"no film" * 100)
    lost = write_manifest(folder, "lost.jsonl", [("broken", *rows[0][1:]), ("missing", *rows[0][1:]), *rows])
    _, summary, done = evaluate(checks, vedette, lost, "files that cannot be read", code=1)
    checks.that(summary["failed"] == 2 and summary["asked"] == 2 and summary["right"] == 2, "cost no other file anything", summary)
    for line, file in ((1, "broken.mp4"), (2, "missing.mp4")):
        checks.that(f"{lost}:{line}: " in done.stderr and file in done.stderr, f"{file} is named", done.stderr)


def main():
    vedette = pathlib.Path(sys.argv[1]).resolve() / "bin" / "vedette"
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_clips(folder)
        manifest = write_manifest(folder, "manifest.jsonl", QUESTIONS)
        check_scores(checks, vedette, manifest)
        check_faults(checks, vedette, folder)
        check_controls(checks, vedette, manifest)
        check_trouble(checks, vedette, folder)
    checks.finish()


if __name__ == "__main__":
    main()
