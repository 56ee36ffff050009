// A password or secret for Kafka, planted in each place that it can come from, appears nowhere.

import { strict as assert } from "node:assert";
import { type KafkaServer, startKafka } from "../../dev/servers/kafka.ts";
import { freePort } from "../../dev/servers/ports.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { LoginServer } from "../support/login_server.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { createSecuredBed } from "../support/secured_kafka.ts";

const PLANTED = "pl4nted/Pa55+%";
const LEVELS = [{ LOG_LEVEL: "trace" }, { LOG_LEVEL: "trace", LOG_FORMAT: "json" }] as const;

Deno.test("a password from the environment, a file or TOML is in no log, metric, page, output or process list", async () => {
  const kafka = await broker();
  await using bed = await createSecuredBed(kafka, "SASL_PLAINTEXT");
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  await Deno.writeTextFile(`${bed.folder}/password`, PLANTED);
  await Deno.writeTextFile(`${bed.folder}/c.toml`, `[kafka]\nsasl_password = '${PLANTED}'\n`);
  const login = { KAFKA_SASL_MECHANISM: "PLAIN", KAFKA_SASL_USERNAME: "ann" };
  const places: readonly (readonly [Record<string, string>, readonly string[]])[] = [
    [{ KAFKA_SASL_PASSWORD: PLANTED }, []],
    [{ KAFKA_SASL_PASSWORD_FILE: `${bed.folder}/password` }, []],
    [{}, ["--config", `${bed.folder}/c.toml`]],
  ];
  for (const [index, [place, args]] of places.entries()) {
    const env = { ...bed.env, ...login, ...place, ...LEVELS[index % 2] };
    const port = freePort();
    await using capture = await startCapture({
      env: { ...env, METRICS_PORT: String(port) },
      args: [...args, "run"],
    });
    await capture.waitForLog("Streaming");
    await bed.sql.exec(`INSERT INTO item VALUES (${index})`);
    await waitUntilConfirmed(bed, capture);
    const pages = await Promise.all(
      ["/", "/metrics", "/readyz", "/status.json"].map(async (path) =>
        await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
      ),
    );
    assertClean([...pages, await processList(capture)]);
    await capture.terminate();
    assertClean([...capture.log, capture.stdout]);

    await using check = await startCapture({ env, args: [...args, "check"] });
    assert.equal((await check.waitForExit()).code, 0);
    assertClean([...check.log, check.stdout]);

    // Refused, by a broker that knows ann by another password.
    const wrong = { ...env, KAFKA_SASL_USERNAME: "bob" };
    await using refused = await startCapture({ env: wrong, args: [...args, "run"] });
    assert.equal((await refused.waitForExit()).code, 3);
    assertClean(refused.log);
  }
});

Deno.test("a client's secret and its tokens are in no log, when taken and when refused", async () => {
  await using server = await LoginServer.start();
  const { jwksUrl } = server;
  await using kafka = await startKafka({
    security: { listeners: { SASL_PLAINTEXT: { protocol: "SASL_PLAINTEXT" } }, oauth: { jwksUrl } },
    javaArgs: [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwksUrl}`],
  });
  await using bed = await createSecuredBed(kafka, "SASL_PLAINTEXT");
  for (const level of LEVELS) {
    const env = {
      ...bed.env,
      ...level,
      KAFKA_SASL_MECHANISM: "OAUTHBEARER",
      KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: server.tokenUrl(),
      KAFKA_SASL_OAUTHBEARER_CLIENT_ID: "ann",
      KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: PLANTED,
    };
    server.answer = () => ({ lifeSecs: 300, isForged: true });
    await assertRefused(env, /by OAUTHBEARER with a token: the broker answered/);
    server.answer = () => ({
      status: 401,
      body: `{"error":"invalid_client","error_description":"${PLANTED}"}`,
    });
    await assertRefused(env, /HTTP status 401, invalid_client/);
    assert.equal(server.requests.at(-1)?.clientSecret, PLANTED);
  }
});

Deno.test("a password in KAFKA_BROKERS is refused without being repeated", async () => {
  await using bed = await createSecuredBed(await broker(), "SASL_PLAINTEXT");
  for (const brokers of [`sasl://ann:${PLANTED}@localhost:9092`, `ann:${PLANTED}@localhost:9092`]) {
    await using capture = await startCapture({ env: { ...bed.env, KAFKA_BROKERS: brokers } });
    assert.equal((await capture.waitForExit()).code, 2);
    assert.match(capture.log.join("\n"), /KAFKA_BROKERS .*a broker's address contains a/);
    assertClean(capture.log);
  }
});

async function assertRefused(env: Readonly<Record<string, string>>, line: RegExp): Promise<void> {
  await using capture = await startCapture({ env });
  assert.equal((await capture.waitForExit()).code, 3, capture.log.join("\n"));
  assert.match(capture.log.at(-1) ?? "", line);
  assertClean(capture.log);
}

/** Neither as it is, nor as a URL, JSON or base64 would hold it; and nothing that is a token. */
function assertClean(texts: readonly string[]): void {
  const forms = [
    PLANTED,
    encodeURIComponent(PLANTED),
    JSON.stringify(PLANTED).slice(1, -1),
    btoa(PLANTED).replace(/=+$/, ""),
    "pl4nted",
    "eyJ",
  ];
  for (const text of texts) {
    for (const form of forms) assert(!text.includes(form), `${form} in: ${text.slice(0, 500)}`);
  }
}

async function processList({ pid }: CaptureProcess): Promise<string> {
  return (await Deno.readTextFile(`/proc/${pid}/cmdline`)).replaceAll("\0", " ");
}

let started: Promise<KafkaServer> | undefined;

function broker(): Promise<KafkaServer> {
  return started ??= startKafka({
    security: {
      plainUsers: { ann: PLANTED, bob: "another" },
      listeners: { SASL_PLAINTEXT: { protocol: "SASL_PLAINTEXT" } },
    },
  });
}
