"""Counts checks of a script test; the last line it prints is `N passed, N failed`."""
import subprocess
import sys
import time


class Checks:
    def __init__(self):
        self._passed = self._failed = 0

    def that(self, condition, what, shown=""):
        if condition:
            self._passed += 1
            print(f"ok      {what}", flush=True)
        else:
            self._failed += 1
            print(f"FAILED  {what}" + (f"\n        {shown}" if shown != "" else ""), flush=True)
        return bool(condition)

    def program(self, command, code, *, out="", err="", name=None):
        """Runs a program: its exit code, and texts that its output and its errors must hold."""
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
        shown = f"exit code {done.returncode}; stdout {done.stdout!r}; stderr {done.stderr!r}"
        self.that(done.returncode == code and out in done.stdout and err in done.stderr,
                  name or " ".join(str(word) for word in command[1:]), shown)
        return done

    def finish(self):
        print(f"{self._passed} passed, {self._failed} failed")
        sys.exit(1 if self._failed else 0)


def wait_for(predicate, within_s, every_s=0.1):
    """The first true value of the predicate; its last one when the time is up."""
    end = time.monotonic() + within_s
    while True:
        value = predicate()
        if value or time.monotonic() > end:
            return value
        time.sleep(every_s)
