// Reads /metrics as Prometheus does.

/** A metric's samples by name and labels, as the text has them: `up`, `up{job="a"}`. */
export type Scrape = ReadonlyMap<string, number>;

/** Reads all metrics at that port of this machine. */
export async function scrape(port: number): Promise<Scrape> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const end = line.lastIndexOf(" ");
    return [line.slice(0, end), Number(line.slice(end + 1))];
  }));
}

/** The value, which has to be there. */
export function sample(found: Scrape, name: string): number {
  const value = found.get(name);
  if (value === undefined) throw new Error(`there is no ${name}`);
  return value;
}

/** What Prometheus' histogram_quantile gives for the values between two scrapes. */
export function histogramQuantile(earlier: Scrape, later: Scrape, name: string, share: number): number {
  const buckets = [...later].flatMap(([key, count]) => {
    const bound = new RegExp(`^${name}_bucket\\{le="([^"]+)"\\}$`).exec(key)?.[1];
    return bound === undefined
      ? []
      : [{ bound: bound === "+Inf" ? Infinity : Number(bound), count: count - (earlier.get(key) ?? 0) }];
  });
  const rank = share * (buckets.at(-1)?.count ?? 0);
  const at = buckets.findIndex(({ count }) => count >= rank);
  const { bound, count } = buckets[at]!;
  const { bound: lower, count: below } = at === 0 ? { bound: 0, count: 0 } : buckets[at - 1]!;
  return lower + (bound - lower) * (rank - below) / (count - below);
}
