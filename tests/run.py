#!/usr/bin/env python3
"""Runs the tests of a build folder and counts test cases: run.py BUILD [FILTER] [--only LABEL] [--without LABEL]...

The list is CTest's. A GoogleTest program counts as many cases as it ran; a script test reports its own count in a last
line `N passed, N failed`, or counts as one. What a test prints is shown when it fails. The last line of this program's
own output is `N passed, N failed`, and its exit code says whether anything failed.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

TIMEOUT_S = 900  # of one program; a hang is a failure
COUNT = re.compile(r"^(\d+) passed, (\d+) failed$")


def listed_tests(build, name_filter, only, without):
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True, text=True)
    for test in json.loads(shown.stdout)["tests"]:
        properties = {item["name"]: item["value"] for item in test.get("properties", [])}
        labels = properties.get("LABELS", [])
        if name_filter in test["name"] and not set(labels) & set(without) and (only is None or only in labels):
            extra = dict(pair.split("=", 1) for pair in properties.get("ENVIRONMENT", []))
            yield test["name"], test.get("command"), extra, properties.get("WORKING_DIRECTORY")


def run(command, extra, folder, report):
    """Exit code (None: timed out) and output of one test program."""
    environment = dict(os.environ, **extra, GTEST_OUTPUT=f"json:{report}", GTEST_COLOR="no")
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", start_new_session=True)
    try:
        output, _ = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        return None, output


def count(code, output, report):
    """(passed, failed, skipped) cases of one finished program."""
    if os.path.exists(report):
        with open(report, encoding="utf-8") as file:
            cases = [case for suite in json.load(file)["testsuites"] for case in suite["testsuite"]]
        failed = sum("failures" in case for case in cases)
        skipped = sum(case.get("result") == "SKIPPED" for case in cases)
        passed = sum(case.get("result") == "COMPLETED" for case in cases) - failed
        return passed, failed + (1 if code != 0 and failed == 0 else 0), skipped
    lines = output.strip().splitlines()
    counted = COUNT.match(lines[-1]) if lines else None
    if counted:
        passed, failed = int(counted[1]), int(counted[2])
        return passed, failed + (1 if code != 0 and failed == 0 else 0), 0
    return (1, 0, 0) if code == 0 else (0, 1, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("filter", nargs="?", default="")
    parser.add_argument("--only", metavar="LABEL")
    parser.add_argument("--without", action="append", default=[], metavar="LABEL")
    arguments = parser.parse_args()
    passed = failed = skipped = 0
    broken = []
    for name, command, extra, folder in listed_tests(arguments.build, arguments.filter, arguments.only, arguments.without):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            report = os.path.join(scratch, "report.json")
            code, output = run(command, extra, folder, report) if command else (127, "not built")
            one_passed, one_failed, one_skipped = count(code, output, report)
        passed, failed, skipped = passed + one_passed, failed + one_failed, skipped + one_skipped
        if one_failed:
            broken.append(name)
            print(output.rstrip())
            if code is None or code < 0 or code == 127:
                why = f"was stopped after {TIMEOUT_S} s" if code is None else "could not run" if code == 127 else f"died of signal {-code}"
                print(f"{name} {why}")
        notes = f", {one_skipped} skipped" if one_skipped else ""
        print(f"{'FAILED' if one_failed else 'ok':6}  {name:32} {one_passed:5} passed, {one_failed} failed{notes}"
              f"  {time.monotonic() - began:6.1f} s", flush=True)
    if passed + failed == 0:
        print(f"no test matches '{arguments.filter}' in {arguments.build}")
        failed = 1
    if skipped:
        print(f"{skipped} skipped: they need what this machine lacks")
    if broken:
        print("failed: " + " ".join(broken))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
