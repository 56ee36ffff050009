// Describes an error and its causes in one line.

const CAUSES_MAX = 8;

/**
 * The messages of an error and its causes, joined by colons, without stack traces. Leaves out a cause whose message
 * the text already contains.
 */
export function describeError(error: unknown): string {
  let description = "";
  let current: unknown = error;
  for (let depth = 0; depth < CAUSES_MAX && current !== undefined && current !== null; depth++) {
    const message = messageOf(current);
    if (!description.includes(message)) description += description === "" ? message : `: ${message}`;
    current = current instanceof Error ? current.cause : undefined;
  }
  return description === "" ? "unknown error" : description;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.slice(0, CAUSES_MAX).map((one) => one instanceof Error ? messageOf(one) : String(one))
      .join("; ");
  }
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  if (typeof error === "string") return error;
  return typeof error === "object" ? Object.prototype.toString.call(error) : String(error);
}
