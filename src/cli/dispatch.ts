// Maps the command line to a command, and the command's outcome to an exit code.

import type { Config } from "../config/config.ts";
import { ConfigurationErrors } from "../config/configuration_errors.ts";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import type { ConfigSources } from "../config/sources.ts";
import { unreachable } from "../core/errors.ts";
import { escapeControls } from "../observability/escape.ts";
import { formatLogLine } from "../observability/log_line.ts";
import { describeVersion } from "../version.ts";
import { type CommonOptions, type Invocation, parseArguments } from "./args.ts";
import { completionScript } from "./completion.ts";
import { EXIT_CONFIGURATION, EXIT_OK } from "./exit_code.ts";
import type { FailureReport } from "./failure_report.ts";
import { commandHelp, USAGE } from "./usage.ts";

/** The parts of the process's environment that commands use. */
export interface World {
  readonly env: () => ConfigSources["env"];
  readonly readTextFile: ConfigSources["readTextFile"];
  readonly fileFacts: ConfigSources["fileFacts"];
  readonly ownUid: ConfigSources["ownUid"];
  readonly standardOutput: (text: string) => void;
  readonly standardError: (text: string) => void;
  readonly failure: Pick<FailureReport, "configure" | "report">;
  /** Captures until stopped. @returns the exit code */
  readonly run: (loaded: LoadedConfig) => Promise<number>;
  /** Runs any other command. @returns the exit code */
  readonly execute: (invocation: OtherInvocation, config: Config) => Promise<number>;
}

/** A command that ends by itself. */
export type OtherInvocation = Exclude<ConfiguredInvocation, { readonly kind: "run" }>;

/** Runs the command that the arguments name. @returns the exit code; never throws */
export async function dispatch(argv: readonly string[], world: World): Promise<number> {
  const invocation = parseArguments(argv);
  switch (invocation.kind) {
    case "help":
      return print(invocation.command === undefined ? USAGE : commandHelp(invocation.command), world);
    case "completion":
      return print(completionScript(invocation.shell), world);
    case "version":
      return print(`${describeVersion()}\n`, world);
    case "wrong":
      world.standardError(`${escapeControls(invocation.message)}\n\n${USAGE}`);
      return EXIT_CONFIGURATION;
    case "run":
    case "check":
    case "status":
    case "health":
    case "tail":
    case "teardown":
    case "snapshot":
      return await runCommand(invocation, world);
    default:
      return unreachable(invocation);
  }
}

/** Prints the text. The reader of the output may end first: `pg-capture help | head -1`. */
function print(text: string, { standardOutput }: World): number {
  try {
    standardOutput(text);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  return EXIT_OK;
}

type ConfiguredInvocation = Extract<Invocation, CommonOptions>;

async function runCommand(invocation: ConfiguredInvocation, world: World): Promise<number> {
  try {
    const loaded = load(invocation, world);
    world.failure.configure(loaded.config);
    if (invocation.kind === "run") return await world.run(loaded);
    return await world.execute(invocation, loaded.config);
  } catch (error) {
    if (!(error instanceof ConfigurationErrors)) return world.failure.report(error);
    for (const line of error.lines) world.standardError(problemLine(line, invocation, world));
    return EXIT_CONFIGURATION;
  }
}

function load(
  { kind, configFile, jsonLogs, verbose }: ConfiguredInvocation,
  { env, readTextFile, fileFacts, ownUid }: World,
): LoadedConfig {
  return loadConfig({
    env: env(),
    readTextFile,
    fileFacts,
    ownUid,
    ...(configFile === undefined ? {} : { configFile }),
    overrides: {
      ...(jsonLogs ? { LOG_FORMAT: "json" } : {}),
      ...(verbose ? { LOG_LEVEL: "debug" } : {}),
      // Settings that the command doesn't use need not be set.
      ...(kind === "tail" ? { KAFKA_BROKERS: "localhost" } : {}),
      ...(kind === "health" ? NOTHING_REQUIRED : {}),
    },
  });
}

const NOTHING_REQUIRED = {
  PG_DATABASE: "-",
  PG_USERNAME: "-",
  PG_PASSWORD: "-",
  KAFKA_BROKERS: "localhost",
  REPLICATION_CHECKPOINT_FILE: "-",
};

/** A plain line, or a JSON log line if logs are JSON. */
function problemLine(line: string, { jsonLogs }: CommonOptions, { env }: World): string {
  if (!jsonLogs && env().LOG_FORMAT !== "json") return `${escapeControls(line)}\n`;
  return formatLogLine("json", { timeMs: Date.now(), level: "error", message: line, fields: {} }, []);
}
