"""A running vedetted, looked at from outside: in its Redis, its /metrics, its log and with `vedette coverage`."""
import contextlib
import json
import subprocess
import time
import urllib.error
import urllib.request

from checks import wait_for
from redis_client import Redis

ANSWER_S = 30  # a busy machine takes its time
WATCHED = ("analysed", "gated", "shed")  # states of coverage in which a stream's media came


def status_of(url):
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_S) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


class Samples(dict):
    """What /metrics said, name with labels -> value, and between which moments it was asked."""

    def __init__(self, text, asked, answered):
        lines = [line.rpartition(" ") for line in text.splitlines() if line and line[0] != "#"]
        super().__init__({name: float(value) for name, _, value in lines})
        self.asked, self.answered = asked, answered

    def labelled(self, name, **labels):
        """The values of a metric with these labels, by the rest of its labels."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        found = {}
        for key, value in self.items():
            base, _, rest = key.partition("{")
            parts = rest.rstrip("}").split(",") if rest else []
            if base == name and wanted <= set(parts):
                found[",".join(part for part in parts if part not in wanted)] = value
        return found

    def total(self, name, **labels):
        return sum(self.labelled(name, **labels).values())

    def coverage(self, stream, modality):
        """Seconds by state."""
        name = "vedette_coverage_seconds_total"
        return {key[7:-1]: value for key, value in self.labelled(name, stream=stream, modality=modality).items()}


def grown(before, after):
    return {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}


class ObservedService:
    def __init__(self, checks, build, folder, redis_port, http_port):
        self.checks, self.folder = checks, folder
        self._command = build / "bin" / "vedette"
        self.redis_port, self.url = redis_port, f"http://127.0.0.1:{http_port}"

    def redis(self):
        return Redis(self.redis_port)

    def get(self, path):
        """The body, as bytes; empty where there is none."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=ANSWER_S) as reply:
                return reply.read()
        except OSError:
            return b""

    def samples(self):
        asked = time.monotonic()
        _, text = status_of(self.url + "/metrics")
        return Samples(text, asked, time.monotonic())

    def log(self):
        return (self.folder / "vedetted.log").read_text(errors="replace")

    def state(self, stream):
        """State and reason, as Redis has them."""
        with self.redis() as redis:
            told = redis.hash(f"vedette:{{{stream}}}:state")
        return told.get("state"), told.get("reason")

    def records(self, stream, kind=None):
        with self.redis() as redis:
            entries = redis.call("XRANGE", f"vedette:{{{stream}}}:events", "-", "+")
        found = [json.loads(fields[fields.index("json") + 1]) for _, fields in entries]
        return [record for record in found if kind in (None, record["kind"])]

    def comes_to(self, stream, state, reasons=("",), within_s=40, what=""):
        reached = lambda: self.state(stream)[0] == state and self.state(stream)[1] in reasons  # noqa: E731
        return self.checks.that(wait_for(reached, within_s), f"{stream}: {what or state}", self.state(stream))

    def flows(self, stream, count=2, within_s=60):
        """So many more records of the stream are given to the publisher."""
        given = lambda: self.samples().total("vedette_records_total", stream=stream, state="accepted")  # noqa: E731
        before = given()
        return wait_for(lambda: given() >= before + count, within_s, 0.3)

    @contextlib.contextmanager
    def unbroken(self, streams, while_what):
        """What happens inside costs these streams nothing: no second unwatched (a new connection has some), no record."""
        before = self.samples()
        yield
        after = self.samples()
        least, most = after.asked - before.answered, after.answered - before.asked
        for stream in streams:
            wrong = {}
            for modality in ("audio", "video"):
                more = grown(before.coverage(stream, modality), after.coverage(stream, modality))
                lost = sum(seconds for state, seconds in more.items() if state not in WATCHED)
                if lost > 0 or not least - 0.01 <= sum(more.values()) <= most + 0.01:
                    wrong[modality] = (more, least, most)
            told = [sample.labelled("vedette_records_dropped_total", stream=stream) for sample in (before, after)]
            if told[0] != told[1]:
                wrong["dropped"] = told
            self.checks.that(not wrong, f"while {while_what}, {stream} is heard and seen all the time and loses nothing", wrong)

    def history(self, stream, since_ms, until_ms):
        """Seconds by state and the spans, by modality, as `vedette coverage` tells them once they are written."""
        command = [self._command, "coverage", stream, "--json", "--since", str(since_ms), "--until", str(until_ms),
                   "--redis", f"redis://127.0.0.1:{self.redis_port}"]
        done = subprocess.run(command, capture_output=True, text=True)
        told = json.loads(done.stdout) if done.returncode == 0 else {"seconds": -1, "modalities": {}}
        wall = until_ms // 1000 - since_ms // 1000
        sums = [sum(one["seconds"].values()) for one in told["modalities"].values()]
        self.checks.that(told["seconds"] == wall and sums and set(sums) == {wall},
                         f"the coverage of {stream} adds up to {wall} s", (told["seconds"], sums, done.stderr))
        return told["modalities"]
