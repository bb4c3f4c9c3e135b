#!/usr/bin/env python3
"""One vedetted through all that happens to a service: chaos_test.py BUILD [--long]

Sources are killed, frozen, slow and change their size; Redis stops, hangs, is out of memory, read-only, asks for a password; the disk
is full; the clock is set; the configuration is reloaded under load. Each time the stream that is hurt says why and recovers by
itself, what it lost is counted, and the others lose nothing. --long: Redis stops for a whole minute.
"""
import argparse
import calendar
import collections
import contextlib
import pathlib
import signal
import struct
import subprocess
import tempfile
import threading
import time

from chaos_service import SIZES, STREAMS, ChaosService
from checks import Checks, wait_for
from observed_service import WATCHED, grown, status_of
from processes import Processes, stop
from redis_client import RedisError
import services

AHEAD_S = 2 * 3600
SLOW_BYTES_PER_S = 3000  # about a tenth of what the camera sends
LAG_S = 3
HURT = ("killed", "frozen", "slow")
RELOADS, BURST = 9, 30


def jpeg_size(data):
    """Width and height, from the start of frame."""
    at = 2
    while at + 9 < len(data):
        marker, length = struct.unpack(">xBH", data[at:at + 4])
        if marker in (0xC0, 0xC2):
            return struct.unpack(">xHH", data[at + 4:at + 9])[::-1]
        at += 2 + length
    return None


