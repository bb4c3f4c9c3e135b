#!/usr/bin/env python3
"""vedetted on streams of every kind that needs no hardware, each from a real server: sources_test.py BUILD

Words and what moves come through into records; what is wrong is told with its reason; servers that die are told, and
streams run again when they come back.
"""
import json
import os
import pathlib
import signal
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools" / "demo")]
import services  # noqa: E402
from checks import Checks, wait_for  # noqa: E402
from processes import Processes, free_port  # noqa: E402
from redis_client import Redis  # noqa: E402
from source_servers import PASSPHRASE, USER, Servers  # noqa: E402

KNOWN = ("truck", "gate", "boxes", "door", "driver", "signature", "manager", "packages", "floor")
# Looks and listens a little only: what comes through counts here, not how much.
DEFAULTS = {"sound": {"hop": "2s"}, "caption": {"enabled": False}, "retry": {"first": "200ms", "longest": "1s", "stalled_after": "6s"}}


class Scenario:
    def __init__(self, checks, build, folder, processes):
        self.checks, self.folder = checks, folder
        self.servers = Servers(processes, build, folder)
        self.servers.start()
        _, self.redis_port = services.start_redis(processes, folder)
        ports, trust = self.servers.ports, {"ca": str(self.servers.certificate)}
        rtsps, https = f"rtsps://{USER}@127.0.0.1:{ports['rtsps']}/gate", f"https://{USER}@127.0.0.1:{ports['https']}"
        srt = f"srt://127.0.0.1:{ports['srt']}?latency=100&passphrase="
        rtmp = f"rtmp://127.0.0.1:{ports['rtmp']}"
        self.good = {
            "rtsps": {"source": rtsps, "tls": trust},
            "careless": {"source": rtsps.replace("127.0.0.1", "localhost"), "tls": {"verify": False}, "sound": {"enabled": False}},
            "srt": {"source": srt + PASSPHRASE},
            "rtmp": {"source": f"{rtmp}/live/gate"},
            "hls": {"source": f"{https}/live.m3u8", "tls": trust},
            "pulse": {"source": "pulse://room.monitor"},
            "pipewire": {"source": "pipewire://room?media=monitor"},
            "camera": {"source": "test://picture", "microphone": "pulse://room.monitor"},
        }
        self.bad = {
            "rtsps-no-file": ({"source": rtsps, "tls": {"ca": "/nowhere.pem"}}, "tls"),
            "rtsps-password": ({"source": rtsps.replace("secret", "wrong"), "tls": trust}, "auth"),
            "rtsps-nobody": ({"source": f"rtsps://127.0.0.1:{free_port()}/gate"}, "refused"),
            "srt-password": ({"source": srt + "battery-staple"}, "auth"),
            "srt-nobody": ({"source": f"srt://127.0.0.1:{free_port()}"}, "timeout"),
            "rtmp-nobody": ({"source": f"rtmp://127.0.0.1:{free_port()}/live/gate"}, "refused"),
            "rtmp-unknown": ({"source": f"{rtmp}/live/nothing"}, "timeout"),
            "hls-unknown": ({"source": f"{https}/live.m3u8".replace("127.0.0.1", "localhost")}, "tls"),
            "hls-password": ({"source": f"{https}/live.m3u8".replace("secret", "wrong"), "tls": trust}, "auth"),
            "hls-nothing": ({"source": f"{https}/nothing.m3u8", "tls": trust}, "not_found"),
            "hls-ended": ({"source": f"{https}/film.m3u8", "tls": trust}, "eos"),
            "pulse-nothing": ({"source": "pulse://nothing"}, "not_found"),
            "alsa-nothing": ({"source": "alsa://nothing"}, "not_found"),
            "v4l2-nothing": ({"source": "v4l2:///dev/video-nothing"}, "not_found"),
        }
        streams = {**self.good, **{name: source for name, (source, _) in self.bad.items()}}
        self.http_port = free_port()
        self.daemon = services.start_vedetted(processes, build, folder, self.write_config(streams),
                                              env=dict(os.environ, **self.servers.sound))
        self.redis = Redis(self.redis_port)

    def write_config(self, streams):
        return services.write_config(self.folder, self.redis_port, self.http_port, streams,
                                     f"models: {{ think: none }}\nadmission: {{ share: 0 }}\ndefaults: {json.dumps(DEFAULTS)}")

    def state(self, stream):
        hash_ = self.redis.hash(f"vedette:{{{stream}}}:state")
        return hash_.get("state"), hash_.get("reason", "")

    def records(self, stream, kind):
        entries = self.redis.call("XRANGE", f"vedette:{{{stream}}}:events", "-", "+")
        found = [json.loads(fields[fields.index("json") + 1]) for _, fields in entries]
        return [record for record in found if record["kind"] == kind]

    def heard(self, stream):
        return " ".join(record["text"] for record in self.records(stream, "transcript")).lower()

    def speaks(self, stream):
        return lambda: sum(word in self.heard(stream) for word in KNOWN) >= 2

    def media_come_through(self):
        for stream in ("rtsps", "srt", "hls", "pulse", "pipewire", "camera"):
            self.checks.that(wait_for(self.speaks(stream), 90), f"{stream}: the words that are spoken",
                             (self.state(stream), self.heard(stream)))
        for stream in ("rtsps", "careless", "rtmp", "hls"):
            moves = lambda s=stream: self.records(s, "motion")  # noqa: E731
            self.checks.that(wait_for(moves, 60), f"{stream}: what moves", self.state(stream))
        for stream, reason in (("srt", "no_video"), ("rtmp", "no_audio"), ("hls", ""), ("camera", "")):
            self.checks.that(wait_for(lambda s=stream, r=reason: self.state(s) == ("running", r), 30),
                             f"{stream}: runs {reason}", self.state(stream))

    def times_have_their_errors(self):
        for stream, most_ms in (("srt", 600), ("hls", 30_000), ("pulse", 100)):
            record = self.records(stream, "transcript")[0]
            self.checks.that(record["clock"] == "receive" and record["clock_error_ms"] == most_ms,
                             f"{stream}: times are those of receipt, with their error", record)
        self.checks.that(self.records("rtsps", "transcript")[-1]["clock"] == "rtcp", "rtsps: times are the camera's")

    def faults_are_told(self):
        reasons = {name: set() for name in self.bad}

        def all_told():
            for name in self.bad:
                reasons[name].add(self.state(name)[1])
            return all(reason in reasons[name] for name, (_, reason) in self.bad.items())

        wait_for(all_told, 60)
        for name, (_, reason) in self.bad.items():
            self.checks.that(reason in reasons[name], f"{name}: {reason}", reasons[name])
        log = (self.folder / "vedetted.log").read_text(errors="replace")
        self.checks.that(not any(secret in log for secret in ("secret", "wrong@", PASSPHRASE, "battery-staple")),
                         "no password is in the log")

    def a_card_is_heard(self, build, processes):
        """ALSA by its PulseAudio plugin, which, unlike a card, may never return when it is closed: in a service of its own."""
        folder = self.folder / "card"
        folder.mkdir()
        config = services.write_config(folder, self.redis_port, free_port(), {"alsa": {"source": "alsa://room"}}, "models: { think: none }")
        daemon = services.start_vedetted(processes, build, folder, config, env=dict(os.environ, **self.servers.sound))
        self.checks.that(wait_for(self.speaks("alsa"), 90), "alsa: the words that are spoken", (self.state("alsa"), self.heard("alsa")))
        daemon.kill()

    def mistakes_are_taken_out(self):
        self.write_config(self.good)
        self.daemon.send_signal(signal.SIGHUP)
        self.checks.that(wait_for(lambda: all(self.state(name)[0] == "stopped" for name in self.bad), 30), "what goes stops at a reload",
                         {name: self.state(name) for name in self.bad})

    def servers_go_and_come_back(self):
        self.servers.kill()
        reasons = {name: set() for name in self.good}

        def all_lost():
            for name in self.good:
                state, reason = self.state(name)
                if state == "reconnecting":
                    reasons[name].add(reason)
            return all(reasons.values()) and all("refused" in reasons[name] for name in ("rtsps", "rtmp", "hls", "pulse"))

        wait_for(all_lost, 60)
        for name, seen in reasons.items():
            self.checks.that(seen, f"{name}: its server is gone", self.state(name))
        for name in ("rtsps", "rtmp", "hls", "pulse"):
            self.checks.that("refused" in reasons[name], f"{name}: and refuses connections", reasons[name])
        self.servers.start()
        for name in self.good:
            runs = lambda n=name: self.state(n)[0] == "running"  # noqa: E731
            if name == "pipewire" and not wait_for(runs, 45):
                self.servers.start_pipewire_again()
            self.checks.that(wait_for(runs, 60), f"{name}: runs again", self.state(name))


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="vedette-sources-") as folder, Processes() as processes:
        scenario = Scenario(checks, build, pathlib.Path(folder), processes)
        scenario.media_come_through()
        scenario.times_have_their_errors()
        scenario.faults_are_told()
        scenario.a_card_is_heard(build, processes)
        scenario.mistakes_are_taken_out()
        scenario.servers_go_and_come_back()
        log = (pathlib.Path(folder) / "vedetted.log").read_text(errors="replace")
        print("the log of vedetted ends with\n" + "\n".join(log.splitlines()[-40:]))
    checks.finish()


main()
