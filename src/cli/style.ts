// Colors for terminals, and plain text elsewhere.

/** Colors a text. Without colors, each function returns the text as it is. */
export interface Style {
  readonly good: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly strong: (text: string) => string;
}

export const PLAIN: Style = style(false);

/** @param isColored whether the output is a terminal that shows colors */
export function style(isColored: boolean): Style {
  const color = (code: number) => (text: string) => isColored ? `\u001b[${code}m${text}\u001b[0m` : text;
  return { good: color(32), warning: color(33), bad: color(31), strong: color(1) };
}
