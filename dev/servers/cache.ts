// The folder that keeps downloaded servers between runs.

import { fileURLToPath } from "node:url";
import { discard } from "./janitor.ts";

/** `.cache` at the top of the working copy; it can be deleted at any time. */
export const CACHE_FOLDER = fileURLToPath(new URL("../../.cache", import.meta.url));

/**
 * The folder `name` of the cache. When it's not there, `fill` makes its content in a folder beside it, which then
 * takes the name: a folder that's there is whole, and programs that do this at the same time don't disturb each other.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = `${CACHE_FOLDER}/${name}`;
  if (await exists(folder)) return folder;
  await Deno.mkdir(CACHE_FOLDER, { recursive: true });
  const draft = await Deno.makeTempDir({ dir: CACHE_FOLDER, prefix: `${name}.` });
  await discard(draft);
  try {
    await fill(draft);
    await Deno.chmod(draft, 0o755);
    await Deno.rename(draft, folder);
  } catch (error) {
    if (!await exists(folder)) throw error;
  } finally {
    await Deno.remove(draft, { recursive: true }).catch(() => {});
  }
  return folder;
}

/** Whether there is a file or folder at `path`. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
