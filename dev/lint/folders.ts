// A lint plugin that holds the order of the top folders: the program knows nothing of its tools, and neither
// the tools nor the benchmarks know the tests.

import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a folder's files may import besides their own folder. `tests` may import everything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "src/": [],
  "dev/servers/": [],
  "dev/demo/": ["dev/servers/"],
  "dev/release/": ["src/version.ts"],
  "dev/fixtures/": ["src/"],
  "dev/lint/": [],
  "bench/": ["src/", "dev/servers/", "dev/fixtures/"],
};

const plugin: Deno.lint.Plugin = {
  name: "pg-capture-folders",
  rules: {
    order: {
      create(context) {
        const file = relative(ROOT, context.filename).replaceAll("\\", "/");
        const check = (node: Deno.lint.Node, specifier: string | undefined) => {
          const fault = specifier === undefined ? undefined : folderFault(file, specifier);
          if (fault !== undefined) context.report({ node, message: fault });
        };
        return {
          ImportDeclaration: (node) => check(node, node.source.value),
          ExportNamedDeclaration: (node) => check(node, node.source?.value),
          ExportAllDeclaration: (node) => check(node, node.source.value),
          ImportExpression: ({ source }) => {
            if (source.type === "Literal" && typeof source.value === "string") check(source, source.value);
          },
        };
      },
    },
  },
};
// The form that `deno lint` takes a plugin in.
export default plugin;

/**
 * What is wrong with an import, or undefined.
 * @param file below the root, such as `bench/run.ts`
 */
export function folderFault(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const folder = Object.keys(MAY_IMPORT).find((each) => file.startsWith(each));
  if (folder === undefined) return undefined;
  const target = new URL(specifier, `file:///${file}`).pathname.slice(1);
  if ([folder, ...MAY_IMPORT[folder]!].some((each) => target.startsWith(each))) return undefined;
  return `${folder} may not import ${target}: see docs/ARCHITECTURE.md`;
}
