// Loads the configuration from all places, in their order, and finds all that is wrong with it at once.

import { type Config, toConfig } from "./config.ts";
import { ConfigurationErrors, type ConfigurationProblem } from "./configuration_errors.ts";
import { findContradictions, findWarnings } from "./contradictions.ts";
import { validateLogin } from "./login.ts";
import type { Given, Layer } from "./layer.ts";
import { PasswordFile } from "./password_file.ts";
import { exposure, readLayers, readOrReport } from "./read_layers.ts";
import type { ConfigSources } from "./sources.ts";
import { stateDirectory } from "./state_directory.ts";
import { trimFinalNewline } from "./secret.ts";
import { alternatives, type ParseContext } from "./syntax.ts";
import { checkUnknownNames } from "./unknown_names.ts";
import { defaultText, tomlPlace, type Variable } from "./variable.ts";
import { isSecret, type Values, VARIABLE_NAMES, type VariableName, VARIABLES } from "./variables.ts";

/** A configuration that can be used, and what is to be said about it all the same. */
export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly string[];
  /** The file that settings were read from: `.env`, or the one that was named. */
  readonly file: string | undefined;
}

/**
 * Loads the configuration: command line, then environment, then the TOML file, or without one `.env` in the
 * working directory, then defaults.
 * @throws ConfigurationErrors with everything that is wrong
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const { layers, dotenvFault, file, ...read } = readLayers(sources);
  const problems: ConfigurationProblem[] = [...read.problems];
  const warnings: string[] = [...read.warnings];
  const found = new Map(
    VARIABLE_NAMES.map((name) => [name, find(name, layers, sources.readTextFile, problems)]),
  );

  const isSet = (name: string) => layers.some((layer) => layer.given.has(name));
  for (const layer of layers) {
    const names = checkUnknownNames(layer, isSet);
    problems.push(...layer.problems, ...names.problems);
    warnings.push(...names.warnings);
  }

  const otherNames = new Set(layers.flatMap((layer) => layer.unknownNames.map(({ name }) => name)));
  const { values, wrong } = parseAll(found, { home: sources.env.HOME, otherNames }, problems);
  for (const { name, problem, fix } of findContradictions(values, wrong)) {
    problems.push({ setting: settingOf(name, found), problem, fix });
  }
  const { HOME: home } = sources.env;
  const passwordFile = PasswordFile.of(sources.env, sources);
  const login = validateLogin(values, wrong, { home, passwordFile, fileFacts: sources.fileFacts });
  if (login.passwordIsMissing) {
    const problem = missing("PG_PASSWORD", VARIABLES.PG_PASSWORD, otherNames);
    problems.push(login.why === undefined ? problem : { ...problem, problem: `not set, and ${login.why}` });
  }
  warnings.push(...login.warnings);
  const directory = stateDirectory(sources.env);
  if (directory === undefined && found.get("REPLICATION_CHECKPOINT_FILE") === undefined) {
    problems.push({
      setting: "REPLICATION_CHECKPOINT_FILE",
      problem:
        "not set, and neither STATE_DIRECTORY, XDG_STATE_HOME, HOME nor LOCALAPPDATA says where state is kept",
      fix: "set it to a path that outlives the process",
    });
  }
  if (problems.length > 0) {
    throw new ConfigurationErrors(dotenvFault === undefined ? problems : [...problems, dotenvFault]);
  }
  warnings.push(...exposedFiles(found, values, sources.fileFacts));
  const tables = layers.flatMap((layer) => layer.tables ?? []);
  const config = toConfig(values, {
    stateDirectory: directory ?? "",
    env: sources.env,
    passwordFile,
    tables,
  });
  return { config, warnings: [...warnings, ...findWarnings(values)], file };
}

/**
 * Warnings of files that hold a secret and that every user of the machine may read. PG_SSL_KEY's is an error.
 */
function exposedFiles(
  found: ReadonlyMap<VariableName, Found>,
  { KAFKA_SSL_KEY }: Values,
  fileFacts: ConfigSources["fileFacts"],
): readonly string[] {
  const key = KAFKA_SSL_KEY === undefined
    ? []
    : exposure("KAFKA_SSL_KEY", KAFKA_SSL_KEY, fileFacts(KAFKA_SSL_KEY));
  const named = [...found].flatMap(([name, given]) =>
    !isSecret(name) || given === undefined || given === "unusable" || given.file === undefined
      ? []
      : exposure(`${name}_FILE`, given.file, fileFacts(given.file))
  );
  return [...named, ...key];
}

/** A variable's text with where it came from, or "unusable" where that is reported already. */
type Found = (Given & { readonly file?: string }) | "unusable" | undefined;

