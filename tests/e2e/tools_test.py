#!/usr/bin/env python3
"""The operator's tools against a real RTSP server and a real Redis: tools_test.py BUILD"""
import concurrent.futures
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools" / "demo")]
import services  # noqa: E402
import source_servers  # noqa: E402
from checks import Checks  # noqa: E402
from processes import Processes, free_port  # noqa: E402

PICTURE = ("videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=10/1 ! x264enc tune=zerolatency key-int-max=10 "
           "! rtph264pay name=pay0 pt=96 ")
SOUND = "audiotestsrc is-live=true ! audioconvert ! audioresample ! audio/x-raw,rate=16000 ! avenc_aac ! rtpmp4gpay name=pay{0} pt=97"
MOUNTS = {"/gate": PICTURE + SOUND.format(1), "/sound": SOUND.format(0)}


def run(vedette, *words):
    return subprocess.run([str(vedette), *map(str, words)], capture_output=True, text=True, timeout=120)


def make_file(folder):
    """Six seconds of picture with a key frame every two."""
    file = folder / "clip.mp4"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=15", "-t", "6", "-g", "30",
                    "-keyint_min", "30", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-y", str(file)], check=True)
    return file


def private_camera(processes, build, folder):
    """One with a certificate of its own, and a configuration that trusts it: (URL, file)."""
    inside = folder / "private"
    inside.mkdir()
    both, alone = source_servers.certificate(inside)
    _, port = services.start_rtsp(processes, build, inside, {"/gate": PICTURE}, options=["--tls", str(both)])
    file = inside / "trusts.yaml"
    file.write_text(f"streams: {{ gate: {{ source: 'rtsps://127.0.0.1:{port}/gate', tls: {{ ca: {alone} }} }} }}\n")
    return f"rtsps://127.0.0.1:{port}/gate", file


def probe(checks, vedette, port, clip, private):
    """All at once: each takes a few seconds of looking."""
    good, wrong = f"guard:secret@127.0.0.1:{port}", f"guard:wrong@127.0.0.1:{port}"
    looks = {"good": [f"rtsp://{good}/gate"], "sound": [f"rtsp://{good}/sound"], "password": [f"rtsp://{wrong}/gate"],
             "path": [f"rtsp://{good}/nothing"], "port": [f"rtsp://guard:secret@127.0.0.1:{free_port()}/gate"],
             "file": [f"file://{clip}"], "lost": [f"file://{clip}.lost"], "test": ["test://"],
             "pipeline": ["--pipeline", "videotestsrc is-live=true ! capsfilter caps=video/x-raw,width=160,height=90,framerate=10/1"],
             "tls": [private[0]], "trusted": ["--config", private[1], "gate"], "element": ["--pipeline", "nosuchsrc"], "scheme": ["tst://"]}
    with concurrent.futures.ThreadPoolExecutor(len(looks)) as pool:
        running = {name: pool.submit(run, vedette, "probe", "--json", *words) for name, words in looks.items()}
        done = {name: one.result() for name, one in running.items()}
    told = {name: json.loads(one.stdout) for name, one in done.items() if one.stdout}
    shown = "".join(one.stdout + one.stderr for one in done.values())
    checks.that("secret" not in shown and "wrong@" not in shown, "no password is shown", shown)

    def ended(name, code, **what):
        checks.that(done[name].returncode == code and all(told[name].get(key) == value for key, value in what.items()),
                    f"probe {name}: exit code {code}, {what}", done[name])
    ended("good", 0, ok=True, transport="tcp")
    picture, sound = told["good"]["picture"], told["good"]["sound"]
    checks.that((picture["codec"], picture["width"], picture["height"], picture["announced_hz"]) == ("H.264", 320, 180, 10),
                "the picture is told", picture)
    checks.that(5 < picture["measured_hz"] < 20 and picture["bits_per_s"] > 1000 and 0.5 < picture["key_frames_s"] < 2,
                "with its measured rate, bits and key frames", picture)
    checks.that((sound["codec"], sound["rate_hz"], sound["channels"]) == ("AAC", 16000, 1) and -30 < sound["level_dbfs"] < 0,
                "the sound is told", sound)
    checks.that("ahead_s" in told["good"]["clock"] and told["good"]["options_ms"] > 0, "clock and round trip too", told["good"])
    ended("sound", 0, ok=True)
    checks.that("picture" not in told["sound"] and told["sound"]["advice"][0]["code"] == "no_picture", "there is no picture: told so",
                told["sound"])
    ended("password", 1, reason="auth")
    ended("path", 1, reason="not_found")
    ended("port", 1, reason="refused")
    ended("lost", 1, reason="not_found")
    ended("tls", 1, reason="tls")
    ended("trusted", 0, ok=True)
    ended("file", 0, ok=True)
    picture = told["file"]["picture"]
    checks.that(abs(picture["measured_hz"] - 15) < 0.5 and abs(picture["key_frames_s"] - 2) < 0.1, "a file's rates are its own", picture)
    ended("test", 0, ok=True)
    ended("pipeline", 0, ok=True)
    checks.that(told["pipeline"]["picture"]["width"] == 160, "a gst-launch description is looked at", told["pipeline"])
    ended("element", 1, reason="source")
    checks.that(done["scheme"].returncode == 2 and "did you mean test://" in done["scheme"].stderr, "a scheme that is none", done["scheme"])


