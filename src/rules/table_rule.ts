// A table rule, as a `[[tables]]` block of the TOML file states it.

/** The parts of a name that lie between its stars: `["users"]` for `users`, `["", "_log"]` for `*_log`. */
export type NamePattern = readonly string[];

/** Tables by schema and name. */
export interface TablePattern {
  readonly schema: NamePattern;
  readonly table: NamePattern;
}

/** What a topic template takes from the table and from the configuration. */
export const PLACEHOLDERS = ["prefix", "database", "schema", "table"] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** Text and placeholders in their order: `app.{table}` is `["app.", { placeholder: "table" }]`. */
export type TopicTemplate = readonly (string | { readonly placeholder: Placeholder })[];

/** The first rule that matches a table is its rule. */
export interface TableRule {
  readonly match: readonly TablePattern[];
  /** Undefined: the default topic. */
  readonly topic: TopicTemplate | undefined;
}
