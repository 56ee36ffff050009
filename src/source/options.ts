// What the source has to be told: where PostgreSQL is, and which slot and publication to read.

/** Where one PostgreSQL listens. */
export interface PostgresServer {
  /** A name, an address, or the folder of a Unix socket, which begins with a slash. */
  readonly host: string;
  readonly port: number;
}

/** What of a file decides whether it may be read for a secret. */
export interface FileFacts {
  readonly isFile: boolean;
  /** Permission bits, and the owner; null where the system has none. */
  readonly mode: number | null;
  readonly uid: number | null;
}

/** Files of settings. */
export interface SettingsFiles {
  /** The text, undefined where there is no such file. Throws where it can't be read. */
  readonly read: (path: string) => string | undefined;
  /** Undefined where there is no such file. */
  readonly facts: (path: string) => FileFacts | undefined;
}

/** libpq's words (PostgreSQL manual, 34.19.3), without `allow`. */
export type TlsMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

/** Where certificates and keys are. */
export interface TlsPaths {
  /** A path, or `system` for the certificates that the system trusts. */
  readonly rootCertFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Where `.postgresql/` is looked for, as libpq does. */
  readonly home: string | undefined;
  /** The file with what the system trusts (SSL_CERT_FILE); where the common systems have it when undefined. */
  readonly systemCertFile: string | undefined;
}

/** What a TLS connection uses. */
export interface TlsMaterial {
  /** What the server's certificate is checked against: PEM texts, or nothing, and then it is not checked. */
  readonly roots: readonly string[] | undefined;
  /** PEM texts. */
  readonly client: { readonly cert: string; readonly key: string } | undefined;
}

/** How to encrypt. */
export interface TlsSettings {
  readonly mode: TlsMode;
  /** Asked for at each connection, so that files can be changed without a restart. @throws CaptureError `configuration` */
  readonly material: () => TlsMaterial;
}

/** How a server may log a role in: libpq's words (PostgreSQL manual, 34.1.2, require_auth). */
export type AuthMethod = "password" | "md5" | "gss" | "sspi" | "scram-sha-256" | "oauth" | "none";

/** What the server may ask for. */
export interface LoginRules {
  /** Undefined: anything. */
  readonly requireAuth: {
    readonly accepted: readonly AuthMethod[];
    /** Whether it names \`password\`, so that one in cleartext may be sent to a server that is not verified. */
    readonly asksForPassword: boolean;
    /** As a person wrote it. */
    readonly text: string;
  } | undefined;
  /** Whether SCRAM is bound to the server's certificate: never, where the server offers it, or always. */
  readonly channelBinding: "disable" | "prefer" | "require";
}

/** How to connect. */
export interface PostgresOptions {
  /** Tried in order; of several the first that can be written to is taken. At least one. */
  readonly servers: readonly PostgresServer[];
  readonly database: string;
  readonly username: string;
  /** Asked for when a server wants one, so that it can be changed without a restart; undefined: there is none. */
  readonly password: (server: PostgresServer) => string | undefined;
  readonly connectTimeoutMs: number;
  readonly tls: TlsSettings;
  readonly loginRules: LoginRules;
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
  /** The tables that the publication must hold; undefined: pg-capture does not manage it, and it must exist. */
  readonly tables: readonly TablePattern[] | undefined;
  /** Whether logical messages are asked for (pg_logical_emit_message). */
  readonly messages: boolean;
  /** Whether a new slot is kept on standbys (PostgreSQL 17 and later). */
  readonly failover: boolean;
  /** Larger messages are not held: they come without their long values. Undefined: all are held whole. */
  readonly messageBytesMax: number | undefined;
  /** Whether a new slot is dropped with the connection. */
  readonly temporary: boolean;
}
