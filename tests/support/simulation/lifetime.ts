// The life of one process in a simulation, up to its end.

import type { SimulatedProcess } from "./simulated_process.ts";
import type { SimulatedWorld } from "./simulated_world.ts";

const CALM_MS_MAX = 30 * 60_000;

export interface Lifetime {
  /** The process is left alone for this long at most, unless the world is calm. */
  readonly ms: number;
  /** The probability that it is then killed rather than stopped. */
  readonly kills: number;
  /** Whether nothing is left to do; then a calm world stops it. */
  readonly isDelivered: () => boolean;
}

/**
 * Runs a capture until it is stopped or killed, ends by itself, or, once the world is calm, until everything is
 * delivered.
 * @returns the error that ended it, undefined for none; null if it was killed
 */
export async function live(
  world: SimulatedWorld,
  process: SimulatedProcess,
  capture: (signal: AbortSignal) => Promise<void>,
  { ms, kills, isDelivered }: Lifetime,
): Promise<{ readonly error: unknown } | null> {
  const { clock, random, isCalm } = world;
  const stop = new AbortController();
  let ended: { readonly error: unknown } | undefined;
  world.log("a process starts");
  capture(stop.signal).then(() => ended = { error: undefined }, (error) => ended = { error });
  const isOver = new AbortController();
  const endsAtMs = clock.now() + (isCalm ? CALM_MS_MAX : ms);
  clock.sleep(endsAtMs - clock.now(), isOver.signal).catch(() => {});
  const isDone = () => ended !== undefined || clock.now() >= endsAtMs || isCalm && isDelivered();
  await clock.until(isDone, () => "everything stands still", 2 * CALM_MS_MAX);
  isOver.abort();
  if (ended === undefined && !isCalm && random.chance(kills)) {
    world.log("the process is killed");
    process.die();
    return null;
  }
  stop.abort(new DOMException("asked to stop", "AbortError"));
  await clock.until(() => ended !== undefined, () => "it does not stop");
  world.log(`the process ends: ${ended?.error ?? "stopped"}`);
  process.die();
  return ended ?? null;
}
