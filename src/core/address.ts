// Addresses of servers, as messages name them.

/** Where a server listens. */
export interface HostPort {
  /** A name or an address; of PostgreSQL also the folder of a Unix socket, which begins with a slash. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`; an IPv6 address in brackets. */
export function formatAddress({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
