// Certificates for servers and clients in tests, right ones and wrong ones: made in memory, P-256 and SHA-256.

import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import {
  bits,
  boolean,
  context,
  implicit,
  octets,
  oid,
  pem,
  sequence,
  set,
  unsigned,
  utcTime,
  utf8,
} from "./der.ts";

/** A certificate and its key, both PEM; the key is unencrypted PKCS#8. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. */
export interface CertificateOptions {
  /** Common name of its subject. */
  readonly name: string;
  /** Names and addresses that it is for; without any it has no subject alternative names. */
  readonly hosts?: readonly string[];
  /** X.509 version 1, which has no extensions: what `openssl x509 -req` makes by itself. */
  readonly isPlain?: boolean;
  /** A day ago when not given. */
  readonly notBefore?: Date;
  /** In two months when not given. */
  readonly notAfter?: Date;
}

/** Who signs certificates. */
export interface Authority extends Certificate {
  issue(options: CertificateOptions): Certificate;
  /** An authority whose own certificate this one signs. */
  intermediate(name: string): Authority;
}

/** An authority that signs its own certificate. */
export function createAuthority(name: string, options: Omit<CertificateOptions, "name"> = {}): Authority {
  const keys = newKeys();
  const issuer = { name, key: keys.privateKey };
  return authority(name, keys, certify({ ...options, name }, keys.publicKey, issuer, true));
}

/** A host's certificate that signs itself. */
export function selfSigned(options: CertificateOptions): Certificate {
  const keys = newKeys();
  const issuer = { name: options.name, key: keys.privateKey };
  return { cert: certify(options, keys.publicKey, issuer, false), key: keyPem(keys) };
}

/**
 * A certificate that is signed with the key of another which need not be an authority's: what a thief of a host's key
 * could make.
 * @param name the other's subject
 */
export function issueBy({ key }: Certificate, name: string, options: CertificateOptions): Certificate {
  const own = newKeys();
  const issuer = { name, key: createPrivateKey(key) };
  return { cert: certify(options, own.publicKey, issuer, false), key: keyPem(own) };
}

/** The key again, encrypted with a password, as `openssl pkcs8 -topk8` writes it. */
export function encryptKey(key: string, password: string): string {
  return createPrivateKey(key).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: password,
  }) as string;
}

/** A certificate's time of `days` from now on. */
export function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}

const DAY_MS = 86_400_000;

interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
}

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function authority(name: string, keys: Keys, cert: string): Authority {
  const issuer = { name, key: keys.privateKey };
  return {
    cert,
    key: keyPem(keys),
    issue(options) {
      const own = newKeys();
      return { cert: certify(options, own.publicKey, issuer, false), key: keyPem(own) };
    },
    intermediate(below) {
      const own = newKeys();
      return authority(below, own, certify({ name: below }, own.publicKey, issuer, true));
    },
  };
}

function newKeys(): Keys {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function keyPem({ privateKey }: Keys): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }) as string;
}

const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));

/** RFC 5280, section 4.1. */
function certify(
  options: CertificateOptions,
  subject: KeyObject,
  issuer: Issuer,
  isAuthority: boolean,
): string {
  const { name, hosts = [], isPlain = false, notBefore = inDays(-1), notAfter = inDays(60) } = options;
  const serial = crypto.getRandomValues(new Uint8Array(8));
  serial[0] = 1;
  const toBeSigned = sequence(
    ...isPlain ? [] : [context(0, unsigned(2))], // version 3
    unsigned(...serial),
    ECDSA_WITH_SHA256,
    commonName(issuer.name),
    sequence(utcTime(notBefore), utcTime(notAfter)),
    commonName(name),
    new Uint8Array(subject.export({ type: "spki", format: "der" })),
    ...isPlain ? [] : [context(3, sequence(...extensions(hosts, isAuthority)))],
  );
  const signature = sign("sha256", toBeSigned, issuer.key);
  return pem("CERTIFICATE", sequence(toBeSigned, ECDSA_WITH_SHA256, bits(new Uint8Array(signature))));
}

function commonName(name: string): Uint8Array {
  return sequence(set(sequence(oid("2.5.4.3"), utf8(name))));
}

function extensions(hosts: readonly string[], isAuthority: boolean): Uint8Array[] {
  const usage = isAuthority ? bits(new Uint8Array([0x86]), 1) : bits(new Uint8Array([0x80]), 7);
  const all = [
    sequence(oid("2.5.29.19"), boolean(true), octets(sequence(...isAuthority ? [boolean(true)] : []))),
    sequence(oid("2.5.29.15"), boolean(true), octets(usage)), // digitalSignature; an authority's keyCertSign and cRLSign, too
  ];
  if (hosts.length > 0) all.push(sequence(oid("2.5.29.17"), octets(sequence(...hosts.map(generalName)))));
  return all;
}

function generalName(host: string): Uint8Array {
  if (isIPv4(host)) return implicit(7, new Uint8Array(host.split(".").map(Number)));
  return isIPv6(host) ? implicit(7, ipv6(host)) : implicit(2, new TextEncoder().encode(host));
}

/** Its 16 bytes; no IPv4 address inside. */
function ipv6(address: string): Uint8Array {
  const [head = [], tail = []] = address.split("::").map((part) =>
    part.split(":").filter((group) => group !== "")
  );
  const groups = [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail];
  return new Uint8Array(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]));
}
