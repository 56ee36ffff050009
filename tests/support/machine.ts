// What a test does to the machine around a process: small disks, little memory, names that move. Linux, as root.

import { missingProgram } from "../../dev/servers/tools.ts";

const ROOT_OBSTACLE = Deno.build.os !== "linux"
  ? "this is not Linux"
  : Deno.uid() !== 0
  ? "this is not root"
  : undefined;

/** Why this program can't mount, or undefined where it can. */
export const MOUNT_OBSTACLE = ROOT_OBSTACLE ?? missingProgram("unshare") ??
  (run("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt").success
    ? undefined
    : "this machine allows no mount");

/** A folder on a disk of its own. */
export interface SmallDisk extends AsyncDisposable {
  /** Takes what room there is. */
  fill(): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
}

/** Puts a disk of so many bytes under the folder, which has to be empty. */
export function mountSmallDisk(folder: string, bytes: number): SmallDisk {
  const { success, stderr } = run("mount", "-t", "tmpfs", "-o", `size=${bytes},mode=755`, "tmpfs", folder);
  if (!success) throw new Error(`cannot mount ${folder}: ${new TextDecoder().decode(stderr)}`);
  const ballast = `${folder}/ballast`;
  return {
    async fill() {
      using file = await Deno.open(ballast, { create: true, append: true });
      const block = new Uint8Array(4096);
      try {
        for (;;) await file.write(block);
      } catch (error) {
        if (!String(error).includes("No space left")) throw error;
      }
    },
    free: () => Deno.remove(ballast),
    [Symbol.asyncDispose]() {
      run("umount", "-l", folder);
      return Promise.resolve();
    },
  };
}

const MEMORY_GROUPS = "/sys/fs/cgroup/memory";

/** Why this program can't bound the memory of another one, or undefined where it can. */
export const MEMORY_OBSTACLE = ROOT_OBSTACLE ??
  (canMakeGroup() ? undefined : "this machine has no memory groups (cgroup v1)");

/** A bound for the memory of a process, its page cache included: the kernel kills it when it needs more. */
export interface MemoryBound extends Disposable {
  /** For `startCapture`. */
  readonly wrapper: readonly string[];
  /** Whether it holds for this process. */
  holds(pid: number): boolean;
}

/** @param bytes that it may use */
export function boundMemory(bytes: number): MemoryBound {
  const group = `${MEMORY_GROUPS}/pg-capture-test-${crypto.randomUUID().slice(0, 8)}`;
  Deno.mkdirSync(group);
  Deno.writeTextFileSync(`${group}/memory.limit_in_bytes`, String(bytes));
  return {
    wrapper: ["sh", "-c", `echo $$ > ${group}/cgroup.procs && exec "$@"`, "sh"],
    holds: (pid) => Deno.readTextFileSync(`${group}/cgroup.procs`).split("\n").includes(String(pid)),
    [Symbol.dispose]() {
      Deno.removeSync(group);
    },
  };
}

/** The wrapper for a program that finds its host names in this file in the place of /etc/hosts. */
export function withHostsFile(path: string): readonly string[] {
  return ["unshare", "-m", "sh", "-c", `mount --bind "${path}" /etc/hosts && exec "$@"`, "sh"];
}

function canMakeGroup(): boolean {
  const group = `${MEMORY_GROUPS}/pg-capture-test`;
  try {
    Deno.mkdirSync(group);
    Deno.statSync(`${group}/memory.limit_in_bytes`);
    Deno.removeSync(group);
    return true;
  } catch {
    return false;
  }
}

function run(command: string, ...args: readonly string[]) {
  try {
    return new Deno.Command(command, { args: [...args] }).outputSync();
  } catch {
    return { success: false, stderr: new Uint8Array() };
  }
}
