// The tables whose changes are received but not decoded yet, so that their topics can be created all at once.

import { peekRelation } from "../decoder/pgoutput/messages.ts";
import type { TableName } from "../core/table_name.ts";
import type { ReplicationStream } from "./ports.ts";

/** In the order of the stream: PostgreSQL describes a table before its first change. */
export function tablesAhead(stream: ReplicationStream): readonly TableName[] {
  const found: TableName[] = [];
  stream.peek((bytes, start, end) => {
    const relation = peekRelation(bytes, start, end);
    if (relation !== null) found.push(relation);
  });
  return found;
}
