// Reads the records of topics as changes, for the judge in history.ts.

import { canonicalJson, jsonMembers, type JsonText } from "./json_text.ts";

/** A record as an independent consumer read it, in the order of its partition. */
export interface HistoryRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

/** What kind of thing is wrong. */
export type ProblemKind =
  /** A record is not an envelope. */
  | "malformed"
  /** A change is there twice. */
  | "repeated"
  /** A change that PostgreSQL decodes is not there, or one is there that it does not decode. */
  | "lost"
  /** A partition's changes are not in commit order. */
  | "order"
  /** The changes of a row are in more than one partition. */
  | "partition"
  /** A change does not fit on what came before: an update of a row that is not there. */
  | "replay"
  /** Replaying the topics does not give the tables' rows. */
  | "rows"
  /** A key steps back to an older row. */
  | "stale"
  /** A row of a snapshot is missing, or there more often than it should be. */
  | "snapshot";

/** One thing that is wrong. */
export interface Problem {
  readonly kind: ProblemKind;
  readonly text: string;
}

/** Takes a problem down. */
export type Report = (kind: ProblemKind, text: string) => void;

/** What one record says. */
export interface Change {
  readonly place: string;
  /** `topic/partition`. */
  readonly partition: string;
  /** `schema.table`; null for a logical message. */
  readonly table: string | null;
  readonly op: "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE" | "READ" | "MESSAGE";
  readonly database: string;
  readonly commitLsn: bigint;
  /** `source.lsn`, as it stands there. */
  readonly lsn: string;
  readonly seq: number;
  readonly keyChange: boolean;
  /** The id of the snapshot that it belongs to; null for a change. */
  readonly snapshot: string | null;
  readonly unchanged: readonly string[];
  readonly key: JsonText | null;
  readonly before: ReadonlyMap<string, JsonText> | null;
  readonly after: ReadonlyMap<string, JsonText> | null;
}

/** The changes, in the order of the records; what is not one is reported. */
export function readChanges(records: readonly HistoryRecord[], report: Report): readonly Change[] {
  const changes: Change[] = [];
  /** The last change of each partition: a tombstone belongs to it. */
  const last = new Map<string, Change>();
  for (const record of records) {
    const place = `${record.topic}/${record.partition} at ${record.offset}`;
    const partition = `${record.topic}/${record.partition}`;
    try {
      if (record.value === null) {
        const deleted = last.get(partition);
        const key = record.key === null ? null : canonicalJson(record.key);
        if (key === null || deleted?.op !== "DELETE" || deleted.key !== key) {
          report("malformed", `${place}: a null value that does not follow the DELETE of its key`);
        }
        continue;
      }
      const change = readChange(record.key, record.value, place, partition);
      changes.push(change);
      last.set(partition, change);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      report("malformed", `${place}: ${error.message}`);
    }
  }
  return changes;
}

const OPERATIONS: readonly string[] = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "READ", "MESSAGE"];

function readChange(key: string | null, value: string, place: string, partition: string): Change {
  const members = jsonMembers(value);
  const parsed = JSON.parse(value) as Record<string, unknown> | null;
  const op = parsed?.["op"];
  const source = parsed?.["source"] as Record<string, unknown> | null | undefined;
  if (members === null || typeof op !== "string" || !OPERATIONS.includes(op)) throw new SyntaxError("no op");
  const lsn = source?.["commit_lsn"];
  const seq = source?.["tx_seq"];
  const database = source?.["db"];
  if (typeof lsn !== "string" || typeof seq !== "number" || typeof database !== "string") {
    throw new SyntaxError("no source.commit_lsn, source.tx_seq and source.db");
  }
  const snapshot = source?.["snapshot"] ?? null;
  if (op === "READ" && (typeof snapshot !== "string" || source?.["xid"] !== 0)) {
    throw new SyntaxError("a READ that belongs to no snapshot, or to a transaction");
  }
  const schema = parsed?.["schema"];
  const table = parsed?.["table"];
  return {
    place,
    partition,
    table: typeof schema === "string" && typeof table === "string" ? `${schema}.${table}` : null,
    op: op as Change["op"],
    database,
    commitLsn: lsnNumber(lsn),
    lsn: String(source?.["lsn"]),
    seq,
    keyChange: source?.["key_change"] === true,
    snapshot: typeof snapshot === "string" ? snapshot : null,
    unchanged: (source?.["unchanged"] ?? []) as readonly string[],
    key: key === null ? null : canonicalJson(key),
    before: jsonMembers(members.get("before") ?? "null"),
    after: jsonMembers(members.get("after") ?? "null"),
  };
}

/** Of its own making, so that the program's reading of an LSN is judged too. */
function lsnNumber(text: string): bigint {
  const [high, low, ...rest] = text.split("/");
  if (!high || !low || rest.length > 0) throw new SyntaxError(`"${text}" is not an LSN`);
  return BigInt(`0x${high}`) * 2n ** 32n + BigInt(`0x${low}`);
}

/** Commit order. */
export function compareChanges(a: Change, b: Change): number {
  if (a.database !== b.database) return a.database < b.database ? -1 : 1;
  if (a.commitLsn !== b.commitLsn) return a.commitLsn < b.commitLsn ? -1 : 1;
  return a.seq - b.seq;
}

/** `change 0/1634FE8 1`. */
export function changeName({ commitLsn, seq }: Pick<Change, "commitLsn" | "seq">): string {
  return `change ${(commitLsn >> 32n).toString(16).toUpperCase()}/${
    (commitLsn & 0xffffffffn).toString(16).toUpperCase()
  } ${seq}`;
}
