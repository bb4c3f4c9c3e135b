// One tile per stream: state, newest picture, caption, words, coverage. Whatever a stream or a model says goes in as text.
import { COVERAGE, lasting, make, median, mood, percent, plain, reasonWords, setTime, shares, stateWord } from "./texts.js";

const PICTURE_EVERY_MS = 2000;
const WORDS_SHOWN = 6;
const DELAYS_KEPT = 7;
const COVERAGE_NAMES = { audio: "sound", video: "picture" };

const visible = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.target.tile.seen = entry.isIntersecting;
});

export class Tile {
  // `now`: the service's time.
  constructor(id, now, onAsk) {
    this.id = id;
    this.now = now;
    this.records = new Map();
    this.delays = [];
    this.seen = false;
    this.state = { state: "starting", reason: "", shed_reason: "", next_try_ms: 0, since_ms: 0, picture: false };
    this.element = document.getElementById("tile").content.firstElementChild.cloneNode(true);
    this.element.tile = this;
    this.element.dataset.stream = id;
    const title = this.find("h3");
    title.textContent = id;
    title.id = `stream-${id}`;
    this.find("article").setAttribute("aria-labelledby", title.id);
    this.link = this.find(".picture");
    this.link.href = `/streams/${id}/latest.jpg`;
    this.link.setAttribute("aria-label", `Latest picture of ${id}`);
    const ask = this.find(".ask-this");
    ask.setAttribute("aria-label", `Ask about ${id}`);
    ask.addEventListener("click", () => onAsk(id));
    visible.observe(this.element);
    this.timer = setTimeout(() => this.picture(), 0);
  }

  find(selector) { return this.element.querySelector(selector); }

  remove() {
    clearTimeout(this.timer);
    this.timer = null;
    visible.unobserve(this.element);
    if (this.shown) URL.revokeObjectURL(this.shown);
    this.element.remove();
  }

  // The newest picture, again and again while it can be seen.
  async picture() {
    try {
      if (this.seen && this.state.picture && !document.hidden) await this.loadPicture();
    } catch { /* the service is away: the page says so elsewhere */ }
    if (this.timer !== null) this.timer = setTimeout(() => this.picture(), this.seen ? PICTURE_EVERY_MS : 300);
  }

  async loadPicture() {
    const reply = await fetch(this.link.getAttribute("href"), { cache: "no-cache" });
    if (!reply.ok || reply.headers.get("ETag") === this.etag) return;
    this.etag = reply.headers.get("ETag");
    const old = this.shown;
    this.shown = URL.createObjectURL(await reply.blob());
    const image = this.find("img");
    image.src = this.shown;
    image.alt = `Latest picture of ${this.id}`;
    image.hidden = false;
    this.find(".none").hidden = true;
    if (old) URL.revokeObjectURL(old);
  }

  setState(state) {
    this.state = { ...this.state, ...state };
    const how = mood(state.state, state.reason);
    this.element.dataset.mood = how;
    const word = this.find(".state .word");
    if (word.textContent !== stateWord(state.state)) word.textContent = stateWord(state.state);
    this.tick(this.now());
  }

  // What changes with time alone.
  tick(nowMs) {
    const { state, reason, shed_reason: shed, next_try_ms: next, since_ms: since } = this.state;
    const parts = [];
    if (reason) parts.push(reasonWords(reason));
    if (state !== "running" && state !== "starting" && since > 0) parts.push(`for ${lasting(nowMs - since)}`);
    if (state === "reconnecting" && next > 0) parts.push(next > nowMs ? `next try in ${lasting(next - nowMs)}` : "trying now");
    if (state === "running" && shed) parts.push(`busy machine: ${shed}`);
    const why = this.find(".why");
    why.hidden = parts.length === 0;
    if (why.textContent !== parts.join(" · ")) why.textContent = parts.join(" · ");
  }

