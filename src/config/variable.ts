// What the table says of one variable, and where a variable is found in the TOML file.

import type { Syntax } from "./syntax.ts";

/** What is said of every variable. */
export interface VariableNotes {
  /** One sentence for the documents. */
  readonly help: string;
  /** A value for the documents, where the default is none. */
  readonly example?: string;
  /** What the documents say of the default, where it isn't a fixed value. */
  readonly defaultNote?: string;
  /** Names that other programs use for the same thing: never read, but named when the variable is missing. */
  readonly alsoKnownAs?: readonly string[];
  /**
   * The only values that this version supports; every other one is refused as not available yet. An empty list
   * refuses them all. Deleting the entry switches the rest on.
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

/** The sections of the TOML file, in the documents' order, and the beginning of their variables' names. */
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

/** A variable that must be set, unless something else does its work: the loader knows when. */
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

/** A variable that may be left out. */
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

/** A variable with a default, written as a person would write it. */
export function defaulted<T>(
  syntax: Syntax<Exclude<T, undefined>>,
  text: string | number | boolean,
  notes: VariableNotes,
): Variable<T> {
  return { ...notes, syntax, presence: { kind: "default", text: String(text) } };
}

/** The default as text; while the default proper is not available, the first value that is. */
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

/** The name of the variable that a place in the TOML file stands for. */
export function nameOfTomlPlace(section: Section, key: string): string {
  return section === "format" ? key.toUpperCase() : `${SECTIONS[section]}${key.toUpperCase()}`;
}
