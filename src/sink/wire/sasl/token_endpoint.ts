// Gets tokens for OAUTHBEARER from a token endpoint with client credentials (RFC 6749, section 4.4), and
// caches them.

import { type Advice, advice, setting } from "../../../core/advice.ts";
import { CaptureError } from "../../../core/errors.ts";
import { unlessAborted } from "../../../core/wait.ts";

/** Where tokens come from, and the client that requests them. */
export interface TokenEndpoint {
  /** https, or http on this machine. */
  readonly url: string;
  readonly clientId: string;
  /** Called for each request, so that the secret may change while the program runs. */
  readonly clientSecret: () => string;
  readonly scope?: string | undefined;
  /**
   * Authorities (PEM) that the endpoint's certificate may be issued by, in addition to the public ones; read
   * each time.
   */
  readonly ca?: (() => string) | undefined;
}

const URL_SETTING = setting("kafka.sasl_oauthbearer_token_endpoint_url");
const CA = setting("kafka.sasl_oauthbearer_token_endpoint_ca");
const REQUEST_TIMEOUT_MS = 10_000;
const RESPONSE_BYTES_MAX = 64 * 1024;
/** Part of a token's lifetime during which it is used for a first login. */
const USED_PART = 0.8;
/** Part during which it is used to renew a login: another connection has just requested it. */
const NEW_PART = 0.1;
/** If the endpoint does not report a lifetime. */
const DEFAULT_LIFE_SECS = 60;
/** A bearer token (RFC 6750, section 2.1). */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * Returns tokens of which at least a fifth of the lifetime is left. Connections share one request at a time.
 */
export class TokenSource {
  readonly #endpoint: TokenEndpoint;
  readonly #clock: () => number;
  #token: { readonly text: string; readonly askedAtMs: number; readonly lifeMs: number } | undefined;
  #asking: Promise<string> | undefined;

  /** @param clock milliseconds, monotonic */
  constructor(endpoint: TokenEndpoint, clock: () => number) {
    this.#endpoint = endpoint;
    this.#clock = clock;
  }

