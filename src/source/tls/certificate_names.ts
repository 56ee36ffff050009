// Reads the names of a certificate from its DER bytes (RFC 5280, 4.1 and 4.2.1.6).

import { children, type Element, elements, OBJECT_IDENTIFIER, only, SEQUENCE } from "./der.ts";

/** The names of a certificate. Each character is one byte; texts are not normalized. */
export interface CertificateNames {
  readonly dnsNames: readonly string[];
  /** 4 or 16 bytes each, if the certificate is well-formed. */
  readonly ipAddresses: readonly Uint8Array[];
  /** The subject's first common name; undefined if there is none. */
  readonly commonName: string | undefined;
}

const OCTET_STRING = 0x04;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const COMMON_NAME = "550403";
const SUBJECT_ALT_NAME = "551d11";
/** Fields of TBSCertificate between the version, which is optional, and the subject. */
const FIELDS_BEFORE_SUBJECT = 4;

/** @throws Error if the bytes are not a certificate */
export function certificateNames(der: Uint8Array): CertificateNames {
  const certificate = children(only(elements(der), SEQUENCE));
  const tbs = children(only(certificate.slice(0, 1), SEQUENCE));
  const subject = tbs[(tbs[0]?.tag === VERSION ? 1 : 0) + FIELDS_BEFORE_SUBJECT];
  const names = subjectAltNames(tbs.find(({ tag }) => tag === EXTENSIONS));
  return {
    dnsNames: names.filter(({ tag }) => tag === DNS_NAME).map(({ content }) => latin1(content)),
    ipAddresses: names.filter(({ tag }) => tag === IP_ADDRESS).map(({ content }) => content),
    commonName: commonName(only(subject === undefined ? [] : [subject], SEQUENCE)),
  };
}

/** An RDNSequence is a list of sets of pairs, each of an identifier and a string. */
function commonName(subject: Element): string | undefined {
  for (const set of children(subject)) {
    for (const pair of children(set)) {
      const [type, value] = children(pair);
      if (type?.tag === OBJECT_IDENTIFIER && type.content.toHex() === COMMON_NAME && value !== undefined) {
        return latin1(value.content);
      }
    }
  }
  return undefined;
}

/** An extension is an identifier, a flag for critical ones, and an octet string that contains the value. */
function subjectAltNames(extensions: Element | undefined): readonly Element[] {
  if (extensions === undefined) return [];
  for (const extension of children(only(children(extensions), SEQUENCE))) {
    const parts = children(extension);
    const value = parts.at(-1);
    if (parts[0]?.content.toHex() !== SUBJECT_ALT_NAME || value?.tag !== OCTET_STRING) continue;
    return children(only(elements(value.content), SEQUENCE));
  }
  return [];
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
