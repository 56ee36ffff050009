// Reads the contents of PEM files (RFC 7468), for TLS to PostgreSQL and Kafka.

import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/** Each certificate in the text, unparsed. */
export function pemCertificates(text: string): readonly string[] {
  return text.match(CERTIFICATE) ?? [];
}

/** Whether the text has a private key, encrypted or not. */
export function holdsPrivateKey(text: string): boolean {
  return PRIVATE_KEY.test(text);
}

/** Whether the private key in the text needs a passphrase. */
export function isEncryptedKey(text: string): boolean {
  return ENCRYPTED.test(text);
}

/** Whether the private key belongs to the certificate. @throws if one of them can't be parsed */
export function isKeyOf(privateKey: string, certificate: string): boolean {
  const [own, certified] = [
    createPublicKey(createPrivateKey(privateKey)),
    new X509Certificate(certificate).publicKey,
  ].map(publicKeyText);
  return own === certified;
}

function publicKeyText(key: KeyObject): string {
  return String(key.export({ type: "spki", format: "pem" }));
}
