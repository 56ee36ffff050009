// One source of settings: the command line, the environment, a .env file or a TOML file.

import type { ConfigurationProblem } from "./configuration_errors.ts";
import type { TableRule } from "../rules/table_rule.ts";
import { isVariableName, VARIABLES } from "./variables.ts";

/** The text set for a variable, or for its `NAME_FILE`. */
export interface Given {
  readonly text: string;
  /** The setting's name in messages: `PG_PORT (environment)`. */
  readonly setting: string;
}

/** The settings of one source. All layers use environment names; empty values are left out. */
export interface Layer {
  readonly given: ReadonlyMap<string, Given>;
  /** Names that may be misspelled. They are checked once all layers are known. */
  readonly unknownNames: readonly { readonly name: string; readonly setting: string }[];
  readonly problems: readonly ConfigurationProblem[];
  /** The table rules; undefined if the source can't hold any. */
  readonly tables?: readonly TableRule[];
}

/** Builds a layer from environment variables. `where` describes the source of a name. */
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

/** Whether the name is a variable or its `_FILE` form. */
export function isKnownName(name: string): boolean {
  return isVariableName(name) || isVariableName(withoutFileSuffix(name) ?? "");
}

/** Trims the value, except for secrets: spaces around a secret may belong to it. */
export function trimUnlessSecret(name: string, text: string): string {
  return isVariableName(name) && VARIABLES[name].syntax.secret ? text : text.trim();
}

/** `PG_PASSWORD` for `PG_PASSWORD_FILE`; undefined for names without that suffix. */
function withoutFileSuffix(name: string): string | undefined {
  return name.endsWith("_FILE") ? name.slice(0, -"_FILE".length) : undefined;
}
