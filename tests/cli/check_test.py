#!/usr/bin/env python3
"""`vedette check` and the ends of `vedetted` before it starts: check_test.py BUILD"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from checks import Checks  # noqa: E402

GOOD = "redis: redis://:${SECRET}@127.0.0.1:6379/0\nmodels: {hear: none, think: none}\nstreams: {gate: {source: 'test://'}}\n"
BAD = "streams:\n  gate:\n    sorce: test://\n"


def spoilt_model(folder):
    """A SmolVLM folder of which one tensor has another name than it should."""
    shutil.copytree(ROOT / "tests" / "golden" / "idefics3" / "smolvlm_two_tiles", folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes().replace(b"modality_projection", b"modality_projectioN"))
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "image_processor_type": "SmolVLMImageProcessor", "size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}}))
    return folder


def main():
    binaries = pathlib.Path(sys.argv[1]).resolve() / "bin"
    vedette, vedetted = binaries / "vedette", binaries / "vedetted"
    checks = Checks()
    os.environ["SECRET"] = "hunter2"
    with tempfile.TemporaryDirectory() as folder:
        good, bad, lost = (pathlib.Path(folder) / name for name in ("good.yaml", "bad.yaml", "lost.yaml"))
        good.write_text(GOOD)
        bad.write_text(BAD)
        lost.write_text("models: {hear: no-such-model}\nstreams: {gate: {source: 'test://'}}\n")

        checks.program([vedette, "check", ROOT / "config" / "vedette.yaml"], 0, out="good", name="the shipped file is good")
        done = checks.program([vedette, "check", good], 0, out="redis://:***@127.0.0.1:6379/0", name="secrets are masked")
        checks.that("hunter2" not in done.stdout + done.stderr, "no secret is shown")
        done = checks.program([vedette, "check", "--json", good], 0, name="--json of a good file")
        checks.that(json.loads(done.stdout)["ok"] is True, "--json says ok", done.stdout)
        checks.program([vedette, "check", bad], 2, err=f"{bad}:3:5: streams.gate.sorce: unknown key; did you mean \"source\"?",
                       name="an unknown key: file, line, column, suggestion")
        done = checks.program([vedette, "check", "--json", bad], 2, name="--json of a bad file")
        problem = json.loads(done.stdout)["problems"][0]
        checks.that((problem["line"], problem["column"], problem["key"]) == (3, 5, "streams.gate.sorce"),
                    "--json places the problem", problem)
        checks.program([vedette, "check", folder + "/none.yaml"], 2, err="none.yaml: cannot be read", name="no such file")
        checks.program([vedette, "check"], 2, err="FILE", name="no file named")

        checks.program([vedetted, "--config", bad], 2, err=":3:5: streams.gate.sorce", name="vedetted refuses a bad file")
        checks.program([vedetted, "--config", folder + "/none.yaml"], 2, err="cannot be read", name="vedetted: no such file")
        checks.program([vedetted], 2, err="--config", name="vedetted wants --config")
        elsewhere = pathlib.Path(folder) / "elsewhere.yaml"
        elsewhere.write_text("http: 0.0.0.0:9464\nstreams: {gate: {source: 'test://'}}\n")
        for program in ([vedette, "check", elsewhere], [vedetted, "--config", elsewhere]):
            checks.program(program, 2, err=f"{elsewhere}:1:7: http: expected a loopback address such as 127.0.0.1, or a token as well",
                           name=f"{program[0].name}: listening beyond loopback wants a token")
        elsewhere.write_text("http: {listen: '0.0.0.0:9464', token: '${TOKEN}'}\nstreams: {gate: {source: 'test://'}}\n")
        os.environ["TOKEN"] = "a-token-that-nobody-guesses"
        for more in ([], ["--json"]):
            done = checks.program([vedette, "check", *more, elsewhere], 0, out="0.0.0.0:9464", name=f"with one it is good {more}")
            checks.that("nobody-guesses" not in done.stdout + done.stderr, "and the token is not shown")
        checks.program([vedetted, "--config", lost], 3, err="tools/fetch-models", name="vedetted: a missing model, and how to get it")
        spoilt = spoilt_model(pathlib.Path(folder) / "spoilt")
        lost.write_text(f"models: {{hear: none, see: {spoilt}, think: {spoilt}}}\nstreams: {{gate: {{source: 'test://'}}}}\n")
        checks.program([vedetted, "--config", lost], 3, err="spoilt: tensor model.connector.modality_projection.proj.weight is missing",
                       name="vedetted: a model that lacks a tensor")
        checks.program([vedetted, "--version"], 0, out="vedetted ", name="vedetted --version")
    checks.finish()


main()
