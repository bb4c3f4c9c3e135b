// The box to ask a question, and the list of alerts.
import { clock, make, percent, setTime } from "./texts.js";

const ANSWERS_KEPT = 20;
const ALERTS_KEPT = 50;
const POLL_MS = 1000;

function pictureLink(address, what) {
  const link = make("a", "thumb");
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener";
  const image = make("img");
  image.src = address;
  image.alt = what;
  image.loading = "lazy";
  link.append(image);
  return link;
}

export class AskPanel {
  constructor(call, isLive) {
    this.call = call;
    this.isLive = isLive;
    this.asked = new Map();
    this.early = new Map();  // answers that came before the reply that tells their id
    this.form = document.getElementById("ask-form");
    this.select = document.getElementById("ask-stream");
    this.text = document.getElementById("ask-text");
    this.error = document.getElementById("ask-error");
    this.list = document.getElementById("answers");
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.form.requestSubmit();
    });
  }

  setStreams(ids) {
    const chosen = this.select.value;
    this.select.replaceChildren(...ids.map((id) => { const one = make("option", "", id); one.value = id; return one; }));
    if (ids.includes(chosen)) this.select.value = chosen;
  }

  about(id) {
    this.select.value = id;
    this.text.focus();
  }

  async send() {
    const stream = this.select.value, text = this.text.value.trim();
    if (!text) return;
    this.error.textContent = "";
    const reply = await this.call("/api/questions", { stream, text });
    if (!reply.ok) {
      this.error.textContent = reply.body.error || "the question could not be sent";
      return;
    }
    this.text.value = "";
    this.add(reply.body.id, stream, text);
    if (this.early.has(reply.body.id)) this.take(this.early.get(reply.body.id));
    this.poll(reply.body.id);
  }

  add(id, stream, text) {
    const item = make("li");
    item.setAttribute("aria-busy", "true");
    const question = make("p", "question");
    question.append(make("span", "stream", stream), " ", make("span", "", text));
    const parts = { item, answer: make("p", "answer waiting", "thinking"), rests: make("p", "rests"), thumbs: make("p", "thumbs"), open: true };
    item.append(question, parts.answer, parts.rests, parts.thumbs);
    this.asked.set(id, parts);
    this.list.prepend(item);
    while (this.list.children.length > ANSWERS_KEPT) this.list.lastElementChild.remove();
  }

  take(answer) {
    const parts = this.asked.get(answer.id);
    if (!parts) {
      this.early.set(answer.id, answer);
      if (this.early.size > ANSWERS_KEPT) this.early.delete(this.early.keys().next().value);
      return;
    }
    if (!parts.open) return;
    const failed = answer.state === "error";
    const text = failed ? `No answer: ${answer.reason || "unknown reason"}` : answer.text;
    parts.answer.textContent = text || "thinking";
    parts.answer.className = `answer${failed ? " bad" : text ? "" : " waiting"}`;
    if (answer.state === "partial") return;
    parts.open = false;
    parts.item.setAttribute("aria-busy", "false");
    if (failed) return;
    const records = answer.evidence.length;
    if (answer.to_ms > 0) {
      parts.rests.textContent = `${clock(answer.from_ms)} to ${clock(answer.to_ms)}, ` +
        (records === 1 ? "1 record" : `${records} records`) + (answer.model ? `, ${answer.model}` : ", from the facts");
    }
    parts.thumbs.replaceChildren(...(answer.pictures || []).map((address) => pictureLink(address, "Picture behind this answer")));
  }

  // While events do not come, answers are asked for.
  async poll(id) {
    while (this.asked.get(id)?.open) {
      await new Promise((done) => setTimeout(done, POLL_MS));
      if (this.isLive()) continue;
      const reply = await this.call(`/api/questions/${id}`);
      if (reply.ok) this.take(reply.body);
      else if (reply.status === 404) this.take({ id, state: "error", reason: "the service forgot the question" });
    }
  }
}

export class AlertPanel {
  constructor() {
    this.list = document.getElementById("alert-list");
    this.none = document.getElementById("no-alerts");
    this.count = document.getElementById("alert-count");
    this.items = new Map();
  }

  take(record) {
    const known = this.items.get(record.id);
    if (known && Number(known.dataset.rev) >= record.rev) return;
    if (known) { known.remove(); this.items.delete(record.id); }
    if (record.state !== "withdraw") this.add(record);
    this.none.hidden = this.items.size > 0;
    this.count.hidden = this.items.size === 0;
    this.count.textContent = String(this.items.size);
  }

  add(record) {
    const item = make("li");
    item.dataset.at = record.t_start_ms;
    item.dataset.rev = record.rev;
    const time = make("time");
    setTime(time, record.t_start_ms);
    const text = make("p");
    text.append(make("span", "stream", record.stream), " ", make("span", "rule", record.rule || record.text));
    const when = make("p", "rests");
    when.append(time, record.score === undefined ? "" : `, score ${percent(record.score)}`);
    const words = make("div", "about");
    words.append(text, when);
    item.append(words, ...(record.pictures || []).slice(0, 1).map((address) => pictureLink(address, "Picture of this alert")));
    const older = [...this.list.children].find((one) => Number(one.dataset.at) <= record.t_start_ms);
    this.list.insertBefore(item, older || null);
    this.items.set(record.id, item);
    if (this.items.size <= ALERTS_KEPT) return;
    const last = this.list.lastElementChild;
    for (const [id, one] of this.items) if (one === last) this.items.delete(id);
    last.remove();
  }
}
