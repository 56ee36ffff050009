// The tables whose changes are here already but were not looked at: their topics can be made all at once.

import { peekRelation } from "../decoder/pgoutput/messages.ts";
import type { TableName } from "../core/table_name.ts";
import type { ReplicationStream } from "./ports.ts";

/** In the order of the stream, which describes a table before its first change. */
export function tablesAhead(stream: ReplicationStream): readonly TableName[] {
  const found: TableName[] = [];
  stream.peek((bytes, start, end) => {
    const relation = peekRelation(bytes, start, end);
    if (relation !== null) found.push(relation);
  });
  return found;
}
