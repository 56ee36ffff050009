// Several Kafka brokers that are one cluster, each of them a controller too: any one of them may be killed.

import { type KafkaProperties, type KafkaServer, startKafka } from "./kafka.ts";
import { randomId } from "./kafka_jars.ts";
import { freePort } from "./ports.ts";

/** A cluster that `startKafkaCluster` started. */
export interface KafkaCluster extends AsyncDisposable {
  readonly brokers: readonly KafkaServer[];
  /** What KAFKA_BROKERS is set to. */
  readonly bootstrap: string;
  /** The broker with that id. @throws Error when there is none */
  broker(nodeId: number): KafkaServer;
}

/**
 * Starts brokers with ids from 1 on. Internal topics and, where nothing else is said, all others have a replica on
 * each broker and need two of them.
 * @throws DevServerError
 */
export async function startKafkaCluster(
  count: number,
  properties: KafkaProperties = {},
): Promise<KafkaCluster> {
  await using stack = new AsyncDisposableStack();
  const clusterId = randomId();
  const controllerPorts = Array.from({ length: count }, freePort);
  // Side by side: a controller is ready when most of them are.
  const starts = controllerPorts.map(async (_, index) =>
    stack.use(
      await startKafka({
        member: { clusterId, id: index + 1, controllerPorts },
        heapMb: HEAP_MB,
        properties: { ...replicated(count), ...properties },
      }),
    )
  );
  const results = await Promise.allSettled(starts);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  const brokers = await Promise.all(starts);
  const disposables = stack.move();
  return {
    brokers,
    bootstrap: brokers.map(({ bootstrap }) => bootstrap).join(","),
    broker(nodeId) {
      const found = brokers.find(({ node }) => node.id === nodeId);
      if (found === undefined) throw new Error(`the cluster has no broker ${nodeId}`);
      return found;
    },
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

const HEAP_MB = 192;

function replicated(count: number): KafkaProperties {
  return {
    "default.replication.factor": count,
    "min.insync.replicas": 2,
    "offsets.topic.replication.factor": count,
    "transaction.state.log.replication.factor": count,
    "transaction.state.log.min.isr": 2,
  };
}
