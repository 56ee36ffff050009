// The slot while a session holds it.

import type { SourceIdentity } from "../core/position.ts";
import type { Feedback } from "./feedback.ts";
import type { ReplicationStream, SourceSession } from "./ports.ts";
import type { ServerWatch } from "./watching.ts";

export interface HeldSlot {
  readonly source: SourceSession;
  readonly stream: ReplicationStream;
  readonly identity: SourceIdentity;
  readonly feedback: Feedback;
  readonly watch: ServerWatch;
  /** Whether this session created the slot. */
  readonly isNew: boolean;
}
