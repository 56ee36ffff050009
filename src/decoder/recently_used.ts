// A cache limited by bytes that evicts the least recently used entries.

interface Sized<T> {
  readonly value: T;
  readonly bytes: number;
}

/**
 * Two generations of half the limit each. Entries move to the younger one when used; when that is full, the
 * older one is dropped and the younger takes its place. So a hit in the younger generation, the usual case
 * for a row, writes nothing.
 */
export class RecentlyUsed<T> {
  readonly #generationBytesMax: number;
  #young = new Map<number, Sized<T>>();
  #old = new Map<number, Sized<T>>();
  #youngBytes = 0;

  constructor(bytesMax: number) {
    this.#generationBytesMax = bytesMax / 2;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(id: number): T | undefined {
    const young = this.#young.get(id);
    if (young !== undefined) return young.value;
    const old = this.#old.get(id);
    if (old === undefined) return undefined;
    this.#old.delete(id);
    this.#add(id, old);
    return old.value;
  }

  /** @param bytes the approximate memory of the value; a value larger than the limit is kept alone */
  set(id: number, value: T, bytes: number): void {
    this.delete(id);
    this.#add(id, { value, bytes });
  }

  delete(id: number): void {
    this.#youngBytes -= this.#young.get(id)?.bytes ?? 0;
    this.#young.delete(id);
    this.#old.delete(id);
  }

  #add(id: number, sized: Sized<T>): void {
    if (this.#young.size > 0 && this.#youngBytes + sized.bytes > this.#generationBytesMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(id, sized);
    this.#youngBytes += sized.bytes;
  }
}
