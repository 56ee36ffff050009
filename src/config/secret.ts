// A value that must not be printed: every conversion to text gives "[secret]", except reveal().

const MASK = "[secret]";

/** A password or a key. Printing, inspecting, concatenating or serializing it shows `[secret]`. */
export class Secret {
  #value: string;
  /** The file that holds the value, if `NAME_FILE` named one. */
  readonly file: string | undefined;

  constructor(value: string, file?: string) {
    this.#value = value;
    this.file = file;
  }

  /** The last value read. */
  reveal(): string {
    return this.#value;
  }

  /**
   * Reads the file again, so that a password can be changed without a restart.
   * Keeps the last value if there is no file, or it is currently missing, unreadable or empty.
   * @returns the value
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

/** The content of a file that holds one value, without the final newline that editors and `echo` add. */
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
