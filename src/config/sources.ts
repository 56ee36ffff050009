// The sources that a configuration is loaded from.

import type { FileFacts } from "./password_file.ts";
import type { VariableName } from "./variables.ts";

/** Everything that can supply settings. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file's text; undefined if it does not exist. Throws if it can't be read. */
  readonly readTextFile: (path: string) => string | undefined;
  /** Owner and permissions of a file; undefined if it does not exist. */
  readonly fileFacts: (path: string) => FileFacts | undefined;
  /** The user that the program runs as; undefined if unknown, null if the system has no user IDs. */
  readonly ownUid: () => number | null | undefined;
  /** The TOML file, if one was named. */
  readonly configFile?: string;
  /** Settings from the command line. They override all others. */
  readonly overrides?: Partial<Readonly<Record<VariableName, string>>>;
}
