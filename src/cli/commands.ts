// Runs the commands that end by themselves: all except `run`.

import { type Config, secretsToMask } from "../config/config.ts";
import { SYSTEM_CLOCK } from "../core/clock.ts";
import { unreachable } from "../core/errors.ts";
import { maskSecrets } from "../observability/mask.ts";
import { writeStandardError } from "../observability/standard_error.ts";
import { check } from "./check.ts";
import { type CommandOutput, commandOutput } from "./command_output.ts";
import type { OtherInvocation } from "./dispatch.ts";
import { EXIT_INTERRUPTED, EXIT_OK } from "./exit_code.ts";
import { writeStandardOutput, writeStandardOutputBytes } from "./standard_output.ts";
import { health } from "./health.ts";
import { snapshot, type SnapshotParts } from "./snapshot.ts";
import { lineDisplay, terminalDisplay } from "./snapshot/display.ts";
import { status } from "./status.ts";
import { onStopSignal } from "./stop_signal.ts";
import { style } from "./style.ts";
import { tail } from "./tail.ts";
import { teardown } from "./teardown.ts";

/** Runs the command. @returns the exit code @throws CaptureError; anything else is a bug */
export async function execute(invocation: OtherInvocation, config: Config): Promise<number> {
  using stop = onStopSignal(() => {});
  const { signal } = stop;
  const output = commandOutput(
    writeStandardOutput,
    () => secretsToMask(config),
    Deno.stderr.isTerminal() ? writeStandardError : undefined,
    // Deno.noColor: NO_COLOR is set.
    style(Deno.stdout.isTerminal() && !Deno.noColor),
  );
  try {
    switch (invocation.kind) {
      case "check":
        return await check(config, { json: invocation.json, nowMs: Date.now() }, output, signal);
      case "status":
        return await status(config, invocation, output, signal);
      case "health":
        return await health(config, output, signal);
      case "snapshot": {
        const parts = snapshotParts(output, () => secretsToMask(config));
        return await snapshot(config, invocation.action, parts, signal);
      }
      case "teardown":
        return await teardown(config, invocation, output, signal);
      case "tail":
        return await tail(config, writeStandardOutputBytes, Date.now, signal);
      default:
        return unreachable(invocation);
    }
  } catch (error) {
    // The reader of the output may end first: `pg-capture tail | head`.
    if (error instanceof Deno.errors.BrokenPipe) return EXIT_OK;
    // If a step of teardown failed by itself, the user needs to see that error.
    const isInterrupted = signal.aborted && (error === signal.reason || invocation.kind !== "teardown");
    if (isInterrupted) return EXIT_INTERRUPTED;
    throw error;
  }
}

function snapshotParts(output: CommandOutput, secrets: () => readonly string[]): SnapshotParts {
  const write = (text: string) => writeStandardError(maskSecrets(text, secrets()));
  return {
    output,
    display: Deno.stderr.isTerminal()
      ? terminalDisplay(write, () => Deno.consoleSize().columns)
      : lineDisplay(write, SYSTEM_CLOCK.now),
    columns: Deno.stdout.isTerminal() ? Deno.consoleSize().columns : undefined,
    clock: SYSTEM_CLOCK,
    random: Math.random,
  };
}
