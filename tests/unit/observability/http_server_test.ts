// The HTTP server: what it takes for a request, by which names it may be called, and what its answers allow a
// browser.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { createHash } from "node:crypto";
import { hostRule } from "../../../src/observability/allowed_hosts.ts";
import { parseRequestHead } from "../../../src/observability/http_request.ts";
import { type HttpServerOptions, startHttpServer } from "../../../src/observability/http_server.ts";
import { STATUS_PAGE, STATUS_PAGE_POLICY } from "../../../src/observability/status_page/page.ts";

Deno.test("a request is its method, path and host, however a client writes them", () => {
  const cases: Readonly<Record<string, unknown>> = {
    "GET /metrics?x=1 HTTP/1.1\r\nHost: Localhost:9090": {
      method: "GET",
      path: "/metrics",
      host: "localhost",
    },
    "HEAD / HTTP/1.1\r\nx: y\r\nhost:\t[::1]:9090 ": { method: "HEAD", path: "/", host: "::1" },
    "GET http://a.example/b HTTP/1.1\r\nHost: localhost": { method: "GET", path: "/b", host: "a.example" },
    "GET / HTTP/1.0": { method: "GET", path: "/", host: undefined },
    "GET / HTTP/1.1\r\nHost: a.example.": { method: "GET", path: "/", host: "a.example" },
  };
  for (const [head, request] of Object.entries(cases)) {
    deepStrictEqual(parseRequestHead(`${head}\r\n\r\n`), request, head);
  }
});

Deno.test("what is not HTTP/1, or leaves open which host is meant, is no request", () => {
  for (
    const head of [
      "",
      "GET /",
      "GET / HTTP/2.0\r\nHost: a",
      "GET / HTTP/1.1",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b",
      "GET / HTTP/1.1\r\nHost: localhost@evil.example",
      "GET / HTTP/1.1\r\nHost: localhost/evil",
      "GET / HTTP/1.1\r\nHost: localhost\r\n folded",
      "GET / HTTP/1.1\r\nHost : localhost",
      "GET / HTTP/1.1\nHost: localhost",
      "GET http://localhost@evil.example/ HTTP/1.1\r\nHost: localhost",
      "GET ftp://localhost/ HTTP/1.1\r\nHost: localhost",
      "GET /\u0000 HTTP/1.1\r\nHost: localhost",
    ]
  ) {
    strictEqual(parseRequestHead(`${head}\r\n\r\n`), undefined, JSON.stringify(head));
  }
});

Deno.test("addresses and own names are expected, names that somebody else controls are not", () => {
  const expects = hostRule({
    bindHost: "0.0.0.0",
    machineName: "Pod-7",
    allowed: ["prom.Internal", "*.svc.cluster.local"],
  });
  for (
    const host of [
      "127.0.0.1",
      "10.2.3.4",
      "::1",
      "localhost",
      "pod-7",
      "prom.internal",
      "a.svc.cluster.local",
    ]
  ) {
    ok(expects(host), host);
  }
  for (
    const host of [
      "evil.example",
      "svc.cluster.local",
      "xsvc.cluster.local",
      "a.localhost",
      "pod-7.evil",
      "",
      "*",
    ]
  ) {
    ok(!expects(host), host);
  }
  ok(!hostRule({ bindHost: "127.0.0.1", machineName: undefined, allowed: [] })(""));
});

