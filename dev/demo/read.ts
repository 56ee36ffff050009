// `deno task read TOPIC …`: prints the messages of topics as a read-committed consumer gets them, from the first on.

import { startReader } from "./reader.ts";

const stop = new AbortController();
Deno.addSignalListener("SIGINT", () => stop.abort());
Deno.addSignalListener("SIGTERM", () => stop.abort());

if (Deno.args.length === 0) {
  Deno.stderr.writeSync(
    new TextEncoder().encode("Usage: deno task read TOPIC …\nKAFKA_BROKERS says where; localhost:9092\n"),
  );
  Deno.exit(2);
}
await using _reader = await startReader(
  Deno.env.get("KAFKA_BROKERS") || "localhost:9092",
  Deno.args,
  (key, value) => void Deno.stdout.writeSync(new TextEncoder().encode(`${key} ${value}\n`)),
  stop.signal,
);
if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
