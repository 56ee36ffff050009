// Applies the table rules of a configuration to tables.

import { matchesTable } from "./table_pattern.ts";
import type { TableRule } from "./table_rule.ts";
import { DEFAULT_TOPIC, renderTopic } from "./topic_name.ts";

/** The result of the rules for one table. */
interface CompiledRule {
  readonly topic: string;
}

/** The rules in order, with the values of placeholders that are the same for all tables. */
export class TableRules {
  readonly #rules: readonly TableRule[];
  readonly #prefix: string;
  readonly #database: string;

  constructor(rules: readonly TableRule[], prefix: string, database: string) {
    this.#rules = rules;
    this.#prefix = prefix;
    this.#database = database;
  }

  /** Applies the first rule that matches the table, or the defaults if none does. */
  compile(schema: string, table: string): CompiledRule {
    const rule = this.#rules.find(({ match }) =>
      match.some((pattern) => matchesTable(pattern, schema, table))
    );
    const values = { prefix: this.#prefix, database: this.#database, schema, table };
    return { topic: renderTopic(rule?.topic ?? DEFAULT_TOPIC, values) };
  }
}
