#!/usr/bin/env python3
"""exports_test.py LIBRARY: it exports one C symbol and links neither the driver nor anything of ours but libvedette.so."""
import subprocess
import sys

ALLOWED = ("libvedette.so", "libcublasLt.so", "libcudnn.so", "libstdc++.so", "libm.so", "libgcc_s.so", "libc.so",
           "ld-linux", "linux-vdso", "libdl.so", "libpthread.so", "librt.so")


def main():
    library = sys.argv[1]
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    exported = [line.split()[-1] for line in lines.splitlines()]
    assert exported == ["vedette_cuda_open"], f"expected vedette_cuda_open alone, received {exported}"
    lines = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True).stdout
    needed = [line.split("[")[1].rstrip("]") for line in lines.splitlines() if "(NEEDED)" in line]
    strangers = [name for name in needed if not name.startswith(ALLOWED)]
    assert "libvedette.so" in needed and not strangers, f"linked: {needed}"


main()
