// A lint plugin that holds the borders between modules: who may import whom, and which file is whose door.
//
// docs/ARCHITECTURE.md draws the same borders for people.

/**
 * The files of the pipeline that adapters may import: the ports that they implement, and the events it
 * publishes.
 */
const PORTS = ["pipeline/ports.ts", "pipeline/relation_store.ts", "pipeline/snapshot_ports.ts"];
const EVENTS = "pipeline/events.ts";

/**
 * What a module's files may import, by the first folder below src; its own folder always. Arrows point down.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "version.ts": [],
  core: [],
  decoder: ["core"],
  rules: ["core", "decoder"],
  pipeline: ["core", "decoder", "rules"],
  source: ["core", "decoder", ...PORTS],
  sink: ["core", "rules", ...PORTS],
  checkpoint: ["core", "decoder", ...PORTS],
  config: ["core", "rules", ...PORTS],
  observability: ["core", "decoder", "pipeline/ports.ts", EVENTS],
};

/** Packages, and members of Deno, that one file each may use. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  "@logtape/logtape": ["observability/logger.ts"],
  "@platformatic/wasm-utils": ["sink/wasm_codecs.ts"],
  dotenv: ["config/dotenv_file.ts"],
  "node:tls": ["sink/wire/tls_socket.ts", "source/tls/tls_link.ts"],
  pg: ["source/login.ts"],
  "smol-toml": ["config/toml_file.ts"],
  "Deno.connect": ["source/socket.ts", "sink/wire/socket.ts"],
  "Deno.createHttpClient": ["sink/wire/sasl/token_endpoint.ts"],
  "Deno.env": ["config/environment.ts"],
  "Deno.exit": ["main.ts", "cli/stop_signal.ts"],
  "Deno.openKv": ["checkpoint/kv_store.ts"],
  "Deno.listen": ["observability/http_server.ts"],
  "Date.now": [
    "cli/commands.ts",
    "cli/run.ts",
    "cli/dispatch.ts",
    "cli/failure_report.ts",
    "core/clock.ts",
    "source/tls/tls_errors.ts",
    "source/tls/tls_link.ts",
  ],
};

const plugin: Deno.lint.Plugin = {
  name: "pg-capture",
  rules: {
    borders: {
      create(context) {
        const file = belowSource(context.filename);
        if (file === undefined) return {};
        return {
          ImportDeclaration(node) {
            const fault = importFault(file, node.source.value);
            if (fault !== undefined) context.report({ node, message: fault });
          },
          MemberExpression(node) {
            if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
            const fault = doorFault(file, `${node.object.name}.${node.property.name}`);
            if (fault !== undefined) context.report({ node, message: fault });
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
 * @param file below src, such as `sink/batch.ts`
 */
export function importFault(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return doorFault(file, specifier);
  const target = resolve(file, specifier);
  const [from = ""] = file.split("/");
  const [to = ""] = target.split("/");
  if (from === to || to === "version.ts" || file === "main.ts" || from === "cli") return undefined;
  const allowed = MAY_IMPORT[from] ?? [];
  if (allowed.some((each) => target === each || target.startsWith(`${each}/`))) return undefined;
  return `src/${from} may not import src/${target}: see docs/ARCHITECTURE.md`;
}

/** What is wrong with the use of a package or of a member of Deno, or undefined. */
export function doorFault(file: string, name: string): string | undefined {
  const doors = DOORS[name];
  if (doors === undefined || doors.includes(file)) return undefined;
  return `${name} has its door in ${
    doors.map((door) => `src/${door}`).join(", ") || "no file yet"
  }: use that`;
}

function belowSource(filename: string): string | undefined {
  return /\/src\/(.+)$/.exec(filename.replaceAll("\\", "/"))?.[1];
}

function resolve(file: string, specifier: string): string {
  return new URL(specifier, `file:///${file}`).pathname.slice(1);
}
