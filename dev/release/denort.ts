// Deno's runtime, which `deno compile` puts into each executable: taken only with a checksum that this
// project has.
//
// `deno compile` downloads it without one. dev/release/denort.sha256 has them, in the form that `sha256sum --check`
// reads. `deno run --allow-net=dl.deno.land dev/release/denort.ts` prints the lines for this version of Deno.

import { createHash } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { TARGETS } from "./compile_targets.ts";

/** Where runtimes come from, and what is known of them. */
export interface RuntimeSource {
  /** `https://dl.deno.land/release`, without a slash at its end. */
  readonly baseUrl: string;
  readonly version: string;
  /** What dev/release/denort.sha256 holds. */
  readonly sums: string;
}

export const DENO_RELEASES = "https://dl.deno.land/release";

/**
 * The runtime for a target; undefined where there is no checksum of it.
 * @throws Error where it has another checksum, or can't be had
 */
export async function checkedRuntime(source: RuntimeSource, target: string): Promise<Uint8Array | undefined> {
  const name = archiveName(source.version, target);
  const expected = source.sums.split("\n").find((line) => line.endsWith(`  ${name}`))?.slice(0, 64);
  if (expected === undefined) return undefined;
  const archive = await download(source.baseUrl, name);
  const found = sha256(archive);
  if (found === expected) return onlyFile(archive);
  throw new Error(
    `Cannot compile: ${name} has the checksum ${found}, dev/release/denort.sha256 has ${expected}`,
  );
}

function archiveName(version: string, target: string): string {
  return `v${version}/denort-${target}.zip`;
}

async function download(baseUrl: string, name: string): Promise<Uint8Array> {
  const response = await fetch(`${baseUrl}/${name}`);
  if (!response.ok) throw new Error(`Cannot download ${baseUrl}/${name}: HTTP status ${response.status}`);
  return await response.bytes();
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** APPNOTE.TXT of the ZIP format, 4.3: sizes are right in the central directory only. */
function onlyFile(archive: Uint8Array): Uint8Array {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = archive.length - END_BYTES;
  if (view.getUint32(end, true) !== 0x06054b50 || view.getUint16(end + 10, true) !== 1) {
    throw new Error("Cannot unpack the runtime: the archive does not hold one file");
  }
  const entry = view.getUint32(end + 16, true);
  const method = view.getUint16(entry + 10, true);
  const size = view.getUint32(entry + 20, true);
  const local = view.getUint32(entry + 42, true);
  const start = local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const bytes = archive.subarray(start, start + size);
  return method === STORED ? bytes : inflateRawSync(bytes);
}

/** The end of the central directory, without a comment; a file's header, without its name. */
const END_BYTES = 22;
const LOCAL_BYTES = 30;
const STORED = 0;

if (import.meta.main) {
  const lines = Object.values(TARGETS).map(async (target) => {
    const name = archiveName(Deno.version.deno, target);
    return `${sha256(await download(DENO_RELEASES, name))}  ${name}\n`;
  });
  Deno.stdout.writeSync(new TextEncoder().encode((await Promise.all(lines)).join("")));
}
