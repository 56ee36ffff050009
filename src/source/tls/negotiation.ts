// Asks a server for TLS (PostgreSQL manual, 55.2.10, SSLRequest), and checks what it shows, as PG_SSL_MODE says.

import { X509Certificate } from "node:crypto";
import { CaptureError } from "../../errors.ts";
import type { Link, PlainLink } from "../link.ts";
import type { PostgresServer, TlsSettings } from "../options.ts";
import { placeOf } from "../options.ts";
import { openLink } from "../socket.ts";
import { certificateNames } from "./certificate_names.ts";
import { describeNames, isForHost } from "./host_name.ts";
import { isCertificateFault, translateTlsError } from "./tls_errors.ts";
import { openTls, type TlsLink } from "./tls_link.ts";

// A length of 8, and 80877103.
const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]);
const YES = "S".charCodeAt(0);
const NO = "N".charCodeAt(0);
const ERROR = "E".charCodeAt(0);
// Room to notice what must not be there: bytes behind the answer.
const ANSWER_READ_BYTES = 16;
// To find words for a certificate that is refused.
const LOOK_MS_MAX = 5_000;
// Before it, node:tls says that a certificate is verified which nobody has looked at.
const DENO_MIN = [2, 9] as const;

/**
 * Encrypts the connection.
 * @returns the encrypted link; with `prefer`, the plain one where the server has no TLS
 * @throws CaptureError, or Error where the connection broke
 */
export async function negotiateTls(
  plain: PlainLink,
  server: PostgresServer,
  settings: TlsSettings,
): Promise<Link> {
  const { mode } = settings;
  const context = `Cannot connect to PostgreSQL at ${placeOf(server)}`;
  if (!await asksForTls(plain, context)) {
    if (mode === "prefer") return plain;
    throw new CaptureError("postgres-refused", `${context}: it answers that it has no TLS`, {
      hint:
        `set ssl = on there; where it is on, somebody on the way strips it, and PG_SSL_MODE=${mode} has just ` +
        `kept the password from them`,
    });
  }
  return await shakeHands(plain, server, settings, context);
}

/** @returns whether the server has TLS */
async function asksForTls(plain: PlainLink, context: string): Promise<boolean> {
  await plain.write(SSL_REQUEST);
  const answer = new Uint8Array(ANSWER_READ_BYTES);
  const count = await plain.read(answer);
  if (count === null) throw new Error("the connection was closed by the server");
  if (answer[0] === NO && count === 1) return false;
  if (answer[0] === ERROR) throw new Error("it answered the request for TLS with an error");
  if (answer[0] !== YES) {
    throw new CaptureError("postgres-refused", `${context}: what answers there is not PostgreSQL`, {
      hint: "correct PG_HOST and PG_PORT",
    });
  }
  // They would be taken for the server's, and nobody has vouched for them (CVE-2021-23222).
  if (count > 1) {
    throw new CaptureError("postgres-refused", `${context}: unencrypted bytes follow its answer to TLS`, {
      hint: "somebody on the way has put them there: find out who",
    });
  }
  return true;
}

async function shakeHands(
  plain: PlainLink,
  server: PostgresServer,
  { mode, material }: TlsSettings,
  context: string,
): Promise<Link> {
  refuseOldRuntime(context);
  const used = material();
  let link: TlsLink;
  try {
    link = await openTls(plain, server.host, used);
  } catch (error) {
    const certificate = isCertificateFault(error) ? await shownCertificate(server, context) : undefined;
    throw translateTlsError(error, context, certificate);
  }
  if (mode !== "verify-full") return link;
  try {
    verifyHost(link, server, context);
  } catch (error) {
    link.close();
    throw error;
  }
  link.tls = { ...link.tls, verified: "full" };
  return link;
}

/**
 * The certificate that could not be verified, for the words of the error, which the runtime does not have. It's looked
 * at over a connection of its own, on which nothing is sent: so no code ever goes on with one that is not verified.
 */
async function shownCertificate(
  server: PostgresServer,
  context: string,
): Promise<X509Certificate | undefined> {
  let plain: PlainLink | undefined;
  const timer = setTimeout(() => plain?.close(), LOOK_MS_MAX);
  try {
    plain = await openLink(server);
    if (!await asksForTls(plain, context)) return undefined;
    const link = await openTls(plain, server.host, { roots: undefined, client: undefined });
    link.close();
    return new X509Certificate(link.tls.certificate);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    plain?.close();
  }
}

function verifyHost({ tls }: TlsLink, { host }: PostgresServer, context: string): void {
  let names;
  try {
    names = certificateNames(tls.certificate);
  } catch (error) {
    throw new CaptureError("postgres-refused", `${context}: its certificate can't be read`, { cause: error });
  }
  if (isForHost(names, host)) return;
  throw new CaptureError(
    "postgres-refused",
    `${context}: its certificate is for ${describeNames(names)}, not for "${host}"`,
    {
      hint: "set PG_HOST to a name in the certificate, or give the server one with this name " +
        "(PG_SSL_MODE=verify-ca looks at no name)",
    },
  );
}

function refuseOldRuntime(context: string): void {
  const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
  if (major > DENO_MIN[0] || (major === DENO_MIN[0] && minor >= DENO_MIN[1])) return;
  throw new CaptureError("configuration", `${context}: TLS needs Deno ${DENO_MIN.join(".")} or later`, {
    hint: `run it with, or compile it by, a newer one than ${Deno.version.deno}`,
  });
}
