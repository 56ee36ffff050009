// Reads the places that settings come from: command line, environment, and one file.

import type { ConfigurationProblem } from "./configuration_errors.ts";
import { readDotenv } from "./dotenv_file.ts";
import { environmentLayer, type Layer } from "./layer.ts";
import { accessFault, type FileFacts } from "./password_file.ts";
import type { ConfigSources } from "./sources.ts";
import { readToml } from "./toml_file.ts";
import { isSecret, VARIABLE_NAMES } from "./variables.ts";

/** What was read. */
export interface ReadLayers {
  /** The first wins. */
  readonly layers: readonly Layer[];
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly string[];
  /** Why `.env` was left out, although it is there: to be said beside what is missing without it. */
  readonly dotenvFault: ConfigurationProblem | undefined;
  /** The file that was read, if any. */
  readonly file: string | undefined;
}

/**
 * The command line, then the environment, then the file that `-c` names; without `-c`, `.env` in the working
 * directory, if nobody else can have written it.
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

/** A warning where the file holds a secret and every user of the machine may read it. */
export function exposure(setting: string, path: string, facts: FileFacts | undefined): readonly string[] {
  if (facts === undefined || facts.mode === null || (facts.mode & 0o004) === 0) return [];
  return [`${setting}: it holds a secret, and every user of this machine may read it; chmod o-r '${path}'`];
}

/**
 * The text of a file that a setting names; undefined where it can't be read, which is a problem then.
 * @param shown what messages call the file
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
      fix: "write the path of a file that does",
    });
  } catch (error) {
    const reason = messageOf(error).replaceAll(path, shown);
    const isFolder = reason.includes("Is a directory");
    problems.push({
      setting,
      problem: isFolder ? `${shown} is a folder` : `${shown} can't be read: ${reason}`,
      fix: isFolder ? "write the path of a file in it" : fixOf(reason),
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
    return left(`-c names the file with the settings`, `write them to ${configFile}, or leave -c out`);
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
    // It is read because it lies there, not because anybody asked for it.
    warnings.push(`.env can't be read and is left out: ${messageOf(error)}`);
    return undefined;
  }
}

function fixOf(reason: string): string {
  return /regular file|larger than/.test(reason)
    ? "write the path of a regular file of at most 1 MB"
    : "make it readable for this user";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
