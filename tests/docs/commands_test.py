#!/usr/bin/env python3
"""Every command that the documents show is run by a test, or says that it is not: commands_test.py BUILD

A command is a line of a block of code (indented, or between ``` fences) whose first word is a program. It is run here, or by the
test that is named below for its page or its first words, or a comment behind it or above its block says "not tested".
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools" / "demo")]
import media  # noqa: E402
import services  # noqa: E402
from checks import Checks, wait_for  # noqa: E402
from processes import Processes, free_port  # noqa: E402
from redis_client import Redis  # noqa: E402

UNTESTED = "not tested"
# Pages whose own test runs all of their commands.
PAGES = {"docs/redis.md": "tests/sinks/redis/recipes_test.cpp", "docs/http.md": "tests/e2e/page_test.py"}
# Commands, by their first words, that others run: (who, the words there).
ELSEWHERE = {
    "./demo": ("tests/e2e/demo_test.py", '"demo"'),
    "./test": (".ci/run", "./test"),
    ".ci/run": (".ci/run", "continuous integration"),
    "tools/install-dependencies": (".ci/run", "tools/install-dependencies"),
    "tools/fetch-models": ("test", "tools/fetch-models"),
    "cmake --preset release": ("test", "cmake --preset release"),
    "build/release/bin/vedetted --config": ("tools/demo/services.py", '"--config"'),
    "tests/fuzz/run": (".ci/run", "tests/fuzz/run"),
    "cpack": ("tests/package/package_test.py", "cpack"),
    "apt-get install ./build/package/": ("tests/package/run", "apt-get install"),
    "vedette probe": ("tests/e2e/tools_test.py", '"probe"'),
    "vedette doctor": ("tests/e2e/tools_test.py", '"doctor"'),
    "vedette-fetch-models --system": ("tests/package/run", "vedette-fetch-models --system"),
}
FOLLOW = ("SUBSCRIBE", "XREAD BLOCK", "vedette tail")  # these go on until they are ended
RUN_HERE = ("redis-cli", "gst-inspect-1.0", "gst-launch-1.0", "vedette streams", "vedette tail", "vedette coverage")
PROGRAMS = {"apt-get", "cpack", "docker", "gst-inspect-1.0", "gst-launch-1.0", "journalctl", "redis-cli", "ssh", "systemctl", "vedette",
            "vedetted", "vedette-fetch-models"}


def blocks(page):
    """The blocks of code of a page, as lists of lines."""
    block, fenced = [], False
    for line in page.read_text().splitlines():
        fence = line.startswith("```")
        if fenced and not fence:
            block.append(line)
        elif not fenced and line.startswith("    "):
            block.append(line[4:])
        elif block and (fence or line.strip()):
            yield block
            block = []
        fenced ^= fence
    if block:
        yield block


def is_program(word):
    return word in PROGRAMS or (not word.endswith(":") and word.startswith(("./", ".ci/", "build/", "tests/", "tools/"))) or (
        re.fullmatch(r"[a-z][a-z0-9-]+", word) is not None and shutil.which(word) is not None)


def commands(page):
    """The commands of a page, each in one line. In a block with prompts ("$ ") only what follows one is a command."""
    for block in blocks(page):
        if any(line.startswith("#") and UNTESTED in line for line in block):
            continue
        lines, prompts = "\n".join(block).replace("\\\n", " ").splitlines(), any(line.startswith("$ ") for line in block)
        for line in lines:
            if prompts and not line.startswith("$ "):
                continue
            command = line.removeprefix("$ ").strip()
            first = next((word for word in command.split() if not re.fullmatch(r"[A-Z_]+=\S+", word)), "")
            if is_program(first):
                yield re.sub(r"  +", " ", command)


def pages():
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


class Place:
    """Where the rest is run: a daemon with one stream, `gate`, its Redis, and a folder with the files that the pages name."""

    def __init__(self, build, folder, processes):
        self.folder = folder
        _, redis_port = services.start_redis(processes, folder)
        services.start_vedetted(processes, build, folder, services.write_config(folder, redis_port, free_port(), {"gate": "test://"}))
        loop = media.speak(["The boxes are at the gate."], "en-us", folder, "speech")
        self.make("-f", "s16le", "-ar", media.RATE_HZ, "-ac", 1, "-i", loop, folder / "speech.flac")
        self.make("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=15:duration=3", "-c:v", "libx264", "-pix_fmt", "yuv420p",
                  folder / "film.mp4")
        (folder / "vedette.yaml").write_text("redis: redis://127.0.0.1:6379/0\n" + "# my cameras\n" * 3 +
                                             "streams:\n    gate:\n      sorce: rtsp://10.0.0.7/stream2\n      transport: tpc\n")
        for name, target in (("models", ROOT / "models"), ("build/release", build)):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).symlink_to(target)
        (folder / "bin").mkdir()
        wrapper = folder / "bin" / "redis-cli"
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("redis-cli")} -p {redis_port} "$@"\n')
        wrapper.chmod(0o755)
        self.environment = dict(os.environ, PATH=f"{folder / 'bin'}:{build / 'bin'}:{os.environ['PATH']}",
                                GST_PLUGIN_PATH=str(build / "lib" / "gstreamer-1.0"), VEDETTE_REDIS=f"redis://127.0.0.1:{redis_port}/0")
        fetched = subprocess.run([ROOT / "tools" / "fetch-models", "--offline", "whisper-tiny.en"], capture_output=True, text=True, check=True)
        self.model = fetched.stdout.split()[-1]
        with Redis(redis_port) as redis:
            self.runs = wait_for(lambda: redis.call("HGET", "vedette:{gate}:state", "state") == "running", 60)

    @staticmethod
    def make(*options):
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *map(str, options)], check=True)

    def run(self, checks, name, command):
        """It ends well, or goes on for good, and prints something first."""
        process = subprocess.Popen(["bash", "-c", command.replace("FOLDER", self.model)], cwd=self.folder, env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        os.set_blocking(process.stdout.fileno(), False)
        shown = b""

        def has_run():
            nonlocal shown
            shown += process.stdout.read() or b""
            return process.poll() is not None or (shown and any(word in command for word in FOLLOW))

        ended = wait_for(has_run, 60)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
        shown += process.stdout.read() or b""
        checks.that(ended and shown and process.returncode in (0, -signal.SIGTERM), f"{name}: {command}", shown[-1500:].decode(errors="replace"))


def the_example_of_mistakes(checks, place):
    """docs/configuration.md shows a command with all that it prints."""
    block = next(block for block in blocks(ROOT / "docs" / "configuration.md") if block[0].startswith("$ vedette check"))
    done = subprocess.run(["bash", "-c", block[0].removeprefix("$ ")], cwd=place.folder, env=place.environment, capture_output=True, text=True)
    checks.that(done.returncode == 2 and done.stderr.splitlines() == block[1:], f"docs/configuration.md: {block[0]}", done.stdout + done.stderr)


def main():
    checks, build = Checks(), pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="vedette-docs-") as folder, Processes() as processes:
        place = Place(build, pathlib.Path(folder), processes)
        checks.that(place.runs, "the stream of the examples runs")
        the_example_of_mistakes(checks, place)
        for page in pages():
            name = str(page.relative_to(ROOT))
            for command in commands(page):
                who, words = next((ELSEWHERE[first] for first in ELSEWHERE if command.startswith(first)), (PAGES.get(name), ""))
                if UNTESTED in command or command.startswith("vedette check vedette.yaml"):
                    continue
                if who:
                    checks.that(words in (ROOT / who).read_text(), f"{name}: {command}, by {who}")
                elif command.startswith(RUN_HERE):
                    place.run(checks, name, command)
                else:
                    checks.that(False, f"{name}: {command}", f'is run by no test, and has no "# {UNTESTED}"')
    checks.finish()


if __name__ == "__main__":
    main()
