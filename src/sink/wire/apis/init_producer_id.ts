// InitProducerId: returns a producer id, and an epoch that fences all earlier producers with the
// transactional id.

import type { Api } from "../api.ts";

export interface InitProducerIdRequest {
  /** Null for an idempotent producer without transactions. */
  readonly transactionalId: string | null;
  readonly transactionTimeoutMs: number;
}

export interface InitProducerIdResponse {
  readonly errorCode: number;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** InitProducerId, version 4: the first that can return PRODUCER_FENCED. */
export const initProducerId: Api<InitProducerIdRequest, InitProducerIdResponse> = {
  name: "InitProducerId",
  key: 22,
  versionMin: 4,
  versionMax: 4,
  flexibleFrom: 2,
  encode(writer, request) {
    writer.compactString(request.transactionalId);
    writer.int32(request.transactionTimeoutMs);
    // Without its own producer id and epoch, a producer always fences its predecessor and never resumes
    // it.
    writer.int64(-1n);
    writer.int16(-1);
    writer.noTags();
  },
  decode(reader) {
    reader.int32(); // throttle time
    return { errorCode: reader.int16(), producerId: reader.int64(), producerEpoch: reader.int16() };
  },
};
