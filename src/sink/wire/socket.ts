// The door to the network: opens a TCP connection to a broker.

import { CaptureError } from "../../core/errors.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** What was agreed on with the other side of an encrypted connection. */
export interface TlsFacts {
  /** `TLSv1.3`; undefined where the runtime doesn't say. */
  readonly protocol: string | undefined;
  /** The broker's certificate. */
  readonly certificate: PresentedCertificate;
}

/** What a certificate says of itself. */
export interface PresentedCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** What a connection needs of a socket. */
export interface Socket {
  /** Absent where bytes go unencrypted. */
  readonly tls?: TlsFacts;
  /** Reads at least one byte; null at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes at least one byte, and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/**
 * Connects.
 * @throws CaptureError `kafka-unavailable` when it is refused or takes longer than `timeoutMs`
 */
export async function openSocket(address: HostPort, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const socket = await Deno.connect({ hostname: address.host, port: address.port, signal: limit });
    socket.setNoDelay(true);
    return socket;
  } catch (cause) {
    signal.throwIfAborted();
    const found = limit.aborted ? `no answer within ${timeoutMs / 1000} s` : messageOf(cause);
    throw new CaptureError(
      "kafka-unavailable",
      `Cannot connect to Kafka broker ${formatAddress(address)}: ${found}`,
      { hint: "start the broker, or correct KAFKA_BROKERS", cause },
    );
  }
}

/** `host:port`, as in KAFKA_BROKERS. */
export function formatAddress({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function messageOf(cause: unknown): string {
  if (cause instanceof Deno.errors.ConnectionRefused) return "connection refused";
  if (cause instanceof Error && cause.message.includes("failed to lookup address")) {
    return "there is no host of that name";
  }
  return cause instanceof Error ? cause.message : String(cause);
}
