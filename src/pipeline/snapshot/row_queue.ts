// Rows waiting to be sent, in the order in which they were read.

import type { Lsn } from "../../core/position.ts";
import type { TableRun, TableWindow } from "./table_run.ts";
import type { WholeRows, WholeTable } from "./whole_read.ts";

/** A chunk of a table, or some rows of a table that is read as a whole. */
export type Waiting =
  | { readonly kind: "chunk"; readonly opened: TableWindow }
  | { readonly kind: "whole"; readonly rows: WholeRows };

export class RowQueue {
  readonly #waiting: Waiting[] = [];
  #heldBytes = 0;
  readonly #onOver: (whole: WholeTable) => void;

  /** @param onOver called when no more rows of a table read as a whole are waiting */
  constructor(onOver: (whole: WholeTable) => void) {
    this.#onOver = onOver;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** The size of the buffers that hold rows. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  push(waiting: Waiting): void {
    this.#heldBytes += bytesOf(waiting);
    if (waiting.kind === "whole") waiting.rows.whole.waiting++;
    this.#waiting.push(waiting);
  }

  /** The first entry whose rows still have to be sent. */
  get head(): Waiting | undefined {
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      if (!isVoid(head)) return head;
      this.remove(head);
    }
    return undefined;
  }

  /** The first entry of a table that is read as a whole. */
  headOf(whole: WholeTable): Extract<Waiting, { readonly kind: "whole" }> | undefined {
    for (const waiting of this.#waiting) {
      if (waiting.kind === "whole" && waiting.rows.whole === whole) return waiting;
    }
    return undefined;
  }

  /** Removes an entry whose rows have been sent or must not be sent. */
  remove(waiting: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    this.#heldBytes -= bytesOf(waiting);
    if (waiting.kind === "chunk") return;
    const { whole, rows } = waiting.rows;
    rows.release();
    whole.waiting--;
    if (whole.isReadToEnd && whole.isOver) this.#onOver(whole);
  }
}

/** The end of WAL that the stream must reach before the rows can be sent; undefined if any border will do. */
export function walEndOf(waiting: Waiting): Lsn | undefined {
  return waiting.kind === "chunk" ? waiting.opened.window.chunk.moment.walEnd : undefined;
}

export function runOf(waiting: Waiting): TableRun {
  return waiting.kind === "chunk" ? waiting.opened.run : waiting.rows.run;
}

function isVoid(waiting: Waiting): boolean {
  return waiting.kind === "chunk" ? waiting.opened.window.isStale : waiting.rows.whole.isVoid;
}

function bytesOf(waiting: Waiting): number {
  const rows = waiting.kind === "chunk" ? waiting.opened.window.chunk.rows : waiting.rows.rows;
  return rows.bytes.length;
}
