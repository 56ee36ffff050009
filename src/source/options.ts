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

/** What to replicate. */
export interface ReplicationOptions {
  readonly slot: string;
  readonly publication: string;
  /** Whether a slot that is made is kept on standbys (PostgreSQL 17 and later). */
  readonly failover: boolean;
}
