// The certificates and the key of a TLS connection: read from their files for each connection, and checked.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { CaptureError } from "../../core/errors.ts";
import { holdsPrivateKey, isEncryptedKey, isKeyOf, pemCertificates } from "../../core/pem.ts";

/** Paths of PEM files; `cert` and `key` come together. */
export interface TlsFilePaths {
  /** Absent: the runtime's own authorities. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What a TLS connection is made with, as PEM. */
export interface TlsMaterial {
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads the files for each connection, so that certificates can be replaced while the program runs. While a
 * replacement is not whole (a file is gone, or the new key is there before its certificate) what was right last
 * is used.
 */
export class TlsFiles {
  readonly paths: TlsFilePaths;
  readonly #readTextFile: (path: string) => string | undefined;
  #last: { readonly text: string; readonly material: TlsMaterial } | undefined;

  /** @param readTextFile undefined where there is no such file; throws where it can't be read */
  constructor(paths: TlsFilePaths, readTextFile: (path: string) => string | undefined) {
    this.paths = paths;
    this.#readTextFile = readTextFile;
  }

  /** @throws CaptureError `configuration` where the files were never right */
  load(): TlsMaterial {
    try {
      const ca = this.#read("KAFKA_SSL_CA", this.paths.ca);
      const cert = this.#read("KAFKA_SSL_CERT", this.paths.cert);
      const key = this.#read("KAFKA_SSL_KEY", this.paths.key);
      const text = JSON.stringify([ca?.text, cert?.text, key?.text]);
      if (this.#last?.text !== text) {
        const authorities = ca && { ca: certificatesOf(ca) };
        const pair = cert && key && { cert: cert.text, key: keyFor(cert, key) };
        this.#last = { text, material: { ...authorities, ...pair } };
      }
      return this.#last.material;
    } catch (error) {
      if (this.#last === undefined || !(error instanceof CaptureError)) throw error;
      return this.#last.material;
    }
  }

  #read(name: string, path: string | undefined): PemFile | undefined {
    if (path === undefined) return undefined;
    let text: string | undefined;
    try {
      text = this.#readTextFile(path);
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      throw unusable({ name, path }, `it can't be read: ${found}`, "make it readable for this user", cause);
    }
    if (text === undefined) throw unusable({ name, path }, "there is no such file", `correct ${name}`);
    return { name, path, text };
  }
}

/** A file that a variable names. */
interface PemFile {
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

/** Each that is in the file, at least one; all can be read. */
function certificatesOf(file: PemFile): readonly [string, ...string[]] {
  const [first = none(file), ...others] = pemCertificates(file.text);
  try {
    for (const each of [first, ...others]) new X509Certificate(each);
  } catch (cause) {
    throw unusable(file, "a certificate in it is damaged", "copy it again", cause);
  }
  return [first, ...others];
}

function none(file: PemFile): never {
  const fix = holdsPrivateKey(file.text)
    ? `it is a key: name the certificate's file in ${file.name}`
    : `name a PEM file, which begins with -----BEGIN CERTIFICATE-----`;
  throw unusable(file, "it holds no certificate", fix);
}

/** The key, once it is sure that it is the one of the first certificate. A wrong pair would be an obscure alert later. */
function keyFor(certFile: PemFile, keyFile: PemFile): string {
  const [certificate] = certificatesOf(certFile);
  if (isEncryptedKey(keyFile.text)) {
    throw unusable(
      keyFile,
      "the key is encrypted",
      `openssl pkey -in "${keyFile.path}" -out PLAIN.pem, and name that in ${keyFile.name}, readable for this user alone`,
    );
  }
  if (!holdsPrivateKey(keyFile.text)) {
    throw unusable(
      keyFile,
      "it holds no key",
      "name a PEM file, which begins with -----BEGIN PRIVATE KEY-----",
    );
  }
  try {
    createPrivateKey(keyFile.text);
  } catch {
    // No cause: what a parser says may hold a part of the key.
    throw unusable(
      keyFile,
      "the key is damaged or of a kind that is not known",
      "use an RSA or EC key in PEM",
    );
  }
  if (!isKeyOf(keyFile.text, certificate)) {
    throw unusable(
      keyFile,
      `it is not the key of the certificate in "${certFile.path}"`,
      `correct ${keyFile.name} or ${certFile.name}; the client's own certificate comes first in its file`,
    );
  }
  return keyFile.text;
}

function unusable(
  { name, path }: Pick<PemFile, "name" | "path">,
  found: string,
  hint: string,
  cause?: unknown,
): CaptureError {
  return new CaptureError("configuration", `Cannot use ${name} "${path}": ${found}`, { hint, cause });
}
