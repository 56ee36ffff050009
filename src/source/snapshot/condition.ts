// Whether a text can only be one SQL expression, wherever parentheses put it.

/**
 * Tells why a condition must not become part of a query: with another statement, a comment or a closing
 * parenthesis in it, it could be more than a condition.
 * @returns undefined if nothing is wrong. Whether it is valid SQL, PostgreSQL tells
 */
export function conditionFault(condition: string): string | undefined {
  let depth = 0;
  for (let at = 0; at < condition.length;) {
    const rest = condition.slice(at);
    const [token] = TOKEN.exec(rest)!;
    if (token.startsWith("--") || token.startsWith("/*")) return "it has a comment";
    if (token === ";") return "it has a semicolon";
    if (QUERY.test(token)) return "it has a query in it";
    if (/^[Uu]&/.test(token)) return "it has a name or string with Unicode escapes";
    if (token === "'" || token === '"' || DOLLAR.test(token)) return "a quote is not closed";
    if (token === "(") depth++;
    if (token === ")" && --depth < 0) return "a parenthesis is closed that was not opened";
    at += token.length;
  }
  return depth > 0 ? "a parenthesis is not closed" : undefined;
}

/** Names that a condition calls as functions, as PostgreSQL stores them; some are keywords. */
export function calledNames(condition: string): readonly string[] {
  const names = new Set<string>();
  let name: string | undefined;
  for (let at = 0; at < condition.length;) {
    const [token] = TOKEN.exec(condition.slice(at))!;
    at += token.length;
    if (token === "(" && name !== undefined) names.add(name);
    if (/^\s$/.test(token)) continue;
    name = /^[A-Za-z_\u0080-\uffff]/.test(token)
      ? token.toLowerCase()
      : token.startsWith('"')
      ? token.slice(1, -1).replaceAll('""', '"')
      : undefined;
  }
  return [...names];
}

/** Words that begin a query. */
const QUERY = /^(?:select|table|values|with)$/i;
const DOLLAR = /^\$(?:[A-Za-z_\u0080-\uffff][A-Za-z_0-9\u0080-\uffff]*)?\$$/;
/**
 * A string with backslashes, a string, a quoted identifier, a dollar-quoted string, a word, the beginning of a
 * comment or of a quote that is not closed, or any character (PostgreSQL manual, "Lexical Structure").
 */
const TOKEN = new RegExp(
  [
    /[Uu]&["']/,
    /[Ee]'(?:[^'\\]|\\[\s\S]|'')*'/,
    /'(?:[^']|'')*'/,
    /"(?:[^"]|"")*"/,
    /(\$(?:[A-Za-z_\u0080-\uffff][A-Za-z_0-9\u0080-\uffff]*)?\$)[\s\S]*?\1/,
    /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z_0-9\u0080-\uffff]*)?\$/,
    /[A-Za-z_\u0080-\uffff][A-Za-z_0-9$\u0080-\uffff]*(?!')/,
    /--|\/\*/,
    /[\s\S]/,
  ].map(({ source }) => source).join("|").replace(/^/, "^(?:").replace(/$/, ")"),
  "u",
);
