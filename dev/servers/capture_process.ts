// Runs pg-capture as a real process, and does to it what happens to processes.

import { captureCommand } from "./capture_command.ts";
import { guard, release, tempFolder } from "./janitor.ts";
import { delay } from "./server_process.ts";

/** How to run it. */
export interface CaptureOptions {
  /** Its whole environment, but for what any program has (PATH, HOME) and Deno needs. */
  readonly env: Readonly<Record<string, string>>;
  /** Command and options; `run` when not given. */
  readonly args?: readonly string[];
  /** This script in place of src/main.ts. */
  readonly script?: string;
  /** This program instead of the one from source: `dist/pg-capture`. */
  readonly executable?: string;
  /** A command in front of it, that becomes it: `["nice", "-n", "5"]`. */
  readonly wrapper?: readonly string[];
  /** Working directory; a new empty folder when not given, so that no `.env` is found. */
  readonly cwd?: string;
  /** Called with each line that it logs. */
  readonly onLine?: (line: string) => void;
}

/** How it ended. */
export interface CaptureExit {
  /** The exit code; 128 + n after signal n. */
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

/** Starts it; does not wait for anything. */
export async function startCapture(options: CaptureOptions): Promise<CaptureProcess> {
  const { command, args } = options.executable === undefined
    ? await captureCommand(options.script)
    : { command: options.executable, args: [] };
  const [program = command, ...programArgs] = [
    ...options.wrapper ?? [],
    command,
    ...args,
    ...options.args ?? ["run"],
  ];
  const child = new Deno.Command(program, {
    args: programArgs,
    cwd: options.cwd ?? await tempFolder("capture"),
    clearEnv: true,
    env: { ...inherited(), ...options.env },
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const capture = new CaptureProcess(child, options.onLine ?? (() => {}));
  await guard(child.pid, "KILL");
  return capture;
}

/** A pg-capture that `startCapture` started. Disposing of it kills it. */
export class CaptureProcess implements AsyncDisposable {
  readonly pid: number;
  /** Resolves when it has ended and all it printed is read. */
  readonly exit: Promise<CaptureExit>;
  readonly #child: Deno.ChildProcess;
  readonly #onLine: (line: string) => void;
  readonly #lines: string[] = [];
  #stdout = "";
  #ended = false;

  constructor(child: Deno.ChildProcess, onLine: (line: string) => void) {
    this.pid = child.pid;
    this.#child = child;
    this.#onLine = onLine;
    this.exit = this.#watch();
  }

  /** What it logged so far: the lines of its standard error. */
  get log(): readonly string[] {
    return this.#lines;
  }

  /** What it printed on standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  get running(): boolean {
    return !this.#ended;
  }

  /**
   * Waits for a line of the log, one that is there already included, and returns it.
   * @param from number of the first line to look at
   * @throws Error with the end of the log when it does not come in time, or pg-capture ended without it
   */
  async waitForLog(pattern: string | RegExp, { timeoutMs = 30_000, from = 0 } = {}): Promise<string> {
    const matches = (line: string) =>
      typeof pattern === "string" ? line.includes(pattern) : pattern.test(line);
    const deadline = Date.now() + timeoutMs;
    for (let next = from;;) {
      const ended = this.#ended;
      for (; next < this.#lines.length; next++) {
        const line = this.#lines[next] ?? "";
        if (matches(line)) return line;
      }
      if (ended || Date.now() > deadline) {
        const why = ended ? "pg-capture ended" : `${timeoutMs} ms are over`;
        throw new Error(
          `No line of the log matches ${pattern}: ${why}\n${this.#lines.slice(-15).join("\n")}`,
        );
      }
      await delay(POLL_MS);
    }
  }

  /** SIGTERM; how it ended. */
  async terminate(timeoutMs = 20_000): Promise<CaptureExit> {
    this.signal("SIGTERM");
    return await this.waitForExit(timeoutMs);
  }

  /** SIGKILL; how it ended. */
  async kill(): Promise<CaptureExit> {
    this.signal("SIGKILL");
    return await this.waitForExit(20_000);
  }

  /** @throws Error with the end of the log when it is still running after `timeoutMs`; then it is killed */
  async waitForExit(timeoutMs = 30_000): Promise<CaptureExit> {
    const timer = new AbortController();
    const late = delay(timeoutMs, timer.signal).then(() => undefined);
    const exit = await Promise.race([this.exit, late]);
    timer.abort();
    if (exit !== undefined) return exit;
    this.signal("SIGKILL");
    throw new Error(
      `pg-capture is still running after ${timeoutMs} ms\n${this.#lines.slice(-15).join("\n")}`,
    );
  }

  /** SIGSTOP: its connections stay open, nothing is read or answered. */
  freeze(): void {
    this.signal("SIGSTOP");
  }

  thaw(): void {
    this.signal("SIGCONT");
  }

  /** Does nothing when it has ended. */
  signal(signal: Deno.Signal): void {
    if (!this.#ended) this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #watch(): Promise<CaptureExit> {
    const [status] = await Promise.all([this.#watchEnd(), this.#readLines(), this.#readStdout()]);
    return { code: status.code, signal: status.signal };
  }

  async #watchEnd(): Promise<Deno.CommandStatus> {
    const status = await this.#child.status;
    this.#ended = true;
    await release(this.pid);
    return status;
  }

  async #readLines(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
    if (rest !== "") this.#take(rest);
  }

  #take(line: string): void {
    this.#lines.push(line);
    this.#onLine(line);
  }

  async #readStdout(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) this.#stdout += text;
  }
}

const POLL_MS = 10;

function inherited(): Record<string, string> {
  const env: Record<string, string> = { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
  for (const name of ["PATH", "HOME", "DENO_DIR"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return env;
}