  setCoverage(coverage) {
    const box = this.find(".coverage");
    for (const modality of ["audio", "video"]) {
      let bar = box.querySelector(`[data-of=${modality}]`);
      if (!coverage[modality]) { bar?.remove(); continue; }
      if (!bar) {
        bar = document.getElementById("bar").content.firstElementChild.cloneNode(true);
        bar.dataset.of = modality;
        bar.querySelector(".of").textContent = COVERAGE_NAMES[modality];
        box.append(bar);
      }
      this.fillBar(bar, coverage[modality]);
    }
    const soundOnly = Boolean(coverage.audio && !coverage.video);
    this.element.classList.toggle("no-video", soundOnly);
    this.find(".none").textContent = soundOnly ? "sound only" : "no picture yet";
  }

  fillBar(bar, account) {
    const { parts, watched } = shares(account.seconds);
    const track = bar.querySelector(".track");
    track.replaceChildren(...parts.map((part) => {
      const piece = make("span", `piece ${part.state}`);
      piece.style.flexGrow = String(part.share);
      return piece;
    }));
    const words = parts.map((part) => `${plain(part.state)} ${percent(part.share)}`).join(", ");
    const label = `${bar.querySelector(".of").textContent}: ${words || "nothing yet"}; now ${plain(account.now)}`;
    track.setAttribute("aria-label", label);
    bar.title = label;
    bar.querySelector(".share").textContent = watched === null ? "" : percent(watched);
    bar.dataset.now = account.now;
  }

  // Takes a record; of a known one only a newer revision.
  take(record) {
    const known = this.records.get(record.id);
    if (known && known.rev >= record.rev) return;
    if (record.state === "withdraw") this.records.delete(record.id);
    else this.records.set(record.id, record);
    const show = { caption: "showCaption", transcript: "showWords", status: "showConditions" }[record.kind];
    if (show) this[show]();
    if (this.records.size > 200) this.forget();
    const live = record.clock !== "file" && (record.kind === "transcript" || record.kind === "caption");
    if (live && record.state !== "withdraw" && record.text) this.addDelay(record.published_ms - record.t_end_ms);
  }

  of(kind) { return [...this.records.values()].filter((record) => record.kind === kind); }

  forget() {
    const closed = [...this.records.values()].filter((record) => record.kind !== "status" || record.state === "close");
    for (const record of closed.slice(0, closed.length / 2)) this.records.delete(record.id);
  }

  showCaption() {
    const newest = this.of("caption").at(-1);
    this.find(".caption .text").textContent = newest ? newest.text : "";
    const time = this.find(".caption time");
    if (newest) setTime(time, newest.t_start_ms); else time.textContent = "";
  }

  showWords() {
    const newest = this.of("transcript").filter((record) => record.text)
      .sort((a, b) => a.t_start_ms - b.t_start_ms).slice(-WORDS_SHOWN);
    const list = this.find(".words");
    list.replaceChildren(...newest.map((record) => {
      const item = make("li", record.state === "close" ? "" : "tentative");
      const time = make("time");
      setTime(time, record.t_start_ms);
      item.append(time, " ", make("span", "", record.text));
      return item;
    }));
  }

  // Health that is measured without a model: what is open now.
  showConditions() {
    const open = this.of("status").filter((record) => record.state !== "close" && record.details?.condition);
    this.find(".conditions").replaceChildren(...open.map((record) => make("li", "", plain(record.text))));
  }

  addDelay(ms) {
    this.delays = [...this.delays, Math.max(0, ms)].slice(-DELAYS_KEPT);
    const delay = this.find(".delay");
    delay.textContent = `${(median(this.delays) / 1000).toFixed(1)} s behind`;
    delay.title = "From the end of what was said or seen to its text here, median of the last few";
  }
}

export function fillLegend(list) {
  list.replaceChildren(...COVERAGE.map(([state, meaning]) => {
    const item = make("li");
    item.append(make("span", `piece ${state}`), " ", meaning);
    return item;
  }));
}
