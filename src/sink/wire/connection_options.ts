// The options of a connection to a broker.

import type { KafkaSecurity } from "./security.ts";

export interface ConnectionOptions {
  /** Identifies this program in the broker's logs and quotas. */
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  /** Time limit for a response. When it passes, the connection is closed. */
  readonly requestTimeoutMs: number;
  readonly security: KafkaSecurity;
}
