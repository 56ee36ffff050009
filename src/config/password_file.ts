// Looks up passwords in a .pgpass file, by libpq's rules (PostgreSQL manual, 34.16; fe-connect.c, passwordFromFile).

/** The facts that decide whether a file's content can be trusted. */
export interface FileFacts {
  readonly isFile: boolean;
  /** Permission bits; null if the system has none. */
  readonly mode: number | null;
  readonly uid: number | null;
  /** The owner of the directory entry: for a symbolic link, of the link itself. */
  readonly linkUid: number | null;
}

/** Access to files. */
interface PasswordFileAccess {
  readonly readTextFile: (path: string) => string | undefined;
  readonly fileFacts: (path: string) => FileFacts | undefined;
}

/** The login whose password is looked up. */
interface LoginName {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
}

/** A .pgpass file, read again for each lookup. Printing it shows its path. */
export class PasswordFile {
  readonly path: string;
  readonly #access: PasswordFileAccess;
  readonly #found = new Set<string>();

  constructor(path: string, access: PasswordFileAccess) {
    this.path = path;
    this.#access = access;
  }

  /** The file that PGPASSFILE names, or ~/.pgpass. The file need not exist. */
  static of(
    env: Readonly<Record<string, string | undefined>>,
    access: PasswordFileAccess,
  ): PasswordFile | undefined {
    const { PGPASSFILE: named, HOME: home } = env;
    if (named !== undefined && named !== "") return new PasswordFile(named, access);
    return home === undefined || home === "" ? undefined : new PasswordFile(`${home}/.pgpass`, access);
  }

  /** All passwords found so far, to be masked in logs. */
  get found(): readonly string[] {
    return [...this.#found];
  }

  /** The password of the first matching line; undefined if there is none, or the file is not used. */
  find(name: LoginName): string | undefined {
    if (this.fault() !== undefined) return undefined;
    let text: string | undefined;
    try {
      text = this.#access.readTextFile(this.path);
    } catch {
      return undefined;
    }
    const password = text === undefined ? undefined : passwordIn(text, name);
    if (password !== undefined) this.#found.add(password);
    return password;
  }

  /** Why an existing file is not used. */
  fault(): string | undefined {
    const facts = this.#access.fileFacts(this.path);
    if (facts === undefined) return undefined;
    if (!facts.isFile) return `${this.path} is not a plain file`;
    if (facts.mode !== null && (facts.mode & 0o077) !== 0) {
      return `${this.path} is not used because group or world has access to it (chmod 600 '${this.path}')`;
    }
    return undefined;
  }

  toJSON(): string {
    return this.path;
  }
}

/**
 * Why a file's content can't be trusted: another user may have written it.
 * @param ownUid undefined if unknown, null if the system has no user IDs
 */
export function accessFault(
  { isFile, mode, uid, linkUid }: FileFacts,
  ownUid: number | null | undefined,
): { readonly found: string; readonly fix: (path: string) => string } | undefined {
  if (!isFile) {
    return {
      found: "it is not a regular file",
      fix: () => "set them in the environment, or in a file that -c names",
    };
  }
  const stranger = [linkUid, uid].find((owner) => owner !== null && owner !== 0 && owner !== ownUid);
  if (stranger !== undefined && ownUid !== null) {
    return {
      found: `another user (uid ${stranger}) owns it`,
      fix: (path) => `if you trust it: chown "$(id -u)" '${path}'`,
    };
  }
  if (mode === null || (mode & 0o022) === 0) return undefined;
  return { found: "other users may write to it", fix: (path) => `if you trust it: chmod go-w '${path}'` };
}

/** The password in the first matching line of the text. */
export function passwordIn(
  text: string,
  { host, port, database, username }: LoginName,
): string | undefined {
  // libpq uses localhost for its default socket directory; packages are built with one of these two.
  const hosts = host === "/tmp" || host === "/var/run/postgresql" ? [host, "localhost"] : [host];
  for (const line of text.split("\n").map((each) => each.replace(/\r$/, ""))) {
    if (line.startsWith("#")) continue;
    for (const name of hosts) {
      let rest: string | undefined = line;
      for (const token of [name, String(port), database, username]) {
        rest = rest === undefined ? undefined : afterField(rest, token);
      }
      if (rest !== undefined) return unescaped(rest);
    }
  }
  return undefined;
}

/** The rest of the line after its first field, if that is a star or the token. A backslash escapes a character. */
function afterField(line: string, token: string): string | undefined {
  if (line.startsWith("*:")) return line.slice(2);
  let at = 0;
  for (const wanted of token) {
    if (line[at] === ":") return undefined;
    if (line[at] === "\\") at++;
    if (!line.startsWith(wanted, at)) return undefined;
    at += wanted.length;
  }
  return line[at] === ":" ? line.slice(at + 1) : undefined;
}

/** The field up to the next unescaped colon. */
function unescaped(field: string): string {
  const [raw = ""] = /^(?:\\[^]|[^:\\]|\\$)*/.exec(field) ?? [];
  return raw.replace(/\\([^])/g, "$1");
}
