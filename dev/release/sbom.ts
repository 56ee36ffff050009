// `deno task sbom`: writes dist/pg-capture.spdx.json, what is in the executables, and its line in
// dist/SHA256SUMS.
//
// The executables hold Deno's runtime and one file, in which all packages are bundled: no scanner finds them
// there.

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../src/version.ts";
import { sourceOfBuild } from "./compile.ts";
import { type BillOfMaterials, type BundledPackage, spdxDocument } from "./spdx.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SUMS = `${ROOT}dist/SHA256SUMS`;
const FILE_NAME = "pg-capture.spdx.json";

if (import.meta.main) {
  const sums = (await Deno.readTextFile(SUMS)).split("\n").filter((line) =>
    line !== "" && !line.endsWith(FILE_NAME)
  );
  const executables = sums.map((line) => ({ name: line.slice(66), sha256: line.slice(0, 64) }));
  const text = `${JSON.stringify(spdxDocument(await billOfMaterials(executables)), null, 2)}\n`;
  await Deno.writeTextFile(`${ROOT}dist/${FILE_NAME}`, text);
  const sum = createHash("sha256").update(text).digest("hex");
  await Deno.writeTextFile(SUMS, [...sums, `${sum}  ${FILE_NAME}`, ""].join("\n"));
}

/** What the program consists of: its imports, followed through the lock file. */
export async function billOfMaterials(
  executables: BillOfMaterials["executables"],
): Promise<BillOfMaterials> {
  const { modules, npmPackages }: ModuleGraph = JSON.parse(
    await moduleGraph(),
  );
  const lock: LockFile = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const imported = modules.flatMap(({ npmPackage }) => npmPackage ?? []);
  const reached = new Set<string>();
  const reach = (id: string): void => {
    if (reached.has(id)) return;
    reached.add(id);
    npmPackages[id]?.dependencies.forEach(reach);
  };
  imported.forEach(reach);
  const packages = await Promise.all(
    [...reached].sort().map(async (id): Promise<BundledPackage> => {
      const { name, version, dependencies, localPath } = npmPackages[id]!;
      const { license }: { readonly license: string } = JSON.parse(
        await Deno.readTextFile(`${localPath}/package.json`),
      );
      return {
        name,
        version,
        license,
        integrity: lock.npm[id]!.integrity,
        dependencies: dependencies.map(plainId),
      };
    }),
  );
  const { commit, date } = await sourceOfBuild();
  return {
    version: VERSION,
    commit: commit.replaceAll(" ", "-"),
    created: `${/^\d/.test(date) ? date : "1970-01-01"}T00:00:00Z`,
    denoVersion: Deno.version.deno,
    packages,
    imported: [...new Set(imported.map(plainId))].sort(),
    executables,
  };
}

/** What `deno info --json` prints, as far as it is used. */
interface ModuleGraph {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
  readonly localPath: string;
}

interface LockFile {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

/** `pg-pool@3.14.0` of `pg-pool@3.14.0_pg@8.23.1`, which names the peers, too. */
function plainId(id: string): string {
  return /^@?[^@]+@[^_]+/.exec(id)?.[0] ?? id;
}

async function moduleGraph(): Promise<string> {
  const args = ["info", "--json", "src/main.ts"];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run deno info: ${new TextDecoder().decode(stderr).trim()}`);
}