def init(checks, vedette, folder, port):
    """The configuration that the doctor then looks at."""
    file = folder / "made.yaml"
    source = f"rtsp://guard:secret@127.0.0.1:{port}/gate"
    done = run(vedette, "init", file, f"gate={source}", "test://")
    checks.that(done.returncode == 0 and str(file) in done.stdout, "init writes a configuration", done)
    checks.that("streams.gate.source holds a password in the clear" in done.stderr and "secret" not in done.stdout + done.stderr,
                "and warns of the password", done.stderr)
    checks.that(file.stat().st_mode & 0o777 == 0o600, "which only its owner reads", oct(file.stat().st_mode))
    shown = json.loads(run(vedette, "check", "--json", file).stdout)
    checks.that(shown["ok"] and [stream["id"] for stream in shown["streams"]] == ["gate", "camera2"], "vedette check finds it good", shown)
    before = file.read_text()
    checks.that("# Where records and answers go." in before, "every key has its comment")
    done = run(vedette, "init", file, "test://")
    checks.that(done.returncode == 1 and "is there already" in done.stderr and file.read_text() == before, "it overwrites nothing", done)
    done = run(vedette, "init", "-")
    checks.that(done.stdout == (ROOT / "config" / "vedette.yaml").read_text(), "without streams it is the shipped file", done.stderr)
    done = run(vedette, "init", "-", "gate=rtsp://guard:${NOT_SET_YET}@10.0.0.7/")
    checks.that(done.returncode == 0 and "${NOT_SET_YET}" in done.stdout, "a variable may be set later", done.stderr)
    done = run(vedette, "init", folder / "bad.yaml", "tst://")
    checks.that(done.returncode == 2 and not (folder / "bad.yaml").exists(), "of a source that is none it writes nothing", done)
    return file


def doctor(checks, vedette, file, redis_port, folder):
    lost = free_port()
    text = file.read_text().replace("127.0.0.1:6379/0", f"127.0.0.1:{redis_port}/0").replace("127.0.0.1:9464", f"127.0.0.1:{free_port()}")
    for part in ("hear: whisper-tiny.en", "see: vedette-nano", "think: smollm2-135m-instruct"):
        text = text.replace(part, part.split(":")[0] + (": no-such-model" if part.startswith("hear") else ": none"))
    file.write_text(text + f"  down:\n    source: rtsp://guard:secret@127.0.0.1:{lost}/gate\n")

    def look(*words):
        done = run(vedette, "doctor", "--json", "--seconds", "4", "--config", file, *words)
        checks.that("secret" not in done.stdout + done.stderr, "the doctor shows no password", done.stdout)
        told = json.loads(done.stdout)
        checks.that(done.returncode == (0 if told["ok"] else 1), "its exit code says whether there is a problem", done)
        return told["findings"]

    def has(findings, level, subject, text, name):
        checks.that(any(one["level"] == level and one["subject"] == subject and text in one["text"] for one in findings), name, findings)
    found = look()
    has(found, "ok", "configuration", "3 streams", "the doctor reads the configuration")
    has(found, "ok", "redis", "can be written", "asks Redis")
    has(found, "warning", "redis", "no limit", "and how it keeps what it is told")
    has(found, "problem", "model hear", "there is no model folder no-such-model", "looks for the models")
    has(found, "ok", "disk", "free on the disk", "at the disk")
    has(found, "ok", "http", "is free", "at the port")
    has(found, "ok", "gstreamer", "all elements", "for GStreamer's elements")
    has(found, "ok", "stream gate", "H.264 320x180", "at each stream")
    has(found, "problem", "stream down", "refused", "and why one does not work")
    checks.that(any(one["subject"] == "memory" for one in found), "and at the memory")
    subjects = [one["subject"] for one in found if one["subject"].startswith("stream")]
    checks.that(sorted(set(subjects), key=subjects.index) == ["stream gate", "stream camera2", "stream down"], "streams in their order", subjects)

    file.write_text(file.read_text().replace("no-such-model", "none").replace(f"127.0.0.1:{redis_port}", f"127.0.0.1:{lost}"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = json.loads(run(vedette, "check", "--json", file).stdout)["http"].rsplit(":", 1)[-1]
        file.write_text(file.read_text().replace(f"127.0.0.1:{port}", f"127.0.0.1:{taken.getsockname()[1]}"))
        found = look("--no-streams")
    has(found, "problem", "redis", "", "a Redis that is away is a problem")
    has(found, "problem", "http", "in use", "and a port that another program has")
    checks.that(not any(one["subject"].startswith("stream") for one in found), "--no-streams connects to none")
    good = folder / "good.yaml"
    good.write_text(f"redis: redis://127.0.0.1:{redis_port}\nhttp: off\nmodels: {{hear: none, think: none}}\n"
                    f"evidence: {{path: {folder}/pictures}}\nstreams: {{bars: {{source: 'test://'}}}}\n")
    done = run(vedette, "doctor", "--seconds", "1", "--config", good)
    checks.that(done.returncode == 0 and "0 problems" in done.stdout and "ok       stream bars: test://" in done.stdout,
                "where all is well it says so", done)
    good.write_text("streams: {bars: {sorce: 'test://'}}\n")
    done = run(vedette, "doctor", "--config", good)
    checks.that(done.returncode == 1 and f"{good}:1:18: streams.bars.sorce: unknown key" in done.stdout, "a wrong file is a problem, with its place", done)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    vedette = build / "bin" / "vedette"
    checks = Checks()
    with tempfile.TemporaryDirectory() as name, Processes() as processes:
        folder = pathlib.Path(name)
        os.environ["XDG_STATE_HOME"] = name
        _, rtsp_port = services.start_rtsp(processes, build, folder, MOUNTS, options=["--digest", "guard:secret"])
        _, redis_port = services.start_redis(processes, folder)
        probe(checks, vedette, rtsp_port, make_file(folder), private_camera(processes, build, folder))
        doctor(checks, vedette, init(checks, vedette, folder, rtsp_port), redis_port, folder)
    checks.finish()


main()
