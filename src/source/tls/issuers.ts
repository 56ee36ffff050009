// Who signed a certificate. With Deno before 2.9, X509Certificate has neither `verify` nor `raw`.

import { type KeyObject, verify, X509Certificate } from "node:crypto";
import { BIT_STRING, children, elements, OBJECT_IDENTIFIER, only, SEQUENCE } from "./der.ts";
import { IS_OLD_RUNTIME } from "./runtime.ts";

/** By the identifier of the algorithm, in hex (RFC 8017, A.2.4; RFC 5758, 3.2; RFC 8410, 3). */
const HASHES: ReadonlyMap<string, string | null> = new Map([
  ["2a864886f70d01010b", "sha256"],
  ["2a864886f70d01010c", "sha384"],
  ["2a864886f70d01010d", "sha512"],
  ["2a8648ce3d040302", "sha256"],
  ["2a8648ce3d040303", "sha384"],
  ["2a8648ce3d040304", "sha512"],
  ["2b6570", null],
]);

/** Whether `issuer` signed `certificate`, both PEM or DER. */
export function isIssuedBy(certificate: string | Uint8Array, issuer: string | Uint8Array): boolean {
  const [of, by] = [new X509Certificate(certificate), new X509Certificate(issuer)];
  if (of.issuer !== by.subject) return false;
  if (!IS_OLD_RUNTIME) return of.verify(by.publicKey);
  return holdsSignature(typeof certificate === "string" ? derOf(certificate) : certificate, by.publicKey);
}

/** Whether the signature of a certificate (DER) is that of the key. RSASSA-PSS and SHA-1 get a no. */
export function holdsSignature(certificate: Uint8Array, key: KeyObject): boolean {
  try {
    const [tbs, algorithm, signature] = children(only(elements(certificate), SEQUENCE));
    if (tbs === undefined || algorithm === undefined || signature?.tag !== BIT_STRING) return false;
    const [identifier] = children(algorithm);
    if (identifier?.tag !== OBJECT_IDENTIFIER) return false;
    const hash = HASHES.get(identifier.content.toHex());
    // The first byte of a bit string counts the bits that are not used.
    const [unused, bits] = [signature.content[0], signature.content.subarray(1)];
    return hash !== undefined && unused === 0 && verify(hash, tbs.whole, key, bits);
  } catch {
    return false;
  }
}

/**
 * Whether a certificate (DER) is one of the roots (PEM), which signs itself, or is signed by one, which signs itself
 * or is signed by another one; each of them an authority, and within its dates.
 *
 * Nothing more: for certificates that the runtime has verified already, against these roots and the public ones.
 */
export function isOfRoots(certificate: Uint8Array, roots: readonly string[], now: number): boolean {
  const ders = roots.map(derOf);
  if (isIssuedBy(certificate, certificate)) return ders.some((root) => isSame(root, certificate));
  return isBelow(certificate, ders, now);
}

function isBelow(certificate: Uint8Array, roots: readonly Uint8Array[], now: number): boolean {
  return roots.some((root) =>
    isAuthorityAt(root, now) && isIssuedBy(certificate, root) &&
    (isIssuedBy(root, root) || isBelow(root, roots.filter((other) => other !== root), now))
  );
}

function isAuthorityAt(der: Uint8Array, now: number): boolean {
  const { ca, validFrom, validTo } = new X509Certificate(der);
  return ca && Date.parse(validFrom) <= now && now <= Date.parse(validTo);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function derOf(pem: string): Uint8Array {
  return Uint8Array.fromBase64(pem.replace(/-----[^-]*-----/g, ""));
}
