#!/usr/bin/env python3
"""Man pages, completion and the reference of the configuration, as tools/manual makes them: manual_test.py BUILD"""
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools" / "manual")]
import schema  # noqa: E402
from checks import Checks  # noqa: E402

# What a shell would offer behind these words; the last is the one that is being typed.
OFFERED = {
    ("vedette", "pro"): {"probe"},
    ("vedette", "models", "ins"): {"inspect"},
    ("vedette", "models", "inspect", "--ten"): {"--tensors"},
    ("vedette", "probe", "--transport", ""): {"tcp", "udp", "auto"},
    ("vedette", "probe", "--js"): {"--json"},
    ("vedette", "--redis", "x", "nothing"): set(),
    ("vedette", "doctor", "--seconds", "3", "--no"): {"--no-streams"},
}
# Bash as a user has it: the file is sourced, the words are laid out as readline would, and the function is called.
ASK = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vedette; printf "%s\\n" "${COMPREPLY[@]}"'


def offered(file, words, folder):
    done = subprocess.run(["bash", "-c", ASK, "bash", str(file), *words], capture_output=True, text=True, check=True, cwd=folder)
    return set(done.stdout.split("\n")) - {""}, done.stderr


def man_pages(checks, out):
    pages = {page.name: page for page in (out / "man").iterdir()}
    checks.that(set(pages) == {"vedette.1.gz", "vedetted.8.gz", "vedette.yaml.5.gz"}, "three man pages", sorted(pages))
    quiet = dict(os.environ, LC_ALL="C.UTF-8", MANROFFSEQ="", MANWIDTH="100")
    texts = {}
    for name, page in pages.items():
        shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-P", "cat", str(page)], capture_output=True, text=True, env=quiet)
        checks.that(shown.returncode == 0 and shown.stderr == "", f"man --warnings has nothing against {name}", shown.stderr[:500])
        texts[name] = re.sub(".\b", "", shown.stdout)  # bold is a letter over itself
        found = subprocess.run(["lexgrog", str(page)], capture_output=True, text=True)
        checks.that(found.returncode == 0 and " - " in found.stdout, f"lexgrog finds its summary: {found.stdout.strip()}", found.stderr)
        checks.that(gzip.decompress(page.read_bytes())[:3] == b".TH" and page.read_bytes()[4:8] == b"\0\0\0\0", "packed without a time")
    return texts


def main():
    programs = pathlib.Path(sys.argv[1]).resolve() / "bin"
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        out = pathlib.Path(name)
        subprocess.run([str(ROOT / "tools" / "manual" / "pages"), str(programs), str(out)], check=True)
        texts = man_pages(checks, out)
        tree = json.loads(subprocess.run([str(programs / "vedette"), "commands"], check=True, capture_output=True, text=True).stdout)
        help_text = subprocess.run([str(programs / "vedette"), "--help"], check=True, capture_output=True, text=True).stdout
        told = [command["name"] for command in tree["commands"]]
        checks.that(all(f"vedette {command}" in texts["vedette.1.gz"] and f"  {command}" in help_text for command in told),
                    "vedette(1) and --help have every command", told)
        checks.that("probe" in told and "commands" not in told, "and not the one that is for this")
        keys = [row[0] for _, rows in schema.sections(schema.load()) for row in rows]
        flat = texts["vedette.yaml.5.gz"]
        checks.that(len(keys) > 60 and all(key in flat for key in keys), "vedette.yaml(5) has every key",
                    [key for key in keys if key not in flat])
        checks.that("SIGHUP" in texts["vedetted.8.gz"] and "--config" in texts["vedetted.8.gz"], "vedetted(8) has signals and options")

        bash = out / "bash" / "vedette"
        for words, expected in OFFERED.items():
            found, errors = offered(bash, words, out)
            checks.that(found == expected and errors == "", f"bash offers behind `{' '.join(words)}`", f"{found} {errors}")
        found, errors = offered(bash, ("vedette", "check", "b"), out)
        checks.that(found == {"bash"} and errors == "", "bash offers files where a file stands", f"{found} {errors}")
        checks.that(subprocess.run(["bash", "-n", str(bash)]).returncode == 0, "bash -n")
        zsh, fish = (out / "zsh" / "_vedette").read_text(), (out / "fish" / "vedette.fish").read_text()
        checks.that(zsh.startswith("#compdef vedette\n") and all(f"{command}) _vedette_{command} ;;" in zsh for command in told), "zsh has every command")
        checks.that(all(f" -a {command} -d " in fish for command in told), "fish has every command")
        for shell, text, file in (("zsh", zsh, out / "zsh" / "_vedette"), ("fish", fish, out / "fish" / "vedette.fish")):
            if shutil.which(shell):
                checks.that(subprocess.run([shell, "-n", str(file)]).returncode == 0, f"{shell} -n")
        if shutil.which("fish"):
            for words, expected in OFFERED.items():
                shown = subprocess.run(["fish", "-c", f"source {out}/fish/vedette.fish; complete -C '{' '.join(words)}'"], capture_output=True, text=True,
                                       cwd=out, env=dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}", HOME=name))
                checks.that({line.split("\t")[0] for line in shown.stdout.splitlines()} - {""} == expected, f"fish offers behind `{' '.join(words)}`",
                            shown)
    done = subprocess.run([str(ROOT / "tools" / "manual" / "reference"), "--check"], capture_output=True, text=True)
    checks.that(done.returncode == 0, "docs/configuration-reference.md is what the schema says (tools/manual/reference writes it)", done.stdout)
    checks.finish()


main()
