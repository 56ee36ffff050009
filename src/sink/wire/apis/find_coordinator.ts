// FindCoordinator: the broker that coordinates the transactions of a transactional id.

import type { Api } from "../api.ts";
import type { BrokerAddress } from "./metadata.ts";

export interface FindCoordinatorRequest {
  readonly transactionalId: string;
}

export interface FindCoordinatorResponse {
  readonly errorCode: number;
  readonly coordinator: BrokerAddress;
}

/** FindCoordinator, version 1: the first that knows transaction coordinators. */
export const findCoordinator: Api<FindCoordinatorRequest, FindCoordinatorResponse> = {
  name: "FindCoordinator",
  key: 10,
  versionMin: 1,
  versionMax: 1,
  flexibleFrom: 3,
  encode(writer, request) {
    writer.string(request.transactionalId);
    writer.int8(TRANSACTION);
  },
  decode(reader) {
    reader.int32(); // throttle time
    const errorCode = reader.int16();
    reader.nullableString(); // error message
    return {
      errorCode,
      coordinator: { nodeId: reader.int32(), host: reader.string(), port: reader.int32() },
    };
  },
};

const TRANSACTION = 1;
