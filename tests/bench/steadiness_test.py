#!/usr/bin/env python3
"""The arithmetic of tests/soak. The last line is `N passed, N failed`."""
import copy
import pathlib
import re
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "support")]
import steadiness  # noqa: E402
from checks import Checks  # noqa: E402

STEADY = {"start": 500.0, "end": 501.0, "most": 503.0, "per_hour": 1.0, "by_part": [500.0]}
GOOD = {
    "measured_s": 3000.0, "growth": {what: STEADY for what in steadiness.MOST_GROWTH},
    "delays_s": {"transcript": {"p95": 3.0}, "answer": {"p95": 20.0}},
    "coverage": {("s0", "audio"): {"analysed": 2000.0, "gated": 950.0, "shed": 49.0}},
    "pictures_lost": 0.0, "broken": {}, "records": {"s0": {"transcript": 5, "caption": 4, "motion": 3}},
    "questions": {"asked": 3, "answered": 3}, "log": {"error": 0, "warning": 2}, "exit_code": 0,
}


def failing(change):
    figures = copy.deepcopy(GOOD)
    change(figures)
    return [what for what, _, _, holds in steadiness.judge(figures) if not holds]


def of_slopes(checks):
    line = [(t, 500 + t / 360) for t in range(0, 3601, 10)]
    checks.that(abs(steadiness.slope_per_hour(line) - 10) < 1e-9, "the slope of a line is its own")
    wave = [(t, 500 + (t // 10) % 2) for t in range(0, 3601, 10)]
    checks.that(abs(steadiness.slope_per_hour(wave)) < 0.1, "what goes up and down does not grow", steadiness.slope_per_hour(wave))
    checks.that(steadiness.slope_per_hour([(5, 1)]) == 0 and steadiness.slope_per_hour([]) == 0, "one sample has no slope")
    told = steadiness.growth(line)
    checks.that((told["start"], told["end"], told["most"], len(told["by_part"])) == (500, 510, 510, 10), "growth has both ends", told)
    checks.that(all(a < b for a, b in zip(told["by_part"], told["by_part"][1:])), "and the way between", told)


def of_percentiles(checks):
    told = steadiness.percentiles([float(n) for n in range(100, 0, -1)])
    checks.that(told == {"count": 100, "p50": 50, "p95": 95, "p99": 99, "most": 100}, "percentiles by nearest rank", told)
    checks.that(steadiness.percentiles([7.0])["p99"] == 7 and steadiness.percentiles([]) == {}, "of one, and of none")


def of_counters(checks):
    before = {'vedette_pictures_total{stream="a",state="changed"}': 5, 'vedette_records_dropped_total{stream="a",reason="full"}': 1}
    after = {'vedette_pictures_total{stream="a",state="changed"}': 100, 'vedette_pictures_total{stream="a",state="lost"}': 3,
             'vedette_pictures_total{stream="b",state="lost"}': 2, 'vedette_records_dropped_total{stream="a",reason="full"}': 1,
             'vedette_epochs_total{stream="a"}': 1}
    checks.that(steadiness.grown(before, after, steadiness.BROKEN) == {"vedette_epochs_total": 1}, "what grew is told, over all streams",
                steadiness.grown(before, after, steadiness.BROKEN))
    left_out = steadiness.grown(before, after, steadiness.LEFT_OUT)
    checks.that(left_out == {'vedette_pictures_total{state="lost"}': 5}, "what was left out too", left_out)
    checks.that(steadiness.lost_pictures(before, after) == 0.05, "pictures that were lost are a share of all")
    checks.that(steadiness.grown({}, after, re.compile("nothing")) == {}, "nothing else is")
    ledger = {f'vedette_coverage_seconds_total{{stream="a",modality="audio",state="{state}"}}': value
              for state, value in (("analysed", 110.0), ("gated", 40.0), ("shed", 5.0))}
    found = steadiness.coverage(dict.fromkeys(ledger, 5.0), ledger)
    checks.that(found == {("a", "audio"): {"analysed": 105.0, "gated": 35.0, "shed": 0.0}}, "coverage is that of the time between", found)
    checks.that(steadiness.covered_share(found["a", "audio"]) == 1.0 and steadiness.covered_share({}) == 0, "its share")


def of_verdicts(checks):
    checks.that(failing(lambda f: None) == [], "a good run is good", failing(lambda f: None))
    bad = {
        "memory": lambda f: f["growth"].update(resident_mb=dict(STEADY, per_hour=20.0)),
        "descriptors": lambda f: f["growth"].update(descriptors=dict(STEADY, per_hour=20.0)),
        "late words": lambda f: f["delays_s"]["transcript"].update(p95=11.0),
        "late answers": lambda f: f["delays_s"]["answer"].update(p95=31.0),
        "time that was shed": lambda f: f["coverage"]["s0", "audio"].update(analysed=1800.0, shed=250.0),
        "time that nobody accounts for": lambda f: f["coverage"]["s0", "audio"].update(analysed=1990.0),
        "lost pictures": lambda f: f.update(pictures_lost=0.06),
        "what broke": lambda f: f.update(broken={"vedette_epochs_total": 1}),
        "a kind that never came": lambda f: f["records"]["s0"].pop("caption"),
        "no answer": lambda f: f["questions"].update(answered=2),
        "errors": lambda f: f["log"].update(error=1),
        "a bad end": lambda f: f.update(exit_code=-9),
    }
    for what, change in bad.items():
        checks.that(len(failing(change)) == 1, f"one bound tells of {what}", failing(change))
    short = lambda f: f.update(measured_s=60.0, coverage={("s0", "audio"): {"gated": 60.0}}, growth=dict(f["growth"], resident_mb=dict(STEADY, per_hour=500.0)))  # noqa: E731
    checks.that(failing(short) == [], "a minute's slope says little", failing(short))
    nothing = lambda f: f.update(coverage={}, delays_s={}, records={"s0": {}})  # noqa: E731
    checks.that(len(failing(nothing)) == 5, "where nothing came nothing is good", failing(nothing))


def main():
    checks = Checks()
    for part in (of_slopes, of_percentiles, of_counters, of_verdicts):
        part(checks)
    checks.finish()


if __name__ == "__main__":
    main()
