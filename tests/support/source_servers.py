"""Servers of every kind that a stream can come from, on loopback and in private folders, which can be killed and come back."""
import os
import pathlib
import shlex
import socket
import subprocess
import sys

import media
import services
from checks import wait_for
from processes import free_port, stop

HERE = pathlib.Path(__file__).resolve().parent
PASSPHRASE, USER = "correct-horse", "guard:secret"

NGINX = """load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; error_log stderr; pid {folder}/nginx.pid;
events {{ worker_connections 32; }}
rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; wait_key on; }} }} }}
"""
# A sink whose monitor can be listened to; no device, no bus, no real-time priority.
PIPEWIRE = """context.properties = { core.daemon = true core.name = pipewire-0 support.dbus = false default.clock.rate = 48000 }
context.spa-libs = { audio.convert.* = audioconvert/libspa-audioconvert support.* = support/libspa-support }
context.modules = [
  { name = libpipewire-module-protocol-native } { name = libpipewire-module-metadata }
  { name = libpipewire-module-spa-node-factory } { name = libpipewire-module-client-node }
  { name = libpipewire-module-client-device } { name = libpipewire-module-adapter }
  { name = libpipewire-module-link-factory } { name = libpipewire-module-session-manager } { name = libpipewire-module-access }
]
context.objects = [
  { factory = spa-node-factory
    args = { factory.name = support.node.driver node.name = Dummy-Driver node.group = pipewire.dummy priority.driver = 20000 } }
  { factory = adapter
    args = { factory.name = support.null-audio-sink node.name = room media.class = Audio/Sink audio.position = [ MONO ]
             object.linger = true } }
]
"""


def certificate(folder):
    """A self-signed certificate with its key, as a camera has one, and the certificate alone."""
    key, alone, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=camera", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-keyout", key, "-out", alone], check=True, capture_output=True)
    both.write_text(alone.read_text() + key.read_text())
    return both, alone


