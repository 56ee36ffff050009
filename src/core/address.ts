// Addresses of servers, as messages name them.

/** The address of a server. */
export interface HostPort {
  /** A name or an address; for PostgreSQL also the directory of a Unix socket, which begins with a slash. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`; an IPv6 address in brackets. */
export function formatAddress({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
