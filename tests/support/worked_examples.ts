// The examples of docs/EXTENDING.md as changes to a tree: files that are new, and places that become others.

/** A file of an example. */
export type Example =
  | { readonly kind: "new"; readonly path: string; readonly text: string }
  | { readonly kind: "change"; readonly path: string; readonly places: readonly Place[] };

/** Lines that are there, and what becomes of them. */
export interface Place {
  readonly before: string;
  readonly after: string;
}

/** The examples of a document, in its order. */
export function findExamples(text: string): readonly Example[] {
  const found = text.matchAll(/^(New file|In) `([^`]+)`:\n\n```(?:ts|diff)\n([^]*?)^```$/gm);
  return [...found].map(([, word, path, block]): Example =>
    word === "New file"
      ? { kind: "new", path: path!, text: block! }
      : { kind: "change", path: path!, places: block!.split(/^@@\n/m).map(placeOf) }
  );
}

/** @throws Error where a place isn't there exactly once */
export function change(text: string, { before, after }: Place): string {
  const [first, second, ...others] = text.split(before);
  if (second === undefined || others.length > 0) {
    throw new Error(`found ${second === undefined ? "nowhere" : "more than once"}:\n${before}`);
  }
  return `${first}${after}${second}`;
}

function placeOf(diff: string): Place {
  const lines = diff.split("\n").slice(0, -1);
  const without = (sign: string) =>
    lines.filter((line) => !line.startsWith(sign)).map((line) => `${line.slice(1)}\n`).join("");
  return { before: without("+"), after: without("-") };
}
