// Parses a TOML file into a layer. Unknown sections and keys are errors.

import { parse, TomlError } from "smol-toml";
import type { TableRule } from "../rules/table_rule.ts";
import type { ConfigurationProblem } from "./configuration_errors.ts";
import { type Given, isKnownName, type Layer, trimUnlessSecret } from "./layer.ts";
import { closest } from "./suggestion.ts";
import { alternatives } from "./syntax.ts";
import { readTableRules } from "./table_rules.ts";
import { escapePattern, isTable, lineWhere, setting, type Table } from "./toml_lines.ts";
import { nameOfTomlPlace, type Section, SECTIONS, tomlPlace } from "./variable.ts";
import { isVariableName, VARIABLE_NAMES, VARIABLES } from "./variables.ts";

/**
 * The settings of a TOML file.
 * @param file the file's name, for messages
 */
export function readToml(text: string, file: string): Layer {
  const source = text.replace(/^\uFEFF/, "");
  const given = new Map<string, Given>();
  const problems: ConfigurationProblem[] = [];
  const tables: TableRule[] = [];
  for (const [section, table] of Object.entries(parseToml(source, file, problems))) {
    if (section === "tables") {
      tables.push(...readTableRules(table, source, file, problems));
      continue;
    }
    const line = lineOfSection(source, section);
    if (!isSection(section) || !isTable(table)) {
      problems.push(misplaced(section, setting(`[${section}]`, file, line), isTable(table)));
      continue;
    }
    for (const [key, value] of Object.entries(table)) {
      const name = nameOfTomlPlace(section, key);
      const label = setting(`[${section}] ${key}`, file, lineOfKey(source, section, key));
      if (!isKnownName(name) || key !== key.toLowerCase()) {
        problems.push(unknownKey(section, key, label));
        continue;
      }
      const converted = toText(name, value);
      if (converted === undefined) problems.push(wrongType(name, label));
      else if (converted !== "") given.set(name, { text: converted, setting: label });
    }
  }
  return { given, unknownNames: [], problems, tables };
}

function parseToml(source: string, file: string, problems: ConfigurationProblem[]): Table {
  try {
    return parse(source, { integersAsBigInt: "asNeeded" });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The rest of the message quotes the surrounding lines, which may contain a password.
    const reason = error.message.split("\n")[0]?.replace("Invalid TOML document: ", "") ?? "";
    problems.push({
      setting: `${file} line ${error.line}`,
      problem: `invalid TOML: ${reason}`,
      fix: `fix column ${error.column} of that line`,
    });
    return {};
  }
}

/** The value as the text of an environment variable; undefined if its type is wrong. */
function toText(name: string, value: unknown): string | undefined {
  const accepts = isVariableName(name) ? VARIABLES[name].syntax.toml : "string";
  if (typeof value === "string") return trimUnlessSecret(name, value);
  const takesNumbers = accepts === "scalar" || accepts === "scalars";
  const isItem = (item: unknown) => typeof item === "string" || (takesNumbers && isScalar(item));
  if ((accepts === "list" || accepts === "scalars") && Array.isArray(value) && value.every(isItem)) {
    return value.join(",");
  }
  return takesNumbers && isScalar(value) ? String(value) : undefined;
}

function isScalar(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
}

function wrongType(name: string, label: string): ConfigurationProblem {
  const accepts = isVariableName(name) ? VARIABLES[name].syntax.toml : "string";
  const form = {
    scalar: "one value",
    string: "a string in quotes",
    list: "a string in quotes, or an array of strings",
    scalars: "one value, or an array of values",
  }[accepts];
  return { setting: label, problem: "the value has the wrong type", fix: `write ${form}` };
}

function misplaced(name: string, label: string, isTable: boolean): ConfigurationProblem {
  if (isSection(name)) {
    return { setting: label, problem: "it is not a section", fix: `write [${name}] and its keys below it` };
  }
  const sections = Object.keys(SECTIONS);
  const variable = name.toUpperCase();
  if (isVariableName(variable) && !isTable) {
    const place = tomlPlace(variable);
    return {
      setting: label,
      problem: "it is in no section",
      fix: `write ${place.key} under [${place.section}]`,
    };
  }
  const near = closest(name, [...sections, "tables"]);
  const fix = near === undefined
    ? `the sections are ${alternatives(sections)}`
    : `did you mean ${near === "tables" ? "[[tables]]" : `[${near}]`}?`;
  return { setting: label, problem: "there is no such section", fix };
}

function unknownKey(section: Section, key: string, label: string): ConfigurationProblem {
  const problem = "there is no such key";
  const lower = key.toLowerCase();
  const candidates = [lower, nameOfTomlPlace(section, lower), lower.slice(lower.indexOf("_") + 1)];
  const own = VARIABLE_NAMES.filter((name) => tomlPlace(name).section === section).map((name) =>
    tomlPlace(name).key
  );
  const near = candidates.find((candidate) => own.includes(candidate)) ?? nearKey(lower, own) ??
    alias(section, lower);
  if (near !== undefined) return { setting: label, problem, fix: `did you mean ${near}?` };
  const elsewhere = VARIABLE_NAMES.map(tomlPlace).find((place) => place.key === lower);
  if (elsewhere !== undefined) {
    return { setting: label, problem, fix: `did you mean [${elsewhere.section}] ${elsewhere.key}?` };
  }
  return { setting: label, problem, fix: `the keys of [${section}] are ${own.join(", ")}` };
}

function nearKey(key: string, own: readonly string[]): string | undefined {
  const known = own.flatMap((key) => [key, `${key}_file`]);
  // `closest` ignores the first word, because variable names share it.
  return closest(`x_${key}`, known.map((key) => `x_${key}`))?.slice("x_".length);
}

/** The key that is meant by a name from another program. */
function alias(section: Section, key: string): string | undefined {
  const variable = nameOfTomlPlace(section, key);
  const name = VARIABLE_NAMES.find((name) =>
    VARIABLES[name].alsoKnownAs?.some((other) => other === variable)
  );
  return name === undefined ? undefined : tomlPlace(name).key;
}

/** The line of a section or a top-level key. It does not recognize every way to write TOML. */
function lineOfSection(source: string, section: string): number | undefined {
  const name = escapePattern(section);
  return lineWhere(source, new RegExp(`^\\s*(?:\\[+\\s*"?${name}"?\\s*[\\].]|"?${name}"?\\s*[=.])`));
}

function lineOfKey(source: string, section: string, key: string): number | undefined {
  const sectionLine = lineWhere(source, new RegExp(`^\\s*\\[\\s*"?${escapePattern(section)}"?\\s*\\]`)) ?? 0;
  const below = source.split("\n").slice(sectionLine).join("\n");
  const inSection = lineWhere(below, new RegExp(`^\\s*["']?${escapePattern(key)}["']?\\s*[=.]`));
  if (sectionLine > 0 && inSection !== undefined) return sectionLine + inSection;
  return lineWhere(source, new RegExp(`^\\s*${escapePattern(section)}\\s*\\.\\s*${escapePattern(key)}\\s*=`));
}

function isSection(name: string): name is Section {
  return Object.hasOwn(SECTIONS, name);
}
