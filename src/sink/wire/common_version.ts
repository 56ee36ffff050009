// Chooses the version of an API that a request is sent in.

import { CaptureError } from "../../core/errors.ts";
import type { Api } from "./api.ts";
import type { VersionRange } from "./apis/api_versions.ts";
import { formatAddress, type HostPort } from "../../core/address.ts";

/**
 * The highest version that both sides support.
 * @param range of the broker; undefined if it does not support the API
 * @throws CaptureError `kafka-refused` if there is none
 */
export function commonVersion(
  api: Api<never, unknown>,
  range: VersionRange | undefined,
  address: HostPort,
): number {
  const version = Math.min(api.versionMax, range?.max ?? -1);
  if (version >= Math.max(api.versionMin, range?.min ?? 0)) return version;
  const supported = range === undefined
    ? "does not support it"
    : `supports versions ${range.min} to ${range.max}`;
  throw new CaptureError(
    "kafka-refused",
    `Cannot send ${api.name} to Kafka broker ${formatAddress(address)}: it ${supported}, ` +
      `pg-capture ${api.versionMin} to ${api.versionMax}`,
    { hint: "use Apache Kafka 3.0 or later" },
  );
}
