// Builds the security settings of Kafka connections from the configuration.

import type { Config, KafkaSasl } from "../config/config.ts";
import { readTextFile } from "../config/environment.ts";
import { CaptureError } from "../core/errors.ts";
import { TokenSource } from "../sink/wire/sasl/token_endpoint.ts";
import type { KafkaSecurity, SaslSettings, TlsSettings } from "../sink/wire/security.ts";
import { TlsFiles } from "../sink/wire/tls_files.ts";

/**
 * Create it once and keep it: it holds the last valid certificates and the current token. The files are read again for
 * each connection.
 * @throws CaptureError `configuration` if a certificate or key file is not usable
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
  files.load(); // reports an unusable file before anything else happens
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
