// Where files go that the program keeps between runs.

/**
 * systemd's directory for the service, else the user's by the XDG Base Directory Specification, on macOS too, else
 * on Windows the user's local application data, else undefined.
 * @param env the environment
 */
export function stateDirectory(env: Readonly<Record<string, string | undefined>>): string | undefined {
  // systemd.exec(5): several directories are separated by colons.
  const systemd = env.STATE_DIRECTORY?.split(":")[0];
  if (systemd !== undefined && systemd !== "") return systemd;
  // "All paths must be absolute. If an implementation encounters a relative path it should [...] ignore it."
  if (env.XDG_STATE_HOME?.startsWith("/")) return `${env.XDG_STATE_HOME}/pg-capture`;
  if (env.HOME?.startsWith("/")) return `${env.HOME}/.local/state/pg-capture`;
  // Windows sets it, to C:\Users\ann\AppData\Local; both kinds of slash go there.
  if (env.LOCALAPPDATA !== undefined && env.LOCALAPPDATA !== "") return `${env.LOCALAPPDATA}/pg-capture`;
  return undefined;
}
