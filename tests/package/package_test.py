#!/usr/bin/env python3
"""The Debian package as it is made, and its systemd unit as systemd judges it: package_test.py BUILD"""
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from checks import Checks  # noqa: E402

EXPOSURE = 20  # tenths: at most 2.0 of 10 (systemd.exec(5), systemd-analyze security)


def text(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def main():
    checks, build = Checks(), pathlib.Path(sys.argv[1])
    unit = ROOT / "systemd" / "vedetted.service"
    checks.program(["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", unit], 0,
                   name="the unit's exposure is 2.0 at most")
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(["cpack", "--config", str(build / "CPackConfig.cmake"), "-B", folder], capture_output=True, text=True)
        packages = list(pathlib.Path(folder).glob("vedette_*.deb"))
        if not checks.that(made.returncode == 0 and len(packages) == 1, "cpack makes the package", made.stdout + made.stderr):
            return checks.finish()
        deb = str(packages[0])
        depends = text("dpkg-deb", "--field", deb, "Depends")
        checks.that(all(name in depends for name in ("libc6", "libgstreamer1.0-0", "gstreamer1.0-libav", "python3")),
                    "it depends on the libraries that it links and the plugins that it loads", depends)
        checks.that("redis-server" not in depends and "redis-server" in text("dpkg-deb", "--field", deb, "Recommends"),
                    "Redis may be elsewhere", depends)
        listed = text("dpkg-deb", "--contents", deb)
        for part in ("/usr/bin/vedetted", "/usr/bin/vedette", "/usr/bin/vedette-fetch-models", "/libvedette.so", "/libvedette-daemon.so",
                     "/gstreamer-1.0/libgstvedette.so", "/etc/vedette/vedette.yaml", "/usr/lib/systemd/system/vedetted.service",
                     "/usr/lib/sysusers.d/vedette.conf", "/models/vedette-nano/config.json", "/usr/share/doc/vedette/copyright",
                     "/usr/share/man/man1/vedette.1.gz", "/usr/share/man/man5/vedette.yaml.5.gz", "/usr/share/man/man8/vedetted.8.gz",
                     "/usr/share/bash-completion/completions/vedette", "/usr/share/zsh/vendor-completions/_vedette",
                     "/usr/share/fish/vendor_completions.d/vedette.fish"):
            checks.that(f"{part}\n" in listed, f"it holds {part}", listed[-2000:])
        checks.that("cuda" not in listed, "and no library that Debian cannot satisfy", [line for line in listed.splitlines() if "cuda" in line])
        checks.that(text("dpkg-deb", "--info", deb, "conffiles").split() == ["/etc/vedette/vedette.yaml"], "the configuration is a conffile")
        # Programs find their libraries where the package puts them, and nowhere near where they were built.
        subprocess.run(["dpkg-deb", "-x", deb, f"{folder}/tree"], check=True)
        checks.program([f"{folder}/tree/usr/bin/vedetted", "--version"], 0, out="vedetted ", name="vedetted runs from the unpacked package")
        checks.program([f"{folder}/tree/usr/bin/vedette", "check", f"{folder}/tree/etc/vedette/vedette.yaml"], 0,
                       name="the command finds the shipped configuration right")
        paths = text("readelf", "-d", f"{folder}/tree/usr/bin/vedetted")
        checks.that(str(build) not in paths, "no folder of the build machine is searched", paths)
    checks.finish()


if __name__ == "__main__":
    main()
