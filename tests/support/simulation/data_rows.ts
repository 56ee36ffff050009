// Rows as a reader hands them over.

import { utf8 } from "../../../src/core/utf8.ts";
import type { RowBlock } from "../../../src/pipeline/snapshot_ports.ts";
import { join } from "../../../dev/fixtures/pgoutput_bytes.ts";

/** A block of rows of text. After `release`, its bytes are others. */
export function dataRows(rows: readonly (readonly (string | null)[])[]): RowBlock {
  const bodies = rows.map((row) =>
    join([new Uint8Array([row.length >> 8, row.length]), ...row.map((value) => cell(value))])
  );
  const starts = new Uint32Array(rows.length);
  let end = 0;
  bodies.forEach((body, index) => {
    starts[index] = end;
    end += body.length;
  });
  const bytes = join(bodies);
  return { bytes, count: rows.length, starts, end, omitted: new Map(), release: () => void bytes.fill(0x2a) };
}

function cell(value: string | null): Uint8Array {
  if (value === null) return new Uint8Array([0xff, 0xff, 0xff, 0xff]);
  const text = utf8(value);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length);
  return join([length, text]);
}
