// A software bill of materials in the form of SPDX 2.3: https://spdx.github.io/spdx-spec/v2.3/

/** A package of npm that is in the program. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As a lock file has it: `sha512-` and base64. */
  readonly integrity: string;
  /** An SPDX expression, as its package.json has it. */
  readonly license: string;
  /** `name@version` of those that it depends on, as far as they are in the program. */
  readonly dependencies: readonly string[];
}

/** What the document is made from. */
export interface BillOfMaterials {
  readonly version: string;
  readonly commit: string;
  /** ISO 8601, of the commit: the same commit gives the same document. */
  readonly created: string;
  readonly denoVersion: string;
  readonly packages: readonly BundledPackage[];
  /** `name@version` of those that the program itself imports. */
  readonly imported: readonly string[];
  /** Each executable's name and SHA-256, in hexadecimal digits. */
  readonly executables: readonly { readonly name: string; readonly sha256: string }[];
}

/** The document, for JSON.stringify. */
export function spdxDocument(bill: BillOfMaterials) {
  const { version, commit, created, denoVersion, packages, imported, executables } = bill;
  const program = "SPDXRef-pg-capture";
  const runtime = "SPDXRef-deno";
  const related = (from: string, relationshipType: string, to: string) => ({
    spdxElementId: from,
    relationshipType,
    relatedSpdxElement: to,
  });
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: DOCUMENT,
    name: `pg-capture-${version}`,
    documentNamespace: `https://spdx.org/spdxdocs/pg-capture-${version}-${commit}`,
    creationInfo: { created, creators: ["Tool: pg-capture dev/release/sbom.ts"] },
    packages: [
      { ...packageOf(program, "pg-capture", version, "MIT"), primaryPackagePurpose: "APPLICATION" },
      {
        ...packageOf(runtime, "deno", denoVersion, "MIT"),
        externalRefs: [purl(`pkg:github/denoland/deno@v${denoVersion}`)],
      },
      ...packages.map((each) => ({
        ...packageOf(idOf(each), each.name, each.version, each.license),
        downloadLocation: tarball(each),
        checksums: [{ algorithm: "SHA512", checksumValue: sha512(each.integrity) }],
        externalRefs: [purl(`pkg:npm/${each.name.replace("@", "%40")}@${each.version}`)],
      })),
    ],
    files: executables.map(({ name, sha256 }) => ({
      SPDXID: fileId(name),
      fileName: `./${name}`,
      checksums: [{ algorithm: "SHA256", checksumValue: sha256 }],
      licenseConcluded: "NOASSERTION",
      copyrightText: "NOASSERTION",
    })),
    relationships: [
      related(DOCUMENT, "DESCRIBES", program),
      related(program, "CONTAINS", runtime),
      ...imported.map((id) => related(program, "DEPENDS_ON", refOf(id))),
      ...packages.flatMap((each) =>
        each.dependencies.map((id) => related(idOf(each), "DEPENDS_ON", refOf(id)))
      ),
      ...executables.map(({ name }) => related(fileId(name), "GENERATED_FROM", program)),
    ],
  };
}

const DOCUMENT = "SPDXRef-DOCUMENT";

function packageOf(SPDXID: string, name: string, versionInfo: string, license: string) {
  return {
    SPDXID,
    name,
    versionInfo,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseConcluded: "NOASSERTION",
    licenseDeclared: license,
    copyrightText: "NOASSERTION",
  };
}

function purl(referenceLocator: string) {
  return { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator };
}

function tarball({ name, version }: BundledPackage): string {
  return `https://registry.npmjs.org/${name}/-/${name.split("/").at(-1)}-${version}.tgz`;
}

function idOf({ name, version }: BundledPackage): string {
  return refOf(`${name}@${version}`);
}

/** Letters, digits, dots and hyphens are what an identifier may have (section 3.2 of the specification). */
function refOf(nameAndVersion: string): string {
  return `SPDXRef-npm-${nameAndVersion.replace(/^@/, "").replace(/[^A-Za-z0-9.-]/g, "-")}`;
}

function fileId(name: string): string {
  return `SPDXRef-file-${name}`;
}

function sha512(integrity: string): string {
  const [, base64] = /^sha512-([A-Za-z0-9+/=]+)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`Cannot write a checksum: "${integrity}" is not one of SHA-512`);
  return Uint8Array.fromBase64(base64).toHex();
}