Deno.test("the page's policy allows its script and its style by their hashes, and nothing inline beside them", () => {
  const sources = ["script", "style"].map((tag) => {
    const parts = STATUS_PAGE.split(`<${tag}>`);
    strictEqual(parts.length, 2, tag);
    const text = parts[1]!.split(`</${tag}>`)[0]!;
    return `${tag}-src 'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  });
  for (const source of sources) ok(STATUS_PAGE_POLICY.split("; ").includes(source), source);
  ok(!STATUS_PAGE_POLICY.includes("unsafe"));
  // What a hash does not cover.
  ok(!/ (?:style|on\w+)=|javascript:|innerHTML|insertAdjacentHTML/.test(STATUS_PAGE));
});

Deno.test("every answer has the headers that keep a browser from guessing, framing and sharing", async () => {
  using server = startHttpServer(
    options(),
    new Map([["/", () => ({ contentType: "text/plain", body: "page" })]]),
  );
  const expected = { "/": [200, "page"], "/nothing": [404, "Not found\n"] } as const;
  for (const [path, [status, body]] of Object.entries(expected)) {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    strictEqual(response.status, status);
    strictEqual(await response.text(), body);
    strictEqual(response.headers.get("x-content-type-options"), "nosniff");
    match(
      response.headers.get("content-security-policy") ?? "",
      /default-src 'none'.*frame-ancestors 'none'/,
    );
    strictEqual(response.headers.get("cross-origin-resource-policy"), "same-origin");
    strictEqual(response.headers.get("cache-control"), "no-store");
  }
  const head = await fetch(`http://127.0.0.1:${server.port}/`, { method: "HEAD" });
  strictEqual(head.headers.get("content-length"), "4");
  strictEqual(await head.text(), "");
});

Deno.test("a route that throws is an answer of 500, and the next request is served", async () => {
  let calls = 0;
  const route = () => {
    if (calls++ === 0) throw new Error("planted");
    return { contentType: "text/plain", body: "again" };
  };
  using server = startHttpServer(options(), new Map([["/", route]]));
  const ask = async () => await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
  strictEqual(await ask(), "Internal error\n");
  strictEqual(await ask(), "again");
});

Deno.test("a head above 8 kB is refused", async () => {
  using server = startHttpServer(options(), new Map());
  const long = await fetch(`http://127.0.0.1:${server.port}/`, { headers: { x: "x".repeat(9000) } });
  strictEqual(long.status, 431);
  await long.body?.cancel();
});

Deno.test("connections that say nothing make way for one that asks", async () => {
  using server = startHttpServer(
    options(),
    new Map([["/", () => ({ contentType: "text/plain", body: "page" })]]),
  );
  const idle = await Promise.all(
    Array.from({ length: 40 }, () => Deno.connect({ hostname: "127.0.0.1", port: server.port })),
  );
  try {
    strictEqual(await (await fetch(`http://127.0.0.1:${server.port}/`)).text(), "page");
    // The oldest is closed; the newest is not.
    strictEqual(await idle[0]!.read(new Uint8Array(1)), null);
    const newest = idle.at(-1)!.read(new Uint8Array(1)).catch(() => "closed here");
    strictEqual(
      await Promise.race([newest, new Promise((resolve) => setTimeout(resolve, 100, "open"))]),
      "open",
    );
  } finally {
    for (const connection of idle) connection.close();
  }
});

Deno.test("a request by a name that is not expected gets 421, and nothing of the page", async () => {
  const refused: string[] = [];
  const expectsHost = (host: string) => host !== "127.0.0.1";
  using server = startHttpServer(
    { ...options(), expectsHost, onUnexpectedHost: (host) => refused.push(host) },
    new Map([["/", () => ({ contentType: "text/plain", body: "page" })]]),
  );
  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  strictEqual(response.status, 421);
  match(await response.text(), /METRICS_ALLOWED_HOSTS/);
  deepStrictEqual(refused, ["127.0.0.1"]);
});

Deno.test("a listener that ends is opened again on the same port, and both are told", async () => {
  const told: string[] = [];
  let opened = 0;
  const listen = (asked: Deno.ListenOptions) => {
    const listener = Deno.listen(asked);
    if (opened++ === 0) listener.accept = () => Promise.reject(new Error("planted"));
    return listener;
  };
  using server = startHttpServer(
    {
      ...options(),
      listen,
      onListenerLost: (error) => told.push(`lost: ${(error as Error).message}`),
      onListenerBack: () => told.push("back"),
    },
    new Map([["/", () => ({ contentType: "text/plain", body: "page" })]]),
  );
  await new Promise((resolve) => setTimeout(resolve, 700));
  strictEqual(await (await fetch(`http://127.0.0.1:${server.port}/`)).text(), "page");
  deepStrictEqual(told, ["lost: planted", "back"]);
});

function options(): HttpServerOptions {
  return {
    host: "127.0.0.1",
    port: 0,
    expectsHost: () => true,
    onUnexpectedHost: () => {},
    onListenerLost: () => {},
    onListenerBack: () => {},
  };
}
