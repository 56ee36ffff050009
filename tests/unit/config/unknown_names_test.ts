// Which environment variables are taken for misspelled ones of ours.

import { strict as assert } from "node:assert";
import { environmentLayer } from "../../../src/config/layer.ts";
import { closest, editDistance } from "../../../src/config/suggestion.ts";
import { checkUnknownNames } from "../../../src/config/unknown_names.ts";

Deno.test("a name that is a slip away from one of ours is an error", () => {
  const misspelled: Readonly<Record<string, string>> = {
    PG_PASSWROD: "PG_PASSWORD",
    PG_SLOTNAME: "PG_SLOT_NAME",
    PG_POTR: "PG_PORT",
    PG_PASSWORD_FIEL: "PG_PASSWORD_FILE",
    PG_PASWORD_FILE: "PG_PASSWORD_FILE",
    KAFKA_BROKER: "KAFKA_BROKERS",
    KAFKA_TOPICPREFIX: "KAFKA_TOPIC_PREFIX",
    KAFKA_LINGER_MSEC: "KAFKA_LINGER_MS",
    REPLICATION_POLL_INTERVAL: "",
    pg_database: "PG_DATABASE",
    LOG_LEVLE: "LOG_LEVEL",
    METRIC_PORT: "METRICS_PORT",
    KAKFA_LINGER_MS: "KAFKA_LINGER_MS",
    DB_PASSWORD: "",
    FORMATS: "FORMAT",
  };
  for (const [name, meant] of Object.entries(misspelled)) {
    const { problems } = judge(name);
    const fixes = problems.map((problem) => problem.fix);
    assert.deepEqual(fixes, meant === "" ? [] : [`did you mean ${meant}?`], name);
  }
});

Deno.test("what belongs to other programs on a machine is passed over in silence", () => {
  const others = [
    ..."KAFKA_HOME KAFKA_OPTS KAFKA_HEAP_OPTS KAFKA_LOG4J_OPTS KAFKA_JMX_OPTS KAFKA_DEBUG KAFKA_PORT KAFKA_VERSION"
      .split(" "),
    ..."KAFKA_SERVICE_HOST KAFKA_PORT_9092_TCP_ADDR LOG_DIR LOG_FILE LOG_COLOR LOGNAME".split(" "),
    ..."PG_COLOR PG_COLORS PG_MAJOR PG_VERSION PG_HOME PG_CONFIG PG_DATA PGHOST PGPORT PGUSER PGPASSWORD"
      .split(" "),
    ..."METRICS_ENABLED FORMATTER format log_level SNAPSHOTS PATH HOME".split(" "),
  ];
  for (const name of others) assert.deepEqual(judge(name), { problems: [], warnings: [] }, name);
});

Deno.test("a name that begins like a group of ours gets a warning", () => {
  for (
    const name of [
      "KAFKA_TOPIC_REPLICATION",
      "KAFKA_SASL_JAAS_CONFIG",
      "PG_SLOT_TEMPORARY",
      "REPLICATION_SPEED",
    ]
  ) {
    assert.deepEqual(judge(name).warnings, [
      `${name} (environment): pg-capture has no such variable and ignores it`,
    ]);
  }
});

Deno.test("a near name is a warning only where ours is set too: then it is probably another program's", () => {
  assert.deepEqual(judge("KAFKA_BROKER", "KAFKA_BROKERS"), {
    problems: [],
    warnings: [
      "KAFKA_BROKER (environment): pg-capture has no such variable and uses KAFKA_BROKERS",
    ],
  });
});

Deno.test("distance counts letters added, left out, changed and swapped", () => {
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("slot", "slot"), 0);
  assert.equal(editDistance("slto", "slot"), 1);
  assert.equal(editDistance("kitten", "sitting"), 3);
});

Deno.test("short names must be closer than long ones, and the closest wins", () => {
  assert.equal(closest("PG_HOME", ["PG_HOST"]), undefined);
  assert.equal(closest("PG_HOTS", ["PG_PORT", "PG_HOST"]), "PG_HOST");
  assert.equal(closest("KAFKA_COMPRESION", ["KAFKA_ACKS", "KAFKA_COMPRESSION"]), "KAFKA_COMPRESSION");
});

function judge(name: string, ...set: readonly string[]) {
  const layer = environmentLayer({ [name]: "value" }, () => "environment");
  return checkUnknownNames(layer, (known) => set.includes(known));
}
