// Opens a TCP connection to a broker.

import { formatAddress, type HostPort } from "../../core/address.ts";
import { advice, setting } from "../../core/advice.ts";
import { CaptureError } from "../../core/errors.ts";

/** How a connection is encrypted, and who the broker says it is. */
export interface TlsFacts {
  /** For example `TLSv1.3`; undefined if the runtime does not report it. */
  readonly protocol: string | undefined;
  /** The broker's certificate. */
  readonly certificate: PresentedCertificate;
}

/** Fields of a certificate. */
export interface PresentedCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** The part of a socket that a connection uses. */
export interface Socket {
  /** Absent if the connection is not encrypted. */
  readonly tls?: TlsFacts;
  /** Reads at least one byte; null at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes at least one byte. @returns how many were written */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** @throws CaptureError `kafka-unavailable` if the connection is refused or takes longer than `timeoutMs` */
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
      { hint: REACH_HINT, cause },
    );
  }
}

/** How to fix a broker that cannot be reached. */
export const REACH_HINT = advice`start the broker, or correct ${setting("kafka.brokers")}`;

function messageOf(cause: unknown): string {
  if (cause instanceof Deno.errors.ConnectionRefused) return "connection refused";
  if (cause instanceof Error && cause.message.includes("failed to lookup address")) {
    return "there is no host of that name";
  }
  return cause instanceof Error ? cause.message : String(cause);
}
