// Formats metrics in Prometheus text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/

import { escapeControls, STEERING } from "./escape.ts";
import type { HistogramReading } from "./histogram.ts";

/** Content-Type of the format. */
export const PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;

/** One value of a metric, with its labels. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** One metric with all its samples. A metric without samples is left out. */
export type MetricFamily =
  & { readonly name: string; readonly help: string }
  & (
    | { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] }
    | { readonly type: "histogram"; readonly reading: HistogramReading }
  );

/** The metrics as text. */
export function formatMetrics(families: readonly MetricFamily[]): string {
  let text = "";
  for (const family of families) {
    const lines = family.type === "histogram"
      ? histogramLines(family.name, family.reading)
      : family.samples.map(
        ({ labels, value }) => line(family.name, labels ?? {}, value),
      );
    if (lines.length === 0) continue;
    text += `# HELP ${family.name} ${escapeHelp(family.help)}\n# TYPE ${family.name} ${family.type}\n`;
    text += lines.join("");
  }
  return text;
}

/** Buckets in this format are cumulative: each counts all values up to its bound. */
function histogramLines(name: string, { bounds, counts, sum }: HistogramReading): string[] {
  let count = 0;
  const buckets = counts.map((inBucket, bucket) => {
    count += inBucket;
    return line(`${name}_bucket`, { le: formatNumber(bounds[bucket] ?? Infinity) }, count);
  });
  return [...buckets, line(`${name}_sum`, {}, sum), line(`${name}_count`, {}, count)];
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${formatNumber(value)}\n`;
}

function formatNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}

/**
 * Escapes more than the format requires: control and formatting characters in names from a database must not control
 * a terminal. Their backslash is doubled, so the label's value contains the escape sequence.
 */
function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"').replace(
    STEERING,
    (found) =>
      [...escapeControls(found)].map((character) => character === "\\" ? "\\\\" : character).join(""),
  );
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
