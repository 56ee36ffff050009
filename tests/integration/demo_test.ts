// The demo as a newcomer starts it: it shows messages, and ends by itself with nothing lost.

import { match, strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";

Deno.test("the demo shows every change that is committed, and ends cleanly", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "demo", "--seconds", "2", "--rate", "10"],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { DENO_NO_UPDATE_CHECK: "1", PG_HOST: "", KAFKA_BROKERS: "" },
    stdin: "null",
    stderr: "inherit",
    signal: AbortSignal.timeout(300_000),
  }).output();
  const text = new TextDecoder().decode(stdout);
  match(text, /^\d\d:\d\d:\d\d\.\d{3} INSERT users +id=1 +name=/m);
  match(text, /^\d\d:\d\d:\d\d\.\d{3} INSERT order_items order_id=1 line=1 +sku=/m);
  const [, committed, received] = /(\d+) changes committed, (\d+) received/.exec(text) ?? [];
  strictEqual(received, committed);
  strictEqual(code, 0);
});
