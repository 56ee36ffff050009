// How long the socket is left alone before a read, so that there are few reads, and large ones.

/** While changes trickle in. */
const REST_MS = 1;
/** While they pour in: so much can't be told from none by those who wait for a backlog. */
const BACKLOG_REST_MS = 8;
/** From here on they pour: about 40,000 small rows a second. */
const BACKLOG_BYTES_PER_MS = 8 * 1024;

/**
 * PostgreSQL sends each message by itself. A reader that takes each as it comes is woken for every row, and so is one
 * that only waits for something else: the event loop looks at all its sockets. In a backlog the thread itself
 * therefore rests. Then messages gather in the socket, and the walsender needs 3.2 s of CPU for a million rows in
 * place of 4.7 s, this process 2.1 s in place of 2.9 s (docs/BENCHMARKS.md).
 */
export class ReadPace {
  readonly #now: () => number;
  readonly #block: (ms: number) => void;
  #rest: "none" | "short" | "blocking" = "none";
  #lastReadAt: number;

  /**
   * @param now milliseconds since any moment
   * @param block lets the thread sleep
   */
  constructor(now = () => performance.now(), block = blockThread) {
    this.#now = now;
    this.#block = block;
    this.#lastReadAt = now();
  }

  /** Call before each read. */
  rest(): Promise<void> | undefined {
    if (this.#rest === "short") return new Promise((resolve) => setTimeout(resolve, REST_MS));
    if (this.#rest === "blocking") this.#block(BACKLOG_REST_MS);
    return undefined;
  }

  /** @param isFull whether the buffer had room for no more: then there is more at once */
  didRead(bytes: number, isFull: boolean): void {
    const now = this.#now();
    const isBacklog = bytes >= BACKLOG_BYTES_PER_MS * Math.max(1, now - this.#lastReadAt);
    this.#lastReadAt = now;
    this.#rest = isFull ? "none" : isBacklog ? "blocking" : "short";
  }
}

const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

function blockThread(ms: number): void {
  Atomics.wait(NEVER_WOKEN, 0, 0, ms);
}
