// What is broken on purpose: one place of the delivery path at a time, each a fault that loses, repeats or hides.

/** One change of the source that some test must notice. */
export interface Mutation {
  /** What would go wrong. */
  readonly breaks: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export const MUTATIONS: readonly Mutation[] = [
  // The order: Kafka's commit, then the checkpoint, then the confirmation.
  {
    breaks: "the position counts as delivered before Kafka has committed it",
    file: "src/pipeline/delivery.ts",
    find:
      "await sink.write(batch, parts.progressOf(position), signal);\n      tracker.markDelivered(position);",
    replace:
      "tracker.markDelivered(position);\n      await sink.write(batch, parts.progressOf(position), signal);",
  },
  {
    breaks: "the position is confirmed while the checkpoint is being saved",
    file: "src/pipeline/checkpointing.ts",
    find: "  try {\n    await store.save(",
    replace: "  tracker.markSaved(position);\n  parts.onSaved();\n  try {\n    await store.save(",
  },
  {
    breaks: "what is delivered is confirmed before it is saved",
    file: "src/pipeline/progress_tracker.ts",
    find: "return this.#saved.endLsn;",
    replace: "return this.#delivered.endLsn;",
  },
  {
    breaks: "what is received is confirmed",
    file: "src/pipeline/streaming.ts",
    find: "    observer.confirmed(tracker.confirmed);\n    return tracker.confirmed;\n",
    replace: "    return batcher.received.endLsn;\n",
  },
  {
    breaks: "the flushed position of a status update is the received one",
    file: "src/source/frames.ts",
    find: "view.setBigUint64(9, flushed);",
    replace: "view.setBigUint64(9, received);",
  },
  {
    breaks: "the last confirmation is left out",
    file: "src/pipeline/streaming.ts",
    find: "  await held.stream.finish(batcher.received.endLsn, confirm(), FINISH_MS);\n",
    replace: "",
  },
  {
    breaks: "what was delivered last is not saved at the end",
    file: "src/pipeline/checkpointing.ts",
    find: "while (!stopped() || isUnsaved(parts.tracker)) {",
    replace: "while (!stopped()) {",
  },
  {
    breaks: "asked to stop, it does not deliver what was read",
    file: "src/pipeline/streaming.ts",
    find: "      batcher.flush();\n",
    replace: "",
  },
  {
    breaks: "the tracker lets what is saved pass what is delivered",
    file: "src/pipeline/progress_tracker.ts",
    find: '    assertForward("delivered is behind saved:", position, this.#delivered);\n',
    replace: "",
  },
  {
    breaks: "the tracker lets what is delivered go back",
    file: "src/pipeline/progress_tracker.ts",
    find: '    assertForward("delivered", this.#delivered, position);\n',
    replace: "",
  },
  {
    breaks: "the tracker lets what is confirmed pass what is saved",
    file: "src/pipeline/progress_tracker.ts",
    find: "if (lsn < this.#confirmed || lsn > this.#saved.endLsn) {",
    replace: "if (lsn < this.#confirmed) {",
  },
  // Positions.
  {
    breaks: "the end of a transaction is taken one byte too far: an adjacent one is lost",
    file: "src/decoder/change_decoder.ts",
    find: "this.endLsn = decoded.endLsn;",
    replace: "this.endLsn = decoded.endLsn + 1n;",
  },
  {
    breaks: "a confirmation is one byte too far",
    file: "src/source/replication_stream.ts",
    find: "await this.#write(statusUpdate(received, flushed, this.#now()));",
    replace: "await this.#write(statusUpdate(received, flushed + 1n, this.#now()));",
  },
  {
    breaks: "a transaction counts as whole at its first change",
    file: "src/pipeline/batcher.ts",
    find: "    this.#commitLsn = commitLsn;\n    this.#seq = seq;\n    // A logical",
    replace: "    this.#endLsn = this.#commitLsn = commitLsn;\n    this.#seq = seq;\n    // A logical",
  },
  {
    breaks: "a keepalive inside a transaction moves the end of what is whole",
    file: "src/pipeline/intake.ts",
    find: "decoder.inTransaction ? null : stream.walEnd",
    replace: "stream.walEnd",
  },
  {
    breaks: "an idle slot never follows the WAL",
    file: "src/pipeline/intake.ts",
    find: "decoder.inTransaction ? null : stream.walEnd",
    replace: "null",
  },
  {
    breaks: "the end may go back",
    file: "src/pipeline/batcher.ts",
    find: "    if (endLsn <= this.#endLsn) return;\n",
    replace: "",
  },
  {
    breaks: "the checkpoint keeps the commit in the place of the end",
    file: "src/checkpoint/kv_store.ts",
    find: "endLsn: formatLsn(progress.position.endLsn),",
    replace: "endLsn: formatLsn(progress.position.commitLsn),",
  },
  {
    breaks: "the progress record holds the commit in the place of the end",
    file: "src/sink/progress_record.ts",
    find: "end_lsn: formatLsn(position.endLsn),",
    replace: "end_lsn: formatLsn(position.commitLsn),",
  },
  {
    breaks: "changes are numbered through several transactions",
    file: "src/decoder/change_decoder.ts",
    find: "        this.#numbers.beginTransaction(decoded.commitLsn);\n",
    replace: "",
  },
  {
    breaks: "an update that is one record has the number of the first of two",
    file: "src/decoder/change_decoder.ts",
    find: 'operation === "UPDATE" ? this.#firstSeq + 1 : this.#firstSeq',
    replace: "this.#firstSeq",
  },
  {
    breaks: "an update takes one number",
    file: "src/decoder/change_decoder.ts",
    find: 'row.operation === "UPDATE" ? 2 : 1',
    replace: "1",
  },
  {
    breaks: "a logical message has the number of the change whose WAL record follows it",
    file: "src/decoder/change_decoder.ts",
    find: "const lastByte = message.lsn - 1n;",
    replace: "const lastByte = message.lsn;",
  },
  {
    breaks: "a logical message outside of a transaction has the identity of the row that commits at its end",
    file: "src/decoder/change_decoder.ts",
    find: "this.seq = this.#firstSeq = 0;",
    replace: "this.seq = this.#firstSeq = 1;",
  },
  {
    breaks: "changes are counted, whatever their place in the WAL",
    file: "src/decoder/pgoutput/record_numbers.ts",
    find: "const first = place > this.#last ? place : this.#last + 1;",
    replace: "const first = place >= 0 ? this.#last + 1 : 0;",
  },
  // LSNs off the wire.
  {
    breaks: "a transaction may end with another commit LSN than it began with",
    file: "src/decoder/pgoutput/lsn_checks.ts",
    find: "if (commitLsn !== this.#commitLsn) {",
    replace: "if (commitLsn === -1n) {",
  },
  {
    breaks: "the end of a transaction is believed whatever the header says",
    file: "src/decoder/pgoutput/lsn_checks.ts",
    find: "    expectSame(endLsn, message);\n",
    replace: "",
  },
  {
    breaks: "a transaction may commit below what has ended",
    file: "src/decoder/pgoutput/lsn_checks.ts",
    find: '    this.#expectBehindEnd(commitLsn, "a transaction\'s commit");\n',
    replace: "",
  },
  {
    breaks: "the two LSNs in a message's header are not compared",
    file: "src/source/replication_stream.ts",
    find: "      this.#compareHeader();\n",
    replace: "",
  },
  {
    breaks: "one keepalive is enough for an end of WAL",
    file: "src/pipeline/wal_end_gate.ts",
    find: "    this.#agreed = this.#last;\n",
    replace: "    this.#agreed = walEnd;\n",
  },
  {
    breaks: "a keepalive below one that counted goes unnoticed",
    file: "src/pipeline/wal_end_gate.ts",
    find: "      if (this.#last === this.#parts.streamsFrom) return;\n      throw",
    replace: "      if (this.#last !== 0n) return;\n      throw",
  },
  {
    breaks: "a keepalive below the slot's position, which comes first, ends each session",
    file: "src/pipeline/wal_end_gate.ts",
    find: "      if (this.#last === this.#parts.streamsFrom) return;\n      throw",
    replace: "      throw",
  },
  {
    breaks: "an end of WAL beyond the server's is believed",
    file: "src/pipeline/wal_end_gate.ts",
    find: "    if (this.#isBeyondServer()) {\n",
    replace: "    if (this.#isBeyondServer() && this.#agreed === 0n) {\n",
  },
  {
    breaks:
      "the slot is confirmed before the last delivered transaction has come again: the next start can't tell",
    file: "src/pipeline/streaming.ts",
    find: "    if (!deduplicator.isAwaiting) tracker",
    replace: "    tracker",
  },
  {
    breaks: "another transaction in the place of the last delivered one is taken for it",
    file: "src/pipeline/deduplicator.ts",
    find: "    if (commitTimeMs !== awaited.commitTimeMs) {\n",
    replace: "    if (commitTimeMs === -1) {\n",
  },
  {
    breaks: "the last delivered transaction need not come again",
    file: "src/pipeline/deduplicator.ts",
    find: "this.#awaited = comesAgain ? start : null;",
    replace: "this.#awaited = null;",
  },
  // Resuming.
  {
    breaks: "the last delivered change comes again",
    file: "src/pipeline/deduplicator.ts",
    find: "commitLsn === lastLsn && seq <= lastSeq;",
    replace: "commitLsn === lastLsn && seq < lastSeq;",
  },
  {
    breaks: "the rest of a transaction that was delivered in part is dropped",
    file: "src/pipeline/deduplicator.ts",
    find: "commitLsn === lastLsn && seq <= lastSeq;",
    replace: "commitLsn === lastLsn;",
  },
  {
    breaks: "nothing that was delivered is dropped",
    file: "src/pipeline/intake.ts",
    find: "    if (deduplicator.isDelivered(decoder.commitLsn, decoder.seq)) return true;\n",
    replace: "",
  },
  {
    breaks: "replication starts at another position than the slot's own",
    file: "src/source/replication_source.ts",
    find: "LOGICAL 0/0 (proto_version",
    replace: "LOGICAL FFFFFFFF/0 (proto_version",
  },
  {
    breaks: "the checkpoint counts where Kafka is ahead of it",
    file: "src/pipeline/reconcile.ts",
    find: 'return { progress, from: "progress" };\n  }\n  if (checkpoint.delivery',
    replace: 'return { progress: saved, from: "checkpoint" };\n  }\n  if (checkpoint.delivery',
  },
  {
    breaks: "a slot that somebody moved is taken for good",
    file: "src/pipeline/reconcile.ts",
    find: "if (slotConfirmedLsn > position.endLsn) {",
    replace: "if (false) {",
  },
  {
    breaks: "a slot that was dropped is made anew behind one's back",
    file: "src/pipeline/reconcile.ts",
    find: "  if (findings.slotIsNew) throw refuseNewSlot(findings.identity, position);\n",
    replace: "",
  },
  {
    breaks: "a restored database is taken for the old one",
    file: "src/pipeline/reconcile.ts",
    find: "if (reached > findings.walEnd) {",
    replace: "if (false) {",
  },
  {
    breaks: "a standby that lagged is taken for its primary",
    file: "src/pipeline/reconcile.ts",
    find: "if (left === undefined || reached > left.endLsn) {",
    replace: "if (left === undefined) {",
  },
  {
    breaks: "another source's checkpoint is taken",
    file: "src/pipeline/reconcile.ts",
    find: "  if (checkpoint !== null) refuseOtherSource(findings.identity, checkpoint.progress.identity);\n",
    replace: "",
  },
  {
    breaks: "a first start streams before Kafka has its position",
    file: "src/pipeline/session.ts",
    find: 'if (resumption.from !== "progress" || progress?.timeline !== session.server.timeline) {',
    replace: "if (false) {",
  },
  {
    breaks: "a waiting instance fences the one that streams",
    file: "src/pipeline/session.ts",
    find: "const slotIsNew = await acquireSlot(parts, settings, memory, session, identity, either);",
    replace:
      "({ sink } = await openSink(parts, identity, memory, either));\n    const slotIsNew = await acquireSlot(parts, settings, memory, session, identity, either);",
  },
  {
    breaks: "a first instance that has no slot yet is fenced by a second one",
    file: "src/pipeline/slot_acquisition.ts",
    find: "const progress = await probeSink(parts, identity, memory, [], signal);",
    replace:
      "const progress = await parts.createSink(identity, memory.batchSize.bytes).open(signal);\n  await probeSink(parts, identity, memory, [], signal);",
  },
  {
    breaks: "a slot that another instance holds is not waited for",
    file: "src/pipeline/slot_acquisition.ts",
    find: "if (slot.activePid === null) return false;",
    replace: "return false;",
  },
  {
    breaks: "what another instance delivered from a slot that it has just created is taken for a lost slot's",
    file: "src/pipeline/slot_acquisition.ts",
    find: "  if (await session.slot(signal) !== null) return false;\n",
    replace: "",
  },
  {
    breaks: "a slot is created where a position is known: the changes between are gone without a word",
    file: "src/pipeline/slot_acquisition.ts",
    find: "  refuseKnownPosition(settings, identity, session, progress, checkpoint);\n",
    replace: "",
  },
  {
    breaks: "a slot that another instance created at the same moment ends this one",
    file: "src/pipeline/slot_acquisition.ts",
    find: "isCreated = await session.createSlot(each) !== null;",
    replace:
      'isCreated = await session.createSlot(each) !== null;\n      if (!isCreated) throw new CaptureError("postgres-refused", "already exists");',
  },
  {
    breaks: "what another instance delivered from a slot that was created here is a conflict",
    file: "src/pipeline/session.ts",
    find: "slotIsNew: slotIsNew && progress === null && checkpoint === null,",
    replace: "slotIsNew,",
  },
  {
    breaks: "a standby that has not synchronized the slot yet is taken for a server whose slot was dropped",
    file: "src/pipeline/slot_acquisition.ts",
    find: "if (isKnown && session.server.isStandby) {",
    replace: "if (false) {",
  },
  {
    breaks: "a replica that Kafka would refuse waits for the slot, and fails when it has it",
    file: "src/pipeline/slot_acquisition.ts",
    find: "if (!memory.kafkaTried) {",
    replace: "if (false) {",
  },
  {
    breaks: "a replica that waits reports the lag of before it lost the slot",
    file: "src/observability/statistics.ts",
    find: 'if (part === "postgres" && state === "waiting") this.#forgetLag();',
    replace: "",
  },
  {
    breaks: "a slot that is being synchronized from the primary is taken for a lost one",
    file: "src/source/errors.ts",
    find: "if (INVALIDATED.test(message)) return",
    replace: 'if (message.includes("replication slot")) return',
  },
  {
    breaks: "PostgreSQL 18 passes over a publication, and nobody notices",
    file: "src/source/replication_stream.ts",
    find: "          this.#refuseSkipped(parseErrorResponse(bytes, this.start, this.end));\n",
    replace: "",
  },
  // The progress record, as it is read.
  {
    breaks: "an uncommitted progress record counts",
    file: "src/sink/progress_reader.ts",
    find: "        if (found !== undefined) open.set(batch.producerId, found);\n",
    replace: "        if (found !== undefined) committed = found;\n",
  },
  {
    breaks: "an aborted progress record counts with the next commit",
    file: "src/sink/progress_reader.ts",
    find: '      case "abort-marker":\n        open.delete(batch.producerId);\n',
    replace: '      case "abort-marker":\n',
  },
  {
    breaks: "a commit marker of another producer commits ours",
    file: "src/sink/progress_reader.ts",
    find: "committed = open.get(batch.producerId) ?? committed;",
    replace: "committed = open.size > 0 ? [...open.values()][0] : committed;",
  },
  {
    breaks: "an undecided transaction is passed over",
    file: "src/sink/progress_reader.ts",
    find: 'if (open.size > 0 && undecided === "refuse") {',
    replace: "if (false) {",
  },
  {
    breaks: "only the end of the log is looked at",
    file: "src/sink/progress_reader.ts",
    find: "    if (from === start) return null;\n",
    replace: "    return null;\n",
  },
  {
    breaks: "another source's progress record is taken",
    file: "src/sink/progress_reader.ts",
    find: "      if (other === null || !isEqual(other, key)) continue;\n",
    replace: "",
  },
  // The transaction.
  {
    breaks: "a commit is an abort",
    file: "src/sink/transaction.ts",
    find: "const request = { transactionalId, producerId, producerEpoch, committed: true };",
    replace: "const request = { transactionalId, producerId, producerEpoch, committed: false };",
  },
  {
    breaks: "a commit whose answer was lost is sent again",
    file: "src/sink/transaction.ts",
    find: "const answer = unclearWhenLost(coordinator.request(endTxn, request, signal));\n",
    replace:
      "const answer = coordinator.request(endTxn, request, signal).catch(async () =>\n        (await this.#cluster.connectTo(producer.coordinator, signal)).request(endTxn, request, signal));\n",
  },
  {
    breaks: "a commit that was refused counts",
    file: "src/sink/transaction.ts",
    find: '      throw brokerError(this.#attempt("commit a transaction"), response.errorCode);\n',
    replace: "      return;\n",
  },
  {
    breaks: "the commit is sent before the records are there",
    file: "src/sink/transaction.ts",
    find: "    await this.#produce(finished, signal);\n    await this.#commit(producer, signal);",
    replace:
      "    const sent = this.#produce(finished, signal);\n    await this.#commit(producer, signal);\n    await sent;",
  },
  {
    breaks: "the progress record is left out of the transaction",
    file: "src/sink/transaction.ts",
    find: "    finished.push(this.#finish(progress, producer, null));\n",
    replace: "",
  },
  {
    breaks: "the records are outside of the transaction",
    file: "src/sink/transaction.ts",
    find: "{ producerId, producerEpoch, baseSequence, isTransactional: true },",
    replace: "{ producerId, producerEpoch, baseSequence, isTransactional: false },",
  },
  {
    breaks: "a producer goes on after a failure",
    file: "src/sink/kafka_sink.ts",
    find: "      this.#failure ??= error;\n",
    replace: "      this.#stage = before;\n",
  },
  {
    breaks: "the progress of the batch before is sent again beside the next one's",
    file: "src/sink/kafka_sink.ts",
    find: "      this.#progressBatch.clear();\n",
    replace: "",
  },
  {
    breaks: "each instance has a transactional id of its own",
    file: "src/sink/kafka_sink.ts",
    find: "return `pg-capture.${systemIdentifier}.${database}.${slot}`;",
    replace: "return `pg-capture.${systemIdentifier}.${database}.${slot}.${crypto.randomUUID()}`;",
  },
  {
    breaks: "a batch that the broker refused counts as taken",
    file: "src/sink/produce_to_leaders.ts",
    find: "  if (errorCode === ErrorCode.NONE) return;\n",
    replace: "  if (errorCode !== undefined) return;\n",
  },
  {
    breaks: "a Produce whose answer was lost is sent again",
    file: "src/sink/produce_to_leaders.ts",
    find: "const results = await unclearWhenLost(leader.request(produce, request, signal));",
    replace:
      "const results = await leader.request(produce, request, signal).catch(() => leader.request(produce, request, signal));",
  },
  {
    breaks: "a request that was given up because leadership moved counts as carried out",
    file: "src/sink/moved.ts",
    find: "if (moved === null) continue;",
    replace: "if (moved !== null) return undefined as never;",
  },
  {
    breaks: "a topic that got fewer partitions is written to as if nothing had happened",
    file: "src/sink/topic_directory.ts",
    find: "if (leaders === null || leaders.length < before) return false;",
    replace: "if (leaders === null) return false;",
  },
  {
    breaks: "added partitions are used in the middle of a transaction",
    file: "src/pipeline/intake.ts",
    find: "    this.#partitionsAdded = true;\n",
    replace: "    this.#routes.clear();\n",
  },
  {
    breaks: "a batch that an answer leaves out counts as taken",
    file: "src/sink/produce_to_leaders.ts",
    find: "  if (errorCode === undefined) {",
    replace: "  if (errorCode === undefined) return;\n  if (false) {",
  },
  {
    breaks: "a batch's arena is emptied before it is sent",
    file: "src/pipeline/delivery.ts",
    find: "    const startedAt = now();\n",
    replace: "    const startedAt = now();\n    batch.clear();\n",
  },
  {
    breaks: "a delivered batch is sent again with the next one's records",
    file: "src/pipeline/batcher.ts",
    find: "    batch.clear();\n    this.#spare = batch;",
    replace: "    this.#spare = batch;",
  },
  {
    breaks: "a batch that was sent and not committed counts as delivered",
    file: "src/pipeline/delivery.ts",
    find: "      await sink.send(batch, signal);\n",
    replace: "      await sink.send(batch, signal);\n      tracker.markDelivered(position);\n",
  },
  {
    breaks: "batches are sent and sent, and never committed",
    file: "src/pipeline/delivery_group.ts",
    find: "return this.#bytes + full.batch.bytes < GROUP_BYTES_MAX && now < (this.joinUntil ?? Infinity);",
    replace: "return true;",
  },
  {
    breaks: "a batch that others wait for waits as if it were the first",
    file: "src/pipeline/batcher.ts",
    find: "const waitMs = joinUntil === undefined ? this.#waitMs() : this.#joinMs(joinUntil);",
    replace: "const waitMs = this.#waitMs();",
  },
  {
    breaks: "a partition of the transaction before counts as added to this one",
    file: "src/sink/transaction.ts",
    find: "    this.#added.clear();\n",
    replace: "",
  },
  {
    breaks: "the records of a batch that is sent alone are outside of the transaction's sequence",
    file: "src/sink/sequence_numbers.ts",
    find: "    this.#next.set(key, (first + count) & 0x7fffffff);\n",
    replace: "",
  },
  // Tasks, retries and waiting.
  {
    breaks: "the first task that fails does not stop the others",
    file: "src/pipeline/tasks.ts",
    find: "      failure.abort(error);\n",
    replace: "",
  },
  {
    breaks: "an unclear outcome ends the program",
    file: "src/core/errors.ts",
    find: '    case "kafka-unclear":\n    case "topic-missing":',
    replace: '    case "topic-missing":',
  },
  {
    breaks: "a conflict of positions is tried again for ever",
    file: "src/pipeline/supervisor.ts",
    find: 'if (policy.action === "stop") throw error;',
    replace: 'if (policy.action === "stop") return;',
  },
  {
    breaks: "a bug is tried again for ever",
    file: "src/pipeline/supervisor.ts",
    find: "  if (!(error instanceof CaptureError)) throw error;\n  const policy",
    replace: "  if (!(error instanceof CaptureError)) return;\n  const policy",
  },
  {
    breaks: "a stop is not heard while the next try is awaited",
    file: "src/pipeline/supervisor.ts",
    find: "await delay(pauseMs, stop);",
    replace: "await delay(pauseMs, new AbortController().signal);",
  },
  {
    breaks: "after the request to stop, another session begins",
    file: "src/pipeline/supervisor.ts",
    find: "        if (stop.aborted) return reportAbandoned(parts, error, kill.signal);\n",
    replace: "",
  },
  {
    breaks: "what is still to be delivered keeps it from ending in time",
    file: "src/pipeline/supervisor.ts",
    find: "settings.stopMsMax,\n    );\n  };",
    replace: "1e9,\n    );\n  };",
  },
  {
    breaks: "PostgreSQL is not answered when it asks",
    file: "src/pipeline/streaming.ts",
    find: "      feedback.answer();\n",
    replace: "",
  },
  {
    breaks: "PostgreSQL that shuts down waits for the idle interval",
    file: "src/pipeline/streaming.ts",
    find: "      batcher.requestProgress();\n      feedback",
    replace: "      feedback",
  },
  {
    breaks: "a delivered transaction's end is confirmed with the idle interval only",
    file: "src/pipeline/intake.ts",
    find: "        if (decoder.seq > 0) batcher.requestProgress();\n",
    replace: "",
  },
  {
    breaks: "status updates come later than the server's timeout",
    file: "src/pipeline/session.ts",
    find: "Math.min(settings.keepaliveIntervalMs, Math.floor(walSenderTimeoutMs / 2))",
    replace: "settings.keepaliveIntervalMs",
  },
  {
    breaks: "status updates ask for no answer: a dead link looks like an idle one",
    file: "src/source/frames.ts",
    find: "  body[33] = 1;\n",
    replace: "",
  },
  {
    breaks: "a silent server is believed for ever",
    file: "src/pipeline/feedback.ts",
    find: "now() - waitingSince > silenceMsMax) throw",
    replace: "now() - waitingSince > 1e9) throw",
  },
  {
    breaks: "with at-least-once a checkpoint that can't be kept is passed over",
    file: "src/pipeline/checkpointing.ts",
    find: 'if (delivery === "at-least-once" || !(error instanceof CaptureError)) throw error;',
    replace: "if (!(error instanceof CaptureError)) throw error;",
  },
  {
    breaks: "with exactly-once a checkpoint that can't be kept stops delivery",
    file: "src/pipeline/checkpointing.ts",
    find: 'if (delivery === "at-least-once" || !(error instanceof CaptureError)) throw error;',
    replace: "throw error;",
  },
  {
    breaks: "a record that found no room is dropped",
    file: "src/pipeline/intake.ts",
    find: "return this.#takeRecords() ? undefined : this.#takeRemaining(signal);",
    replace: "return this.#takeRecords(), undefined;",
  },
  {
    breaks: "a server that is away while Kafka is away, too, is not noticed",
    file: "src/pipeline/watching.ts",
    find: "else if (!isBearable) throw error;",
    replace: "",
  },
  {
    breaks: "a server that shuts down waits for what Kafka does not take",
    file: "src/pipeline/watching.ts",
    find: 'if (error.kind === "postgres-not-ready") shutdowns++;',
    replace: "",
  },
  {
    breaks: "a server that is silent everywhere is believed twice as long the next time",
    file: "src/pipeline/feedback.ts",
    find: "const isBusy = answeredAt() > waitingSince + silenceMsMax / 2;",
    replace: "const isBusy = true;",
  },
  {
    breaks: "the connection that watches waits for an answer for ever while connecting",
    file: "src/source/answer_timer.ts",
    find: "() => this.#onSilent(new Error(",
    replace: "() => void (new Error(",
  },
  {
    breaks: "queries about tables run on the stream's connection: rows older than an ALTER TABLE are misread",
    file: "src/source/replication_source.ts",
    find: "const tables = await readPublication(inspecting, publication, signal);",
    replace: "const tables = await readPublication(connection, publication, signal);",
  },
  {
    breaks: "the types of a table that was dropped are forgotten",
    file: "src/pipeline/relation_history.ts",
    find: "details.types.get(oid) ?? rememberedType(history, oid);",
    replace: "details.types.get(oid);",
  },
  {
    breaks: "the key of a table that was dropped is forgotten",
    file: "src/pipeline/relation_history.ts",
    find: "  if (known !== undefined && fits(relation, known.primaryKey)) return known.primaryKey;\n",
    replace: "",
  },
  {
    breaks: "the catalog of now counts for all of the WAL: the same WAL read again gives another key",
    file: "src/pipeline/relation_history.ts",
    find: "from: told.asOf + 1n,",
    replace: "from: 0n,",
  },
  {
    breaks: "a new key is never taken where a table is described once only",
    file: "src/pipeline/intake.ts",
    find: "this.#areTypesOld || this.#descriptions.isDue ?",
    replace: "this.#areTypesOld ?",
  },
  {
    breaks: "what was found of a relation is not kept",
    file: "src/pipeline/relation_descriptions.ts",
    find:
      "if (isWhole && history !== known) await store.save(identity, relation.id, history);\n    const next",
    replace: "const next",
  },
  {
    breaks: "a base type is taken for another by its name",
    file: "src/source/catalog.ts",
    find: 'if (extname === null || extname === undefined) return { kind: "other" };',
    replace: 'if (extname === null || extname === undefined) return { kind: "base", name: typname ?? "" };',
  },
  // A change that can't be sent: what came before it counts, itself does not.
  {
    breaks: "what came before a refused change is thrown away",
    file: "src/pipeline/intake.ts",
    find: "      if (isRefusal(error)) return error;\n",
    replace: "",
  },
  {
    breaks: "a refused change ends the process as if all were well",
    file: "src/pipeline/streaming.ts",
    find: "  if (refused !== undefined) throw refused;\n",
    replace: "",
  },
  {
    breaks: "bytes that are not what the protocol allows are no reason not to deliver what came before",
    file: "src/pipeline/unsendable.ts",
    find: '(error.kind === "record-too-large" || error.kind === "topic-conflict")',
    replace: "true",
  },
  {
    breaks: "two tables share a topic: the sign that escapes is not escaped",
    file: "src/rules/topic_name.ts",
    find: "/[^A-Za-z0-9_]/gu",
    replace: "/[^A-Za-z0-9_-]/gu",
  },
  {
    breaks: "a template gives two tables one topic without saying so",
    file: "src/config/topic_template.ts",
    find: "if (!isUndivided(template)) return",
    replace: "return",
  },
  {
    breaks: "two topics that Kafka can't tell apart are created by one request",
    file: "src/sink/topic_directory.ts",
    find: "distinguishable([topic, ...soon.filter((each) => !this.#routes.has(each))])",
    replace: "[topic, ...soon.filter((each) => !this.#routes.has(each) && each !== topic)]",
  },
  {
    breaks: "a progress record that was written outside of a transaction is believed",
    file: "src/sink/progress_reader.ts",
    find: "if (found !== undefined) committed = asUntrusted(found, batch);",
    replace: "if (found !== undefined) committed = found;",
  },
  {
    breaks: "a progress record that was written outside of a transaction is passed over",
    file: "src/sink/progress_reader.ts",
    find: "if (found !== undefined) committed = asUntrusted(found, batch);",
    replace: "",
  },
  {
    breaks: "a progress batch that can't be read is passed over",
    file: "src/sink/progress_reader.ts",
    find: '    return { kind: "refused", offset: batch.baseOffset, why: error.message };\n',
    replace: "    return undefined;\n",
  },
  {
    breaks: "a progress batch has no bound in memory with LZ4",
    file: "src/sink/compression.ts",
    find: "requireAtMost(lz4FrameLength(bytes, bytesMax), bytesMax);",
    replace: "",
  },
  {
    breaks: "a key of a row is in the log",
    file: "src/pipeline/oversize.ts",
    find: 'const digest = createHash("sha256").update(bytes.subarray(0, keyEnd)).digest("hex");',
    replace: "const digest = new TextDecoder().decode(bytes.subarray(0, keyEnd));",
  },
  {
    breaks: "a server's hint is given as the fix",
    file: "src/source/errors.ts",
    find:
      "return new CaptureError(kind, message, { cause: error, ...(hint === undefined ? {} : { hint }) });",
    replace: "return new CaptureError(kind, message, { cause: error, hint: hint ?? error.hint ?? '' });",
  },
  {
    breaks: "a connection to METRICS_PORT makes no way for the next",
    file: "src/observability/http_server.ts",
    find: "if (this.#connections.size >= CONNECTIONS_MAX) {",
    replace: "if (false) {",
  },
  {
    breaks: "any name leads to METRICS_PORT",
    file: "src/observability/http_server.ts",
    find: "if (host !== undefined && !this.#options.expectsHost(host)) {",
    replace: "if (false) {",
  },
  {
    breaks: "the checkpoint file follows a symbolic link",
    file: "src/checkpoint/kv_store.ts",
    find: "if (isSymlink) throw",
    replace: "if (false) throw",
  },
  {
    breaks: ".env of another user is read",
    file: "src/config/password_file.ts",
    find: "if (stranger !== undefined && ownUid !== null) {",
    replace: "if (false) {",
  },
];
