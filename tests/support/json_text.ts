// JSON compared as text, digit for digit: JSON.parse would change large numbers, key order and duplicate keys.

/** Text of one JSON value with the spaces taken out and every string escaped in one way. */
export type JsonText = string;

/** @throws SyntaxError when `text` is not JSON */
export function canonicalJson(text: string): JsonText {
  JSON.parse(text);
  return tokens(text).join("");
}

/** The members of a JSON object, in their order; null for JSON `null`. */
export function jsonMembers(text: string): ReadonlyMap<string, JsonText> | null {
  const parsed: unknown = JSON.parse(text);
  if (parsed === null) return null;
  if (typeof parsed !== "object" || Array.isArray(parsed)) throw new SyntaxError("not a JSON object");
  const members = new Map<string, JsonText>();
  let depth = 0;
  let name: string | undefined;
  let value = "";
  for (const token of tokens(text)) {
    if (token === "}" || token === "]") depth--;
    const endsMember = (depth === 1 && token === ",") || depth === 0;
    if (endsMember && name !== undefined) {
      members.set(name, value);
      name = undefined;
    } else if (depth === 1 && name === undefined && token !== ",") {
      name = JSON.parse(token) as string;
      value = "";
    } else if (name !== undefined && !(depth === 1 && token === ":" && value === "")) {
      value += token;
    }
    if (token === "{" || token === "[") depth++;
  }
  return members;
}

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|([{}[\],:]|[^\s{}[\],:"]+))/gy;

function tokens(text: string): string[] {
  return Array.from(
    text.matchAll(TOKEN),
    ([, string, other]) => string === undefined ? other ?? "" : oneWay(string),
  );
}

/** Only a string with a backslash in it can be written in another way. */
function oneWay(string: string): string {
  return string.includes("\\") ? JSON.stringify(JSON.parse(string)) : string;
}
