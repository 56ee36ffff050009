// Storage outside of memory: a file beside the checkpoint that only this process can access.

import { dirname } from "node:path";
import { CaptureError } from "../core/errors.ts";
import { advice, setting } from "../core/advice.ts";
import type { Overflow } from "../decoder/overflow.ts";

/**
 * The file is created on the first write and then has no name, so that nothing is left behind, no matter how
 * the process ends.
 */
export class OverflowFile implements Overflow, Disposable {
  readonly #folder: string;
  #file: Deno.FsFile | undefined;
  /** The file's name, if the system does not allow removing an open file (Windows). */
  #path: string | undefined;

  /** @param checkpointFile the path of the checkpoint, whose directory is used */
  constructor(checkpointFile: string) {
    this.#folder = dirname(checkpointFile);
  }

  clear(): void {
    this.#guard("empty", () => this.#file?.truncateSync(0));
  }

  write(bytes: Uint8Array, at: number): void {
    this.#guard("write", () => {
      const file = this.#file ??= this.#create();
      file.seekSync(at, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    });
  }

  read(length: number, at: number): Uint8Array {
    return this.#guard("read", () => {
      const bytes = new Uint8Array(length);
      this.#file?.seekSync(at, Deno.SeekMode.Start);
      for (let done = 0; done < length;) {
        const count = this.#file?.readSync(bytes.subarray(done)) ?? null;
        if (count === null) throw new Error(`it ends before byte ${at + length}`);
        done += count;
      }
      return bytes;
    });
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
    if (this.#path !== undefined) Deno.removeSync(this.#path);
    this.#path = undefined;
  }

  /** The name is new and the mode 0600 (`mkstemp`): no symbolic link is followed. */
  #create(): Deno.FsFile {
    Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = Deno.makeTempFileSync({ dir: this.#folder, prefix: ".pg-capture-tables-" });
    const file = Deno.openSync(path, { read: true, write: true });
    try {
      Deno.removeSync(path);
    } catch {
      this.#path = path;
    }
    return file;
  }

  #guard<T>(doing: string, action: () => T): T {
    try {
      return action();
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      throw new CaptureError(
        "checkpoint-unavailable",
        `Cannot ${doing} a temporary file in "${this.#folder}": ${found}`,
        {
          hint: advice`make room there and the folder writable, or set ${
            setting("replication.checkpoint_file")
          } to a file in another folder`,
          cause,
        },
      );
    }
  }
}
