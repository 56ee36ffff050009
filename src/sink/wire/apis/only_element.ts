// The only element of a response to a request about one topic, partition or broker.

import { malformed } from "../buffer_reader.ts";

/** @throws CaptureError if the response has no element or several */
export function onlyElement<Element>(elements: readonly Element[]): Element {
  const [element] = elements;
  if (element === undefined || elements.length > 1) {
    throw malformed(`it has ${elements.length} elements, and 1 was requested`);
  }
  return element;
}
