// Shows the progress of a snapshot on standard error: a bar on a terminal, lines elsewhere.

import { escapeControls } from "../../observability/escape.ts";
import { progressBar, progressText, type SnapshotProgress } from "./progress.ts";

/** Displays the progress while the command waits for a snapshot. */
export interface SnapshotDisplay {
  progress(progress: SnapshotProgress): void;
  /** Writes a line that stays. */
  note(text: string): void;
  /** Removes the bar. */
  end(): void;
}

/** @param columns returns the terminal's current width */
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
