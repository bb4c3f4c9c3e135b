"""What a long run shows, from its samples alone: what grows, how late things come, what was lost, and whether that will do."""
import math
import re
import statistics

# Of an hour; a shorter run may grow as much, as it cannot tell growth from what moves up and down, and one that is shorter
# than LEAST_S is not judged by it: memory is still being touched for the first time.
MOST_GROWTH = {"resident_mb": 10.0, "heap_mb": 3.0, "descriptors": 4.0, "threads": 4.0, "redis_mb": 10.0}
LEAST_S = 600
MOST_DELAY_S = 10.0      # p95 of every kind of record: from where the rules of Prometheus call words late
MOST_ANSWER_S = 30.0     # p95, beside everything else
LEAST_COVERED = 0.95     # of each stream's sound and picture: analysed, or nothing there to analyse
MOST_UNACCOUNTED_S = 5.0  # between the sum of the ledger's states and the time that passed, two scrapes and their ticks apart
MOST_PICTURES_LOST = 0.05

# Counters that tell of trouble. Of the first kind none may grow; the second is what a full machine leaves out.
BROKEN = re.compile(r"vedette_(records_dropped|records_unknown_stream|encoder_failed|redis_errors|redis_connections|epochs|http_events_lost)_total"
                    r"|vedette_records_total.*state=\"(full|not_owner|closed)\""
                    r"|vedette_(requests_finished|captions_lost)_total.*reason=\"(error|failed)\""
                    r"|vedette_(windows|evidence_pictures|http_requests|alert_checks)_total.*=\"failed\"")
LEFT_OUT = re.compile(r"vedette_(records_without_picture|encoder_refused|windows_moved_on)_total|vedette_sound_gap_seconds_total"
                      r"|vedette_.*_total.*=\"(shed|lost|flushed|refused|dropped|timed_out|unanswerable)\"")


def slope_per_hour(samples):
    """Least squares over (seconds, value)."""
    if not samples:
        return 0.0
    mean_x, mean_y = (statistics.fmean(axis) for axis in zip(*samples))
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread if spread else 0.0


def growth(samples, parts=10):
    """Of (seconds, value): where it began and ended, its slope, and the mean of each tenth of the time."""
    begin, end = samples[0][0], samples[-1][0]
    width = (end - begin) / parts or 1.0
    by_part = [[] for _ in range(parts)]
    for x, y in samples:
        by_part[min(parts - 1, int((x - begin) / width))].append(y)
    return {"start": samples[0][1], "end": samples[-1][1], "most": max(y for _, y in samples),
            "per_hour": slope_per_hour(samples), "by_part": [statistics.fmean(part) for part in by_part if part]}


def percentiles(values):
    """By nearest rank; {} of nothing."""
    if not values:
        return {}
    values = sorted(values)
    rank = lambda share: values[max(0, math.ceil(share * len(values)) - 1)]  # noqa: E731
    return {"count": len(values), "p50": rank(0.5), "p95": rank(0.95), "p99": rank(0.99), "most": values[-1]}


def grown(before, after, pattern):
    """Counters of /metrics that match and grew: name without the label `stream` -> by how much, over all streams."""
    sums = {}
    for name, value in after.items():
        more = value - before.get(name, 0)
        if more > 0 and pattern.search(name):
            name = re.sub(r"stream=\"[^\"]*\",?", "", name).replace(",}", "}").replace("{}", "")
            sums[name] = sums.get(name, 0) + more
    return sums


def coverage(before, after):
    """(stream, modality) -> seconds by state, of the time between two scrapes."""
    found = {}
    for name, value in after.items():
        labels = dict(re.findall(r'(\w+)="([^"]*)"', name))
        if name.startswith("vedette_coverage_seconds_total"):
            found.setdefault((labels["stream"], labels["modality"]), {})[labels["state"]] = value - before.get(name, 0)
    return found


def covered_share(states):
    """Share of the time that was analysed, or held nothing to analyse."""
    whole = sum(states.values())
    return (states.get("analysed", 0) + states.get("gated", 0)) / whole if whole else 0.0


def lost_pictures(before, after):
    """Share of the sampled pictures that the encoder was too far behind for."""
    by_state = grown(before, after, re.compile("vedette_pictures_total"))
    lost = sum(value for name, value in by_state.items() if '"lost"' in name)
    return lost / sum(by_state.values()) if by_state else 0.0


def judge(figures):
    """[(what, measured, bound, whether it holds)]: the run is good when all hold."""
    hours = max(1.0, figures["measured_s"] / 3600)
    checks = []

    def check(what, value, relation, bound, unit=""):
        holds = value <= bound if relation == "<=" else value >= bound if relation == ">=" else value == bound
        checks.append((what, f"{value:.6g}{unit}", f"{relation} {bound:.6g}{unit}", holds))

    for what, most in MOST_GROWTH.items() if figures["measured_s"] >= LEAST_S else ():
        fitted = figures["growth"][what]["per_hour"] * figures["measured_s"] / 3600
        check(f"{what} grew, as fitted", round(fitted, 2), "<=", most * hours)
    late = {kind: one["p95"] for kind, one in figures["delays_s"].items()}
    check("p95 of answers", round(late.pop("answer", math.inf), 2), "<=", MOST_ANSWER_S, " s")
    worst = max(late, key=late.get, default="")
    check(f"largest p95 of records: {worst}", round(late.get(worst, math.inf), 2), "<=", MOST_DELAY_S, " s")
    covered = {" ".join(which): covered_share(states) for which, states in figures["coverage"].items()}
    worst = min(covered, key=covered.get, default="")
    check(f"least covered: {worst}", round(100 * covered.get(worst, 0), 2), ">=", 100 * LEAST_COVERED, " %")
    missing = max((abs(sum(states.values()) - figures["measured_s"]) for states in figures["coverage"].values()), default=math.inf)
    check("time that the ledger does not account for", round(missing, 2), "<=", MOST_UNACCOUNTED_S, " s")
    check("pictures lost", round(100 * figures["pictures_lost"], 2), "<=", 100 * MOST_PICTURES_LOST, " %")
    check("what must not happen, happened", sum(figures["broken"].values()), "==", 0)
    silent = [kind for counts in figures["records"].values() for kind in ("transcript", "caption", "motion") if not counts.get(kind)]
    check("kinds of records that a stream did not give", len(silent), "==", 0)
    check("questions without an answer", figures["questions"]["asked"] - figures["questions"]["answered"], "==", 0)
    check("lines of errors in the log", figures["log"]["error"], "==", 0)
    check("exit code at SIGTERM", figures["exit_code"], "==", 0)
    return checks
