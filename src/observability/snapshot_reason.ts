// Why a snapshot failed or is waiting, and how to fix it.

/** What was found, and the fix if there is one. */
export interface SnapshotReason {
  readonly found: string;
  readonly fix: string | null;
}

/**
 * Separates the fix from a reason that ends with one:
 * `Cannot read table …: permission denied (fix: GRANT …)`.
 */
export function splitReason(reason: string): SnapshotReason {
  const at = reason.lastIndexOf(FIX);
  if (at < 0 || !reason.endsWith(")")) return { found: reason, fix: null };
  return { found: reason.slice(0, at), fix: reason.slice(at + FIX.length, -1) };
}

const FIX = " (fix: ";
