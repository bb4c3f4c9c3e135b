#!/usr/bin/env python3
"""How soon words and captions come when several live streams speak and move at once: live.py BUILD [OPTION ...]

Serves N RTSP streams (H.264 and AAC) of speech without pauses, made by espeak-ng in different voices, runs vedetted on them
with a private Redis, and measures from the records: after how long each word was first shown, first marked as committed,
and stood in a closed record (published_ms minus the end of the word). Also: how many of the words were wrong, beside the
same sound heard by `vedette caption`; what was shed, resident memory over time, and where the computing time went.
With --pictures the streams are 640x360 at 15 pictures a second in which things pass, one picture a second is encoded, captions
are made every 5 s, and all records are measured (published_ms - t_end_ms, by kind). --narrates lets the language model tell
every caption, whatever vedette-nano was taught: what it says is not looked at, what it costs is. docs/performance.md has the
figures. Run it alone on the machine.
"""
import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "demo")]
import film  # noqa: E402
import media  # noqa: E402
import services  # noqa: E402
import steadiness  # noqa: E402
import word_errors  # noqa: E402
from processes import Processes, free_port, stop  # noqa: E402
from redis_client import Redis  # noqa: E402

VOICES = ["en-us", "en-gb", "en-us+f3", "en-gb+m4", "en-us+m7", "en-gb+f2", "en-us+f1", "en-gb+m2"]
SENTENCES = [
    "The delivery van stopped in front of the gate at nine in the morning.",
    "Two men carried a large wooden box to the warehouse and left it next to the door.",
    "Please check the temperature of the storage room before lunch.",
    "The meeting with the new manager has been moved to Thursday afternoon.",
    "The ferry to the island will leave from platform four in twenty minutes.",
    "Passengers with bicycles should wait near the yellow line.",
    "A strong wind from the north kept all boats in the port until ten o'clock.",
    "Someone opened the window and the cat jumped out into the garden.",
    "My brother found her behind the shed an hour later.",
    "The teacher asked the children to read the first page of the book.",
    "There is fresh bread and cold water on the table in the kitchen.",
    "The last train to the city was late because of the heavy snow.",
]


def sentences_of(number):
    first = number * 3 % len(SENTENCES)
    return SENTENCES[first:] + SENTENCES[:first]


def speech(folder, number, pause_s):
    return media.speak(sentences_of(number), VOICES[number % len(VOICES)], folder, f"s{number}", pause_s=pause_s)


def heard_in_file(build, loop):
    """What `vedette caption` hears in one round of the loop, coded as the stream is."""
    coded = pathlib.Path(loop).with_suffix(".aac")
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={loop}", "!", "rawaudioparse", "format=pcm",
                    "pcm-format=s16le", f"sample-rate={media.RATE_HZ}", "num-channels=1", "!", "audioconvert", "!",
                    "avenc_aac", "bitrate=96000", "!", "aacparse", "!", "audio/mpeg,stream-format=adts", "!", "filesink",
                    f"location={coded}"], check=True)
    caption = subprocess.run([build / "bin" / "vedette", "caption", coded, "--format", "text"], check=True,
                             capture_output=True, text=True)
    return caption.stdout


def normalised(word):
    return re.sub(r"[^a-z0-9']", "", word.lower())


def delays(records):
    """Of each word of a closed record: seconds from its end until it was first shown, committed, closed."""
    shown, committed, closed, changed = [], [], [], 0
    history = {}
    for record in records:
        words = record["details"]["words"] if "details" in record else record["words"]
        sure = (record.get("details") or record)["committed_words"]
        known = [(normalised(w["word"]), w["t_end_ms"], i < sure, record["published_ms"]) for i, w in enumerate(words)]
        history.setdefault("all", []).extend(known)
        before = history.get(record["id"], [])
        changed += sum(a[0] != b[0] for a, b in zip(before, known)) + max(0, len(before) - len(known)) * (
            record["state"] != "close")
        history[record["id"]] = known
        if record["state"] != "close":
            continue
        recent = history["all"][-2000:]
        for text, end, _, published in known:
            same = [w for w in recent if w[0] == text and abs(w[1] - end) < 600]
            shown.append((min(w[3] for w in same) - end) / 1000)
            committed.append((min(w[3] for w in same if w[2]) - end) / 1000)
            closed.append((published - end) / 1000)
    return shown, committed, closed, changed


