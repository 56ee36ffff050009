// `status --health`: whether an instance is alive, by its exit code.

import { match, rejects, strictEqual } from "node:assert";
import { health } from "../../../src/cli/health.ts";

Deno.test("an instance that answers is alive, on all addresses too", async () => {
  await using server = Deno.serve({ port: 0, onListen: () => {} }, (request) => {
    return new Response(null, { status: new URL(request.url).pathname === "/healthz" ? 200 : 404 });
  });
  for (const host of ["127.0.0.1", "0.0.0.0", "localhost"]) {
    strictEqual((await ask(host, server.addr.port)).code, 0, host);
  }
});

Deno.test("one that answers something else, not at all or not in time is not", async () => {
  {
    await using broken = Deno.serve(
      { port: 0, onListen: () => {} },
      () => new Response(null, { status: 500 }),
    );
    const { code, printed } = await ask("127.0.0.1", broken.addr.port);
    strictEqual(code, 1);
    match(printed, /^not alive on 127\.0\.0\.1:\d+: answered 500\n$/);
  }
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const late = await ask("127.0.0.1", silent.addr.port, AbortSignal.timeout(50));
  strictEqual(late.code, 1);
  match(late.printed, /no answer in time/);
  const { port } = silent.addr;
  silent.close();
  const gone = await ask("127.0.0.1", port);
  strictEqual(gone.code, 1);
  match(gone.printed, /ECONNREFUSED/);
});

Deno.test("a proxy in the environment is not asked", async () => {
  await using server = Deno.serve({ port: 0, onListen: () => {} }, () => new Response());
  Deno.env.set("HTTP_PROXY", "http://127.0.0.1:9");
  try {
    strictEqual((await ask("127.0.0.1", server.addr.port)).code, 0);
  } finally {
    Deno.env.delete("HTTP_PROXY");
  }
});

Deno.test("with the port off, there is nothing to ask", async () => {
  await rejects(() => ask("127.0.0.1", 0), /Cannot check the health: METRICS_PORT is 0/);
});

async function ask(host: string, port: number, signal = new AbortController().signal) {
  let printed = "";
  const output = { print: (text: string) => void (printed += text) };
  const code = await health({ metrics: { host, port } }, output, signal);
  return { code, printed };
}
