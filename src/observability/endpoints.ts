// Maps each HTTP path to its response.

import { escapeControls } from "./escape.ts";
import type { Reply } from "./http_connection.ts";
import { renderMetrics } from "./metrics.ts";
import { PROMETHEUS_TEXT } from "./prometheus_text.ts";
import { isReady, type StatusSnapshot } from "./status_snapshot.ts";
import { STATUS_PAGE, STATUS_PAGE_POLICY } from "./status_page/page.ts";
import { statusJson } from "./status_json.ts";

/** Status page, its JSON, metrics, health and readiness. */
export function endpoints(snapshot: () => StatusSnapshot): ReadonlyMap<string, () => Reply> {
  return new Map<string, () => Reply>([
    ["/", () => ({
      contentType: "text/html; charset=utf-8",
      body: STATUS_PAGE,
      headers: { "content-security-policy": STATUS_PAGE_POLICY },
    })],
    ["/status.json", () => json(200, statusJson(snapshot()))],
    ["/metrics", () => ({ contentType: PROMETHEUS_TEXT, body: renderMetrics(snapshot()) })],
    ["/healthz", () => json(200, { status: "alive" })],
    ["/readyz", () => {
      const { reading } = snapshot();
      const ready = isReady(reading);
      return json(ready ? 200 : 503, { ready, ...reading.states });
    }],
  ]);
}

function json(status: number, value: unknown): Reply {
  // Names come from a database: clients must show control characters as escapes.
  const body = JSON.stringify(value, (_key, item) => typeof item === "string" ? escapeControls(item) : item);
  return { status, contentType: "application/json", body: `${body}\n` };
}
