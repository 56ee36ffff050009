// Asks a server for TLS (PostgreSQL manual, 55.2.10, SSLRequest) and verifies it as the TLS mode requires.

import { formatAddress } from "../../core/address.ts";
import { X509Certificate } from "node:crypto";
import { advice, setting } from "../../core/advice.ts";
import { CaptureError } from "../../core/errors.ts";
import type { Link } from "../link.ts";
import type { PostgresServer, TlsMaterial, TlsSettings } from "../options.ts";
import { openLink } from "../socket.ts";
import { certificateNames } from "./certificate_names.ts";
import { describeNames, isForHost } from "./host_name.ts";
import { isCertificateFault, translateTlsError } from "./tls_errors.ts";
import { TlsCandidate, type TlsLink } from "./tls_link.ts";

// The length 8 and the request code 80877103.
const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]);
const YES = "S".charCodeAt(0);
const NO = "N".charCodeAt(0);
const ERROR = "E".charCodeAt(0);
// The time for fetching a rejected certificate, to describe it in the error.
const LOOK_MS_MAX = 5_000;

/**
 * Encrypts the connection.
 * @returns the encrypted link; with `prefer`, a separate plain one if the server has no TLS
 * @throws CaptureError, or Error if the connection broke
 */
export async function negotiateTls(
  candidate: TlsCandidate,
  server: PostgresServer,
  { mode, material }: TlsSettings,
): Promise<Link> {
  const context = `Cannot connect to PostgreSQL at ${formatAddress(server)}`;
  const link = await shakeHands(candidate, server, material, context);
  if (link === undefined) {
    candidate.close();
    if (mode === "prefer") return await openLink(server);
    throw new CaptureError("postgres-refused", `${context}: it answers that it has no TLS`, {
      hint: "set ssl = on there; if it is on, an attacker on the way strips it; the password was not sent",
    });
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

async function shakeHands(
  candidate: TlsCandidate,
  server: PostgresServer,
  material: () => TlsMaterial,
  context: string,
): Promise<TlsLink | undefined> {
  let hasAnswered = false;
  try {
    return await candidate.encrypt({
      request: SSL_REQUEST,
      onAnswer(answer) {
        hasAnswered = true;
        return hasTls(answer, context) ? material() : undefined;
      },
    });
  } catch (error) {
    if (!hasAnswered || error === NO_TLS_ERROR) throw error;
    const certificate = isCertificateFault(error) ? await shownCertificate(server, context) : undefined;
    throw translateTlsError(error, context, certificate);
  }
}

/** @returns whether the server has TLS */
function hasTls(answer: Uint8Array, context: string): boolean {
  if (answer[0] === NO && answer.length === 1) return false;
  if (answer[0] === ERROR) throw NO_TLS_ERROR;
  if (answer[0] !== YES) {
    throw new CaptureError("postgres-refused", `${context}: what answers there is not PostgreSQL`, {
      hint: advice`correct ${setting("pg.host")} and ${setting("pg.port")}`,
    });
  }
  // They would pass for the server's bytes although TLS does not protect them (CVE-2021-23222).
  if (answer.length > 1) {
    throw new CaptureError("postgres-refused", `${context}: unencrypted bytes follow its answer to TLS`, {
      hint: "an attacker on the way has added them: find out who",
    });
  }
  return true;
}

const NO_TLS_ERROR = new Error("it answered the request for TLS with an error");

/**
 * Fetches the certificate that could not be verified, to describe it in the error, as the runtime does not
 * expose it. It uses a separate connection on which nothing is sent, so that no code ever continues with an
 * unverified one.
 */
async function shownCertificate(
  server: PostgresServer,
  context: string,
): Promise<X509Certificate | undefined> {
  let candidate: TlsCandidate | undefined;
  const timer = setTimeout(() => candidate?.close(), LOOK_MS_MAX);
  try {
    candidate = await TlsCandidate.connect(server);
    const nothing = { roots: undefined, client: undefined };
    const link = await candidate.encrypt({
      request: SSL_REQUEST,
      onAnswer: (answer) => hasTls(answer, context) ? nothing : undefined,
    });
    return link && new X509Certificate(link.tls.certificate);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    candidate?.close();
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
      hint: advice`set ${
        setting("pg.host")
      } to a name in the certificate, or give the server one with this name`,
    },
  );
}
