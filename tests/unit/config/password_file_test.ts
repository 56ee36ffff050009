// .pgpass by libpq's rules.

import { strictEqual } from "node:assert";
import { PasswordFile, passwordIn } from "../../../src/config/password_file.ts";

const ANN = { host: "db.test", port: 5432, database: "shop", username: "ann" };

Deno.test("the first line that matches gives the password", () => {
  const cases: readonly [string, string | undefined][] = [
    ["db.test:5432:shop:ann:right", "right"],
    ["*:*:*:*:any", "any"],
    ["other:*:*:*:no\ndb.test:*:*:ann:second\n*:*:*:*:third", "second"],
    ["# db.test:5432:shop:ann:comment\n*:*:*:*:right\r\n", "right"],
    ["db.test:5433:shop:ann:port", undefined],
    ["db.test:5432:shop:bob:user", undefined],
    ["db.test:5432:sho:ann:too short", undefined],
    ["db.test:5432:shops:ann:too long", undefined],
    ["DB.test:5432:shop:ann:letters", undefined],
    ["db.*:5432:shop:ann:a star is a whole field", undefined],
    ["db.test:5432:shop:ann", undefined],
    ["db.test:5432:shop:ann:", ""],
    ["", undefined],
    ["*:*:*:*:with\\:colon and \\\\ backslash", "with:colon and \\ backslash"],
    ["*:*:*:*:ends:here", "ends"],
    ["*:*:*:*:ends in \\", "ends in \\"],
    ["*:*:*:*: spaces ", " spaces "],
    ["*:*:*:*:ünï", "ünï"],
  ];
  for (const [text, password] of cases) strictEqual(passwordIn(text, ANN), password, text);
});

Deno.test("colons and backslashes in names are written with a backslash", () => {
  const odd = { host: "::1", port: 5432, database: "a:b\\c", username: "x\\" };
  strictEqual(passwordIn("\\:\\:1:5432:a\\:b\\\\c:x\\\\:right", odd), "right");
  strictEqual(passwordIn("::1:5432:a\\:b\\\\c:x\\\\:wrong", odd), undefined);
});

Deno.test("localhost stands for the folder of the Unix socket that PostgreSQL has by default", () => {
  for (const host of ["/tmp", "/var/run/postgresql"]) {
    strictEqual(passwordIn("localhost:*:*:*:right", { ...ANN, host }), "right");
  }
  strictEqual(passwordIn("localhost:*:*:*:x", { ...ANN, host: "/run/other" }), undefined);
  strictEqual(passwordIn("/run/other:*:*:*:right", { ...ANN, host: "/run/other" }), "right");
});

Deno.test("a file that others may read, or that is none, is left out; it is read again for each look", () => {
  let mode = 0o600;
  let isFile = true;
  let text = "*:*:*:*:first";
  const file = new PasswordFile("/home/ann/.pgpass", {
    readTextFile: () => text,
    fileFacts: () => ({ isFile, mode, uid: 1, linkUid: 1 }),
  });
  strictEqual(file.find(ANN), "first");
  text = "*:*:*:*:second";
  strictEqual(file.find(ANN), "second");
  strictEqual(file.found.join(), "first,second");
  strictEqual(Deno.inspect(file).includes("second"), false);
  for (mode of [0o640, 0o604, 0o660]) strictEqual(file.find(ANN), undefined);
  mode = 0o600;
  isFile = false;
  strictEqual(file.find(ANN), undefined);
});
