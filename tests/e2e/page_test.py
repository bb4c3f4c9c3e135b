#!/usr/bin/env python3
"""The page in a headless Chromium, on streams that are made up: page_test.py BUILD

What streams and models say is text and nothing else, it comes without a reload, the keyboard and a screen reader reach
everything, a phone shows it, nothing comes from elsewhere. VEDETTE_SCREENSHOTS=FOLDER keeps pictures of it.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools" / "demo")]
import page_checks  # noqa: E402
from browser import Browser  # noqa: E402
from checks import Checks  # noqa: E402
from processes import stop  # noqa: E402

TOKEN = "0123456789abcdef0123456789abcdef"
ATTACK = "<img src=x onerror='document.body.dataset.attacked=1'></script><b>bold</b>"
LONG = "loading-dock_camera-with-a-name-that-is-as-long-as-ids-may-be-64"


class Service:
    """page_serve, and the news that it is given."""

    def __init__(self, build, folder, token=""):
        self.process = subprocess.Popen([str(build / "tests" / "page_serve"), str(folder), *([token] if token else [])],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.base = f"http://127.0.0.1:{self.process.stdout.readline().split()[-1]}"

    def tell(self, **news):
        self.process.stdin.write(json.dumps(news) + "\n")
        self.process.stdin.flush()

    def record(self, number, stream, kind, text, **more):
        self.tell(record={"id": f"{stream}-1-{number}", "stream": stream, "kind": kind, "text": text, **more})

    def state(self, stream, state, reason="", **more):
        self.tell(state={"stream": stream, "state": state, "reason": reason, **more})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self.process)
        self.process.stdin.close()


def begin(service):
    spent = lambda stream, modality, now, **seconds: {"stream": stream, "modality": modality, "now": now, "seconds": seconds}  # noqa: E731
    service.tell(streams=["gate", "yard", "lost", "mic", LONG])
    service.tell(coverage=[spent("gate", "audio", "analysed", analysed=800, gated=190, starting=10),
                           spent("gate", "video", "gated", analysed=300, gated=690, shed=10),
                           spent("yard", "audio", "no_signal", no_signal=1000), spent("yard", "video", "analysed", analysed=1000),
                           spent("lost", "audio", "no_signal", analysed=500, no_signal=500),
                           spent("lost", "video", "no_signal", analysed=500, no_signal=500),
                           spent("mic", "audio", "gated", analysed=4, gated=996)])
    service.state("gate", "running")
    service.state("yard", "running", "no_audio")
    service.state("lost", "reconnecting", "refused", next_try_ms=4_000_000_000_000)
    service.state("mic", "running", shed_reason="every fourth picture")
    service.record(1, "gate", "caption", "Two things on the left. Moving: one thing, left to right.")
    for number, words in enumerate(("The delivery truck is waiting", "in front of the gate.", "The driver has four boxes."), 2):
        service.record(number, "gate", "transcript", words, ago_ms=20_000 - number * 3000)
    service.record(1, "yard", "caption", ATTACK)
    service.record(2, "yard", "status", "picture_black", state="open", details={"condition": "picture_black"})
    service.record(1, LONG, "transcript", "W" * 300, ago_ms=60_000)
    service.record(9, "gate", "alert", "something moves", rule=ATTACK + " moves", score=0.58,
                   evidence=["/anywhere/gate/1700000000000.jpg"])


class Scenario:
    def __init__(self, checks, browser, service):
        self.checks, self.browser, self.service = checks, browser, service
        self.page = browser.page(service.base + "/")
        self.shots = os.environ.get("VEDETTE_SCREENSHOTS")

    def tile(self, stream, part):
        return self.page.run(f"document.querySelector('[data-stream={stream}] {part}')?.innerText ?? ''")

    def shows(self, what, script, within_s=30):
        value = self.page.wait(script, within_s)
        return self.checks.that(value, what, value)

    def shot(self, page, name, whole=False):
        if self.shots:
            page.wait("document.querySelector('[data-stream=gate] img')?.naturalWidth")
            page.screenshot(pathlib.Path(self.shots) / f"{name}.png", whole)

    def tiles_tell_how_streams_are(self):
        self.shows("a tile for each stream, in the order of the configuration",
                   f"[...document.querySelectorAll('.tile')].map((tile) => tile.dataset.stream).join() === 'gate,yard,lost,mic,{LONG}'")
        self.shows("a stream that runs", "document.querySelector('[data-stream=gate] .state').innerText.trim() === 'running'")
        for stream, state, why in (("yard", "running", "no sound"), ("lost", "reconnecting", "connection refused"),
                                   (LONG, "starting", "")):
            self.checks.that(self.tile(stream, ".state").strip() == state and why in self.tile(stream, ".why"),
                             f"{stream}: {state} {why}", (self.tile(stream, ".state"), self.tile(stream, ".why")))
        self.checks.that(self.tile("mic", ".why") == "busy machine: every fourth picture", "what is left out of one that runs",
                         self.tile("mic", ".why"))
        self.checks.that("next try in" in self.tile("lost", ".why"), "and when it is tried again", self.tile("lost", ".why"))
        self.checks.that("4 streams" not in self.page.run("document.getElementById('summary').innerText")
                         and "1 reconnecting" in self.page.run("document.title"), "title and summary count them",
                         self.page.run("document.title"))
        label = self.page.run("document.querySelector('[data-stream=gate] [data-of=video] .track').getAttribute('aria-label')")
        self.checks.that(label == "picture: analysed 30 %, gated 69 %, shed 1 %; now gated", "coverage is said in words", label)
        self.checks.that(">99 %" not in self.tile("yard", ".coverage") and "0 %" in self.tile("yard", ".coverage"),
                         "and as a share that was watched", self.tile("yard", ".coverage"))
        self.checks.that("picture black" in self.tile("yard", ".conditions"), "what is measured stands there",
                         self.tile("yard", ".conditions"))
        self.checks.that("four boxes" in self.tile("gate", ".words"), "words", self.tile("gate", ".words"))
        self.checks.that("s behind" in self.tile("gate", ".delay"), "delay", self.tile("gate", ".delay"))
        self.shows("the newest picture is there", "document.querySelector('[data-stream=gate] img').naturalWidth === 320")
        self.checks.that("sound only" in self.tile("mic", ".picture"), "a stream without a picture says so",
                         self.tile("mic", ".picture"))

    def what_is_said_is_text(self):
        self.checks.that(self.tile("yard", ".caption .text") == ATTACK, "markup in a caption is text",
                         self.tile("yard", ".caption"))
        alert = self.page.run("document.querySelector('#alert-list .rule').innerText")
        self.checks.that(alert == ATTACK + " moves", "and in an alert's rule", alert)
        self.service.state("mic", "running", ATTACK)
        self.shows("and in a state's reason", "document.querySelector('[data-stream=mic] .why').innerText.includes('onerror')")
        self.service.state("mic", "running")
        self.shows("the alert's picture is there", "document.querySelector('#alert-list img')?.naturalWidth === 320")
        self.checks.that(self.page.run("document.body.dataset.attacked") is None and
                         self.page.run("document.querySelectorAll('.tile b, .caption img, .rule img').length") == 0,
                         "and none of it runs")

    def news_come_without_a_reload(self):
        self.page.run("window.loadedOnce = true")
        self.service.record(20, "gate", "transcript", "Please bring them", state="update", ago_ms=500)
        self.shows("tentative words come", "document.querySelector('[data-stream=gate] .tentative')?.innerText.includes('bring them')")
        self.service.record(20, "gate", "transcript", "Please bring them to the door.", rev=1, ago_ms=300)
        self.shows("and become certain in their place",
                   "document.querySelectorAll('[data-stream=gate] .tentative').length === 0 && "
                   + page_checks.WORDS.format("gate") + ".includes('to the door.')")
        self.service.record(21, "gate", "caption", "Nothing stands out.")
        self.shows("a new caption takes the place of the old one",
                   "document.querySelector('[data-stream=gate] .caption .text').innerText === 'Nothing stands out.'")
        self.service.record(2, "yard", "status", "picture_black", rev=1, state="close")
        self.shows("a condition that is over is gone", "document.querySelector('[data-stream=yard] .conditions').children.length === 0")
        self.service.state("lost", "running")
        self.shows("a state changes", "document.querySelector('[data-stream=lost] .state').innerText.trim() === 'running'")
        self.service.record(22, "gate", "alert", "x", rule="a door is open", score=0.9)
        self.shows("alerts are counted, the newest first",
                   "document.querySelector('#alert-list .rule').innerText === 'a door is open' && "
                   "document.getElementById('alert-count').innerText === '2'")
        self.service.tell(not_ready=["redis: refused", "gate: starting"])
        self.shows("trouble of the service is told", "document.getElementById('trouble').innerText === 'redis: refused'")
        self.service.tell(not_ready=[])
        self.shows("and when it is over", "document.getElementById('trouble').hidden")
        self.service.tell(streams=["gate", "yard", "new"])
        self.shows("streams come and go", "[...document.querySelectorAll('.tile')].map((tile) => tile.dataset.stream).join() === 'gate,yard,new'")
        self.checks.that(self.page.run("[...document.getElementById('ask-stream').options].map((one) => one.value).join()") ==
                         "gate,yard,new", "in the list to ask about as well")
        self.checks.that(self.page.run("window.loadedOnce"), "all that without a reload")

    def questions_are_answered(self):
        page_checks.ask(self.page, "yard", "Is it <b>open</b>?")
        answer = "document.querySelector('#answers li[aria-busy=false] .answer')?.innerText"
        self.shows("a question is answered", f"{answer} === 'You asked: Is it <b>open</b>?'")
        self.checks.that("2 records, echo" in self.page.run("document.querySelector('#answers .rests').innerText"),
                         "with what it rests on", self.page.run("document.querySelector('#answers').innerText"))
        page_checks.ask(self.page, "gate", "fail please")
        self.shows("a failure is told with its reason", f"{answer} === 'No answer: told to fail'")
        for _ in range(5):
            page_checks.ask(self.page, "gate", "wait for ever")
            self.page.wait("document.getElementById('ask-text').value === '' || document.getElementById('ask-error').innerText")
        self.shows("and too many open ones are refused, with the reason",
                   "document.getElementById('ask-error').innerText === 'too many questions of this client are open'")
        self.page.run("document.getElementById('ask-text').value = ''; document.activeElement.blur()")

    def keyboard_and_screen_reader(self):
        page = self.browser.page(self.service.base + "/")
        page.wait("document.querySelectorAll('.tile').length === 3 && document.querySelectorAll('#alert-list li').length === 2")
        stops = page_checks.tab_stops(page)
        expected = ["Skip to the streams", "Streams", "Ask", "Alerts2", "Latest picture of gate", "Ask about gate",
                    "Latest picture of yard", "Ask about yard", "Latest picture of new", "Ask about new", "Stream", "Question", "Ask",
                    "Picture of this alert", "What the bars mean", "Metrics"]
        self.checks.that(stops == expected, "the Tab key reaches everything, in the order of the page", stops)
        page.run("document.querySelector('[data-stream=yard] .ask-this').focus()")
        page.key("Enter", "\r")
        self.checks.that(page.run("document.activeElement.id + document.getElementById('ask-stream').value") == "ask-textyard",
                         "Ask on a tile leads to the question, about that stream")
        without, roles = page_checks.nameless(page)
        self.checks.that(not without, "everything that can be reached has a name", without)
        self.checks.that({"banner", "main", "navigation", "contentinfo", "region"} <= roles, "and landmarks divide the page", roles)
        self.checks.that(page.errors == [], "no errors in the console", page.errors)
        page.close()

    def light_dark_and_phone(self):
        self.shot(self.page, "light")
        for name, options in (("dark", {"dark": True}), ("phone", {"width": 360, "height": 740, "phone": True}),
                              ("phone-dark", {"width": 390, "height": 844, "phone": True, "dark": True})):
            page = self.browser.page(self.service.base + "/", **options)
            page.wait("document.querySelectorAll('.tile').length === 3")
            wide = page.run("document.documentElement.scrollWidth - innerWidth")
            self.checks.that(wide <= 0, f"{name}: nothing to scroll sideways", wide)
            faint = page.run(page_checks.FAINT)
            self.checks.that(faint == [], f"{name}: every text stands out by 4.5", faint)
            self.checks.that(page.errors == [], f"{name}: no errors in the console", page.errors)
            self.shot(page, name, whole="phone" in name)
            page.close()
        faint = self.page.run(page_checks.FAINT)
        self.checks.that(faint == [], "light: every text stands out by 4.5", faint)

    def nothing_from_elsewhere(self):
        elsewhere = page_checks.only_ours(self.page, self.service.base)
        self.checks.that(not elsewhere, "no request goes anywhere else", elsewhere)
        errors = [error for error in self.page.errors if "429" not in error]  # the refused question, as it should be
        self.checks.that(errors == [], "no errors in the console", errors)


def the_token_is_wanted(checks, browser, build, folder):
    with Service(build, folder, TOKEN) as service:
        service.tell(streams=["gate"])
        page = browser.page(service.base + "/")
        asked = page.wait("document.getElementById('login')?.hidden === false")
        checks.that(asked and page.run("document.querySelectorAll('.tile').length") == 0, "with a token the page asks for it first")
        checks.that(page.errors == [], "quietly", page.errors)
        checks.that(page.run("document.activeElement.id") == "token", "and is ready to take it")
        page.type("not the token at all")
        page.key("Enter", "\r")
        checks.that(page.wait("document.getElementById('login-error').innerText === 'this is not the token'"), "a wrong one is told")
        page.run("document.getElementById('token').value = ''")
        page.type(TOKEN)
        page.key("Enter", "\r")
        checks.that(page.wait("document.querySelectorAll('.tile').length === 1 && document.getElementById('login').hidden"),
                    "the right one opens it")
        checks.that(page.wait("document.getElementById('link').dataset.link === 'live'"), "events come")
        checks.that(page.run("document.cookie") == "", "no script can read the session")
        page.run("document.getElementById('logout').click()")
        checks.that(page.wait("document.getElementById('login').hidden === false"), "Log out closes it")
        page.call("Page.reload")
        checks.that(page.wait("document.getElementById('login')?.hidden === false"), "for good")
        page.close()


def commands():
    """The curl commands of docs/http.md: (command, whether it sends the token)."""
    lines = (ROOT / "docs" / "http.md").read_text().splitlines()
    return [(line.strip(), "VEDETTE_TOKEN" in line) for line in lines if line.startswith("    ") and "curl " in line]


def the_documented_commands_run(checks, build, folder):
    with Service(build, folder) as service, Service(build, folder, TOKEN) as locked:
        listed = commands()
        checks.that(len(listed) >= 6, "docs/http.md has its commands", listed)
        for one in (service, locked):
            one.tell(streams=["gate"])
        for command, token in listed:
            base = (locked if token else service).base
            done = subprocess.run(["bash", "-c", command.replace("http://127.0.0.1:9464", base)], capture_output=True, text=True,
                                  env=dict(os.environ, VEDETTE_TOKEN=TOKEN), timeout=60)
            checks.that(done.returncode == 0 and done.stdout, command, (done.returncode, done.stdout, done.stderr))


def the_service_goes(checks, browser, build, folder):
    with Service(build, folder) as service:
        service.tell(streams=["gate"])
        page = browser.page(service.base + "/")
        page.wait("document.getElementById('link')?.dataset.link === 'live'")
        stop(service.process)
        checks.that(page.wait("document.getElementById('link').dataset.link === 'lost'"), "a service that is gone is told",
                    page.run("document.getElementById('link').innerText"))
        page.close()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="vedette-page-") as folder, Browser() as browser:
        folder = pathlib.Path(folder)
        (folder / "gate").mkdir()
        picture = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180", "-frames:v", "1", "-update", "1"]
        for file in (folder / "gate.jpg", folder / "gate" / "1700000000000.jpg"):
            subprocess.run([*picture, str(file)], check=True)
        with Service(build, folder) as service:
            begin(service)
            scenario = Scenario(checks, browser, service)
            scenario.tiles_tell_how_streams_are()
            scenario.what_is_said_is_text()
            scenario.news_come_without_a_reload()
            scenario.questions_are_answered()
            scenario.keyboard_and_screen_reader()
            scenario.light_dark_and_phone()
            scenario.nothing_from_elsewhere()
        the_token_is_wanted(checks, browser, build, folder)
        the_documented_commands_run(checks, build, folder)
        the_service_goes(checks, browser, build, folder)
    checks.finish()


main()
