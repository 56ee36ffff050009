// A token endpoint of the test's own: hands out signed tokens for client credentials, and shows its keys (JWKS).

import { freePort } from "../../dev/servers/ports.ts";

/** What one request was. */
export interface TokenRequest {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly grant: string | null;
  readonly scope: string | null;
}

/** What it answers: a token of that life, signed rightly or not, or this. */
export type TokenAnswer =
  | { readonly lifeSecs: number; readonly isForged?: boolean }
  | { readonly status: number; readonly body: string; readonly location?: string };

/** A server on 127.0.0.1, with keys that it makes. */
export class LoginServer implements AsyncDisposable {
  readonly port = freePort();
  readonly requests: TokenRequest[] = [];
  /** May be changed while it runs. */
  answer: (request: TokenRequest) => TokenAnswer = () => ({ lifeSecs: 300 });
  readonly #keys: CryptoKeyPair;
  readonly #jwk: JsonWebKey;
  readonly #server: Deno.HttpServer;

  private constructor(keys: CryptoKeyPair, jwk: JsonWebKey, tls: { cert?: string; key?: string }) {
    this.#keys = keys;
    this.#jwk = jwk;
    const options = { hostname: "127.0.0.1", port: this.port, onListen: () => {} };
    const handle = (request: Request) => this.#handle(request);
    this.#server = tls.cert !== undefined && tls.key !== undefined
      ? Deno.serve({ ...options, cert: tls.cert, key: tls.key }, handle)
      : Deno.serve(options, handle);
  }

  /** @param tls a certificate to serve https with; http when not given */
  static async start(tls: { cert?: string; key?: string } = {}): Promise<LoginServer> {
    const algorithm = {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-256",
    };
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    return new LoginServer(keys, await crypto.subtle.exportKey("jwk", keys.publicKey), tls);
  }

  get jwksUrl(): string {
    return `http://127.0.0.1:${this.port}/keys`;
  }

  /** @param protocol as it was started */
  tokenUrl(protocol: "http" | "https" = "http"): string {
    return `${protocol}://127.0.0.1:${this.port}/token`;
  }

  /** A token as it hands them out. */
  async #token(lifeSecs: number, isForged = false): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const header = encode({ alg: "RS256", typ: "JWT", kid: "test" });
    const body = encode({
      sub: "pg-capture",
      scope: "kafka",
      iss: "https://login.test",
      iat: now,
      exp: now + lifeSecs,
      jti: crypto.randomUUID(),
    });
    const signed = new TextEncoder().encode(`${header}.${body}`);
    const signature = new Uint8Array(
      await crypto.subtle.sign("RSASSA-PKCS1-v1_5", this.#keys.privateKey, signed),
    );
    if (isForged) signature[0] = (signature[0] ?? 0) ^ 1;
    return `${header}.${body}.${toBase64Url(signature)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === "/keys") {
      return Response.json({ keys: [{ ...this.#jwk, kid: "test", use: "sig", alg: "RS256" }] });
    }
    const [, credentials = ""] = /^Basic (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    const [clientId = "", clientSecret = ""] = atob(credentials).split(":").map(formDecode);
    const form = new URLSearchParams(await request.text());
    const asked = { clientId, clientSecret, grant: form.get("grant_type"), scope: form.get("scope") };
    this.requests.push(asked);
    const answer = this.answer(asked);
    if ("status" in answer) {
      const headers = answer.location === undefined ? {} : { location: answer.location };
      return new Response(answer.body, { status: answer.status, headers });
    }
    return Response.json({
      access_token: await this.#token(answer.lifeSecs, answer.isForged),
      token_type: "Bearer",
      expires_in: answer.lifeSecs,
    });
  }
}

function encode(value: unknown): string {
  return toBase64Url(new TextEncoder().encode(JSON.stringify(value)));
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function formDecode(text: string): string {
  return new URLSearchParams(`x=${text}`).get("x") ?? "";
}
