// What the text of a setting may look like: one parser for each kind of value, which says what is wrong and what to write.

import { Secret } from "./secret.ts";

/** A parsed value, or what is wrong with the text and what to do about it. */
export type Parsed<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "invalid"; readonly problem: string; readonly fix: string };

/** Where a text comes from, as far as its meaning depends on it. */
export interface ParseContext {
  /** The file that held the text, where `NAME_FILE` named one. */
  readonly file?: string;
  /** The home directory, for paths that begin with `~/`. */
  readonly home?: string;
}

/** A kind of value. */
export interface Syntax<T> {
  /** What to write, for the documents: `1 to 65535`, `true or false`. */
  readonly description: string;
  /** Which TOML values can stand for the text: a scalar, a string, or one or an array of such. */
  readonly toml: "scalar" | "string" | "list" | "scalars";
  /** Whether a text of this kind must not be printed. */
  readonly secret?: true;
  parse(text: string, context: ParseContext): Parsed<T>;
}

/** A check of a text that is right in form: the problem and the fix, or undefined where all is well. */
export type TextCheck = (text: string) => { readonly problem: string; readonly fix: string } | undefined;

/** A whole number of `unit`, within bounds. */
export function integer(unit: string, min: number, max: number): Syntax<number> {
  const range = `a whole number from ${min} to ${max}${unit === "" ? "" : ` (${unit})`}`;
  return {
    description: unit === "" ? `${min} to ${max}` : `${unit}, ${min} to ${max}`,
    toml: "scalar",
    parse(text) {
      if (text.startsWith("tcp://")) {
        return invalid(
          `${quote(text)} is not a number; Kubernetes sets this name for a service`,
          "set enableServiceLinks: false in the pod, or rename the service",
        );
      }
      if (!/^[+-]?\d+$/.test(text)) return invalid(`${quote(text)} is not a whole number`, `write ${range}`);
      const value = Number(text);
      if (value < min) return invalid(`${text} is too small`, `write ${range}`);
      if (value > max) return invalid(`${text} is too large`, `write ${range}`);
      return { kind: "value", value };
    },
  };
}

/** One of a few words; upper and lower case are the same. */
export function choice<const T extends string>(...choices: readonly T[]): Syntax<T> {
  return {
    description: choices.join(", "),
    toml: "scalar",
    parse(text) {
      const value = choices.find((word) => word.toLowerCase() === text.toLowerCase());
      if (value !== undefined) return { kind: "value", value };
      return invalid(`${quote(text)} is not one of its values`, `write ${alternatives(choices)}`);
    },
  };
}

/** True or false, in the words that people use. */
export function flag(): Syntax<boolean> {
  return {
    description: "true or false",
    toml: "scalar",
    parse(text) {
      if (/^(true|yes|on|1)$/i.test(text)) return { kind: "value", value: true };
      if (/^(false|no|off|0)$/i.test(text)) return { kind: "value", value: false };
      return invalid(`${quote(text)} is neither true nor false`, "write true or false");
    },
  };
}

/** Any text, or any that passes `check`. */
export function text(description: string, check: TextCheck = () => undefined): Syntax<string> {
  return {
    description,
    toml: "string",
    parse(text) {
      const found = check(text);
      return found === undefined ? { kind: "value", value: text } : invalid(found.problem, found.fix);
    },
  };
}

/** A path; `~/` at its beginning is the home directory, as no shell has seen it in a file. */
export function path(): Syntax<string> {
  return {
    description: "path of a file",
    toml: "string",
    parse(text, { home }) {
      if (!text.startsWith("~")) return { kind: "value", value: text };
      if (!text.startsWith("~/") || home === undefined) {
        return invalid(`${quote(text)} begins with a "~" that can't be resolved`, "write the whole path");
      }
      return { kind: "value", value: `${home.replace(/\/+$/, "")}${text.slice(1)}` };
    },
  };
}

/** A value that must not be printed. */
export function secret(): Syntax<Secret> {
  return {
    description: "secret",
    toml: "string",
    secret: true,
    parse: (text, { file }) => ({ kind: "value", value: new Secret(text, file) }),
  };
}

/** Whole numbers separated by commas. */
export function integers(unit: string, min: number, max: number): Syntax<readonly number[]> {
  const one = integer(unit, min, max);
  return { ...list(`${one.description}`, (item) => one.parse(item, {})), toml: "scalars" };
}

/** Items separated by commas, each read by `parseItem`; spaces around an item don't count, nor do commas in quotes. */
export function list<T>(description: string, parseItem: (item: string) => Parsed<T>): Syntax<readonly T[]> {
  return {
    description,
    toml: "list",
    parse(text) {
      const items = (text.match(/(?:"[^"]*"|[^,])+/g) ?? []).map((item) => item.trim()).filter((item) =>
        item !== ""
      );
      if (items.length === 0) return invalid(`${quote(text)} names nothing`, `write ${description}`);
      const values: T[] = [];
      for (const item of items) {
        const parsed = parseItem(item);
        if (parsed.kind === "invalid") return parsed;
        values.push(parsed.value);
      }
      return { kind: "value", value: values };
    },
  };
}

/** What a parser gives when the text is not right. */
export function invalid(problem: string, fix: string): Parsed<never> {
  return { kind: "invalid", problem, fix };
}

/**
 * The text in quotes, on one line and not too long. What looks like a connection string is not repeated: there
 * may be a password in it.
 */
export function quote(text: string): string {
  if (text.includes("@") || text.includes("://")) return "the value";
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

/** `a, b or c` */
export function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
