// What the source has to be told: where PostgreSQL is, and which slot and publication to read.

/** How to connect. */
export interface PostgresOptions {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  /** Asked for at each connection, so that a password can be changed without a restart. */
  readonly password: () => string;
  readonly connectTimeoutMs: number;
}

/** A name in which stars stand for anything: the pieces between them. `["users"]`, `["", ""]` for `*`. */
export type NamePattern = readonly string[];

/** Tables by their names. */
export interface TablePattern {
  readonly schema: NamePattern;
  readonly table: NamePattern;
  /** As a person wrote it. */
  readonly text: string;
}

/** What to replicate. */
export interface ReplicationOptions {
  readonly slot: string;
  readonly publication: string;
  /** Which tables the publication is made of and kept to; undefined: it is somebody else's, and has to be there. */
  readonly tables: readonly TablePattern[] | undefined;
  /** Whether a slot that is made is kept on standbys (PostgreSQL 17 and later). */
  readonly failover: boolean;
  /** Larger messages are not held: they come without their long values. Undefined: all are held whole. */
  readonly messageBytesMax: number | undefined;
  /** Whether a slot that is made is dropped with the connection. */
  readonly temporary: boolean;
}
