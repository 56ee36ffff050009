// The bill of materials: every package that the program imports is in it, with the lock file's checksum, and
// none more.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { billOfMaterials } from "../../../../dev/release/sbom.ts";
import { spdxDocument } from "../../../../dev/release/spdx.ts";

const EXECUTABLE = { name: "pg-capture-linux-x64", sha256: "ab".repeat(32) };
const document = spdxDocument(await billOfMaterials([EXECUTABLE]));

Deno.test("it names the program, Deno's runtime, each package that is bundled, and none of the tests", async () => {
  const names = document.packages.map(({ name }) => name);
  for (
    const name of [
      "pg-capture",
      "deno",
      "pg",
      "pg-protocol",
      "smol-toml",
      "dotenv",
      "@platformatic/wasm-utils",
    ]
  ) {
    ok(names.includes(name), name);
  }
  for (const name of ["kafkajs", "fast-check", "@types/pg"]) ok(!names.includes(name), name);
  strictEqual(new Set(names).size, names.length);
  const bundled = await bundledPackages();
  ok(bundled.size > 5);
  for (const name of bundled) ok(names.includes(name), `${name} is bundled`);
});

Deno.test("each package has its version, license, source and the lock file's checksum", async () => {
  const lock = JSON.parse(await Deno.readTextFile(new URL("../../../../deno.lock", import.meta.url)));
  for (const each of document.packages.slice(2)) {
    ok("checksums" in each && "externalRefs" in each);
    const [key] = Object.keys(lock.npm).filter((id) => id.startsWith(`${each.name}@${each.versionInfo}`));
    const { checksumValue } = each.checksums[0]!;
    strictEqual(`sha512-${Uint8Array.fromHex(checksumValue).toBase64()}`, lock.npm[key!].integrity);
    match(each.downloadLocation, /^https:\/\/registry\.npmjs\.org\/.+\.tgz$/);
    match(each.licenseDeclared, /^[A-Za-z0-9.-]+( OR [A-Za-z0-9.-]+)*$/);
  }
});

Deno.test("every relationship leads from something to something that is there", () => {
  const ids = new Set([
    document.SPDXID,
    ...document.packages.map(({ SPDXID }) => SPDXID),
    ...document.files.map(({ SPDXID }) => SPDXID),
  ]);
  strictEqual(ids.size, 1 + document.packages.length + document.files.length);
  for (const id of ids) match(id, /^SPDXRef-[A-Za-z0-9.-]+$/);
  for (const { spdxElementId, relatedSpdxElement } of document.relationships) {
    ok(ids.has(spdxElementId) && ids.has(relatedSpdxElement), `${spdxElementId} ${relatedSpdxElement}`);
  }
  const related = new Set(document.relationships.map(({ relatedSpdxElement }) => relatedSpdxElement));
  for (const { SPDXID } of document.packages) ok(related.has(SPDXID), `nothing leads to ${SPDXID}`);
});

Deno.test("the same commit gives the same document", async () => {
  deepStrictEqual(spdxDocument(await billOfMaterials([EXECUTABLE])), document);
});

/** Those whose files the bundler took, by the comments that it leaves. */
async function bundledPackages(): Promise<ReadonlySet<string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "deno", "src/main.ts"],
    cwd: new URL("../../../..", import.meta.url),
  }).output();
  const names = new Set<string>();
  for (
    const [, name] of new TextDecoder().decode(stdout).matchAll(
      /^\s*\/\/ node_modules\/\.deno\/[^/]+\/node_modules\/((?:@[^/]+\/)?[^/]+)\//gm,
    )
  ) {
    names.add(name!);
  }
  return names;
}
