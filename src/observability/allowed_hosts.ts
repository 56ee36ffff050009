// Which names a request may call this server by: what keeps a web page from reading it through a browser.

import { isIP } from "node:net";

/** The names that are known, in any case. */
export interface KnownNames {
  /** METRICS_HOST. */
  readonly bindHost: string;
  /** The machine's, undefined if unknown. */
  readonly machineName: string | undefined;
  /** METRICS_ALLOWED_HOSTS; `*.example.org` stands for every name below example.org. */
  readonly allowed: readonly string[];
}

/**
 * Decides about the host of a request, in lower case.
 *
 * DNS rebinding needs a name that its attacker controls: a browser takes the page from it, then its address
 * becomes that of this server. An address, `localhost` and the machine's own name are nobody's to point
 * elsewhere.
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
