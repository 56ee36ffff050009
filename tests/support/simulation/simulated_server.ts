// What each simulated PostgreSQL has: one slot, and streams that break.

import { CaptureError } from "../../../src/core/errors.ts";
import type { Lsn } from "../../../src/core/position.ts";
import type {
  ReplicationSource,
  ReplicationStream,
  SourceSession,
  WalState,
} from "../../../src/pipeline/ports.ts";
import { NO_KEY, NO_READER, type Sent } from "../fake_ports.ts";
import type { SimulatedProcess } from "./simulated_process.ts";
import type { SimulatedWorld } from "./simulated_world.ts";

/** A stream that is open, seen from the server. */
interface Walsender {
  isBroken: boolean;
  keepaliveDue: boolean;
}

/** What a walsender has decoded and not yet sent. */
export interface Decoding {
  /** The next chunk, which may end in the middle of a transaction; empty while there is nothing to send. */
  take(keepaliveDue: boolean): readonly Sent[];
}

/** What a session answers about snapshots. */
export type SnapshotAnswers = Pick<SourceSession, "publishedNow" | "advanceWal" | "openSnapshotReader">;

/** How a stream fares. */
interface Weather {
  /** The probability at each read that nothing comes for longer than the idle timeout. */
  readonly silence: number;
  /** The probability at each look for something to send that the stream breaks. */
  readonly breaks: number;
  /** The shortest and longest pause between two looks. */
  readonly pauseMs: readonly [number, number];
}

export abstract class SimulatedServer {
  protected readonly world: SimulatedWorld;
  /** Told of each confirmation, before it counts. */
  onConfirm: (flushed: Lsn) => void = () => {};
  readonly #weather: Weather;
  #slotFrom: Lsn | undefined;
  #confirmed: Lsn = 0n;
  /** What the server may fall back to when it crashes, since it does not write each confirmation to disk. */
  #confirmedBefore: Lsn[] = [];
  #walsender: Walsender | undefined;
  #heldUntilMs = 0;

  constructor(world: SimulatedWorld, weather: Weather) {
    this.world = world;
    this.#weather = weather;
  }

  /** Where the slot was made; undefined before. */
  get slotFrom(): Lsn | undefined {
    return this.#slotFrom;
  }

  get confirmed(): Lsn {
    return this.#confirmed;
  }

  protected abstract get walEnd(): Lsn;

  /** @param from what commits below it is not sent */
  protected abstract decode(from: Lsn): Decoding;

  /** Called before the slot is made. */
  protected endOpenTransactions(): void {}

  protected visibility(): WalState["visibility"] {
    return null;
  }

  protected snapshotsOf(_process: SimulatedProcess): SnapshotAnswers {
    return NO_READER;
  }

