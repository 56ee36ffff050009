// Settings that are right one by one and can't be used together.

import type { Values, VariableName } from "./variables.ts";

/** Two or more settings that contradict each other, told at the one to change. */
export interface Contradiction {
  readonly name: VariableName;
  readonly problem: string;
  readonly mend: string;
}

interface Rule {
  /** The rule is left out when one of these is wrong by itself: that is reported already. */
  readonly involves: readonly VariableName[];
  check(values: Values): Contradiction | undefined;
}

/**
 * Everything that contradicts.
 * @param values as far as they are right
 * @param wrong the settings that are reported already
 */
export function findContradictions(
  values: Values,
  wrong: ReadonlySet<VariableName>,
): readonly Contradiction[] {
  return RULES.filter((rule) => !rule.involves.some((name) => wrong.has(name)))
    .map((rule) => rule.check(values))
    .filter((found) => found !== undefined);
}

/** What will be done otherwise than it was asked for, or is allowed and unwise. */
export function findWarnings(values: Values): readonly string[] {
  const warnings: string[] = [];
  if (values.KAFKA_ACKS !== "all") {
    const when = values.KAFKA_ACKS === "0"
      ? "Kafka may lose batches unnoticed"
      : "a broker's failure may lose changes";
    warnings.push(
      `KAFKA_ACKS=${values.KAFKA_ACKS} makes the delivery at-least-once at best: ${when}; set KAFKA_ACKS=all for exactly-once`,
    );
  }
  if (values.KAFKA_SECURITY_PROTOCOL === "SASL_PLAINTEXT" && values.KAFKA_SASL_MECHANISM === "PLAIN") {
    warnings.push(
      "KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT with KAFKA_SASL_MECHANISM=PLAIN sends the password unencrypted; use SASL_SSL",
    );
  }
  return warnings;
}

const SASL_DETAILS = ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] as const;
const KAFKA_FILES = ["KAFKA_SSL_CA", "KAFKA_SSL_CERT", "KAFKA_SSL_KEY"] as const;
const PG_FILES = ["PG_SSL_ROOT_CERT", "PG_SSL_CERT", "PG_SSL_KEY"] as const;