def quantiles(values):
    if not values:
        return {"p50": None, "p95": None, "max": None}
    values = sorted(values)
    return {"p50": round(statistics.median(values), 2), "p95": round(values[min(len(values) - 1, int(0.95 * len(values)))], 2),
            "max": round(values[-1], 2)}


def metrics(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
        lines = reply.read().decode().splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}


def resident_mb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def thread_seconds(process):
    """Processor time of each kind of thread, by its name."""
    kinds = {"worker": "worker", "encoder": "encoder", "image encoder": "image_encoder", "engine": "engine", "redis": "publish",
             "pictures:src": "decode_pictures", "look:src": "look", "in:src": "decode_sound"}
    times = {}
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        try:
            fields = (task / "stat").read_text()
        except OSError:  # it has just ended
            continue
        name = fields[fields.index("(") + 1:fields.rindex(")")]
        ticks = fields.rsplit(")", 1)[1].split()
        kind = kinds.get(name, "other" if name.startswith("vedette") else "receive")
        times[kind] = times.get(kind, 0) + (int(ticks[11]) + int(ticks[12])) / 100
    return times


def watch(daemon, seconds):
    """Waits, and samples resident memory: (seconds, MB)."""
    begin, samples = time.monotonic(), []
    while time.monotonic() < begin + seconds:
        samples.append((time.monotonic() - begin, resident_mb(daemon)))
        time.sleep(min(5, seconds))
        if daemon.poll() is not None:
            raise SystemExit("vedetted ended")
    return samples


def record_delays(streams, entries, begin_ms):
    """Of all records that say what happened: seconds from the end of what they tell to their being published, by kind."""
    delays_of = {}
    for stream in streams:
        for _, fields in entries[stream]:
            record = json.loads(fields[fields.index("json") + 1])
            if record["kind"] == "status" or record["published_ms"] < begin_ms:
                continue
            kind = "transcript" if record["kind"] == "transcript" and record["state"] == "close" else (
                f"{record['kind']} ({record['state']})")
            delays_of.setdefault(kind, []).append((record["published_ms"] - record["t_end_ms"]) / 1000)
    return {kind: dict(quantiles(found), count=len(found)) for kind, found in sorted(delays_of.items())}


def judge(streams, entries, begin_ms, sentences):
    """Delays and errors of what stands in Redis, over all streams."""
    total = {"shown": [], "committed": [], "closed": [], "changed": 0, "errors": 0, "reference": 0}
    for stream in streams:
        records = [json.loads(fields[fields.index("json") + 1]) for _, fields in entries[stream]]
        records = [r for r in records if r["kind"] == "transcript" and r["published_ms"] >= begin_ms]
        shown, committed, closed, changed = delays(records)
        total["shown"] += shown
        total["committed"] += committed
        total["closed"] += closed
        total["changed"] += changed
        text = " ".join(r["text"] for r in records if r["state"] == "close")
        errors, words = word_errors.errors_in_loop(sentences[stream], text)
        total["errors"] += errors
        total["reference"] += words
    return total


def file_errors(build, loops, sentences):
    errors = words = 0
    for stream, loop in loops.items():
        one = word_errors.errors_in_loop(sentences[stream], heard_in_file(build, loop))
        errors, words = errors + one[0], words + one[1]
    return errors, words


