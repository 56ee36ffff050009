// `deno task demo`: a shop in PostgreSQL, pg-capture, and the messages as a consumer of Kafka reads them, live.

import { parseArgs } from "node:util";
import { type CaptureProcess, startCapture } from "../servers/capture_process.ts";
import { MessagePrinter, readMessage } from "./message_line.ts";
import { openPlaces, type Places } from "./places.ts";
import { deleteTopics, startReader } from "./reader.ts";
import { fit, Screen } from "./screen.ts";
import { Shop } from "./shop.ts";
import { SHOP_TABLES } from "./shop_tables.ts";
import { Tally } from "./tally.ts";
import { cleanUp, tempFolder } from "../servers/janitor.ts";
import { delay } from "../servers/server_process.ts";
import { DevServerError, lastLines } from "../servers/tools.ts";

const USAGE = `Usage: deno task demo [--seconds N] [--rate N]

  --seconds N   end by itself after N seconds of messages
  --rate N      transactions a second; 2

PG_HOST (with PG_PORT, PG_DATABASE, PG_USERNAME, PG_PASSWORD) or KAFKA_BROKERS set: that server is used instead of
one of the demo's own. What the demo makes there is dropped in the end.`;

const SUMMARY_INTERVAL_MS = 250;
const ARRIVAL_TIMEOUT_MS = 5_000;

interface DemoOptions {
  /** Infinity: until it is told to end. */
  readonly seconds: number;
  readonly transactionsPerSecond: number;
}

const SAME_CTRL_C_MS = 300;

/** The reason to stop that is no failure. */
const ASKED = "asked to";

const screen = new Screen();
/** Aborted with ASKED when the demo is to end, with an error when it can't go on. */
const stopping = new AbortController();
let endedMs = 0;
Deno.addSignalListener("SIGINT", endByPerson);
Deno.addSignalListener("SIGTERM", endByPerson);
Deno.exit(await main());

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    screen.line(USAGE);
    return 2;
  }
  try {
    await runDemo(options);
  } catch (error) {
    stop(error);
  } finally {
    screen.endSummary();
    await cleanUp();
  }
  const failure: unknown = stopping.signal.reason;
  if (failure === ASKED) return 0;
  const text = failure instanceof DevServerError
    ? failure.message
    : failure instanceof Error
    ? failure.stack
    : failure;
  screen.line(screen.style("red", String(text)));
  return 1;
}

function stop(reason: unknown): void {
  if (!stopping.signal.aborted) stopping.abort(reason);
}

/**
 * The second time at once, with a clean-up all the same: the janitor's. But one Ctrl-C comes twice, from the terminal
 * and from `deno task`, which passes it on.
 */
function endByPerson(): void {
  if (!stopping.signal.aborted) {
    endedMs = Date.now();
    tell("ending …");
    stop(ASKED);
  } else if (Date.now() - endedMs > SAME_CTRL_C_MS) {
    Deno.exit(130);
  }
}

function readOptions(): DemoOptions | undefined {
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        seconds: { type: "string" },
        rate: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    const seconds = Number(values.seconds ?? Infinity);
    const transactionsPerSecond = Number(values.rate ?? 2);
    const isValid = values.help !== true && seconds > 0 && transactionsPerSecond > 0;
    return isValid ? { seconds, transactionsPerSecond } : undefined;
  } catch {
    return undefined;
  }
}

async function runDemo(options: DemoOptions): Promise<void> {
  const { signal } = stopping;
  // The first time it takes a while: who ends it then should not have to wait.
  await using places = await Promise.race([openPlaces(tell), aborted(signal)]);
  if (places === undefined) return;
  await using shop = await Shop.open(places);
  tell(`the shop is open: ${SHOP_TABLES.map((table) => `${places.schema}.${table}`).join(", ")}`);
  const { capture, quieten } = await startPgCapture(places);
  try {
    await shop.untilStreaming(places.slot, signal);
    if (signal.aborted) return;
    await shop.stock();
    await showMessages(places, shop, options, quieten);
  } catch (error) {
    stop(error);
  } finally {
    await capture.terminate();
    if (places.isPostgresShared) await shop.drop(places.slot);
    if (places.isKafkaShared) await deleteTopics(places.brokers, places.topicPrefix);
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** As `deno task start` runs it, with the few settings that it needs, and its checkpoint in a temporary folder. */
async function startPgCapture(
  places: Places,
): Promise<{ readonly capture: CaptureProcess; quieten(): void }> {
  const { host, port, user, password, database } = places.postgres;
  let isQuiet = false;
  const capture = await startCapture({
    env: {
      PG_HOST: host,
      PG_PORT: String(port),
      PG_USERNAME: user,
      PG_PASSWORD: password,
      PG_DATABASE: database,
      PG_PUBLICATION: places.publication,
      PG_SLOT_NAME: places.slot,
      KAFKA_BROKERS: places.brokers,
      KAFKA_TOPIC_PREFIX: places.topicPrefix,
      REPLICATION_CHECKPOINT_FILE: `${await tempFolder("checkpoint")}/checkpoint`,
      METRICS_PORT: "0",
    },
    onLine: (line) => {
      if (isQuiet && !/^\S+ (warn|error)/.test(line)) return;
      screen.line(screen.style("dim", fit(`  pg-capture │ ${line}`, screen.width)));
    },
  });
  capture.exit.then(({ code }) => {
    stop(
      new DevServerError(
        `pg-capture ended by itself with exit code ${code}\n${lastLines(capture.log.join("\n"), 10)}`,
      ),
    );
  });
  return { capture, quieten: () => isQuiet = true };
}

async function showMessages(
  places: Places,
  shop: Shop,
  options: DemoOptions,
  onReading: () => void,
): Promise<void> {
  const { signal } = stopping;
  const tally = new Tally();
  const printer = new MessagePrinter(screen);
  const topics = SHOP_TABLES.map((table) => `${places.topicPrefix}.${places.schema}.${table}`);
  let readyMs = Infinity;
  const onRecord = (key: string | null, value: string | null) => {
    const message = readMessage(key, value);
    if (message === undefined) return;
    const nowMs = Date.now();
    const latencyMs = message.commitMs < readyMs ? undefined : nowMs - message.commitMs;
    tally.count(nowMs, latencyMs);
    printer.print(message, latencyMs);
  };
  await using reader = await startReader(places.brokers, topics, onRecord, signal);
  if (reader === undefined) return;
  ({ readyMs } = reader);
  onReading();
  if (options.seconds < Infinity) delay(options.seconds * 1000, signal).then(() => stop(ASKED));
  const summary = () =>
    `${progress(shop, tally)} · ${tally.rate(Date.now()).toFixed(1)}/s · ${tally.latency()}`;
  await Promise.all([
    shop.keepBusy(options.transactionsPerSecond, signal),
    keepSummary(() => `${summary()} · Ctrl-C ends`, signal),
  ]);
  const deadline = Date.now() + ARRIVAL_TIMEOUT_MS;
  while (signal.reason === ASKED && tally.messages < shop.committedChanges && Date.now() < deadline) {
    await delay(20);
  }
  screen.endSummary();
  tell(summary());
}

/** Rewrites the summary until `signal` is aborted. */
async function keepSummary(summary: () => string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    screen.summary(summary());
    await delay(SUMMARY_INTERVAL_MS, signal);
  }
}

function progress(shop: Shop, tally: Tally): string {
  return `${shop.committedChanges} changes committed, ${tally.messages} received`;
}

function tell(line: string): void {
  screen.line(`• ${line}`);
}
