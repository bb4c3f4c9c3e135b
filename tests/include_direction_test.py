#!/usr/bin/env python3
"""Checks every #include against who may include whom (docs/architecture.md). Prints each line that breaks a rule.

A folder may include itself, base, and the folders named here; what is named must be lower. Libraries from outside are
confined to the folders that own them.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

LOW = ["models/tensor", "models/backend", "models/weights", "models/text", "models/preprocess"]
FAMILY = LOW + ["models/ops", "models/layers"]
RUNTIME = FAMILY + ["models/vision", "models/audio", "models/projector", "models/language"]
MODELS = RUNTIME + ["models/runtime"]
DAEMON = MODELS + ["signals", "sinks", "gst-plugins", "daemon"]

ALLOWED = {
    "base": [],
    "models/tensor": [],
    "models/backend": ["models/tensor"],
    "models/weights": ["models/tensor"],
    "models/text": ["models/tensor", "models/weights"],
    "models/preprocess": ["models/tensor", "models/backend"],
    "models/ops": ["models/backend", "models/tensor"],
    "models/layers": ["models/ops", "models/backend", "models/tensor", "models/weights"],
    "models/vision": FAMILY,
    "models/audio": FAMILY,
    "models/projector": FAMILY,
    "models/language": FAMILY,
    "models/runtime": RUNTIME,
    "signals": [],
    "sinks": [],
    "gst-plugins": MODELS + ["signals"],
    "daemon": DAEMON,
    "cli": DAEMON + ["cli"],
}

# Outside headers: (pattern, folders that may include them).
CONFINED = [
    (r"gst/|glib|gio/", ["gst-plugins", "daemon/streams", "daemon/probe"]),
    (r"hiredis/", ["sinks"]),
    (r"libav|libsw", ["daemon/files"]),
    (r"yaml-cpp/", ["daemon/settings"]),
    (r"dnnl|oneapi/dnnl", ["models/backend"]),
    (r"hwy/", ["models/backend", "models/preprocess"]),
    (r"cuda|cublas|cudnn", ["models/backend/cuda"]),
    (r"prometheus/", ["daemon"]),
    (r"systemd/", ["daemon"]),
    (r"httplib\.h", ["daemon", "cli"]),
    (r"CLI/", ["daemon", "cli"]),
    (r"opencv2/", ["signals"]),
    (r"turbojpeg\.h", ["daemon/evidence"]),
]
# Slow to compile, so never in a header.
SOURCE_ONLY = r"nlohmann/json\.hpp|spdlog/|CLI/|httplib\.h"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_of(path, folders):
    """The longest of `folders` that holds `path`, or None."""
    inside = [folder for folder in folders if path == folder or path.startswith(folder + "/")]
    return max(inside, key=len) if inside else None


def violations(path, text):
    """What is wrong with the includes of one file, as lines 'path:line: why'."""
    own = folder_of(path, ALLOWED)
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, target = match.groups()
        where = f"{path}:{number}: "
        outside = quote == "<" or any(re.match(pattern, target) for pattern, _ in CONFINED)
        if not outside:
            theirs = folder_of(target, ALLOWED)
            if theirs is None:
                if target.startswith(("tests/", "tools/")) or "/" not in target or not (ROOT / target).is_file():
                    found.append(f'{where}"{target}" is not spelled from the repository root, or no folder of ours')
            elif theirs not in (own, "base") and theirs not in ALLOWED[own]:
                found.append(f'{where}{own} may not include {theirs} ("{target}")')
            continue
        for pattern, homes in CONFINED:
            if re.match(pattern, target) and not any(path.startswith(home + "/") for home in homes):
                found.append(f"{where}<{target}> belongs in {', '.join(homes)} only")
        if path.endswith(".h") and re.match(SOURCE_ONLY, target):
            found.append(f"{where}<{target}> belongs in .cpp files only")
    return found


SEEDED = [  # (file, line, is it allowed?)
    ("models/ops/a.cpp", '#include "models/layers/b.h"', False),
    ("models/layers/a.cpp", '#include "models/ops/b.h"', True),
    ("models/runtime/a.cpp", '#include "sinks/record.h"', False),
    ("sinks/redis/a.cpp", '#include "signals/health.h"', False),
    ("sinks/redis/a.cpp", "#include <hiredis/hiredis.h>", True),
    ("signals/a.h", "#include <gst/gst.h>", False),
    ("gst-plugins/a.cpp", '#include "daemon/streams/feed.h"', False),
    ("daemon/narration/a.cpp", "#  include <gst/gst.h>", False),
    ("daemon/main.cpp", '#include "cli/commands.h"', False),
    ("base/a.h", "#include <spdlog/spdlog.h>", False),
    ("models/weights/a.h", "#include <nlohmann/json.hpp>", False),
    ("models/weights/a.cpp", '#include "tensor.h"', False),
    ("cli/a.cpp", '#include "daemon/settings/settings.h"', True),
]


def main():
    passed = failed = 0
    for path, line, allowed in SEEDED:
        if (violations(path, line) == []) == allowed:
            passed += 1
        else:
            failed += 1
            print(f"the checker judges {path}: {line} wrongly")
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "*.h", "*.cpp", "*.cu", "*.cuh"],
                            check=True, capture_output=True, text=True).stdout.split("\n")
    checked = 0
    broken = []
    for path in filter(None, listed):
        if folder_of(path, ALLOWED) and (ROOT / path).is_file():
            checked += 1
            broken += violations(path, (ROOT / path).read_text(encoding="utf-8"))
    print("\n".join(broken + [f"{checked} files checked, {len(broken)} includes break a rule"]))
    passed, failed = (passed + 1, failed) if checked and not broken else (passed, failed + 1)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
