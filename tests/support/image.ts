// The container image's file system, made by hand from the Dockerfile, and processes that run in it as a container's
// do: as its user, on a read-only root, with nothing else there. Needs root, to mount and to change the root.

import { tempFolder } from "../../dev/servers/janitor.ts";
import { missingProgram, runTool } from "../../dev/servers/tools.ts";

/** What the Dockerfile says of the image's last stage. */
export interface ImageSpec {
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number;
  readonly gid: number;
  readonly volume: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  readonly stopSignal: string;
}

/** @throws Error where an instruction is missing */
export function parseDockerfile(text: string): ImageSpec {
  const lines = text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, " ").split("\n");
  const stage = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
  const find = (instruction: string) => {
    const line = stage.find((each) => each.startsWith(`${instruction} `));
    if (line === undefined) throw new Error(`The Dockerfile has no ${instruction}`);
    return line.slice(instruction.length + 1);
  };
  const words = (instruction: string): readonly string[] => JSON.parse(/\[.*\]/.exec(find(instruction))![0]);
  const [uid, gid] = find("USER").split(":").map(Number);
  return {
    env: Object.fromEntries(find("ENV").split(/\s+/).map((pair) => pair.split("=") as [string, string])),
    uid: uid!,
    gid: gid!,
    volume: find("VOLUME"),
    entrypoint: words("ENTRYPOINT"),
    command: words("CMD"),
    healthcheck: words("HEALTHCHECK"),
    stopSignal: find("STOPSIGNAL"),
  };
}

/** The packages of distroless' cc-debian12 that hold shared libraries: libc6, libgcc-s1, libstdc++6, libgomp1. */
const LIBRARIES_OF_DISTROLESS =
  /^(ld-linux-[\w-]+|lib(c|m|dl|rt|pthread|util|resolv|anl|nss_dns|nss_files|gcc_s|stdc\+\+|gomp))\.so\.\d+$/;

/** An image's folder. */
export class Image {
  readonly spec: ImageSpec;
  readonly root: string;
  readonly state: string;

  private constructor(spec: ImageSpec, root: string, state: string) {
    this.spec = spec;
    this.root = root;
    this.state = state;
  }

  /** @throws Error where the executable needs a library that a distroless image does not have */
  static async build(dockerfile: string, executable: string): Promise<Image> {
    const spec = parseDockerfile(dockerfile);
    const root = await tempFolder("image");
    const state = await tempFolder("image-state");
    for (const folder of ["etc", "proc", "dev", "tmp", "home/nonroot", `.${spec.volume}`]) {
      await Deno.mkdir(`${root}/${folder}`, { recursive: true });
    }
    for (const library of await librariesOf(executable)) {
      const name = library.slice(library.lastIndexOf("/") + 1);
      if (!LIBRARIES_OF_DISTROLESS.test(name)) throw new Error(`The image has no ${name}`);
      await copyTo(library, root);
    }
    await Deno.writeTextFile(
      `${root}/etc/passwd`,
      `nonroot:x:${spec.uid}:${spec.gid}:nonroot:/home/nonroot:/sbin/nologin\n`,
    );
    await Deno.writeTextFile(`${root}/etc/nsswitch.conf`, "hosts: files dns\n");
    await Deno.writeTextFile(`${root}/etc/hosts`, "127.0.0.1 localhost\n");
    const [program] = spec.entrypoint;
    await Deno.mkdir(`${root}${program!.slice(0, program!.lastIndexOf("/"))}`, { recursive: true });
    await Deno.copyFile(executable, `${root}${program}`);
    for (const device of ["null", "urandom"]) await Deno.writeTextFile(`${root}/dev/${device}`, "");
    await Deno.chmod(root, 0o755);
    // Their owner could write there, were the root not read-only.
    for (const folder of [state, `${root}/home/nonroot`]) await Deno.chown(folder, spec.uid, spec.gid);
    return new Image(spec, root, state);
  }

  /**
   * The command that runs `args` in a container: a mount namespace of its own, in which the root is read-only but
   * for the volume. The process's id is the program's, as every step replaces the one before it.
   */
  command(args: readonly string[]): { readonly executable: string; readonly args: readonly string[] } {
    const { uid, gid, volume } = this.spec;
    return {
      executable: "unshare",
      args: [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-euc",
        ENTER,
        "sh",
        this.root,
        this.state,
        volume,
        `${uid}:${gid}`,
        ...args,
      ],
    };
  }

  /** What the process of a container has in its environment by the image itself. */
  get env(): Readonly<Record<string, string>> {
    return {
      ...this.spec.env,
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/home/nonroot",
    };
  }
}

const ENTER = `
root=$1; state=$2; volume=$3; user=$4; shift 4
mount --bind "$root" "$root"
mount --bind "$state" "$root$volume"
mount -t proc proc "$root/proc"
mount --bind /dev/null "$root/dev/null"
mount --bind /dev/urandom "$root/dev/urandom"
mount -o remount,bind,ro "$root"
exec chroot --userspec="$user" --groups= "$root" "$@"
`;

/** Why images can't be imitated here, or undefined where they can. */
export async function imageObstacle(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "the image is for Linux";
  if (Deno.uid() !== 0) return "only root may change the root of a process";
  const missing = missingProgram("unshare");
  if (missing !== undefined) return missing;
  const { success } = await new Deno.Command("unshare", {
    args: ["--mount", "--propagation", "private", "mount", "--bind", "/tmp", "/tmp"],
    stdout: "null",
    stderr: "null",
  }).output();
  return success ? undefined : "this machine allows no mount namespace";
}

async function librariesOf(executable: string): Promise<readonly string[]> {
  const text = await runTool({
    command: "ldd",
    args: [executable],
    purpose: "find the libraries of the executable",
    missingHint: "",
    timeoutMs: 10_000,
  });
  const libraries = [...text.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
  const folder = libraries.find((path) => /\/libc\.so\.6$/.test(path))!.replace(/libc\.so\.6$/, "");
  // glibc opens these two by itself to look up names; the package libc6 has them.
  return [...libraries, `${folder}libnss_files.so.2`, `${folder}libnss_dns.so.2`, `${folder}libresolv.so.2`];
}

async function copyTo(path: string, root: string): Promise<void> {
  await Deno.mkdir(`${root}${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
  await Deno.copyFile(path, `${root}${path}`);
}
