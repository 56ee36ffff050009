// Feeds the decoder with golden streams that were damaged: deno task fuzz [--minutes N] [--seed N].
//
// Whatever the bytes, a message gives records that are JSON or a CaptureError of kind "decoding" or "postgres-corrupt"; no message takes
// long, and memory does not grow. The first that breaks this is printed, with the seed that finds it again.

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { CaptureError } from "../../src/core/errors.ts";
import {
  decodeMessage,
  goldenDecoder,
  type GoldenLine,
  NOT_ASKED,
  parseGolden,
} from "../golden/golden_stream.ts";
import { Random } from "./random.ts";
import { damage } from "./damage.ts";

/** A message, and what the catalog said of it where it describes a relation. */
interface FuzzMessage {
  readonly lsn: string;
  readonly bytes: Uint8Array;
  readonly details: Extract<GoldenLine, { kind: "relation" }>["details"] | undefined;
}

const MAJORS = [14, 15, 16, 17, 18];
const MESSAGE_MS_MAX = 200;
const GROWTH_BYTES_MAX = 96 * 1024 * 1024;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
Deno.exit(await fuzz(Number(values.minutes) * 60_000, seed) ? 0 : 1);

/** Whether nothing was found. */
async function fuzz(durationMs: number, seed: number): Promise<boolean> {
  const random = new Random(seed);
  const streams = await Promise.all(MAJORS.map(readMessages));
  const counts = { messages: 0, records: 0, refused: 0 };
  const endMs = performance.now() + durationMs;
  let settledBytes = 0;
  for (let round = 0; performance.now() < endMs; round++) {
    const found = replayDamaged(random, random.pick(streams), counts);
    if (found !== undefined) {
      print(`seed ${seed}, round ${round}: ${found}`);
      return false;
    }
    if (round === 200) settledBytes = Deno.memoryUsage().rss;
    const grownBytes = round > 200 ? Deno.memoryUsage().rss - settledBytes : 0;
    if (grownBytes > GROWTH_BYTES_MAX) {
      print(`seed ${seed}, round ${round}: memory grew by ${grownBytes} bytes`);
      return false;
    }
  }
  print(
    `seed ${seed}: ${counts.messages} messages, ${counts.records} records, ${counts.refused} refused, nothing found`,
  );
  return true;
}

async function readMessages(major: number): Promise<readonly FuzzMessage[]> {
  const file = fileURLToPath(new URL(`../golden/postgres_${major}.txt`, import.meta.url));
  const lines = parseGolden(await Deno.readTextFile(file));
  return lines.flatMap((line, index) => {
    if (line.kind !== "message") return [];
    const next = lines[index + 1];
    return [{
      lsn: line.lsn,
      bytes: line.bytes,
      details: next?.kind === "relation" ? next.details : undefined,
    }];
  });
}

/** Decodes a stream with a few of its messages damaged, lost or moved; what broke the rules, if anything did. */
function replayDamaged(
  random: Random,
  stream: readonly FuzzMessage[],
  counts: { messages: number; records: number; refused: number },
): string | undefined {
  const decoder = goldenDecoder();
  const rate = random.pick([0.02, 0.1, 0.5]);
  const isRelation = (bytes: Uint8Array) => bytes[0] === "R".charCodeAt(0);
  let relationsAreWhole = true;
  for (const original of stream) {
    if (random.chance(rate / 10)) continue;
    const { lsn, details } = random.chance(rate / 10) ? random.pick(stream) : original;
    const bytes = random.chance(rate) ? damage(random, original.bytes, stream) : original.bytes;
    if (bytes !== original.bytes && (isRelation(bytes) || isRelation(original.bytes))) {
      relationsAreWhole = false;
    }
    const startedMs = performance.now();
    counts.messages++;
    try {
      const described = details ?? { ...NOT_ASKED, primaryKey: null, types: new Map() };
      for (const line of decodeMessage(decoder, lsn, bytes, () => described)) {
        if (line.kind !== "record") continue;
        counts.records++;
        // A json value is copied as it is: damaged text in one, or other text taken for one, may be no JSON.
        if (bytes === original.bytes && relationsAreWhole) JSON.parse(line.value);
      }
    } catch (error) {
      counts.refused++;
      if (!isAllowed(error)) return `${describe(error)}\n${bytes.toHex()}`;
    }
    const tookMs = performance.now() - startedMs;
    if (tookMs > MESSAGE_MS_MAX) return `a message took ${Math.round(tookMs)} ms\n${bytes.toHex()}`;
  }
  return undefined;
}

/** Damaged text may be no UTF-8, which PostgreSQL never sends: this program's reader of it says so. */
function isAllowed(error: unknown): boolean {
  return error instanceof CaptureError && (error.kind === "decoding" || error.kind === "postgres-corrupt") ||
    error instanceof TypeError && error.message.includes("is not valid");
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
