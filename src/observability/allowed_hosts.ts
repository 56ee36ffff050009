// Which Host headers are accepted. This keeps web pages from reading the server through a browser (DNS rebinding).

import { isIP } from "node:net";

/** The accepted names, in upper or lower case. */
interface KnownNames {
  /** METRICS_HOST. */
  readonly bindHost: string;
  /** The machine's host name; undefined if unknown. */
  readonly machineName: string | undefined;
  /** METRICS_ALLOWED_HOSTS; `*.example.org` matches every name below example.org. */
  readonly allowed: readonly string[];
}

/**
 * Returns a function that decides whether a request's host (in lower case) is accepted.
 *
 * DNS rebinding needs a name that the attacker controls: the browser loads the attacker's page from it, then the
 * name is pointed at this server. Attackers can't do that with an IP address, `localhost` or the machine's own name.
 */
export function hostRule({ bindHost, machineName, allowed }: KnownNames): (host: string) => boolean {
  const names = new Set(["localhost"]);
  const domains: string[] = [];
  for (const name of [bindHost, machineName ?? "", ...allowed].map((each) => each.toLowerCase())) {
    if (name.startsWith("*.")) domains.push(name.slice(1));
    else if (name !== "") names.add(name);
  }
  return (host) => isIP(host) !== 0 || names.has(host) || domains.some((domain) => host.endsWith(domain));
}
