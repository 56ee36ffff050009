// What a program writes to a terminal, as lines with the time of each: enough of a terminal for the demo's screen.

/** A stretch of text in one style. */
export interface Span {
  readonly text: string;
  /** SGR codes in force: 1 bold, 2 dim, 31 to 36 colours. */
  readonly codes: readonly number[];
}

/** A line, or a new text of the line that stays below all others. */
export interface TerminalEvent {
  readonly atMs: number;
  readonly kind: "line" | "summary";
  readonly spans: readonly Span[];
}

/** Reads a terminal's output, chunk by chunk. */
export class TerminalReader {
  readonly events: TerminalEvent[] = [];
  #current = "";

  /** @param atMs when the chunk came */
  write(chunk: string, atMs: number): void {
    const lines = (this.#current + chunk).split("\n");
    this.#current = lines.pop() ?? "";
    for (const line of lines) this.events.push({ atMs, kind: "line", spans: parseLine(line) });
    const summary = parseLine(this.#current);
    if (summary.length > 0) this.events.push({ atMs, kind: "summary", spans: summary });
  }
}

// ESC [ … m is a style, ESC [ K clears the line; the demo writes no others.
// deno-lint-ignore no-control-regex
const ESCAPE = /\x1b\[([\d;]*)([A-Za-z])/g;

/** What is left to see of a line after its last return to the start. */
export function parseLine(line: string): readonly Span[] {
  const shown = line.replace(/\r$/, "").split("\r").at(-1) ?? "";
  const spans: Span[] = [];
  let codes: readonly number[] = [];
  let from = 0;
  const take = (to: number) => {
    if (to > from) spans.push({ text: shown.slice(from, to), codes });
  };
  for (const match of shown.matchAll(ESCAPE)) {
    take(match.index);
    from = match.index + match[0].length;
    if (match[2] !== "m") continue;
    const given = (match[1] || "0").split(";").map(Number);
    codes = given.includes(0) ? [] : [...codes, ...given];
  }
  take(shown.length);
  return spans;
}
