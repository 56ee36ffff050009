// The fourth task: tells PostgreSQL how far it may forget, and notices when nothing is heard from it.

import { CaptureError } from "../core/errors.ts";
import type { Lsn } from "../core/position.ts";
import type { ReplicationStream } from "./ports.ts";
import { runTogether } from "./tasks.ts";
import { delay, unlessAborted, Wakeup } from "../core/wait.ts";

// After a save PostgreSQL is told within this time; more often would only make it write its slot to disk more often.
const AFTER_SAVE_MS = 500;

/** What feedback works with. */
export interface FeedbackParts {
  readonly stream: ReplicationStream;
  /** At most this long between two status updates. */
  readonly intervalMs: number;
  /** How long the server may be silent, although each status update asks it for an answer. */
  readonly silenceMsMax: number;
  /** When the server last answered on another connection. */
  readonly answeredAt: () => number;
  readonly now: () => number;
}

/** What feedback reports. */
export interface FeedbackState {
  /** The end of what was received. */
  received(): Lsn;
  /** Takes the LSN that may be confirmed now, as confirmed. */
  confirm(): Lsn;
  /** Since when intake has been waiting for bytes; undefined while it is busy with what it has. */
  waitingSince(): number | undefined;
}

// The silence is looked at so often.
const LOOK_MS = 500;

/** Runs from the moment that the slot is held; until a state is set, it confirms nothing and only keeps alive. */
export class Feedback {
  readonly #parts: FeedbackParts;
  readonly #wakeup = new Wakeup();
  #state: FeedbackState | undefined;
  #dueAt: number;
  #sentAt = 0;

  constructor(parts: FeedbackParts) {
    this.#parts = parts;
    this.#dueAt = parts.now();
  }

  /** From now on, what this state says is confirmed. */
  setState(state: FeedbackState): void {
    this.#state = state;
  }

  /** PostgreSQL asked for an answer. */
  answer(): void {
    this.#dueAt = 0;
    this.#wakeup.wake();
  }

  /** There is more to confirm. */
  saved(): void {
    this.#dueAt = Math.min(this.#dueAt, this.#sentAt + AFTER_SAVE_MS);
    this.#wakeup.wake();
  }

  /** Whether the stream is being read, and so its end noticed there. */
  get isReading(): boolean {
    return this.#state !== undefined;
  }

  /** Runs until the signal aborts, which it reports by throwing, or the server is silent for too long. */
  async run(signal: AbortSignal): Promise<void> {
    await runTogether([(each) => this.#keepAlive(each), (each) => this.#listen(each)], signal);
  }

  async #keepAlive(signal: AbortSignal): Promise<void> {
    const { stream, intervalMs, now } = this.#parts;
    for (;;) {
      while (now() < this.#dueAt) await this.#wakeup.wait(signal, this.#dueAt - now());
      signal.throwIfAborted();
      this.#sentAt = now();
      this.#dueAt = this.#sentAt + intervalMs;
      const state = this.#state;
      // Into a full socket nothing goes: then silence ends it.
      await unlessAborted(
        state === undefined ? stream.confirm(0n, 0n) : stream.confirm(state.received(), state.confirm()),
        signal,
      );
    }
  }

  async #listen(signal: AbortSignal): Promise<never> {
    const { now, silenceMsMax } = this.#parts;
    for (;;) {
      const waitingSince = this.#state?.waitingSince();
      if (waitingSince !== undefined && now() - waitingSince > silenceMsMax) throw this.#silent(waitingSince);
      await delay(Math.min(LOOK_MS, silenceMsMax), signal);
    }
  }

  /** Only of a server that answers elsewhere it may be that it is busy, and will go on. */
  #silent(waitingSince: number): CaptureError {
    const { now, answeredAt, silenceMsMax } = this.#parts;
    const isBusy = answeredAt() > waitingSince + silenceMsMax / 2;
    const seconds = Math.round((now() - waitingSince) / 1000);
    return new CaptureError(
      isBusy ? "postgres-silent" : "postgres-unavailable",
      `Lost the replication stream: nothing came from PostgreSQL for ${seconds} s`,
    );
  }
}
