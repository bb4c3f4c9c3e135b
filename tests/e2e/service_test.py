#!/usr/bin/env python3
"""vedetted with real models between a real RTSP server and a real Redis, through trouble: service_test.py BUILD

Words, health and answers come; garbage in the questions, an outage of Redis, the loss of the camera and cameras that cannot
be reached cost nothing else; SIGTERM ends it with code 0.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools" / "demo")]
import media  # noqa: E402
import page_checks  # noqa: E402
import services  # noqa: E402
from checks import Checks, wait_for  # noqa: E402
from observed_service import ObservedService, status_of  # noqa: E402
from processes import Processes, free_port, stop  # noqa: E402
from redis_client import Redis  # noqa: E402

OUTAGE_S = 10
STOP_S = 5  # the contract of a stop (docs/streams.md)


def records(redis, kind=None, state=None, stream="gate"):
    entries = redis.call("XRANGE", f"vedette:{{{stream}}}:events", "-", "+")
    found = [json.loads(fields[fields.index("json") + 1]) for _, fields in entries]
    return [r for r in found if kind in (None, r["kind"]) and state in (None, r["state"])]


def words(redis):
    return records(redis, "transcript", "close")


def answers(redis, identity):
    found = [dict(zip(flat[::2], flat[1::2])) for _, flat in redis.call("XRANGE", "vedette:answers", "-", "+")]
    return [answer for answer in found if answer.get("id") == identity]


def final_answer(redis, identity, within_s=60):
    ended = lambda: [a for a in answers(redis, identity) if a["state"] in ("final", "error")]  # noqa: E731
    return (wait_for(ended, within_s) or [{"state": "none", "text": ""}])[0]


# A camera whose packets are damaged on the way, picture and sound, and one that has no sound and shows a still picture.
CORRUPT = ("videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=10/1 ! x264enc tune=zerolatency key-int-max=10 "
           "! breakmydata skip=2000 probability=0.005 ! rtph264pay name=pay0 pt=96 "
           "audiotestsrc is-live=true ! audioconvert ! avenc_aac ! breakmydata probability=0.02 ! rtpmp4gpay name=pay1 pt=97")
MUTE = ("videotestsrc is-live=true pattern=smpte75 ! video/x-raw,width=320,height=180,framerate=10/1 ! x264enc tune=zerolatency key-int-max=10 "
        "! rtph264pay name=pay0 pt=96")

# The first holds at the gate now and then, the second never.
ALERTS = [{"when": "something moves", "cooldown": "5s"}, {"when": "the picture is black"}]


class Scenario:
    def __init__(self, checks, build, folder, processes):
        self.checks, self.build, self.folder, self.processes = checks, build, folder, processes
        self.mount = {"/gate": media.live(media.speak(media.GATE, "en-us", folder, "gate"),
                                          media.scene(media.GATE_SCENE, folder, "gate")),
                      "/corrupt": CORRUPT, "/mute": MUTE}
        self.redis_process, self.redis_port = services.start_redis(processes, folder)
        self.rtsp_process, self.rtsp_port = services.start_rtsp(processes, build, folder, self.mount)
        self.http_port = free_port()
        self.observed = ObservedService(checks, build, folder, self.redis_port, self.http_port)
        self.streams = {"gate": f"rtsp://127.0.0.1:{self.rtsp_port}/gate", "lost": f"rtsp://127.0.0.1:{self.rtsp_port}/nothing",
                        "down": f"rtsp://127.0.0.1:{free_port()}/gate",
                        "corrupt": f"rtsp://127.0.0.1:{self.rtsp_port}/corrupt",
                        "mute": f"rtsp://127.0.0.1:{self.rtsp_port}/mute", "locked": self.locked_camera()}
        for stream in ("gate", "mute"):
            self.streams[stream] = {"source": self.streams[stream], "alerts": ALERTS}
        config = self.write_config(self.streams)
        self.notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)  # systemd's end of sd_notify(3)
        self.notes.bind(str(folder / "notify"))
        self.notes.setblocking(False)
        self.daemon = services.start_vedetted(processes, build, folder, config,
                                              env=dict(os.environ, NOTIFY_SOCKET=str(folder / "notify")))

    def locked_camera(self):
        """The URL of a camera that wants another password."""
        folder = self.folder / "locked"
        folder.mkdir()
        process, port = services.start_rtsp(self.processes, self.build, folder, {"/live": MUTE},
                                            options=["--digest", "guard:secret"])
        return f"rtsp://guard:wrong@127.0.0.1:{port}/live"

    def becomes_ready(self):
        """/readyz: not before the streams have begun, then yes."""
        url = f"http://127.0.0.1:{self.http_port}/readyz"
        seen = []
        ready = lambda: seen.append(status_of(url)) or seen[-1][0] == 200  # noqa: E731
        self.checks.that(wait_for(ready, 60), "/readyz says yes once streams run and Redis is there", seen[-1:])
        before = [text for code, text in seen if code == 503]
        self.checks.that(before and all("starting" in text or "redis" in text for text in before),
                         "and before that 503 with the reasons", seen[:3])

    def write_config(self, streams, extra="retention: 1h"):
        return services.write_config(self.folder, self.redis_port, self.http_port, streams, extra)

    def connect(self):
        return Redis(self.redis_port)

    def words_come(self):
        with self.connect() as redis:
            heard = wait_for(lambda: len(words(redis)) >= 6 and words(redis), 60)  # two sentences at least
            if not self.checks.that(heard, "words of the stream reach Redis"):
                return False
            text = " ".join(record["text"] for record in heard).lower()
            known = sum(word in text for word in ("truck", "boxes", "door", "driver", "packages", "floor"))
            self.checks.that(known >= 2, "they are the words that were spoken", text)
            now_ms = time.time() * 1000
            self.checks.that(all(abs(now_ms - r["t_end_ms"]) < 120_000 for r in heard), "their times are UTC", heard[0])
            self.checks.that(all(r["t_start_ms"] < r["t_end_ms"] <= r["published_ms"] for r in heard),
                             "each begins before it ends, and ends before it is published", heard[0])
            self.checks.that(len({r["id"] for r in heard}) == len(heard), "their ids differ")
            self.checks.that(redis.call("SISMEMBER", "vedette:streams", "gate") == 1, "the stream is listed")
            state = redis.hash("vedette:{gate}:state")
            self.checks.that(state.get("state") == "running", "the state hash says running", state)
        noted = self.noted()
        self.checks.that("READY=1" in noted and "STATUS=6 streams" in noted, "systemd is told when it is ready", noted)
        return True

    def alerts_tell_movement(self):
        with self.connect() as redis:
            def alerts():
                return [json.loads(fields[fields.index("json") + 1]) for _, fields in redis.call("XRANGE", "vedette:alerts", "-", "+")]
            raised = wait_for(alerts, 60)
            if not self.checks.that(raised, "an alert is raised"):
                return
            told = {(alert["stream"], alert["rule"]) for alert in raised}
            self.checks.that(told == {("gate", "something moves")}, "of what moves at the gate, and of nothing else", told)
            details = raised[0]["details"]
            self.checks.that(raised[0]["score"] == 1 and details["scored_by"] == "facts", "it was measured", raised[0])

    def noted(self):
        """What systemd was told since the last call."""
        text = ""
        try:
            while True:
                text += self.notes.recv(4096).decode() + "\n"
        except BlockingIOError:
            return text

    def bad_cameras_are_told(self):
        with self.connect() as redis:
            for stream, reasons in (("lost", ("not_found",)), ("down", ("refused",)), ("locked", ("auth",))):
                told = lambda s=stream, r=reasons: redis.hash(f"vedette:{{{s}}}:state").get("reason") in r  # noqa: E731
                wait_for(told, 15)
                state = redis.hash(f"vedette:{{{stream}}}:state")
                self.checks.that(state.get("state") == "reconnecting" and state.get("reason") in reasons,
                                 f"a camera that is {stream}: reconnecting, with the reason", state)
                self.checks.that(int(state.get("next_try_ms") or 0) > 0, f"... and when it is tried next ({stream})", state)

    def odd_streams_are_told(self):
        with self.connect() as redis:
            state = lambda stream: redis.hash(f"vedette:{{{stream}}}:state")  # noqa: E731
            silent = lambda: state("mute").get("reason") == "no_audio"  # noqa: E731
            self.checks.that(wait_for(silent, 20), "a stream without sound: no_audio", state("mute"))
            self.checks.that(state("corrupt").get("state") in ("running", "reconnecting"),
                             "a corrupt bitstream has a state", state("corrupt"))
            before = len(words(redis))
            self.checks.that(wait_for(lambda: len(words(redis)) >= before + 2, 40), "and costs other streams no words")
        _, text = status_of(f"http://127.0.0.1:{self.http_port}/metrics")
        counts = [line for line in text.splitlines() if line.startswith('vedette_windows_total{stream="gate"')]
        self.checks.that(len(counts) == 5 and any('"encoded"' in line and float(line.split()[-1]) > 0 for line in counts),
                         "/metrics counts the windows of a stream", counts)

    def a_flood_is_survived(self):
        """More than anybody asks, garbage among it; a good question behind it is still answered."""
        with self.connect() as redis:
            for number in range(3000):
                redis.call("XADD", "vedette:questions", "MAXLEN", "~", "5000", "*", "id", f"f{number}", "stream",
                           "gate" if number % 2 else "nobody", "text", "Why? " * (number % 500))
            before = len(words(redis))
            self.checks.that(wait_for(lambda: len(words(redis)) >= before + 2, 60), "words come through a flood of questions")
            read = lambda: redis.call("XPENDING", "vedette:questions", "vedetted")[0] == 0  # noqa: E731
            self.checks.that(wait_for(read, 90), "the flood is worked off")

    def garbage_is_answered(self):
        with self.connect() as redis:
            redis.call("XADD", "vedette:questions", "*", "nonsense", b"\xff\x00\xfe")
            redis.call("XADD", "vedette:questions", "*", "id", "g1", "stream", "nobody", "text", "Who?")
            redis.call("XADD", "vedette:questions", "*", "id", "g2", "stream", "gate", "text", "x" * 100_000)
            redis.call("XADD", "vedette:questions", "*", "id", "g3", "stream", "gate", "text", b"\xc3\x28")
            redis.call("XADD", "vedette:questions", "*", "id", "g4", "stream", "gate", "text", "Why?", "from_ms", "soon")
            for number in range(200):
                redis.call("XADD", "vedette:questions", "*", "a" * 50, str(number))
            for identity, what in (("g1", "an unknown stream"), ("g2", "a text that is too long"),
                                   ("g3", "a text that is no UTF-8"), ("g4", "a time that is no number")):
                answer = final_answer(redis, identity)
                self.checks.that(answer["state"] == "error", f"{what} gets an error answer", answer)

    def a_question_is_answered(self, identity="q1"):
        with self.connect() as redis:
            services.ask(redis, "gate", "What was said about the boxes?", identity)
            answer = final_answer(redis, identity)
            if not self.checks.that(answer["state"] == "final" and answer["text"].strip(), f"question {identity} is answered",
                                    answer):
                return
            whole = json.loads(answer["json"])
            self.checks.that(whole["evidence"], "the answer names the records that it rests on", whole)
            known = {record["id"] for record in records(redis)}
            self.checks.that(set(whole["evidence"]) <= known, "and they are in the stream", whole)
            self.checks.that(0 < whole["from_ms"] < whole["to_ms"], "and the span of time", whole)
            pending = wait_for(lambda: redis.call("XPENDING", "vedette:questions", "vedetted")[0] == 0, 20)
            self.checks.that(pending, "questions are acknowledged", redis.call("XPENDING", "vedette:questions", "vedetted"))

    def http_answers(self):
        base = f"http://127.0.0.1:{self.http_port}"
        for path in ("/livez", "/readyz"):
            code, text = status_of(base + path)
            self.checks.that(code == 200, path, (code, text))
        code, text = status_of(base + "/metrics")
        self.checks.that(code == 200 and "vedette_" in text and 'stream="gate"' in text, "/metrics has series of the stream",
                         text[:500])

    def the_page_shows_it(self):
        page_checks.of_a_running_service(self.checks, f"http://127.0.0.1:{self.http_port}", "What was said about the boxes?")

    def redis_goes_and_comes_back(self):
        self.noted()
        stop(self.redis_process)
        gone_ms = time.time() * 1000
        time.sleep(OUTAGE_S)
        self.checks.that(self.daemon.poll() is None, "vedetted outlives an outage of Redis")
        code, _ = status_of(f"http://127.0.0.1:{self.http_port}/livez")
        self.checks.that(code == 200, "and is alive meanwhile", code)
        code, text = status_of(f"http://127.0.0.1:{self.http_port}/readyz")
        self.checks.that(code == 503 and "redis" in text, "but not ready, because of Redis", (code, text))
        self.redis_process, _ = services.start_redis(self.processes, self.folder, self.redis_port)
        back_ms = time.time() * 1000
        with self.connect() as redis:
            later = lambda: [r for r in words(redis) if r["t_end_ms"] > back_ms]  # noqa: E731
            self.checks.that(wait_for(later, 40), "words come again after it")
            noted = self.noted()
            self.checks.that("WATCHDOG=1" in noted and re.search(r"STATUS=6 streams, \d of them not running", noted),
                             "systemd's watchdog was fed through it, and told of the cameras that are away", noted)
            ready = lambda: status_of(f"http://127.0.0.1:{self.http_port}/readyz")[0] == 200  # noqa: E731
            self.checks.that(wait_for(ready, 20), "and it is ready again")
            missed = [r for r in words(redis) if gone_ms < r["t_end_ms"] < back_ms - 1000]
            self.checks.that(missed, "and those spoken during the outage are there", (gone_ms, back_ms))
            ids = [(r["id"], r["rev"]) for r in records(redis)]
            self.checks.that(len(set(ids)) == len(ids), "none twice")

    def the_camera_goes_and_comes_back(self):
        stop(self.rtsp_process)
        with self.connect() as redis:
            away = lambda: redis.hash("vedette:{gate}:state").get("state") == "reconnecting"  # noqa: E731
            self.checks.that(wait_for(away, 20), "a lost camera: reconnecting", redis.hash("vedette:{gate}:state"))
            unseen = lambda: self.coverage("gate", self.metrics())["no_signal"] >= 3  # noqa: E731
            self.checks.that(wait_for(unseen, 20), "which the ledger shows", self.coverage("gate", self.metrics()))
            before = len(words(redis))
            self.rtsp_process, _ = services.start_rtsp(self.processes, self.build, self.folder, self.mount, self.rtsp_port)
            here = lambda: redis.hash("vedette:{gate}:state").get("state") == "running"  # noqa: E731
            self.checks.that(wait_for(here, 40), "back: running", redis.hash("vedette:{gate}:state"))
            self.checks.that(wait_for(lambda: len(words(redis)) >= before + 2, 40), "and its words come again")

    def metrics(self):
        """The samples of /metrics: name with labels -> value."""
        _, text = status_of(f"http://127.0.0.1:{self.http_port}/metrics")
        lines = [line.rpartition(" ") for line in text.splitlines() if line and line[0] != "#"]
        return {name: float(value) for name, _, value in lines}

    def reloads(self, outcome):
        return self.metrics().get(f'vedette_config_reloads_total{{outcome="{outcome}"}}')

    def coverage(self, stream, samples):
        """Seconds of the stream's sound by state."""
        name = f'vedette_coverage_seconds_total{{stream="{stream}",modality="audio",state="'
        return {key[len(name):-2]: value for key, value in samples.items() if key.startswith(name)}

    def a_reload_touches_only_what_changed(self):
        with self.connect() as redis:
            before, began, heard = self.metrics(), time.monotonic(), len(words(redis))
            began_ms = time.time() * 1000
            newer = dict(self.streams, extra="test://tone", mute={**self.streams["mute"], "caption": {"prompt": "What is new?"}})
            del newer["lost"]
            self.write_config(newer, "retention: 2h")
            self.noted()
            self.daemon.send_signal(signal.SIGHUP)
            self.checks.that(wait_for(lambda: self.reloads("applied") == 1, 20), "SIGHUP reloads the configuration")
            noted = self.noted()
            self.checks.that(re.search(r"RELOADING=1\nMONOTONIC_USEC=\d+\n.*READY=1\nSTATUS=6 streams", noted, re.S),
                             "and systemd is told when it begins and ends", noted)
            state = lambda stream: redis.hash(f"vedette:{{{stream}}}:state").get("state")  # noqa: E731
            self.checks.that(wait_for(lambda: state("extra") == "running", 20), "a stream that is new runs", state("extra"))
            self.checks.that(state("lost") == "stopped", "one that is gone says that it stopped", state("lost"))
            listed = lambda: redis.call("SMEMBERS", "vedette:streams")  # noqa: E731
            self.checks.that(wait_for(lambda: sorted(listed()) == sorted(newer), 10), "and is listed no more", listed())
            self.checks.that(not any('stream="lost"' in name for name in self.metrics()), "nor in /metrics")
            told = lambda stream: [record["details"]["state"] for record in records(redis, "status", "open", stream)  # noqa: E731
                                   if record["t_start_ms"] >= began_ms and "state" in record.get("details", {})]
            again = lambda: told("mute")[:2] == ["stopped", "starting"] and state("mute") == "running"  # noqa: E731
            self.checks.that(wait_for(again, 20), "one that changed is stopped and started", told("mute"))
            self.checks.that(wait_for(lambda: len(words(redis)) >= heard + 2, 40), "words of one that did not change go on")
            after, took = self.metrics(), time.monotonic() - began
            gone = told("gate")
        name = 'vedette_epochs_total{stream="gate"}'
        self.checks.that(before[name] == after[name] and not gone, "it was not connected anew", (before[name], after[name], gone))
        was, now = self.coverage("gate", before), self.coverage("gate", after)
        grown = {kind: now[kind] - was[kind] for kind in now}
        unwatched = sum(grown[kind] for kind in ("starting", "no_signal", "decode_error", "paused", "down"))
        self.checks.that(unwatched == 0 and abs(sum(grown.values()) - took) < 2, "and its ledger has no gap", (grown, took))

    def a_reload_that_cannot_be_is_refused(self):
        before = self.metrics()
        file = self.write_config(self.streams, "retention: soon\nlgo: debug")
        self.daemon.send_signal(signal.SIGHUP)
        self.checks.that(wait_for(lambda: self.reloads("bad_file") == 1, 20), "a bad file is refused")
        log = (self.folder / "vedetted.log").read_text(errors="replace")
        self.checks.that(f"{file}:3:12: retention: " in log and f"{file}:4:1: lgo: unknown key" in log,
                         "with line and column of all that is wrong", "\n".join(log.splitlines()[-5:]))
        file.write_text(self.write_config(self.streams).read_text().replace("/0\n", "/1\n", 1))
        self.daemon.send_signal(signal.SIGHUP)
        self.checks.that(wait_for(lambda: self.reloads("needs_restart") == 1, 20), "what only a restart applies is refused too")
        log = (self.folder / "vedetted.log").read_text(errors="replace")
        self.checks.that("only a restart applies redis; the old settings stay" in log, "and named")
        self.checks.that("the last reload was refused" in self.noted(), "systemd shows that")
        after = self.metrics()
        streams = lambda samples: {n for n in samples if n.startswith("vedette_stream_up")}  # noqa: E731
        self.checks.that(streams(before) == streams(after) and 'vedette_stream_up{stream="extra"}' in after,
                         "and the streams are those from before", streams(after))
        self.checks.that(after['vedette_stream_up{stream="gate"}'] == 1 and after['vedette_stream_lag_seconds{stream="gate"}'] < 60,
                         "which run", after.get('vedette_stream_lag_seconds{stream="gate"}'))

    def sigterm_ends_it(self):
        self.daemon.send_signal(signal.SIGTERM)
        try:
            code = self.daemon.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            code = None
        self.checks.that(code == 0, f"SIGTERM ends it with code 0, within {STOP_S} s, while streams run", code)
        noted = self.noted()
        self.checks.that("STOPPING=1" in noted, "and systemd is told so", noted)
        with self.connect() as redis:
            owner = redis.call("GET", "vedette:{gate}:owner")
            self.checks.that(owner is None, "the stream's owner lease is given back", owner)

    def the_past_is_covered(self, began_ms, stopped_ms):
        """What was written while the daemon ran, and the camera and Redis went and came back."""
        told = self.observed.history("gate", began_ms, int(time.time() * 1000))
        for modality, known in (("audio", "analysed"), ("video", "gated")):
            one = told.get(modality, {"seconds": {}, "spans": []})
            self.checks.that(one["seconds"].get(known) and one["seconds"].get("no_signal"),
                             f"it tells when {modality} was watched and when the camera was away", one["seconds"])
            states = [span["state"] for span in one["spans"] if span["from_ms"] < stopped_ms - 1000]
            self.checks.that(states[:1] == ["down"] and "down" not in states[1:],
                             f"while the daemon ran no {modality} is missing, the outage of Redis included", one["spans"])

    def what_does_not_fit_is_slowed_and_refused(self):
        """Of the machine just as much as two streams take at the slowest: three are far too many, by what the daemon measured at its start."""
        cost = {work: self.metrics().get(f'vedette_admission_cost_seconds{{work="{work}"}}', 0)
                for work in ("picture", "sound", "caption", "check")}
        self.checks.that(all(value > 0 for value in cost.values()), "what work costs here was measured", cost)
        slowest = 0.5 * (5 * cost["picture"] / 4 + cost["sound"])  # half of the time there is something; every fourth picture
        share = f"admission: {{share: {2.02 * slowest:.6f}}}"
        streams = {name: {"source": "test://tone", "video": {"rate": "5 fps"}} for name in ("one", "two", "three")}
        with self.connect() as redis:
            state = lambda stream: redis.hash(f"vedette:{{{stream}}}:state")  # noqa: E731
            refused = lambda: self.metrics().get("vedette_admission_refused_streams")  # noqa: E731
            self.write_config(streams, share)
            self.daemon.send_signal(signal.SIGHUP)
            self.checks.that(wait_for(lambda: state("three").get("state") == "refused", 30), "the last of three is refused", state("three"))
            self.checks.that(state("three").get("reason") == "no_room", "for there is no room", state("three"))
            self.checks.that(wait_for(lambda: state("two").get("state") == "running", 30), "the others run", state("two"))
            slowed = lambda: (state("two").get("shed_level"), state("two").get("shed_reason")) == ("2", "every fourth picture")  # noqa: E731
            self.checks.that(wait_for(slowed, 20), "slowed, and say so", state("two"))
            samples = self.metrics()
            self.checks.that(refused() == 1 and samples.get("vedette_admission_level") == 2, "so do the metrics", samples)
            log = (self.folder / "vedetted.log").read_text(errors="replace")
            self.checks.that(re.search(r"admission: level 2 \(every fourth picture\), .* predicted; no room for three$", log, re.M),
                             "and the log", services.tail_of(self.folder / "vedetted.log"))
            shed = self.coverage("three", self.metrics()).get("shed")
            self.checks.that(wait_for(lambda: self.coverage("three", self.metrics()).get("shed") > shed, 20),
                             "the ledger calls what is missed shed", self.coverage("three", self.metrics()))
            del streams["two"]
            self.write_config(streams, share)
            self.daemon.send_signal(signal.SIGHUP)
            self.checks.that(wait_for(lambda: state("three").get("state") == "running", 30), "without the second it runs", state("three"))
            self.checks.that(refused() == 0, "and none is refused", refused())
            self.write_config(streams)
            self.daemon.send_signal(signal.SIGHUP)
            whole = lambda: state("three").get("shed_level") == "0" and state("three").get("shed_reason") == ""  # noqa: E731
            self.checks.that(wait_for(whole, 30), "with the usual share nothing is left out", state("three"))

    def kill_9_loses_seconds(self):
        config = self.write_config({"tone": {"source": "test://tone", "video": {"enabled": False}}})
        began_ms = int(time.time() * 1000)
        daemon = services.start_vedetted(self.processes, self.build, self.folder, config)
        key = f"vedette:{{tone}}:coverage:audio:{time.strftime('%Y-%m-%d', time.gmtime())}"
        with self.connect() as redis:
            heard = lambda: "aaa" in (redis.call("GETRANGE", key, 0, -1) or "")  # noqa: E731
            self.checks.that(wait_for(heard, 60), "coverage is written while it runs")
        daemon.kill()
        daemon.wait()
        killed_ms = int(time.time() * 1000)
        time.sleep(1.2)  # a second that nobody watches
        spans = self.observed.history("tone", began_ms - 2000, int(time.time() * 1000))["audio"]["spans"]
        watched = [span["to_ms"] for span in spans if span["state"] != "down"]
        self.checks.that(spans[0]["state"] == "down" and spans[-1]["state"] == "down", "before and after it is down", spans)
        self.checks.that(watched and killed_ms - watched[-1] < 10_000, "kill -9 loses a few seconds of it", (spans, killed_ms))


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="vedette-e2e-") as folder, Processes() as processes:
        folder = pathlib.Path(folder)
        scenario = Scenario(checks, build, folder, processes)
        began_ms = int(time.time() * 1000)
        scenario.becomes_ready()
        if scenario.words_come():
            scenario.alerts_tell_movement()
            scenario.odd_streams_are_told()
            scenario.bad_cameras_are_told()
            scenario.garbage_is_answered()
            scenario.a_question_is_answered()
            scenario.http_answers()
            scenario.the_page_shows_it()
            scenario.redis_goes_and_comes_back()
            scenario.a_flood_is_survived()
            scenario.a_question_is_answered("q2")
            scenario.the_camera_goes_and_comes_back()
            scenario.a_reload_touches_only_what_changed()
            scenario.a_reload_that_cannot_be_is_refused()
        stopped_ms = int(time.time() * 1000)
        scenario.what_does_not_fit_is_slowed_and_refused()
        scenario.sigterm_ends_it()
        scenario.the_past_is_covered(began_ms, stopped_ms)
        log = (folder / "vedetted.log").read_text(errors="replace")
        print("the log of vedetted ends with\n" + "\n".join(log.splitlines()[-25:]))
        scenario.kill_9_loses_seconds()
    checks.finish()


main()
