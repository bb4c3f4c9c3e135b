"""The service of chaos_test.py: cameras that can be hurt one by one, a Redis, and a vedetted with a small disk and a clock of its own."""
import os
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools" / "demo")]
import media  # noqa: E402
import services  # noqa: E402
from observed_service import ObservedService  # noqa: E402
from processes import free_port  # noqa: E402
from slow_proxy import SlowProxy  # noqa: E402

# Silence is heard without a model's help, which keeps this cheap.
SILENCE = (" audiotestsrc is-live=true wave=silence ! audio/x-raw,rate=16000,channels=1 ! audioconvert ! avenc_aac ! "
           "rtpmp4gpay name=pay1 pt=97")
BALL = ("videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=10/1 ! x264enc tune=zerolatency "
        "speed-preset=ultrafast bitrate=300 key-int-max=10 ! rtph264pay name=pay0 pt=96" + SILENCE)
PICTURES = ("multifilesrc location={frames} start-index=1 stop-index={count} loop=true caps=image/jpeg,framerate=10/1 ! jpegdec ! "
            "clocksync ! videoconvert ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max=20 ! "
            "rtph264pay config-interval=-1 name=pay0 pt=96" + SILENCE)
SIZES = ((320, 180), (640, 360))
SIZE_S = 3  # of each

DISK_BYTES = 4 << 20
SETTINGS = """
models: { hear: whisper-tiny.en, see: none, think: none }
retention: 1d
defaults:
  caption: { every: 1s }
  retry: { first: 500ms, longest: 2s }
  health: { sound_absent_after: 10s, picture_absent_after: 10s }
"""
STREAMS = ("witness", "killed", "frozen", "slow", "sizes")


def sizes(folder):
    """Pictures of two sizes, one after the other; returns the pattern of their files' names."""
    count = SIZE_S * 10
    for number, (width, height) in enumerate(SIZES):
        media.ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={width}x{height}:rate=10:duration={SIZE_S}", "-start_number",
                     str(1 + number * count), folder / "sizes-%03d.jpg")
    return folder / "sizes-%03d.jpg"


class ChaosService(ObservedService):
    def __init__(self, checks, build, folder, processes, proxies):
        self.build, self.processes = build, processes
        self.folder = folder
        scene = PICTURES.format(frames=media.quoted(media.scene(media.GATE_SCENE, folder, "scene")), count=10 * media.SCENE_S)
        changing = PICTURES.format(frames=media.quoted(sizes(folder)), count=10 * SIZE_S * len(SIZES))
        self.mounts = {"witness": scene, "killed": BALL, "frozen": BALL, "slow": BALL, "sizes": changing}
        self.servers = {}
        self.ports = {}
        for stream in STREAMS:  # each its own, so that what happens to one camera does not happen to another
            self.serve(stream)
        self.proxy = proxies(SlowProxy(self.ports["slow"]))
        self.redis_process, redis_port = services.start_redis(processes, folder)
        self.http_port = free_port()
        super().__init__(checks, build, folder, redis_port, self.http_port)
        self.streams = {stream: {"source": f"rtsp://127.0.0.1:{self.ports[stream]}/live"} for stream in STREAMS}
        self.streams["slow"]["source"] = f"rtsp://127.0.0.1:{self.proxy.port}/live"
        self.streams["frozen"]["retry"] = {"stalled_after": "5s"}
        self.streams["witness"]["alerts"] = [{"when": "something moves", "cooldown": "1s"}]
        self.clock = folder / "clock"
        self.set_clock(0)
        self.daemon = self.start_daemon(self.write_config(self.streams))

    def serve(self, stream):
        folder = self.folder / f"camera-{stream}"
        folder.mkdir(exist_ok=True)
        self.servers[stream], self.ports[stream] = services.start_rtsp(
            self.processes, self.build, folder, {"/live": "( " + self.mounts[stream] + " )"}, self.ports.get(stream, 0))

    def write_config(self, streams):
        return services.write_config(self.folder, self.redis_port, self.http_port, streams, SETTINGS)

    def start_daemon(self, config):
        """In a mount namespace of its own, with a small disk for evidence; or without, where that is not allowed."""
        evidence = self.folder / "evidence"
        evidence.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(evidence)]
        ways = (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"])  # root's, and anybody's
        apart = next((way for way in ways if subprocess.run([*way, *mount], capture_output=True).returncode == 0), None)
        self.has_disk = apart is not None
        command = [str(self.build / "bin" / "vedetted"), "--config", str(config)]
        if self.has_disk:
            command = [*apart, "sh", "-c", '"$1" "$2" "$3" "$4" "$5" "$6" "$7" && shift 7 && exec "$@"', "sh", *mount, *command]
        clock = self.build / "tests" / "stepped_clock.so"
        return self.processes.start(command, self.folder / "vedetted.log",
                                    env=dict(os.environ, LD_PRELOAD=str(clock), VEDETTE_TEST_CLOCK=str(self.clock)))

    def set_clock(self, offset_s):
        """The daemon's, against ours."""
        with open(self.clock, "r+b" if self.clock.exists() else "wb") as file:
            file.write(struct.pack("=q", offset_s * 1_000_000_000))
