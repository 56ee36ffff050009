// The program's version, which a test keeps equal to deno.json's, and the origin of an executable.

export const VERSION = "0.1.0";

/** The origin of an executable. */
export interface Build {
  /** The commit's id, shortened; with `-dirty` if the tree had changes. */
  readonly commit: string;
  /** The commit's day, UTC: `2026-11-22`. */
  readonly date: string;
  /** Deno's name of the target machine: `x86_64-unknown-linux-gnu`. */
  readonly target: string;
}

/**
 * dev/release/compile.ts puts this constant in front of the bundle; nothing defines it when running from
 * source.
 */
declare const PG_CAPTURE_BUILD: Build | undefined;

/** Undefined if the program runs from source. */
export const BUILD: Build | undefined = typeof PG_CAPTURE_BUILD === "undefined"
  ? undefined
  : PG_CAPTURE_BUILD;

/** The output of `-V`: `pg-capture 0.1.0 (1f2e3d4c5b6a, 2026-11-22, x86_64-unknown-linux-gnu)`. */
export function describeVersion(build: Build | undefined = BUILD): string {
  const origin = build === undefined ? "from source" : `${build.commit}, ${build.date}, ${build.target}`;
  return `pg-capture ${VERSION} (${origin})`;
}
