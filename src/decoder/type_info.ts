// What the decoder has to know of a PostgreSQL type to write its values as JSON.

/** A type, resolved down to what decides the JSON form. Base types are told apart by name (`pg_type.typname`). */
export type TypeInfo =
  | { readonly kind: "base"; readonly name: string }
  | { readonly kind: "enum" }
  | { readonly kind: "range" }
  | { readonly kind: "domain"; readonly base: TypeInfo }
  /** `delimiter` is `pg_type.typdelim`: a comma for all types but `box`, which has a semicolon. */
  | { readonly kind: "array"; readonly element: TypeInfo; readonly delimiter: string }
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
  readonly type: TypeInfo;
}

/** Types by OID: PostgreSQL's own are built in, others come from the catalog. */
export interface TypeCatalog {
  /** The type, or undefined when its OID is not known yet and must be looked up first. */
  get(oid: number): TypeInfo | undefined;
}
