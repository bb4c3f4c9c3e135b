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


# JPEG pictures of 10 a second, again and again.
SCENE = ("multifilesrc location={frames} start-index=1 stop-index={count} loop=true caps=image/jpeg,framerate=10/1 ! jpegdec ! "
         "clocksync ! videoconvert ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max=20 ! "
         "rtph264pay name=pay0 pt=96")
AUDIO = ("multifilesrc location={file} loop=true blocksize=9600 ! rawaudioparse format=pcm pcm-format=s16le "
         "sample-rate={rate} num-channels=1 ! audioconvert ! clocksync ! avenc_aac bitrate=96000 ! aacparse ! "
         "rtpmp4gpay name=pay1 pt=97")
CLIP = "filesrc location={file} ! decodebin name=d"
CLIP_PICTURE = ("  d. ! queue ! videoconvert ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! "
                "rtph264pay name=pay0 pt=96")
CLIP_SOUND = "  d. ! queue ! audioconvert ! audioresample ! avenc_aac bitrate=96000 ! aacparse ! rtpmp4gpay name={pay} pt=97"

# A still place with texture, as a camera sees it, and what crosses it: to the right, and later back.
PLACE = ("color=c={tint}:s=320x240,noise=alls=80:all_seed={seed},gblur=sigma=2.5,eq=contrast=2.0,"
         "drawbox=x=20:y=60:w=90:h=100:color=0x8a6a50:t=fill,drawbox=x=45:y=100:w=30:h=60:color={door}:t=fill,"
         "drawbox=x=200:y=70:w=100:h=90:color=0xa0a090:t=fill,noise=alls=14:all_seed=5")
VAN = ("color=c=0xc03020:s=84x40:r=10,drawbox=x=50:y=6:w=26:h=14:color=0xd0e0f0:t=fill,"
       "drawbox=x=10:y=32:w=14:h=8:color=black:t=fill,drawbox=x=58:y=32:w=14:h=8:color=black:t=fill")
VISITOR = ("color=c=0x3048a0:s=24x76:r=10,drawbox=x=0:y=0:w=24:h=18:color=0xd8b090:t=fill,"
           "drawbox=x=0:y=48:w=24:h=28:color=0x202830:t=fill")
SCENE_S = 20
GATE_SCENE = {"place": PLACE.format(tint="0x6a7a6a", seed=3, door="0x3050a0"), "thing": VAN, "y": 165,
              "x": "if(lt(t,8),-84+(t-1)/5*404,if(lt(t,18),320-(t-11)/5*404,-100))"}
LOBBY_SCENE = {"place": PLACE.format(tint="0x807868", seed=8, door="0x604020"), "thing": VISITOR, "y": 140,
               "x": "if(lt(t,10),320-(t-2)/6*360,if(lt(t,19),-40+(t-12)/6*360,-100))"}

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
    ffmpeg(*inputs, "-filter_complex", joined, "-map", "[v]", "-map", "[a]", "-c:v", "libx264", "-preset", "ultrafast",
           "-pix_fmt", "yuv420p", "-g", "20", "-c:a", "aac", "-ac", "1", file)
    return file


def scene(what, folder, name):
    """Makes the pictures of a scene and returns the pattern of their files' names."""
    place, frames = pathlib.Path(folder) / f"{name}.png", pathlib.Path(folder) / f"{name}-%03d.jpg"
    ffmpeg("-f", "lavfi", "-i", what["place"], "-frames:v", "1", place)
    ffmpeg("-loop", "1", "-framerate", "10", "-i", place, "-f", "lavfi", "-i", what["thing"], "-filter_complex",
           f"[0][1]overlay=x='{what['x']}':y={what['y']},format=yuvj420p", "-t", str(SCENE_S), "-q:v", "3", frames)
    return frames


def live(file, frames):
    """gst-launch description of a stream that never ends: the pictures, H.264, and the loop, AAC."""
    picture = SCENE.format(frames=quoted(frames), count=10 * SCENE_S)
    return f"( {picture}  {AUDIO.format(file=quoted(file), rate=RATE_HZ)} )"


def clip(file):
    """The same for a media file of any kind; it starts again when it ends."""
    picture, sound = tracks(file)
    text = CLIP.format(file=quoted(pathlib.Path(file).resolve())) + (CLIP_PICTURE if picture else "")
    return f"( {text}{CLIP_SOUND.format(pay='pay1' if picture else 'pay0') if sound else ''} )"


def tracks(file):
    """Whether a media file has pictures, and sound."""
    found = subprocess.run(["gst-discoverer-1.0", str(file)], capture_output=True, text=True)
    picture, sound = "video" in found.stdout, "audio" in found.stdout
    if found.returncode != 0 or not (picture or sound):
        raise SystemExit(f"demo: {file}: no media file")
    return picture, sound


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *arguments], check=True)


def quoted(path):
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
