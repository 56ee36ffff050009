// Reads JSON and keeps each value's own text: JSON.parse would round numbers and lose white space and order.

/** A value, and the text that it was written as. */
export type RawJson =
  & { readonly raw: string }
  & (
    | { readonly kind: "object"; readonly members: ReadonlyMap<string, RawJson> }
    | { readonly kind: "array"; readonly items: readonly RawJson[] }
    | { readonly kind: "string"; readonly value: string }
    | { readonly kind: "null" | "other" }
  );

/** @throws SyntaxError when `text` is not JSON */
export function parseRawJson(text: string): RawJson {
  JSON.parse(text);
  return new Parser(text).value();
}

const SPACE = /\s*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const OTHER = /[^\s,\]}]+/y;

/** For text that JSON.parse took. */
class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): RawJson {
    this.#take(SPACE);
    const start = this.#at;
    const raw = () => this.#text.slice(start, this.#at);
    switch (this.#text[start]) {
      case "{": {
        const members = new Map<string, RawJson>();
        this.#list("}", () => {
          const name: string = JSON.parse(this.#take(STRING));
          this.#take(SPACE);
          this.#at++;
          members.set(name, this.value());
        });
        return { kind: "object", members, raw: raw() };
      }
      case "[": {
        const items: RawJson[] = [];
        this.#list("]", () => items.push(this.value()));
        return { kind: "array", items, raw: raw() };
      }
      case '"': {
        const value: string = JSON.parse(this.#take(STRING));
        return { kind: "string", value, raw: raw() };
      }
      default:
        return { kind: this.#take(OTHER) === "null" ? "null" : "other", raw: raw() };
    }
  }

  #list(close: string, item: () => void): void {
    do {
      this.#at++;
      this.#take(SPACE);
      if (this.#text[this.#at] === close) break;
      item();
      this.#take(SPACE);
    } while (this.#text[this.#at] === ",");
    this.#at++;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += taken.length;
    return taken;
  }
}
