// What the decoder has to know of a PostgreSQL type to write its values as JSON.

/** A type, resolved down to what decides the JSON form. */
export type PgType =
  /** A base type of PostgreSQL's own, which are known by OID: its `pg_type.typname`. */
  | { readonly kind: "base"; readonly name: string }
  /** A base type that an extension owns (`pg_depend`), whichever schema the extension is installed in. */
  | { readonly kind: "extension"; readonly extension: string; readonly name: string }
  /** Any other base type, whatever its name, and a type that is unknown: written as PostgreSQL prints it. */
  | { readonly kind: "other" }
  | { readonly kind: "enum" }
  | { readonly kind: "range" }
  | { readonly kind: "domain"; readonly base: PgType }
  /** `delimiter` is `pg_type.typdelim`: a comma for all types but `box`, which has a semicolon. */
  | { readonly kind: "array"; readonly element: PgType; readonly delimiter: string }
  | CompositeType;

/** A composite type by its attributes. */
export interface CompositeType {
  readonly kind: "composite";
  readonly fields: readonly CompositeField[];
  /** For errors. */
  readonly name?: string;
  /**
   * Whether no attribute was ever dropped: a value with fewer fields, written before the others were added, then
   * has the first ones.
   */
  readonly onlyGrew?: boolean;
}

/** One attribute of a composite type, in the order of `pg_attribute.attnum`, dropped ones left out. */
export interface CompositeField {
  readonly name: string;
  readonly type: PgType;
}
