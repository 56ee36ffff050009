// Finds settings that are valid on their own but can't be used together.

import { type Contradiction, mustBeSetTogether, type Rule } from "./contradiction.ts";
import { KAFKA_SECURITY_RULES, kafkaSecurityWarnings } from "./kafka_security_rules.ts";
import type { Values, VariableName } from "./variables.ts";

/**
 * Finds all contradictions.
 * @param values the valid values
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

/** Warnings about settings that are overridden, or valid but risky. */
export function findWarnings(values: Values): readonly string[] {
  const warnings: string[] = [];
  if (values.KAFKA_ACKS !== "all") {
    const when = values.KAFKA_ACKS === "0"
      ? "Kafka can lose batches without an error"
      : "a broker failure can lose changes";
    warnings.push(
      `KAFKA_ACKS=${values.KAFKA_ACKS} limits delivery to at-least-once at best: ${when}; set KAFKA_ACKS=all for exactly-once`,
    );
  }
  return [...warnings, ...kafkaSecurityWarnings(values)];
}

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
          `one in flight and one being filled`,
        fix: `write at least ${least}, or lower KAFKA_MAX_MESSAGE_BYTES`,
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
          `${values.KAFKA_BATCH_SIZE} bytes are more than half of KAFKA_BUFFER_MEMORY, so a batch would never reach that size`,
        fix: `write at most ${Math.floor(values.KAFKA_BUFFER_MEMORY / 2)}, or raise KAFKA_BUFFER_MEMORY`,
      };
    },
  },
  ...KAFKA_SECURITY_RULES,
  ...PG_FILES.map((name): Rule => ({
    involves: ["PG_SSL_MODE", name],
    check(values) {
      if (values[name] === undefined || values.PG_SSL_MODE !== "disable") return undefined;
      return {
        name,
        problem: "it is set, but PG_SSL_MODE=disable turns TLS off",
        fix: `set PG_SSL_MODE to verify-full, or remove ${name}`,
      };
    },
  })),
  {
    involves: ["PG_SSL_MODE", "PG_SSL_ROOT_CERT"],
    check({ PG_SSL_MODE: mode, PG_SSL_ROOT_CERT: root }) {
      if (root !== "system" || mode === "verify-full" || mode === "disable") return undefined;
      return {
        name: "PG_SSL_MODE",
        problem:
          `${mode} is too weak for PG_SSL_ROOT_CERT=system: anyone can get a certificate from a public authority`,
        fix: "set PG_SSL_MODE to verify-full",
      };
    },
  },
  {
    involves: ["PG_CHANNEL_BINDING", "PG_SSL_MODE", "PG_HOST"],
    check({ PG_CHANNEL_BINDING: binding, PG_SSL_MODE: mode, PG_HOST: hosts }) {
      const socket = hosts.find((host) => host.startsWith("/"));
      if (binding !== "require" || (mode !== "disable" && socket === undefined)) return undefined;
      return {
        name: "PG_CHANNEL_BINDING",
        problem: "require needs TLS, " +
          (mode === "disable"
            ? "and PG_SSL_MODE=disable has none"
            : `and ${socket} is a Unix socket, which has none`),
        fix: mode === "disable"
          ? "set PG_SSL_MODE to verify-full, or PG_CHANNEL_BINDING to prefer"
          : "set PG_CHANNEL_BINDING to prefer",
      };
    },
  },
  {
    involves: ["PG_CHANNEL_BINDING", "PG_REQUIRE_AUTH"],
    check({ PG_CHANNEL_BINDING: binding, PG_REQUIRE_AUTH: auth }) {
      if (binding !== "require" || auth === undefined || auth.accepted.includes("scram-sha-256")) {
        return undefined;
      }
      return {
        name: "PG_REQUIRE_AUTH",
        problem:
          `${auth.text} leaves out scram-sha-256, the only method that PG_CHANNEL_BINDING=require takes`,
        fix: "set PG_REQUIRE_AUTH to scram-sha-256, or PG_CHANNEL_BINDING to prefer",
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
        fix: "write one port for all hosts, or one for each",
      };
    },
  },
  mustBeSetTogether("PG_SSL_CERT", "PG_SSL_KEY"),
  mustBeSetTogether("PG_SSL_KEY", "PG_SSL_CERT"),
];
