// Decides how long to wait before each read of the socket, so that reads are few and large.

/** The pause while few changes arrive. */
const REST_MS = 1;
/** The pause in a backlog: anyone waiting for a backlog does not notice this delay. */
const BACKLOG_REST_MS = 8;
/** The rate from which it counts as a backlog: about 40,000 small rows per second. */
const BACKLOG_BYTES_PER_MS = 8 * 1024;

/**
 * PostgreSQL sends each message separately. A reader that takes each one as it arrives is woken for every
 * row, and so is a reader that only waits for something else, because the event loop polls all its sockets.
 * In a backlog, therefore, the thread itself sleeps. Messages then collect in the socket, and for a million
 * rows the walsender needs 3.2 s of CPU instead of 4.7 s, and this process 2.1 s instead of 2.9 s
 * (docs/BENCHMARKS.md).
 */
export class ReadPace {
  readonly #now: () => number;
  readonly #block: (ms: number) => void;
  #rest: "none" | "short" | "blocking" = "none";
  #lastReadAt: number;

  /**
   * @param now milliseconds since an arbitrary moment
   * @param block makes the thread sleep
   */
  constructor(now = () => performance.now(), block = blockThread) {
    this.#now = now;
    this.#block = block;
    this.#lastReadAt = now();
  }

  /** Waits. Call it before each read. */
  rest(): Promise<void> | undefined {
    if (this.#rest === "short") return new Promise((resolve) => setTimeout(resolve, REST_MS));
    if (this.#rest === "blocking") this.#block(BACKLOG_REST_MS);
    return undefined;
  }

  /** @param isFull whether the read filled the buffer, so that more is available at once */
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
