// The command that starts replication.

import { strictEqual } from "node:assert";
import { startCommand } from "../../../src/source/replication_source.ts";

Deno.test("replication starts at the slot's own position, whatever the names are", () => {
  strictEqual(
    startCommand('a"b', `it's "mine"`),
    `START_REPLICATION SLOT "a""b" LOGICAL 0/0 (proto_version '1', ` +
      `publication_names '"it''s ""mine"""', messages 'true')`,
  );
});
