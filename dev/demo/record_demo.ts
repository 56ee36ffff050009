// `deno task demo:record`: runs the real demo in a terminal and draws what it shows as docs/images/demo.svg.

import { fileURLToPath } from "node:url";
import { missingProgram } from "../servers/tools.ts";
import { TerminalReader } from "./terminal_recording.ts";
import { terminalSvg } from "./terminal_svg.ts";

const SIZE = { columns: 118, rows: 24 };
const TITLE = "deno task demo";
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FILE = `${ROOT}docs/images/demo.svg`;

const missing = missingProgram("script");
if (missing !== undefined) throw new Error(`Cannot record: ${missing}. Install util-linux.`);
// util-linux' script gives the demo a terminal; its size is set from within.
const demo =
  `stty cols ${SIZE.columns} rows ${SIZE.rows}; exec "${Deno.execPath()}" task --quiet demo --seconds 9 --rate 3`;
const child = new Deno.Command("script", {
  args: ["--quiet", "--flush", "--return", "--command", demo, "/dev/null"],
  cwd: ROOT,
  env: { TERM: "xterm-256color", DENO_NO_UPDATE_CHECK: "1", PG_HOST: "", KAFKA_BROKERS: "" },
  stdin: "null",
  stdout: "piped",
}).spawn();
const reader = new TerminalReader();
const startMs = performance.now();
for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
  reader.write(chunk, performance.now() - startMs);
}
const { code } = await child.status;
if (code !== 0) throw new Error(`Cannot record: the demo ended with exit code ${code}`);
await Deno.writeTextFile(FILE, terminalSvg(reader.events, SIZE, TITLE));