  /**
   * @param isRenewal whether a session is about to end together with the token that it began with
   * @throws CaptureError `kafka-unavailable` if the endpoint cannot be reached or fails, `kafka-refused` if
   * it rejects the request. Neither message includes a token or the secret
   */
  async token(signal: AbortSignal, isRenewal = false): Promise<string> {
    signal.throwIfAborted();
    if (this.#token !== undefined) {
      const { text, askedAtMs, lifeMs } = this.#token;
      if (this.#clock() - askedAtMs < lifeMs * (isRenewal ? NEW_PART : USED_PART)) return text;
    }
    this.#asking ??= this.#ask().finally(() => this.#asking = undefined);
    return await unlessAborted(this.#asking, signal);
  }

  async #ask(): Promise<string> {
    const askedAtMs = this.#clock();
    const { token, lifeSecs } = await requestToken(this.#endpoint);
    this.#token = { text: token, askedAtMs, lifeMs: lifeSecs * 1000 };
    return token;
  }
}

async function requestToken(
  endpoint: TokenEndpoint,
): Promise<{ readonly token: string; readonly lifeSecs: number }> {
  const { clientId, clientSecret, scope, ca } = endpoint;
  using client = httpClient(endpoint, ca);
  let status: number;
  let text: string;
  try {
    const response = await fetch(endpoint.url, {
      method: "POST",
      // RFC 6749, section 2.3.1: each part is form-encoded first.
      headers: { authorization: `Basic ${btoa(`${formEncode(clientId)}:${formEncode(clientSecret())}`)}` },
      body: new URLSearchParams({
        grant_type: "client_credentials",
        ...(scope === undefined ? {} : { scope }),
      }),
      redirect: "manual", // the secret is sent nowhere else
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      client,
    });
    status = response.status;
    text = await readBounded(response);
  } catch (cause) {
    throw unreachable(endpoint, cause);
  }
  if (status !== 200) throw refusal(endpoint, status, text);
  return readToken(endpoint, text);
}

/** Plain http is only for this machine, and bypasses the proxy of HTTP_PROXY, which could read the secret. */
function httpClient(endpoint: TokenEndpoint, ca: TokenEndpoint["ca"]): Deno.HttpClient {
  const { protocol, hostname, port } = new URL(endpoint.url);
  if (protocol === "http:") {
    const host = hostname.replace(/^\[|\]$/g, "");
    return Deno.createHttpClient({ proxy: { transport: "tcp", hostname: host, port: Number(port || 80) } });
  }
  try {
    return Deno.createHttpClient(ca === undefined ? {} : { caCerts: [ca()] });
  } catch (cause) {
    if (cause instanceof CaptureError) throw cause;
    throw failure("configuration", endpoint, "the file of its certificate authority holds no certificate", {
      hint: advice`set ${CA} to a PEM file: it begins with -----BEGIN CERTIFICATE-----`,
    });
  }
}

async function readBounded(response: Response): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > RESPONSE_BYTES_MAX) throw new Error(`its answer is longer than ${RESPONSE_BYTES_MAX} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function readToken(
  endpoint: TokenEndpoint,
  text: string,
): { readonly token: string; readonly lifeSecs: number } {
  const answer = parseJson(text);
  const token = answer["access_token"];
  if (typeof token !== "string" || !TOKEN.test(token)) {
    throw failure("kafka-refused", endpoint, "it answered HTTP status 200 without an access_token", {
      hint: advice`correct ${URL_SETTING}`,
    });
  }
  const life = Number(answer["expires_in"] ?? DEFAULT_LIFE_SECS);
  return { token, lifeSecs: life >= 0 ? life : DEFAULT_LIFE_SECS };
}

function refusal(endpoint: TokenEndpoint, status: number, text: string): CaptureError {
  // RFC 6749, section 5.2: a short code. Nothing else of the response is repeated.
  const code = parseJson(text)["error"];
  const said = typeof code === "string" && /^[a-z_]{1,40}$/.test(code) ? `, ${code}` : "";
  const found = `it answered HTTP status ${status}${said}`;
  if (status === 408 || status === 429 || status >= 500) {
    return failure("kafka-unavailable", endpoint, found, {});
  }
  const hint = status === 400 || status === 401 || status === 403
    ? advice`correct ${setting("kafka.sasl_oauthbearer_client_id")}, ${
      setting("kafka.sasl_oauthbearer_client_secret")
    } and ${setting("kafka.sasl_oauthbearer_scope")}`
    : advice`correct ${URL_SETTING}`;
  return failure("kafka-refused", endpoint, found, { hint });
}

function unreachable(endpoint: TokenEndpoint, cause: unknown): CaptureError {
  if (cause instanceof CaptureError) return cause;
  const text = cause instanceof Error ? deepest(cause) : String(cause);
  if (/invalid peer certificate|UnknownIssuer|not valid for name/.test(text)) {
    return failure("kafka-refused", endpoint, `its certificate was rejected (${text})`, {
      hint: advice`set ${CA} to the PEM file of the authority that issued it`,
    });
  }
  const found = cause instanceof Error && cause.name === "TimeoutError"
    ? `no answer within ${REQUEST_TIMEOUT_MS / 1000} s`
    : text;
  return failure("kafka-unavailable", endpoint, found, {
    hint: advice`start it, or correct ${URL_SETTING}`,
  });
}

function deepest(error: Error): string {
  return error.cause instanceof Error ? deepest(error.cause) : error.message;
}

function failure(
  kind: "kafka-refused" | "kafka-unavailable" | "configuration",
  { url }: TokenEndpoint,
  found: string,
  options: { readonly hint?: Advice },
): CaptureError {
  const { origin, pathname } = new URL(url);
  return new CaptureError(kind, `Cannot get a token for Kafka from ${origin}${pathname}: ${found}`, options);
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  } catch {
    return {};
  }
}

/** application/x-www-form-urlencoded. */
function formEncode(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2);
}
