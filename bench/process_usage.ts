// What a process has used, from /proc, as the kernel counts it.

import { delay } from "../dev/servers/server_process.ts";

/** Of one process. */
export interface ProcessUsage {
  /** User and system time, in seconds. */
  readonly cpuSeconds: number;
  /** VmHWM in megabytes. */
  readonly peakMb: number;
  /** VmRSS in megabytes. */
  readonly residentMb: number;
}

const CLOCK_TICKS = 100;
const SAMPLE_MS = 50;

/** Undefined when the process has ended. */
export async function usageOf(pid: number): Promise<ProcessUsage | undefined> {
  try {
    const [times, status] = await Promise.all([cpuTimes(pid), Deno.readTextFile(`/proc/${pid}/status`)]);
    const peak = /VmHWM:\s+(\d+)/.exec(status)?.[1];
    const resident = /VmRSS:\s+(\d+)/.exec(status)?.[1];
    if (peak === undefined || resident === undefined) return undefined;
    return { cpuSeconds: times.own, peakMb: Number(peak) / 1024, residentMb: Number(resident) / 1024 };
  } catch {
    return undefined;
  }
}

/** CPU seconds of a process and all its children, those that have ended included. */
export async function familyCpuSeconds(pid: number): Promise<number> {
  let sum = 0;
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const times = await cpuTimes(Number(name)).catch(() => undefined);
    if (Number(name) === pid) sum += times === undefined ? 0 : times.own + times.endedChildren;
    else if (times?.parent === pid) sum += times.own;
  }
  return sum;
}

/** Memory of a process over time. */
export class MemorySampler {
  /** Seconds since the beginning, megabytes resident. */
  readonly samples: [number, number][] = [];
  #usage: ProcessUsage | undefined;
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(pid: number) {
    this.#done = this.#watch(pid);
  }

  /** The last that was seen; undefined when the process ended before. */
  async stop(): Promise<ProcessUsage | undefined> {
    this.#stopped = true;
    await this.#done;
    return this.#usage;
  }

  async #watch(pid: number): Promise<void> {
    const startedAt = performance.now();
    for (;;) {
      const usage = await usageOf(pid);
      if (usage === undefined) return;
      this.#usage = usage;
      this.samples.push([(performance.now() - startedAt) / 1000, usage.residentMb]);
      if (this.#stopped) return;
      await delay(SAMPLE_MS);
    }
  }
}

interface CpuTimes {
  readonly parent: number;
  readonly own: number;
  readonly endedChildren: number;
}

async function cpuTimes(pid: number): Promise<CpuTimes> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // "PID (NAME) STATE PARENT …", where the name may hold anything (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15);
  return {
    parent: fields[1] ?? 0,
    own: (user + system) / CLOCK_TICKS,
    endedChildren: (childrenUser + childrenSystem) / CLOCK_TICKS,
  };
}
