// Checks each authentication request before `pg` answers it (as check_expected_areq in libpq's fe-auth.c
// does).

import { type Advice, advice, setting } from "../core/advice.ts";
import { CaptureError } from "../core/errors.ts";
import type { TlsFacts } from "./link.ts";
import type { AuthMethod, LoginRules } from "./options.ts";

// Authentication requests (PostgreSQL manual, 55.7).
const OK = 0;
const CLEARTEXT_PASSWORD = 3;
const MD5_PASSWORD = 5;
const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;

/** RFC 7677, 4; also PostgreSQL's default. With fewer iterations, guessing the password is too cheap. */
const SCRAM_ITERATIONS_MIN = 4096;
/** libpq has no limit. Servers can be set above 100,000, which is the limit of `pg` (scram_iterations). */
const SCRAM_ITERATIONS_MAX = 10_000_000;
const SCRAM = "SCRAM-SHA-256";
const SCRAM_PLUS = "SCRAM-SHA-256-PLUS";

type Stage =
  | "nothing asked"
  | "password asked"
  | "SCRAM begun"
  | "SCRAM continued"
  /** The server has sent its signature, which `pg` verifies. */
  | "SCRAM finished"
  | "logged in";

const REQUIRE_AUTH = setting("pg.require_auth");
const OTHER_METHOD_HINT =
  advice`set that for this role in the server's pg_hba.conf, or change ${REQUIRE_AUTH}`;
const VERIFY = advice`set ${setting("pg.ssl_mode")}=verify-full, or scram-sha-256 in pg_hba.conf`;
const CLEARTEXT_HINT = advice`${VERIFY}; on a network that you trust, set ${REQUIRE_AUTH}=password`;
const UNBOUND_HINT =
  "set scram-sha-256 in a hostssl line of pg_hba.conf for this role; if it is set, an attacker on the way ends TLS";

/** The state of one login: the order of requests and the rules for each. */
export class Authentication {
  #stage: Stage = "nothing asked";
  readonly #context: string;
  readonly #rules: LoginRules;
  readonly #tls: TlsFacts | null;

  /** @param place the server's name in errors */
  constructor(place: string, rules: LoginRules, tls: TlsFacts | null) {
    this.#context = `Cannot log in to PostgreSQL at ${place}`;
    this.#rules = rules;
    this.#tls = tls;
  }

  /** Whether the server may now send messages other than requests and errors. */
  get isOver(): boolean {
    return this.#stage === "logged in";
  }

