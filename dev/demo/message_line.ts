// One message as one line of the demo's screen: when, what, which row, what is new about it, how long it took.

import { fit, type Screen, type Style } from "./screen.ts";

/** What the demo looks at in a message; SPEC section 4 has the rest. */
export interface Message {
  readonly table: string;
  readonly op: string;
  readonly key: Values;
  readonly before: Values | null;
  readonly after: Values | null;
  /** When the change was committed. */
  readonly commitMs: number;
}

/** A row, or part of it. */
export type Values = Readonly<Record<string, unknown>>;

/** Reads a record of Kafka; undefined for a tombstone. */
export function readMessage(key: string | null, value: string | null): Message | undefined {
  if (value === null) return undefined;
  const { table, op, before, after, source } = JSON.parse(value) as {
    readonly table: string;
    readonly op: string;
    readonly before: Values | null;
    readonly after: Values | null;
    readonly source: { readonly ts_ms: number };
  };
  return { table, op, key: JSON.parse(key ?? "{}") as Values, before, after, commitMs: source.ts_ms };
}

/** Prints messages, and remembers the rows, to tell what an update changed. */
export class MessagePrinter {
  readonly #screen: Screen;
  /** By table and key; as many as the tables have. */
  readonly #rows = new Map<string, Values>();

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** @param latencyMs from the commit to its arrival here; undefined for what was committed before this program read */
  print(message: Message, latencyMs: number | undefined): void {
    const screen = this.#screen;
    const time = clock(message.commitMs);
    const key = describe(message.key);
    const latency = latencyMs === undefined ? "" : `${latencyMs} ms`.padStart(LATENCY_WIDTH);
    const used = time.length + OP_WIDTH + TABLE_WIDTH + KEY_WIDTH + LATENCY_WIDTH + 5;
    const valuesWidth = Math.max(0, screen.width - used);
    const values = fit(this.#news(message), valuesWidth).padEnd(valuesWidth);
    screen.line(
      [
        screen.style("dim", time),
        screen.style(STYLES[message.op] ?? "magenta", message.op.padEnd(OP_WIDTH)),
        message.table.padEnd(TABLE_WIDTH),
        screen.style("cyan", fit(key, KEY_WIDTH).padEnd(KEY_WIDTH)),
        values,
        screen.style("dim", latency),
      ].join(" ").trim(),
    );
  }

  #news({ table, op, key, before, after }: Message): string {
    const id = `${table} ${JSON.stringify(key)}`;
    const old = this.#rows.get(id) ?? before ?? {};
    if (after === null) {
      this.#rows.delete(id);
      return "";
    }
    this.#rows.set(id, after);
    const columns = Object.entries(after).filter(([column]) => !(column in key));
    if (op !== "UPDATE") return columns.map(([column, value]) => `${column}=${text(value)}`).join(" ");
    const changed = columns.filter(([column, value]) =>
      !(column in old) || text(old[column]) !== text(value)
    );
    if (changed.length === 0) return "(the same values)";
    return changed
      .map(([column, value]) => `${column}=${column in old ? `${text(old[column])} → ` : ""}${text(value)}`)
      .join(" ");
  }
}

const OP_WIDTH = 6;
const TABLE_WIDTH = 11;
const KEY_WIDTH = 20;
const LATENCY_WIDTH = 8;
const STYLES: Readonly<Record<string, Style>> = {
  INSERT: "green",
  UPDATE: "yellow",
  DELETE: "red",
  READ: "cyan",
};

/** `14:05:09.120`, local time. */
function clock(timeMs: number): string {
  const date = new Date(timeMs);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0"));
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function describe(values: Values): string {
  return Object.entries(values).map(([column, value]) => `${column}=${text(value)}`).join(" ");
}

/** A value in few characters; without those that would move the cursor. */
function text(value: unknown): string {
  const plain = typeof value === "string" && !/[\s="]/.test(value) ? value : JSON.stringify(value);
  // deno-lint-ignore no-control-regex
  return plain.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "?");
}
