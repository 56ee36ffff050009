// SaslHandshake: chooses the mechanism of the login.

import type { Api } from "../api.ts";

export interface SaslHandshakeResponse {
  readonly errorCode: number;
  /** The mechanisms that the broker's listener accepts. */
  readonly mechanisms: readonly string[];
}

/** Version 1: what follows is framed as SaslAuthenticate requests. */
export const saslHandshake: Api<{ readonly mechanism: string }, SaslHandshakeResponse> = {
  name: "SaslHandshake",
  key: 17,
  versionMin: 1,
  versionMax: 1,
  flexibleFrom: 2,
  encode(writer, request) {
    writer.string(request.mechanism);
  },
  decode(reader) {
    return { errorCode: reader.int16(), mechanisms: reader.array(2, () => reader.string()) };
  },
};
