// Figures from many measurements.

/** The middle one; the upper of the two middle ones. NaN of none. */
export function median(numbers: readonly number[]): number {
  return percentile(numbers, 0.5);
}

/** The smallest number that at least `share` (0 to 1) of all are not above. NaN of none. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** The slope of the straight line through the points with the least squares; 0 of fewer than two. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const below = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return below > 0 ? above / below : 0;
}
