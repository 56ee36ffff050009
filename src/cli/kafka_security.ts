// How the connections to Kafka are secured, from the configuration.

import type { Config, KafkaSasl } from "../config/config.ts";
import { readTextFile } from "../config/environment.ts";
import { CaptureError } from "../core/errors.ts";
import { TokenSource } from "../sink/wire/sasl/token_endpoint.ts";
import type { KafkaSecurity, SaslSettings, TlsSettings } from "../sink/wire/security.ts";
import { TlsFiles } from "../sink/wire/tls_files.ts";

/**
 * To be made once and kept: it holds the certificates that were right last, and the token that is fresh. The files are
 * read again for each connection.
 * @throws CaptureError `configuration` when a file of certificates or the key is no good
 */
export function kafkaSecurity({ kafka }: Config): KafkaSecurity {
  const { tls, sasl } = kafka.security;
  return {
    ...(tls === undefined ? {} : { tls: tlsSettings(tls) }),
    ...(sasl === undefined ? {} : { sasl: saslSettings(sasl) }),
  };
}

function tlsSettings(
  { caFile, certFile, keyFile, verifiesHost }: NonNullable<Config["kafka"]["security"]["tls"]>,
): TlsSettings {
  const files = new TlsFiles({ ca: caFile, cert: certFile, key: keyFile }, readTextFile);
  files.load(); // a wrong file is told before anything is done
  return { files, verifiesHost };
}

function saslSettings(sasl: KafkaSasl): SaslSettings {
  if (sasl.mechanism !== "OAUTHBEARER") {
    const { mechanism, username, password } = sasl;
    return { mechanism, username, password: () => password.refresh(readTextFile) };
  }
  const { tokenEndpointUrl: url, tokenEndpointCaFile: caFile, clientId, clientSecret, scope } = sasl;
  const tokens = new TokenSource({
    url,
    clientId,
    clientSecret: () => clientSecret.refresh(readTextFile),
    scope,
    ca: caFile === undefined ? undefined : () => readCertificates(caFile),
  }, () => performance.now());
  return { mechanism: "OAUTHBEARER", token: (signal, isRenewal) => tokens.token(signal, isRenewal) };
}

function readCertificates(file: string): string {
  const what = `Cannot use KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA "${file}"`;
  let text: string | undefined;
  try {
    text = readTextFile(file);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new CaptureError("configuration", `${what}: it can't be read: ${found}`, { cause });
  }
  if (text === undefined) throw new CaptureError("configuration", `${what}: there is no such file`);
  return text;
}
