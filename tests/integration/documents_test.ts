// Every command of every document, run in order as a newcomer would; CONTRIBUTING.md, "Documents", has the rules.

import { deepStrictEqual, ok } from "node:assert";
import { type Document, readDocuments } from "../support/documents.ts";
import { ReaderOfDocuments } from "../support/reader_of_documents.ts";
import { sharedServers } from "../support/servers.ts";

for (const document of readDocuments()) {
  const blocks = document.blocks.filter(({ language, directives }) =>
    (language === "sh" || language === "sql") && directives.needs === undefined &&
    directives["run by"] === undefined
  );
  if (blocks.length === 0) continue;
  Deno.test(`${document.path}: ${blocks.length} blocks of commands do what it says`, async () => {
    const { brokers } = await sharedServers();
    await using reader = await ReaderOfDocuments.start(brokers);
    const isComplete = document.path === "README.md";
    if (!isComplete) await reader.setUp();
    let printed = "";
    for (const block of blocks) printed += await reader.follow(block);
    if (isComplete) assertExample(document, printed);
  });
}

/** The example of a message has the fields that messages have, in their order. */
function assertExample({ blocks }: Document, printed: string): void {
  const message = /^\S+ (\{"schema":"public","table":"users".*\})$/m.exec(printed)?.[1];
  ok(message, "no message was printed");
  const example = blocks.find(({ language, text }) => language === "json" && text.includes('"op"'));
  deepStrictEqual(fields(JSON.parse(example!.text)), fields(JSON.parse(message)));
}

function fields(value: unknown, path = ""): readonly string[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([name, each]) => fields(each, `${path}.${name}`));
}
