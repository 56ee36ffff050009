// Checks that a text is a single SQL expression once it is put in parentheses.

/**
 * Finds why a condition must not become part of a query: with another statement, a comment or a closing
 * parenthesis in it, it could be more than a condition.
 * @returns undefined if there is no fault; whether the SQL is valid is left to PostgreSQL
 */
export function conditionFault(condition: string): string | undefined {
  let depth = 0;
  for (let at = 0; at < condition.length;) {
    const rest = condition.slice(at);
    const [token] = TOKEN.exec(rest)!;
    if (token.startsWith("--") || token.startsWith("/*")) return "it contains a comment";
    if (token === ";") return "it contains a semicolon";
    if (QUERY.test(token)) return "it contains a query";
    if (/^[Uu]&/.test(token)) return "it contains a name or string with Unicode escapes";
    if (token === "'" || token === '"' || DOLLAR.test(token)) return "it leaves a quote open";
    if (token === "(") depth++;
    if (token === ")" && --depth < 0) return "it closes a parenthesis that it has not opened";
    at += token.length;
  }
  return depth > 0 ? "it leaves a parenthesis open" : undefined;
}

/** The names that a condition calls as functions, as PostgreSQL stores them; some are keywords. */
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
 * A string with backslashes, a string, a quoted identifier, a dollar-quoted string, a word, the start of a
 * comment or of an unclosed quote, or any character (PostgreSQL manual, "Lexical Structure").
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
