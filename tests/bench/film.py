"""Long clips with things that move and people who speak, as of cameras: made once, so that serving them costs nothing."""
import pathlib
import subprocess

import media

SIZE, RATE = "640x360", 15
CYCLE_S, KEY_S = 48, 2
# (width, height, colour, seconds from edge to edge and back, seconds of pause after it, row, whether leftwards)
THINGS = [(46, 96, "0x30408a", 6, 10, 210, False), (120, 64, "0xa03028", 5, 7, 250, True), (30, 36, "0xd0c090", 8, 4, 90, True)]
SERVED = ("( filesrc location={file} ! matroskademux name=d  "
          "d. ! queue ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1  "
          "d. ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )")


def passing(number, thing):
    """An overlay that crosses the picture again and again: enters over one edge and leaves over the other."""
    width, _, _, seconds, pause, row, leftwards = thing
    way = f"mod(t+{5 * number}\\,{seconds + pause})/{seconds}"  # more than 1: outside
    x = f"W-(W+{width})*{way}" if leftwards else f"-{width}+(W+{width})*{way}"
    return f"overlay=x='{x}':y={row}:eval=frame"


def cycle(folder):
    """A minute or so of H.264, as a cheap camera codes it: a wall with texture, sensor noise, things that pass."""
    file = pathlib.Path(folder) / "cycle.mp4"
    wall = (f"nullsrc=s={SIZE}:r={RATE}:d=0.05,geq=lum='90+90*random(1)':cb=124:cr=130,gblur=sigma=5,eq=contrast=6,"
            f"loop=-1:1,setpts=N/{RATE}/TB")
    inputs = ["-f", "lavfi", "-i", wall]
    chain, last = [], "0:v"
    for number, (width, height, colour, *_) in enumerate(THINGS):
        inputs += ["-f", "lavfi", "-i", f"color=c={colour}:s={width}x{height}:r={RATE}"]
        chain.append(f"[{last}][{number + 1}:v]{passing(number, THINGS[number])}[v{number}]")
        last = f"v{number}"
    chain.append(f"[{last}]noise=alls=5:allf=t,format=yuv420p[out]")
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *inputs, "-filter_complex", ";".join(chain), "-map", "[out]",
                    "-t", str(CYCLE_S), "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", str(KEY_S * RATE), "-sc_threshold",
                    "0", "-b:v", "700k", file], check=True)
    return file


def clip(cycle_file, loop, folder, name, seconds, offset_s):
    """The cycle from `offset_s` (of a key frame) on with the sound of a loop (media.speak), so many seconds of them, without coding
    pictures again."""
    file, rounds = pathlib.Path(folder) / f"{name}.mkv", pathlib.Path(folder) / f"{name}.txt"
    lines = [f"file {cycle_file}"] * (int(seconds) // CYCLE_S + 2)
    rounds.write_text("\n".join(["ffconcat version 1.0", lines[0], f"inpoint {offset_s}", *lines[1:]]) + "\n")
    raw = ["-f", "s16le", "-ar", str(media.RATE_HZ), "-ac", "1"]
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "concat", "-safe", "0", "-i", rounds, "-stream_loop", "-1",
                    *raw, "-i", loop, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-b:a", "96k", "-t", str(seconds),
                    file], check=True)
    return file


def mount(file):
    """gst-launch description that serves a clip once, in its own time."""
    return SERVED.format(file=media.quoted(file))
