// The name of a table, as the stream, topics and messages use it.

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** `table "public"."orders"`. Quoting keeps control characters in a name out of a log. */
export function tableText({ schema, table }: TableName): string {
  return `table ${JSON.stringify(schema)}.${JSON.stringify(table)}`;
}