def memory(samples):
    half = samples[len(samples) // 2:]
    slope_per_minute = lambda some: steadiness.slope_per_hour(some) / 60  # noqa: E731
    return {"first": round(samples[0][1]), "last": round(samples[-1][1]), "most": round(max(mb for _, mb in samples)),
            "per_minute": round(slope_per_minute(samples), 2), "per_minute_second_half": round(slope_per_minute(half), 2),
            "by_minute": [round(mb) for _, mb in samples[::12]]}


def narrating(folder):
    """A copy of vedette-nano whose layout says that it was taught to tell what happens."""
    copy = shutil.copytree(ROOT / "models" / "nano", pathlib.Path(folder) / "vedette-nano")
    layout = json.loads((copy / "prompt_layout.json").read_text())
    (copy / "prompt_layout.json").write_text(json.dumps(dict(layout, narrates=True)))
    return copy


def served(options, folder, loops):
    """What the RTSP server serves: made pictures, or long clips."""
    if not options.pictures:
        frames = media.scene(media.GATE_SCENE, folder, "scene")
        return {f"/{name}": media.live(loop, frames) for name, loop in loops.items()}
    cycle, length = film.cycle(folder), options.settle + options.seconds + 30
    return {f"/{name}": film.mount(film.clip(cycle, loop, folder, name, length, 6 * film.KEY_S * n))
            for n, (name, loop) in enumerate(loops.items())}


def settings_of(options, folder):
    lines = ["retention: 1h"]
    if options.narrates:
        lines.append(f"models: {{ see: {narrating(folder)} }}")
    if options.no_motion:
        lines.append("defaults: { video: { motion: false } }")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--settle", type=float, default=20, help="seconds at the beginning that do not count")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds between sentences")
    parser.add_argument("--pictures", action="store_true", help="640x360 pictures in which things move, 15 a second")
    parser.add_argument("--narrates", action="store_true", help="the language model makes the captions")
    parser.add_argument("--no-motion", action="store_true", help="with --pictures: do not measure movement, to see what sampling costs")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    names = [f"s{n}" for n in range(options.streams)]
    sentences = {name: sentences_of(n) for n, name in enumerate(names)}
    with tempfile.TemporaryDirectory(prefix="vedette-live-") as folder, Processes() as processes:
        loops = {name: speech(folder, n, options.pause) for n, name in enumerate(names)}
        mounts = served(options, folder, loops)
        _, redis_port = services.start_redis(processes, folder)
        _, rtsp_port = services.start_rtsp(processes, options.build, folder, mounts)
        http_port = free_port()
        sources = {name: f"rtsp://127.0.0.1:{rtsp_port}/{name}" for name in names}
        config = services.write_config(folder, redis_port, http_port, sources, settings_of(options, folder))
        daemon = services.start_vedetted(processes, options.build, folder, config)
        time.sleep(options.settle)
        if daemon.poll() is not None:
            raise SystemExit("vedetted ended:\n" + services.tail_of(pathlib.Path(folder) / "vedetted.log"))
        begin_ms, begin_cpu, before = time.time() * 1000, cpu_seconds(daemon), metrics(http_port)
        threads_before = thread_seconds(daemon)
        resident = watch(daemon, options.seconds)
        after, used, threads = metrics(http_port), cpu_seconds(daemon) - begin_cpu, thread_seconds(daemon)
        wall = time.time() - begin_ms / 1000
        log = services.tail_of(pathlib.Path(folder) / "vedetted.log")
        with Redis(redis_port) as redis:
            entries = {name: redis.call("XRANGE", f"vedette:{{{name}}}:events", "-", "+") for name in names}
        stop(daemon)
        total = judge(names, entries, begin_ms, sentences)
        in_file = file_errors(options.build, loops, sentences)
    if not total["closed"]:
        raise SystemExit("no words came:\n" + log)
    grown = {name: after[name] - before.get(name, 0) for name in after if "_total" in name}
    busy = {re.search(r'stop="([^"]+)"', name).group(1): value for name, value in grown.items()
            if name.startswith("vedette_stop_busy_seconds_total")}
    result = {
        "streams": options.streams, "seconds": round(wall), "words": len(total["closed"]), "changed_words": total["changed"],
        "word_error_rate": {"live": round(total["errors"] / total["reference"], 3), "file": round(in_file[0] / in_file[1], 3)},
        "shown_s": quantiles(total["shown"]), "committed_s": quantiles(total["committed"]),
        "closed_s": quantiles(total["closed"]),
        "records": record_delays(names, entries, begin_ms), "resident_mb": memory(resident),
        "cores_used": round(used / wall, 2), "busy_share_of_wall": {at: round(value / wall, 3) for at, value in busy.items()},
        "cores_by_thread": {kind: round((value - threads_before.get(kind, 0)) / wall, 3)
                            for kind, value in sorted(threads.items())},
        "shed": {name: value for name, value in grown.items() if value and re.search(r'reason="shed"|refused|dropped|lost|state="shed"', name)},
        "passes": {name: value for name, value in grown.items() if re.search(r'windows_total|superseded|passes', name)},
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
