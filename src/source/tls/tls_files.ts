// Reads certificates and keys as libpq does (fe-secure-openssl.c, initialize_SSL), and explains what is wrong
// with one.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { type Advice, advice, setting } from "../../core/advice.ts";
import { CaptureError } from "../../core/errors.ts";
import { isEncryptedKey, isKeyOf, pemCertificates } from "../../core/pem.ts";
import type { FileFacts, SettingsFiles, TlsMaterial, TlsMode, TlsPaths } from "../options.ts";

/** The files of one configuration. */
export class TlsFiles {
  readonly #mode: TlsMode;
  readonly #paths: TlsPaths;
  readonly #files: SettingsFiles;
  #last: TlsMaterial | undefined;

  constructor(mode: TlsMode, paths: TlsPaths, files: SettingsFiles) {
    this.#mode = mode;
    this.#paths = paths;
    this.#files = files;
  }

  /**
   * Reads the configured files, or else those that exist in `~/.postgresql/`.
   *
   * A root certificate that exists is used in every mode; only `verify-ca` and `verify-full` require one.
   * Files that were valid stay in use while they are being replaced.
   * @throws CaptureError `configuration`
   */
  read(): TlsMaterial {
    try {
      const roots = readRoots(this.#mode, this.#paths, this.#files) ?? this.#last?.roots;
      this.#last = { roots, client: readClient(this.#paths, this.#files) };
    } catch (error) {
      if (this.#last === undefined) throw error;
    }
    return this.#last;
  }
}

function readRoots(
  mode: TlsMode,
  { rootCertFile, home, systemCertFile }: TlsPaths,
  files: SettingsFiles,
): TlsMaterial["roots"] {
  if (rootCertFile === "system") return readSystemRoots(systemCertFile, files);
  const path = rootCertFile ?? (home === undefined ? undefined : `${home}/.postgresql/root.crt`);
  const text = path === undefined ? undefined : read(path, "the root certificate", files);
  if (text !== undefined && path !== undefined) return anchors(certificates(text, path));
  if (mode !== "verify-ca" && mode !== "verify-full") return undefined;
  throw wrong(
    path === undefined ? "no root certificate is set" : `root certificate file "${path}" does not exist`,
    advice`set ${
      setting("pg.ssl_root_cert")
    } to the certificate of the authority that signed the server's, or to "system"`,
  );
}

/**
 * Returns the certificates that are self-signed, or signed by such a certificate in the file. The runtime
 * trusts each certificate that it is given; OpenSSL, and so libpq, trusts an intermediate one only because of
 * its issuer.
 */
function anchors(texts: readonly string[]): readonly string[] {
  const left = new Set(texts.map((text) => new X509Certificate(text)));
  const trusted = new Set<X509Certificate>();
  for (let isSettled = false; !isSettled;) {
    isSettled = true;
    for (const each of left) {
      if (![each, ...trusted].some((issuer) => isIssuedBy(each, issuer))) continue;
      trusted.add(each);
      left.delete(each);
      isSettled = false;
    }
  }
  return [...trusted].map((each) => each.toString());
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.issuer === issuer.subject && certificate.verify(issuer.publicKey);
}

/** Reads them from the file: asking the runtime would need another permission. */
function readSystemRoots(systemCertFile: string | undefined, files: SettingsFiles): readonly string[] {
  const paths = systemCertFile === undefined ? SYSTEM_CERT_FILES : [systemCertFile];
  for (const path of paths) {
    const found = pemCertificates(read(path, "the system's certificates", files) ?? "");
    if (found.length > 0) return found;
  }
  throw wrong(
    `the system's certificates are not in ${paths.join(", ")}`,
    advice`set SSL_CERT_FILE to the file that has them, or ${
      setting("pg.ssl_root_cert")
    } to the server's authority`,
  );
}

// Debian, its derivatives and distroless images; Fedora; openSUSE; Alpine, BSD and macOS.
const SYSTEM_CERT_FILES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

function readClient({ certFile, keyFile, home }: TlsPaths, files: SettingsFiles): TlsMaterial["client"] {
  const folder = home === undefined ? undefined : `${home}/.postgresql`;
  const certPath = certFile ?? (folder && `${folder}/postgresql.crt`);
  const cert = certPath === undefined ? undefined : read(certPath, "the client certificate", files);
  if (cert === undefined || certPath === undefined) {
    if (certFile === undefined) return undefined;
    const hint = advice`set ${setting("pg.ssl_cert")} to the path of the client certificate`;
    throw wrong(`client certificate "${certFile}" does not exist`, hint);
  }
  const keyPath = keyFile ?? `${folder}/postgresql.key`;
  const key = readKey(keyPath, files);
  const [first] = certificates(cert, certPath);
  if (!isKeyOf(key, first!)) {
    throw wrong(
      `key "${keyPath}" is not the key of certificate "${certPath}"`,
      advice`set ${setting("pg.ssl_cert")} and ${setting("pg.ssl_key")} to two that belong together`,
    );
  }
  return { cert, key };
}

const KEY_HINT = advice`set ${setting("pg.ssl_key")} to the file of the client certificate's key, in PEM`;

function readKey(path: string, files: SettingsFiles): string {
  const facts = files.facts(path);
  if (facts === undefined) {
    throw wrong(`key "${path}" does not exist`, KEY_HINT);
  }
  if (!facts.isFile) throw wrong(`key "${path}" is not a regular file`, KEY_HINT);
  if (isOpen(facts)) throw wrong(`group or world has access to key "${path}"`, `chmod 600 '${path}'`);
  const key = read(path, "the key", files) ?? "";
  if (isEncryptedKey(key)) {
    const hint = advice`write it without a passphrase: openssl pkey -in '${path}' -out FILE, and ${
      setting("pg.ssl_key")
    }=FILE`;
    throw wrong(`key "${path}" is encrypted`, hint);
  }
  try {
    createPrivateKey(key);
  } catch {
    throw wrong(`there is no private key in "${path}"`, KEY_HINT);
  }
  return key;
}

/** Whether others can read the key; only a file owned by root may be readable by its group. */
function isOpen({ mode, uid }: FileFacts): boolean {
  return mode !== null && (mode & (uid === 0 ? 0o037 : 0o077)) !== 0;
}

/** The certificates of a PEM file, at least one. */
function certificates(text: string, path: string): readonly string[] {
  const found = pemCertificates(text);
  try {
    for (const each of found) new X509Certificate(each);
    if (found.length > 0) return found;
  } catch {
    // Reported below.
  }
  throw wrong(`there is no certificate in "${path}"`, "set it to a file with certificates in PEM");
}

function read(path: string, what: string, files: SettingsFiles): string | undefined {
  try {
    return files.read(path);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw wrong(`${what} "${path}" can't be read: ${found}`, "make it readable for this user");
  }
}

function wrong(found: string, hint: Advice): CaptureError {
  return new CaptureError("configuration", `Cannot use TLS towards PostgreSQL: ${found}`, { hint });
}
