// The one door to the environment and to files of settings.

import type { FileFacts } from "./password_file.ts";

/** The environment as it is now. */
export function readEnvironment(): Readonly<Record<string, string>> {
  return Deno.env.toObject();
}

/**
 * The text of a file, undefined where there is none.
 * @throws where it can't be read
 */
export function readTextFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What of a file decides whether a secret may be read from it; undefined where there is no such file. */
export function fileFacts(
  path: string,
): FileFacts | undefined {
  try {
    const { isFile, mode, uid } = Deno.statSync(path);
    return { isFile, mode, uid };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
