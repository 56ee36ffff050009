// Handles one HTTP connection: one request, one response, with limits on time and memory.

import { type HttpRequest, parseRequestHead } from "./http_request.ts";

/** An HTTP response. */
export interface Reply {
  readonly status?: number;
  readonly contentType: string;
  readonly body: string;
  /** Added to the headers of every response; replace those of the same name. */
  readonly headers?: Readonly<Record<string, string>>;
}

const HEAD_BYTES_MAX = 8 * 1024;
const READ_BYTES = 1024;
/**
 * Read and discarded after the response: closing a connection with unread input resets it, and the client could
 * lose the response.
 */
const DRAIN_BYTES_MAX = 64 * 1024;

/**
 * Reads one request and responds to it. There is no keep-alive: clients come every few seconds, and none can hold
 * a connection.
 * @param respond returns the response
 * @throws the connection's error
 */
export async function answerOne(
  connection: Deno.Conn,
  respond: (request: HttpRequest) => Reply,
): Promise<void> {
  const head = await readHead(connection);
  if (head === undefined) return;
  const request = head === "too long" ? undefined : parseRequestHead(head);
  const reply = request !== undefined ? respond(request) : head === "too long" ? TOO_LONG : MALFORMED;
  await writeAll(connection, reply, request?.method !== "HEAD");
  await connection.closeWrite();
  await drain(connection);
}

/** The request's head; undefined if the connection ended before it. */
async function readHead(connection: Deno.Conn): Promise<string | "too long" | undefined> {
  const buffer = new Uint8Array(READ_BYTES);
  const decoder = new TextDecoder("latin1");
  for (let head = ""; head.length <= HEAD_BYTES_MAX;) {
    const length = await connection.read(buffer);
    if (length === null) return undefined;
    head += decoder.decode(buffer.subarray(0, length));
    if (head.includes("\r\n\r\n")) return head.length > HEAD_BYTES_MAX ? "too long" : head;
  }
  return "too long";
}

async function writeAll(connection: Deno.Conn, reply: Reply, withBody: boolean): Promise<void> {
  const { status = 200, contentType, body, headers = {} } = reply;
  const bytes = utf8.encode(body);
  const lines = Object.entries({
    ...SECURITY_HEADERS,
    ...headers,
    "content-type": contentType,
    "content-length": String(bytes.length),
    "cache-control": "no-store",
    "connection": "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = utf8.encode(`HTTP/1.1 ${status} ${REASONS[status] ?? "Other"}\r\n${lines.join("")}\r\n`);
  for (const part of withBody ? [head, bytes] : [head]) {
    for (let written = 0; written < part.length;) {
      written += await connection.write(part.subarray(written));
    }
  }
}

async function drain(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (let drained = 0; drained < DRAIN_BYTES_MAX;) {
    const length = await connection.read(buffer);
    if (length === null) return;
    drained += length;
  }
}

const utf8 = new TextEncoder();
const PLAIN = "text/plain; charset=utf-8";
const MALFORMED: Reply = { status: 400, contentType: PLAIN, body: "Bad request\n" };
const TOO_LONG: Reply = { status: 431, contentType: PLAIN, body: "Request header fields too large\n" };

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Sent with every response. The status page replaces the policy with its own. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
