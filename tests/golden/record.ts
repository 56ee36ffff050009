// Records golden streams. Look at what changed before it is committed.
//
//   deno task golden:record [MAJOR …]             script.sql on PostgreSQL 14 to 18, or on these
//   deno task golden:record extensions FOLDER     extensions.sql on a PostgreSQL 15 that has pgvector and PostGIS:
//                                                 the folder above its bin, as /usr/lib/postgresql/15

import { fileURLToPath } from "node:url";
import { cleanUp } from "../../dev/servers/janitor.ts";
import { type PostgresMajor, type PostgresServer, startPostgres } from "../../dev/servers/postgres.ts";
import { builtinType } from "../../src/core/builtin_types.ts";
import type { Relation } from "../../src/decoder/pgoutput/messages.ts";
import type { RelationDetails } from "../../src/pipeline/ports.ts";
import { describeRelation } from "../../src/source/catalog.ts";
import { PostgresConnection } from "../../src/source/connection.ts";
import { sql } from "../../dev/servers/psql.ts";
import { sourceOptions } from "../support/source_options.ts";
import { decodeMessage, formatGolden, goldenDecoder, type GoldenLine } from "./golden_stream.ts";

const MAJORS: readonly PostgresMajor[] = [14, 15, 16, 17, 18];
const SLOT = "golden";
const SIGNAL = new AbortController().signal;

try {
  const [first, programs] = Deno.args;
  if (first === "extensions") {
    if (programs === undefined) throw new Error("usage: deno task golden:record extensions FOLDER");
    await using server = await startPostgres({ major: 15, programs });
    await recordTo("extensions.txt", server, "extensions.sql");
  } else {
    const asked = Deno.args.map(Number);
    for (const major of MAJORS.filter((each) => asked.length === 0 || asked.includes(each))) {
      await using server = await startPostgres({ major });
      await recordTo(`postgres_${major}.txt`, server, "script.sql");
    }
  }
} finally {
  await cleanUp();
}

async function recordTo(file: string, server: PostgresServer, script: string): Promise<void> {
  const text = formatGolden(await record(server, await Deno.readTextFile(beside(script))));
  await Deno.writeTextFile(beside(file), text);
}

function beside(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

async function record(server: PostgresServer, script: string): Promise<GoldenLine[]> {
  await using writer = await sql(server);
  using reader = await PostgresConnection.open(sourceOptions(server), "sql", SIGNAL);
  const decoder = goldenDecoder();
  const lines: GoldenLine[] = [];
  for (const { title, statements } of paragraphs(script, server.major)) {
    await writer.exec(statements);
    if (title.startsWith("setup")) {
      await writer.exec(`SELECT pg_create_logical_replication_slot('${SLOT}', 'pgoutput')`);
      continue;
    }
    lines.push({ kind: "paragraph", title });
    for (const { lsn, bytes } of await newMessages(reader)) {
      lines.push({ kind: "message", lsn, bytes });
      // What pg-capture asks the catalog it has to ask now: later, the answer may be another.
      const relation = relationOf(bytes);
      const details = relation === undefined ? undefined : await detailsOf(reader, relation);
      if (details !== undefined) lines.push({ kind: "relation", details });
      lines.push(...decodeMessage(decoder, lsn, bytes, () => details!));
    }
  }
  return lines;
}

/** The script's paragraphs for this major. */
function paragraphs(script: string, major: number): { title: string; statements: string }[] {
  return script.split("\n\n").slice(1).flatMap((paragraph) => {
    const [first = "", ...lines] = paragraph.split("\n");
    const title = first.replace(/^-- /, "");
    const since = /^since (\d+)/.exec(title)?.[1];
    return since !== undefined && Number(since) > major ? [] : [{ title, statements: lines.join("\n") }];
  });
}

async function newMessages(reader: PostgresConnection): Promise<{ lsn: string; bytes: Uint8Array }[]> {
  const rows = await reader.query(
    `SELECT lsn, encode(data, 'hex') AS data FROM pg_logical_slot_get_binary_changes('${SLOT}', NULL, NULL,
       'proto_version', '1', 'publication_names', 'golden,golden_root', 'messages', 'true')`,
    "read the slot",
    SIGNAL,
  );
  return rows.map(({ lsn, data }) => ({ lsn: lsn ?? "", bytes: Uint8Array.fromHex(data ?? "") }));
}

/** The relation that a message describes, if it does. */
function relationOf(bytes: Uint8Array): Relation | undefined {
  const decoder = goldenDecoder();
  const message = { bytes, start: 0, end: bytes.length, walStartHigh: 0, walStartLow: 0 };
  return bytes[0] === "R".charCodeAt(0) && decoder.decode(message) === "relation"
    ? decoder.pendingRelation
    : undefined;
}

async function detailsOf(reader: PostgresConnection, { id, columns }: Relation): Promise<RelationDetails> {
  const oids = columns.map(({ typeOid }) => typeOid).filter((oid) => builtinType(oid) === undefined);
  return await describeRelation(reader, id, [...new Set(oids)], builtinType, SIGNAL);
}
