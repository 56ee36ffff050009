// pg-capture, with kill -9 at the n-th step of its input and output: CRASH_AT=n.
//
// Every wait of the program ends in a read or write of a socket or of the checkpoint file. So a crash point before
// and after each of them is one at every await of the delivery path, and the program itself is left as it is.

const crashAt = Number(Deno.env.get("CRASH_AT"));
let points = 0;

function point(): void {
  if (++points === crashAt) Deno.kill(Deno.pid, "SIGKILL");
}

function withPoints<T extends object>(target: T, methods: readonly (keyof T)[]): T {
  return new Proxy(target, {
    get(_, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (!methods.includes(name as keyof T)) return value.bind(target);
      return async (...args: unknown[]) => {
        point();
        const result = await value.apply(target, args);
        point();
        return result;
      };
    },
  });
}

const connect = Deno.connect;
Deno.connect = (async (options: Deno.ConnectOptions) => {
  point();
  const connection = await connect(options);
  point();
  return withPoints(connection, ["read", "write"]);
}) as typeof Deno.connect;

const openKv = Deno.openKv;
Object.defineProperty(Deno, "openKv", {
  value: async (path?: string) => {
    point();
    const kv = await openKv(path);
    point();
    return withPoints(kv, ["get", "set"]);
  },
});

await import("../../src/main.ts");
