// The options of the source: the PostgreSQL server, and the slot and publication to read.

/** The address of a PostgreSQL server. */
export interface PostgresServer {
  /** A name, an address, or the directory of a Unix socket, which begins with a slash. */
  readonly host: string;
  readonly port: number;
}

/** The facts about a file that decide whether a secret may be read from it. */
export interface FileFacts {
  readonly isFile: boolean;
  /** The permission bits and the owner; null if the system has none. */
  readonly mode: number | null;
  readonly uid: number | null;
}

/** Access to files of settings. */
export interface SettingsFiles {
  /** The file's text; undefined if the file does not exist. Throws if it can't be read. */
  readonly read: (path: string) => string | undefined;
  /** Undefined if the file does not exist. */
  readonly facts: (path: string) => FileFacts | undefined;
}

/** The names of libpq (PostgreSQL manual, 34.19.3), without `allow`. */
export type TlsMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

/** The locations of certificates and keys. */
export interface TlsPaths {
  /** A path, or `system` for the certificates that the system trusts. */
  readonly rootCertFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** The directory searched for `.postgresql/`, as in libpq. */
  readonly home: string | undefined;
  /** The file of system-trusted certificates (SSL_CERT_FILE); undefined for the usual locations. */
  readonly systemCertFile: string | undefined;
}

/** The certificates and keys of a TLS connection. */
export interface TlsMaterial {
  /** The roots, as PEM texts, that verify the server's certificate; undefined to skip verification. */
  readonly roots: readonly string[] | undefined;
  /** PEM texts. */
  readonly client: { readonly cert: string; readonly key: string } | undefined;
}

/** How to encrypt. */
export interface TlsSettings {
  readonly mode: TlsMode;
  /**
   * Called for each connection, so that files can change without a restart.
   * @throws CaptureError `configuration`
   */
  readonly material: () => TlsMaterial;
}

/** How a server may authenticate a role, in the terms of libpq (PostgreSQL manual, 34.1.2, require_auth). */
export type AuthMethod = "password" | "md5" | "gss" | "sspi" | "scram-sha-256" | "oauth" | "none";

/** The authentication that the server may ask for. */
export interface LoginRules {
  /** Undefined allows anything. */
  readonly requireAuth: {
    readonly accepted: readonly AuthMethod[];
    /** Whether it names `password`, so that a cleartext password may be sent to an unverified server. */
    readonly asksForPassword: boolean;
    /** As a person wrote it. */
    readonly text: string;
  } | undefined;
  /** Whether SCRAM is bound to the server's certificate: never, if the server offers it, or always. */
  readonly channelBinding: "disable" | "prefer" | "require";
}

/** How to connect. */
export interface PostgresOptions {
  /** At least one server, tried in order. If there are several, the first one that accepts writes is used. */
  readonly servers: readonly PostgresServer[];
  readonly database: string;
  readonly username: string;
  /**
   * Called when a server asks for a password, so that it can change without a restart; undefined if there is
   * none.
   */
  readonly password: (server: PostgresServer) => string | undefined;
  readonly connectTimeoutMs: number;
  readonly tls: TlsSettings;
  readonly loginRules: LoginRules;
}

/** A name with wildcards, as the pieces between the stars: `["users"]`; `["", ""]` for `*`. */
export type NamePattern = readonly string[];

/** A pattern for table names. */
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
  /** The tables of the managed publication; undefined if pg-capture does not manage it and it must exist. */
  readonly tables: readonly TablePattern[] | undefined;
  /** Whether to request logical messages (pg_logical_emit_message). */
  readonly messages: boolean;
  /** Whether a new slot is kept on standbys (PostgreSQL 17 and later). */
  readonly failover: boolean;
  /** Larger messages are returned without their long values; undefined for no limit. */
  readonly messageBytesMax: number | undefined;
  /** Whether a new slot is dropped with the connection. */
  readonly temporary: boolean;
}
