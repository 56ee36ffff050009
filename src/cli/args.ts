// Reads the command line.

import { parseArgs } from "node:util";
import { closest } from "../config/suggestion.ts";

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "wrong"; readonly message: string }
  | { readonly kind: "unavailable"; readonly command: string }
  | {
    readonly kind: "run";
    readonly configFile: string | undefined;
    readonly jsonLogs: boolean;
    readonly verbose: boolean;
  };

/** What the arguments (without the program's name) ask for. Help and version win over whatever else is there. */
export function parseArguments(argv: readonly string[]): Invocation {
  // Strict parsing stops at the first mistake with a message of its own; the tokens say all that is needed.
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
  if (command !== "run") return { kind: "unavailable", command };
  if (rest[0] !== undefined) return { kind: "wrong", message: `Unexpected argument "${rest[0]}"` };
  const foreign = options.find((option) => COMMAND_OPTIONS.has(option.name));
  if (foreign !== undefined) return { kind: "wrong", message: `${foreign.rawName} is not an option of run` };
  return {
    kind: "run",
    configFile: options.findLast((option) => option.name === "config")?.value,
    jsonLogs: options.some((option) => option.name === "json-logs"),
    verbose: options.some((option) => option.name === "verbose"),
  };
}

const OPTIONS = {
  config: { type: "string", short: "c" },
  "json-logs": { type: "boolean", short: "j" },
  verbose: { type: "boolean", short: "v" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
  json: { type: "boolean" },
  yes: { type: "boolean" },
} as const;

const COMMANDS = ["run", "check", "status", "snapshot", "tail", "teardown"] as const;

/** Options that belong to other commands than `run`. */
const COMMAND_OPTIONS: ReadonlySet<string> = new Set(["json", "yes"]);

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
