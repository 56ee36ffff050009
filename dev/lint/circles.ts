// A lint plugin that refuses import circles between the files of src.

import { readdirSync, readFileSync } from "node:fs";

const SOURCE = new URL("../../src/", import.meta.url);

/** For each file below src, the files that it imports or re-exports from. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

let graph: ImportGraph | undefined;

const plugin: Deno.lint.Plugin = {
  name: "pg-capture-circles",
  rules: {
    none: {
      create(context) {
        const file = /\/src\/(.+)$/.exec(context.filename.replaceAll("\\", "/"))?.[1];
        if (file === undefined) return {};
        graph ??= readGraph(SOURCE);
        const circle = circleThrough(file, graph);
        return {
          Program(node) {
            if (circle === undefined) return;
            context.report({ node, message: `import circle: ${circle.join(" -> ")}` });
          },
        };
      },
    },
  },
};
// The form that `deno lint` takes a plugin in.
export default plugin;

/** The shortest circle of imports that leads from the file back to it, or undefined. */
export function circleThrough(file: string, graph: ImportGraph): readonly string[] | undefined {
  const seen = new Set<string>();
  let paths: readonly (readonly string[])[] = [[file]];
  while (paths.length > 0) {
    const longer: (readonly string[])[] = [];
    for (const path of paths) {
      for (const target of graph.get(path.at(-1)!) ?? []) {
        if (target === file) return [...path, file];
        if (seen.has(target)) continue;
        seen.add(target);
        longer.push([...path, target]);
      }
    }
    paths = longer;
  }
  return undefined;
}

/** The relative imports of a file. @param file below src, such as `sink/batch.ts` */
export function importsOf(file: string, text: string): readonly string[] {
  const statement = /^(?:import|export)\s(?:[^;"]*?\sfrom\s)?"(\.[^"]+)";$/gm;
  return [...text.matchAll(statement)].map(([, specifier]) =>
    new URL(specifier!, `file:///${file}`).pathname.slice(1)
  );
}

function readGraph(source: URL): ImportGraph {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts"));
  return new Map(files.map((file) => [file, importsOf(file, readFileSync(new URL(file, source), "utf8"))]));
}
