// The tables whose changes are here already but were not looked at: their topics can be made all at once.

import { peekRelation } from "../decoder/pgoutput/messages.ts";
import type { ReplicationStream } from "./ports.ts";

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** In the order of the stream, which describes a table before its first change. */
export function tablesAhead(stream: ReplicationStream): readonly TableName[] {
  const found: TableName[] = [];
  stream.peek((bytes, start, end) => {
    const relation = peekRelation(bytes, start, end);
    if (relation !== null) found.push(relation);
  });
  return found;
}
