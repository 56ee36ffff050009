// Microbenchmark: one replicated message to one envelope, key and value.

import { readMessage, RowChange } from "../../src/decoder/pgoutput/messages.ts";
import { decoderInTransaction, MESSAGES } from "./rows.ts";

const decoder = decoderInTransaction();
const change = new RowChange();

for (const [name, message] of Object.entries(MESSAGES)) {
  Deno.bench({
    name: "read the message alone",
    group: name,
    fn: () => {
      readMessage(message.bytes, message.start, message.end, change);
    },
  });
  Deno.bench({
    name: "to an envelope",
    group: name,
    fn: () => {
      decoder.decode(message);
      while (decoder.nextRecord());
    },
  });
}
