// SaslAuthenticate: one message of a login, and the broker's response.

import type { Api } from "../api.ts";

export interface SaslAuthenticateResponse {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  /** The mechanism's own message; a copy. */
  readonly authBytes: Uint8Array;
  /** After this time the broker closes a connection that has not logged in again (KIP-368). 0: no limit. */
  readonly sessionLifetimeMs: number;
}

/** Version 2: the first that is flexible; sessions have lifetimes since version 1. */
export const saslAuthenticate: Api<{ readonly authBytes: Uint8Array }, SaslAuthenticateResponse> = {
  name: "SaslAuthenticate",
  key: 36,
  versionMin: 2,
  versionMax: 2,
  flexibleFrom: 2,
  encode(writer, request) {
    writer.compactBytes(request.authBytes);
    writer.noTags();
  },
  decode(reader) {
    const errorCode = reader.int16();
    const errorMessage = reader.compactNullableString();
    const authBytes = reader.bytes(Math.max(0, reader.unsignedVarint() - 1)).slice();
    const sessionLifetimeMs = Number(reader.int64());
    reader.tags();
    return { errorCode, errorMessage, authBytes, sessionLifetimeMs };
  },
};
