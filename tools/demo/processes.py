"""Processes that end with us: each is started in a session of its own, known by its pid, and stopped in reverse order."""
import contextlib
import ctypes
import signal
import socket
import subprocess

PR_SET_PDEATHSIG = 1  # prctl(2): should we be killed outright, the kernel tells the child


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Processes:
    def __init__(self):
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def start(self, command, log, **options):
        """Starts a program whose output goes to the file `log`; stdout stays a pipe when asked for."""
        output = self._stack.enter_context(open(log, "w", encoding="utf-8"))
        options.setdefault("stdout", output)
        process = subprocess.Popen([str(word) for word in command], stderr=output, stdin=subprocess.DEVNULL, text=True,
                                   start_new_session=True, preexec_fn=_die_with_parent, **options)
        self._stack.callback(stop, process)
        return process


def stop(process, within_s=8):
    """Ends one process: asks first. Returns its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()
    return process.returncode


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
