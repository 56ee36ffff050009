// Parses the head of an HTTP/1 request (RFC 9112), as far as a server that handles GET on a few paths needs it.

/** A parsed request. */
export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /**
   * In lower case, without the port; an IPv6 address without brackets. Undefined for HTTP/1.0 without a Host header.
   */
  readonly host: string | undefined;
}

/**
 * Parses a request.
 * @param head the head with the empty line that ends it; anything after that is ignored
 * @returns undefined if it is not HTTP/1, or does not name exactly one host
 */
export function parseRequestHead(head: string): HttpRequest | undefined {
  const [requestLine = "", ...lines] = head.split("\r\n\r\n", 1)[0]!.split("\r\n");
  const [, method, target, minor] = REQUEST_LINE.exec(requestLine) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const hosts: string[] = [];
  for (const line of lines) {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    if (name.toLowerCase() === "host") hosts.push(value);
  }
  const [authority] = hosts;
  if (hosts.length > 1 || (authority === undefined ? minor !== "0" : !AUTHORITY.test(authority))) {
    return undefined;
  }
  const url = URL.parse(target.startsWith("/") ? `http://${authority ?? "localhost"}${target}` : target);
  if (url?.protocol !== "http:" || url.username !== "" || url.password !== "") return undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  // The target's own host takes precedence (RFC 9112, section 3.2.2).
  return {
    method,
    path: url.pathname,
    host: authority === undefined && target.startsWith("/") ? undefined : host,
  };
}

const REQUEST_LINE = /^([A-Z]+) (\/[\x21-\x7e]*|http:\/\/[\x21-\x7e]+) HTTP\/1\.([01])$/;
const HEADER = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([^\r\n\0]*?)[ \t]*$/;
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/;
