// A value that must not be printed: every way of turning it to text gives "[secret]", but for the one that asks.

const MASK = "[secret]";

/** A password or a key. Printing, inspecting, concatenating or serializing it shows `[secret]`. */
export class Secret {
  #value: string;
  /** The file that holds the value, where `NAME_FILE` named one. */
  readonly file: string | undefined;

  constructor(value: string, file?: string) {
    this.#value = value;
    this.file = file;
  }

  /** The value as it was last read. */
  reveal(): string {
    return this.#value;
  }

  /**
   * Reads the file again, so that a password can be changed without a restart, and gives the value.
   * Where there is no file, or it is gone, unreadable or empty for the moment, the last value stays.
   */
  refresh(readTextFile: (path: string) => string | undefined): string {
    if (this.file !== undefined) this.#value = readSecretFile(this.file, readTextFile) || this.#value;
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return MASK;
  }

  [Symbol.for("Deno.customInspect")](): string {
    return MASK;
  }
}

/** The content of a file that holds one value: editors and `echo` leave a newline at the end. */
export function trimFinalNewline(text: string): string {
  return text.replace(/^\uFEFF/, "").replace(/\r?\n$/, "");
}

function readSecretFile(
  path: string,
  readTextFile: (path: string) => string | undefined,
): string | undefined {
  try {
    const text = readTextFile(path);
    return text === undefined ? undefined : trimFinalNewline(text);
  } catch {
    return undefined;
  }
}
