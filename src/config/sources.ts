// What a configuration is loaded from.

import type { FileFacts } from "./password_file.ts";
import type { VariableName } from "./variables.ts";

/** The program's surroundings, as far as settings come from them. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file's text; undefined where there is no such file. Throws where it can't be read. */
  readonly readTextFile: (path: string) => string | undefined;
  /** What the file system says of a file; undefined where there is none. */
  readonly fileFacts: (path: string) => FileFacts | undefined;
  /** The user that the program runs as; undefined if unknown, null where the system has none. */
  readonly ownUid: () => number | null | undefined;
  /** The TOML file, where one was named. */
  readonly configFile?: string;
  /** Settings of the command line, which win over all others. */
  readonly overrides?: Partial<Readonly<Record<VariableName, string>>>;
}
