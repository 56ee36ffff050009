// Knows PostgreSQL's messages as they pass a proxy, and cuts the connection where a chosen one comes.

const XLOG_HEADER_END = 5 + 25;

/**
 * A message by its kind (PostgreSQL manual, 53.7): the letter of its type; `startup`; of a CopyData the letter of what is
 * in it, `k`, `r`, or `w:` and the letter of the logical message.
 */
export type MessageKind = string;

/** The next message of that kind is lost, and its connection with it. */
export class Cut {
  readonly kind: MessageKind;
  readonly side: "server" | "client";
  readonly #caught = Promise.withResolvers<void>();
  #isDone = false;

  constructor(side: Cut["side"], kind: MessageKind) {
    this.side = side;
    this.kind = kind;
  }

  /** When the message has come. */
  get caught(): Promise<void> {
    return this.#caught.promise;
  }

  /** Whether this message is the one. For the tap. */
  takes(side: Cut["side"], kind: MessageKind): boolean {
    if (this.#isDone || side !== this.side || kind !== this.kind) return false;
    this.#isDone = true;
    this.#caught.resolve();
    return true;
  }
}

/** A place in a message: where it begins, from the first byte of the CopyData. */
export interface LsnPlace {
  readonly kind: MessageKind;
  readonly at: number;
}

/** Where the server's messages have the LSNs that count (PostgreSQL manual, 53.4 and 53.9). */
export const LSN_PLACES = {
  keepalive: { kind: "k", at: 6 },
  begin: { kind: "w:B", at: XLOG_HEADER_END + 1 },
  commit: { kind: "w:C", at: XLOG_HEADER_END + 2 },
  "commit's end": { kind: "w:C", at: XLOG_HEADER_END + 10 },
  insert: { kind: "w:I", at: 6 },
} as const satisfies Readonly<Record<string, LsnPlace>>;

/** In the next message of a kind one bit of an LSN is another when it arrives. */
export class Flip {
  readonly #place: LsnPlace;
  readonly #bit: number;
  readonly #caught = Promise.withResolvers<"raised" | "lowered">();
  #isDone = false;

  /** @param bit 0 is the lowest */
  constructor(place: LsnPlace, bit: number) {
    this.#place = place;
    this.#bit = bit;
  }

  /** When the message has come: whether its LSN arrives greater or less. */
  get caught(): Promise<"raised" | "lowered"> {
    return this.#caught.promise;
  }

  /** Flips it where this message is the one. For the tap. */
  edit(kind: MessageKind, bytes: Uint8Array): void {
    if (this.#isDone || kind !== this.#place.kind) return;
    this.#isDone = true;
    const at = this.#place.at + 7 - Math.floor(this.#bit / 8);
    bytes[at]! ^= 1 << this.#bit % 8;
    this.#caught.resolve((bytes[at]! >> this.#bit % 8 & 1) === 1 ? "raised" : "lowered");
  }
}

/** One connection's messages; without TLS. */
export class PostgresTap {
  readonly isHolding = false;
  readonly #cuts: readonly Cut[];
  readonly #flips: readonly Flip[];
  readonly #resetBoth: () => void;
  readonly #client = new Splitter("startup");
  readonly #server = new Splitter("typed");

  constructor(cuts: readonly Cut[], flips: readonly Flip[], resetBoth: () => void) {
    this.#cuts = cuts;
    this.#flips = flips;
    this.#resetBoth = resetBoth;
  }

  fromClient(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    return this.#pass("client", this.#client.push(bytes));
  }

  fromBroker(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    return this.#pass("server", this.#server.push(bytes));
  }

  async *#pass(side: Cut["side"], messages: readonly Message[]): AsyncGenerator<Uint8Array> {
    for (const { kind, bytes } of messages) {
      if (this.#cuts.some((cut) => cut.takes(side, kind))) return this.#resetBoth();
      if (side === "server") { for (const flip of this.#flips) flip.edit(kind, bytes); }
      yield bytes;
    }
  }
}

interface Message {
  readonly kind: MessageKind;
  readonly bytes: Uint8Array;
}

/** Whole messages out of pieces. */
class Splitter {
  #form: "startup" | "typed";
  #rest = new Uint8Array(0);

  constructor(form: "startup" | "typed") {
    this.#form = form;
  }

  push(piece: Uint8Array): readonly Message[] {
    const bytes = new Uint8Array(this.#rest.length + piece.length);
    bytes.set(this.#rest);
    bytes.set(piece, this.#rest.length);
    const messages: Message[] = [];
    let at = 0;
    for (;;) {
      const headerBytes = this.#form === "startup" ? 4 : 5;
      if (bytes.length - at < headerBytes) break;
      const lengthAt = at + headerBytes - 4;
      const end = lengthAt + new DataView(bytes.buffer).getUint32(lengthAt);
      if (end > bytes.length) break;
      const message = bytes.subarray(at, end);
      messages.push({ kind: this.#form === "startup" ? "startup" : kindOf(message), bytes: message });
      this.#form = "typed";
      at = end;
    }
    this.#rest = bytes.slice(at);
    return messages;
  }
}

function kindOf(message: Uint8Array): MessageKind {
  const letter = (at: number) => String.fromCharCode(message[at] ?? 0);
  if (letter(0) !== "d") return letter(0);
  return letter(5) === "w" ? `w:${letter(XLOG_HEADER_END)}` : letter(5);
}
