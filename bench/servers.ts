// The servers that are measured against, and what they use themselves.

import { type KafkaServer, startKafka } from "../dev/servers/kafka.ts";
import { type PostgresServer, startPostgres } from "../dev/servers/postgres.ts";
import { familyCpuSeconds, usageOf } from "./process_usage.ts";

export interface Servers {
  readonly postgres: PostgresServer;
  readonly kafka: KafkaServer;
}

/** A PostgreSQL and a Kafka of their own, with room for backlogs and many slots. */
export async function startServers(): Promise<Servers> {
  const settings = { max_wal_size: "8GB", max_replication_slots: 40, max_wal_senders: 40 };
  const [postgres, kafka] = await Promise.all([startPostgres({ settings }), startKafka({ heapMb: 512 })]);
  return { postgres, kafka };
}

/** CPU seconds that both servers have used so far. */
export interface ServersCpu {
  readonly postgres: number;
  readonly kafka: number;
}

export async function serversCpu({ postgres, kafka }: Servers): Promise<ServersCpu> {
  return {
    postgres: await familyCpuSeconds(postgres.pid),
    kafka: (await usageOf(kafka.pid))?.cpuSeconds ?? 0,
  };
}