/** What parsing needs to know beyond the text. */
interface Surroundings {
  readonly home: string | undefined;
  /** Set names that are not ours. */
  readonly otherNames: ReadonlySet<string>;
}

/** The first layer that knows the variable decides. */
function find(
  name: VariableName,
  layers: readonly Layer[],
  readTextFile: ConfigSources["readTextFile"],
  problems: ConfigurationProblem[],
): Found {
  for (const { given } of layers) {
    const value = given.get(name);
    const file = given.get(`${name}_FILE`);
    if (value !== undefined && file !== undefined) {
      problems.push({
        setting: value.setting,
        problem: `${name}_FILE is set too`,
        fix: "leave one of the two out",
      });
      return "unusable";
    }
    if (value !== undefined) return value;
    if (file !== undefined) return readValueFile(name, file, readTextFile, problems);
  }
  return undefined;
}

function readValueFile(
  name: VariableName,
  { text: path, setting }: Given,
  readTextFile: ConfigSources["readTextFile"],
  problems: ConfigurationProblem[],
): Found {
  // A password that was given where its file should be named is not repeated in a message.
  const shown = isSecret(name) && !/^\.{0,2}\//.test(path) ? "the file" : path;
  const text = readOrReport(path, readTextFile, setting, shown, problems);
  if (text === undefined) return "unusable";
  const value = trimFinalNewline(text);
  if (value !== "") return { text: isSecret(name) ? value : value.trim(), setting, file: path };
  problems.push({ setting, problem: `${shown} is empty`, fix: `write the value of ${name} to it` });
  return "unusable";
}

function parseAll(
  found: ReadonlyMap<VariableName, Found>,
  around: Surroundings,
  problems: ConfigurationProblem[],
): { readonly values: Values; readonly wrong: ReadonlySet<VariableName> } {
  const values: Partial<Record<VariableName, unknown>> = {};
  const wrong = new Set<VariableName>();
  for (const name of VARIABLE_NAMES) {
    const given = found.get(name);
    const problem = given === "unusable"
      ? "reported"
      : parseOne(name, given, around, (value) => values[name] = value);
    if (problem === undefined) continue;
    wrong.add(name);
    if (problem !== "reported") problems.push(problem);
  }
  // Each value was made by the parser of its own entry in the table, and `Values` is derived from the table;
  // those in `wrong` are missing, and nobody looks at them.
  return { values: values as Values, wrong };
}

function parseOne(
  name: VariableName,
  given: Exclude<Found, "unusable">,
  { home, otherNames }: Surroundings,
  accept: (value: unknown) => void,
): ConfigurationProblem | undefined {
  const variable: Variable<unknown> = VARIABLES[name];
  const { presence, syntax } = variable;
  if (given === undefined && presence.kind === "optional") return undefined;
  if (given === undefined && presence.kind === "required") {
    return presence.unless === undefined ? missing(name, variable, otherNames) : undefined;
  }

  const text = given?.text ?? defaultText(variable) ?? "";
  const context: ParseContext = {
    ...(given?.file === undefined ? {} : { file: given.file }),
    ...(home === undefined ? {} : { home }),
  };
  const parsed = syntax.parse(text, context);
  const setting = given?.setting ?? name;
  if (parsed.kind === "invalid") return { setting, problem: parsed.problem, fix: parsed.fix };
  if (
    given !== undefined && variable.onlyNow !== undefined && !variable.onlyNow.includes(String(parsed.value))
  ) {
    return notYet(name, setting, parsed.value, variable.onlyNow);
  }
  accept(parsed.value);
  return undefined;
}

function missing(
  name: VariableName,
  { alsoKnownAs }: Variable<unknown>,
  otherNames: ReadonlySet<string>,
): ConfigurationProblem {
  const { section, key } = tomlPlace(name);
  const other = alsoKnownAs?.find((alias) => otherNames.has(alias));
  const problem = other === undefined ? "not set" : `not set (${other} is, but pg-capture does not read it)`;
  return {
    setting: name,
    problem,
    fix: `set it in the environment, or ${key} under [${section}] of the TOML file`,
  };
}

function notYet(
  name: VariableName,
  setting: string,
  value: unknown,
  onlyNow: readonly string[],
): ConfigurationProblem {
  const what = onlyNow.length === 0 ? "it" : JSON.stringify(String(value));
  return {
    setting,
    problem: `${what} is not available in this version yet`,
    fix: onlyNow.length === 0 ? `leave ${name} out` : `use ${alternatives(onlyNow)}`,
  };
}

function settingOf(name: VariableName, found: ReadonlyMap<VariableName, Found>): string {
  const given = found.get(name);
  return given === undefined || given === "unusable" ? name : given.setting;
}