const RULES: readonly Rule[] = [
  {
    involves: ["KAFKA_BUFFER_MEMORY", "KAFKA_MAX_MESSAGE_BYTES"],
    check(values) {
      const least = 2 * values.KAFKA_MAX_MESSAGE_BYTES;
      if (values.KAFKA_BUFFER_MEMORY >= least) return undefined;
      return {
        name: "KAFKA_BUFFER_MEMORY",
        problem: `${values.KAFKA_BUFFER_MEMORY} bytes can't hold two batches of KAFKA_MAX_MESSAGE_BYTES, ` +
          `one on its way and one being filled`,
        mend: `write at least ${least}, or lower KAFKA_MAX_MESSAGE_BYTES`,
      };
    },
  },
  {
    involves: ["KAFKA_BUFFER_MEMORY", "KAFKA_BATCH_SIZE"],
    check(values) {
      if (values.KAFKA_BATCH_SIZE <= values.KAFKA_BUFFER_MEMORY / 2) return undefined;
      return {
        name: "KAFKA_BATCH_SIZE",
        problem:
          `${values.KAFKA_BATCH_SIZE} bytes are more than half of KAFKA_BUFFER_MEMORY, so they would never come together`,
        mend: `write at most ${Math.floor(values.KAFKA_BUFFER_MEMORY / 2)}, or raise KAFKA_BUFFER_MEMORY`,
      };
    },
  },
  ...SASL_DETAILS.map((name): Rule => ({
    involves: ["KAFKA_SECURITY_PROTOCOL", name],
    check(values) {
      const protocol = values.KAFKA_SECURITY_PROTOCOL;
      if (values[name] === undefined || protocol.startsWith("SASL_")) return undefined;
      return {
        name,
        problem: `it is set, but KAFKA_SECURITY_PROTOCOL=${protocol} has no login`,
        mend: `set KAFKA_SECURITY_PROTOCOL to SASL_SSL or SASL_PLAINTEXT, or leave ${name} out`,
      };
    },
  })),
  {
    involves: ["KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM"],
    check(values) {
      const protocol = values.KAFKA_SECURITY_PROTOCOL;
      if (!protocol.startsWith("SASL_") || values.KAFKA_SASL_MECHANISM !== undefined) return undefined;
      return {
        name: "KAFKA_SASL_MECHANISM",
        problem: `not set, and KAFKA_SECURITY_PROTOCOL=${protocol} needs it`,
        mend: "set it to the mechanism that the brokers offer, such as SCRAM-SHA-512",
      };
    },
  },
  ...(["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] as const).map((name): Rule => ({
    involves: ["KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM", name],
    check(values) {
      const mechanism = values.KAFKA_SASL_MECHANISM;
      if (!values.KAFKA_SECURITY_PROTOCOL.startsWith("SASL_") || mechanism === undefined) return undefined;
      if (mechanism === "OAUTHBEARER" || values[name] !== undefined) return undefined;
      return {
        name,
        problem: `not set, and KAFKA_SASL_MECHANISM=${mechanism} needs it`,
        mend: `set ${name}`,
      };
    },
  })),
  ...KAFKA_FILES.map((name): Rule => ({
    involves: ["KAFKA_SECURITY_PROTOCOL", name],
    check(values) {
      const protocol = values.KAFKA_SECURITY_PROTOCOL;
      if (values[name] === undefined || protocol.endsWith("SSL")) return undefined;
      return {
        name,
        problem: `it is set, but KAFKA_SECURITY_PROTOCOL=${protocol} has no TLS`,
        mend: `set KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL, or leave ${name} out`,
      };
    },
  })),
  ...PG_FILES.map((name): Rule => ({
    involves: ["PG_SSL_MODE", name],
    check(values) {
      if (values[name] === undefined || values.PG_SSL_MODE !== "disable") return undefined;
      return {
        name,
        problem: "it is set, but PG_SSL_MODE=disable has no TLS",
        mend: `set PG_SSL_MODE to verify-full, or leave ${name} out`,
      };
    },
  })),
  {
    involves: ["PG_SSL_MODE", "PG_SSL_ROOT_CERT"],
    check({ PG_SSL_MODE: mode, PG_SSL_ROOT_CERT: root }) {
      if (root !== "system" || mode === "verify-full" || mode === "disable") return undefined;
      return {
        name: "PG_SSL_MODE",
        problem: `${mode} is too weak for PG_SSL_ROOT_CERT=system: anybody can get a certificate of those`,
        mend: "set PG_SSL_MODE to verify-full",
      };
    },
  },
  {
    involves: ["PG_HOST", "PG_PORT"],
    check({ PG_HOST: hosts, PG_PORT: ports }) {
      if (ports.length === 1 || ports.length === hosts.length) return undefined;
      return {
        name: "PG_PORT",
        problem: `${ports.length} ports for ${hosts.length} host${hosts.length === 1 ? "" : "s"}`,
        mend: "write one port for all hosts, or one for each",
      };
    },
  },
  together("KAFKA_SSL_CERT", "KAFKA_SSL_KEY"),
  together("KAFKA_SSL_KEY", "KAFKA_SSL_CERT"),
  together("PG_SSL_CERT", "PG_SSL_KEY"),
  together("PG_SSL_KEY", "PG_SSL_CERT"),
];

/** A client certificate is of no use without its key, and the other way round. */
function together(given: VariableName, missing: VariableName): Rule {
  return {
    involves: [given, missing],
    check(values) {
      if (values[given] === undefined || values[missing] !== undefined) return undefined;
      return {
        name: missing,
        problem: `not set, and ${given} is of no use without it`,
        mend: `set ${missing}, or leave ${given} out`,
      };
    },
  };
}
