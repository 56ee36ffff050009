// The slot: its state, the WAL it retains, and how long until it would be lost.

import type { Config } from "../../config/config.ts";
import { quoteLiteral } from "../../source/connection.ts";
import type { PostgresInspection, ServerFacts, SlotFacts } from "../../source/inspection.ts";
import { readSlot } from "../../source/slot.ts";
import { failed, failure, type Finding, type Findings, ok, warning } from "./finding.ts";
import { formatBytes, formatSeconds } from "./units.ts";

// Longer than ordinary transactions.
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
        ? `"${pg.slotName}" exists and is not in use`
        : `"${pg.slotName}" is in use by process ${slot.activePid}: run would wait until that instance ends`,
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
    ? ok("PostgreSQL: slot", `"${slotName}" does not exist yet: run creates it (${slots})`)
    : failure(
      "PostgreSQL: slot",
      `"${slotName}" does not exist, and ${slots}`,
      `ALTER SYSTEM SET max_replication_slots = ${server.slotsMax + 5};  then restart PostgreSQL`,
    );
  const old = await inspection.oldTransaction(OLD_TRANSACTION_SECONDS, signal);
  if (old === null) return;
  yield warning(
    "PostgreSQL: open transactions",
    `creating the slot waits for process ${old.pid}, whose transaction has been open for ${
      formatSeconds(old.seconds)
    }`,
    `wait for it, or end it with SELECT pg_terminate_backend(${old.pid});`,
  );
}

function retainedWalFinding({ keptBytes, walStatus }: SlotFacts): Finding {
  const check = "PostgreSQL: retained WAL";
  if (keptBytes === null) return warning(check, "unknown");
  const found = `${formatBytes(keptBytes)} for this slot (${walStatus})`;
  if (walStatus === "unreserved") {
    return warning(
      check,
      `${found}: PostgreSQL invalidates the slot at its next checkpoint`,
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
      "no limit: while pg-capture is stopped, WAL accumulates until it runs again or the disk is full",
    );
  }
  const left = slot?.bytesLeft ?? slotKeepBytesMax;
  const limit = `${formatBytes(slotKeepBytesMax)}, ${formatBytes(left)} left`;
  if (walBytesPerSecond === null || walBytesPerSecond <= 0) return ok(check, limit);
  const seconds = left / walBytesPerSecond;
  const found = `${limit}: at the current ${
    formatBytes(walBytesPerSecond)
  }/s of WAL, an inactive slot is lost in ${formatSeconds(seconds)}`;
  if (seconds >= SOON_SECONDS) return ok(check, found);
  const wanted = Math.ceil(walBytesPerSecond * SOON_SECONDS / 2 ** 20);
  return warning(
    check,
    found,
    `ALTER SYSTEM SET max_slot_wal_keep_size = ${
      quoteLiteral(`${wanted}MB`).trim()
    }; SELECT pg_reload_conf();  (enough for a day)`,
  );
}
