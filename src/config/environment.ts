// The one door to the environment and to files of settings.

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
