// The machines that an executable is made for.

/** A machine, by the name in a file's name: `linux-arm64`. */
export type TargetName = "linux-x64" | "linux-arm64" | "macos-x64" | "macos-arm64" | "windows-x64";

/** What Deno calls each (`deno compile --help`). */
export const TARGETS: Readonly<Record<TargetName, string>> = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "macos-x64": "x86_64-apple-darwin",
  "macos-arm64": "aarch64-apple-darwin",
  "windows-x64": "x86_64-pc-windows-msvc",
};

export const TARGET_NAMES = Object.keys(TARGETS) as readonly TargetName[];

/** One executable to make. */
export interface CompileJob {
  /** Deno's name of the machine. */
  readonly target: string;
  /** In the folder dist. */
  readonly fileName: string;
}

/**
 * What the arguments ask for: without any, `dist/pg-capture` for this machine.
 * @param argv `--all`, or `--target NAME` once or more, by our name or Deno's
 * @param hostTarget Deno's name of this machine
 * @throws Error with what is wrong and the names that there are
 */
export function compileJobs(argv: readonly string[], hostTarget: string): readonly CompileJob[] {
  const names = new Set<TargetName>();
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index];
    if (argument === "--all") TARGET_NAMES.forEach((name) => names.add(name));
    else if (argument === "--target") names.add(targetName(argv[++index] ?? ""));
    else throw new Error(`Cannot compile: unknown argument "${argument}". ${USAGE}`);
  }
  if (names.size === 0) {
    return [{
      target: hostTarget,
      fileName: hostTarget.includes("windows") ? "pg-capture.exe" : "pg-capture",
    }];
  }
  return [...names].map((name) => ({
    target: TARGETS[name],
    fileName: `pg-capture-${name}${name.startsWith("windows") ? ".exe" : ""}`,
  }));
}

const USAGE = `Usage: deno task compile [--all | --target NAME …], NAME one of ${TARGET_NAMES.join(", ")}`;

function targetName(text: string): TargetName {
  const name = TARGET_NAMES.find((each) => each === text || TARGETS[each] === text);
  if (name === undefined) throw new Error(`Cannot compile: unknown target "${text}". ${USAGE}`);
  return name;
}
