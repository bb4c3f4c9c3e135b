"""What the demo and the end-to-end tests run: a private Redis, an RTSP server and vedetted, all on loopback."""
import json
import pathlib
import time

from processes import free_port
from redis_client import Redis, RedisError


def start_redis(processes, folder, port=None):
    """Starts a Redis whose data stay in the folder, waits for it and returns (process, port)."""
    port = port or free_port()
    process = processes.start(
        ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir", folder],
        pathlib.Path(folder) / "redis.log")
    for _ in range(200):
        try:
            with Redis(port) as redis:
                redis.call("PING")
            return process, port
        except (OSError, RedisError):  # not listening yet, or still loading its data
            if process.poll() is not None:
                break
            time.sleep(0.05)
    raise SystemExit("redis-server did not start: " + (pathlib.Path(folder) / "redis.log").read_text())


def start_rtsp(processes, build, folder, mounts, port=0, options=()):
    """Serves mounts, a dict of path -> gst-launch description; returns (process, port)."""
    words = [word for mount in mounts.items() for word in mount]
    log = pathlib.Path(folder) / "rtsp.log"
    process = processes.start([build / "tests" / "rtsp_serve", *options, port, *words], log, stdout=-1)
    line = process.stdout.readline()
    if not line.startswith("listening on "):
        raise SystemExit("the RTSP server did not start: " + log.read_text())
    return process, int(line.split()[-1])


def write_config(folder, redis_port, http_port, streams, extra=""):
    """A vedetted configuration for streams, a dict of id -> source, or -> settings; returns its file."""
    file = pathlib.Path(folder) / "vedette.yaml"
    lines = [f"redis: redis://127.0.0.1:{redis_port}/0", f"http: 127.0.0.1:{http_port}",
             extra, f"evidence: {{ path: {folder}/evidence }}", "streams:"]
    for stream, source in streams.items():
        more = source if isinstance(source, dict) else {"source": source}
        lines.append(f"  {stream}: {json.dumps(more)}")  # JSON is YAML
    file.write_text("\n".join(lines) + "\n")
    return file


def start_vedetted(processes, build, folder, config, **options):
    return processes.start([build / "bin" / "vedetted", "--config", config], pathlib.Path(folder) / "vedetted.log",
                           **options)


def ask(redis, stream, text, identity):
    redis.call("XADD", "vedette:questions", "*", "id", identity, "stream", stream, "text", text)


def tail_of(file, lines=15):
    return "\n".join(pathlib.Path(file).read_text(errors="replace").splitlines()[-lines:])
