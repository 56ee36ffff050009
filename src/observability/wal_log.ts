// Warns in the log before the WAL that the slot keeps does harm.

import { unreachable } from "../core/errors.ts";
import type { LogFields, Logger } from "./logger.ts";
import type { WalDanger, WalForecast, WalGuard } from "./wal_guard.ts";

const AGAIN_AFTER_MS = 5 * 60_000;

/** Says each danger when it begins, and every few minutes while it lasts. */
export class WalLog {
  readonly #logger: Pick<Logger, "warn" | "info">;
  readonly #guard: WalGuard;
  #reported: WalDanger = "none";
  #reportedAtMs = 0;

  constructor(logger: Pick<Logger, "warn" | "info">, guard: WalGuard) {
    this.#logger = logger;
    this.#guard = guard;
  }

  /** To be called after each look of the guard. */
  report(nowMs: number): void {
    const danger = this.#guard.danger();
    if (danger === "none" || danger === "growing") {
      if (isBound(this.#reported)) {
        this.#logger.info("The slot is out of danger", walFields(this.#guard.forecast));
      }
      this.#reported = "none";
    } else if (danger === this.#reported && nowMs - this.#reportedAtMs < AGAIN_AFTER_MS) return;
    if (danger === "none") return;
    this.#reported = danger;
    this.#reportedAtMs = nowMs;
    this.#logger.warn(sentence(danger), { ...walFields(this.#guard.forecast), fix: fix(danger) });
  }
}

/** What is known, for a log line. */
export function walFields(forecast: WalForecast): LogFields {
  const { keptBytes, growthBytesPerSecond, status, bytesLeft, secondsUntilLost } = forecast;
  return {
    retained_wal_bytes: keptBytes ?? undefined,
    growth_bytes_per_second: growthBytesPerSecond === null ? undefined : Math.round(growthBytesPerSecond),
    bytes_left: bytesLeft ?? undefined,
    lost_in_seconds: secondsUntilLost === null ? undefined : Math.round(secondsUntilLost),
    wal_status: status ?? undefined,
  };
}

function isBound(danger: WalDanger): boolean {
  return danger === "soon" || danger === "now";
}

function sentence(danger: Exclude<WalDanger, "none">): string {
  switch (danger) {
    case "growing":
      return "The slot makes PostgreSQL keep more and more WAL, without a bound";
    case "soon":
      return "The slot will be invalidated within the hour, at the rate at which WAL is written now";
    case "now":
      return "The slot will be invalidated at PostgreSQL's next checkpoint";
    case "lost":
      return "The slot is invalidated: changes are gone";
    default:
      return unreachable(danger);
  }
}

function fix(danger: Exclude<WalDanger, "none">): string {
  switch (danger) {
    case "growing":
      return "see why delivery is behind (Kafka away?); a bound is ALTER SYSTEM SET max_slot_wal_keep_size = '...'; " +
        "SELECT pg_reload_conf(); but a slot that passes it is lost";
    case "soon":
    case "now":
      return "see why delivery is behind (Kafka away?), and raise the bound at once: " +
        "ALTER SYSTEM SET max_slot_wal_keep_size = '...'; SELECT pg_reload_conf();";
    case "lost":
      return "start anew (docs/OPERATIONS.md, Start anew)";
    default:
      return unreachable(danger);
  }
}
