// pg-capture as a real process, for tests; the demo and the benchmarks run the same.

export {
  type CaptureExit,
  type CaptureOptions,
  type CaptureProcess,
  startCapture,
} from "../../dev/servers/capture_process.ts";
