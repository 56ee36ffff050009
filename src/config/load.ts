// Loads the configuration from all sources, in order of precedence, and reports all problems at once.

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

/** A valid configuration, with its warnings. */
export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly string[];
  /** The file that settings were read from: `.env`, or the one named by -c. */
  readonly file: string | undefined;
}

/**
 * Loads the configuration. Precedence: command line, environment, TOML file (or, if none is named, `.env` in the
 * working directory), defaults.
 * @throws ConfigurationErrors with all problems
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
      problem: "not set, and none of STATE_DIRECTORY, XDG_STATE_HOME, HOME and LOCALAPPDATA is set",
      fix: "set it to a path on persistent storage",
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
 * Warnings about files with secrets that every user of the machine can read. For PG_SSL_KEY this is an error.
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

/** A variable's text with its source, or "unusable" if its problem is reported already. */
type Found = (Given & { readonly file?: string }) | "unusable" | undefined;

/** Context for parsing a value. */
interface Surroundings {
  readonly home: string | undefined;
  /** Names that are set but are not variables of pg-capture. */
  readonly otherNames: ReadonlySet<string>;
}

/** The first layer that sets the variable takes precedence. */
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
        problem: `${name}_FILE is also set`,
        fix: "remove one of the two",
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
  // If a password was written where its file should be named, the message must not repeat it.
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
  // Safe: each value comes from the parser of its own table entry, and `Values` is derived from that table. Values
  // of names in `wrong` are missing, but nothing reads them.
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
  const problem = other === undefined
    ? "not set"
    : `not set (${other} is set, but pg-capture does not read it)`;
  return {
    setting: name,
    problem,
    fix: `set it in the environment, or ${key} under [${section}] in the TOML file`,
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
    fix: onlyNow.length === 0 ? `remove ${name}` : `use ${alternatives(onlyNow)}`,
  };
}

function settingOf(name: VariableName, found: ReadonlyMap<VariableName, Found>): string {
  const given = found.get(name);
  return given === undefined || given === "unusable" ? name : given.setting;
}
