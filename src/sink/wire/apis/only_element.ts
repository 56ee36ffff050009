// The one element of a response to a request that asked about one thing.

import { malformed } from "../buffer_reader.ts";

/** @throws CaptureError when the broker answered about none or several */
export function onlyElement<Element>(elements: readonly Element[]): Element {
  const [element] = elements;
  if (element === undefined || elements.length > 1) {
    throw malformed(`it is about ${elements.length} things where 1 was asked for`);
  }
  return element;
}
