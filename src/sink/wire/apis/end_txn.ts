// EndTxn: commits or aborts a transaction.

import type { Api } from "../api.ts";

export interface EndTxnRequest {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly committed: boolean;
}

export interface EndTxnResponse {
  readonly errorCode: number;
}

/** EndTxn, version 3: the first that is flexible. With version 5 come transactions version 2 (KIP-890). */
export const endTxn: Api<EndTxnRequest, EndTxnResponse> = {
  name: "EndTxn",
  key: 26,
  versionMin: 3,
  versionMax: 3,
  flexibleFrom: 3,
  encode(writer, request) {
    writer.compactString(request.transactionalId);
    writer.int64(request.producerId);
    writer.int16(request.producerEpoch);
    writer.boolean(request.committed);
    writer.noTags();
  },
  decode(reader) {
    reader.int32(); // throttle time
    return { errorCode: reader.int16() };
  },
};
