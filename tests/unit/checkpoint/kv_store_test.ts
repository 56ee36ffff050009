// The checkpoint file: what is saved is what is loaded, and what can't be is an error with a fix.

import { deepStrictEqual, match, rejects, strictEqual } from "node:assert";
import { KvCheckpointStore } from "../../../src/checkpoint/kv_store.ts";
import { CaptureError } from "../../../src/core/errors.ts";
import type { Checkpoint } from "../../../src/pipeline/ports.ts";

const CHECKPOINT: Checkpoint = {
  progress: {
    identity: { systemIdentifier: "7300000000000000001", database: "shop", slot: "orders" },
    timeline: 3,
    publication: "shop",
    position: { commitLsn: 0x1_2345_6789n, seq: 42, commitTimeMs: 0, endLsn: 0xffff_ffff_0000_0001n },
  },
  delivery: "at-least-once",
};

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "pg-capture-kv-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a checkpoint is loaded as it was saved, by another instance too", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/made/on/the/way/checkpoint.kv`;
    {
      using store = new KvCheckpointStore(path);
      strictEqual(await store.load(), null);
      await store.save(CHECKPOINT);
      deepStrictEqual(await store.load(), CHECKPOINT);
    }
    using store = new KvCheckpointStore(path);
    deepStrictEqual(await store.load(), CHECKPOINT);
  });
});

Deno.test("what is saved is JSON in bytes: Deno's own form of a value is one that an older Deno can't read", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/checkpoint.kv`;
    using store = new KvCheckpointStore(path);
    await store.save(CHECKPOINT);
    using kv = await Deno.openKv(path);
    const { value } = await kv.get(["checkpoint"]);
    strictEqual(value instanceof Uint8Array, true);
    strictEqual(JSON.parse(new TextDecoder().decode(value as Uint8Array)).endLsn, "FFFFFFFF/1");
  });
});

Deno.test("a file that is no database is to be deleted, and once it is, another one is kept", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/checkpoint.kv`;
    {
      using store = new KvCheckpointStore(path);
      await store.save(CHECKPOINT);
    }
    const torn = await Deno.readFile(path);
    for (const bytes of [crypto.getRandomValues(new Uint8Array(5000)), torn.fill(0x5a, 100)]) {
      await Deno.writeFile(path, bytes);
      using store = new KvCheckpointStore(path);
      await rejects(store.save(CHECKPOINT), (error) => {
        strictEqual(error instanceof CaptureError && error.kind, "checkpoint-unavailable");
        match((error as CaptureError).fix ?? "", /^delete it/);
        return true;
      });
      await Deno.remove(path);
      await store.save(CHECKPOINT);
      deepStrictEqual(await store.load(), CHECKPOINT);
    }
  });
});

Deno.test("the last one saved counts", async () => {
  await inFolder(async (folder) => {
    using store = new KvCheckpointStore(`${folder}/checkpoint.kv`);
    await store.save(CHECKPOINT);
    const later = { ...CHECKPOINT, delivery: "exactly-once" } as const;
    await store.save(later);
    deepStrictEqual(await store.load(), later);
  });
});

Deno.test("a file that can't be made is an error that names it and the fix", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    using store = new KvCheckpointStore(`${folder}/file/checkpoint.kv`);
    await rejects(store.load(), (error) => {
      strictEqual(error instanceof CaptureError && error.kind, "checkpoint-unavailable");
      strictEqual((error as CaptureError).fix?.includes("REPLICATION_CHECKPOINT_FILE"), true);
      return (error as Error).message.includes(`${folder}/file/checkpoint.kv`);
    });
  });
});

Deno.test("a file of another format is refused, not guessed at", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/checkpoint.kv`;
    using kv = await Deno.openKv(path);
    using store = new KvCheckpointStore(path);
    const bytes = (text: string) => new TextEncoder().encode(text);
    for (
      const value of [
        { version: 1, endLsn: "0/1" },
        bytes('{"version":2,"endLsn":"0/1"}'),
        bytes("{"),
        bytes("1"),
      ]
    ) {
      await kv.set(["checkpoint"], value);
      await rejects(
        store.load(),
        (error) => error instanceof CaptureError && error.kind === "position-conflict",
      );
    }
  });
});

Deno.test("the file and what lies beside it are for this user alone, whatever the umask, also one that was there", async () => {
  await inFolder(async (folder) => {
    const umask = Deno.umask(0);
    try {
      await Deno.writeTextFile(`${folder}/old.kv`, "", { mode: 0o666 });
      for (const name of ["new.kv", "old.kv"]) {
        using store = new KvCheckpointStore(`${folder}/${name}`);
        await store.save(CHECKPOINT);
        for await (const entry of Deno.readDir(folder)) {
          if (!entry.name.startsWith(name)) continue;
          strictEqual(((await Deno.stat(`${folder}/${entry.name}`)).mode ?? 0) & 0o777, 0o600, entry.name);
        }
      }
    } finally {
      Deno.umask(umask);
    }
  });
});

Deno.test("a symbolic link in the place of the file, or of one beside it, is not followed", async () => {
  await inFolder(async (folder) => {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) {
      const target = `${folder}/target${suffix}`;
      await Deno.symlink(target, `${folder}/c${suffix}.kv${suffix}`);
      using store = new KvCheckpointStore(`${folder}/c${suffix}.kv`);
      await rejects(store.save(CHECKPOINT), /symbolic link, which is not followed/);
      await rejects(Deno.lstat(target), Deno.errors.NotFound);
    }
  });
});