  /**
   * Checks the body of the next AuthenticationRequest.
   * @throws CaptureError `postgres-refused` if it must not be answered
   */
  request(body: Uint8Array): void {
    if (body.length < 4) throw this.#outOfOrder();
    const code = new DataView(body.buffer, body.byteOffset).getUint32(0);
    switch (code) {
      case OK:
        this.#expectComplete();
        this.#stage = "logged in";
        return;
      case CLEARTEXT_PASSWORD:
        this.#begin("password", "a password in cleartext");
        this.#expectProtected();
        this.#stage = "password asked";
        return;
      case MD5_PASSWORD:
        this.#begin("md5", "a password hashed with MD5");
        this.#stage = "password asked";
        return;
      case SASL:
        this.#beginSasl(latin1(body.subarray(4)).split("\0"));
        this.#stage = "SCRAM begun";
        return;
      case SASL_CONTINUE:
        if (this.#stage !== "SCRAM begun") throw this.#outOfOrder();
        this.#expectIterations(latin1(body.subarray(4)));
        this.#stage = "SCRAM continued";
        return;
      case SASL_FINAL:
        if (this.#stage !== "SCRAM continued") throw this.#outOfOrder();
        this.#stage = "SCRAM finished";
        return;
      default:
        throw this.#unsupported();
    }
  }

  #begin(method: AuthMethod, words: string): void {
    if (this.#stage !== "nothing asked") throw this.#outOfOrder();
    const { requireAuth, channelBinding } = this.#rules;
    if (requireAuth !== undefined && !requireAuth.accepted.includes(method)) {
      throw this.#refused(
        `the server asks for ${words}, which is not what is required (${requireAuth.text})`,
        OTHER_METHOD_HINT,
      );
    }
    if (channelBinding === "require" && method !== "scram-sha-256") throw this.#unbound(words);
  }

  #beginSasl(mechanisms: readonly string[]): void {
    if (!mechanisms.includes(SCRAM) && !mechanisms.includes(SCRAM_PLUS)) throw this.#unsupported();
    this.#begin("scram-sha-256", "SCRAM");
    if (this.#rules.channelBinding !== "require") return;
    if (this.#tls === null || !mechanisms.includes(SCRAM_PLUS)) throw this.#unbound("SCRAM");
  }

  /** An unverified server may be an impostor that would learn the password. */
  #expectProtected(): void {
    const isVerified = this.#tls !== null && this.#tls.verified !== "nothing";
    if (isVerified || this.#rules.requireAuth?.asksForPassword === true) return;
    throw this.#refused(
      `the server asks for a password in cleartext, and ${
        this.#tls === null ? "the connection is not encrypted" : "its certificate was not verified"
      }`,
      CLEARTEXT_HINT,
    );
  }

  /** Checks `i=` of the server's first message (RFC 5802, 5.1); `pg` checks the message's form. */
  #expectIterations(serverFirst: string): void {
    const [, text] = /(?:^|,)i=(\d+)/.exec(serverFirst) ?? [];
    const iterations = Number(text);
    if (text === undefined) throw this.#outOfOrder();
    if (iterations < SCRAM_ITERATIONS_MIN) {
      throw this.#refused(
        `the server asks for SCRAM with ${iterations} iterations, which makes the password easy to guess`,
        `set scram_iterations to ${SCRAM_ITERATIONS_MIN} or more on the server, then set the role's password again; ` +
          "if they are right already, an impostor answers",
      );
    }
    if (iterations > SCRAM_ITERATIONS_MAX) {
      throw this.#refused(
        `the server asks for SCRAM with ${iterations} iterations, above ${SCRAM_ITERATIONS_MAX}`,
        "lower scram_iterations on the server and set the role's password again",
      );
    }
  }

  #expectComplete(): void {
    const { requireAuth, channelBinding } = this.#rules;
    switch (this.#stage) {
      case "nothing asked":
        if (requireAuth !== undefined && !requireAuth.accepted.includes("none")) {
          throw this.#refused(
            `the server takes the login without asking for anything, which is not what is required ` +
              `(${requireAuth.text})`,
            OTHER_METHOD_HINT,
          );
        }
        if (channelBinding === "require") throw this.#unbound("nothing");
        return;
      case "SCRAM begun":
      case "SCRAM continued":
        throw this.#refused(
          "the server takes the login by SCRAM without proving that it knows the password",
          "find out what answers there: it may be an impostor",
        );
      case "logged in":
        throw this.#outOfOrder();
      case "password asked":
      case "SCRAM finished":
        return;
    }
  }

  #unbound(words: string): CaptureError {
    return this.#refused(
      `channel binding is required, and the server asks for ${words}${
        words === "SCRAM" ? " without it" : ""
      }`,
      UNBOUND_HINT,
    );
  }

  #unsupported(): CaptureError {
    return this.#refused(
      "it asks for a way to log in that pg-capture does not have (GSSAPI, SSPI, OAuth)",
      "set scram-sha-256 or cert for this role in its pg_hba.conf",
    );
  }

  #outOfOrder(): CaptureError {
    return this.#refused(
      "the server's requests do not follow one another as the protocol has them",
      advice`check that ${setting("pg.host")} and ${setting("pg.port")} lead to PostgreSQL`,
    );
  }

  #refused(found: string, hint: Advice): CaptureError {
    return new CaptureError("postgres-refused", `${this.#context}: ${found}`, { hint });
  }
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
