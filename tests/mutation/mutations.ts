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
      "await sink.write(batch, parts.progressOf(position), signal, group.notes);\n      tracker.markDelivered(position);",
    replace:
      "tracker.markDelivered(position);\n      await sink.write(batch, parts.progressOf(position), signal, group.notes);",
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
    find:
      "      this.#session.parts.events.confirmed(this.#tracker.confirmed);\n    }\n    return this.#tracker.confirmed;\n",
    replace: "    }\n    return this.#batcher.received.endLsn;\n",
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
    find: "    await stream.finish(this.#batcher.received.endLsn, this.#confirm(), FINISH_MS);\n",
    replace: "",
  },
  {
    breaks: "what was delivered last is not saved at the end",
    file: "src/pipeline/checkpointing.ts",
    find: "while (!isDrained() || isUnsaved(tracker)) {",
    replace: "while (!isDrained()) {",
  },
  {
    breaks: "asked to stop, it does not deliver what was read",
    file: "src/pipeline/streaming.ts",
    find: "    this.#batcher.flush();\n",
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
    find: "    this.#commitLsn = commitLsn;\n    this.#seq = seq;\n    this.#commitTimeMs = isOf",
    replace:
      "    this.#endLsn = this.#commitLsn = commitLsn;\n    this.#seq = seq;\n    this.#commitTimeMs = isOf",
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
    breaks: "a logical message that nobody captures ends the transaction's other changes",
    file: "src/decoder/change_decoder.ts",
    find: 'if (!this.#isMessageCaptured(message.prefix)) return "none";',
    replace: 'if (!this.#isMessageCaptured(message.prefix)) return "commit";',
  },
  {
    breaks: "logical messages that are captured are not asked for",
    file: "src/source/replication_source.ts",
    find: "messages '${messages}')",
    replace: "messages '${!messages}')",
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
    breaks: "a keepalive from below the slot's position, where decoding begins, counts as corrupt",
    file: "src/pipeline/wal_end_gate.ts",
    find: "walEnd < this.#parts.from ? this.#parts.from : walEnd",
    replace: "walEnd",
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
    find: "    if (end < this.#last) throw corrupt(",
    replace: "    if (end < 0n) throw corrupt(",
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
    find: "    if (!this.#deduplicator.isAwaiting) {\n",
    replace: "    {\n",
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
    file: "src/pipeline/record_taker.ts",
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
    find: 'if (resumption.from !== "progress" || progress?.timeline !== timeline) {',
    replace: "if (false) {",
  },
  {
    breaks: "a waiting instance fences the one that streams",
    file: "src/pipeline/session.ts",
    find: "    const isNew = await acquireSlot(this.#context, source, identity, signal);",
    replace:
      "    (await openSink(this.#context, identity, signal)).sink.close();\n    const isNew = await acquireSlot(this.#context, source, identity, signal);",
  },
  {
    breaks: "a first instance that has no slot yet is fenced by a second one",
    file: "src/pipeline/slot_acquisition.ts",
    find: "const progress = await probeSink(context, identity, [], signal);",
    replace:
      "const progress = await context.parts.createSink(identity, 1e6).open(signal);\n  await probeSink(context, identity, [], signal);",
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
    find: "  if (await source.slot(signal) !== null) return false;\n",
    replace: "",
  },
  {
    breaks: "a slot is created where a position is known: the changes between are gone without a word",
    file: "src/pipeline/slot_acquisition.ts",
    find: "  refuseKnownPosition(context, source, identity, { progress, checkpoint });\n",
    replace: "",
  },
  {
    breaks: "a slot that another instance created at the same moment ends this one",
    file: "src/pipeline/slot_acquisition.ts",
    find: "isCreated = await source.createSlot(each) !== null;",
    replace:
      'isCreated = await source.createSlot(each) !== null;\n      if (!isCreated) throw new CaptureError("postgres-refused", "already exists");',
  },
  {
    breaks: "what another instance delivered from a slot that was created here is a conflict",
    file: "src/pipeline/session.ts",
    find: "slotIsNew: isNew && progress === null && checkpoint === null,",
    replace: "slotIsNew: isNew,",
  },
  {
    breaks: "a standby that has not synchronized the slot yet is taken for a server whose slot was dropped",
    file: "src/pipeline/slot_acquisition.ts",
    find: "if (isKnown && server.isStandby) {",
    replace: "if (false) {",
  },
  {
    breaks: "a replica that Kafka would refuse waits for the slot, and fails when it has it",
    file: "src/pipeline/slot_acquisition.ts",
    find: "if (!memory.kafkaAccepted) {",
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
    file: "src/source/errors.ts",
    find: "  throw translateServerError({ ...notice, code: UNDEFINED_OBJECT }, context);\n",
    replace: "",
  },
  // The progress record, as it is read.
  {
    breaks: "an uncommitted progress record counts",
    file: "src/sink/committed_records.ts",
    find: "          if (content !== undefined) open.set(batch.producerId, content);\n",
    replace: "          if (content !== undefined) yield { content, isTransactional: true };\n",
  },
  {
    breaks: "an aborted progress record counts with the next commit",
    file: "src/sink/committed_records.ts",
    find: '        case "abort-marker":\n          open.delete(batch.producerId);\n',
    replace: '        case "abort-marker":\n',
  },
  {
    breaks: "a commit marker of another producer commits ours",
    file: "src/sink/committed_records.ts",
    find: "          const content = open.get(batch.producerId);\n",
    replace: "          const content = [...open.values()][0];\n",
  },
  {
    breaks: "an undecided transaction is passed over",
    file: "src/sink/progress_reader.ts",
    find: 'if (records.isUndecided && undecided === "refuse") {',
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
    find: "      if (other === null || !areSameBytes(other, key)) continue;\n",
    replace: "",
  },
  // The states of snapshots, and requests.
  {
    breaks: "a state that was written outside of a transaction is believed",
    file: "src/sink/snapshot_reader.ts",
    find: "last.set(key, isTrusted ? found : asUntrusted(found));",
    replace: "last.set(key, found);",
  },
  {
    breaks: "a batch of states that can't be read is passed over",
    file: "src/sink/snapshot_reader.ts",
    find:
      '    records.set("", { key: undefined, offset: batch.baseOffset, value: null, refused: error.message });\n',
    replace: "",
  },
  {
    breaks: "undecided states are passed over",
    file: "src/sink/snapshot_reader.ts",
    find: 'if (this.#records.isUndecided && this.#trust.undecided === "refuse") {',
    replace: "if (false) {",
  },
  {
    breaks: "another source's state is taken",
    file: "src/sink/snapshot_record.ts",
    find: "return areSameBytes(encodeSnapshotKey(identity, key), bytes) ? key : undefined;",
    replace: "return key;",
  },
  {
    breaks: "the states of snapshots are left out of the transaction",
    file: "src/sink/transaction.ts",
    find: "[...batches, ...notes.slice(0, 1)].map(",
    replace: "batches.map(",
  },
  {
    breaks: "only the first batch of states is delivered",
    file: "src/sink/transaction.ts",
    find: "    for (const batch of notes.slice(1)) await this.send([batch], signal);\n",
    replace: "",
  },
  {
    breaks: "a request is taken again with those after it",
    file: "src/sink/received_requests.ts",
    find: "      if (record.offset < from) continue;\n",
    replace: "",
  },
  {
    breaks: "a request that may have been aborted is carried out",
    file: "src/sink/received_requests.ts",
    find: 'if (kind === "plain") return',
    replace: "if (true) return",
  },
  // The transaction.
  {
    breaks: "a commit is an abort",
    file: "src/sink/transaction.ts",
    find: "const response = await this.#end(true, signal);",
    replace: "const response = await this.#end(false, signal);",
  },
  {
    breaks: "a commit whose answer was lost is sent again",
    file: "src/sink/transaction.ts",
    find: "const answer = unclearWhenLost(coordinator.request(endTxn, request, signal));\n",
    replace:
      "const answer = coordinator.request(endTxn, request, signal).catch(async () =>\n        (await this.#cluster.connectTo(address, signal)).request(endTxn, request, signal));\n",
  },
  {
    breaks: "a commit that was refused counts",
    file: "src/sink/transaction.ts",
    find: '      throw brokerError(this.#attempt("commit a transaction"), response.errorCode);\n',
    replace: "      return;\n",
  },
  {
    breaks: "a transaction is aborted under its own epoch although a Produce may still arrive",
    file: "src/sink/transaction.ts",
    find: "if (error instanceof BatchesRejected) await this.#abort(signal);",
    replace: "await this.#abort(signal);",
  },
  {
    breaks: "the commit is sent before the records are there",
    file: "src/sink/transaction.ts",
    find: "    await this.#produce(finished, signal);\n    await this.#commit(signal);",
    replace:
      "    const sent = this.#produce(finished, signal);\n    await this.#commit(signal);\n    await sent;",
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
    find: "  if (errorCode === ErrorCode.NONE) return undefined;\n",
    replace: "  if (errorCode !== undefined) return undefined;\n",
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
    find: "if (leaders === null || leaders.length < before) return;",
    replace: "if (leaders === null) return;",
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
    find: "    const startedAt = clock.now();\n",
    replace: "    const startedAt = clock.now();\n    batch.clear();\n",
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
    find: "await parts.clock.sleep(pauseMs, stop).catch(() => {});",
    replace: "await parts.clock.sleep(pauseMs, new AbortController().signal);",
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
    find: "parts.clock.sleep(settings.stopMsMax, ended.signal)",
    replace: "parts.clock.sleep(1e9, ended.signal)",
  },
  {
    breaks: "PostgreSQL is not answered when it asks",
    file: "src/pipeline/streaming.ts",
    find: "        slot.feedback.answer();\n      },\n    });",
    replace: "      },\n    });",
  },
  {
    breaks: "PostgreSQL that shuts down waits for the idle interval",
    file: "src/pipeline/streaming.ts",
    find: "        this.#batcher.requestProgress();\n",
    replace: "",
  },
  {
    breaks: "a delivered transaction's end is confirmed with the idle interval only",
    file: "src/pipeline/intake.ts",
    find: "    if (decoder.seq > 0) batcher.requestProgress();\n",
    replace: "",
  },
  {
    breaks: "status updates come later than the server's timeout",
    file: "src/pipeline/session.ts",
    find: "Math.min(keepaliveIntervalMs, Math.floor(walSenderTimeoutMs / 2))",
    replace: "keepaliveIntervalMs",
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
    find: "clock.now() - waitingSince > idleMsMax)",
    replace: "clock.now() - waitingSince > 1e9)",
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
    find: "return this.#taker.takeAtOnce() ? undefined : this.#taker.takeRemaining(signal);",
    replace: "return this.#taker.takeAtOnce(), undefined;",
  },
  {
    breaks: "a server that is away while Kafka is away, too, is not noticed",
    file: "src/pipeline/watching.ts",
    find: "    else if (!isNoticedElsewhere) throw error;\n",
    replace: "",
  },
  {
    breaks: "a server that shuts down waits for what Kafka does not take",
    file: "src/pipeline/watching.ts",
    find: "          shutdowns++;\n",
    replace: "",
  },
  {
    breaks: "while the WAL grows, the server is asked for its end without a pause",
    file: "src/pipeline/watching.ts",
    find: "    await clock.sleep(BETWEEN_POLLS_MS, signal);\n",
    replace: "",
  },
  {
    breaks: "a server that is silent everywhere is believed twice as long the next time",
    file: "src/pipeline/feedback.ts",
    find: "const isBusy = answeredAt() > waitingSince + idleMsMax / 2;",
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
    find: "const tables = await readPublication(inspecting, publication, server.versionNumber, signal);",
    replace: "const tables = await readPublication(connection, publication, server.versionNumber, signal);",
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
    find: "if (!this.#areTypesOld && !this.#descriptions.isDue) return sent;",
    replace: "if (!this.#areTypesOld) return sent;",
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
    find: "      if (!isRefusal(error)) throw this.#namePoisoned(error);\n",
    replace: "      throw this.#namePoisoned(error);\n",
  },
  {
    breaks: "the first part of a refused change's transaction is delivered",
    file: "src/pipeline/streaming.ts",
    find: "refused?.isPartlyTaken === true && memory.refused?.commitLsn !== refused.commitLsn",
    replace: "false",
  },
  {
    breaks: "a refused change's transaction is taken again by the session that ends before it",
    file: "src/pipeline/intake.ts",
    find: "    if (decoder.commitLsn === refused?.commitLsn) throw refused.error;\n",
    replace: "",
  },
  {
    breaks: "a refused change ends the process as if all were well",
    file: "src/pipeline/streaming.ts",
    find: "    if (this.#refused !== undefined) throw this.#refused.error;\n",
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
    find: "last = isTransactional ? content : asUntrusted(content);",
    replace: "last = content;",
  },
  {
    breaks: "a progress record that was written outside of a transaction is passed over",
    file: "src/sink/progress_reader.ts",
    find: "last = isTransactional ? content : asUntrusted(content);",
    replace: "if (isTransactional) last = content;",
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
    breaks: "a login by SCRAM is over before the server has proved that it knows the password",
    file: "src/source/authentication.ts",
    find: 'case "SCRAM begun":\n      case "SCRAM continued":\n        throw',
    replace: 'case "SCRAM begun":\n        throw',
  },
  {
    breaks: "a password in cleartext goes to a server that was not verified",
    file: "src/source/authentication.ts",
    find: 'this.#tls.verified !== "nothing"',
    replace: "true",
  },
  {
    breaks: "a server that is ready needs no login",
    file: "src/source/frame_guard.ts",
    find: "type !== ERROR_RESPONSE && !this.#authentication.isOver",
    replace: "false",
  },
  {
    breaks: ".env of another user is read",
    file: "src/config/password_file.ts",
    find: "if (stranger !== undefined && ownUid !== null) {",
    replace: "if (false) {",
  },
  {
    breaks: "a table that is described again keeps its old encoder",
    file: "src/decoder/table_registry.ts",
    find: "this.#older.delete(id);\n    this.#tables.delete(id);",
    replace: "this.#older.delete(id);",
  },
  {
    breaks: "a description that has grown overwrites the next one",
    file: "src/decoder/record_store.ts",
    find: "const fits = before !== undefined && record.length <= capacityBefore;",
    replace: "const fits = before !== undefined;",
  },
  {
    breaks: "an encoder that was dropped and compiled again forgets that rows may be older than its types",
    file: "src/decoder/table_registry.ts",
    find: "this.#format.table(table, types, this.#older.has(id))",
    replace: "this.#format.table(table, types, false)",
  },
];
