// What the checks of PostgreSQL found out for the checks after them.

import type { PublishedTable } from "../../pipeline/ports.ts";
import type { SystemFacts } from "../../source/inspection.ts";

/** Filled in as far as PostgreSQL could be inspected. */
export interface PostgresFacts {
  system?: SystemFacts;
  tables?: readonly PublishedTable[];
}
