// A reader of tables whose rows a test gives.

import type {
  Chunk,
  ChunkQuery,
  SnapshotReader,
  SnapshotTable,
  TableFault,
  WholeRead,
} from "../../src/pipeline/snapshot_ports.ts";
import { ITEM_TABLE } from "./row_blocks.ts";

export class FakeSnapshotReader implements SnapshotReader {
  /** What was asked for. */
  readonly queries: ChunkQuery[] = [];
  table: SnapshotTable | TableFault = ITEM_TABLE;
  onChunk: (query: ChunkQuery) => Chunk | TableFault | Promise<Chunk | TableFault> = () => {
    throw new Error("no chunk is expected");
  };
  onWhole: () => WholeRead | TableFault = () => {
    throw new Error("no table is expected to be read as a whole");
  };

  describe(): Promise<SnapshotTable | TableFault> {
    return Promise.resolve(this.table);
  }

  async readChunk(_table: SnapshotTable, query: ChunkQuery): Promise<Chunk | TableFault> {
    this.queries.push(query);
    return await this.onChunk(query);
  }

  lock(): Promise<TableFault | null> {
    return Promise.resolve(null);
  }

  readWhole(): Promise<WholeRead | TableFault> {
    return Promise.resolve(this.onWhole());
  }

  unlock(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}
