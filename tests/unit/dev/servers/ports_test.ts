// Ports for servers: a port that is given twice is one server that can't start.

import { notStrictEqual, ok, strictEqual } from "node:assert";
import { freePort } from "../../../../dev/servers/ports.ts";

const MANY = 1_000;

Deno.test("no port is given twice, although nobody listens on it yet", () => {
  const ports = Array.from({ length: MANY }, freePort);
  strictEqual(new Set(ports).size, MANY);
  ok(ports.every((port) => port >= 20_000 && port < 32_000));
});

Deno.test("a port that somebody listens on is passed over", () => {
  const port = freePort() + 1;
  using _taken = Deno.listen({ hostname: "127.0.0.1", port });
  notStrictEqual(freePort(), port);
});
