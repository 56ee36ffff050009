// Writes docs/CONFIGURATION.md and .envrc.example. Run it with `deno task docs:config`.

import { configurationDocument, envrcExample } from "./documents.ts";

const root = new URL("../../", import.meta.url);

await Deno.writeTextFile(new URL("docs/CONFIGURATION.md", root), configurationDocument());
await Deno.writeTextFile(new URL(".envrc.example", root), envrcExample());
