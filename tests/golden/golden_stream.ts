// A golden stream: what a PostgreSQL sent for the script, what its catalog said, and the records that follow.

import { Buffer } from "node:buffer";
import { builtinType } from "../../src/core/builtin_types.ts";
import { ChangeDecoder } from "../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../src/decoder/formats/native/native_format.ts";
import type { Relation } from "../../src/decoder/pgoutput/messages.ts";
import { parseLsn } from "../../src/core/position.ts";
import type { RelationDetails } from "../../src/pipeline/ports.ts";

/** One line of a golden file. */
export type GoldenLine =
  /** The paragraph of the script that the messages after it come from. */
  | { readonly kind: "paragraph"; readonly title: string }
  /** A message of pgoutput, and the LSN of its XLogData header. */
  | { readonly kind: "message"; readonly lsn: string; readonly bytes: Uint8Array }
  /** What the catalog said of the relation in the message before it. */
  | { readonly kind: "relation"; readonly details: RelationDetails }
  /** A record: its key, `null` for none, and its value, as JSON text. */
  | { readonly kind: "record"; readonly key: string; readonly value: string };

/** A stream to replay: all but its records. */
export type GoldenInput = Exclude<GoldenLine, { readonly kind: "record" }>;

/** A decoder that gives the same bytes each time. */
export function goldenDecoder(): ChangeDecoder {
  const decoder = new ChangeDecoder({ format: new NativeFormat("0", "d"), tombstones: false });
  decoder.setNow(1);
  return decoder;
}

/**
 * Decodes one message; what it gives.
 * @param describe asked for a Relation message's details
 */
export function decodeMessage(
  decoder: ChangeDecoder,
  lsn: string,
  bytes: Uint8Array,
  describe: (relation: Relation) => RelationDetails,
): GoldenLine[] {
  const at = parseLsn(lsn) ?? 0n;
  const decoded = decoder.decode({
    bytes,
    start: 0,
    end: bytes.length,
    walStartHigh: Number(at >> 32n),
    walStartLow: Number(at & 0xffffffffn),
  });
  if (decoded === "relation") {
    const relation = decoder.pendingRelation!;
    const { primaryKey, types } = describe(relation);
    decoder.defineRelation(
      relation.replicaIdentity === "default" ? undefined : primaryKey,
      relation.columns.map(({ typeOid }) => builtinType(typeOid) ?? types.get(typeOid) ?? { kind: "other" }),
    );
  }
  const records: GoldenLine[] = [];
  while (decoded === "change" && decoder.nextRecord()) records.push(recordOf(decoder));
  return records;
}

/** Decodes the stream anew, with the catalog's answers that are in it. */
export function replay(lines: readonly GoldenLine[]): GoldenLine[] {
  const decoder = goldenDecoder();
  return lines.flatMap((line, index): GoldenLine[] => {
    if (line.kind === "record") return [];
    if (line.kind !== "message") return [line];
    const next = lines[index + 1];
    return [
      line,
      ...decodeMessage(decoder, line.lsn, line.bytes, () => {
        if (next?.kind !== "relation") throw new Error("a Relation message has no answer of the catalog");
        return next.details;
      }),
    ];
  });
}

/** The text of a golden file. */
export function formatGolden(lines: readonly GoldenLine[]): string {
  return lines.map((line) => `${shortened(formatLine(line))}\n`).join("");
}

/** The lines of a golden file's text. */
export function parseGolden(text: string): GoldenLine[] {
  return text.split("\n").filter((line) => line !== "").map((line) => parseLine(restored(line)));
}

/** Answers of the catalog that the decoder does not ask for. */
export const NOT_ASKED = { exists: true, primaryKeyXid: undefined, typesXid: undefined, asOf: 0n };

/** What is the same in each value. */
const SOURCE = ',"source":{"version":"0","connector":"pg-capture",';
const SOURCE_SHORT = ',"source":{…';

/** Long repetitions, which TOASTed values are made of here: `⟨2100×x⟩`. */
function shortened(line: string): string {
  return line.replace(/(.{1,4}?)\1{31,}/g, (run, piece) => `⟨${run.length / piece.length}×${piece}⟩`);
}

function restored(line: string): string {
  return line.replace(/⟨(\d+)×(.{1,4})⟩/g, (_, count, piece) => piece.repeat(Number(count)));
}

function recordOf({ record }: ChangeDecoder): GoldenLine {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const { bytes, keyEnd, valueEnd } = record;
  return {
    kind: "record",
    key: keyEnd < 0 ? "null" : text.decode(bytes.subarray(0, keyEnd)),
    value: text.decode(bytes.subarray(Math.max(0, keyEnd), valueEnd)),
  };
}

function formatLine(line: GoldenLine): string {
  switch (line.kind) {
    case "paragraph":
      return `\n# ${line.title}`;
    case "message":
      return `> ${line.lsn} ${Buffer.from(line.bytes).toString("base64")}`;
    case "relation": {
      const { primaryKey, types } = line.details;
      return `? ${JSON.stringify({ primaryKey, types: [...types] })}`;
    }
    case "record":
      // A line break between the tokens of a json value is a character of its own here.
      return `= ${line.key}\t${line.value.replace(SOURCE, SOURCE_SHORT).replaceAll("\n", "␤")}`;
  }
}

function parseLine(line: string): GoldenLine {
  const rest = line.slice(2);
  switch (line[0]) {
    case "#":
      return { kind: "paragraph", title: rest };
    case ">": {
      const [lsn = "", base64 = ""] = rest.split(" ");
      return { kind: "message", lsn, bytes: new Uint8Array(Buffer.from(base64, "base64")) };
    }
    case "?": {
      const { primaryKey, types } = JSON.parse(rest);
      return { kind: "relation", details: { ...NOT_ASKED, primaryKey, types: new Map(types) } };
    }
    case "=": {
      const [key = "", value = ""] = rest.split("\t");
      return {
        kind: "record",
        key,
        value: value.replace(SOURCE_SHORT, SOURCE).replaceAll("␤", "\n"),
      };
    }
    default:
      throw new Error(`a golden file has the line ${JSON.stringify(line)}`);
  }
}
