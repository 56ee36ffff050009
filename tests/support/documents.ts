// The documents, as their tests see them: blocks of commands with what the comments above them say.

import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A fenced block. */
export interface Block {
  /** For messages: `README.md:40`. */
  readonly place: string;
  /** `sh`, `sql`, `json` and so on, or nothing. */
  readonly language: string;
  readonly text: string;
  readonly directives: Directives;
}

/** What the comments above a block say; CONTRIBUTING.md has the list. */
export interface Directives {
  readonly needs?: string;
  readonly "run by"?: string;
  readonly until?: string;
  readonly while?: string;
}

/** A document of the repository. */
export interface Document {
  /** Below the root: `docs/TYPES.md`. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** Every Markdown file of the root, of docs and of deploy. */
export function readDocuments(): readonly Document[] {
  const paths = [
    ...markdownIn(""),
    ...["docs", "deploy", "dashboards", "bench"].flatMap((folder) => markdownIn(`${folder}/`)),
  ];
  return paths.map((path) => {
    const text = Deno.readTextFileSync(`${ROOT}${path}`);
    return { path, text, blocks: findBlocks(path, text) };
  });
}

function markdownIn(folder: string): readonly string[] {
  return [...Deno.readDirSync(`${ROOT}${folder}`)].flatMap(({ name, isDirectory }) => {
    if (folder !== "" && isDirectory) return markdownIn(`${folder}${name}/`);
    return name.endsWith(".md") ? [`${folder}${name}`] : [];
  }).sort();
}

/** @throws Error for a comment that looks like a directive and is none */
export function findBlocks(path: string, text: string): readonly Block[] {
  const blocks: Block[] = [];
  let directives: Record<string, string> = {};
  let open: { readonly place: string; readonly language: string; readonly lines: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^\s*```(\w*)/.exec(line);
    if (open !== undefined) {
      if (fence === null) {
        open.lines.push(line);
        continue;
      }
      const { place, language, lines } = open;
      blocks.push({ place, language, text: lines.join("\n"), directives });
      open = undefined;
      directives = {};
    } else if (fence !== null) {
      open = { place: `${path}:${index + 1}`, language: fence[1]!, lines: [] };
    } else {
      const [, name, value] = /^<!-- ([a-z ]+): (.+) -->$/.exec(line) ?? [];
      if (name !== undefined && value !== undefined && NAMES.includes(name)) directives[name] = value;
      else if (line.trim() !== "") directives = {};
    }
  }
  return blocks;
}

const NAMES: readonly string[] = ["needs", "run by", "until", "while"];

/** The text between backticks, outside of blocks. */
export function inlineCode(text: string): readonly string[] {
  const prose = text.replaceAll(/^\s*```[\s\S]*?^\s*```/gm, "");
  return [...prose.matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replaceAll(/\s+/g, " "));
}
