// A table rule: a `[[tables]]` block of the TOML file.

/** The parts of a pattern between its stars: `["users"]` for `users`, `["", "_log"]` for `*_log`. */
export type NamePattern = readonly string[];

/** Matches tables by schema and name. */
export interface TablePattern {
  readonly schema: NamePattern;
  readonly table: NamePattern;
}

/** The placeholders of a topic template. */
export const PLACEHOLDERS = ["prefix", "database", "schema", "table"] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** Text and placeholders in order: `app.{table}` is `["app.", { placeholder: "table" }]`. */
export type TopicTemplate = readonly (string | { readonly placeholder: Placeholder })[];

/** Of several rules that match a table, the first one applies. */
export interface TableRule {
  readonly match: readonly TablePattern[];
  /** Undefined for the default topic. */
  readonly topic: TopicTemplate | undefined;
}
