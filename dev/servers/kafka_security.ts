// What a broker of the tests needs for TLS and logins: listeners, certificates, users.

import { type Authority, type Certificate, createAuthority } from "./certificates.ts";
import type { KafkaProperties, SecuredListener } from "./kafka_jars.ts";
import { freePort } from "./ports.ts";

/** What can be chosen about one listener. */
export interface ListenerOptions {
  readonly protocol: SecuredListener["protocol"];
  /** What clients are told to connect to; `localhost` when not given. */
  readonly host?: string;
  /** Of the broker's own authority, for `localhost` and 127.0.0.1, when not given. */
  readonly certificate?: Certificate;
  /** Whether clients have to show a certificate of the broker's authority. */
  readonly wantsClientCertificate?: boolean;
}

/** What can be chosen about a broker's security. */
export interface KafkaSecurityOptions {
  /** By name, in capital letters. */
  readonly listeners: Readonly<Record<string, ListenerOptions>>;
  /** Signs the broker's certificates, and is what it trusts clients' by; one of its own when not given. */
  readonly authority?: Authority;
  /** Users of PLAIN and their passwords. */
  readonly plainUsers?: Readonly<Record<string, string>>;
  /** Where the keys are that OAUTHBEARER's tokens are signed with (JWKS). */
  readonly oauth?: { readonly jwksUrl: string };
}

/** Listeners, certificates and users of one broker. */
export class BrokerSecurity {
  readonly listeners: readonly SecuredListener[];
  /** What it signs and trusts by, from the next start on. */
  authority: Authority;
  readonly #options: KafkaSecurityOptions;
  readonly #folder: string;

  constructor(options: KafkaSecurityOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.authority = options.authority ?? createAuthority("pg-capture test authority");
    this.listeners = Object.entries(options.listeners).map(([name, { protocol, host = "localhost" }]) => ({
      name,
      protocol,
      host,
      port: freePort(),
    }));
  }

  /** Writes the broker's files, and gives the properties that name them. */
  async write(): Promise<KafkaProperties> {
    const trustStore = `${this.#folder}/authority.pem`;
    await Deno.writeTextFile(trustStore, this.authority.cert);
    const properties = await Promise.all(
      this.listeners.map((listener) => this.#listener(listener, trustStore)),
    );
    return Object.assign({}, ...properties);
  }

  async #listener({ name, protocol }: SecuredListener, trustStore: string): Promise<KafkaProperties> {
    const prefix = `listener.name.${name.toLowerCase()}`;
    const options = this.#options.listeners[name];
    const certificate = options?.certificate ??
      this.authority.issue({ name: "broker", hosts: ["localhost", "127.0.0.1"] });
    const keyStore = `${this.#folder}/${name.toLowerCase()}.pem`;
    await Deno.writeTextFile(keyStore, certificate.key + certificate.cert);
    const tls = {
      [`${prefix}.ssl.keystore.type`]: "PEM",
      [`${prefix}.ssl.keystore.location`]: keyStore,
      [`${prefix}.ssl.truststore.type`]: "PEM",
      [`${prefix}.ssl.truststore.location`]: trustStore,
      [`${prefix}.ssl.client.auth`]: options?.wantsClientCertificate === true ? "required" : "none",
    };
    return {
      ...protocol.endsWith("SSL") ? tls : {},
      ...protocol.startsWith("SASL_") ? this.#login(prefix) : {},
    };
  }

  #login(prefix: string): KafkaProperties {
    const { plainUsers = {}, oauth } = this.#options;
    const users = Object.entries(plainUsers).map(([user, password]) => ` user_${user}="${password}"`).join(
      "",
    );
    const modules = "org.apache.kafka.common.security";
    const bearer = `${prefix}.oauthbearer.sasl`;
    const mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
    return {
      [`${prefix}.sasl.enabled.mechanisms`]: [...mechanisms, ...oauth === undefined ? [] : ["OAUTHBEARER"]]
        .join(","),
      [`${prefix}.plain.sasl.jaas.config`]: `${modules}.plain.PlainLoginModule required${users};`,
      [`${prefix}.scram-sha-256.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
      [`${prefix}.scram-sha-512.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
      ...oauth === undefined ? {} : {
        [`${bearer}.jaas.config`]: `${modules}.oauthbearer.OAuthBearerLoginModule required;`,
        [`${bearer}.server.callback.handler.class`]:
          `${modules}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
        "sasl.oauthbearer.jwks.endpoint.url": oauth.jwksUrl,
        // Kafka 4.1's default one takes tokens with any signature.
        "sasl.oauthbearer.jwt.validator.class": `${modules}.oauthbearer.BrokerJwtValidator`,
      },
    };
  }
}
