// Parses a .env file into a layer.

import { parse } from "dotenv";
import type { ConfigurationProblem } from "./configuration_errors.ts";
import { environmentLayer, isKnownName, type Layer } from "./layer.ts";

/**
 * The settings of a `.env` file.
 * @param file the file's name, for messages
 */
export function readDotenv(text: string, file: string): Layer {
  const source = text.replace(/^\uFEFF/, "");
  const layer = environmentLayer(parse(source), (name) => {
    const line = lineOf(source, name);
    return line === undefined ? file : `${file} line ${line}`;
  });
  return { ...layer, problems: findAmbiguousHashes(source, file) };
}

/**
 * Parsers of `.env` files disagree whether an unquoted `a#b` means `a` or `a#b`. A password may contain `#`, so the
 * value must be unambiguous.
 */
function findAmbiguousHashes(source: string, file: string): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  source.split("\n").forEach((line, index) => {
    const [, name, value] = /^\s*(?:export\s+)?(\w+)\s*=\s*([^"'`\s#]\S*)/.exec(line) ?? [];
    if (name === undefined || value === undefined || !isKnownName(name) || !value.includes("#")) return;
    problems.push({
      setting: `${name} (${file} line ${index + 1})`,
      problem: `unclear whether the "#" belongs to the value or begins a comment`,
      fix: `put the value in quotes, or put a space before the "#"`,
    });
  });
  return problems;
}

/** The last line that sets the name; earlier ones have no effect. */
function lineOf(source: string, name: string): number | undefined {
  const pattern = new RegExp(`^\\s*(?:export\\s+)?${name}\\s*[=:]`);
  const index = source.split("\n").findLastIndex((line) => pattern.test(line));
  return index === -1 ? undefined : index + 1;
}
