// The lint rule that holds the borders between modules.

import { match, strictEqual } from "node:assert";
import { doorFault, importFault } from "../../../../dev/lint/borders.ts";

Deno.test("the decoder imports no adapter, and no adapter another", () => {
  match(
    importFault("decoder/envelope.ts", "../sink/batch.ts") ?? "",
    /src\/decoder may not import src\/sink\/batch\.ts/,
  );
  match(importFault("source/slot.ts", "../sink/batch.ts") ?? "", /src\/source may not import/);
  match(importFault("sink/wire/socket.ts", "../../source/socket.ts") ?? "", /src\/sink may not import/);
  match(importFault("pipeline/session.ts", "../sink/kafka_sink.ts") ?? "", /src\/pipeline may not import/);
});

Deno.test("adapters import nothing of the pipeline but ports", () => {
  match(importFault("sink/batch.ts", "../pipeline/oversize.ts") ?? "", /src\/sink may not import/);
  match(importFault("source/slot.ts", "../pipeline/events.ts") ?? "", /src\/source may not import/);
  match(importFault("observability/statistics.ts", "../pipeline/reconcile.ts") ?? "", /may not import/);
});

Deno.test("adapters import their port, and the composition root everything", () => {
  strictEqual(importFault("sink/kafka_sink.ts", "../pipeline/ports.ts"), undefined);
  strictEqual(importFault("observability/statistics.ts", "../pipeline/events.ts"), undefined);
  strictEqual(importFault("sink/wire/apis/fetch.ts", "../api.ts"), undefined);
  strictEqual(importFault("cli/run.ts", "../sink/kafka_sink.ts"), undefined);
});

Deno.test("a package and a member of Deno have one door each", () => {
  strictEqual(doorFault("source/login.ts", "pg"), undefined);
  match(doorFault("cli/run.ts", "pg") ?? "", /pg has its door in src\/source\/login\.ts/);
  match(doorFault("pipeline/session.ts", "Deno.exit") ?? "", /Deno\.exit has its door/);
  match(importFault("sink/batch.ts", "pg") ?? "", /pg has its door/);
});
