// Runs the programs that fetch and prepare servers, and says in one line what is missing.

import { existsSync } from "node:fs";
import { guard, release } from "./janitor.ts";

/** What keeps a server from being started, for a person to fix: shown without a stack. */
export class DevServerError extends Error {
  override readonly name = "DevServerError";
}

/** A program to run to its end. */
export interface ToolOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Run as this user instead. */
  readonly user?: SystemUser | undefined;
  /** What the program is run for, to go after "Cannot": `fetch the jars of Kafka 4.1.0`. */
  readonly purpose: string;
  /** What a person can do when there is no such program. */
  readonly missingHint: string;
  readonly timeoutMs: number;
}

/** A user that a server may run as. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Runs a program to its end and returns what it printed, on both outputs.
 * @throws DevServerError when it's not there, fails, or takes longer than `timeoutMs`
 */
export async function runTool(options: ToolOptions): Promise<string> {
  const { command, args, cwd, env, user, purpose, missingHint, timeoutMs } = options;
  const commandOptions: Deno.CommandOptions = {
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: { ...env } }),
    ...(user === undefined ? {} : user),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(timeoutMs),
  };
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, commandOptions).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new DevServerError(`Cannot ${purpose}: there is no program "${command}". ${missingHint}`);
  }
  await guard(child.pid, "KILL");
  const output = await child.output();
  await release(child.pid);
  const text = new TextDecoder().decode(output.stdout) + new TextDecoder().decode(output.stderr);
  if (output.success) return text;
  const found = output.signal === null ? `exit code ${output.code}` : `ended by ${output.signal}`;
  throw new DevServerError(`Cannot ${purpose}: ${command}: ${found}\n${lastLines(text, 15)}`);
}

/** That a program isn't on the PATH, in words: `there is no promtool`; undefined where it is. */
export function missingProgram(name: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  return folders.some((folder) => existsSync(`${folder}/${name}`)) ? undefined : `there is no ${name}`;
}

/** The last `count` lines of a text. */
export function lastLines(text: string, count: number): string {
  return text.trim().split("\n").slice(-count).join("\n");
}
