// The name of a table, as the stream, topics and messages use it.

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** `table "public"."orders"`. Quoted, so that control characters in a name do no harm in a log. */
export function tableText({ schema, table }: TableName): string {
  return `table ${JSON.stringify(schema)}.${JSON.stringify(table)}`;
}
