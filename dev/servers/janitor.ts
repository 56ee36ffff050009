// Ends child processes and removes temporary folders, however this program ends: also after its own kill -9.

/** How a guarded process is asked to end; after a while it is killed. */
export type EndSignal = "QUIT" | "TERM" | "KILL";

/** A new empty folder that is gone when this program is. Every user can pass through it, as a server's own user must. */
export async function tempFolder(name: string): Promise<string> {
  const { root } = await theJanitor();
  return await Deno.makeTempDir({ dir: root, prefix: `${name}-` });
}

/** From now on the process ends when this program does. */
export async function guard(pid: number, signal: EndSignal): Promise<void> {
  await (await theJanitor()).tell(`guard ${pid} ${signal}`);
}

/** The folder, and all that is in it, is gone when this program is. */
export async function discard(folder: string): Promise<void> {
  await (await theJanitor()).tell(`discard ${folder}`);
}

/** Forgets a process that has ended: its id may soon be somebody else's. */
export async function release(pid: number): Promise<void> {
  await (await janitor)?.tell(`release ${pid}`);
}

/** Ends everything guarded, removes every folder, and waits until that is done. */
export async function cleanUp(): Promise<void> {
  const ending = janitor;
  janitor = undefined;
  await (await ending)?.end();
}

interface Janitor {
  readonly root: string;
  tell(line: string): Promise<void>;
  end(): Promise<void>;
}

let janitor: Promise<Janitor> | undefined;

function theJanitor(): Promise<Janitor> {
  return janitor ??= startJanitor();
}

/**
 * A shell in a session of its own, out of reach of the terminal's Ctrl-C. Its standard input ends when this
 * program lets go of it or dies in whatever way: that is its sign to clean up.
 */
async function startJanitor(): Promise<Janitor> {
  const root = await Deno.makeTempDir({ prefix: "pg-capture-dev-" });
  await Deno.chmod(root, 0o755);
  const child = new Deno.Command("sh", {
    args: ["-c", SCRIPT, "pg-capture-dev-janitor", root],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  const writer = child.stdin.getWriter();
  const encoder = new TextEncoder();
  let isEnding = false;
  return {
    root,
    async tell(line) {
      if (!isEnding) await writer.write(encoder.encode(line + "\n"));
    },
    async end() {
      isEnding = true;
      child.ref();
      await writer.close();
      await child.status;
    },
  };
}

// A stopped process takes a signal only after SIGCONT. 100 tries of 0.1 s, then SIGKILL.
const SCRIPT = `
trap '' HUP INT TERM
cd /
guarded=
while read -r action rest; do
  case $action in
    guard) guarded="$guarded \${rest% *}:\${rest#* }" ;;
    release)
      others=
      for one in $guarded; do [ "\${one%:*}" = "$rest" ] || others="$others $one"; done
      guarded=$others ;;
    discard) set -- "$@" "$rest" ;;
  esac
done
for one in $guarded; do kill -s "\${one#*:}" "\${one%:*}"; kill -s CONT "\${one%:*}"; done
tries=0
for one in $guarded; do
  while kill -0 "\${one%:*}" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL "\${one%:*}"
done
rm -rf "$@"
`;
