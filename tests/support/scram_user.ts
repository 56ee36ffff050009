// Makes users for SCRAM on a real broker, as kafka-configs.sh does it.

import { pbkdf2Sync, randomBytes } from "node:crypto";
import { strict as assert } from "node:assert";
import type { Api } from "../../src/sink/wire/api.ts";
import { Connection } from "../../src/sink/wire/connection.ts";
import { PLAINTEXT } from "../../src/sink/wire/security.ts";

/** A user and what its password is checked by. */
export interface ScramUser {
  readonly name: string;
  readonly password: string;
  readonly mechanism: "SCRAM-SHA-256" | "SCRAM-SHA-512";
}

const ITERATIONS = 4096;
const FOREVER = new AbortController().signal;

/** Makes the user, or gives it another password. @param brokers the listener without a login */
export async function makeScramUser(brokers: string, user: ScramUser): Promise<void> {
  const [host = "", port] = brokers.split(":");
  const options = {
    clientId: "test",
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 15_000,
    security: PLAINTEXT,
  };
  const connection = await Connection.open({ host, port: Number(port) }, options, FOREVER);
  try {
    assert.deepEqual(await connection.request(alterUserScramCredentials, user, FOREVER), []);
  } finally {
    connection.close();
  }
  // The broker's metadata follows a moment later.
  await new Promise((resolve) => setTimeout(resolve, 300));
}

/** AlterUserScramCredentials (KIP-554), for one user; answers with what went wrong. */
const alterUserScramCredentials: Api<ScramUser, readonly string[]> = {
  name: "AlterUserScramCredentials",
  key: 51,
  versionMin: 0,
  versionMax: 0,
  flexibleFrom: 0,
  encode(writer, { name, password, mechanism }) {
    const salt = randomBytes(16);
    const [hash, bytes] = mechanism === "SCRAM-SHA-256" ? ["sha256", 32] as const : ["sha512", 64] as const;
    writer.compactArrayLength(0); // deletions
    writer.compactArrayLength(1);
    writer.compactString(name);
    writer.int8(mechanism === "SCRAM-SHA-256" ? 1 : 2);
    writer.int32(ITERATIONS);
    writer.compactBytes(new Uint8Array(salt));
    writer.compactBytes(new Uint8Array(pbkdf2Sync(password, salt, ITERATIONS, bytes, hash)));
    writer.noTags();
    writer.noTags();
  },
  decode(reader) {
    reader.int32(); // throttle time
    return reader.compactArray(4, () => {
      const user = reader.compactString();
      const errorCode = reader.int16();
      const message = reader.compactNullableString();
      reader.tags();
      return errorCode === 0 ? "" : `${user}: ${errorCode} ${message}`;
    }).filter((fault) => fault !== "");
  },
};
