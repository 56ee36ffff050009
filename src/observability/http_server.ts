// The one door to Deno.serve: answers GET requests for a few paths.

import { CaptureError } from "../core/errors.ts";

/** What is answered. */
export interface Reply {
  readonly status?: number;
  readonly contentType: string;
  readonly body: string;
}

/** A server that listens; disposing of it ends it, without waiting for anybody. */
export interface HttpServer extends Disposable {
  readonly port: number;
}

/**
 * Listens at once, and answers each path with what its function gives at that moment.
 * @throws CaptureError `configuration` when it can't listen there
 */
export function startHttpServer(
  { host, port }: { readonly host: string; readonly port: number },
  routes: ReadonlyMap<string, () => Reply>,
): HttpServer {
  const stop = new AbortController();
  try {
    const server = Deno.serve(
      {
        hostname: host,
        port,
        signal: stop.signal,
        onListen: () => {},
        onError: () => new Response(null, { status: 500 }),
      },
      (request) => respond(request, routes),
    );
    server.unref();
    server.finished.catch(() => {});
    return { port: server.addr.port, [Symbol.dispose]: () => stop.abort() };
  } catch (error) {
    throw cannotListen(host, port, error);
  }
}

function respond(request: Request, routes: ReadonlyMap<string, () => Reply>): Response {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Method not allowed\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  const reply = routes.get(new URL(request.url).pathname)?.() ?? NOT_FOUND;
  return new Response(request.method === "HEAD" ? null : reply.body, {
    status: reply.status ?? 200,
    headers: { ...SECURITY, "content-type": reply.contentType, "cache-control": "no-store" },
  });
}

const NOT_FOUND: Reply = { status: 404, contentType: "text/plain; charset=utf-8", body: "Not found\n" };

/** The page's own script and style only: it loads nothing, sends nothing, and can't be framed. */
const SECURITY = {
  "content-security-policy":
    "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; " +
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

function cannotListen(host: string, port: number, error: unknown): CaptureError {
  const what = `Cannot serve metrics on ${host}:${port}`;
  const off = "METRICS_PORT=0 does without";
  if (error instanceof Deno.errors.AddrInUse) {
    const hint = `set METRICS_PORT to a free one, such as ${port === 65535 ? port - 1 : port + 1}; ${off}`;
    return new CaptureError("configuration", `${what}: another program uses the port`, {
      hint,
      cause: error,
    });
  }
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    const hint = `set METRICS_PORT to one above 1023; ${off}`;
    return new CaptureError("configuration", `${what}: it is not allowed`, { hint, cause: error });
  }
  const found = error instanceof Error ? error.message : String(error);
  const hint = `set METRICS_HOST to an address of this machine, or 0.0.0.0 for all of them; ${off}`;
  return new CaptureError("configuration", `${what}: ${found}`, { hint, cause: error });
}
