// Connects the page to its service: everything at first, then events as they come (Server-Sent Events), and where those
// cannot be had, everything again every few seconds.
import { AlertPanel, AskPanel } from "./panels.js";
import { make, mood, stateWord } from "./texts.js";
import { Tile, fillLegend } from "./tiles.js";

const QUIET_MS = 15000;   // no event for so long: the connection is taken for lost (a pulse comes every 5 s)
const AGAIN_MS = 5000;
const OPEN_PARTS = ["parts", "summary", "board", "foot"];  // what is shown once the service lets us

const $ = (id) => document.getElementById(id);
const tiles = new Map();
let source = null, lastEvent = 0, live = false, ahead = 0;

async function call(address, body, method) {
  const options = body === undefined ? { method: method || "GET" }
    : { method: method || "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const reply = await fetch(address, options);
    const read = await reply.json().catch(() => ({}));
    if (reply.status === 401 && address !== "/api/session") showLogin();
    return { ok: reply.ok, status: reply.status, body: read };
  } catch {
    return { ok: false, status: 0, body: { error: "the service cannot be reached" } };
  }
}

const ask = new AskPanel(call, () => live);
const alerts = new AlertPanel();
const now = () => Date.now() + ahead;  // by the service's clock

function setLink(state, words) {
  live = state === "live";
  const link = $("link");
  link.dataset.link = state;
  setText(link.querySelector(".word"), words);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Tiles for exactly these streams, in this order.
function arrange(ids) {
  const box = $("tiles");
  for (const [id, tile] of tiles) {
    if (ids.includes(id)) continue;
    tile.remove();
    tiles.delete(id);
  }
  ids.forEach((id, index) => {
    if (!tiles.has(id)) tiles.set(id, new Tile(id, now, (stream) => ask.about(stream)));
    const { element } = tiles.get(id);
    if (box.children[index] !== element) box.insertBefore(element, box.children[index] || null);
  });
  const listed = [...ask.select.options].map((option) => option.value);
  if (listed.join() !== ids.join()) ask.setStreams(ids);
}

function takeRecord(record) {
  tiles.get(record.stream)?.take(record);
  if (record.kind === "alert") alerts.take(record);
}

// An overview, with the records of each stream (snapshot) or without (pulse).
function takeAll(all) {
  ahead = all.now_ms - Date.now();
  arrange(all.streams.map((stream) => stream.id));
  for (const stream of all.streams) {
    const tile = tiles.get(stream.id);
    tile.setState(stream);
    tile.setCoverage(stream.coverage);
    for (const record of stream.records || []) takeRecord(record);
  }
  setText($("version"), `Vedette ${all.version}`);
  const outside = all.reasons.filter((reason) => !tiles.has(reason.split(":")[0]));  // a stream's own tile says its own
  $("trouble").hidden = outside.length === 0;
  setText($("trouble"), outside.join(" · "));
  summarise();
}

function summarise() {
  const count = {};
  for (const tile of tiles.values()) count[tile.state.state] = (count[tile.state.state] || 0) + 1;
  const order = ["running", ...Object.keys(count).filter((state) => state !== "running").sort()];
  const parts = order.filter((state) => count[state])
    .map((state) => make("span", mood(state, ""), `${count[state]} ${stateWord(state)}`));
  const words = parts.map((part) => part.textContent).join(", ");
  const head = tiles.size === 1 ? "1 stream: " : `${tiles.size} streams: `;
  const summary = $("summary");
  if (summary.textContent === head + words) return;
  summary.replaceChildren(head);
  parts.forEach((part, index) => summary.append(index > 0 ? ", " : "", part));
  document.title = parts.length === 1 && count.running ? "Vedette" : `Vedette: ${words}`;
}

function listen() {
  source?.close();
  source = new EventSource("/api/events");
  const on = (kind, take) => source.addEventListener(kind, (event) => {
    lastEvent = Date.now();
    setLink("live", "live");
    take(JSON.parse(event.data));
  });
  on("snapshot", takeAll);
  on("pulse", takeAll);
  on("record", takeRecord);
  on("answer", (answer) => ask.take(answer));
  on("state", (state) => {
    tiles.get(state.id)?.setState(state);
    summarise();
  });
  source.addEventListener("error", () => lost());
}

function lost() {
  if (live) setLink("lost", "connection lost, trying again");
}

async function refresh() {
  const reply = await call("/api/streams");
  if (reply.ok) takeAll(reply.body);
  return reply;
}

// Every few seconds: is the connection there? If not, everything is read, and another attempt made.
async function watch() {
  const locked = !$("login").hidden;
  const quiet = !locked && Date.now() - lastEvent > QUIET_MS;
  if (quiet || (!locked && source?.readyState === EventSource.CLOSED)) {
    lost();
    const reply = await refresh();
    if (reply.ok) {
      setLink("polling", "updating every 5 s");
      listen();
    } else if (reply.status !== 401) {
      setLink("lost", "the service does not answer");
    }
  }
  setTimeout(watch, AGAIN_MS);
}

function showLogin() {
  source?.close();
  setLink("locked", "locked");
  for (const part of OPEN_PARTS) $(part).hidden = true;
  if (!$("login").hidden) return;
  $("login").hidden = false;
  $("token").focus();
}

async function login(event) {
  event.preventDefault();
  const reply = await call("/api/session", { token: $("token").value });
  $("login-error").textContent = reply.ok ? "" : reply.body.error || "that did not work";
  if (!reply.ok) return;
  $("token").value = "";
  begin();
}

async function begin() {
  const session = await call("/api/session");
  $("logout").hidden = !session.body.needed;
  if (session.ok && !session.body.open) return showLogin();
  const reply = await refresh();
  if (reply.status === 401) return;
  $("login").hidden = true;
  for (const part of OPEN_PARTS) $(part).hidden = false;
  lastEvent = Date.now();
  listen();
}

fillLegend($("legend"));
$("login").addEventListener("submit", login);
$("logout").addEventListener("click", async () => {
  await call("/api/session", undefined, "DELETE");
  showLogin();
});
setInterval(() => { for (const tile of tiles.values()) tile.tick(now()); }, 1000);
begin().then(() => setTimeout(watch, AGAIN_MS));
