// Reads the command line.

import { parseArgs } from "node:util";
import { closest } from "../config/suggestion.ts";
import { unreachable } from "../core/errors.ts";

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "wrong"; readonly message: string }
  | { readonly kind: "unavailable"; readonly command: string }
  | ({ readonly kind: "run" } & CommonOptions)
  | ({ readonly kind: "tail" | "health" } & CommonOptions)
  | ({ readonly kind: "check" | "status"; readonly json: boolean } & CommonOptions)
  | (
    & {
      readonly kind: "teardown";
      readonly yes: boolean;
      readonly publication: boolean;
      readonly progress: boolean;
    }
    & CommonOptions
  );

/** The options that every command takes. */
export interface CommonOptions {
  readonly configFile: string | undefined;
  readonly jsonLogs: boolean;
  readonly verbose: boolean;
}

/** What the arguments (without the program's name) ask for. Help and version take precedence. */
export function parseArguments(argv: readonly string[]): Invocation {
  // Strict parsing stops at the first mistake, with node's own message. The tokens hold everything needed here.
  const { tokens } = parseArgs({
    args: [...argv],
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options = tokens.filter((token) => token.kind === "option");
  const words = tokens.filter((token) => token.kind === "positional").map((token) => token.value);
  if (options.some((option) => option.name === "help")) return { kind: "help" };
  if (options.some((option) => option.name === "version")) return { kind: "version" };

  const wrong = options.map(findMistake).find((message) => message !== undefined);
  if (wrong !== undefined) return { kind: "wrong", message: wrong };

  const [command = "run", ...rest] = words;
  if (!isCommand(command)) {
    return { kind: "wrong", message: unknown("command", command, closest(command, COMMANDS)) };
  }
  if (command === "snapshot") return { kind: "unavailable", command };
  if (rest[0] !== undefined) return { kind: "wrong", message: `Unexpected argument "${rest[0]}"` };
  const own = OWN_OPTIONS[command];
  const foreign = options.find(({ name }) => !COMMON_OPTIONS.includes(name) && !own.includes(name));
  if (foreign !== undefined) {
    return { kind: "wrong", message: `${foreign.rawName} is not an option of ${command}` };
  }
  const isGiven = (name: string) => options.some((option) => option.name === name);
  const common: CommonOptions = {
    configFile: options.findLast((option) => option.name === "config")?.value,
    jsonLogs: isGiven("json-logs"),
    verbose: isGiven("verbose"),
  };
  switch (command) {
    case "run":
    case "tail":
      return { kind: command, ...common };
    case "check":
      return { kind: command, json: isGiven("json"), ...common };
    case "status":
      if (!isGiven("health")) return { kind: command, json: isGiven("json"), ...common };
      if (isGiven("json")) return { kind: "wrong", message: "--health and --json can't be used together" };
      return { kind: "health", ...common };
    case "teardown": {
      const [yes, publication, progress] = [isGiven("yes"), isGiven("publication"), isGiven("progress")];
      return { kind: command, yes, publication, progress, ...common };
    }
    default:
      return unreachable(command);
  }
}

const OPTIONS = {
  config: { type: "string", short: "c" },
  "json-logs": { type: "boolean", short: "j" },
  verbose: { type: "boolean", short: "v" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
  json: { type: "boolean" },
  health: { type: "boolean" },
  yes: { type: "boolean" },
  publication: { type: "boolean" },
  progress: { type: "boolean" },
} as const;

const COMMANDS = ["run", "check", "status", "snapshot", "tail", "teardown"] as const;

const COMMON_OPTIONS: readonly string[] = ["config", "json-logs", "verbose"];
/** The options that only one command takes. */
const OWN_OPTIONS: Readonly<Record<Exclude<(typeof COMMANDS)[number], "snapshot">, readonly string[]>> = {
  run: [],
  check: ["json"],
  status: ["json", "health"],
  tail: [],
  teardown: ["yes", "publication", "progress"],
};

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function findMistake({ name, rawName, value, inlineValue }: OptionToken): string | undefined {
  if (!isOption(name)) {
    const near = rawName.startsWith("--") ? closest(name, Object.keys(OPTIONS)) : undefined;
    return unknown("option", rawName, near === undefined ? undefined : `--${near}`);
  }
  const takesValue = OPTIONS[name].type === "string";
  if (!takesValue) return value === undefined ? undefined : `${rawName} takes no value`;
  const isMissing = value === undefined || value === "" || (inlineValue === false && value.startsWith("-"));
  return isMissing ? `${rawName} needs a FILE` : undefined;
}

function unknown(what: string, name: string, near: string | undefined): string {
  return `Unknown ${what} "${name}"${near === undefined ? "" : `; did you mean ${near}?`}`;
}

function isOption(name: string): name is keyof typeof OPTIONS {
  return Object.hasOwn(OPTIONS, name);
}

function isCommand(name: string): name is (typeof COMMANDS)[number] {
  return COMMANDS.some((command) => command === name);
}
