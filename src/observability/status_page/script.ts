// The status page's script: fetches /status.json each second and shows it.

/** Plain JavaScript. All values are inserted as text, never as HTML: table names come from a database. */
export const STATUS_SCRIPT = String.raw`
"use strict";
const $ = (id) => document.getElementById(id);
const text = (id, value) => { const node = $(id); if (node.textContent !== value) node.textContent = value; };
const count = (value) => value.toLocaleString("en-US");
const short = (value) => value < 10000 ? count(Math.round(value)) : value < 1e6 ? (value / 1e3).toFixed(1) + " k"
  : value < 1e9 ? (value / 1e6).toFixed(2) + " M" : (value / 1e9).toFixed(2) + " G";
function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) { value /= 1000; unit++; }
  return (unit === 0 || Math.abs(value) >= 100 ? Math.round(value) : value.toFixed(1)) + " " + units[unit];
}
function time(seconds) {
  if (seconds < 0.9995) return Math.round(seconds * 1000) + " ms";
  if (seconds < 10) return seconds.toFixed(1) + " s";
  if (seconds < 100) return Math.round(seconds) + " s";
  if (seconds < 5400) return Math.round(seconds / 60) + " min";
  if (seconds < 172800) return (seconds / 3600).toFixed(1) + " h";
  return Math.round(seconds / 86400) + " days";
}
const WORDS = { connecting: "connecting", streaming: "connected", waiting: "waiting", failed: "unreachable, retrying", stopped: "stopped" };
const TONES = { connecting: "warn", streaming: "good", waiting: "warn", failed: "bad", stopped: "warn" };
const NAMES = { postgres: "PostgreSQL", kafka: "Kafka" };
function tone(node, name) {
  for (const each of ["good", "warn", "bad"]) node.classList.toggle(each, each === name);
}
function part(id, state) {
  const node = $(id);
  tone(node, TONES[state]);
  node.querySelector(".state").textContent = id === "postgres" && state === "waiting"
    ? "waiting: another instance holds the slot" : WORDS[state];
}
function verdict({ ready, states, lag }) {
  if (!ready) {
    const down = ["postgres", "kafka"].filter((id) => states[id] === "failed").map((id) => NAMES[id]);
    if (down.length > 0) return ["bad", down.join(" and ") + (down.length > 1 ? " are" : " is") + " unreachable"];
    const waits = states.postgres === "waiting" ? "standing by" : states.postgres === "stopped" ? "stopping" : "connecting";
    return ["warn", waits];
  }
  return lag.seconds > 60 ? ["warn", "catching up"] : ["good", "streaming"];
}
function spark(rates) {
  const top = Math.max(1, ...rates);
  const points = rates.map((rate, at) => (at * 240 / (rates.length - 1)).toFixed(1) + " " + (46 - 43 * rate / top).toFixed(1));
  const line = "M" + points.join("L");
  document.querySelector("#spark .stroke").setAttribute("d", line);
  document.querySelector("#spark .area").setAttribute("d", line + "L240 48L0 48Z");
  text("peak", "peak " + short(Math.max(...rates)) + "/s");
}
function wal({ keptBytes, growthBytesPerSecond, bytesLeft, secondsUntilLost, status }) {
  text("wal", keptBytes === null ? "–" : bytes(keptBytes));
  const growth = growthBytesPerSecond === null || Math.abs(growthBytesPerSecond) < 1000 ? "steady"
    : (growthBytesPerSecond > 0 ? "+" : "−") + bytes(Math.abs(growthBytesPerSecond)) + "/s";
  const end = status === "lost" ? "the slot is lost" : secondsUntilLost !== null && secondsUntilLost < 259200
    ? "lost in " + time(secondsUntilLost) : bytesLeft !== null ? bytes(bytesLeft) + " left" : "no limit";
  text("wal-note", keptBytes === null ? "unknown" : growth + " · " + end);
  tone($("wal-tile"), status === "lost" || status === "unreserved" ? "bad"
    : secondsUntilLost !== null && secondsUntilLost < 3600 ? "warn" : "");
}
function problem(last, now, ready) {
  $("problem").hidden = last === null;
  if (last === null) return;
  const age = (now - last.atMs) / 1000;
  const isPast = ready && age > 15;
  $("problem").classList.toggle("past", isPast);
  $("problem").classList.toggle("bad", !isPast && !ready);
  text("problem-title", isPast ? "Last problem" : last.level === "error" ? "Error" : "Problem");
  text("problem-time", time(Math.max(0, age)) + " ago");
  text("problem-message", last.message);
  $("problem-fix").hidden = last.fix === null;
  $("problem-fix").querySelector("code").textContent = last.fix ?? "";
}
function cell(row, value) {
  const node = row.insertCell();
  node.textContent = count(value);
  if (value === 0) node.className = "zero";
}
function nameCell(row, { schema, table }) {
  const node = row.insertCell();
  if (schema === "") node.textContent = "logical messages";
  else node.append(schema + ".", document.createElement("wbr"), table);
}
function textCell(row, value) {
  const node = row.insertCell();
  node.textContent = value ?? "–";
  if (value === null) node.className = "zero";
  return node;
}
const LEVELS = { queued: "soft", running: "good", paused: "warn", complete: "good", stopped: "soft", failed: "bad" };
function share(row, { status, rows, rowsExpected }) {
  if (status === "complete" || status === "stopped" || !rowsExpected) return textCell(row, null);
  // The estimate may be too low.
  const part = Math.min(0.99, rows / rowsExpected);
  const bar = document.createElement("progress");
  bar.value = part;
  textCell(row, "").append(bar, Math.floor(100 * part) + " %");
}
function reason(rows, { found, fix }) {
  if (found === null) return;
  const node = rows.insertRow().insertCell();
  node.colSpan = 6;
  node.className = "reason";
  node.textContent = found;
  if (fix === null) return;
  const label = document.createElement("b");
  label.textContent = "Fix";
  const command = document.createElement("code");
  command.textContent = fix;
  node.append(document.createElement("br"), label, " ", command);
}
function snapshotsNote({ tables, open, rows, rowsPerSecond, secondsLeft }) {
  const parts = [];
  if (open > 0) {
    parts.push(count(open) + (open === 1 ? " table left" : " tables left"), short(rows) + " rows", short(rowsPerSecond) + " rows/s");
    if (secondsLeft !== null) parts.push("about " + time(secondsLeft) + " left");
  }
  for (const status of ["paused", "failed", "stopped", "complete"]) {
    if (tables[status] > 0) parts.push(count(tables[status]) + " " + status);
  }
  return parts.join(" · ");
}
function snapshots(all) {
  const isOver = all.open === 0 && all.listed.length === 0;
  $("snapshots-section").hidden = all.tables === null || isOver;
  if (all.tables === null || isOver) return;
  text("snapshots-note", snapshotsNote(all));
  const rows = document.createElement("tbody");
  rows.id = "snapshots";
  // Tables that are only queued are counted above.
  const shown = all.listed.filter((each) => each.status !== "queued" || each.rows > 0 || each.found !== null);
  for (const each of shown) {
    const row = rows.insertRow();
    nameCell(row, each);
    textCell(row, each.status).classList.add("status", LEVELS[each.status]);
    cell(row, each.rows);
    share(row, each);
    textCell(row, each.rowsPerSecond > 0 ? short(each.rowsPerSecond) : null);
    textCell(row, each.secondsLeft === null ? null : time(each.secondsLeft));
    reason(rows, each);
  }
  $("snapshots").replaceWith(rows);
  $("snapshots-table").hidden = shown.length === 0;
}
function tables(all, total) {
  text("tables-note", total > all.length ? "the busiest " + all.length + " of " + count(total) : "");
  $("no-tables").hidden = total > 0;
  $("tables-scroll").hidden = total === 0;
  const rows = document.createElement("tbody");
  rows.id = "tables";
  for (const each of all) {
    const row = rows.insertRow();
    nameCell(row, each);
    cell(row, each.total);
    cell(row, each.insert);
    cell(row, each.update);
    cell(row, each.delete);
    cell(row, each.truncate + each.read + each.message);
  }
  $("tables").replaceWith(rows);
}
function show(status) {
  const { lag, delivered, usage, atMs } = status;
  const [mood, words] = verdict(status);
  text("verdict", words);
  tone($("verdict"), mood);
  document.title = (mood === "good" ? "" : "⚠ ") + words + " – pg-capture";
  part("postgres", status.states.postgres);
  part("kafka", status.states.kafka);
  document.querySelector(".arrow").classList.toggle("on", status.ready);
  text("version", status.version);
  text("database", status.postgres);
  text("slot", status.slot);
  text("publication", status.publication);
  text("brokers", status.kafka);
  text("topics", status.topicPrefix + ".*");
  text("delivery", status.delivery);
  text("rate", short(status.rates.slice(-3).reduce((sum, rate) => sum + rate, 0) / 3));
  spark(status.rates);
  const standsBy = status.states.postgres === "waiting";
  text("lag-time", standsBy ? "–" : lag.seconds === null ? "unknown" : lag.seconds === 0 ? "0 s" : time(lag.seconds));
  text("lag-bytes", standsBy ? "another instance delivers" : lag.bytes === null ? "" : bytes(lag.bytes) + " of WAL not confirmed");
  tone($("lag-tile"), !standsBy && (lag.seconds === null || lag.seconds > 60) ? "warn" : "");
  const { p50, p99 } = status.latencySeconds;
  text("latency", p50 === null ? "–" : time(p50));
  text("latency-p99", p99 === null ? "no recent deliveries" : "p99 " + time(p99) + ", last minute");
  wal(status.wal);
  text("delivered", short(delivered.records));
  text("delivered-note", bytes(delivered.bytes) + " · " + short(status.transactions) + " transactions");
  text("buffered", short(status.buffered.records));
  text("buffered-note", bytes(status.buffered.bytes));
  text("memory", bytes(usage.residentBytes));
  text("process-note", time(usage.cpuSeconds) + " CPU · " + count(status.errors) + (status.errors === 1 ? " error" : " errors"));
  problem(status.lastProblem, atMs, status.ready);
  snapshots(status.snapshots);
  tables(status.tables, status.tablesTotal);
  const started = new Date(status.startedAtMs);
  $("started").dateTime = started.toISOString();
  text("started", started.toLocaleString() + " (" + time((atMs - status.startedAtMs) / 1000) + ")");
}
async function ask() {
  try {
    const response = await fetch("/status.json", { signal: AbortSignal.timeout(4000) });
    show(await response.json());
    document.querySelector("main").classList.remove("stale");
  } catch {
    text("verdict", "pg-capture does not answer");
    tone($("verdict"), "bad");
    document.title = "⚠ pg-capture does not answer";
    document.querySelector("main").classList.add("stale");
  }
  setTimeout(ask, document.hidden ? 5000 : 1000);
}
ask();
`;
