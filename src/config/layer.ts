// One place that settings come from: the command line, the environment, a .env file or a TOML file.

import type { ConfigurationProblem } from "./configuration_errors.ts";
import type { TableRule } from "../rules/table_rule.ts";
import { isVariableName, VARIABLES } from "./variables.ts";

/** A text that was given for a variable, or for its `NAME_FILE`. */
export interface Given {
  readonly text: string;
  /** How the setting is named in messages: `PG_PORT (environment)`. */
  readonly setting: string;
}

/** What one place gives. Names are those of the environment, in every layer; empty texts are left out. */
export interface Layer {
  readonly given: ReadonlyMap<string, Given>;
  /** Names that could be misspelled ones of ours; judged when it is known what is set elsewhere. */
  readonly unknownNames: readonly { readonly name: string; readonly setting: string }[];
  readonly problems: readonly ConfigurationProblem[];
  /** The table rules; undefined where the place can't hold any. */
  readonly tables?: readonly TableRule[];
}

/** The layer of a set of environment variables. `where` says where a name was found. */
export function environmentLayer(
  env: Readonly<Record<string, string | undefined>>,
  where: (name: string) => string,
): Layer {
  const given = new Map<string, Given>();
  const unknownNames: { name: string; setting: string }[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined) continue;
    const setting = `${name} (${where(name)})`;
    if (isKnownName(name)) {
      const value = trimUnlessSecret(name, text);
      if (value !== "") given.set(name, { text: value, setting });
    } else {
      unknownNames.push({ name, setting });
    }
  }
  return { given, unknownNames, problems: [] };
}

/** Whether the name is a variable's, or the one that names its file. */
export function isKnownName(name: string): boolean {
  return isVariableName(name) || isVariableName(withoutFileSuffix(name) ?? "");
}

/** Spaces around a value are a slip, but for a secret's: there they may be meant. */
export function trimUnlessSecret(name: string, text: string): string {
  return isVariableName(name) && VARIABLES[name].syntax.secret ? text : text.trim();
}

/** `PG_PASSWORD` of `PG_PASSWORD_FILE`; undefined where the name has no such end. */
function withoutFileSuffix(name: string): string | undefined {
  return name.endsWith("_FILE") ? name.slice(0, -"_FILE".length) : undefined;
}
