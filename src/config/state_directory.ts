// The directory for files that are kept between runs.

/**
 * The state directory: systemd's, or the user's by the XDG Base Directory Specification (also on macOS), or on Windows
 * the user's local application data.
 * @returns undefined if none is set
 */
export function stateDirectory(env: Readonly<Record<string, string | undefined>>): string | undefined {
  // systemd.exec(5): a colon separates several directories.
  const systemd = env.STATE_DIRECTORY?.split(":")[0];
  if (systemd !== undefined && systemd !== "") return systemd;
  // "All paths must be absolute. If an implementation encounters a relative path it should [...] ignore it."
  if (env.XDG_STATE_HOME?.startsWith("/")) return `${env.XDG_STATE_HOME}/pg-capture`;
  if (env.HOME?.startsWith("/")) return `${env.HOME}/.local/state/pg-capture`;
  // Set by Windows to C:\Users\ann\AppData\Local. Windows accepts both kinds of slash.
  if (env.LOCALAPPDATA !== undefined && env.LOCALAPPDATA !== "") return `${env.LOCALAPPDATA}/pg-capture`;
  return undefined;
}
