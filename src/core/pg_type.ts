// A PostgreSQL type, reduced to the details that formats need.

/** A type, resolved to what decides the form of its values. */
export type PgType =
  /** A built-in base type. `name` is `pg_type.typname`. */
  | { readonly kind: "base"; readonly name: string }
  /**
   * A base type of an extension (`pg_depend`), regardless of the schema that the extension is installed in.
   */
  | { readonly kind: "extension"; readonly extension: string; readonly name: string }
  /**
   * Any other base type, regardless of its name, and unknown types. Values are written as PostgreSQL prints
   * them.
   */
  | { readonly kind: "other" }
  | { readonly kind: "enum" }
  | { readonly kind: "range" }
  | { readonly kind: "domain"; readonly base: PgType }
  /** `delimiter` is `pg_type.typdelim`: a comma for all built-in types but `box`, which has a semicolon. */
  | { readonly kind: "array"; readonly element: PgType; readonly delimiter: string }
  | CompositeType;

/** A composite type. */
export interface CompositeType {
  readonly kind: "composite";
  readonly fields: readonly CompositeField[];
  /** For error messages. */
  readonly name?: string;
  /**
   * Whether no attribute was ever dropped. A value with fewer fields was then written before the others were
   * added, so it has the first ones.
   */
  readonly onlyGrew?: boolean;
}

/**
 * An attribute of a composite type. Fields are in the order of `pg_attribute.attnum`, without dropped
 * attributes.
 */
export interface CompositeField {
  readonly name: string;
  readonly type: PgType;
}
