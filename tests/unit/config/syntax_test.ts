// What each kind of value may look like.

import { strict as assert } from "node:assert";
import {
  checkSlotName,
  checkTopicPrefix,
  parseBroker,
  parsePostgresHost,
} from "../../../src/config/names.ts";
import { choice, flag, integer, list, type Parsed, path, quote } from "../../../src/config/syntax.ts";

Deno.test("a whole number is taken within its bounds, both included, and nothing that looks alike", () => {
  const port = integer("port", 1, 65535);
  for (const text of ["1", "65535", "+80", "007"]) assert.equal(port.parse(text, {}).kind, "value", text);
  for (const text of ["0", "65536", "1.0", "1e3", "0x10", "1_000", "10s", "Infinity", "９", ""]) {
    assert.equal(port.parse(text, {}).kind, "invalid", text);
  }
});

Deno.test("a port that Kubernetes made of a service's name is recognised", () => {
  assert.match(problem(integer("port", 1, 65535).parse("tcp://10.0.0.7:5432", {})), /Kubernetes/);
});

Deno.test("words are the same in upper and lower case, and come out as the table has them", () => {
  assert.deepEqual(choice("PLAINTEXT", "SASL_SSL").parse("sasl_ssl", {}), {
    kind: "value",
    value: "SASL_SSL",
  });
  assert.match(problem(choice("a", "b").parse("c", {})), /^"c" is not a valid value; write a or b$/);
});

Deno.test("true and false are taken in the words that people use", () => {
  for (const text of ["true", "YES", "on", "1"]) {
    assert.deepEqual(flag().parse(text, {}), { kind: "value", value: true });
  }
  for (const text of ["false", "No", "off", "0"]) {
    assert.deepEqual(flag().parse(text, {}), { kind: "value", value: false });
  }
  assert.equal(flag().parse("maybe", {}).kind, "invalid");
});

Deno.test("a path from the home directory is resolved, where there is one", () => {
  assert.deepEqual(path().parse("~/a", { home: "/home/ann/" }), { kind: "value", value: "/home/ann/a" });
  assert.equal(path().parse("~/a", {}).kind, "invalid");
  assert.equal(path().parse("~bob/a", { home: "/home/ann" }).kind, "invalid");
});

Deno.test("a list takes spaces and a comma at its end, reports its first wrong item, and is never empty", () => {
  const brokers = list("host:port", parseBroker);
  const parsed = brokers.parse(" a:1 , b:2,", {});
  assert.deepEqual(parsed, { kind: "value", value: [{ host: "a", port: 1 }, { host: "b", port: 2 }] });
  assert.match(problem(brokers.parse("a:1,b:x", {})), /"b:x"/);
  assert.equal(brokers.parse(" , ", {}).kind, "invalid");
});

Deno.test("a broker is a host with or without a port, IPv6 in brackets", () => {
  const right: Readonly<Record<string, readonly [string, number]>> = {
    "kafka-1.example.com:29092": ["kafka-1.example.com", 29092],
    "kafka": ["kafka", 9092],
    "10.0.0.1:1": ["10.0.0.1", 1],
    "[::1]:9093": ["::1", 9093],
    "[fe80::1%eth0]": ["fe80::1%eth0", 9092],
  };
  for (const [text, [host, port]] of Object.entries(right)) {
    assert.deepEqual(parseBroker(text), { kind: "value", value: { host, port } }, text);
  }
  for (
    const text of [
      "::1",
      "a:0",
      "a:65536",
      "a:9092:1",
      ":9092",
      "a:",
      "a b:1",
      "[::1",
      "kafka://a:1",
      "ann:pw@a:1",
    ]
  ) {
    assert.equal(parseBroker(text).kind, "invalid", text);
  }
});

Deno.test("PostgreSQL's host is a name, an address or a socket's folder, and nothing else with it", () => {
  for (const text of ["localhost", "10.0.0.1", "::1", "fe80::1", "/var/run/postgresql", "db_1.internal"]) {
    assert.deepEqual(parsePostgresHost(text), { kind: "value", value: text });
  }
  for (const text of ["db:5432", "[::1]", "postgres://db/x", "a,b", "a b", "ann@db", "ann:pa55"]) {
    assert.equal(parsePostgresHost(text).kind, "invalid", text);
  }
});

Deno.test("a slot's name follows PostgreSQL's rule, and a right one is proposed", () => {
  assert.equal(checkSlotName("a".repeat(63)), undefined);
  assert.equal(checkSlotName("orders_2"), undefined);
  assert.match(checkSlotName("Orders-2")?.fix ?? "", /such as orders_2$/);
  for (const text of ["a".repeat(64), "bestellungen-ä", "a b", "A"]) {
    assert.notEqual(checkSlotName(text), undefined, text);
  }
});

Deno.test("a prefix makes topics' names that Kafka takes", () => {
  for (const text of ["cdc", "a.b-c_D9", "x".repeat(120)]) {
    assert.equal(checkTopicPrefix(text), undefined, text);
  }
  for (const text of ["a b", "ä", "a/b", "cdc.", "x".repeat(121)]) {
    assert.notEqual(checkTopicPrefix(text), undefined, text);
  }
});

Deno.test("a quoted value stays on one line, is cut when long, and is left out when it could hold a password", () => {
  assert.equal(quote('a"\n\u001b'), '"a\\"\\n\\u001b"');
  assert.equal(quote("x".repeat(1000)).length, 82);
  assert.equal(quote("ann:pw@host"), "the value");
});

function problem(parsed: Parsed<unknown>): string {
  assert.equal(parsed.kind, "invalid");
  return parsed.kind === "invalid" ? `${parsed.problem}; ${parsed.fix}` : "";
}
