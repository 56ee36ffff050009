// Draws a recording of a terminal as one animated SVG, which GitHub shows in a README: styles only, no script.

import type { Span, TerminalEvent } from "./terminal_recording.ts";

/** How large the drawn terminal is. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

const CELL_WIDTH = 7.9;
const LINE_HEIGHT = 18;
const PADDING = 16;
const BAR_HEIGHT = 30;
/** A pause longer than this is drawn as this long. */
const PAUSE_MS_MAX = 900;
const HOLD_MS = 4_000;
const SUMMARY_INTERVAL_MS = 500;

const COLOURS: Readonly<Record<number, string>> = {
  31: "#ff7b72",
  32: "#7ee787",
  33: "#e3b341",
  34: "#79c0ff",
  35: "#d2a8ff",
  36: "#56d4dd",
};

/** @param title is on the window's bar, and what a screen reader says */
export function terminalSvg(recorded: readonly TerminalEvent[], size: TerminalSize, title: string): string {
  const events = withoutLongPauses(recorded);
  const lines = events.filter(({ kind }) => kind === "line");
  const summaries = thinned(events.filter(({ kind }) => kind === "summary"));
  const endMs = Math.round((events.at(-1)?.atMs ?? 0) + HOLD_MS);
  const width = Math.ceil(size.columns * CELL_WIDTH + 2 * PADDING);
  const height = BAR_HEIGHT + size.rows * LINE_HEIGHT + 2 * PADDING;
  const bodyRows = size.rows - 1;
  const bottom = PADDING + BAR_HEIGHT + bodyRows * LINE_HEIGHT;
  // Lines come in from below: the newest one is always just above the summary.
  const offset = (count: number) => bottom - count * LINE_HEIGHT;
  const percent = (atMs: number) => `${(100 * atMs / endMs).toFixed(1)}%`;
  // Lines that came together move together: the last of them says how far.
  const scroll = new Map(lines.map(({ atMs }, index) => [percent(atMs), offset(index + 1)]));
  const steps = [...scroll].map(([at, y]) => `${at}{transform:translateY(${y}px)}`);
  const shows = summaries.map(({ atMs }, index) => {
    const until = summaries[index + 1]?.atMs;
    const hidden = until === undefined ? "" : `${percent(until)}{opacity:0}`;
    return `@keyframes s${index}{0%{opacity:0}${percent(atMs)}{opacity:1}${hidden}${
      until === undefined ? "100%{opacity:1}" : ""
    }}` +
      `.s${index}{opacity:${until === undefined ? 1 : 0};animation:s${index} ${endMs}ms step-end infinite}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
    escape(title)
  }">
<style>
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;fill:#c9d1d9;white-space:pre}
.d{fill:#8b949e}.b{font-weight:bold;fill:#f0f6fc}
.lines{transform:translateY(${offset(lines.length)}px);animation:lines ${endMs}ms step-end infinite}
@keyframes lines{0%{transform:translateY(${offset(0)}px)}${steps.join("")}100%{transform:translateY(${
    offset(lines.length)
  }px)}}
${shows.join("\n")}
@media (prefers-reduced-motion:reduce){*{animation:none!important}}
</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
<circle cx="20" cy="16" r="5" fill="#ff5f57"/><circle cx="38" cy="16" r="5" fill="#febc2e"/><circle cx="56" cy="16" r="5" fill="#28c840"/>
<text class="d" x="${width / 2}" y="20" text-anchor="middle">${escape(title)}</text>
<clipPath id="body"><rect x="0" y="${PADDING + BAR_HEIGHT + 2}" width="${width}" height="${
    bodyRows * LINE_HEIGHT
  }"/></clipPath>
<g clip-path="url(#body)"><g class="lines">
${lines.map(({ spans }, index) => drawLine(spans, (index + 0.75) * LINE_HEIGHT, size.columns)).join("\n")}
</g></g>
${
    summaries.map(({ spans }, index) =>
      `<g class="s${index}">${drawLine(spans, bottom + 0.95 * LINE_HEIGHT, size.columns)}</g>`
    ).join("\n")
  }
</svg>
`;
}

function withoutLongPauses(events: readonly TerminalEvent[]): readonly TerminalEvent[] {
  let cutMs = events[0]?.atMs ?? 0;
  let beforeMs = cutMs;
  return events.map((event) => {
    cutMs += Math.max(0, event.atMs - beforeMs - PAUSE_MS_MAX);
    beforeMs = event.atMs;
    return { ...event, atMs: event.atMs - cutMs };
  });
}

/** One summary each interval, and the last. */
function thinned(events: readonly TerminalEvent[]): readonly TerminalEvent[] {
  let nextMs = 0;
  return events.filter(({ atMs }, index) => {
    if (atMs < nextMs && index < events.length - 1) return false;
    nextMs = atMs + SUMMARY_INTERVAL_MS;
    return true;
  });
}

/** Each stretch stands at its own column, so that another font's width moves nothing far. */
function drawLine(spans: readonly Span[], y: number, columns: number): string {
  let column = 0;
  const drawn = spans.map(({ text, codes }) => {
    const x = (PADDING + column * CELL_WIDTH).toFixed(1);
    const cut = [...text].slice(0, Math.max(0, columns - column)).join("");
    column += [...text].length;
    const colour = codes.map((code) => COLOURS[code]).find((each) => each !== undefined);
    const fill = colour === undefined ? "" : ` fill="${colour}" style="fill:${colour}"`;
    const kind = codes.includes(1) ? ` class="b"` : codes.includes(2) ? ` class="d"` : "";
    return cut.trim() === "" ? "" : `<tspan x="${x}"${kind}${fill}>${escape(cut)}</tspan>`;
  });
  return `<text y="${y.toFixed(1)}">${drawn.join("")}</text>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}
