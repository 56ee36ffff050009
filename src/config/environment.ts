// Reads the environment and settings files. No other file of src/config does.

import type { FileFacts } from "./password_file.ts";

/** The current environment. */
export function readEnvironment(): Readonly<Record<string, string>> {
  return Deno.env.toObject();
}

/**
 * The text of a file; undefined if it does not exist. Reads only regular files of at most 1 MB: `/dev/zero` never
 * ends, and a FIFO blocks the whole program until a writer opens it.
 * @throws if it can't be read
 */
export function readTextFile(path: string): string | undefined {
  try {
    const { isFile, isDirectory } = Deno.statSync(path);
    if (isDirectory) throw new Deno.errors.IsADirectory("Is a directory");
    if (!isFile) throw new Error("it is not a regular file");
    using file = Deno.openSync(path);
    return new TextDecoder().decode(readAtMost(file, FILE_BYTES_MAX));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const FILE_BYTES_MAX = 1024 * 1024;

function readAtMost(file: Deno.FsFile, bytesMax: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(bytesMax, file.statSync().size) + 1);
  let length = 0;
  while (length < bytes.length) {
    const read = file.readSync(bytes.subarray(length));
    if (read === null) return bytes.subarray(0, length);
    length += read;
  }
  throw new Error(`it is larger than ${bytesMax} bytes, or grew while being read`);
}

/** The user that the program runs as; undefined if unknown, null on Windows. */
export function ownUid(): number | null | undefined {
  try {
    return Deno.uid();
  } catch {
    return undefined; // without --allow-sys=uid
  }
}

/** The host name of the machine or container; undefined if unknown. */
export function machineName(): string | undefined {
  try {
    // Deno.hostname() would need another permission. Docker and Kubernetes write this file for each container.
    return readTextFile("/etc/hostname")?.trim();
  } catch {
    return undefined;
  }
}

/** The facts that decide whether a file's content can be trusted; undefined if it does not exist. */
export function fileFacts(
  path: string,
): FileFacts | undefined {
  try {
    const { isFile, mode, uid } = Deno.statSync(path);
    return { isFile, mode, uid, linkUid: Deno.lstatSync(path).uid };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
