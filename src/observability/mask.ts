// The last line of defence against a secret in a log: known secrets are cut out of every text.

import { escapeControls } from "./escape.ts";

const MASK = "[secret]";
/** Shorter ones are cut out as whole words only: else half of each line would be. */
const ANYWHERE_LENGTH_MIN = 4;

/**
 * The text without any of the secrets: as they are, as JSON, SQL or a URL would hold them, or with their
 * control characters escaped.
 * @param secrets as `secretsToMask` of the configuration gives them
 */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  const forms = [...new Set(secrets.filter((secret) => secret !== "").flatMap(formsOf))];
  if (!forms.some((form) => text.includes(form))) return text;
  // The longest first: one may be the beginning of another. All in one pass: none is looked for inside a
  // mask.
  const pattern = forms.sort((a, b) => b.length - a.length).map(patternOf).join("|");
  return text.replace(new RegExp(pattern, "gu"), MASK);
}

/**
 * The strings in a value without any of the secrets; so are numbers that would print as one. For
 * JSON.stringify.
 */
export function maskValue(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === "string") return maskSecrets(value, secrets);
  if (typeof value !== "number") return value;
  const masked = maskSecrets(String(value), secrets);
  return masked === String(value) ? value : masked;
}

function formsOf(secret: string): readonly string[] {
  const json = insideJson(secret);
  return [
    secret,
    json,
    insideJson(json),
    escapeControls(secret),
    escapeControls(json),
    secret.replaceAll("'", "''"),
    secret.replaceAll('"', '""'),
    // A lone half of a surrogate pair has no form in a URL.
    ...(secret.isWellFormed() ? [encodeURIComponent(secret)] : []),
  ];
}

function insideJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function patternOf(form: string): string {
  const exact = form.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  return form.length >= ANYWHERE_LENGTH_MIN ? exact : `(?<![\\p{L}\\p{N}_])${exact}(?![\\p{L}\\p{N}_])`;
}
