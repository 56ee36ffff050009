// Reads a row that is too large to hold, leaving out its long values.

import { keep, LongFrame, type Part } from "../long_frame.ts";
import { HEADER_BYTES } from "../frames.ts";

const NULL_LENGTH = 0xffff_ffff;
/** Replaces the length of an omitted value. */
const OMITTED = new Uint8Array([0xff, 0xff, 0xff, 0xfe]);

/** One DataRow message. An omitted value has the length -2, which PostgreSQL does not send. */
export class LargeRow extends LongFrame {
  protected override *parts(): Generator<Part, void> {
    yield keep(HEADER_BYTES + 2);
    for (let columns = this.uint(2); columns > 0; columns--) {
      yield keep(4);
      const count = this.uint(4);
      if (count === NULL_LENGTH) continue;
      if (count <= this.valueBytesMax) {
        yield keep(count);
        continue;
      }
      this.kept.set(OMITTED, this.length - 4);
      yield { count, keep: false };
    }
  }
}
