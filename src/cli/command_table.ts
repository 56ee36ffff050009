// The table of all commands and options. Parser, help and completion derive from it.

/** An option of the command line. */
interface OptionEntry {
  readonly type: "boolean" | "string";
  readonly short?: string;
  /** The name of the value in help. */
  readonly value?: "FILE" | "SQL";
  readonly help: string;
}

export const OPTIONS = {
  config: {
    type: "string",
    short: "c",
    value: "FILE",
    help: "TOML file with settings; environment variables override it",
  },
  "json-logs": { type: "boolean", short: "j", help: "write logs as JSON lines" },
  verbose: { type: "boolean", short: "v", help: "log at level debug" },
  help: { type: "boolean", short: "h", help: "show help, for the command if one is given" },
  version: { type: "boolean", short: "V", help: "show the version" },
  json: { type: "boolean", help: "print JSON" },
  health: { type: "boolean", help: "only tell whether the instance on METRICS_PORT is alive" },
  yes: { type: "boolean", help: "do it; without this option, only print what would be done" },
  publication: { type: "boolean", help: "drop the publication too" },
  progress: { type: "boolean", help: "remove progress, states of snapshots and checkpoint too" },
  where: { type: "string", value: "SQL", help: "send only rows that meet this condition" },
  wait: { type: "boolean", help: "wait until all rows are in Kafka, and show progress" },
  list: { type: "boolean", help: "show the last snapshot of each table" },
  pause: { type: "boolean", help: "let snapshots wait: of these tables, or all" },
  resume: { type: "boolean", help: "go on with paused snapshots: of these tables, or all" },
  stop: { type: "boolean", help: "end snapshots before their last row: of these tables, or all" },
} as const satisfies Readonly<Record<string, OptionEntry>>;

export type OptionName = keyof typeof OPTIONS;

/** The options that every command takes. */
export const COMMON_OPTIONS = ["config", "json-logs", "verbose", "help", "version"] as const;

/** A command, as help shows it. */
interface CommandEntry {
  /** One line for the list of commands. */
  readonly summary: string;
  /** Lines of at most 80 characters. */
  readonly description: string;
  /** In addition to the common options. */
  readonly options: readonly OptionName[];
  readonly argument?: string;
  /** The values of the argument, if they are known. */
  readonly choices?: readonly string[];
  readonly examples: readonly string[];
  /** Where to read more, below the repository's root. */
  readonly more: string;
}

export const SHELLS = ["bash", "zsh", "fish"] as const;

const COMMANDS = {
  run: {
    summary: "capture until stopped (the default)",
    description: `Streams committed changes from PostgreSQL to Kafka until SIGTERM or SIGINT. It
then delivers what it has read and exits with 0. A second signal stops it at
once.`,
    options: [],
    examples: ["pg-capture run", "pg-capture -c pg-capture.toml"],
    more: "docs/OPERATIONS.md",
  },
  check: {
    summary: "test everything that run needs, change nothing",
    description: `Tests everything that run needs and prints each problem with the command that
fixes it. It changes nothing. The exit code is the one that run would end with.`,
    options: ["json"],
    examples: ["pg-capture check", "pg-capture check --json | jq .ok"],
    more: "docs/OPERATIONS.md",
  },
  status: {
    summary: "show slot, lag, checkpoint, Kafka progress and snapshots",
    description: `Shows slot, lag, checkpoint, Kafka's progress record and the snapshots side by
side. With --health it exits with 0 if the instance is alive, and with 1 if it
is not.`,
    options: ["json", "health"],
    examples: ["pg-capture status", "pg-capture status --health"],
    more: "docs/OPERATIONS.md",
  },
  snapshot: {
    summary: "send the rows that tables already hold; list, pause, stop it",
    description: `Asks pg-capture, which runs elsewhere, to send the rows that tables already
hold. The request goes through Kafka; if pg-capture is not running, it is taken
when it starts, within 24 hours. A table whose snapshot is not finished is not
begun again: its snapshot goes on.

TABLE is schema.table or a pattern as in PG_TABLES, in quotes for the shell:
'sales.*'. With --wait the exit code is 0 if all rows were sent, and 3 if not.
Ctrl-C ends the wait, not the snapshot.`,
    options: ["where", "wait", "list", "json", "pause", "resume", "stop"],
    argument: "[TABLE...]",
    examples: [
      "pg-capture snapshot public.users 'sales.*' --wait",
      `pg-capture snapshot public.users --where "created_at >= '2026-01-01'"`,
      "pg-capture snapshot --list",
      "pg-capture snapshot --pause",
    ],
    more: "docs/SNAPSHOTS.md",
  },
  tail: {
    summary: "print changes to standard output, without Kafka",
    description: `Prints each change as a line of JSON until it is stopped. It reads from a
temporary slot and needs no Kafka.`,
    options: [],
    examples: ["pg-capture tail | jq .after"],
    more: "README.md",
  },
  teardown: {
    summary: "drop the slot and, on request, publication and progress",
    description: `Prints what it would drop: the slot and, on request, the publication and the
progress, with the states of snapshots. With --yes it drops them; changes that
are not delivered are lost.`,
    options: ["yes", "publication", "progress"],
    examples: ["pg-capture teardown", "pg-capture teardown --publication --progress --yes"],
    more: "docs/OPERATIONS.md",
  },
  help: {
    summary: "show help for a command",
    description: "Shows the usage, the options and an example of a command.",
    options: [],
    argument: "[COMMAND]",
    examples: ["pg-capture help check"],
    more: "README.md",
  },
  completion: {
    summary: "print a completion script for bash, zsh or fish",
    description: "Prints a script that lets the shell complete commands and options.",
    options: [],
    argument: "SHELL",
    choices: SHELLS,
    examples: ["source <(pg-capture completion bash)", "pg-capture completion fish | source"],
    more: "README.md",
  },
} as const satisfies Readonly<Record<string, CommandEntry>>;

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[];

/** The command's own options, then the common ones. */
export function optionsOf(command: CommandName): readonly OptionName[] {
  return [...COMMANDS[command].options, ...COMMON_OPTIONS];
}

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

export function isOption(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

/** The commands' values as entries of the table. */
export function commandEntry(command: CommandName): CommandEntry {
  return COMMANDS[command];
}

export function optionEntry(option: OptionName): OptionEntry {
  return OPTIONS[option];
}
