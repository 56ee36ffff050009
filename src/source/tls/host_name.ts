// Checks whether a certificate is for a host, by libpq's rules (PostgreSQL manual, 34.19.1;
// fe-secure-common.c).

import { isIPv4, isIPv6 } from "node:net";
import type { CertificateNames } from "./certificate_names.ts";

/** Whether `host` is an address, which must not be sent as a server name (SNI; RFC 6066, 3). */
export function isAddress(host: string): boolean {
  return isIPv4(host) || (isIPv6(host) && !host.includes("%"));
}

/**
 * Whether the certificate is for this host, given as a name or an address.
 *
 * The common name counts only if the certificate has no alternative name of the host's kind. A star stands
 * for the first label only.
 */
export function isForHost(names: CertificateNames, host: string): boolean {
  const { dnsNames, ipAddresses, commonName } = names;
  if (dnsNames.some((name) => matchesName(name, host))) return true;
  if (isAddress(host)) {
    if (ipAddresses.some((bytes) => matchesAddress(bytes, host))) return true;
    if (ipAddresses.length > 0) return false;
  } else if (dnsNames.length > 0) {
    return false;
  }
  return commonName !== undefined && matchesName(commonName, host);
}

/** Lists all names of a certificate for messages. */
export function describeNames({ dnsNames, ipAddresses, commonName }: CertificateNames): string {
  const names = [...dnsNames, ...ipAddresses.map((bytes) => addressOf(bytes) ?? "an odd address")];
  const all = names.length > 0 || commonName === undefined ? names : [commonName];
  const shown = all.slice(0, NAMES_SHOWN).map((name) => `"${name}"`).join(", ");
  if (all.length === 0) return "no name at all";
  return all.length > NAMES_SHOWN ? `${shown} and ${all.length - NAMES_SHOWN} more` : shown;
}

const NAMES_SHOWN = 5;

/** pq_verify_peer_name_matches_certificate_name. A zero byte inside a name indicates a forgery. */
function matchesName(name: string, host: string): boolean {
  if (name.includes("\0")) return false;
  const [pattern, text] = [lower(name), lower(bytesAsText(host))];
  return pattern === text || matchesWildcard(pattern, text);
}

/** wildcard_certificate_match. */
function matchesWildcard(pattern: string, text: string): boolean {
  if (pattern.length < 3 || !pattern.startsWith("*.") || pattern.length > text.length) return false;
  const rest = pattern.slice(1);
  return text.endsWith(rest) && text.indexOf(".") >= text.length - rest.length;
}

function matchesAddress(bytes: Uint8Array, host: string): boolean {
  return addressOf(bytes) === canonical(host);
}

function addressOf(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return undefined;
  const groups = Array.from({ length: 8 }, (_, group) => bytes.subarray(2 * group, 2 * group + 2).toHex());
  return canonical(groups.join(":"));
}

/** Brings each IPv6 address into the canonical form of URLs. */
function canonical(address: string): string {
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

/** Names are compared as bytes, like those of the certificate. */
function bytesAsText(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

/** Lowercases ASCII letters only, regardless of the locale. */
function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
