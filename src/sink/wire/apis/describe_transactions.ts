// DescribeTransactions: how a transactional id stands. Of all requests that name one, the one that makes nothing.

import type { Api } from "../api.ts";
import { onlyElement } from "./only_element.ts";

export interface DescribeTransactionsRequest {
  readonly transactionalId: string;
}

export interface DescribeTransactionsResponse {
  readonly errorCode: number;
}

/** DescribeTransactions, version 0 (Kafka 3.0 and later), for one transactional id. */
export const describeTransactions: Api<DescribeTransactionsRequest, DescribeTransactionsResponse> = {
  name: "DescribeTransactions",
  key: 65,
  versionMin: 0,
  versionMax: 0,
  flexibleFrom: 0,
  encode(writer, { transactionalId }) {
    writer.compactArrayLength(1);
    writer.compactString(transactionalId);
    writer.noTags();
  },
  decode(reader) {
    reader.int32(); // throttle time
    return onlyElement(reader.compactArray(27, () => {
      const errorCode = reader.int16();
      reader.compactString(); // transactional id
      reader.compactString(); // state
      reader.skip(4 + 8 + 8 + 2); // timeout, start time, producer id and epoch
      reader.compactArray(3, () => {
        reader.compactString(); // topic
        reader.compactArray(4, () => reader.int32());
        reader.tags();
      });
      reader.tags();
      return { errorCode };
    }));
  },
};
