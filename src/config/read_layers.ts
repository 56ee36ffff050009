// Reads the sources of settings: command line, environment, and one file.

import type { ConfigurationProblem } from "./configuration_errors.ts";
import { readDotenv } from "./dotenv_file.ts";
import { environmentLayer, type Layer } from "./layer.ts";
import { accessFault, type FileFacts } from "./password_file.ts";
import type { ConfigSources } from "./sources.ts";
import { readToml } from "./toml_file.ts";
import { isSecret, VARIABLE_NAMES } from "./variables.ts";

/** The result of reading all sources. */
interface ReadLayers {
  /** In order of precedence. */
  readonly layers: readonly Layer[];
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly string[];
  /** Why an existing `.env` was not read. Reported if settings are missing. */
  readonly dotenvFault: ConfigurationProblem | undefined;
  /** The file that was read; undefined if none was. */
  readonly file: string | undefined;
}

/**
 * Reads the command line, the environment, and the file that `-c` names. Without `-c`, reads `.env` in the working
 * directory, unless another user may have written it.
 */
export function readLayers(sources: ConfigSources): ReadLayers {
  const layers = [
    environmentLayer(sources.overrides ?? {}, () => "command line"),
    environmentLayer(sources.env, () => "environment"),
  ];
  const problems: ConfigurationProblem[] = [];
  const warnings: string[] = [];
  const dotenvFault = findDotenvFault(sources);
  if (dotenvFault !== undefined && sources.configFile === undefined) {
    warnings.push(`.env: ${dotenvFault.problem}; ${dotenvFault.fix}`);
  }
  const file = sources.configFile ?? (dotenvFault === undefined ? DOTENV : undefined);
  const layer = file === undefined ? undefined : readFile(file, sources, problems, warnings);
  if (layer !== undefined && file !== undefined) {
    layers.push(layer);
    const holdsSecret = VARIABLE_NAMES.some((name) => isSecret(name) && layer.given.has(name));
    if (holdsSecret) warnings.push(...exposure(file, file, sources.fileFacts(file)));
  }
  return { layers, problems, warnings, dotenvFault, file: layer === undefined ? undefined : file };
}

/** A warning if every user of the machine can read a file that holds a secret. */
export function exposure(setting: string, path: string, facts: FileFacts | undefined): readonly string[] {
  if (facts === undefined || facts.mode === null || (facts.mode & 0o004) === 0) return [];
  return [`${setting}: it holds a secret, and every user of this machine can read it; chmod o-r '${path}'`];
}

/**
 * The text of a file that a setting names; undefined if it can't be read, which adds a problem.
 * @param shown the file's name in messages
 */
export function readOrReport(
  path: string,
  readTextFile: ConfigSources["readTextFile"],
  setting: string,
  shown: string,
  problems: ConfigurationProblem[],
): string | undefined {
  try {
    const text = readTextFile(path);
    if (text !== undefined) return text;
    problems.push({
      setting,
      problem: `${shown} does not exist`,
      fix: "write the path of an existing file",
    });
  } catch (error) {
    const reason = messageOf(error).replaceAll(path, shown);
    const isDirectory = reason.includes("Is a directory");
    problems.push({
      setting,
      problem: isDirectory ? `${shown} is a directory` : `${shown} can't be read: ${reason}`,
      fix: isDirectory ? "write the path of a file in it" : fixOf(reason),
    });
  }
  return undefined;
}

const DOTENV = ".env";

function findDotenvFault({ configFile, fileFacts, ownUid }: ConfigSources): ConfigurationProblem | undefined {
  const facts = fileFacts(DOTENV);
  if (facts === undefined) return undefined;
  const left = (problem: string, fix: string) => ({
    setting: DOTENV,
    problem: `it is not read: ${problem}`,
    fix,
  });
  if (configFile !== undefined) {
    return left(`-c names the settings file`, `move its settings to ${configFile}, or remove -c`);
  }
  const fault = accessFault(facts, ownUid());
  return fault === undefined ? undefined : left(fault.found, fault.fix(DOTENV));
}

function readFile(
  file: string,
  { configFile, readTextFile }: ConfigSources,
  problems: ConfigurationProblem[],
  warnings: string[],
): Layer | undefined {
  if (configFile !== undefined) {
    const text = readOrReport(configFile, readTextFile, "-c, --config", configFile, problems);
    return text === undefined ? undefined : readToml(text, configFile);
  }
  try {
    const text = readTextFile(file);
    return text === undefined ? undefined : readDotenv(text, file);
  } catch (error) {
    // A warning is enough: the user did not name this file.
    warnings.push(`.env can't be read and is skipped: ${messageOf(error)}`);
    return undefined;
  }
}

function fixOf(reason: string): string {
  return /regular file|larger than/.test(reason)
    ? "write the path of a regular file of at most 1 MB"
    : "make it readable by this user";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
