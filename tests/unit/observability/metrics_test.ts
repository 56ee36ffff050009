// The metrics: their format, their names, and what they say of a capture.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { endpoints } from "../../../src/observability/endpoints.ts";
import { Histogram, quantile } from "../../../src/observability/histogram.ts";
import { METRICS, renderMetrics } from "../../../src/observability/metrics.ts";
import { formatMetrics } from "../../../src/observability/prometheus_text.ts";
import type { StatusSnapshot } from "../../../src/observability/status_snapshot.ts";
import { Statistics } from "../../../src/observability/statistics.ts";
import { CommitTimes } from "../../../src/pipeline/commit_times.ts";

const NOW_MS = 1_800_000_000_000;

Deno.test("labels are escaped, buckets are cumulative, and a metric without values is left out", () => {
  const histogram = new Histogram([1, 5]);
  histogram.observe(1);
  histogram.observe(2, 3);
  histogram.observe(9);
  const text = formatMetrics([
    { name: "a_total", help: "a\nb", type: "counter", samples: [{ labels: { t: 'q"\\\n' }, value: 2 }] },
    { name: "none", help: "", type: "gauge", samples: [] },
    { name: "h", help: "h", type: "histogram", reading: histogram.read() },
  ]);
  strictEqual(
    text,
    `# HELP a_total a\\nb
# TYPE a_total counter
a_total{t="q\\"\\\\\\n"} 2
# HELP h h
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="5"} 4
h_bucket{le="+Inf"} 5
h_sum 16
h_count 5
`,
  );
});

Deno.test("a label holds no character that steers a terminal", () => {
  const labels = { t: "a\u001b[31m\u202e\u009b\nb" };
  const text = formatMetrics([{ name: "a", help: "a", type: "gauge", samples: [{ labels, value: 1 }] }]);
  strictEqual(text.split("\n")[2], String.raw`a{t="a\\u001b[31m\\u202e\\u009b\nb"} 1`);
});

Deno.test("a quantile lies in the bucket of its value", () => {
  const histogram = new Histogram([10, 20, 40]);
  strictEqual(quantile(histogram.read(), 0.5), null);
  histogram.observe(15, 100);
  strictEqual(quantile(histogram.read(), 0.5), 15);
  histogram.observe(30, 900);
  strictEqual(quantile(histogram.read(), 0.99), 20 + 20 * (890 / 900));
  histogram.observe(100, 9000);
  strictEqual(quantile(histogram.read(), 0.99), 40);
});

Deno.test("names follow Prometheus' guide: base units, and _total for what is counted", () => {
  const names = METRICS.map(({ name }) => name);
  strictEqual(new Set(names).size, names.length);
  for (const { name, help, type } of METRICS) {
    match(name, /^(pg_capture|process)_[a-z][a-z_]*[a-z]$/);
    strictEqual(name.endsWith("_total"), type === "counter", name);
    ok(!/_(ms|milliseconds|kb|mb|minutes)(_|$)/.test(name), name);
    match(help, /\.$/, name);
  }
});

Deno.test("what was counted is what the metrics say", () => {
  const statistics = busy();
  const text = renderMetrics(snapshot(statistics));
  const lines = text.split("\n");
  for (
    const line of [
      "pg_capture_ready 1",
      'pg_capture_records_total{schema="public",table="users",operation="insert"} 3',
      'pg_capture_records_total{schema="",table="",operation="message"} 1',
      "pg_capture_delivered_records_total 4",
      'pg_capture_delivery_latency_seconds_bucket{le="0.05"} 4',
      "pg_capture_delivery_latency_seconds_count 4",
      'pg_capture_errors_total{kind="kafka-unavailable"} 1',
      'pg_capture_restarts_total{kind="kafka-unavailable"} 1',
      "pg_capture_lag_bytes 4096",
      "pg_capture_lag_seconds 0",
      'pg_capture_part_state{part="kafka",state="streaming"} 1',
    ]
  ) ok(lines.includes(line), `${line}\n${text}`);
  ok(!text.includes("slot_lost_in_seconds"), "what isn't known is left out");
});

