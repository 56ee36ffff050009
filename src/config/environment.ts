// The one door to the environment and to files of settings.

import type { FileFacts } from "./password_file.ts";

/** The environment as it is now. */
export function readEnvironment(): Readonly<Record<string, string>> {
  return Deno.env.toObject();
}

/**
 * The text of a file, undefined where there is none. Only a regular file is read, and no more than 1 MB of
 * it: `/dev/zero` never ends, and a FIFO blocks the whole program until somebody writes to it.
 * @throws where it can't be read
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
  throw new Error(`it is larger than ${bytesMax} bytes, or grows while it is read`);
}

/** The user that the program runs as; undefined if unknown, null on Windows. */
export function ownUid(): number | null | undefined {
  try {
    return Deno.uid();
  } catch {
    return undefined; // without --allow-sys=uid
  }
}

/** The machine's name, in a container the container's; undefined if unknown. */
export function machineName(): string | undefined {
  try {
    // Asking the system would need another permission. Docker and Kubernetes write this file for each
    // container.
    return readTextFile("/etc/hostname")?.trim();
  } catch {
    return undefined;
  }
}

/** What of a file decides whether a secret may be read from it; undefined where there is no such file. */
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
