// Logs in on a connection: SaslHandshake, then the mechanism's messages in SaslAuthenticate requests (KIP-43,
// KIP-152).

import { type Advice, advice, setting } from "../../../core/advice.ts";
import { CaptureError } from "../../../core/errors.ts";
import type { Api } from "../api.ts";
import { saslAuthenticate } from "../apis/sasl_authenticate.ts";
import { saslHandshake } from "../apis/sasl_handshake.ts";
import { ErrorCode, errorCodeName } from "../error_codes.ts";
import type { SaslSettings } from "../security.ts";
import { formatAddress, type HostPort } from "../../../core/address.ts";
import type { SaslExchange } from "./exchange.ts";
import { oauthBearer } from "./oauth_bearer.ts";
import { plain } from "./plain.ts";
import { scram } from "./scram.ts";

/** Sends a request and returns its response. */
export type Send = <Request, Response>(api: Api<Request, Response>, request: Request) => Promise<Response>;

/**
 * Logs in, for the first time or again.
 * @returns how long the login lasts, in milliseconds; 0 if it does not expire
 * @throws CaptureError `kafka-refused` if the broker rejects the login, or cannot prove that it knows the
 * password
 */
export async function authenticate(
  address: HostPort,
  sasl: SaslSettings,
  send: Send,
  signal: AbortSignal,
  { isRenewal } = { isRenewal: false },
): Promise<number> {
  const { mechanism } = sasl;
  const handshake = await send(saslHandshake, { mechanism });
  if (handshake.errorCode !== ErrorCode.NONE) {
    throw handshakeError(address, mechanism, handshake.errorCode, handshake.mechanisms);
  }
  const refused = (found: string) => refusal(address, sasl, found);
  const exchange = exchangeOf(sasl, refused, signal, isRenewal);
  let sessionLifetimeMs = 0;
  for (let next = await exchange.next(); !next.done;) {
    const answer = await send(saslAuthenticate, { authBytes: next.value });
    if (answer.errorCode !== ErrorCode.NONE) {
      throw refused(
        `the broker answered ${errorCodeName(answer.errorCode)}${messageText(answer.errorMessage)}`,
      );
    }
    sessionLifetimeMs = answer.sessionLifetimeMs;
    next = await exchange.next(answer.authBytes);
  }
  return sessionLifetimeMs;
}

function exchangeOf(
  sasl: SaslSettings,
  refused: (found: string) => CaptureError,
  signal: AbortSignal,
  isRenewal: boolean,
): SaslExchange {
  switch (sasl.mechanism) {
    case "PLAIN":
      return plain(sasl.username, sasl.password());
    case "SCRAM-SHA-256":
      return scram("SHA-256", sasl.username, sasl.password(), refused);
    case "SCRAM-SHA-512":
      return scram("SHA-512", sasl.username, sasl.password(), refused);
    case "OAUTHBEARER":
      return oauthBearer(() => sasl.token(signal, isRenewal));
  }
}

function handshakeError(
  address: HostPort,
  mechanism: string,
  errorCode: number,
  mechanisms: readonly string[],
): CaptureError {
  const what = `Cannot log in to Kafka broker ${formatAddress(address)} by ${mechanism}`;
  switch (errorCode) {
    case ErrorCode.UNSUPPORTED_SASL_MECHANISM:
      return new CaptureError(
        "kafka-refused",
        `${what}: it accepts only ${mechanisms.length === 0 ? "none" : mechanisms.map(short).join(", ")}`,
        {
          hint: advice`set ${
            setting("kafka.sasl_mechanism")
          } to one of these, or add it to sasl.enabled.mechanisms of the broker`,
        },
      );
    case ErrorCode.ILLEGAL_SASL_STATE:
      return new CaptureError("kafka-refused", `${what}: its listener does not accept logins`, {
        hint: advice`set ${setting("kafka.security_protocol")} to SSL or PLAINTEXT, or the port in ${
          setting("kafka.brokers")
        } to that of a SASL listener`,
      });
    default:
      return new CaptureError("kafka-unavailable", `${what}: it answered ${errorCodeName(errorCode)}`);
  }
}

function refusal(address: HostPort, sasl: SaslSettings, found: string): CaptureError {
  const who = sasl.mechanism === "OAUTHBEARER" ? "with a token" : `as "${sasl.username}"`;
  const hint = sasl.mechanism === "OAUTHBEARER"
    ? advice`see the broker's log for the issuer, audience and scope that it requires of a token (${
      setting("kafka.sasl_oauthbearer_scope")
    })`
    : passwordHint(sasl);
  return new CaptureError(
    "kafka-refused",
    `Cannot log in to Kafka broker ${formatAddress(address)} by ${sasl.mechanism} ${who}: ${found}`,
    { hint },
  );
}

function passwordHint(
  { mechanism, username }: Exclude<SaslSettings, { readonly mechanism: "OAUTHBEARER" }>,
): Advice {
  const users = mechanism === "PLAIN"
    ? "PLAIN users are in the listener's sasl.jaas.config"
    : `to create a user: kafka-configs.sh --bootstrap-server BROKER --alter --add-config ` +
      `'${mechanism}=[password=…]' --entity-type users --entity-name "${username}"`;
  return advice`correct ${setting("kafka.sasl_username")} and ${setting("kafka.sasl_password")}; ${users}`;
}

const MESSAGE_LENGTH_MAX = 200;

/** The broker's message besides its code. It names the mechanism and never a password. */
function messageText(message: string | null): string {
  return message === null || message === "" ? "" : ` (${message.slice(0, MESSAGE_LENGTH_MAX)})`;
}

function short(mechanism: string): string {
  return mechanism.slice(0, 40);
}
