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
  /** Producer id and epoch of the next transaction, from version 5 on; -1 before. */
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** EndTxn as transactions version 1 has it: version 3, the first that is flexible. */
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
  decode(reader, version) {
    reader.int32(); // throttle time
    const errorCode = reader.int16();
    if (version < 5) return { errorCode, producerId: -1n, producerEpoch: -1 };
    return { errorCode, producerId: reader.int64(), producerEpoch: reader.int16() };
  },
};

/** EndTxn as transactions version 2 has it (KIP-890): each transaction gets an epoch of its own. */
export const endTxnWithEpoch: Api<EndTxnRequest, EndTxnResponse> = {
  ...endTxn,
  versionMin: 5,
  versionMax: 5,
};
