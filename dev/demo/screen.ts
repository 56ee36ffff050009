// The demo's screen: lines that scroll, and below them a summary that stays, where there is a terminal for it.

/** What may be done to text on a terminal. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta";

/** Writes lines to standard output. */
export class Screen {
  readonly isTerminal = Deno.stdout.isTerminal();
  readonly #styled = this.isTerminal && (Deno.env.get("NO_COLOR") ?? "") === "";
  #summary = "";

  /** Cells in a line. */
  get width(): number {
    if (!this.isTerminal) return PLAIN_WIDTH;
    try {
      return Math.max(MIN_WIDTH, Deno.consoleSize().columns);
    } catch {
      return PLAIN_WIDTH;
    }
  }

  line(text: string): void {
    write(this.isTerminal ? `${CLEAR_LINE}${text}\n${this.#summary}` : `${text}\n`);
  }

  /** Replaces the summary; on what is not a terminal there is none. */
  summary(text: string): void {
    if (!this.isTerminal) return;
    this.#summary = this.style("bold", fit(text, this.width - 1));
    write(CLEAR_LINE + this.#summary);
  }

  /** Takes the summary away. */
  endSummary(): void {
    if (this.#summary !== "") write(CLEAR_LINE);
    this.#summary = "";
  }

  style(style: Style, text: string): string {
    return this.#styled ? `\x1b[${STYLE_CODES[style]}m${text}\x1b[0m` : text;
  }
}

/** The text, cut to `width` cells with an ellipsis where it is longer. */
export function fit(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}

const CLEAR_LINE = "\r\x1b[K";
const MIN_WIDTH = 40;
const PLAIN_WIDTH = 132;
const STYLE_CODES: Readonly<Record<Style, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  magenta: 35,
  cyan: 36,
};

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}
