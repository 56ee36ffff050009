// The table's entry for one variable, and the variable's place in the TOML file.

import type { Syntax } from "./syntax.ts";

/** Notes on a variable. */
interface VariableNotes {
  /** One sentence for the documents. */
  readonly help: string;
  /** An example value for the documents, for variables without a default. */
  readonly example?: string;
  /** The documents' text for a default that isn't a fixed value. */
  readonly defaultNote?: string;
  /** Names that other programs use for the same setting: never read, but mentioned if the variable is missing. */
  readonly alsoKnownAs?: readonly string[];
  /**
   * The only values that this version supports. Others are rejected as not available yet. An empty list rejects all.
   * Delete the entry to enable all values.
   */
  readonly onlyNow?: readonly string[];
}

/** One variable. `T` is the type of its value in the program; optional ones include undefined. */
export interface Variable<T> extends VariableNotes {
  readonly syntax: Syntax<Exclude<T, undefined>>;
  readonly presence:
    | { readonly kind: "required"; readonly unless?: string }
    | { readonly kind: "optional" }
    | { readonly kind: "default"; readonly text: string };
}

/** The sections of the TOML file in the documents' order, with the prefix of their variables. */
export const SECTIONS = {
  pg: "PG_",
  kafka: "KAFKA_",
  replication: "REPLICATION_",
  snapshot: "SNAPSHOT_",
  format: "FORMAT",
  logging: "LOG_",
  metrics: "METRICS_",
} as const;

export type Section = keyof typeof SECTIONS;

/** A variable that must be set. */
export function required<T>(syntax: Syntax<Exclude<T, undefined>>, notes: VariableNotes): Variable<T> {
  return { ...notes, syntax, presence: { kind: "required" } };
}

/** A variable that must be set, unless something else replaces it. The loader decides that. */
export function mostlyRequired<T>(
  syntax: Syntax<Exclude<T, undefined>>,
  unless: string,
  notes: VariableNotes,
): Variable<T | undefined> {
  return {
    ...notes,
    syntax: syntax as Syntax<Exclude<T | undefined, undefined>>,
    presence: { kind: "required", unless },
  };
}

/** A variable that need not be set. */
export function optional<T>(
  syntax: Syntax<Exclude<T, undefined>>,
  notes: VariableNotes,
): Variable<T | undefined> {
  return {
    ...notes,
    syntax: syntax as Syntax<Exclude<T | undefined, undefined>>,
    presence: { kind: "optional" },
  };
}

/** A variable with a default, given as the user would write it. */
export function defaulted<T>(
  syntax: Syntax<Exclude<T, undefined>>,
  text: string | number | boolean,
  notes: VariableNotes,
): Variable<T> {
  return { ...notes, syntax, presence: { kind: "default", text: String(text) } };
}

/** The default as text. If this version does not support it, the first supported value. */
export function defaultText({ presence, onlyNow }: Variable<unknown>): string | undefined {
  if (presence.kind !== "default") return undefined;
  return onlyNow === undefined || onlyNow.includes(presence.text)
    ? presence.text
    : onlyNow[0] ?? presence.text;
}

/** Section and key of a variable in the TOML file: `PG_SLOT_NAME` is `slot_name` under `[pg]`. */
export function tomlPlace(name: string): { readonly section: Section; readonly key: string } {
  if (name === "FORMAT" || name === "FORMAT_FILE") return { section: "format", key: name.toLowerCase() };
  for (const [section, prefix] of Object.entries(SECTIONS)) {
    if (name.startsWith(prefix)) {
      return { section: section as Section, key: name.slice(prefix.length).toLowerCase() };
    }
  }
  throw new Error(`no section for ${name}`);
}

/** The variable at a place in the TOML file. */
export function nameOfTomlPlace(section: Section, key: string): string {
  return section === "format" ? key.toUpperCase() : `${SECTIONS[section]}${key.toUpperCase()}`;
}
