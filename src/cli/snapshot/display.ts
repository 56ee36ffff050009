// Shows on standard error how a snapshot goes on: a bar on a terminal, lines elsewhere.

import { escapeControls } from "../../observability/escape.ts";
import { progressBar, progressText, type SnapshotProgress } from "./progress.ts";

/** Where the wait for a snapshot shows what happens. */
export interface SnapshotDisplay {
  progress(progress: SnapshotProgress): void;
  /** A line that stays. */
  note(text: string): void;
  /** Removes the bar. */
  end(): void;
}

/** @param columns the terminal's width now */
export function terminalDisplay(write: (text: string) => void, columns: () => number): SnapshotDisplay {
  const clear = "\r\u001b[2K";
  let isShown = false;
  const end = () => {
    if (isShown) write(clear);
    isShown = false;
  };
  return {
    progress(progress) {
      isShown = true;
      write(`${clear}${progressBar(progress, columns())}`);
    },
    note(text) {
      end();
      write(`${escapeControls(text)}\n`);
    },
    end,
  };
}

const LINE_EVERY_MS = 5_000;

/** @param now milliseconds since an arbitrary moment */
export function lineDisplay(write: (text: string) => void, now: () => number): SnapshotDisplay {
  let shownAtMs = now();
  return {
    progress(progress) {
      if (now() - shownAtMs < LINE_EVERY_MS) return;
      shownAtMs = now();
      write(`${progressText(progress)}\n`);
    },
    note: (text) => write(`${escapeControls(text)}\n`),
    end() {},
  };
}
