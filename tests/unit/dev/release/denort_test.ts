// Deno's runtime is taken only if it has the checksum that this project knows.

import { Buffer } from "node:buffer";
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert";
import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { checkedRuntime } from "../../../../dev/release/denort.ts";

const TARGET = "x86_64-unknown-linux-gnu";
const NAME = `v2.9.6/denort-${TARGET}.zip`;
const RUNTIME = new TextEncoder().encode("a runtime ".repeat(1000));

Deno.test("the runtime with the right checksum is unpacked; another, or none known, is not", async () => {
  for (const method of [0, 8]) {
    const archive = zipOf("denort", RUNTIME, method);
    const asked: string[] = [];
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      asked.push(new URL(request.url).pathname);
      return new Response(new Blob([archive]));
    });
    const baseUrl = `http://127.0.0.1:${server.addr.port}/release`;
    const sum = createHash("sha256").update(archive).digest("hex");
    const of = (sums: string) => checkedRuntime({ baseUrl, version: "2.9.6", sums }, TARGET);

    deepStrictEqual(Buffer.from(await of(`${sum}  ${NAME}\n`) ?? []), Buffer.from(RUNTIME));
    await rejects(
      of(`${"0".repeat(64)}  ${NAME}\n`),
      new RegExp(`has the checksum ${sum}, dev/release/denort.sha256 has 0+`),
    );
    strictEqual(await of(`${sum}  v2.9.5/denort-${TARGET}.zip\n`), undefined);
    deepStrictEqual(asked, [`/release/${NAME}`, `/release/${NAME}`]);
  }
});

Deno.test("a release asks for the checksum, in the executables and in the image", async () => {
  const text = await Deno.readTextFile(new URL("../../../../.github/workflows/release.yml", import.meta.url));
  match(text, /deno task compile --all\n {8}env:\n {10}REQUIRE_DENORT_SUMS: "1"\n/);
  match(text, /^ {12}REQUIRE_DENORT_SUMS=1$/m);
  const sums = await Deno.readTextFile(new URL("../../../../dev/release/denort.sha256", import.meta.url));
  if (sums.includes(`v${Deno.version.deno}/`)) return;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "compile"],
    cwd: new URL("../../../..", import.meta.url),
    env: { REQUIRE_DENORT_SUMS: "1", DENORT_BIN: "" },
  }).output();
  strictEqual(code, 1);
  match(
    new TextDecoder().decode(stderr),
    /dev\/release\/denort\.sha256 has no checksum of Deno .*CONTRIBUTING\.md/,
  );
});

/** An archive as Info-ZIP makes it, with the sizes behind the file. */
function zipOf(name: string, content: Uint8Array, method: number): Uint8Array<ArrayBuffer> {
  const nameBytes = new TextEncoder().encode(name);
  const data = method === 0 ? content : deflateRawSync(content);
  const local = new DataView(new ArrayBuffer(30));
  local.setUint32(0, 0x04034b50, true);
  local.setUint16(6, 8, true);
  local.setUint16(8, method, true);
  local.setUint16(26, nameBytes.length, true);
  const entry = new DataView(new ArrayBuffer(46));
  entry.setUint32(0, 0x02014b50, true);
  entry.setUint16(10, method, true);
  entry.setUint32(20, data.length, true);
  entry.setUint32(24, content.length, true);
  entry.setUint16(28, nameBytes.length, true);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, 1, true);
  end.setUint16(10, 1, true);
  end.setUint32(12, 46 + nameBytes.length, true);
  end.setUint32(16, 30 + nameBytes.length + data.length, true);
  const parts = [local, nameBytes, data, entry, nameBytes, end];
  return new Uint8Array(
    parts.flatMap((part) => [...new Uint8Array(part.buffer, part.byteOffset, part.byteLength)]),
  );
}
