// The status page: one HTML document with its style and script.

import { createHash } from "node:crypto";
import { STATUS_SCRIPT } from "./script.ts";
import { STATUS_STYLE } from "./style.ts";

/** HTML without external assets. All changing data comes from /status.json. */
export const STATUS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>pg-capture</title>
<link rel="icon" href="data:,">
<style>${STATUS_STYLE}</style>
</head>
<body>
<main>
<header>
  <h1>pg-capture <small id="version"></small></h1>
  <p id="verdict" class="pill" role="status">connecting</p>
</header>
<noscript><p class="problem">This page needs JavaScript; <a href="/metrics">/metrics</a> does not.</p></noscript>

<section class="flow" aria-label="Connections">
  <div class="part" id="postgres"><h2><i></i>PostgreSQL</h2><p class="state"></p><dl>
    <dt>database</dt><dd id="database"></dd><dt>slot</dt><dd id="slot"></dd><dt>publication</dt><dd id="publication"></dd></dl></div>
  <div class="arrow" aria-hidden="true"><svg viewBox="0 0 60 12"><path d="M0 6h54m-6-5 6 5-6 5"/></svg></div>
  <div class="part" id="kafka"><h2><i></i>Kafka</h2><p class="state"></p><dl>
    <dt>brokers</dt><dd id="brokers"></dd><dt>topics</dt><dd id="topics"></dd><dt>delivery</dt><dd id="delivery"></dd></dl></div>
</section>

<section id="problem" class="problem" hidden>
  <h2><span id="problem-title"></span> <time id="problem-time"></time></h2>
  <p id="problem-message"></p>
  <p id="problem-fix"><b>Fix</b> <code></code></p>
</section>

<section class="tiles" aria-label="Figures">
  <div class="tile wide"><h3>Rate</h3><p class="figure"><b id="rate">–</b> <span>records/s</span></p>
    <svg id="spark" viewBox="0 0 240 48" preserveAspectRatio="none" role="img" aria-label="Rate of the last two minutes"><path class="area"/><path class="stroke"/></svg>
    <p class="note"><span id="peak"></span><span>last 2 minutes</span></p></div>
  <div class="tile" id="lag-tile"><h3>Lag</h3><p class="figure"><b id="lag-time">–</b></p><p class="note" id="lag-bytes"></p></div>
  <div class="tile"><h3>Latency</h3><p class="figure"><b id="latency">–</b> <span>p50</span></p><p class="note" id="latency-p99"></p></div>
  <div class="tile" id="wal-tile"><h3>WAL retained</h3><p class="figure"><b id="wal">–</b></p><p class="note" id="wal-note"></p></div>
  <div class="tile"><h3>Delivered</h3><p class="figure"><b id="delivered">–</b></p><p class="note" id="delivered-note"></p></div>
  <div class="tile"><h3>Buffered</h3><p class="figure"><b id="buffered">–</b></p><p class="note" id="buffered-note"></p></div>
  <div class="tile"><h3>Process</h3><p class="figure"><b id="memory">–</b></p><p class="note" id="process-note"></p></div>
</section>

<section class="tables" id="snapshots-section" hidden>
  <h2>Snapshots <small id="snapshots-note"></small></h2>
  <div class="scroll"><table id="snapshots-table"><thead><tr><th>table</th><th>status</th><th>rows</th><th>of expected</th><th>rows/s</th><th>time left</th></tr></thead><tbody id="snapshots"></tbody></table></div>
</section>

<section class="tables">
  <h2>Tables <small id="tables-note"></small></h2>
  <div class="scroll" id="tables-scroll"><table><thead><tr><th>table</th><th>records</th><th>insert</th><th>update</th><th>delete</th><th>other</th></tr></thead><tbody id="tables"></tbody></table></div>
  <p id="no-tables" class="empty">No changes received yet.</p>
</section>

<footer><span>since <time id="started"></time></span> <a href="/metrics">metrics</a> <a href="/readyz">readiness</a> <a href="/status.json">JSON</a></footer>
</main>
<script>${STATUS_SCRIPT}</script>
</body>
</html>
`;

/**
 * The page's content security policy: allows only the script and the style above, by their hashes. The page loads
 * nothing else, connects only to this server, and can't be framed.
 */
export const STATUS_PAGE_POLICY = [
  "default-src 'none'",
  "connect-src 'self'",
  `script-src ${hashSource(STATUS_SCRIPT)}`,
  `style-src ${hashSource(STATUS_STYLE)}`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

function hashSource(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
