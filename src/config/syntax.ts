// Parsers for each kind of value. A parser that rejects a text says what is wrong and what to write.

import { Secret } from "./secret.ts";

/** A parsed value, or the problem with the text and its fix. */
export type Parsed<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "invalid"; readonly problem: string; readonly fix: string };

/** Context that affects the meaning of a text. */
export interface ParseContext {
  /** The file that holds the text, if `NAME_FILE` named one. */
  readonly file?: string;
  /** The home directory, for paths that begin with `~/`. */
  readonly home?: string;
}

/** A kind of value. */
export interface Syntax<T> {
  /** What to write, for the documents: `1 to 65535`, `true or false`. */
  readonly description: string;
  /** The TOML values accepted for it: a scalar, a string, or one or an array of either. */
  readonly toml: "scalar" | "string" | "list" | "scalars";
  /** Set if values of this kind must not be printed. */
  readonly secret?: true;
  parse(text: string, context: ParseContext): Parsed<T>;
}

/** Validates a text. Returns the problem and the fix, or undefined if it is valid. */
export type TextCheck = (text: string) => { readonly problem: string; readonly fix: string } | undefined;

/** A whole number of `unit`, within limits. */
export function integer(unit: string, min: number, max: number): Syntax<number> {
  const range = `a whole number from ${min} to ${max}${unit === "" ? "" : ` (${unit})`}`;
  return {
    description: unit === "" ? `${min} to ${max}` : `${unit}, ${min} to ${max}`,
    toml: "scalar",
    parse(text) {
      if (text.startsWith("tcp://")) {
        return invalid(
          `${quote(text)} is not a number; Kubernetes sets this variable for a service`,
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

/** One of several words, in upper or lower case. */
export function choice<const T extends string>(...choices: readonly T[]): Syntax<T> {
  return {
    description: choices.join(", "),
    toml: "scalar",
    parse(text) {
      const value = choices.find((word) => word.toLowerCase() === text.toLowerCase());
      if (value !== undefined) return { kind: "value", value };
      return invalid(`${quote(text)} is not a valid value`, `write ${alternatives(choices)}`);
    },
  };
}

/** A boolean, also written as yes/no, on/off or 1/0. */
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

/** A text that passes `check`. */
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

/** A path. A leading `~/` is expanded here, because no shell does that in a file. */
export function path(): Syntax<string> {
  return {
    description: "path of a file",
    toml: "string",
    parse(text, { home }) {
      if (!text.startsWith("~")) return { kind: "value", value: text };
      if (!text.startsWith("~/") || home === undefined) {
        return invalid(`${quote(text)} begins with a "~" that can't be resolved`, "write the full path");
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

/** Items separated by commas, each parsed by `parseItem`. Items are trimmed; commas in quotes don't separate. */
export function list<T>(description: string, parseItem: (item: string) => Parsed<T>): Syntax<readonly T[]> {
  return {
    description,
    toml: "list",
    parse(text) {
      const items = (text.match(/(?:"[^"]*"|[^,])+/g) ?? []).map((item) => item.trim()).filter((item) =>
        item !== ""
      );
      if (items.length === 0) return invalid(`${quote(text)} lists no items`, `write ${description}`);
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

/** The result of a parser that rejects the text. */
export function invalid(problem: string, fix: string): Parsed<never> {
  return { kind: "invalid", problem, fix };
}

/**
 * The text in quotes, on one line and shortened. Does not repeat what looks like a connection string: it may contain
 * a password.
 */
export function quote(text: string): string {
  if (text.includes("@") || text.includes("://")) return "the value";
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

/** `a, b or c` */
export function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
