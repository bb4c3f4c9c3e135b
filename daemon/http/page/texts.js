// Words for what the service says in codes, and times. Nothing here touches the page.

const REASONS = {
  auth: "user or password refused", refused: "connection refused", not_found: "not found at the source",
  timeout: "no reply in time", transport: "the server refuses this transport", dns: "name not found",
  tls: "certificate not trusted", permission: "not permitted", busy: "in use by another program", closed: "connection closed",
  unreachable: "network unreachable", eos: "the source ended", stalled: "nothing came any more",
  no_data: "nothing comes", no_media: "neither sound nor picture", decode: "cannot be decoded",
  unsupported: "format not supported", model: "trouble with a model", source: "trouble at the source",
  no_audio: "no sound", no_video: "no picture", error: "given up: see the log",
  no_room: "this machine has no room for it",
};
const STATES = { no_signal: "no signal" };

// How bad a state is: "good", "warn" or "bad".
export function mood(state, reason) {
  if (state === "running") return reason ? "warn" : "good";
  return state === "starting" ? "warn" : "bad";
}

export const stateWord = (state) => STATES[state] || state;
export const reasonWords = (reason) => REASONS[reason] || reason.replaceAll("_", " ");
export const plain = (code) => code.replaceAll("_", " ");

// Coverage states in the order in which bars show them, with what they mean.
export const COVERAGE = [
  ["analysed", "analysed"],
  ["gated", "quiet: nothing changed, or silence"],
  ["starting", "starting"],
  ["paused", "paused"],
  ["shed", "shed: the machine was too busy"],
  ["no_signal", "no signal"],
  ["decode_error", "not decodable"],
  ["down", "down"],
];
const WATCHED = new Set(["analysed", "gated"]);

// Shares of the seconds per state, in the bar's order: [{state, share}], and the share that was watched.
export function shares(seconds) {
  const total = Object.values(seconds).reduce((sum, one) => sum + one, 0);
  if (total <= 0) return { parts: [], watched: null };
  const parts = COVERAGE.filter(([state]) => seconds[state] > 0)
    .map(([state]) => ({ state, share: seconds[state] / total }));
  const watched = parts.filter((part) => WATCHED.has(part.state)).reduce((sum, part) => sum + part.share, 0);
  return { parts, watched };
}

// Never "100 %" while something is missing, nor "0 %" while there is something.
export function percent(share) {
  if (share > 0 && share < 0.01) return "<1 %";
  if (share < 1 && share > 0.99) return ">99 %";
  return `${Math.round(share * 100)} %`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

// Local time of day; with the day when it is not today's.
export function clock(ms) {
  const then = new Date(ms);
  const today = then.toDateString() === new Date().toDateString();
  return (today ? "" : DAY.format(then) + " ") + CLOCK.format(then);
}

export function setTime(element, ms) {
  const then = new Date(ms);
  element.dateTime = then.toISOString();
  element.title = then.toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC");
  element.textContent = clock(ms);
}

export function lasting(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

export function make(tag, kind, text) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
}