  /** Restarts. The slot may be back where it was. */
  crash(): void {
    const { random } = this.world;
    if (this.#walsender !== undefined) this.#walsender.isBroken = true;
    this.#release(0);
    const before = this.#confirmedBefore.slice(-5);
    if (before.length > 0) this.#confirmed = before[random.between(0, before.length - 1)]!;
    this.world.log(`PostgreSQL crashed; the slot is at ${this.#confirmed}`);
  }

  source(process: SimulatedProcess): ReplicationSource {
    return {
      connect: async (signal) => {
        await this.answer(process, signal);
        return this.#session(process);
      },
    };
  }

  protected async answer(process: SimulatedProcess, signal: AbortSignal): Promise<void> {
    await this.world.latency(process, signal);
    if (this.world.fault(0.02)) throw new CaptureError("postgres-unavailable", "Cannot connect");
  }

  #session(process: SimulatedProcess): SourceSession {
    const isHeld = () => this.#walsender !== undefined || this.world.clock.now() < this.#heldUntilMs;
    return {
      server: {
        systemIdentifier: "7300",
        timeline: 1,
        isStandby: false,
        versionNumber: 170_000,
        walSenderTimeoutMs: 60_000,
      },
      publishedTables: [],
      warnings: [],
      publicationChange: null,
      ...this.snapshotsOf(process),
      managePublication: () => Promise.resolve(null),
      slotBlockers: () => Promise.resolve([]),
      readTypesChange: () => Promise.resolve(null),
      timelineHistory: () => Promise.resolve([]),
      describeRelation: () => Promise.resolve({ ...NO_KEY, asOf: this.walEnd }),
      slot: async (signal) => {
        await this.answer(process, signal);
        if (this.#slotFrom === undefined) return null;
        return {
          confirmedFlushLsn: this.#confirmed,
          activePid: isHeld() ? 4711 : null,
          walEnd: this.walEnd,
        };
      },
      createSlot: async (signal) => {
        await this.answer(process, signal);
        if (this.#slotFrom !== undefined) return null;
        this.endOpenTransactions();
        this.#slotFrom = this.#confirmed = this.walEnd;
        return this.#slotFrom;
      },
      start: async (signal) => {
        await this.answer(process, signal);
        if (isHeld()) throw new CaptureError("slot-in-use", "The slot is in use");
        return this.#stream(process);
      },
      readWal: async (signal) => {
        await this.answer(process, signal);
        const visibility = this.visibility();
        return { end: this.walEnd, keptFrom: null, status: null, bytesLeft: null, visibility };
      },
      close: () => {},
    };
  }

  /** A walsender may live on for a while after its client is gone. */
  #release(msMax = 2_000): void {
    if (this.#walsender === undefined) return;
    this.#walsender = undefined;
    this.#heldUntilMs = this.world.clock.now() + this.world.random.between(0, msMax);
  }

  #confirm(walsender: Walsender, flushed: Lsn): void {
    if (this.#walsender !== walsender) return;
    walsender.keepaliveDue = true;
    if (flushed === 0n) return;
    this.onConfirm(flushed);
    if (flushed <= this.#confirmed) return;
    this.#confirmedBefore.push(this.#confirmed);
    this.#confirmed = flushed;
  }

  #stream(process: SimulatedProcess): ReplicationStream {
    const walsender: Walsender = { isBroken: false, keepaliveDue: false };
    this.#walsender = walsender;
    const close = () => {
      if (this.#walsender === walsender) this.#release();
    };
    process.onDeath(close);
    const decoding = this.decode(this.#confirmed);
    this.world.log(`streaming from ${this.#confirmed}`);
    const { silence, breaks, pauseMs: [pauseMsMin, pauseMsMax] } = this.#weather;
    const read: Sent[] = [];
    const stream = {
      bytes: new Uint8Array(0),
      start: 0,
      end: 0,
      walStartHigh: 0,
      walStartLow: 0,
      walEnd: 0n,
      replyRequested: false,
      omittedBytes: 0,
      takeReceivedBytes: () => 0,
      peek: () => {},
      next: () => {
        const sent = read.shift();
        if (sent === undefined) return "none" as const;
        if ("error" in sent) throw sent.error;
        if (!("keepalive" in sent)) {
          Object.assign(stream, sent);
          return "xlog-data" as const;
        }
        Object.assign(stream, { walEnd: sent.keepalive, replyRequested: sent.replyRequested ?? false });
        return "keepalive" as const;
      },
      fill: async (signal: AbortSignal) => {
        await this.world.latency(process, signal);
        if (this.world.fault(silence)) await process.clock.sleep(60_000, signal);
        for (;;) {
          if (walsender.isBroken || this.world.fault(breaks)) {
            close();
            throw new CaptureError("postgres-unavailable", "The stream ended");
          }
          read.push(...decoding.take(walsender.keepaliveDue));
          if (read.length > 0) break;
          await process.clock.sleep(this.world.random.between(pauseMsMin, pauseMsMax), signal);
        }
        walsender.keepaliveDue = false;
      },
      confirm: (_received: Lsn, flushed: Lsn) => {
        this.#confirm(walsender, flushed);
        return Promise.resolve();
      },
      finish: (_received: Lsn, flushed: Lsn) => {
        this.#confirm(walsender, flushed);
        return Promise.resolve();
      },
      close,
    };
    return stream;
  }
}
