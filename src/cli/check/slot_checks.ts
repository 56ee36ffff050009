// The slot: its state, the WAL that it keeps, and how long until it would be lost.

import type { Config } from "../../config/config.ts";
import { quoteLiteral } from "../../source/connection.ts";
import type { PostgresInspection, ServerFacts, SlotFacts } from "../../source/inspection.ts";
import { readSlot } from "../../source/slot.ts";
import { failed, failure, type Finding, type Findings, ok, warning } from "./finding.ts";
import { formatBytes, formatSeconds } from "./units.ts";

// Long enough to be no ordinary transaction.
const OLD_TRANSACTION_SECONDS = 10;
const RETAINED_BYTES_WARN = 5e9;
const SOON_SECONDS = 24 * 3600;

export async function* slotFindings(
  { pg }: Config,
  inspection: PostgresInspection,
  server: ServerFacts,
  signal: AbortSignal,
): Findings {
  const check = "PostgreSQL: slot";
  try {
    await readSlot(inspection.connection, pg.slotName, pg.database, signal);
  } catch (error) {
    yield failed(check, error);
    return;
  }
  const slot = await inspection.slot(pg.slotName, signal);
  if (slot === null) {
    yield* missingSlotFindings(pg.slotName, server, inspection, signal);
  } else {
    yield ok(
      check,
      slot.activePid === null
        ? `"${pg.slotName}" is there and free`
        : `"${pg.slotName}" is held by process ${slot.activePid}: a pg-capture that runs, for which run would wait`,
    );
    yield retainedWalFinding(slot);
  }
  yield walLimitFinding(server, slot);
}

async function* missingSlotFindings(
  slotName: string,
  server: ServerFacts,
  inspection: PostgresInspection,
  signal: AbortSignal,
): Findings {
  const free = server.slotsMax - server.slotsUsed;
  const slots = `${free} of ${server.slotsMax} slots free`;
  yield free > 0
    ? ok("PostgreSQL: slot", `"${slotName}" does not exist yet: run makes it (${slots})`)
    : failure(
      "PostgreSQL: slot",
      `"${slotName}" does not exist, and ${slots}`,
      `ALTER SYSTEM SET max_replication_slots = ${server.slotsMax + 5};  then restart PostgreSQL`,
    );
  const old = await inspection.oldTransaction(OLD_TRANSACTION_SECONDS, signal);
  if (old === null) return;
  yield warning(
    "PostgreSQL: open transactions",
    `making the slot waits for process ${old.pid}, whose transaction is open for ${
      formatSeconds(old.seconds)
    }`,
    `wait for it, or end it with SELECT pg_terminate_backend(${old.pid});`,
  );
}

function retainedWalFinding({ keptBytes, walStatus }: SlotFacts): Finding {
  const check = "PostgreSQL: WAL kept";
  if (keptBytes === null) return warning(check, "not known");
  const found = `${formatBytes(keptBytes)} for this slot (${walStatus})`;
  if (walStatus === "unreserved") {
    return failure(
      check,
      `${found}: the slot is lost at the next checkpoint`,
      "ALTER SYSTEM SET max_slot_wal_keep_size = '...'; SELECT pg_reload_conf();  at once, and start pg-capture",
    );
  }
  if (keptBytes < RETAINED_BYTES_WARN) return ok(check, found);
  return warning(check, found, "start pg-capture");
}

function walLimitFinding(
  { slotKeepBytesMax, walBytesPerSecond }: ServerFacts,
  slot: SlotFacts | null,
): Finding {
  const check = "PostgreSQL: max_slot_wal_keep_size";
  if (slotKeepBytesMax < 0) {
    return ok(
      check,
      "no bound: while pg-capture is stopped, WAL piles up until it runs again or the disk is full",
    );
  }
  const left = slot?.bytesLeft ?? slotKeepBytesMax;
  const bound = `${formatBytes(slotKeepBytesMax)}, ${formatBytes(left)} left`;
  if (walBytesPerSecond === null || walBytesPerSecond <= 0) return ok(check, bound);
  const seconds = left / walBytesPerSecond;
  const found = `${bound}: at today's ${
    formatBytes(walBytesPerSecond)
  }/s of WAL a slot that stands still is lost in ${formatSeconds(seconds)}`;
  if (seconds >= SOON_SECONDS) return ok(check, found);
  const wanted = Math.ceil(walBytesPerSecond * SOON_SECONDS / 2 ** 20);
  return warning(
    check,
    found,
    `ALTER SYSTEM SET max_slot_wal_keep_size = ${
      quoteLiteral(`${wanted}MB`).trim()
    }; SELECT pg_reload_conf();  (a day's)`,
  );
}
