// Partitions, grouped by topic as requests name them.

export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}
