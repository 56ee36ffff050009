// Draws the rates of all cases as bars, for docs/BENCHMARKS.md.

import type { BenchResults, ReaderName } from "./results.ts";

const WIDTH = 760;
const LABEL_WIDTH = 130;
const VALUE_WIDTH = 130;
const BAR_HEIGHT = 14;
const BAR_GAP = 3;
const CASE_GAP = 16;
const TOP = 44;
const COLOURS: Readonly<Record<ReaderName, string>> = {
  "raw": "#8a94a6",
  "exactly-once": "#1f7a4d",
  "at-least-once": "#6bbf8f",
  "debezium": "#c2603f",
};
const LABELS: Readonly<Record<ReaderName, string>> = {
  "raw": "pg_recvlogical -f /dev/null",
  "exactly-once": "pg-capture, exactly once",
  "at-least-once": "pg-capture, at least once",
  "debezium": "Debezium",
};

/** An SVG that reads on light and dark pages. */
export function plot({ cases }: BenchResults): string {
  const largest = Math.max(
    ...cases.flatMap(({ readers }) => readers.map(({ rowsPerSecond }) => rowsPerSecond)),
  );
  const shown = [...new Set(cases.flatMap(({ readers }) => readers.map(({ reader }) => reader)))];
  const parts: string[] = [];
  shown.forEach((reader, index) => {
    const x = 10 + index * 185;
    parts.push(`<rect x="${x}" y="12" width="12" height="12" fill="${COLOURS[reader]}"/>`);
    parts.push(`<text x="${x + 17}" y="22">${LABELS[reader]}</text>`);
  });
  let y = TOP;
  for (const { name, readers } of cases) {
    parts.push(`<text x="${LABEL_WIDTH - 8}" y="${y + 11}" text-anchor="end">${name}</text>`);
    for (const { reader, rowsPerSecond } of readers) {
      const width = Math.round(rowsPerSecond / largest * (WIDTH - LABEL_WIDTH - VALUE_WIDTH));
      const value = `${Math.round(rowsPerSecond / 1000)},000 rows/s`;
      parts.push(
        `<rect x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2" fill="${
          COLOURS[reader]
        }"/>`,
      );
      parts.push(`<text x="${LABEL_WIDTH + width + 6}" y="${y + 11}">${value}</text>`);
      y += BAR_HEIGHT + BAR_GAP;
    }
    y += CASE_GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="Rows a second by case and reader">
<style>text { font: 12px system-ui, sans-serif; fill: #24292f } @media (prefers-color-scheme: dark) { text { fill: #d0d7de } }</style>
${parts.join("\n")}
</svg>
`;
}