Deno.test("readiness is 200 only while streaming, and says each part's state", () => {
  const statistics = busy();
  const ready = () => endpoints(() => snapshot(statistics)).get("/readyz")?.();
  strictEqual(ready()?.status, 200);
  statistics.stateChanged("checkpoint", "failed");
  strictEqual(ready()?.status, 200);
  statistics.stateChanged("kafka", "failed");
  strictEqual(ready()?.status, 503);
  deepStrictEqual(JSON.parse(ready()?.body ?? ""), {
    ready: false,
    postgres: "streaming",
    kafka: "failed",
    checkpoint: "failed",
  });
});

Deno.test("the page brings everything along", () => {
  const { body = "" } = endpoints(() => snapshot(new Statistics())).get("/")?.() ?? {};
  ok(!/(src|href)="(https?:)?\/\//.test(body) && !/@import|url\(/.test(body));
  match(body, /prefers-color-scheme:dark/);
  match(body, /name="viewport"/);
});

Deno.test("dashboard and alert rules use metrics that there are, and each alert has its line in the runbook", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(`../../../${path}`, import.meta.url));
  const known = new Set(
    METRICS.flatMap(({ name, type }) =>
      type === "histogram" ? ["_bucket", "_sum", "_count"].map((part) => name + part) : [name]
    ),
  );
  const alerts = await read("dashboards/alerts.yml");
  for (const text of [alerts, await read("dashboards/grafana.json")]) {
    const used = text.match(/\b(pg_capture|process)_[a-z_]+/g) ?? [];
    ok(used.length > 5);
    for (const name of used.filter((name) => name !== "pg_capture_")) ok(known.has(name), name);
  }
  const runbook = await read("docs/OPERATIONS.md");
  for (const [, name] of alerts.matchAll(/alert: (\w+)/g)) ok(runbook.includes(`| ${name} `), String(name));
});

function busy(): Statistics {
  const statistics = new Statistics();
  statistics.stateChanged("postgres", "streaming");
  statistics.stateChanged("kafka", "streaming");
  statistics.encoded({ schema: "public", table: "users" }, "INSERT", 3);
  statistics.encoded("message", "MESSAGE", 1);
  const commitTimes = new CommitTimes();
  for (const ageMs of [40, 40, 30, 30]) commitTimes.add(NOW_MS - ageMs);
  const times = { commitTimeMs: NOW_MS - 30, commitTimes, deliveredAtMs: NOW_MS };
  statistics.delivered({ records: 4, bytes: 1000, durationMs: 12, ...times });
  statistics.failed("kafka-unavailable", true);
  statistics.confirmed(4096n);
  statistics.walWatched({ end: 8192n, keptFrom: 0n, status: "reserved", bytesLeft: null, visibility: null });
  return statistics;
}

function snapshot(statistics: Statistics): StatusSnapshot {
  return {
    facts: {
      version: "0",
      runtime: "deno",
      postgres: "h:1/d",
      slot: "s",
      publication: "p",
      kafka: "k:1",
      topicPrefix: "cdc",
      delivery: "exactly-once",
      startedAtMs: NOW_MS,
    },
    atMs: NOW_MS,
    reading: statistics.read(),
    wal: {
      keptBytes: 8192,
      growthBytesPerSecond: 0,
      status: "reserved",
      bytesLeft: null,
      secondsUntilLost: null,
    },
    usage: { residentBytes: 1, heapBytes: 1, cpuSeconds: 1 },
    lastProblem: null,
    rates: [0, 1],
    recentLatency: statistics.latency,
  };
}

Deno.test("however many commit times a batch has, the latencies' sum and count are exact", () => {
  const statistics = new Statistics();
  const commitTimes = new CommitTimes();
  let sumMs = 0;
  for (let ageMs = 1000; ageMs > 0; ageMs--) {
    commitTimes.add(NOW_MS - ageMs);
    sumMs += ageMs;
  }
  const times = { commitTimeMs: NOW_MS - 1, commitTimes, deliveredAtMs: NOW_MS };
  statistics.delivered({ records: 1000, bytes: 1000, durationMs: 12, ...times });
  const { counts, sum } = statistics.latency;
  strictEqual(counts.reduce((total, count) => total + count, 0), 1000);
  ok(Math.abs(sum - sumMs / 1000) < 0.001, `${sum}, where it is ${sumMs / 1000}`);
});
