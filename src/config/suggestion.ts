// "Did you mean": finds the known name that a misspelled name probably stands for.

/** Names with at most this many letters after the prefix allow only one edit: HOME is not a misspelled HOST. */
const SHORT_LENGTH_MAX = 5;

/** The closest of `known`, if `name` is probably a misspelling of it. */
export function closest<T extends string>(name: string, known: readonly T[]): T | undefined {
  let best: T | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance <= editsAllowed(name, candidate)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** The number of letters to add, remove, change or swap with a neighbor to turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      let distance = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + change,
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        distance = Math.min(distance, (beforePrevious[column - 2] ?? 0) + 1);
      }
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

function editsAllowed(name: string, candidate: string): number {
  return Math.min(ownLength(name), ownLength(candidate)) <= SHORT_LENGTH_MAX ? 1 : 2;
}

/** The length after the first underscore, because all names of a group share the prefix. */
function ownLength(name: string): number {
  return name.length - (name.indexOf("_") + 1);
}
