// Facts that the checks of PostgreSQL collect for later checks.

import type { PublishedTable } from "../../pipeline/ports.ts";
import type { SystemFacts } from "../../source/inspection.ts";

/** Filled in as far as PostgreSQL could be inspected. */
export interface PostgresFacts {
  system?: SystemFacts;
  tables?: readonly PublishedTable[];
}
