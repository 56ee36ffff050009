// Reads the command line.

import { parseArgs } from "node:util";
import { closest } from "../config/suggestion.ts";
import { alternatives } from "../config/syntax.ts";
import { unreachable } from "../core/errors.ts";
import {
  COMMAND_NAMES,
  type CommandName,
  isCommand,
  isOption,
  optionEntry,
  type OptionName,
  OPTIONS,
  optionsOf,
  SHELLS,
} from "./command_table.ts";
import type { Shell } from "./completion.ts";

/** The parsed command line. */
export type Invocation =
  | { readonly kind: "help"; readonly command?: CommandName }
  | { readonly kind: "completion"; readonly shell: Shell }
  | { readonly kind: "version" }
  | { readonly kind: "wrong"; readonly message: string }
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
  )
  | ({ readonly kind: "snapshot"; readonly action: SnapshotAction } & CommonOptions);

/** The action of `pg-capture snapshot`. Table patterns are not validated yet. */
export type SnapshotAction =
  | {
    readonly kind: "start";
    readonly tables: readonly string[];
    readonly where: string | null;
    readonly wait: boolean;
  }
  | { readonly kind: "pause" | "resume" | "stop"; readonly tables: readonly string[] }
  | { readonly kind: "list"; readonly json: boolean };

/** The options that every command takes. */
export interface CommonOptions {
  readonly configFile: string | undefined;
  readonly jsonLogs: boolean;
  readonly verbose: boolean;
}

/** Parses the arguments (without the program's name). Help and version take precedence. */
export function parseArguments(argv: readonly string[]): Invocation {
  // Strict parsing stops at the first mistake, with node's own message. The tokens hold everything needed
  // here.
  const { tokens } = parseArgs({
    args: [...argv],
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options = tokens.filter((token) => token.kind === "option");
  const words = tokens.filter((token) => token.kind === "positional").map((token) => token.value);
  if (options.some((option) => option.name === "help")) return helpFor(words.find(isCommand));
  if (options.some((option) => option.name === "version")) return { kind: "version" };

  const wrong = options.map(findMistake).find((message) => message !== undefined);
  if (wrong !== undefined) return { kind: "wrong", message: wrong };

  const [command = "run", ...rest] = words;
  if (!isCommand(command)) {
    return { kind: "wrong", message: unknown("command", command, closest(command, COMMAND_NAMES)) };
  }
  const argumentsMax = ARGUMENTS_MAX[command] ?? 0;
  if (rest.length > argumentsMax) {
    return { kind: "wrong", message: `Unexpected argument "${rest[argumentsMax]}"` };
  }
  const known = optionsOf(command);
  const foreign = options.find(({ name }) => !known.some((each) => each === name));
  if (foreign !== undefined) {
    return { kind: "wrong", message: `${foreign.rawName} is not an option of ${command}` };
  }
  const isGiven = (name: OptionName) => options.some((option) => option.name === name);
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
    case "snapshot": {
      const where = options.findLast((option) => option.name === "where")?.value ?? null;
      const action = parseSnapshot(rest, where, isGiven);
      return "message" in action ? action : { kind: command, action, ...common };
    }
    case "help":
      return parseHelp(rest[0]);
    case "completion":
      return parseCompletion(rest[0]);
    default:
      return unreachable(command);
  }
}

const ARGUMENTS_MAX: Partial<Readonly<Record<CommandName, number>>> = {
  help: 1,
  completion: 1,
  snapshot: Infinity,
};

const SNAPSHOT_ACTIONS = ["list", "pause", "resume", "stop"] as const;

function parseSnapshot(
  tables: readonly string[],
  where: string | null,
  isGiven: (name: OptionName) => boolean,
): SnapshotAction | Extract<Invocation, { readonly kind: "wrong" }> {
  const wrong = (message: string) => ({ kind: "wrong", message }) as const;
  const [kind = "start", second] = SNAPSHOT_ACTIONS.filter(isGiven);
  if (second !== undefined) return wrong(`--${kind} and --${second} can't be used together`);
  const foreign = (["where", "wait"] as const).find((name) => kind !== "start" && isGiven(name));
  if (foreign !== undefined) return wrong(`--${foreign} and --${kind} can't be used together`);
  if (kind !== "list" && isGiven("json")) return wrong("--json needs --list");
  if (kind === "list" && tables[0] !== undefined) return wrong(`Unexpected argument "${tables[0]}"`);
  switch (kind) {
    case "list":
      return { kind, json: isGiven("json") };
    case "start":
      if (tables.length > 0) return { kind, tables, where, wait: isGiven("wait") };
      return wrong("snapshot needs a TABLE such as public.users, or --list, --pause, --resume or --stop");
    default:
      return { kind, tables };
  }
}

function helpFor(command: CommandName | undefined): Invocation {
  return command === undefined ? { kind: "help" } : { kind: "help", command };
}

function parseHelp(command: string | undefined): Invocation {
  if (command === undefined || isCommand(command)) return helpFor(command);
  return { kind: "wrong", message: unknown("command", command, closest(command, COMMAND_NAMES)) };
}

function parseCompletion(text: string | undefined): Invocation {
  const shell = SHELLS.find((each) => each === text);
  if (shell !== undefined) return { kind: "completion", shell };
  const found = text === undefined ? "completion needs a shell" : `Unknown shell "${text}"`;
  return { kind: "wrong", message: `${found}: ${alternatives(SHELLS)}` };
}

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
  const { value: needed } = optionEntry(name);
  if (needed === undefined) return value === undefined ? undefined : `${rawName} takes no value`;
  const isMissing = value === undefined || value.trim() === "" ||
    (inlineValue === false && value.startsWith("-"));
  return isMissing ? `${rawName} needs ${needed === "FILE" ? "a FILE" : "an SQL condition"}` : undefined;
}

function unknown(what: string, name: string, near: string | undefined): string {
  return `Unknown ${what} "${name}"${near === undefined ? "" : `; did you mean ${near}?`}`;
}
