// Warns in the log before the WAL retained for the slot causes harm.

import { adviceText, START_ANEW } from "../core/advice.ts";
import { unreachable } from "../core/errors.ts";
import type { LogFields, Logger } from "./logger.ts";
import type { WalDanger, WalForecast, WalGuard } from "./wal_guard.ts";

const REPEAT_AFTER_MS = 5 * 60_000;

/** Logs each danger when it begins, and every five minutes while it lasts. */
export class WalLog {
  readonly #logger: Pick<Logger, "warn" | "info">;
  readonly #guard: WalGuard;
  #reported: WalDanger = "none";
  #reportedAtMs = 0;

  constructor(logger: Pick<Logger, "warn" | "info">, guard: WalGuard) {
    this.#logger = logger;
    this.#guard = guard;
  }

  /** Call it after each new sample. */
  report(nowMs: number): void {
    const danger = this.#guard.danger();
    if (danger === "none" || danger === "growing") {
      if (isNearLimit(this.#reported)) {
        this.#logger.info("The slot is out of danger", walFields(this.#guard.forecast));
      }
      this.#reported = "none";
    } else if (danger === this.#reported && nowMs - this.#reportedAtMs < REPEAT_AFTER_MS) return;
    if (danger === "none") return;
    this.#reported = danger;
    this.#reportedAtMs = nowMs;
    this.#logger.warn(sentence(danger), { ...walFields(this.#guard.forecast), fix: fix(danger) });
  }
}

/** The forecast as log fields. */
function walFields(forecast: WalForecast): LogFields {
  const { keptBytes, growthBytesPerSecond, status, bytesLeft, secondsUntilLost } = forecast;
  return {
    retained_wal_bytes: keptBytes ?? undefined,
    growth_bytes_per_second: growthBytesPerSecond === null ? undefined : Math.round(growthBytesPerSecond),
    bytes_left: bytesLeft ?? undefined,
    lost_in_seconds: secondsUntilLost === null ? undefined : Math.round(secondsUntilLost),
    wal_status: status ?? undefined,
  };
}

function isNearLimit(danger: WalDanger): boolean {
  return danger === "soon" || danger === "now";
}

function sentence(danger: Exclude<WalDanger, "none">): string {
  switch (danger) {
    case "growing":
      return "PostgreSQL retains more and more WAL for the slot, and no limit is set";
    case "soon":
      return "The slot will be invalidated within an hour at the current rate of WAL";
    case "now":
      return "PostgreSQL will invalidate the slot at its next checkpoint";
    case "lost":
      return "PostgreSQL has invalidated the slot: changes are lost";
    default:
      return unreachable(danger);
  }
}

function fix(danger: Exclude<WalDanger, "none">): string {
  switch (danger) {
    case "growing":
      return "find out why delivery is behind (is Kafka unreachable?). To set a limit: " +
        "ALTER SYSTEM SET max_slot_wal_keep_size = '...'; SELECT pg_reload_conf(); a slot that exceeds it is lost";
    case "soon":
    case "now":
      return "find out why delivery is behind (is Kafka unreachable?), and raise the limit now: " +
        "ALTER SYSTEM SET max_slot_wal_keep_size = '...'; SELECT pg_reload_conf();";
    case "lost":
      return adviceText(START_ANEW);
    default:
      return unreachable(danger);
  }
}
