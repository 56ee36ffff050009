// Rows of a snapshot as PostgreSQL would have sent them.

import { join } from "../../dev/fixtures/pgoutput_bytes.ts";
import { Visibility } from "../../src/core/visibility.ts";
import type { Lsn } from "../../src/core/position.ts";
import { utf8 } from "../../src/core/utf8.ts";
import type { Chunk, ReadMoment, RowBlock, SnapshotTable } from "../../src/pipeline/snapshot_ports.ts";

/** The values of a row as text; null for NULL. */
export type RowText = readonly (string | null)[];

/** A block of which it is known whether it was given back. */
export interface FakeBlock extends RowBlock {
  readonly isReleased: boolean;
}

export function rowBlock(rows: readonly RowText[]): FakeBlock {
  const bodies = rows.map(dataRow);
  const starts = new Uint32Array(rows.length);
  let end = 0;
  for (const [index, body] of bodies.entries()) {
    starts[index] = end;
    end += body.length;
  }
  const block = {
    bytes: join(bodies),
    count: rows.length,
    starts,
    end,
    omitted: new Map<number, number>(),
    isReleased: false,
    release: () => {
      // Whoever reads on gets the rows of another chunk.
      block.isReleased = true;
      block.bytes.fill(0xee);
    },
  };
  return block;
}

/** The body of a DataRow message. */
export function dataRow(row: RowText): Uint8Array {
  const values = row.map((value) => {
    const bytes = utf8(value ?? "");
    return join([int32(value === null ? -1 : bytes.length), bytes]);
  });
  return join([new Uint8Array([row.length >> 8, row.length]), ...values]);
}

/** @param visible as `pg_current_snapshot()` prints it */
export function moment(visible: string, walEnd: Lsn): ReadMoment {
  return { visibility: Visibility.parse(visible)!, walEnd, timeMs: 1_700_000_000_000 };
}

export function chunk(rows: readonly RowText[], at: ReadMoment, isLast = false): Chunk & { rows: FakeBlock } {
  return { rows: rowBlock(rows), moment: at, isLast };
}

export const TEXT = 25;
export const INT4 = 23;

/** Table `public.item` with key `id` and columns name and big, as a reader describes it. */
export const ITEM_TABLE: SnapshotTable = {
  relation: {
    id: 7,
    schema: "public",
    table: "item",
    replicaIdentity: "default",
    columns: [
      { name: "id", typeOid: INT4, isIdentity: true },
      { name: "name", typeOid: TEXT, isIdentity: false },
      { name: "big", typeOid: TEXT, isIdentity: false },
    ],
  },
  primaryKey: undefined,
  unknownTypes: [],
  order: [0],
  orderNames: ["id"],
  orderRule: "integer",
  rowsExpected: null,
};

function int32(value: number): Uint8Array {
  return new Uint8Array([value >> 24, value >> 16, value >> 8, value]);
}