class Servers:
    def __init__(self, processes, build, folder):
        self.processes, self.build, self.folder = processes, build, folder
        self.both, self.certificate = certificate(folder)
        self.running = {}  # name -> processes, in the order of their start
        self.speech = media.speak(media.GATE, "en-us", folder, "gate")
        self.frames = media.scene(media.GATE_SCENE, folder, "gate")
        self.ports = {name: free_port() for name in ("rtsps", "srt", "rtmp", "https")}
        for name in ("hls", "pulse", "pipewire"):
            (folder / name).mkdir(mode=0o700)
        self.sound = {"PULSE_SERVER": f"unix:{folder}/pulse/native", "XDG_RUNTIME_DIR": str(folder / "pipewire"),
                      "PIPEWIRE_RUNTIME_DIR": str(folder / "pipewire"), "ALSA_CONFIG_PATH": str(folder / "asound.conf")}
        (folder / "asound.conf").write_text(
            f'pcm.room {{ type pulse server "unix:{folder}/pulse/native" device room.monitor }}\n')
        self.make_film()

    # What is sent: speech for ever, pictures of a van that comes and goes for ever.
    def speech_text(self, then):
        return (f"multifilesrc location={self.speech} loop=true blocksize=9600 ! rawaudioparse format=pcm pcm-format=s16le "
                f"sample-rate={media.RATE_HZ} num-channels=1 ! audioconvert ! clocksync ! {then}")

    def picture_text(self, then):
        return (f"multifilesrc location={self.frames} start-index=1 stop-index={10 * media.SCENE_S} loop=true "
                "caps=image/jpeg,framerate=10/1 ! jpegdec ! clocksync ! videoconvert ! x264enc tune=zerolatency "
                f"speed-preset=ultrafast bitrate=300 key-int-max=10 ! h264parse ! {then}")

    def make_film(self):
        """An HLS playlist that ends."""
        folder = self.folder / "hls"
        media.ffmpeg("-f", "s16le", "-ar", str(media.RATE_HZ), "-ac", "1", "-i", self.speech, "-t", "4", "-c:a", "aac", "-f", "hls",
                     "-hls_time", "2", "-hls_list_size", "0", "-hls_playlist_type", "vod", folder / "film.m3u8")

    def start_program(self, name, *command, env=None, **options):
        process = self.processes.start(command, self.folder / f"{name}.log", env=dict(os.environ, **(env or {})), **options)
        self.running.setdefault(name.split("-")[0], []).append(process)
        return process

    def launch(self, name, text, env=None):
        return self.start_program(name, "gst-launch-1.0", "-q", *shlex.split(text), env=env)

    def serve(self, name, *command):
        """A program that says where it listens."""
        line = self.start_program(name, *command, stdout=-1).stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit(f"{name} did not start: " + services.tail_of(self.folder / f"{name}.log"))

    def start(self):
        self.start_rtsps()
        self.start_srt()
        self.start_rtmp()
        self.start_https()
        self.start_pulse()
        self.start_pipewire()

    def start_rtsps(self):
        self.serve("rtsps", self.build / "tests" / "rtsp_serve", "--digest", USER, "--tls", self.both, self.ports["rtsps"], "/gate",
                   media.live(self.speech, self.frames))

    def start_srt(self):
        sink = f'srtsink uri="srt://127.0.0.1:{self.ports["srt"]}?mode=listener" passphrase={PASSPHRASE} wait-for-connection=false'
        self.launch("srt", self.speech_text(f"avenc_aac ! aacparse ! mpegtsmux ! {sink}"))

    def start_rtmp(self):
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, port=self.ports["rtmp"]))
        self.start_program("rtmp", "nginx", "-p", self.folder, "-c", config, "-e", "stderr")
        wait_for(lambda: listens(self.ports["rtmp"]), 20)
        self.launch("rtmp-publisher", self.picture_text(
            f'flvmux streamable=true ! rtmp2sink location=rtmp://127.0.0.1:{self.ports["rtmp"]}/live/gate'))

    def start_https(self):
        folder = self.folder / "hls"
        self.launch("https-writer", self.speech_text("avenc_aac ! aacparse ! out.audio ") + self.picture_text("out.video ") +
                    f"hlssink2 name=out target-duration=1 playlist-length=5 max-files=10 location={folder}/live-%05d.ts "
                    f"playlist-location={folder}/live.m3u8")
        self.serve("https", sys.executable, HERE / "https_serve.py", self.both, USER, self.ports["https"], folder)

    def start_pulse(self):
        folder = self.folder / "pulse"
        private = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "PULSE_RUNTIME_PATH": str(folder)}
        self.start_program("pulse", "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
                           "--disable-shm=yes", "--realtime=no", "--high-priority=no",
                           "-L", f"module-null-sink sink_name=room rate={media.RATE_HZ} channels=1",
                           "-L", f"module-native-protocol-unix socket={folder}/native auth-anonymous=1", env=private)
        wait_for(lambda: accepts(folder / "native"), 20)
        self.launch("pulse-player", self.speech_text("pulsesink device=room"), self.sound)

    def start_pipewire(self):
        folder = self.folder / "pipewire"
        config = folder / "pipewire.conf"
        config.write_text(PIPEWIRE)
        private = {"HOME": str(folder), **self.sound}
        self.start_program("pipewire", "pipewire", "-c", config, env=private)
        wait_for(lambda: accepts(folder / "pipewire-0"), 20)
        bus = f"unix:path={folder}/bus"
        self.start_program("pipewire-bus", "dbus-daemon", "--session", "--nofork", f"--address={bus}", env=private)
        wait_for(lambda: accepts(folder / "bus"), 20)
        self.start_program("pipewire-session", "wireplumber", env={**private, "DBUS_SESSION_BUS_ADDRESS": bus})
        # pipewiresink 0.3 falls silent for ever at a buffer that is longer than those it was given.
        short = "audioresample ! audiobuffersplit output-buffer-duration=1/100"
        self.launch("pipewire-player", self.speech_text(f"{short} ! pipewiresink target-object=room"), self.sound)

    def start_pipewire_again(self):
        self.kill_one("pipewire")
        self.start_pipewire()

    def kill_one(self, name):
        for process in self.running.pop(name):
            process.kill()
            stop(process)
        for left in {"pulse": ["native"], "pipewire": ["pipewire-0", "bus"]}.get(name, []):
            (self.folder / name / left).unlink(missing_ok=True)

    def kill(self):
        """All of them, at once."""
        for name in list(self.running):
            self.kill_one(name)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def accepts(path):
    """A socket's file is there before it listens."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
