// pg-capture on an odd day. ODD=clock: the clock jumps an hour forth and back every second. ODD=bug: at
// SIGUSR1, somewhere, a promise is rejected that nobody waits for.

const HOUR_MS = 3_600_000;

if (Deno.env.get("ODD") === "clock") {
  const now = Date.now;
  Date.now = () => now() + HOUR_MS * ((Math.floor(now() / 1000) % 3) - 1);
} else {
  Deno.addSignalListener("SIGUSR1", () => void Promise.reject(new TypeError("planted")));
}

await import("../../src/main.ts");
