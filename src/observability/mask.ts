// The last line of defense against secrets in logs: replaces known secrets in every text.

import { escapeControls } from "./escape.ts";

const MASK = "[secret]";
/** Shorter secrets are masked only as whole words; otherwise half of each line would be masked. */
const ANYWHERE_LENGTH_MIN = 4;

/**
 * The text with every secret replaced: verbatim, as JSON, SQL or a URL would contain it, or with its control
 * characters escaped.
 * @param secrets from `secretsToMask`
 */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  const forms = [...new Set(secrets.filter((secret) => secret !== "").flatMap(formsOf))];
  if (!forms.some((form) => text.includes(form))) return text;
  // Longest first, because one may be the beginning of another. In one pass, so that the mask itself is not searched.
  const pattern = forms.sort((a, b) => b.length - a.length).map(patternOf).join("|");
  return text.replace(new RegExp(pattern, "gu"), MASK);
}

/**
 * The value with secrets replaced if it is a string, or a number that prints as a secret. For use as a replacer in
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
    // A lone surrogate can't be encoded in a URL.
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
