// A server as a child process: started, awaited, stopped, killed, frozen and thawed, by its pid alone.

import { type EndSignal, guard, release } from "./janitor.ts";
import { DevServerError, lastLines, type SystemUser } from "./tools.ts";

const POLL_MS = 15;
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
const EXIT_AFTER_KILL_TIMEOUT_MS = 10_000;

/** How to start a server. */
export interface LaunchOptions {
  /** For messages: `PostgreSQL 17`. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Working directory. */
  readonly folder: string;
  /** Takes both outputs; appended to. */
  readonly logFile: string;
  readonly user: SystemUser | undefined;
  /** What ends it at once but leaves nothing behind, when this program is gone. */
  readonly endSignal: EndSignal;
  /** Whether it takes connections; `log` is what it printed since this start. */
  readonly isReady: (log: string, pid: number) => boolean | Promise<boolean>;
}

/** A running server. */
export class ServerProcess {
  readonly pid: number;
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  #ended = false;
  /** The processes that SIGSTOP was sent to. */
  #frozen: readonly number[] = [];

  private constructor(name: string, child: Deno.ChildProcess) {
    this.pid = child.pid;
    this.#name = name;
    this.#child = child;
    child.unref();
    child.status.then(() => {
      this.#ended = true;
      return release(child.pid);
    }).catch(() => {});
  }

  /**
   * Starts the server and waits until it is ready.
   * @throws DevServerError with the end of its log when it ends or does not get ready
   */
  static async launch(options: LaunchOptions): Promise<ServerProcess> {
    const logStart = (await Deno.stat(options.logFile).catch(() => undefined))?.size ?? 0;
    const server = new ServerProcess(options.name, spawn(options));
    await guard(server.pid, options.endSignal);
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      const log = await readFrom(options.logFile, logStart);
      if (!server.#ended && await options.isReady(log, server.pid)) return server;
      if (server.#ended) {
        throw new DevServerError(`Cannot start ${options.name}: it ended at once\n${lastLines(log, 15)}`);
      }
      if (Date.now() > deadline) {
        await server.kill();
        throw new DevServerError(
          `Cannot start ${options.name}: not ready after ${READY_TIMEOUT_MS / 1000} s\n${lastLines(log, 15)}`,
        );
      }
      await delay(POLL_MS);
    }
  }

  get running(): boolean {
    return !this.#ended;
  }

  /** Asks it to end and waits until it has. Kills it when it does not, and throws. */
  async stop(signal: Deno.Signal): Promise<void> {
    if (this.#ended) return;
    this.#send(this.pid, signal);
    this.thaw();
    if (await this.#endsWithin(STOP_TIMEOUT_MS)) return;
    await this.kill();
    throw new DevServerError(
      `Cannot stop ${this.#name} by ${signal}: still running after ${STOP_TIMEOUT_MS / 1000} s; killed`,
    );
  }

  /** SIGKILL, as a crash would do it. Waits until its children have noticed and ended too; kills frozen ones. */
  async kill(): Promise<void> {
    if (this.#ended) return;
    const children = await childrenOf(this.pid);
    this.#send(this.pid, "SIGKILL");
    for (const pid of this.#frozen) this.#send(pid, "SIGKILL");
    this.#frozen = [];
    if (
      !await this.#endsWithin(EXIT_AFTER_KILL_TIMEOUT_MS) ||
      !await allEnd(children, EXIT_AFTER_KILL_TIMEOUT_MS)
    ) {
      throw new DevServerError(
        `Cannot kill ${this.#name}: process ${this.pid} or a child of it is still there`,
      );
    }
  }

  /** SIGSTOP to the server and its own children: it keeps its connections, and is silent. */
  async freeze(): Promise<void> {
    if (this.#ended) throw new DevServerError(`Cannot freeze ${this.#name}: it is not running`);
    this.#send(this.pid, "SIGSTOP");
    const children = await childrenOf(this.pid);
    for (const pid of children) this.#send(pid, "SIGSTOP");
    this.#frozen = [this.pid, ...children];
  }

  /** Undoes `freeze`. */
  thaw(): void {
    for (const pid of this.#frozen) this.#send(pid, "SIGCONT");
    this.#frozen = [];
  }

  #send(pid: number, signal: Deno.Signal): void {
    try {
      Deno.kill(pid, signal);
    } catch (error) {
      // ESRCH: it has just ended.
      if (!(error instanceof Deno.errors.NotFound) && !this.#ended) throw error;
    }
  }

  async #endsWithin(timeoutMs: number): Promise<boolean> {
    this.#child.ref();
    const timer = new AbortController();
    try {
      return await Promise.race([
        this.#child.status.then(() => true),
        delay(timeoutMs, timer.signal).then(() => false),
      ]);
    } finally {
      timer.abort();
      this.#child.unref();
    }
  }
}

/** Waits; resolves early when `signal` is aborted. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

/** In a session of its own, where the terminal's Ctrl-C does not reach it; the shell gives its pid to the server. */
function spawn({ command, env, folder, logFile, user }: LaunchOptions): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", `log=$1; shift; exec "$@" >>"$log" 2>&1`, "sh", logFile, ...command],
    cwd: folder,
    clearEnv: true,
    env: { ...env },
    ...(user === undefined ? {} : user),
    detached: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

async function readFrom(path: string, start: number): Promise<string> {
  const bytes = await Deno.readFile(path).catch(() => new Uint8Array());
  return new TextDecoder().decode(bytes.subarray(start));
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  return (await processes()).filter(({ parent }) => parent === pid).map(({ pid }) => pid);
}

async function allEnd(pids: readonly number[], timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while ((await processes()).some(({ pid, state }) => pids.includes(pid) && !state.startsWith("Z"))) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** `Z` for a zombie: ended, but nobody has asked for its exit code. */
  readonly state: string;
}

async function processes(): Promise<readonly ProcessInfo[]> {
  if (Deno.build.os === "linux") return await linuxProcesses();
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid=,ppid=,stat="] }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => {
    const [pid, parent, state = ""] = line.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), state };
  });
}

/** From /proc: small systems have no `ps`. */
async function linuxProcesses(): Promise<readonly ProcessInfo[]> {
  const found: ProcessInfo[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    // "PID (NAME) STATE PARENT …", where the name may hold anything.
    const [state = "", parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (text !== "") found.push({ pid: Number(name), parent: Number(parent), state });
  }
  return found;
}
