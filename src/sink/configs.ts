// Reads settings of topics and brokers.

import type { Cluster } from "./cluster.ts";
import { describeConfigs, type DescribeConfigsRequest } from "./wire/apis/describe_configs.ts";
import { ErrorCode } from "./wire/error_codes.ts";

/**
 * Reads a topic's settings from any broker, and a broker's settings from that broker: other brokers reject
 * the request (ConfigHelper.describeConfigs).
 * @returns values by name, or null if they may not be read
 * @throws CaptureError `kafka-unavailable` if that broker cannot be reached
 */
export async function readConfigs(
  cluster: Cluster,
  request: DescribeConfigsRequest,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string> | null> {
  const connection = request.resource === "topic"
    ? await cluster.any(signal)
    : await cluster.listedBroker(Number(request.name), signal);
  const { errorCode, values } = await connection.request(describeConfigs, request, signal);
  return errorCode === ErrorCode.NONE ? values : null;
}
