// The progress record: the position of delivery, stored in Kafka with the records.

import { CaptureError } from "../core/errors.ts";
import {
  formatLsn,
  type Lsn,
  parseLsn,
  positionOfVersion1,
  type Progress,
  type SourceIdentity,
  VERSION_1_HINT,
} from "../core/position.ts";
import { utf8 } from "../core/utf8.ts";
import { asCount, parseJsonObject } from "./json_value.ts";

const VERSION = 2;

/** The record's key. Each source has one, so compaction keeps its last record. */
export function encodeProgressKey(identity: SourceIdentity): Uint8Array {
  return utf8(JSON.stringify({
    system_identifier: identity.systemIdentifier,
    database: identity.database,
    slot: identity.slot,
  }));
}

/** The record's value. */
export function encodeProgressValue({ timeline, publication, position }: Progress): Uint8Array {
  return utf8(JSON.stringify({
    version: VERSION,
    timeline,
    publication,
    commit_lsn: formatLsn(position.commitLsn),
    seq: position.seq,
    commit_ts_ms: position.commitTimeMs,
    end_lsn: formatLsn(position.endLsn),
  }));
}

/**
 * Decodes a value of this version or of 0.1.0.
 * @throws CaptureError `position-conflict` if it cannot be decoded: a guess could lose changes
 */
export function decodeProgressValue(identity: SourceIdentity, value: Uint8Array): Progress {
  const fields = parseJsonObject(value);
  if (fields === null) throw unreadable(identity, "it is not a JSON object");
  const version = fields["version"];
  if (version !== VERSION && version !== 1) {
    throw unreadable(identity, `its version is ${JSON.stringify(version)}, this program writes ${VERSION}`);
  }
  const [commitLsn, endLsn] = [lsn(fields["commit_lsn"]), lsn(fields["end_lsn"])];
  const timeline = asCount(fields["timeline"]);
  if (commitLsn === undefined || endLsn === undefined || timeline === undefined) throw incomplete(identity);
  if (version === 1) {
    const position = positionOfVersion1(commitLsn, endLsn);
    if (position === undefined) throw unreadableVersion1(identity);
    return { identity, timeline, publication: "", position };
  }
  const [seq, commitTimeMs] = [asCount(fields["seq"]), asCount(fields["commit_ts_ms"])];
  const publication = fields["publication"];
  if (seq === undefined || commitTimeMs === undefined || typeof publication !== "string") {
    throw incomplete(identity);
  }
  return { identity, timeline, publication, position: { commitLsn, seq, commitTimeMs, endLsn } };
}

function lsn(value: unknown): Lsn | undefined {
  return typeof value === "string" ? parseLsn(value) : undefined;
}

function incomplete(identity: SourceIdentity): CaptureError {
  return unreadable(identity, "a field is missing or malformed");
}

function unreadableVersion1(identity: SourceIdentity): CaptureError {
  return unreadable(
    identity,
    "version 0.1.0 wrote it in the middle of a transaction or right after a logical message",
    VERSION_1_HINT,
  );
}

function unreadable({ database, slot }: SourceIdentity, found: string, hint = WRITER_HINT): CaptureError {
  return new CaptureError(
    "position-conflict",
    `Cannot read the progress record of slot "${slot}" of database "${database}" in Kafka: ${found}`,
    { hint },
  );
}

/** The fix for a record that a later version wrote. */
export const WRITER_HINT = "run the version of pg-capture that wrote it, or a later one";
