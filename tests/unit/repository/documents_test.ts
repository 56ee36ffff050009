// The documents say what the program is: names, defaults, options, metrics, paths, exit codes, versions.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { parseArguments } from "../../../src/cli/args.ts";
import { USAGE } from "../../../src/cli/usage.ts";
import { defaultText, type Variable } from "../../../src/config/variable.ts";
import { isVariableName, VARIABLES } from "../../../src/config/variables.ts";
import { METRICS } from "../../../src/observability/metrics.ts";
import { VERSION } from "../../../src/version.ts";
import { type Document, inlineCode, readDocuments } from "../../support/documents.ts";
import { findExamples } from "../../support/worked_examples.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const documents = readDocuments();
const { tasks } = JSON.parse(read("deno.json")) as { readonly tasks: Readonly<Record<string, string>> };
/** What is deployed, which names settings too. */
const DEPLOYED = [
  "Dockerfile",
  "deploy/systemd/pg-capture.service",
  "deploy/kubernetes/configmap.yaml",
  "deploy/kubernetes/deployment.yaml",
];
const NEEDS = ["docker", "direnv", "kubernetes", "systemd", "root", "a remote"];

Deno.test("every setting that is named is one", () => {
  const texts = [
    ...documents.map(({ path, text }) => [path, withoutCode(text)] as const),
    ...DEPLOYED.map((path) => [path, read(path)] as const),
  ];
  const others = read("docker-compose.test.yml") + read("dev/servers/servers_environment.ts");
  for (const [path, text] of texts) {
    for (
      const [name] of text.matchAll(/\b(PG|KAFKA|REPLICATION|SNAPSHOT|LOG|METRICS)_[A-Z][A-Z_]*[A-Z]\b/g)
    ) {
      const isOurs = isVariableName(name) || isVariableName(name.replace(/_FILE$/, ""));
      ok(isOurs || others.includes(name), `${path}: there is no setting ${name}`);
    }
  }
});

Deno.test("every default in a table is the program's", () => {
  let found = 0;
  for (const { path, text } of documents) {
    const tables = text.split(/\n(?!\|)/).map((part) =>
      part.split("\n").filter((line) => line.startsWith("|"))
    );
    for (const [header = "", , ...rows] of tables) {
      const column = cells(header).findIndex((cell) => cell.toLowerCase() === "default");
      if (column < 0) continue;
      for (const row of rows) {
        const name = plain(cells(row)[0]!);
        if (!isVariableName(name)) continue;
        const variable: Variable<unknown> = VARIABLES[name];
        const expected = defaultText(variable) ?? variable.defaultNote ??
          (variable.presence.kind === "required" ? "required" : "");
        strictEqual(plain(cells(row)[column]!).replace(/^none$/, ""), expected, `${path}: ${name}`);
        found++;
      }
    }
  }
  ok(found > 40);
});

