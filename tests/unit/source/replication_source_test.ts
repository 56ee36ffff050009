// The command that starts replication.

import { match, strictEqual } from "node:assert";
import { startCommand } from "../../../src/source/replication_source.ts";

Deno.test("replication starts at the slot's own position, whatever the names are", () => {
  strictEqual(
    startCommand({ slot: 'a"b', publication: `it's "mine"`, messages: true }),
    `START_REPLICATION SLOT "a""b" LOGICAL 0/0 (proto_version '1', ` +
      `publication_names '"it''s ""mine"""', messages 'true')`,
  );
});

Deno.test("logical messages that nobody captures are not asked for", () => {
  match(startCommand({ slot: "s", publication: "p", messages: false }), /, messages 'false'\)$/);
});
