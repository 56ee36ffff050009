// Reads and checks the certificates and the private key of a TLS connection.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { type Advice, advice, setting, type SettingName } from "../../core/advice.ts";
import { CaptureError } from "../../core/errors.ts";
import { holdsPrivateKey, isEncryptedKey, isKeyOf, pemCertificates } from "../../core/pem.ts";

/** Paths of PEM files. `cert` and `key` are either both set or both absent. */
export interface TlsFilePaths {
  /** Absent: the runtime's public authorities. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** The contents of the files, as PEM. */
export interface TlsMaterial {
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads the files again for each connection, so that you can replace certificates while the program runs.
 * During a replacement the files may not match: one is missing, or the new key is there before its
 * certificate. Until they match again, the last files that did are used.
 */
export class TlsFiles {
  readonly paths: TlsFilePaths;
  readonly #readTextFile: (path: string) => string | undefined;
  #last: { readonly text: string; readonly material: TlsMaterial } | undefined;

  /** @param readTextFile returns undefined if there is no such file, throws if it cannot be read */
  constructor(paths: TlsFilePaths, readTextFile: (path: string) => string | undefined) {
    this.paths = paths;
    this.#readTextFile = readTextFile;
  }

  /** @throws CaptureError `configuration` if the files have never been valid */
  load(): TlsMaterial {
    try {
      const ca = this.#read(CA, this.paths.ca);
      const cert = this.#read(CERT, this.paths.cert);
      const key = this.#read(KEY, this.paths.key);
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

  #read(role: FileRole, path: string | undefined): PemFile | undefined {
    if (path === undefined) return undefined;
    let text: string | undefined;
    try {
      text = this.#readTextFile(path);
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      throw unusable({ role, path }, `it cannot be read: ${found}`, "make it readable for this user", cause);
    }
    if (text === undefined) {
      throw unusable({ role, path }, "there is no such file", advice`correct ${setting(role.setting)}`);
    }
    return { role, path, text };
  }
}

/** What a file is used for, and the setting that holds its path. */
interface FileRole {
  readonly name: string;
  readonly setting: SettingName;
}

const CA: FileRole = { name: "certificate authority file", setting: "kafka.ssl_ca" };
const CERT: FileRole = { name: "client certificate file", setting: "kafka.ssl_cert" };
const KEY: FileRole = { name: "private key file", setting: "kafka.ssl_key" };

interface PemFile {
  readonly role: FileRole;
  readonly path: string;
  readonly text: string;
}

/** All certificates of the file, at least one. */
function certificatesOf(file: PemFile): readonly [string, ...string[]] {
  const [first = failWithoutCertificate(file), ...others] = pemCertificates(file.text);
  try {
    for (const each of [first, ...others]) new X509Certificate(each);
  } catch (cause) {
    throw unusable(file, "a certificate in it is damaged", "copy it again", cause);
  }
  return [first, ...others];
}

function failWithoutCertificate(file: PemFile): never {
  const hint = holdsPrivateKey(file.text)
    ? advice`this file holds a key: set ${setting(file.role.setting)} to the certificate's file`
    : "use a PEM file: it begins with -----BEGIN CERTIFICATE-----";
  throw unusable(file, "it holds no certificate", hint);
}

/**
 * The key, if it belongs to the first certificate. A pair that does not match causes an obscure alert later.
 */
function keyFor(certFile: PemFile, keyFile: PemFile): string {
  const [certificate] = certificatesOf(certFile);
  if (isEncryptedKey(keyFile.text)) {
    throw unusable(
      keyFile,
      "the key is encrypted",
      advice`run openssl pkey -in "${keyFile.path}" -out PLAIN.pem, let only this user read the result, and set ${
        setting(keyFile.role.setting)
      } to it`,
    );
  }
  if (!holdsPrivateKey(keyFile.text)) {
    throw unusable(
      keyFile,
      "it holds no key",
      "use a PEM file: it begins with -----BEGIN PRIVATE KEY-----",
    );
  }
  try {
    createPrivateKey(keyFile.text);
  } catch {
    // No cause: a parser's message may include part of the key.
    throw unusable(
      keyFile,
      "the key is damaged or of an unknown type",
      "use an RSA or EC key in PEM format",
    );
  }
  if (!isKeyOf(keyFile.text, certificate)) {
    throw unusable(
      keyFile,
      `it is not the key of the certificate in "${certFile.path}"`,
      advice`correct ${setting(keyFile.role.setting)} or ${
        setting(certFile.role.setting)
      }; the client's own certificate comes first in its file`,
    );
  }
  return keyFile.text;
}

function unusable(
  { role, path }: Pick<PemFile, "role" | "path">,
  found: string,
  hint: Advice,
  cause?: unknown,
): CaptureError {
  return new CaptureError("configuration", `Cannot use ${role.name} "${path}": ${found}`, { hint, cause });
}
