// Tells PostgreSQL how much WAL it can discard, and detects when nothing is received any more.

import type { Clock } from "../core/clock.ts";
import { CaptureError } from "../core/errors.ts";
import type { Lsn } from "../core/position.ts";
import { unlessAborted } from "../core/wait.ts";
import { Wakeup } from "../core/wakeup.ts";
import type { ReplicationStream } from "./ports.ts";
import { runTogether } from "./tasks.ts";

/**
 * The longest time from a save to its confirmation. Shorter times would only make PostgreSQL write its slot
 * more often.
 */
const AFTER_SAVE_MS = 500;
const IDLE_POLL_MS = 500;

export interface FeedbackParts {
  readonly stream: ReplicationStream;
  /** The longest time between two status updates. */
  readonly intervalMs: number;
  /** The longest silence of the server, although each status update asks it for a reply. */
  readonly idleMsMax: number;
  /** When the server last answered on another connection. */
  readonly answeredAt: () => number;
  readonly clock: Clock;
}

/** The state that status updates report. */
export interface FeedbackState {
  /** The LSN up to which everything was received. */
  received(): Lsn;
  /** The LSN that may be confirmed now; from now on it counts as confirmed. */
  confirm(): Lsn;
  /** Since when intake has been waiting for bytes; undefined while it is busy. */
  waitingSince(): number | undefined;
}

/**
 * Runs while the slot is held. Until a state is attached it confirms nothing and only keeps the connection
 * alive.
 */
export class Feedback {
  readonly #parts: FeedbackParts;
  readonly #wakeup: Wakeup;
  #state: FeedbackState | undefined;
  #dueAt: number;
  #sentAt = 0;

  constructor(parts: FeedbackParts) {
    this.#parts = parts;
    this.#wakeup = new Wakeup(parts.clock);
    this.#dueAt = parts.clock.now();
  }

  /** From now on, status updates report this state. */
  attach(state: FeedbackState): void {
    this.#state = state;
  }

  /** Sends a status update at once, because PostgreSQL asked for a reply. */
  answer(): void {
    this.#dueAt = 0;
    this.#wakeup.wake();
  }

  /** Called when there is more to confirm. */
  saved(): void {
    this.#dueAt = Math.min(this.#dueAt, this.#sentAt + AFTER_SAVE_MS);
    this.#wakeup.wake();
  }

  /** Whether the stream is being read, so that its end is noticed there. */
  get isReading(): boolean {
    return this.#state !== undefined;
  }

  /**
   * Runs until the signal aborts.
   * @throws the signal's reason; CaptureError if nothing was received from the server for too long
   */
  async run(signal: AbortSignal): Promise<void> {
    await runTogether([(each) => this.#keepAlive(each), (each) => this.#detectIdle(each)], signal);
  }

  async #keepAlive(signal: AbortSignal): Promise<void> {
    const { stream, intervalMs, clock } = this.#parts;
    for (;;) {
      while (clock.now() < this.#dueAt) await this.#wakeup.wait(signal, this.#dueAt - clock.now());
      signal.throwIfAborted();
      this.#sentAt = clock.now();
      this.#dueAt = this.#sentAt + intervalMs;
      const state = this.#state;
      // A write to a full socket does not return; then the idle timeout ends the session.
      await unlessAborted(
        state === undefined ? stream.confirm(0n, 0n) : stream.confirm(state.received(), state.confirm()),
        signal,
      );
    }
  }

  async #detectIdle(signal: AbortSignal): Promise<never> {
    const { clock, idleMsMax } = this.#parts;
    for (;;) {
      const waitingSince = this.#state?.waitingSince();
      if (waitingSince !== undefined && clock.now() - waitingSince > idleMsMax) {
        throw this.#idleError(waitingSince);
      }
      await clock.sleep(Math.min(IDLE_POLL_MS, idleMsMax), signal);
    }
  }

  /** A server that still answers on another connection may be busy, and a longer timeout may help. */
  #idleError(waitingSince: number): CaptureError {
    const { clock, answeredAt, idleMsMax } = this.#parts;
    const isBusy = answeredAt() > waitingSince + idleMsMax / 2;
    const seconds = Math.round((clock.now() - waitingSince) / 1000);
    return new CaptureError(
      isBusy ? "postgres-silent" : "postgres-unavailable",
      `Lost the replication stream: nothing came from PostgreSQL for ${seconds} s`,
    );
  }
}
