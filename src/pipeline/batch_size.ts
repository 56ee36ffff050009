// How large a delivery may be on the present link.

const BYTES_MIN = 16 * 1024;
const DELIVERIES_TO_GROW = 20;

/**
 * Halves when a delivery is not answered in time, and doubles after twenty that were. Otherwise a batch that
 * a slow link cannot carry within the timeout would be retried forever.
 */
export class BatchSize {
  readonly #bytesMax: number;
  #bytes: number;
  #delivered = 0;

  constructor(bytesMax: number) {
    this.#bytes = this.#bytesMax = bytesMax;
  }

  /** Bytes that a delivery may hold now. */
  get bytes(): number {
    return this.#bytes;
  }

  notAnswered(): void {
    this.#bytes = Math.max(Math.min(BYTES_MIN, this.#bytesMax), Math.floor(this.#bytes / 2));
    this.#delivered = 0;
  }

  delivered(): void {
    if (this.#bytes === this.#bytesMax || ++this.#delivered < DELIVERIES_TO_GROW) return;
    this.#bytes = Math.min(this.#bytesMax, this.#bytes * 2);
    this.#delivered = 0;
  }
}