class Chaos:
    def __init__(self, checks, service, outage_s):
        self.checks, self.service, self.outage_s = checks, service, outage_s

    def begins(self):
        ready = lambda: status_of(self.service.url + "/readyz")[0] == 200  # noqa: E731
        self.checks.that(wait_for(ready, 60), "the service is ready", status_of(self.service.url + "/readyz"))
        for stream in STREAMS:
            self.service.comes_to(stream, "running")
        nothing = self.service.samples()
        for stream in STREAMS:
            self.is_watched_again(stream, nothing)
        return self.checks.that(self.service.flows("witness"), "records of the witness flow")

    def seconds(self, stream, modality, before):
        """Those that were counted since, by state."""
        return grown(before.coverage(stream, modality), self.service.samples().coverage(stream, modality))

    def is_watched_again(self, stream, before):
        """Seconds in which its media came are counted since those samples."""
        watched = lambda modality: sum(self.seconds(stream, modality, before).get(s, 0) for s in WATCHED)  # noqa: E731
        both = lambda: watched("audio") > 0.5 and watched("video") > 0.5  # noqa: E731
        return self.checks.that(wait_for(both, 40, 0.3), f"{stream} is heard and seen")

    def cameras_are_killed_frozen_and_slow(self):
        """All at once, each its own camera."""
        service, checks = self.service, self.checks
        before = service.samples()
        with service.unbroken(["witness", "sizes"], "other cameras are killed, frozen and slow"):
            service.servers["killed"].kill()
            service.servers["frozen"].send_signal(signal.SIGSTOP)
            service.proxy.limit(SLOW_BYTES_PER_S)
            service.comes_to("killed", "reconnecting", ("refused",), what="it is said that it is refused")
            service.comes_to("frozen", "reconnecting", ("stalled", "timeout"), what="it is said that nothing comes")
            for stream in ("killed", "frozen"):
                lost = lambda s=stream: self.seconds(s, "video", before).get("no_signal", 0)  # noqa: E731
                checks.that(wait_for(lambda l=lost: l() >= 2, 30, 0.3), f"{stream}: the seconds lost are counted", lost())
            lag = lambda: service.samples().total("vedette_stream_lag_seconds", stream="slow")  # noqa: E731
            checks.that(wait_for(lambda: lag() > LAG_S, 60, 0.3), "slow: that it lags is told", lag())
            gap = lambda: grown(before, service.samples()).get('vedette_sound_gap_seconds_total{stream="slow"}', 0)  # noqa: E731
            checks.that(wait_for(gap, 60, 0.3), "slow: the sound that did not come is counted", gap())
            service.serve("killed")
            service.servers["frozen"].send_signal(signal.SIGCONT)
            service.proxy.limit(None)
            for stream in HURT:
                service.comes_to(stream, "running", what="it runs again by itself")
            mended = service.samples()
            for stream in HURT:
                self.is_watched_again(stream, mended)
            checks.that(wait_for(lambda: lag() < LAG_S, 60, 0.3), "slow: it catches up", lag())
        told = {stream: [record["text"] for record in service.records(stream, "status")] for stream in HURT}
        checks.that("reconnecting(refused)" in told["killed"] and "stalled(no_data)" in told["frozen"],
                    "and records tell of it", told)

    def a_camera_changes_its_size(self):
        """While all else goes on: its pictures are seen in both sizes, and nothing begins anew."""
        seen = set()
        with self.service.unbroken(["sizes"], "it changes its size"):
            def both():
                seen.add(jpeg_size(self.service.get("/streams/sizes/latest.jpg")))
                return seen >= set(SIZES)
            self.checks.that(wait_for(both, 40, 0.3) and seen == set(SIZES), "sizes: its pictures are seen in both sizes", seen)

    def redis_is(self, what, reason, problem, hurt, heal, hold_s=0.0):
        """Hurts Redis: vedetted says so, keeps what it has to say, and loses none of it."""
        service, checks = self.service, self.checks
        errors = lambda samples: samples.total("vedette_redis_errors_total", reason=reason)  # noqa: E731
        with service.unbroken(STREAMS, f"Redis {what}"):
            before, began = service.samples(), time.monotonic()
            hurt()
            noticed = lambda: service.samples().get("vedette_redis_up") == 0 and errors(service.samples()) > errors(before)  # noqa: E731
            checks.that(wait_for(noticed, 20), f"Redis {what}: it is counted as {reason}",
                        service.samples().labelled("vedette_redis_errors_total"))
            code, text = status_of(service.url + "/readyz")
            checks.that(code == 503 and problem in text, "/readyz says so", (code, text))
            checks.that(status_of(service.url + "/livez")[0] == 200, "/livez says that it is alive")
            checks.that(service.flows("witness", 1), "records of the witness go on")
            waiting = lambda: service.samples().get("vedette_redis_queue_records", 0) > 0  # noqa: E731
            checks.that(wait_for(waiting, 20), "and wait")
            while time.monotonic() < began + hold_s:  # the outage has its length
                time.sleep(0.2)
            heal()
            checks.that(wait_for(lambda: service.samples().get("vedette_redis_up") == 1, 30), "and it is written again")
            checks.that(wait_for(lambda: not waiting(), 30), "nothing waits any longer")
        self.all_is_written()

    def all_is_written(self):
        """What the publisher accepted stands in Redis, each once."""
        for stream in ("witness", "killed"):
            wrong = []

            def all_there(stream=stream, wrong=wrong):
                before = self.accepted(stream)
                records = self.service.records(stream)
                names = collections.Counter((one["id"], one["rev"]) for one in records)
                wrong[:] = [before, len(records), *(name for name, count in names.items() if count > 1)]
                return before <= len(records) and len(wrong) == 2
            self.checks.that(wait_for(all_there, 20), f"{stream}: what it had to say stands in Redis, each once", wrong)

    def accepted(self, stream):
        return self.service.samples().total("vedette_records_total", stream=stream, state="accepted")

    def redis_is_in_trouble(self):
        service = self.service

        def start():
            service.redis_process, _ = services.start_redis(service.processes, service.folder, service.redis_port)

        def command(*words):
            with service.redis() as redis:
                redis.call(*words)

        def ask_for_a_password():
            with service.redis() as redis:
                redis.call("CONFIG", "SET", "requirepass", "sesame")
                redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

        def ask_no_more():
            with service.redis() as redis:
                redis.call("AUTH", "sesame")
                redis.call("CONFIG", "SET", "requirepass", "")

        self.redis_is("is stopped", "connection", "connection", lambda: stop(service.redis_process), start, self.outage_s)
        self.redis_is("hangs", "timeout", "timeout", lambda: service.redis_process.send_signal(signal.SIGSTOP),
                      lambda: service.redis_process.send_signal(signal.SIGCONT))
        self.redis_is("is out of memory", "out_of_memory", "OOM", lambda: command("CONFIG", "SET", "maxmemory", "1"),
                      lambda: command("CONFIG", "SET", "maxmemory", "0"))
        self.redis_is("is read-only", "read_only", "READONLY", lambda: command("REPLICAOF", "127.0.0.1", "1"),
                      lambda: command("REPLICAOF", "NO", "ONE"))
        self.redis_is("asks for a password", "auth", "NOAUTH", ask_for_a_password, ask_no_more)

    def the_disk_is_full(self):
        service, checks = self.service, self.checks
        if not service.has_disk:
            print("SKIPPED the disk is full: a small one cannot be mounted here (unshare --mount)")
            return
        disk = pathlib.Path(f"/proc/{service.daemon.pid}/root{service.folder}/evidence")
        lost = lambda: service.samples().total("vedette_records_without_picture_total", stream="witness")  # noqa: E731
        with_picture = lambda since: [r for r in service.records("witness")  # noqa: E731
                                      if r.get("evidence") and r["t_start_ms"] > since]
        checks.that(wait_for(lambda: with_picture(0), 40), "records have pictures")
        with service.unbroken(STREAMS, "the disk is full"):
            before = lost()
            with open(disk / "of-somebody-else", "wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 65536)
            checks.that(wait_for(lambda: service.samples().get("vedette_evidence_up") == 0, 40, 0.3), "a full disk is told")
            checks.that("No space left on device" in service.log(), "and in the log")
            checks.that(wait_for(lambda: lost() > before, 40, 0.3), "records without a picture are counted")
            checks.that(service.flows("witness"), "and go on without")
            (disk / "of-somebody-else").unlink()
            since = time.time() * 1000
            checks.that(wait_for(lambda: with_picture(since), 60, 0.3), "with room again, they have pictures again")
            checks.that(service.samples().get("vedette_evidence_up") == 1, "and that is told")
            unfinished = list(disk.glob("**/*.unfinished"))
            checks.that(not unfinished, "nothing half written is left", unfinished)

    def the_clock_is_set(self):
        """Two hours ahead, and back."""
        service, checks = self.service, self.checks
        stepped = lambda direction: service.samples().total("vedette_clock_stepped_seconds_total", direction=direction)  # noqa: E731
        lag = lambda: service.samples().labelled("vedette_stream_lag_seconds", stream="witness").get("", 1e9)  # noqa: E731
        began_ms = self.now_ms()
        with service.unbroken(STREAMS, "the clock is set"):
            for offset_s, direction in ((AHEAD_S, "forward"), (0, "back")):
                service.set_clock(offset_s)
                set_ms = self.now_ms() + offset_s * 1000
                there = lambda d=direction: abs(stepped(d) - AHEAD_S) < 1  # noqa: E731
                checks.that(wait_for(there, 20, 0.3), f"a clock that is set {direction}: by how much is counted", stepped(direction))
                newer = lambda since=set_ms: [r for r in service.records("witness")[-30:]  # noqa: E731
                                              if r["kind"] != "status" and since <= r["t_start_ms"] < since + 600_000]
                checks.that(wait_for(newer, 40, 0.3), "records have the times of the clock as it is set", set_ms)
                checks.that(wait_for(lambda: lag() < 60, 20, 0.3), "and so has the lag", lag())
                checks.that(service.flows("killed", 1), "records of all flow")
        for stream in STREAMS:
            records = service.records(stream)
            wrong = [r for r in records if r["t_start_ms"] > r["t_end_ms"] or r["t_end_ms"] - r["t_start_ms"] > AHEAD_S * 500]
            checks.that(not wrong, f"{stream}: no record ends before it begins, nor spans what was skipped", wrong[:1])
        self.all_is_written()
        for past_ms in (0, AHEAD_S * 1000):  # what the clock skipped stays unwritten, what it jumped to is written there
            now_ms = self.now_ms()
            told = self.past("witness", began_ms + past_ms, now_ms + past_ms)
            for modality, seconds in told.items():
                known = sum(seconds.get(state, 0) for state in WATCHED)
                checks.that(0 < known < sum(seconds.values()) and set(seconds) <= {*WATCHED, "down"},
                            f"the history of its {modality} is by the clock as it was set", seconds)

    @staticmethod
    def now_ms():
        return int(time.time() * 1000)

    def past(self, stream, since_ms, until_ms):
        """Seconds by state and modality as `vedette coverage` tells them, those that are not 0; adds them up."""
        told = self.service.history(stream, since_ms, until_ms)
        return {modality: {state: count for state, count in one["seconds"].items() if count} for modality, one in told.items()}

    def the_past_is_covered(self, began_ms, ended_ms):
        """All that was written until then, the outages of Redis included."""
        written = lambda: ended_ms // 1000 - 1 <= self.newest_second()  # noqa: E731
        self.checks.that(wait_for(written, 30, 0.3), "coverage is written up to now")
        ended_ms -= 2000
        for stream in STREAMS:
            told = self.past(stream, began_ms, ended_ms)
            lost = {modality: sum(seconds.get(state, 0) for state in ("no_signal", "starting", "decode_error"))
                    for modality, seconds in told.items()}
            hurt = stream in ("killed", "frozen")
            right = all((count > 0) == hurt for count in lost.values())
            right = right and (stream == "killed" or not any("down" in one for one in told.values()))  # a reload stopped it
            self.checks.that(len(told) == 2 and right,
                             f"{stream}: `vedette coverage` " + ("has its losses" if hurt else "has no gap"), told)

    def newest_second(self):
        with self.service.redis() as redis:
            key = "vedette:{witness}:coverage:video:"
            days = redis.call("KEYS", key.replace("{", "\\{") + "*")
            if not days:
                return 0
            day = sorted(days)[-1]
            midnight = calendar.timegm(time.strptime(day[len(key):], "%Y-%m-%d"))
            return midnight + redis.call("STRLEN", day) - 1

    def the_configuration_is_reloaded_under_load(self):
        service, checks = self.service, self.checks
        base = service.streams
        more = dict(base, extra={"source": "test://picture"}, killed=dict(base["killed"], caption={"every": "3s"}))
        reloads = lambda: service.samples().labelled("vedette_config_reloads_total")  # noqa: E731
        asking = threading.Event()

        def ask_all_the_time():
            while not asking.is_set():
                service.samples()
                status_of(service.url + "/api/streams")
        others = [stream for stream in STREAMS if stream != "killed"]
        before = service.samples()
        load = threading.Thread(target=ask_all_the_time)
        load.start()
        with service.unbroken(others, "the configuration is reloaded under load"):
            for number in range(RELOADS):
                counted, outcome = reloads(), "bad_file" if number % 3 == 2 else "applied"
                file = service.write_config((more, base, base)[number % 3])
                if outcome == "bad_file":
                    file.write_text(file.read_text() + "nonsense: 1\n")
                service.daemon.send_signal(signal.SIGHUP)
                counts = lambda c=counted: grown(c, reloads())  # noqa: E731
                checks.that(wait_for(counts, 30) == {f'outcome="{outcome}"': 1}, f"reload {number + 1}: {outcome}", counts())
            for number in range(BURST):
                service.write_config((more, base)[number % 2])
                service.daemon.send_signal(signal.SIGHUP)
            listed = lambda: {key[8:-1] for key in service.samples().labelled("vedette_stream_up")}  # noqa: E731
            checks.that(wait_for(lambda: listed() == set(base), 40), "after a burst of signals the last file stands", listed())
            checks.that(service.flows("witness"), "records of the witness flow")
            service.comes_to("killed", "running", what="a stream that was changed and changed again runs")
        asking.set()
        load.join()
        self.is_watched_again("killed", service.samples())
        for name, slack in (("process_open_fds", 12), ("process_threads", 12)):
            now = lambda n=name: service.samples().get(n, 1e9)  # noqa: E731
            checks.that(wait_for(lambda n=name, s=slack: now(n) <= before.get(n, 0) + s, 40), f"{name} are as before",
                        (before.get(name), now(name)))

    def ends(self):
        self.service.daemon.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.service.daemon.wait(timeout=15)
        self.checks.that(self.service.daemon.poll() == 0, "SIGTERM ends it with code 0", self.service.daemon.poll())


def everything(chaos):
    if chaos.begins():
        began_ms = chaos.now_ms()
        chaos.cameras_are_killed_frozen_and_slow()
        chaos.a_camera_changes_its_size()
        chaos.redis_is_in_trouble()
        chaos.the_disk_is_full()
        chaos.the_configuration_is_reloaded_under_load()
        chaos.the_past_is_covered(began_ms, chaos.now_ms())
        chaos.the_clock_is_set()
    chaos.ends()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="vedette-chaos-") as folder, Processes() as processes, \
            contextlib.ExitStack() as proxies:
        service = ChaosService(checks, options.build.resolve(), pathlib.Path(folder), processes, proxies.enter_context)
        chaos = Chaos(checks, service, 60 if options.long else 6)
        try:
            everything(chaos)
        finally:
            print("the log of vedetted ends with\n" + services.tail_of(service.folder / "vedetted.log", 60))
    checks.finish()


main()
