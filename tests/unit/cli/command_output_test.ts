// What commands print: nothing in it steers a terminal, and JSON stays JSON.

import { NO_HEADERS } from "../../../src/core/encoded_record.ts";
import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert";
import { failure, formatFinding } from "../../../src/cli/check/finding.ts";
import { style } from "../../../src/cli/style.ts";
import { commandOutput } from "../../../src/cli/command_output.ts";
import { LineSink } from "../../../src/cli/line_sink.ts";

const EVIL = "a\u001b[31m\u007f\u009b\u202e\u2028\u{e0041}\u00e9";
const STEERS = /[\p{Cf}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u;

Deno.test("--json prints no control or bidirectional character, and reads back as it was", () => {
  const value = { found: EVIL, list: [EVIL], count: 3 };
  const text = printed((output) => output.printJson(value));
  doesNotMatch(text, STEERS);
  deepStrictEqual(JSON.parse(text), value);
});

Deno.test("--json holds no secret, and a short one leaves it JSON", () => {
  const secrets = [`p"w\u202e`, ":", "true"];
  const text = printed((output) => output.printJson({ ok: true, found: `x ${secrets[0]} y` }), secrets);
  deepStrictEqual(JSON.parse(text), { ok: true, found: "x [secret] y" });
});

Deno.test("tail prints each value in one line without a character that steers a terminal", async () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const key = encode('{"id":1}');
  // A value of type json keeps its line breaks between tokens.
  const value = `{"after":{"note":${JSON.stringify(EVIL)},"doc":{\n\t"b": "\\n"\r\n}}}`;
  let bytes = new Uint8Array();
  const sink = new LineSink((chunk) => bytes = chunk.slice());
  const batch = sink.createBatch();
  const record = new Uint8Array([...key, ...encode(value)]);
  batch.append(await sink.route("t"), {
    bytes: record,
    keyEnd: key.length,
    valueEnd: record.length,
    headers: NO_HEADERS,
  }, 0);
  await sink.write(batch);
  const text = new TextDecoder().decode(bytes);
  strictEqual(text.split("\n").length, 2);
  doesNotMatch(text, STEERS);
  match(text, /\u00e9/);
  deepStrictEqual(JSON.parse(text), JSON.parse(value));
});

function printed(
  print: (output: ReturnType<typeof commandOutput>) => void,
  secrets: readonly string[] = [],
): string {
  let text = "";
  print(commandOutput((more) => void (text += more), () => secrets, undefined));
  return text;
}

Deno.test("findings are colored on a terminal only, and never by what was found", () => {
  const finding = failure("a", EVIL, "do it");
  strictEqual(formatFinding(finding), formatFinding(finding, style(false)));
  doesNotMatch(formatFinding(finding), STEERS);
  const colored = formatFinding(finding, style(true)).replaceAll("\u001b", "ESC");
  ok(colored.startsWith("ESC[31mFAILURE  ESC[0ma: a\\u001b"), colored);
  ok(colored.endsWith("ESC[1mfix:ESC[0m do it\n"), colored);
});
