// What docs/SNAPSHOTS.md shows of the topic with the states of snapshots is what is written there.

import { deepStrictEqual, ok } from "node:assert";
import {
  decodeSnapshotKey,
  decodeSnapshotState,
  encodeSnapshotKey,
  encodeSnapshotState,
} from "../../../src/sink/snapshot_record.ts";
import { readDocuments } from "../../support/documents.ts";

const document = readDocuments().find(({ path }) => path === "docs/SNAPSHOTS.md");
ok(document);
const [key, value] = document.blocks.filter(({ language }) => language === "json").map(({ text }) =>
  new TextEncoder().encode(JSON.stringify(JSON.parse(text)))
);

Deno.test("the key and the value of the state topic are as docs/SNAPSHOTS.md shows them", () => {
  const { system_identifier: systemIdentifier, database, slot } = JSON.parse(textOf(key!));
  const identity = { systemIdentifier, database, slot };
  const about = decodeSnapshotKey(identity, key!);
  ok(about?.kind === "state");
  deepStrictEqual(textOf(encodeSnapshotKey(identity, about)), textOf(key!));
  deepStrictEqual(textOf(encodeSnapshotState(decodeSnapshotState(about, value!))), textOf(value!));
});

Deno.test("each field of a state has its row in docs/SNAPSHOTS.md, and the other way about", () => {
  const table = document.text.split("| field ")[1]!.split("\n\n")[0]!;
  const rows = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!);
  deepStrictEqual(rows, Object.keys(JSON.parse(textOf(value!))));
});

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
