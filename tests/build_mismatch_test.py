#!/usr/bin/env python3
"""The plugin and the CUDA library of another build refuse to work, and say so: build_mismatch_test.py BUILD.

Another build is a copy of the library in which the build id was overwritten, beside this build's libvedette.so. The last
line is `N passed, N failed`.
"""
import ctypes
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve()
ID = re.compile(rb'kBuildIdHere = "([^"]+)"')


def build_id():
    return ID.search((BUILD / "generated/base/build_id_here.h").read_bytes())[1]


def of_another_build(library, folder):
    """A copy in `folder`, and the id that it carries."""
    ours = build_id()
    other = b"0.0.0" + ours[5:]
    content = library.read_bytes()
    assert ours != other and ours in content, f"{library} does not carry {ours}"
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / library.name
    copy.write_bytes(content.replace(ours, other))
    return copy, other.decode()


def sentence(name, other):
    return f"{name} is of build {other}, but the loaded libvedette.so is of build {build_id().decode()}"


def inspect(plugin, scratch):
    """What gst-inspect-1.0 says of a plugin file: (exit code, text)."""
    environment = dict(os.environ, GST_REGISTRY=str(scratch / "registry"), GST_REGISTRY_FORK="no")
    done = subprocess.run(["gst-inspect-1.0", str(plugin)], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def check_plugin(scratch):
    plugin = BUILD / "lib/gstreamer-1.0/libgstvedette.so"
    code, text = inspect(plugin, scratch)
    assert code == 0 and "vedaudioencoder" in text, f"this build's own plugin: {text}"
    copy, other = of_another_build(plugin, scratch / "gstreamer-1.0")
    code, text = inspect(copy, scratch)
    assert code != 0 and "vedaudioencoder" not in text, f"the plugin of another build was loaded: {text}"
    assert sentence(plugin.name, other) in text, text


def check_cuda(scratch):
    library = BUILD / "lib/libvedette-cuda.so"
    copy, other = of_another_build(library, scratch)
    reason = ctypes.create_string_buffer(512)
    opened = ctypes.CDLL(str(copy))
    opened.vedette_cuda_open.restype = ctypes.c_void_p
    assert opened.vedette_cuda_open(reason, ctypes.c_size_t(512)) is None, "the library of another build was used"
    assert sentence(library.name, other) in reason.value.decode(), reason.value.decode()


def main():
    passed = failed = 0
    checks = [check_plugin] + ([check_cuda] if (BUILD / "lib/libvedette-cuda.so").exists() else [])
    for check in checks:
        with tempfile.TemporaryDirectory() as name:
            scratch = pathlib.Path(name)
            (scratch / "libvedette.so").symlink_to(BUILD / "lib/libvedette.so")
            try:
                check(scratch)
                passed += 1
            except AssertionError as error:
                failed += 1
                print(f"{check.__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
