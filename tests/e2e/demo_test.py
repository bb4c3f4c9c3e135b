#!/usr/bin/env python3
"""./demo as a newcomer runs it: captions, words and answers come, and nothing is left behind, on Ctrl-C too. demo_test.py BUILD"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from checks import Checks, wait_for  # noqa: E402


def left_behind(prefix):
    """Processes that were started in a demo's folder, and such folders."""
    processes = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if prefix in command:
            processes.append(command)
    return processes + [str(folder) for folder in pathlib.Path(prefix).parent.glob(pathlib.Path(prefix).name + "*")]


def takes_interrupts():
    """What a shell runs in the background ignores SIGINT, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    checks = Checks()
    with tempfile.TemporaryDirectory() as temporary:
        prefix = str(pathlib.Path(temporary) / "vedette-demo-")
        environment = {**os.environ, "TMPDIR": temporary}
        command = [sys.executable, ROOT / "tools" / "demo" / "main.py", "--build", build]
        done = subprocess.run([*command, "--seconds", "45"], capture_output=True, text=True, timeout=180, env=environment)
        print(done.stdout + done.stderr)
        checks.that(done.returncode == 0, "words and answers came: exit code 0", done.returncode)
        for stream in ("gate", "lobby"):
            checks.that(re.search(rf"^\d\d:\d\d:\d\d +{stream} +words +\d+\.\d s  \w+", done.stdout, re.M),
                        f"words of {stream}, with time and delay")
            checks.that(re.search(rf"^\d\d:\d\d:\d\d +{stream} +answer +\d+\.\d s  \S+", done.stdout, re.M),
                        f"an answer about {stream}, with its delay")
        for stream in ("gate", "yard", "lobby"):
            checks.that(re.search(rf"^\d\d:\d\d:\d\d +{stream} +sees +\d+\.\d s  \w+", done.stdout, re.M),
                        f"a caption of {stream}, with time and delay")
        checks.that(re.search(r"^\d\d:\d\d:\d\d +gate +moves +\d+\.\d s  \w+", done.stdout, re.M), "what moves at the gate")
        checks.that(re.search(r"^\d\d:\d\d:\d\d +gate +alert +\d+\.\d s  something moves \(1\.00\)", done.stdout, re.M),
                    "an alert of the gate, with its score")
        checks.that(re.search(r"^\d\d:\d\d:\d\d +yard +health +.*picture", done.stdout, re.M),
                    "the picture that is black, then stands still, is told")
        checks.that(left_behind(prefix) == [], "nothing is left behind", left_behind(prefix))

        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
                                   start_new_session=True, preexec_fn=takes_interrupts)
        while "UTC" not in running.stdout.readline():
            if running.poll() is not None:
                break
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        ended = wait_for(lambda: running.poll() is not None, 30)
        checks.that(ended, "Ctrl-C ends it")
        checks.that(left_behind(prefix) == [], "nothing is left behind after Ctrl-C", left_behind(prefix))
    checks.finish()


main()
