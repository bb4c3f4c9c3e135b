"""The demo's streams: sentences spoken by espeak-ng with noise under them, pictures that move, patterns with faults and sounds."""
import pathlib
import subprocess

RATE_HZ = 48000

GATE = ["The delivery truck is waiting in front of the gate.", "Please leave the boxes next to the blue door.",
        "The driver needs a signature from the manager.", "The heavy packages are for the second floor."]
LOBBY = ["Good morning, welcome to the office.", "The meeting starts in ten minutes.",
         "Please take the stairs to the second floor.", "The visitor forgot his umbrella near the window."]


def speak(sentences, voice, folder, name, pause_s=2.1):
    """Makes one loop of the sentences as 16-bit mono PCM and returns its file."""
    folder = pathlib.Path(folder)
    parts = []
    for number, sentence in enumerate(sentences):
        spoken = folder / f"{name}-{number}.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", "140", "-g", "4", "-w", spoken, sentence], check=True)
        padded = folder / f"{name}-{number}-padded.wav"
        subprocess.run(["sox", "-q", spoken, "-r", str(RATE_HZ), "-c", "1", padded, "pad", "0", str(pause_s)], check=True)
        parts.append(padded)
    clean = folder / f"{name}-clean.wav"
    subprocess.run(["sox", "-q", *parts, clean, "norm", "-6"], check=True)
    length = subprocess.run(["soxi", "-D", clean], check=True, capture_output=True, text=True).stdout.strip()
    noise = folder / f"{name}-noise.wav"
    subprocess.run(["sox", "-q", "-R", "-n", "-r", str(RATE_HZ), "-c", "1", noise, "synth", length, "pinknoise", "vol",
                    "0.004"], check=True)
    loop = folder / f"{name}.raw"
    subprocess.run(["sox", "-q", "-m", "-v", "1", clean, "-v", "1", noise, "-t", "raw", "-e", "signed", "-b", "16",
                    loop], check=True)
    return loop


VIDEO = ("videotestsrc is-live=true {pattern} ! video/x-raw,width=320,height=240,framerate=10/1 ! "
         "x264enc tune=zerolatency speed-preset=ultrafast bitrate=200 key-int-max=20 ! rtph264pay name=pay0 pt=96")
AUDIO = ("multifilesrc location={file} loop=true blocksize=9600 ! rawaudioparse format=pcm pcm-format=s16le "
         "sample-rate={rate} num-channels=1 ! audioconvert ! clocksync ! avenc_aac bitrate=96000 ! aacparse ! "
         "rtpmp4gpay name=pay1 pt=97")
CLIP = ("filesrc location={file} ! decodebin name=d  "
        "d. ! queue ! videoconvert ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! "
        "rtph264pay name=pay0 pt=96  "
        "d. ! queue ! audioconvert ! audioresample ! avenc_aac bitrate=96000 ! aacparse ! rtpmp4gpay name=pay1 pt=97")
CLIP_SOUND = ("filesrc location={file} ! decodebin ! audioconvert ! audioresample ! avenc_aac bitrate=96000 ! aacparse ! "
              "rtpmp4gpay name=pay0 pt=97")


MOVING = "pattern=ball background-color=0xff506070"
TURNING = "pattern=ball motion=sweep animation-mode=frames background-color=0xff304030"

# A picture that moves, then is black, then hangs; a tone, then silence, then noise.
PATTERNS = ["testsrc2=size=320x240:rate=10:duration=8", "color=black:size=320x240:rate=10:duration=6",
            "smptebars=size=320x240:rate=10:duration=22"]
SOUNDS = ["sine=frequency=600:duration=8,volume=0.5", "anullsrc=channel_layout=mono:sample_rate=44100,atrim=duration=14",
          "anoisesrc=color=pink:amplitude=0.3:duration=14"]


def patterns(folder):
    """Makes a clip of test patterns with faults and sounds and returns its file."""
    file = pathlib.Path(folder) / "patterns.mp4"
    inputs = [word for source in PATTERNS + SOUNDS for word in ("-f", "lavfi", "-i", source)]
    joined = "[0:v][1:v][2:v]concat=n=3:v=1:a=0[v];[3:a][4:a][5:a]concat=n=3:v=0:a=1[a]"
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *inputs, "-filter_complex", joined, "-map", "[v]", "-map", "[a]",
                    "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "20", "-c:a", "aac", "-ac", "1", file],
                   check=True)
    return file


def live(file, pattern):
    """gst-launch description of a stream that never ends: a made picture, H.264, and the loop, AAC."""
    return f"( {VIDEO.format(pattern=pattern)}  {AUDIO.format(file=quoted(file), rate=RATE_HZ)} )"


def clip(file):
    """The same for a media file of any kind; it starts again when it ends."""
    text = (CLIP if has_picture(file) else CLIP_SOUND).format(file=quoted(pathlib.Path(file).resolve()))
    return f"( {text} )"


def has_picture(file):
    found = subprocess.run(["gst-discoverer-1.0", str(file)], capture_output=True, text=True)
    if found.returncode != 0 or "audio" not in found.stdout:
        raise SystemExit(f"demo: {file}: no media file with sound")
    return "video" in found.stdout


def quoted(path):
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
