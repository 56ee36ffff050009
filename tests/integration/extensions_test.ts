// pgvector and PostGIS, on a PostgreSQL of this machine that has them. Where there is none, tests/golden/extensions.txt
// is what is left: a stream that was captured from one.

import { deepStrictEqual } from "node:assert";
import { exists } from "../../dev/servers/cache.ts";
import { type PostgresMajor, startPostgres } from "../../dev/servers/postgres.ts";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { optionalTest } from "../support/optional.ts";
import { parseRawJson } from "../support/raw_json.ts";
import { createTestBed, sharedServers } from "../support/servers.ts";
import type { TypeValue } from "../support/type_values.ts";

interface ExtensionCase {
  readonly extension: string;
  readonly setup: string;
  readonly values: readonly TypeValue[];
}

const POINT = "0101000000000000000000F03F0000000000000040";
const POINT_4326 = "0101000020E6100000000000000000F03F0000000000000040";

const CASES: readonly ExtensionCase[] = [
  {
    extension: "vector",
    setup: `CREATE DOMAIN embedding AS vector(3);
            CREATE DOMAIN embeddings AS embedding[];
            CREATE TYPE chunk AS (no int, embedding vector, sparse sparsevec)`,
    values: [
      ["vector", "[1, 2.5,-3]", "[1,2.5,-3]"],
      ["vector", "[-0,1e-45,3.4028235e38,0.1,16777216]", "[-0,1e-45,3.4028235e+38,0.1,1.6777216e+07]"],
      ["vector", null, "null"],
      ["vector(16000)", `[${"0.25,".repeat(15_999)}1]`, `[${"0.25,".repeat(15_999)}1]`],
      ["vector[]", '{"[1,2]",NULL,"[3]"}', "[[1,2],null,[3]]"],
      ["vector[]", "{}", "[]"],
      ["halfvec", "[1,2.5,65504]", '"[1,2.5,65504]"'],
      ["halfvec[]", '{"[1,2]"}', '["[1,2]"]'],
      ["sparsevec", "{3:-2,1:1.5}/5", '"{1:1.5,3:-2}/5"'],
      ["sparsevec[]", '{"{1:1}/2",NULL}', '["{1:1}/2",null]'],
      ["embedding", "[1,2,3]", "[1,2,3]"],
      ["embeddings", '{"[1,2,3]",NULL}', "[[1,2,3],null]"],
      ["chunk", '(1,"[0.5,1e20]",{}/3)', '{"no":1,"embedding":[0.5,1e+20],"sparse":"{}/3"}'],
      ["chunk[]", '{"(,\\"[1,2]\\",)",NULL}', '[{"no":null,"embedding":[1,2],"sparse":null},null]'],
    ],
  },
  {
    extension: "postgis",
    setup: "CREATE TYPE site AS (name text, place geometry, around box2d)",
    values: [
      ["geometry", "POINT(1 2)", `"${POINT}"`],
      ["geometry(Point,4326)", "SRID=4326;POINT(1 2)", `"${POINT_4326}"`],
      ["geometry[]", `{${POINT}:NULL:${POINT}}`, `["${POINT}",null,"${POINT}"]`],
      ["geography", "POINT(1 2)", `"${POINT_4326}"`],
      ["geography[]", `{${POINT_4326}}`, `["${POINT_4326}"]`],
      ["box2d", "BOX(0 0,1 1.5)", '"BOX(0 0,1 1.5)"'],
      ["box3d[]", '{"BOX3D(0 0 0,1 1 1)"}', '["BOX3D(0 0 0,1 1 1)"]'],
      [
        "site",
        `("a b",${POINT},"BOX(0 0,1 1)")`,
        `{"name":"a b","place":"${POINT}","around":"BOX(0 0,1 1)"}`,
      ],
    ],
  },
];

for (const { extension, setup, values } of CASES) {
  const found = await installed(extension);
  optionalTest(
    `each value of the types of the extension ${extension} has its exact JSON`,
    found === undefined ? `no PostgreSQL of this machine has ${extension}` : undefined,
    async () => {
      await using postgres = await startPostgres(found!);
      const { brokers } = await sharedServers();
      await using bed = await createTestBed({ servers: { postgres, brokers } });
      await bed.sql.exec(`CREATE EXTENSION ${extension};${setup}`);
      const columns = values.map(([type], index) => `c${index} ${type}`);
      await bed.sql.exec(`CREATE TABLE everything (id int PRIMARY KEY, ${columns.join(", ")})`);
      await using capture = await startCapture({ env: bed.env });
      await capture.waitForLog("Streaming");
      const places = values.map((_, index) => `$${index + 1}`).join(", ");
      await bed.sql.rows(
        `INSERT INTO everything VALUES (1, ${places})`,
        values.map(([, literal]) => literal),
      );
      const topic = `${bed.topicPrefix}.public.everything`;
      const [record] = await readTopics({ brokers, topics: [topic], untilCount: 1 });
      const message = parseRawJson(record!.value!);
      const after = message.kind === "object" ? message.members.get("after") : undefined;
      deepStrictEqual(
        values.map(([type, literal], index) => [
          type,
          literal,
          after?.kind === "object" ? after.members.get(`c${index}`)?.raw : undefined,
        ]),
        values.map(([...each]) => each),
      );
    },
  );
}

/** A PostgreSQL of this machine, where Debian and Red Hat put it, that has the extension. */
async function installed(
  extension: string,
): Promise<{ major: PostgresMajor; programs: string } | undefined> {
  for (const major of [18, 17, 16, 15, 14] as const) {
    for (
      const [programs, share] of [
        [`/usr/lib/postgresql/${major}`, `/usr/share/postgresql/${major}`],
        [`/usr/pgsql-${major}`, `/usr/pgsql-${major}/share`],
      ] as const
    ) {
      const isThere = await exists(`${share}/extension/${extension}.control`) &&
        await exists(`${programs}/bin/postgres`);
      if (isThere) return { major, programs };
    }
  }
  return undefined;
}
