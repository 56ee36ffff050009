// The progress record: how far delivery has come, as it stands in Kafka beside the records themselves.

import { CaptureError } from "../errors.ts";
import { formatLsn, type Lsn, parseLsn, type Progress, type SourceIdentity } from "../pipeline/position.ts";

const VERSION = 1;

/** The record's key: one source has one progress record, of which compaction keeps the last. */
export function encodeProgressKey(identity: SourceIdentity): Uint8Array {
  return utf8.encode(JSON.stringify({
    system_identifier: identity.systemIdentifier,
    database: identity.database,
    slot: identity.slot,
  }));
}

/** The record's value. */
export function encodeProgressValue({ timeline, position }: Progress): Uint8Array {
  return utf8.encode(JSON.stringify({
    version: VERSION,
    timeline,
    commit_lsn: formatLsn(position.commitLsn),
    seq: position.seq,
    end_lsn: formatLsn(position.endLsn),
  }));
}

/**
 * Reads a value back.
 * @throws CaptureError `position-conflict` when it is not one that this version writes: a guess could lose changes
 */
export function decodeProgressValue(identity: SourceIdentity, value: Uint8Array): Progress {
  const fields = parseObject(value);
  if (fields === null) throw unreadable(identity, "it is not a JSON object");
  if (fields["version"] !== VERSION) {
    throw unreadable(
      identity,
      `its version is ${JSON.stringify(fields["version"])}, this program writes ${VERSION}`,
    );
  }
  const [commitLsn, endLsn] = [lsn(fields["commit_lsn"]), lsn(fields["end_lsn"])];
  const [timeline, seq] = [count(fields["timeline"]), count(fields["seq"])];
  if (commitLsn === undefined || endLsn === undefined || timeline === undefined || seq === undefined) {
    throw unreadable(identity, "a field is missing or malformed");
  }
  return { identity, timeline, position: { commitLsn, seq, endLsn } };
}

const utf8 = new TextEncoder();

function parseObject(value: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(value));
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : null;
  } catch {
    return null;
  }
}

function lsn(value: unknown): Lsn | undefined {
  return typeof value === "string" ? parseLsn(value) : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function unreadable({ database, slot }: SourceIdentity, found: string): CaptureError {
  return new CaptureError(
    "position-conflict",
    `Cannot read the progress record of slot "${slot}" of database "${database}" in Kafka: ${found}`,
    {
      hint: "Run the version of pg-capture that wrote it, or a later one; or remove the record with " +
        "`pg-capture teardown` and start anew with a snapshot",
    },
  );
}
