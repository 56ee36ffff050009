// A mistake that a person makes, and the first line that is printed: it has to say enough to fix it.

import { match, ok, strictEqual } from "node:assert";
import { startCapture } from "./capture.ts";

/** A mistake, and what the first line must say of it. */
export interface Mistake {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly code: number;
  readonly line: RegExp;
}

/** A configuration that is whole; its servers are not there. */
export const PLAIN_ENV = {
  PG_DATABASE: "d",
  PG_USERNAME: "u",
  PG_PASSWORD: "plain-pa55",
  KAFKA_BROKERS: "127.0.0.1:1",
  METRICS_PORT: "0",
};

/** Refused before anything is connected to. */
export function usage(env: Readonly<Record<string, string>>, line: RegExp): Mistake {
  return { env, code: 2, line };
}

/** A server answers no. */
export function refused(env: Readonly<Record<string, string>>, line: RegExp): Mistake {
  return { env, code: 3, line };
}

/** A server that can't be reached is awaited: it has to be stopped. */
export function awaited(env: Readonly<Record<string, string>>, line: RegExp): Mistake {
  return { env, code: 0, line };
}

/**
 * Runs pg-capture with the mistake in it.
 * @param others lines that may come before, because of something else
 */
export async function assertFirstLine(
  base: Readonly<Record<string, string>>,
  mistake: Mistake,
  others: readonly RegExp[] = [],
): Promise<void> {
  const env = { ...base, ...mistake.env };
  await using capture = await startCapture({
    env,
    ...(mistake.args === undefined ? {} : { args: mistake.args }),
  });
  const isAwaited = mistake.code === 0;
  const { code } = isAwaited
    ? await capture.waitForLog(/ warn /).then(() => capture.terminate())
    : await capture.waitForExit();
  const first =
    capture.log.find((line) => !/^\S+Z info /.test(line) && !others.some((each) => each.test(line))) ?? "";
  match(first, mistake.line);
  strictEqual(code, mistake.code);
  ok(!/pa55/.test(capture.log.join("\n")));
}
