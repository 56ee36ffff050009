// ApiVersions: which versions of each API a broker speaks.

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
}

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/**
 * ApiVersions, version 3; version 0 for brokers that answer UNSUPPORTED_VERSION. Such a broker answers in
 * version 0's layout, whatever the request's version, so the error code decides how to read the rest.
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
    if (version < 3 || errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      return { errorCode, versions: new Map(reader.array(6, () => versionRange(reader))) };
    }
    const versions = new Map(reader.compactArray(7, () => {
      const entry = versionRange(reader);
      reader.tags();
      return entry;
    }));
    return { errorCode, versions };
  },
};

function versionRange(reader: BufferReader): [number, VersionRange] {
  return [reader.int16(), { min: reader.int16(), max: reader.int16() }];
}
