// The authentication methods that the server may request, as in libpq (PostgreSQL manual, 34.1.2,
// require_auth).

import { alternatives, invalid, list, type Parsed, quote, type Syntax } from "./syntax.ts";

/** An authentication method. */
export type AuthMethod = (typeof METHODS)[number];

/** The methods that the server may request. */
export interface RequiredAuth {
  readonly accepted: readonly AuthMethod[];
  /** Whether it names `password`, which allows one in cleartext. */
  readonly asksForPassword: boolean;
  /** The setting as written. */
  readonly text: string;
}

const METHODS = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"] as const;
const UNSUPPORTED: ReadonlySet<AuthMethod> = new Set(["gss", "sspi", "oauth"]);

/** Methods separated by commas. Either all of them begin with `!`, or none does. */
export function requiredAuth(): Syntax<RequiredAuth> {
  const description = `${alternatives(METHODS)}, separated by commas, or each with ! for all but these`;
  const methods = list(description, parseMethod);
  return {
    ...methods,
    parse(text, context) {
      const parsed = methods.parse(text, context);
      return parsed.kind === "invalid" ? parsed : toRequiredAuth(parsed.value, text);
    },
  };
}

interface Item {
  readonly method: AuthMethod;
  readonly isNegated: boolean;
}

function parseMethod(text: string): Parsed<Item> {
  const isNegated = text.startsWith("!");
  const method = METHODS.find((name) => name === text.slice(isNegated ? 1 : 0).toLowerCase());
  if (method !== undefined) return { kind: "value", value: { method, isNegated } };
  return invalid(`${quote(text)} is not a way to log in`, `write ${alternatives(METHODS)}`);
}

function toRequiredAuth(items: readonly Item[], text: string): Parsed<RequiredAuth> {
  const named = items.map(({ method }) => method);
  const isNegated = items[0]?.isNegated === true;
  if (items.some((item) => item.isNegated !== isNegated)) {
    return invalid("methods with and without ! stand together", "write ! before all of them, or before none");
  }
  const twice = named.find((method, index) => named.indexOf(method) !== index);
  if (twice !== undefined) return invalid(`${twice} stands there twice`, "write it once");
  const accepted = isNegated ? METHODS.filter((method) => !named.includes(method)) : named;
  if (accepted.every((method) => UNSUPPORTED.has(method))) {
    return invalid(
      `pg-capture has no way to log in by ${alternatives(accepted)}`,
      `add one of ${alternatives(METHODS.filter((method) => !UNSUPPORTED.has(method)))}`,
    );
  }
  return {
    kind: "value",
    value: { accepted, asksForPassword: !isNegated && named.includes("password"), text: text.trim() },
  };
}
