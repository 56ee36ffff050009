// Looks up passwords in a .pgpass file, by libpq's rules (PostgreSQL manual, 34.16; fe-connect.c, passwordFromFile).

/** What of a file decides whether a secret may be read from it. */
export interface FileFacts {
  readonly isFile: boolean;
  /** Permission bits; null where the system has none. */
  readonly mode: number | null;
  readonly uid: number | null;
  /** Whose the name itself is: of a symbolic link, the link's owner. */
  readonly linkUid: number | null;
}

/** How files are looked at. */
export interface PasswordFileAccess {
  readonly readTextFile: (path: string) => string | undefined;
  readonly fileFacts: (path: string) => FileFacts | undefined;
}

/** Whose password is asked for. */
export interface LoginName {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
}

/** A .pgpass file, read again for each look. Printing it shows its path. */
export class PasswordFile {
  readonly path: string;
  readonly #access: PasswordFileAccess;
  readonly #found = new Set<string>();

  constructor(path: string, access: PasswordFileAccess) {
    this.path = path;
    this.#access = access;
  }

  /** The one that PGPASSFILE names, else the one in the home directory; there may be no such file. */
  static of(
    env: Readonly<Record<string, string | undefined>>,
    access: PasswordFileAccess,
  ): PasswordFile | undefined {
    const { PGPASSFILE: named, HOME: home } = env;
    if (named !== undefined && named !== "") return new PasswordFile(named, access);
    return home === undefined || home === "" ? undefined : new PasswordFile(`${home}/.pgpass`, access);
  }

  /** All passwords that were found so far, for a log to cut out of its lines. */
  get found(): readonly string[] {
    return [...this.#found];
  }

  /** The password of the first line that matches; undefined where there is none, or the file is left out. */
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

  /** Why the file is left out, although it is there. */
  fault(): string | undefined {
    const facts = this.#access.fileFacts(this.path);
    if (facts === undefined) return undefined;
    if (!facts.isFile) return `${this.path} is not a plain file`;
    if (facts.mode !== null && (facts.mode & 0o077) !== 0) {
      return `${this.path} is left out because group or world has access to it (chmod 600 '${this.path}')`;
    }
    return undefined;
  }

  toJSON(): string {
    return this.path;
  }
}

/**
 * Why what is in a file may be another user's words: what was found, and the fix for a path.
 * @param ownUid undefined if unknown, null where the system has no such thing
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

/** The password in the first line of the text that matches. */
export function passwordIn(
  text: string,
  { host, port, database, username }: LoginName,
): string | undefined {
  // libpq calls the folder it was built with so; packages have one of these two.
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

/** What follows a line's first field, if that is a star or the token; a backslash takes what follows as it is. */
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

/** Up to the next colon that is no part of it. */
function unescaped(field: string): string {
  const [raw = ""] = /^(?:\\[^]|[^:\\]|\\$)*/.exec(field) ?? [];
  return raw.replace(/\\([^])/g, "$1");
}
