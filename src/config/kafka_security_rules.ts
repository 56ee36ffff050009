// Rules for Kafka's TLS and login settings: which can be combined, and which are valid but risky.

import { mustBeSetTogether, type Rule } from "./contradiction.ts";
import type { Values, VariableName } from "./variables.ts";

const PASSWORD_LOGIN = ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] as const;
const TOKEN_LOGIN = [
  "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
  "KAFKA_SASL_OAUTHBEARER_CLIENT_ID",
  "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET",
] as const;
const TOKEN_DETAILS = [
  "KAFKA_SASL_OAUTHBEARER_SCOPE",
  "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA",
] as const;
const TLS_FILES = ["KAFKA_SSL_CA", "KAFKA_SSL_CERT", "KAFKA_SSL_KEY"] as const;

export const KAFKA_SECURITY_RULES: readonly Rule[] = [
  ...(["KAFKA_SASL_MECHANISM", ...PASSWORD_LOGIN, ...TOKEN_LOGIN, ...TOKEN_DETAILS] as const).map(needsLogin),
  {
    involves: ["KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM"],
    check(values) {
      const protocol = values.KAFKA_SECURITY_PROTOCOL;
      if (!hasLogin(values) || values.KAFKA_SASL_MECHANISM !== undefined) return undefined;
      return {
        name: "KAFKA_SASL_MECHANISM",
        problem: `not set, but KAFKA_SECURITY_PROTOCOL=${protocol} needs it`,
        fix: "set it to the mechanism that the brokers offer, such as SCRAM-SHA-512",
      };
    },
  },
  ...PASSWORD_LOGIN.map((name) => requiredBy(name, (mechanism) => mechanism !== "OAUTHBEARER")),
  ...TOKEN_LOGIN.map((name) => requiredBy(name, (mechanism) => mechanism === "OAUTHBEARER")),
  ...PASSWORD_LOGIN.map((name) => unusedWith(name, (mechanism) => mechanism === "OAUTHBEARER")),
  ...[...TOKEN_LOGIN, ...TOKEN_DETAILS].map((name) =>
    unusedWith(name, (mechanism) => mechanism !== "OAUTHBEARER")
  ),
  {
    involves: ["KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL", "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA"],
    check(values) {
      const url = values.KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL;
      if (values.KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA === undefined || !url?.startsWith("http:")) {
        return undefined;
      }
      return {
        name: "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA",
        problem: "it is set, but KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL does not use TLS",
        fix: "write an https URL, or remove it",
      };
    },
  },
  ...TLS_FILES.map((name) => needsTls(name, (values) => values[name] !== undefined)),
  needsTls(
    "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM",
    (values) => values.KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM === "none",
  ),
  mustBeSetTogether("KAFKA_SSL_CERT", "KAFKA_SSL_KEY"),
  mustBeSetTogether("KAFKA_SSL_KEY", "KAFKA_SSL_CERT"),
];

/** Warns of settings that let an attacker on the network read or change data. */
export function kafkaSecurityWarnings(values: Values): readonly string[] {
  const warnings: string[] = [];
  if (values.KAFKA_SECURITY_PROTOCOL === "SASL_PLAINTEXT") {
    const sent = values.KAFKA_SASL_MECHANISM === "PLAIN"
      ? "the password"
      : values.KAFKA_SASL_MECHANISM === "OAUTHBEARER"
      ? "the token"
      : undefined;
    if (sent !== undefined) {
      warnings.push(
        `KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT with KAFKA_SASL_MECHANISM=${values.KAFKA_SASL_MECHANISM} sends ${sent} unencrypted; use SASL_SSL`,
      );
    }
  }
  if (hasTls(values) && values.KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM === "none") {
    warnings.push(
      "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM=none accepts a certificate for any host name: " +
        "anyone with a certificate from a trusted authority can impersonate a broker; set it to https",
    );
  }
  return warnings;
}

function hasLogin(values: Values): boolean {
  return values.KAFKA_SECURITY_PROTOCOL.startsWith("SASL_");
}

function hasTls(values: Values): boolean {
  return values.KAFKA_SECURITY_PROTOCOL.endsWith("SSL");
}

function needsLogin(name: VariableName): Rule {
  return {
    involves: ["KAFKA_SECURITY_PROTOCOL", name],
    check(values) {
      if (values[name] === undefined || hasLogin(values)) return undefined;
      return {
        name,
        problem: `it is set, but KAFKA_SECURITY_PROTOCOL=${values.KAFKA_SECURITY_PROTOCOL} does not use SASL`,
        fix: `set KAFKA_SECURITY_PROTOCOL to SASL_SSL or SASL_PLAINTEXT, or remove ${name}`,
      };
    },
  };
}

function needsTls(name: VariableName, isUsed: (values: Values) => boolean): Rule {
  return {
    involves: ["KAFKA_SECURITY_PROTOCOL", name],
    check(values) {
      if (!isUsed(values) || hasTls(values)) return undefined;
      return {
        name,
        problem: `it is set, but KAFKA_SECURITY_PROTOCOL=${values.KAFKA_SECURITY_PROTOCOL} does not use TLS`,
        fix: `set KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL, or remove ${name}`,
      };
    },
  };
}

/** Applies only with SASL; without it, `needsLogin` reports the mechanism. */
function requiredBy(name: VariableName, isOf: (mechanism: string) => boolean): Rule {
  return {
    involves: ["KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM", name],
    check(values) {
      const mechanism = values.KAFKA_SASL_MECHANISM;
      if (!hasLogin(values) || mechanism === undefined || !isOf(mechanism)) return undefined;
      if (values[name] !== undefined) return undefined;
      return {
        name,
        problem: `not set, but KAFKA_SASL_MECHANISM=${mechanism} needs it`,
        fix: `set ${name}`,
      };
    },
  };
}

function unusedWith(name: VariableName, isOf: (mechanism: string) => boolean): Rule {
  return {
    involves: ["KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM", name],
    check(values) {
      const mechanism = values.KAFKA_SASL_MECHANISM;
      if (!hasLogin(values) || mechanism === undefined || !isOf(mechanism)) return undefined;
      if (values[name] === undefined) return undefined;
      return {
        name,
        problem: `it is set, but KAFKA_SASL_MECHANISM=${mechanism} does not use it`,
        fix: `remove ${name}, or set KAFKA_SASL_MECHANISM to the mechanism that uses it`,
      };
    },
  };
}
