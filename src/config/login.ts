// Checks that the settings together allow a login to PostgreSQL.

import { serversOf } from "./config.ts";
import type { FileFacts, PasswordFile } from "./password_file.ts";
import type { Values, VariableName } from "./variables.ts";

/** The result. */
interface LoginValidation {
  readonly passwordIsMissing: boolean;
  /** Why the password file is not used; undefined if it is usable or absent. */
  readonly why: string | undefined;
  readonly warnings: readonly string[];
}

interface Surroundings {
  readonly home: string | undefined;
  readonly passwordFile: PasswordFile | undefined;
  readonly fileFacts: (path: string) => FileFacts | undefined;
}

/**
 * A password is required unless something else may authenticate the role: a matching line of the password file, a
 * client certificate, or a Unix socket with peer authentication.
 * @param wrong the settings that are reported already
 */
export function validateLogin(
  values: Values,
  wrong: ReadonlySet<VariableName>,
  { home, passwordFile, fileFacts }: Surroundings,
): LoginValidation {
  const warnings: string[] = [];
  const { PG_SSL_MODE: mode, PG_SSL_ROOT_CERT: root } = values;
  const isUnverified = mode === "prefer" || mode === "require";
  if (isUnverified && root !== undefined && root !== "system" && fileFacts(root) === undefined) {
    warnings.push(
      `PG_SSL_ROOT_CERT ${
        JSON.stringify(root)
      } does not exist, so PG_SSL_MODE=${mode} does not verify the server's certificate`,
    );
  }
  const none = { passwordIsMissing: false, why: undefined, warnings };
  if (values.PG_PASSWORD !== undefined || INVOLVED.some((name) => wrong.has(name))) return none;
  const servers = serversOf(values.PG_HOST, values.PG_PORT);
  if (servers.some(({ host }) => host.startsWith("/"))) return none;
  const certificate = values.PG_SSL_CERT ?? (home === undefined ? "" : `${home}/.postgresql/postgresql.crt`);
  if (mode !== "disable" && certificate !== "" && fileFacts(certificate) !== undefined) return none;
  const names = { database: values.PG_DATABASE, username: values.PG_USERNAME };
  if (servers.some((server) => passwordFile?.find({ ...server, ...names }) !== undefined)) return none;
  return { passwordIsMissing: true, why: passwordFile?.fault(), warnings };
}

const INVOLVED: readonly VariableName[] = [
  "PG_PASSWORD",
  "PG_HOST",
  "PG_PORT",
  "PG_DATABASE",
  "PG_USERNAME",
  "PG_SSL_MODE",
  "PG_SSL_CERT",
];
