#!/usr/bin/env python3
"""The part of ./demo that comes after the build: starts the services, asks questions, prints what arrives."""
import argparse
import json
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile
import textwrap
import time

import media
import services
from processes import Processes, free_port
from redis_client import Redis

# (stream, word, question): asked once the stream has been heard saying the word; "": once something was seen to move.
QUESTIONS = [("gate", "door", "What color is the door?"), ("lobby", "umbrella", "What did the visitor forget?"),
             ("gate", "", "Did anything move?")]
MEDIA_QUESTION = ("lobby", "", "What is there?")
# What is alerted of, and how sure it must be.
ALERT = {"when": "something moves", "threshold": 0.7, "cooldown": "30s"}
# Kinds of records that are shown, besides words and health, and the state in which they are.
SHOWN = {"caption": "open", "sound": "open", "motion": "close", "alert": "close"}
CONDITIONS = ("sound_", "picture_", "low_frame_rate", "bitrate_zero")


class Screen:
    """Prints one line per thing that arrived: time, stream, what, delay, text; wrapped to the terminal."""

    def __init__(self):
        self._width = max(60, shutil.get_terminal_size((100, 24)).columns)
        self._dim, self._bold, self._plain = ("\033[2m", "\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "", "")

    def heading(self):
        print(f"{self._bold}{'UTC':<10}{'stream':<8}{'what':<11}{'delay':>7}  text{self._plain}", flush=True)

    def line(self, at_ms, stream, what, delay_s, text):
        clock = time.strftime("%H:%M:%S", time.gmtime(at_ms / 1000))
        delay = f"{delay_s:5.1f} s" if delay_s is not None else ""
        head = f"{clock:<10}{stream:<8}{what:<11}{delay:>7}  "
        lines = textwrap.wrap(text, self._width - len(head)) or [""]
        print(f"{self._dim}{head}{self._plain}{lines[0]}", *(" " * len(head) + line for line in lines[1:]), sep="\n", flush=True)


class Demo:
    def __init__(self, screen, redis, streams):
        self.screen, self.redis = screen, redis
        self.heard = {stream: [] for stream in streams}  # delays of committed words, seconds
        self.told = {stream: {} for stream in streams}   # kind of record -> delays, seconds
        self.texts = {stream: "" for stream in streams}
        self.tentative = []                              # delays of the first text of each record, seconds
        self.asked, self.answered = {}, {}               # question id -> time asked; -> seconds to the answer
        self._began = time.monotonic()
        self._last = {f"vedette:{{{stream}}}:events": "0" for stream in streams} | {"vedette:answers": "0",
                                                                                              "vedette:alerts": "0"}

    def poll(self, block_ms=200):
        for key, _, fields in self.redis.read_streams(self._last, block_ms):
            if key == "vedette:answers":
                self._answer(fields)
            elif key == "vedette:alerts" or fields.get("kind") != "alert":  # alerts stand in both
                self._record(fields)

    def ask(self, stream, text):
        identity = f"demo-{len(self.asked) + 1}"
        self.asked[identity] = time.time()
        services.ask(self.redis, stream, text, identity)
        self.screen.line(time.time() * 1000, stream, "question", None, text)

    def can_be_asked(self, stream, word):
        """It was heard saying the word; or it has had its time, and may have nothing to say."""
        if not word:
            told = self.told[stream]
            return bool(told.get("caption")) and (bool(told.get("motion")) or time.monotonic() > self._began + 35)
        heard = len(self.heard[stream])
        return (heard >= 3 and word in self.texts[stream]) or heard >= 10 or time.monotonic() > self._began + 35

    def _record(self, fields):
        record = json.loads(fields["json"])
        delay = (record["published_ms"] - record["t_end_ms"]) / 1000
        stream, kind, state = record["stream"], record["kind"], record["state"]
        if kind in SHOWN and state == SHOWN[kind]:
            self.told[stream].setdefault(kind, []).append(delay)
            score = f" ({record['score']:.2f})" if kind in ("alert", "sound") and "score" in record else ""
            self.screen.line(record["t_end_ms"], stream, {"caption": "sees", "motion": "moves"}.get(kind, kind), delay,
                             record["text"] + score)
        elif kind == "transcript" and state == "close":
            self.heard[stream].append(delay)
            self.texts[stream] += record["text"] + " "
            self.screen.line(record["t_end_ms"], stream, "words", delay, record["text"])
        elif kind == "transcript" and state == "open":
            self.tentative.append(delay)
        elif kind == "status" and record["text"].startswith(CONDITIONS):
            what = "health" if state == "open" else "health end"
            self.screen.line(record["published_ms"], stream, what, None, record["text"])
        elif kind == "status" and state == "open":
            self.screen.line(record["published_ms"], stream, "state", None, record["text"])

    def _answer(self, fields):
        answer = json.loads(fields["json"])
        identity, state = answer["id"], answer["state"]
        if identity not in self.asked or state == "partial":
            return
        seconds = time.time() - self.asked[identity]
        if state == "final" and answer["text"].strip():
            self.answered[identity] = seconds
        text = answer["text"] if state == "final" else "error: " + str(answer.get("reason", answer))
        self.screen.line(time.time() * 1000, answer["stream"], "answer", seconds, " ".join(text.split()))


def run(options, folder, processes):
    lobby = media.clip(options.media) if options.media else media.live(
        media.speak(media.LOBBY, "en-gb+f3", folder, "lobby"), media.scene(media.LOBBY_SCENE, folder, "lobby"))
    mounts = {"/gate": media.live(media.speak(media.GATE, "en-us", folder, "gate"),
                                  media.scene(media.GATE_SCENE, folder, "gate")),
              "/yard": media.clip(media.patterns(folder)), "/lobby": lobby}
    questions = list(QUESTIONS)
    if options.media:
        questions[1] = MEDIA_QUESTION
    if options.question:
        questions[0] = ("gate", "", options.question)
    _, redis_port = services.start_redis(processes, folder)
    _, rtsp_port = services.start_rtsp(processes, options.build, folder, mounts)
    http_port = free_port()
    streams = {name: f"rtsp://127.0.0.1:{rtsp_port}/{name}" for name in ("gate", "yard", "lobby")}
    settings = {name: {"source": source, "transport": "tcp"} for name, source in streams.items()}
    settings["gate"]["alerts"] = [ALERT]
    config = services.write_config(folder, redis_port, http_port, settings)
    daemon = services.start_vedetted(processes, options.build, folder, config)
    for name, source in streams.items():
        print(f"camera   {source}  ({'your clip' if options.media and name == 'lobby' else 'H.264 and AAC'})")
    print(f"Redis    redis-cli -p {redis_port} XREAD BLOCK 0 STREAMS 'vedette:{{gate}}:events' $")
    print(f"page     http://127.0.0.1:{http_port}/")
    print(f"metrics  http://127.0.0.1:{http_port}/metrics\n")
    screen = Screen()
    screen.heading()
    end = time.monotonic() + options.seconds if options.seconds else float("inf")
    with Redis(redis_port) as redis:
        demo = Demo(screen, redis, streams)
        try:
            while time.monotonic() < end and daemon.poll() is None:
                demo.poll()
                for question in [asked for asked in questions if demo.can_be_asked(*asked[:2])]:
                    questions.remove(question)
                    demo.ask(question[0], question[2])
        except KeyboardInterrupt:
            print()
        if daemon.poll() is not None:
            print("vedetted ended by itself:\n" + services.tail_of(folder / "vedetted.log"), file=sys.stderr)
            return 1
    return summary(demo, folder, ["gate"] if options.media else ["gate", "lobby"])


def summary(demo, folder, speaking):
    """Prints how it went; 0 when words of the speaking streams, captions of all and all answers came."""
    words = [delay for delays in demo.heard.values() for delay in delays]
    print(f"\n{len(words)} transcripts, {len(demo.answered)} of {len(demo.asked)} questions answered", end="")
    if words:
        print(f"; median delay from the end of the words to Redis: {statistics.median(words):.1f} s", end="")
    if demo.tentative:
        print(f" (tentative text: {statistics.median(demo.tentative):.1f} s)", end="")
    print()
    for stream, kinds in demo.told.items():
        counted = dict(kinds, words=demo.heard[stream])
        parts = [f"{len(delays)} {kind} (median delay {statistics.median(delays):.1f} s)" for kind, delays in sorted(counted.items()) if delays]
        print(f"{stream:<8}" + ", ".join(parts))
    seen = all(demo.told[stream].get("caption") for stream in demo.told)
    if seen and all(demo.heard[stream] for stream in speaking) and len(demo.answered) == len(QUESTIONS):
        return 0
    print(f"demo: words from {' and '.join(speaking)}, captions of all streams and {len(QUESTIONS)} answers were expected; the log of vedetted ends with\n" +
          services.tail_of(folder / "vedetted.log"), file=sys.stderr)
    return 1


def main():
    parser = argparse.ArgumentParser(prog="./demo")
    parser.add_argument("--seconds", type=float, default=0, help="end after this long; 0: on Ctrl-C")
    parser.add_argument("--media", help="a clip for the stream `lobby`")
    parser.add_argument("--question", help="the question about the first stream")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="vedette-demo-") as folder, Processes() as processes:
        return run(options, pathlib.Path(folder), processes)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
