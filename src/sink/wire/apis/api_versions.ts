// ApiVersions: which versions of each API a broker speaks, and which features its cluster has turned on.

import type { Api } from "../api.ts";
import type { BufferReader } from "../buffer_reader.ts";
import { ErrorCode } from "../error_codes.ts";

export interface ApiVersionsRequest {
  readonly clientName: string;
  readonly clientVersion: string;
}

export interface ApiVersionsResponse {
  readonly errorCode: number;
  readonly versions: ReadonlyMap<number, VersionRange>;
  /** Level of each finalized feature, for example `transaction.version`. */
  readonly finalizedFeatures: ReadonlyMap<string, number>;
}

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/**
 * ApiVersions, version 3; version 0 for brokers that answer UNSUPPORTED_VERSION. Such a broker answers in
 * version 0's layout, whatever was asked, so the error code decides how the rest is read.
 */
export const apiVersions: Api<ApiVersionsRequest, ApiVersionsResponse> = {
  name: "ApiVersions",
  key: 18,
  versionMin: 0,
  versionMax: 3,
  flexibleFrom: 3,
  encode(writer, request, version) {
    if (version < 3) return;
    writer.compactString(request.clientName);
    writer.compactString(request.clientVersion);
    writer.noTags();
  },
  decode(reader, version) {
    const errorCode = reader.int16();
    const finalizedFeatures = new Map<string, number>();
    if (version < 3 || errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      return { errorCode, versions: new Map(reader.array(6, () => versionRange(reader))), finalizedFeatures };
    }
    const versions = new Map(reader.compactArray(7, () => {
      const entry = versionRange(reader);
      reader.tags();
      return entry;
    }));
    reader.int32(); // throttle time
    reader.tags((tag, field) => {
      if (tag === FINALIZED_FEATURES_TAG) readFeatures(field, finalizedFeatures);
    });
    return { errorCode, versions, finalizedFeatures };
  },
};

const FINALIZED_FEATURES_TAG = 2;

function versionRange(reader: BufferReader): [number, VersionRange] {
  return [reader.int16(), { min: reader.int16(), max: reader.int16() }];
}

function readFeatures(reader: BufferReader, features: Map<string, number>): void {
  reader.compactArray(6, () => {
    const name = reader.compactString();
    features.set(name, reader.int16());
    reader.int16(); // the lowest level
    reader.tags();
  });
}