Deno.test("every command line that is shown is one, and the README's overview is --help's", () => {
  let found = 0;
  for (const { path, text, blocks } of documents) {
    const commands = [
      ...inlineCode(text),
      ...blocks.filter(({ language }) => language === "sh").flatMap((block) => block.text.split("\n")),
    ];
    for (const command of commands) {
      const [, line] = /^(?:dist\/)?pg-capture((?: [^\s#|>]+)+)/.exec(command) ?? [];
      if (line === undefined || line.startsWith(` ${VERSION} (`)) continue;
      const { kind } = parseArguments(line.trim().split(" "));
      ok(kind !== "wrong", `${path}: ${command}`);
      found++;
    }
  }
  ok(found > 8);
  const readme = document("README.md");
  ok(
    readme.blocks.some((block) => `${block.text}\n` === USAGE),
    "README.md, Command line, is not what --help prints",
  );
});

Deno.test("every task that is named is one", () => {
  for (
    const path of [
      ...documents.map((each) => each.path),
      ".ci/run",
      ".github/workflows/test.yml",
      ".github/workflows/release.yml",
      "Dockerfile",
    ]
  ) {
    for (const [, name] of read(path).matchAll(/\bdeno(?:@[\d.]+)? task (?:--quiet )?([a-z][a-z:]*)/g)) {
      ok(tasks[name!] !== undefined, `${path}: there is no task ${name}`);
    }
  }
});

Deno.test("every metric that is named is one", () => {
  const names = new Set(METRICS.map(({ name }) => name));
  const paths = [
    ...documents.map(({ path }) => path),
    "dashboards/grafana.json",
    "dashboards/alerts.yml",
    "dashboards/alerts_test.yml",
  ];
  let found = 0;
  for (const path of paths) {
    for (const [name] of read(path).matchAll(/\bpg_capture_[a-z_]*[a-z]\b/g)) {
      ok(
        names.has(name) || names.has(name.replace(/_(bucket|sum|count)$/, "")),
        `${path}: there is no metric ${name}`,
      );
      found++;
    }
  }
  ok(found > 20);
});

Deno.test("every alert has its row in OPERATIONS.md, and the other way about", () => {
  const alerts = [...read("dashboards/alerts.yml").matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const rows = [...document("docs/OPERATIONS.md").text.matchAll(/^\| (PgCapture\w+) /gm)].map(([, name]) =>
    name
  );
  deepStrictEqual(rows.sort(), alerts.sort());
});

Deno.test("every link and every path leads somewhere", () => {
  for (const { path, text } of documents) {
    const created = new Set(findExamples(text).map((example) => example.path));
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [file = "", anchor] = target!.split("#");
      const url = new URL(file || path.split("/").at(-1)!, `file:///${path}`);
      const linked = url.pathname.slice(1);
      ok(exists(linked), `${path}: there is no ${target}`);
      if (anchor !== undefined) {
        ok(anchors(read(linked)).has(anchor), `${path}: there is no heading for ${target}`);
      }
    }
    for (const code of inlineCode(text)) {
      const [file] = /^(src|docs|dev|tests|deploy|dashboards|bench|\.github|\.ci)\/[\w./-]+$/.exec(code) ??
        [];
      if (file !== undefined && !created.has(file)) ok(exists(file), `${path}: there is no ${file}`);
    }
  }
});

Deno.test("every symbol that the documents for engineers name is one of the program", () => {
  const program = ["src", "dev", "tests"].flatMap((folder) => [...sourceFiles(folder)]).map(read).join("\n");
  const words = new Set(program.match(/\w+/g));
  let found = 0;
  for (const path of ["CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/DELIVERY.md", "docs/EXTENDING.md"]) {
    for (const code of inlineCode(document(path).text)) {
      // `Deno.startTls` is Deno's.
      if (!/^[A-Za-z]\w*[a-z][A-Z]\w*(\.\w+)*$|^[A-Z]\w+\.\w+$/.test(code) || code.startsWith("Deno.")) {
        continue;
      }
      for (const name of code.split(".")) ok(words.has(name), `${path}: there is no ${name}`);
      found++;
    }
  }
  ok(found > 50);
});

Deno.test("the exit codes of the README are those of the program", () => {
  const table = document("README.md").text.split("| exit code")[1]!.split("\n\n")[0]!;
  const documented = [...table.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => code!);
  const source = ["cli/exit_code.ts", "cli/health.ts", "core/errors.ts"]
    .map((file) => read(`src/${file}`)).join("");
  const codes = [...source.matchAll(/(?:EXIT_\w+ = |exitCode: )(\d+)/g)].map(([, code]) => code!);
  const numerically = (a: string, b: string) => Number(a) - Number(b);
  deepStrictEqual(documented, [...new Set(codes)].sort(numerically));
});

Deno.test("the version is one, in examples and in the changelog too", () => {
  for (const { path, text, blocks } of documents) {
    for (const block of blocks.filter(({ language }) => language === "json")) {
      const version = /"version": "([^"]+)"/.exec(block.text)?.[1] ?? VERSION;
      strictEqual(version, VERSION, block.place);
    }
    if (path === "CHANGELOG.md") match(text, new RegExp(`^## \\[${VERSION.replaceAll(".", "\\.")}\\]`, "m"));
  }
});

Deno.test("pg-capture's figures in the README's comparison are figures of docs/BENCHMARKS.md", () => {
  const measured = [...document("docs/BENCHMARKS.md").text.matchAll(/\b\d{1,3},\d{3}\b/g)].map(([figure]) =>
    Math.round(number(figure) / 1000)
  );
  const row = /^\| rows a second[^|]*\|([^|]+)\|/m.exec(document("README.md").text)?.[1] ?? "";
  const shown = row.match(/\d{1,3},\d{3}/g) ?? [];
  ok(shown.length > 0);
  for (const figure of shown) ok(measured.includes(number(figure) / 1000), `${figure} was not measured`);
});

Deno.test("a comment above a block of commands is one of those that CONTRIBUTING.md lists", () => {
  for (const { path, blocks } of documents) {
    for (const { place, directives, text } of blocks) {
      for (const need of directives.needs?.split(", ") ?? []) {
        ok(NEEDS.includes(need), `${place}: needs: ${need}`);
      }
      const files = directives["run by"]?.split(", ");
      if (files === undefined) continue;
      // A test that reads the document itself runs what stands there.
      if (files.some((file) => read(file).includes(path))) continue;
      const commands = text.replaceAll(/\\\n\s*/g, " ").split("\n").map((line) =>
        line.replace(/(^|\s+)#.*/, "").trim()
      );
      for (const command of commands.filter((each) => each !== "")) {
        const last = command.split(" ").at(-1)!;
        ok(files.some((file) => read(file).includes(last)), `${place}: none of ${files} runs: ${command}`);
      }
    }
  }
});

Deno.test("what OPERATIONS.md says that a line begins with, a line begins with", () => {
  const source = [...sourceFiles("src")].map((path) => withoutComments(read(path))).join("\n").replaceAll(
    /\\(["'`])/g,
    "$1",
  );
  const rows = [
    ...document("docs/OPERATIONS.md").text.matchAll(/^\| (`(?:Cannot|Waiting|Creating|Lost|The) [^|]+)\|/gm),
  ];
  ok(rows.length > 20);
  for (const [, cell] of rows) {
    for (const [, quoted] of cell!.matchAll(/`([^`]+)`/g)) {
      // The others are the servers' own words.
      if (!/^(Cannot|Waiting|Creating|Lost|The) /.test(quoted!)) continue;
      for (const part of quoted!.split("…").map((each) => each.trim()).filter((each) => each.length > 5)) {
        if (part === ": invalid byte sequence") continue; // PostgreSQL's words
        ok(isWritten(part, source), `docs/OPERATIONS.md: no line says: ${part}`);
      }
    }
  }
});

function withoutComments(text: string): string {
  return text.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
}

/** Without the program text in it, which has names of its own. */
function withoutCode(text: string): string {
  return text.replaceAll(/^```(?:ts|diff)\n[^]*?^```$/gm, "");
}

/**
 * Two words after the other as in the program, where a name or the end of a line may stand between them. A line may be
 * made of two texts, which then meet once.
 */
function isWritten(part: string, source: string): boolean {
  if (source.includes(part)) return true;
  const words = part.split(" ").filter((word) => /[a-z]{3}/.test(word)).map((word) =>
    word.replaceAll(/[",;:]/g, "").replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
  );
  const isThere = (pattern: string) => new RegExp(pattern).test(source);
  const seams = words.slice(1).filter((word, index) => !isThere(`${words[index]}[^]{0,60}?${word}`));
  return words.length > 0 && words.every(isThere) && seams.length <= 1;
}

function* sourceFiles(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${ROOT}${folder}`)) {
    if (isDirectory) yield* sourceFiles(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

function document(path: string): Document {
  const found = documents.find((each) => each.path === path);
  ok(found, `there is no ${path}`);
  return found;
}

function read(path: string): string {
  return Deno.readTextFileSync(`${ROOT}${path}`);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(`${ROOT}${path}`);
    return true;
  } catch {
    return false;
  }
}

/** What GitHub makes of headings, and what is marked by hand. */
function anchors(text: string): ReadonlySet<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
  const marks = [...text.matchAll(/<a (?:id|name)="([^"]+)">/g)].map(([, mark]) => mark!);
  return new Set([...headings, ...marks]);
}

function number(figure: string): number {
  return Number(figure.replace(",", ""));
}

function cells(row: string): readonly string[] {
  return row.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim());
}

function plain(cell: string): string {
  return cell.replaceAll("`", "");
}
