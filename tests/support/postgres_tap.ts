// Knows PostgreSQL's messages as they pass a proxy, and cuts the connection where a chosen one comes.

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

/** One connection's messages; without TLS. */
export class PostgresTap {
  readonly isHolding = false;
  readonly #cuts: readonly Cut[];
  readonly #resetBoth: () => void;
  readonly #client = new Splitter("startup");
  readonly #server = new Splitter("typed");

  constructor(cuts: readonly Cut[], resetBoth: () => void) {
    this.#cuts = cuts;
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

const XLOG_HEADER_END = 5 + 25;

function kindOf(message: Uint8Array): MessageKind {
  const letter = (at: number) => String.fromCharCode(message[at] ?? 0);
  if (letter(0) !== "d") return letter(0);
  return letter(5) === "w" ? `w:${letter(XLOG_HEADER_END)}` : letter(5);
}
