"""What the tests of the page look at in a browser: what is said, what can be reached, and whether it can be read."""
import json

from browser import Browser

WORDS = "document.querySelector('[data-stream={}] .words').innerText"

# The names of the fields, links and buttons that the Tab key reaches, in turn.
FOCUSED = """(() => { const at = document.activeElement; if (!at || at === document.body) return '';
  return at.getAttribute('aria-label') || at.labels?.[0]?.innerText || at.innerText.trim() || at.alt || at.querySelector('img')?.alt || at.id; })()"""

# Texts whose contrast with what is behind them is below 4.5 (WCAG 2.1, 1.4.3).
FAINT = """(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
    if (!text || !element.checkVisibility() || element.closest('template, noscript')) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.push(`${element.className || element.tagName} "${text.slice(0, 30)}" ${contrast.toFixed(2)}`);
  }
  return faint;
})()"""


def only_ours(page, base):
    """Requests of the page that went elsewhere."""
    return [url for url in page.requests if not url.startswith((base, "blob:", "about:", "data:"))]


def tab_stops(page, most=60):
    """What the Tab key reaches from the top of the page, until it comes round or leaves."""
    stops = []
    for _ in range(most):
        page.key("Tab")
        name = page.run(FOCUSED)
        if not name or (stops and name == stops[0]):
            break
        stops.append(name)
    return stops


def ask(page, stream, text):
    """Asks by the form, as a person does."""
    page.run(f"document.getElementById('ask-stream').value = '{stream}'; document.getElementById('ask-text').focus()")
    page.type(text)
    page.key("Enter", "\r")


def nameless(page):
    """What a screen reader would reach without being able to say what it is; and the landmarks that it finds."""
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    seen = [node for node in nodes if not node.get("ignored")]
    role = lambda node: node.get("role", {}).get("value")  # noqa: E731
    focusable = lambda node: any(p["name"] == "focusable" and p["value"].get("value") for p in node.get("properties", []))  # noqa: E731
    without = [role(node) for node in seen
               if focusable(node) and role(node) not in ("RootWebArea", "generic") and not node.get("name", {}).get("value")]
    return without, {role(node) for node in seen}


def of_a_running_service(checks, base, question):
    """The page of the real thing, with streams gate (scene and speech), lost, down, locked and mute, as service_test.py has them."""
    with Browser() as browser:
        page = browser.page(base + "/")
        part = lambda stream, selector: f"document.querySelector('[data-stream={stream}] {selector}')"  # noqa: E731
        checks.that(page.wait("document.querySelectorAll('.tile').length >= 6", 60), "the page has a tile for each stream")
        page.run("window.loadedOnce = true")
        for stream, why in (("lost", "not found at the source"), ("down", "connection refused"),
                            ("locked", "user or password refused"), ("mute", "no sound")):
            told = page.wait(f"{part(stream, '.why')}.innerText.includes('{why}')", 30)
            checks.that(told, f"it says why {stream} is in trouble: {why}", page.run(f"{part(stream, 'article')}.innerText"))
        checks.that(page.wait(f"{part('gate', 'img')}.naturalWidth > 0", 60), "it shows the newest picture")
        checks.that(page.wait(f"{part('gate', '.caption .text')}.innerText !== ''", 60), "a caption")
        heard = page.run(f"{part('gate', '.words')}.innerText")
        news = page.wait(f"{part('gate', '.words li')} && {part('gate', '.words')}.innerText !== {json.dumps(heard)}", 60)
        checks.that(news and page.run("window.loadedOnce"), "and words as they come, without a reload", heard)
        label = page.run(f"{part('gate', '[data-of=audio] .track')}.getAttribute('aria-label')")
        checks.that("analysed" in label, "coverage", label)
        ask(page, "gate", question)
        answered = page.wait("document.querySelector('#answers li[aria-busy=false] .answer:not(.bad)')?.innerText", 90)
        checks.that(answered, "a question that is asked there is answered", page.run("document.getElementById('answers').innerText"))
        checks.that(page.errors == [], "no errors in its console", page.errors)
        checks.that(not only_ours(page, base), "and no request goes anywhere else", only_ours(page, base))
