// The Grafana dashboard's queries, parsed by Prometheus' own tool where the machine has it.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { missingProgram } from "../../dev/servers/tools.ts";
import { optionalTest } from "../support/optional.ts";

optionalTest("each query of the dashboard is PromQL", missingProgram("promtool"), async () => {
  const queries: string[] = [];
  JSON.parse(await readDashboard(), (key, value) => {
    if (key === "expr") queries.push(value);
    return value;
  });
  ok(queries.length > 20);
  const rules = queries.map((expr, index) => ({
    record: `query:${index}`,
    expr: expr.replaceAll(/\$\w+/g, ".*"),
  }));
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  try {
    // JSON is YAML.
    await Deno.writeTextFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const { success, stderr, stdout } = await new Deno.Command("promtool", {
      args: ["check", "rules", file],
    })
      .output();
    ok(success, new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(file);
  }
});

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

Deno.test("the dashboard's panels have ids of their own, lie side by side and name their data source", async () => {
  const { panels, schemaVersion, uid } = JSON.parse(await readDashboard()) as {
    readonly panels: readonly Panel[];
    readonly schemaVersion: number;
    readonly uid: string;
  };
  ok(schemaVersion >= 36 && uid.length > 0);
  strictEqual(new Set(panels.map(({ id }) => id)).size, panels.length);
  const cells = new Map<string, string>();
  for (const { title, type, gridPos: { x, y, w, h }, datasource, targets } of panels) {
    ok(x >= 0 && w > 0 && x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let row = y; row < y + h; row++) {
        strictEqual(cells.get(`${column}/${row}`), undefined, `${title} lies on another`);
        cells.set(`${column}/${row}`, title);
      }
    }
    if (type === "row") continue;
    deepStrictEqual(datasource, { type: "prometheus", uid: "${datasource}" }, title);
    ok(targets !== undefined && targets.length > 0, title);
    strictEqual(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
  }
});

async function readDashboard(): Promise<string> {
  return await Deno.readTextFile(new URL("../../dashboards/grafana.json", import.meta.url));
}
