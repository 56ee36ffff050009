// Compares a run with the one before: ratios, CPU, memory and latency, never absolute rates.

import type { BenchResults } from "./results.ts";

/** One figure of both runs. Smaller is better, but for `ofRaw`. */
interface Comparison {
  readonly what: string;
  readonly before: number;
  readonly now: number;
  readonly isWorse: boolean;
}

/** What noise alone can do on a machine that is otherwise quiet. */
const TOLERANCE = 0.2;
/** Differences below these are not looked at, whatever they are in percent. */
const LATENCY_TOLERANCE_MS = 10;

/** A line for each figure that is worse than before by more than noise. */
export function worseThan(baseline: BenchResults, results: BenchResults): string[] {
  return [
    ...compareCases(baseline, results),
    ...comparePaced(baseline, results),
    ...compareResting(baseline, results),
  ]
    .filter(({ isWorse }) => isWorse)
    .map(({ what, before, now }) => `${what}: ${now.toFixed(2)}, before ${before.toFixed(2)}`);
}

function* compareCases(baseline: BenchResults, results: BenchResults): Generator<Comparison> {
  for (const { name, readers } of results.cases) {
    const old = baseline.cases.find((each) => each.name === name);
    for (const reader of readers) {
      const before = old?.readers.find((each) => each.reader === reader.reader);
      if (before === undefined || reader.reader === "raw" || reader.reader === "debezium") continue;
      const what = `${name}, ${reader.reader}`;
      yield {
        ...{ what: `${what}, rate of raw`, before: before.ofRaw, now: reader.ofRaw },
        isWorse: reader.ofRaw < before.ofRaw * (1 - TOLERANCE),
      };
      yield smaller(
        `${what}, CPU seconds per million`,
        before.cpuSecondsPerMillion,
        reader.cpuSecondsPerMillion,
      );
      yield smaller(`${what}, peak MB`, before.peakMb, reader.peakMb);
    }
  }
}

function* comparePaced(baseline: BenchResults, results: BenchResults): Generator<Comparison> {
  for (const { name, result } of results.paced) {
    const before = baseline.paced.find((each) => each.name === name)?.result;
    if (before === undefined) continue;
    yield smaller(`${name}, p99 ms`, before.p99, result.p99, LATENCY_TOLERANCE_MS);
    yield smaller(`${name}, peak MB`, before.peakMb, result.peakMb);
  }
}

function* compareResting(baseline: BenchResults, results: BenchResults): Generator<Comparison> {
  if (baseline.resting === null || results.resting === null) return;
  const { secondsToStreaming, idlePeakMb } = baseline.resting;
  yield smaller("seconds to streaming", secondsToStreaming, results.resting.secondsToStreaming);
  yield smaller("idle MB", idlePeakMb, results.resting.idlePeakMb);
}

function smaller(what: string, before: number, now: number, atLeast = 0): Comparison {
  return { what, before, now, isWorse: now > before * (1 + TOLERANCE) && now > before + atLeast };
}
