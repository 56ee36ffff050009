// Listens on METRICS_PORT and serves GET requests for a few paths. Clients can't exhaust memory or file descriptors:
// the number of connections is limited, and a new one replaces the oldest.

import { formatAddress } from "../core/address.ts";
import { CaptureError } from "../core/errors.ts";
import { answerOne, type Reply } from "./http_connection.ts";
import type { HttpRequest } from "./http_request.ts";

/** A listening server. Disposing of it closes all connections at once. */
interface HttpServer extends Disposable {
  readonly port: number;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Whether a Host header's host (in lower case, without the port) is accepted. */
  readonly expectsHost: (host: string) => boolean;
  /** Called when a request was rejected because of its Host header. */
  readonly onUnexpectedHost: (host: string) => void;
  /** Called when the listener failed. The server retries opening it until that succeeds. */
  readonly onListenerLost: (error: unknown) => void;
  readonly onListenerBack: () => void;
  readonly listen?: (options: Deno.ListenOptions) => Deno.Listener;
}

/** Prometheus, a few open pages and probes need one each, for milliseconds at a time. */
const CONNECTIONS_MAX = 16;
const CONNECTION_MS_MAX = 10_000;
const REOPEN_PAUSE_MS = 500;

/**
 * Starts listening. Each request to a path calls its function.
 * @throws CaptureError `configuration` if it can't listen there
 */
export function startHttpServer(
  options: HttpServerOptions,
  routes: ReadonlyMap<string, () => Reply>,
): HttpServer {
  const server = new Server(options, routes);
  void server.serve();
  return server;
}

class Server implements HttpServer {
  readonly port: number;
  readonly #options: HttpServerOptions;
  readonly #routes: ReadonlyMap<string, () => Reply>;
  /** Oldest first. */
  readonly #connections = new Set<Deno.Conn>();
  #listener: Deno.Listener | undefined;
  #isStopped = false;

  constructor(options: HttpServerOptions, routes: ReadonlyMap<string, () => Reply>) {
    const listener = open(options, options.port);
    this.port = (listener.addr as Deno.NetAddr).port;
    this.#listener = listener;
    this.#options = options;
    this.#routes = routes;
  }

  [Symbol.dispose](): void {
    this.#isStopped = true;
    close(this.#listener);
    for (const connection of this.#connections) close(connection);
  }

  /** Accepts until disposed of. */
  async serve(): Promise<void> {
    while (!this.#isStopped) {
      try {
        this.#listener ??= this.#reopen();
        this.#take(await this.#listener.accept());
      } catch (error) {
        if (this.#isStopped) return;
        if (this.#listener !== undefined) this.#options.onListenerLost(error);
        close(this.#listener);
        this.#listener = undefined;
        await pause(REOPEN_PAUSE_MS);
      }
    }
  }

  #reopen(): Deno.Listener {
    const listener = open(this.#options, this.port);
    this.#options.onListenerBack();
    return listener;
  }

  #take(connection: Deno.Conn): void {
    if (this.#connections.size >= CONNECTIONS_MAX) {
      const [oldest] = this.#connections;
      this.#connections.delete(oldest!);
      close(oldest);
    }
    this.#connections.add(connection);
    const timer = setTimeout(() => close(connection), CONNECTION_MS_MAX);
    Deno.unrefTimer(timer);
    // An error here affects only this client.
    answerOne(connection, (request) => this.#respond(request)).catch(() => {}).finally(() => {
      clearTimeout(timer);
      this.#connections.delete(connection);
      close(connection);
    });
  }

  #respond({ method, path, host }: HttpRequest): Reply {
    if (host !== undefined && !this.#options.expectsHost(host)) {
      this.#options.onUnexpectedHost(host);
      return MISDIRECTED;
    }
    if (method !== "GET" && method !== "HEAD") return NOT_ALLOWED;
    try {
      return this.#routes.get(path)?.() ?? NOT_FOUND;
    } catch {
      return FAILED;
    }
  }
}

const PLAIN = "text/plain; charset=utf-8";
const NOT_FOUND: Reply = { status: 404, contentType: PLAIN, body: "Not found\n" };
const NOT_ALLOWED: Reply = {
  status: 405,
  contentType: PLAIN,
  body: "Method not allowed\n",
  headers: { allow: "GET, HEAD" },
};
const FAILED: Reply = { status: 500, contentType: PLAIN, body: "Internal error\n" };
const MISDIRECTED: Reply = {
  status: 421,
  contentType: PLAIN,
  body: "Unexpected Host header: add the name to METRICS_ALLOWED_HOSTS, or use an IP address\n",
};

/** Listens and stops at once. @throws CaptureError the error that `startHttpServer` would throw */
export function tryListening(host: string, port: number): void {
  close(open({ host }, port));
}

/** Whether a `startHttpServer` failed only because another process listens there. */
export function isPortInUse(error: unknown): error is CaptureError {
  return error instanceof CaptureError && error.cause instanceof Deno.errors.AddrInUse;
}

function open(
  { host, listen = Deno.listen }: Pick<HttpServerOptions, "host" | "listen">,
  port: number,
): Deno.Listener {
  try {
    const listener = listen({ hostname: host, port });
    listener.unref();
    return listener;
  } catch (error) {
    throw cannotListen(host, port, error);
  }
}

/** Closing twice is harmless: a timer, a newer connection and disposal may all do it. */
function close(closable: { close(): void } | undefined): void {
  try {
    closable?.close();
  } catch {
    // Already closed.
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, milliseconds)));
}

function cannotListen(host: string, port: number, error: unknown): CaptureError {
  const what = `Cannot serve metrics on ${formatAddress({ host, port })}`;
  const off = "METRICS_PORT=0 turns it off";
  if (error instanceof Deno.errors.AddrInUse) {
    const hint = `set METRICS_PORT to a free port, such as ${port === 65535 ? port - 1 : port + 1}; ${off}`;
    return new CaptureError("configuration", `${what}: the port is in use`, {
      hint,
      cause: error,
    });
  }
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    const hint = `set METRICS_PORT to a port above 1023; ${off}`;
    return new CaptureError("configuration", `${what}: permission denied`, { hint, cause: error });
  }
  const found = error instanceof Error ? error.message : String(error);
  const hint = `set METRICS_HOST to an address of this machine, or 0.0.0.0 for all of them; ${off}`;
  return new CaptureError("configuration", `${what}: ${found}`, { hint, cause: error });
}
