// The recording of the demo: what a terminal shows, as lines in time, and the picture of them.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { parseLine, TerminalReader } from "../../../../dev/demo/terminal_recording.ts";
import { terminalSvg } from "../../../../dev/demo/terminal_svg.ts";

Deno.test("a line is what is left to see of it, in its styles", () => {
  deepStrictEqual(parseLine("\r\x1b[Kold\r\x1b[K\x1b[32mINSERT\x1b[0m users\r"), [
    { text: "INSERT", codes: [32] },
    { text: " users", codes: [] },
  ]);
  deepStrictEqual(parseLine("\x1b[1m\x1b[31mboth"), [{ text: "both", codes: [1, 31] }]);
  deepStrictEqual(parseLine("\r\x1b[K"), []);
});

Deno.test("lines end with their end, wherever the chunks do; what has none yet is the summary", () => {
  const reader = new TerminalReader();
  reader.write("one\r\ntw", 1);
  reader.write("o\n\r\x1b[K2 messages", 5);
  deepStrictEqual(reader.events.map(({ atMs, kind, spans }) => `${atMs} ${kind} ${spans[0]?.text}`), [
    "1 line one",
    "1 summary tw",
    "5 line two",
    "5 summary 2 messages",
  ]);
});

Deno.test("the picture has each line once, escaped and cut, and long pauses are short", () => {
  const event = (atMs: number, text: string) => ({
    atMs,
    kind: "line" as const,
    spans: [{ text, codes: [] }],
  });
  const svg = terminalSvg([event(0, "<a> & b"), event(60_000, "0123456789")], { columns: 8, rows: 4 }, "t");
  match(svg, />&lt;a&gt; &amp; b</);
  match(svg, />01234567</);
  // 900 ms for the pause, and 4 s at the end.
  match(svg, /animation:lines 4900ms/);
});

Deno.test("the picture in the README is one of the demo", async () => {
  const svg = await Deno.readTextFile(new URL("../../../../docs/images/demo.svg", import.meta.url));
  for (const word of ["INSERT", "UPDATE", "order_items", "Streaming", "changes committed"]) {
    ok(svg.includes(word), word);
  }
  strictEqual(/<script|href=/.test(svg), false);
});
