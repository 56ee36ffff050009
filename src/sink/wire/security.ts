// How a connection to a broker is secured: TLS, a login, both or none.

import type { TlsFiles } from "./tls_files.ts";

/** What Kafka's `security.protocol` and its companions say. */
export interface KafkaSecurity {
  /** Absent: bytes go as they are. */
  readonly tls?: TlsSettings;
  /** Absent: nobody logs in. */
  readonly sasl?: SaslSettings;
}

/** The security of `security.protocol=PLAINTEXT`: none. */
export const PLAINTEXT: KafkaSecurity = {};

export interface TlsSettings {
  readonly files: TlsFiles;
  /** Whether the certificate has to be for the name that was dialled; its chain is checked in any case. */
  readonly verifiesHost: boolean;
}

/** Secrets are asked for at each login, so that they may change while the program runs. */
export type SaslSettings =
  | {
    readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
    readonly username: string;
    readonly password: () => string;
  }
  | {
    readonly mechanism: "OAUTHBEARER";
    /**
     * A token that can be used now.
     * @param isRenewal whether the last login's token is about to end, and another is wanted
     * @throws CaptureError
     */
    readonly token: (signal: AbortSignal, isRenewal: boolean) => Promise<string>;
  };
