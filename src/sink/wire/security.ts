// How a connection to a broker is secured: with TLS, a login, both or neither.

import type { TlsFiles } from "./tls_files.ts";

/** The meaning of Kafka's `security.protocol` and related settings. */
export interface KafkaSecurity {
  /** Absent: no encryption. */
  readonly tls?: TlsSettings;
  /** Absent: no login. */
  readonly sasl?: SaslSettings;
}

/** The security of `security.protocol=PLAINTEXT`: none. */
export const PLAINTEXT: KafkaSecurity = {};

export interface TlsSettings {
  readonly files: TlsFiles;
  /** Whether the certificate has to be issued for the broker's host name. Its chain is always verified. */
  readonly verifiesHost: boolean;
}

/** Secrets are read at each login, so that they may change while the program runs. */
export type SaslSettings =
  | {
    readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
    readonly username: string;
    readonly password: () => string;
  }
  | {
    readonly mechanism: "OAUTHBEARER";
    /**
     * Returns a valid token.
     * @param isRenewal whether the token of the last login is about to expire
     * @throws CaptureError
     */
    readonly token: (signal: AbortSignal, isRenewal: boolean) => Promise<string>;
  };
