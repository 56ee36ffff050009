import { startServers } from "./servers.ts";
import { makeBacklog } from "./backlog.ts";
import { CASES } from "./cases.ts";
import { arrivalOf, captureEnvironment } from "./readers.ts";
import { cleanUp } from "../dev/janitor.ts";
const servers = await startServers();
const c = CASES.find((c)=>c.name===Deno.args[0])!;
const rows = Number(Deno.args[1]);
const backlog = await makeBacklog(servers, c, rows, ["w","p"]);
for (const slot of ["w","p"]) {
  await using arrival = await arrivalOf(backlog, slot);
  const env = await captureEnvironment(backlog, {slot, topicPrefix: slot, env: {}, executable: undefined});
  const child = new Deno.Command(Deno.execPath(), { args: ["run","-A","--quiet","--cpu-prof","--cpu-prof-dir=/tmp/perf/prof-"+slot,"--v8-flags=--max-semi-space-size=2,--max-old-space-size=512","/work/main/src/main.ts"], env, stderr: "null", stdout:"null" }).spawn();
  await arrival.wait(()=>{});
  child.kill("SIGTERM");
  await child.status;
}
await cleanUp(); Deno.exit(0);
