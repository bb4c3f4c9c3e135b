#!/usr/bin/env python3
"""Prometheus' rules and the Grafana dashboard against a real vedetted: monitoring_test.py BUILD

promtool checks and tests the rules; then a real Prometheus scrapes a running daemon, and every query of the dashboard and
every rule must find what it asks for.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools" / "demo")]
import services  # noqa: E402
from checks import Checks, wait_for  # noqa: E402
from processes import Processes, free_port  # noqa: E402

RULES = ROOT / "config" / "prometheus" / "vedette.rules.yml"
DASHBOARD = ROOT / "config" / "grafana" / "vedette.json"
# Series that only trouble, a question or somebody speaking brings.
MAY_BE_EMPTY = ("vedette_speech_delay_seconds_bucket", "vedette_alert_checks_total")


def get(port, path, **query):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(query)}", timeout=10) as reply:
        return json.load(reply)["data"]


def promtool(checks, folder):
    checks.program(["promtool", "check", "rules", RULES], 0)
    tests = folder / "rules.test.yml"
    tests.write_text((ROOT / "tests" / "config" / "vedette.rules.test.yml").read_text().replace("RULES", str(RULES)))
    checks.program(["promtool", "test", "rules", tests], 0, name="promtool test rules")
    checks.program(["promtool", "check", "config", RULES.parent / "prometheus.yml"], 0, name="promtool check config")
    alerts = {line.split(":")[1].strip() for line in RULES.read_text().splitlines() if "- alert:" in line}
    guide = (ROOT / "docs" / "operating.md").read_text()
    checks.that(all(f"`{alert}`" in guide for alert in alerts), "docs/operating.md says of each alert what to do",
                sorted(alert for alert in alerts if f"`{alert}`" not in guide))


def queries():
    """(panel, query) of the dashboard, its variables filled in."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$instance", ".*").replace("$stream", ".*").replace("$__rate_interval", "10s")


def scraped(checks, build, folder, processes):
    _, redis_port = services.start_redis(processes, folder)
    http, port = free_port(), free_port()
    config = services.write_config(folder, redis_port, http, {"tryout": "test://"})
    services.start_vedetted(processes, build, folder, config)
    (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{RULES}"]
scrape_configs: [{{job_name: vedette, static_configs: [{{targets: ["127.0.0.1:{http}"]}}]}}]
""")
    processes.start(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                     f"--web.listen-address=127.0.0.1:{port}"], folder / "prometheus.log")

    def asked(expression):
        try:
            return get(port, "/api/v1/query", query=expression)["result"]
        except OSError:
            return []
    running = "vedette_stream_up == 1 and on (stream) rate(vedette_coverage_seconds_total{state=~\"analysed|gated\"}[10s]) > 0"
    if not checks.that(wait_for(lambda: asked(running), 90), "Prometheus scrapes a running stream", services.tail_of(folder / "vedetted.log")):
        return
    names = {series["__name__"] for series in get(port, "/api/v1/series", **{"match[]": '{job="vedette"}'})}
    for title, expression in queries():
        found = asked(expression) or any(name in expression for name in MAY_BE_EMPTY)
        checks.that(found, f"the dashboard's panel \"{title}\" shows something", expression)
    groups = get(port, "/api/v1/rules")["groups"]
    sick = [rule for group in groups for rule in group["rules"] if rule["health"] != "ok"]
    checks.that(groups and not sick, "every rule is evaluated", sick)
    firing = wait_for(lambda: not get(port, "/api/v1/alerts")["alerts"], 30)
    checks.that(firing, "no alert stands while all is well", get(port, "/api/v1/alerts"))
    used = {word for text in [RULES.read_text(), DASHBOARD.read_text()] for word in text.replace("{", " ").replace("(", " ").replace("[", " ").replace(")", " ").split()
            if word.startswith("vedette_") and word.endswith(("_total", "_up", "_seconds", "_records", "_bytes", "_waiting", "_successful"))}
    rare = {"vedette_records_dropped_total", "vedette_questions_total", "vedette_alert_checks_total"}
    checks.that(used <= names | rare, "they name series that the daemon serves", sorted(used - names - rare))


def main():
    checks, build = Checks(), pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        promtool(checks, pathlib.Path(folder))
        scraped(checks, build, pathlib.Path(folder), processes)
    checks.finish()


if __name__ == "__main__":
    main()
