// Tests that not every machine can run: where one can't, its line says that it is skipped, and why.

/**
 * Declares a test that needs something from the machine.
 * @param obstacle why this machine can't run it; undefined where it can
 */
export function optionalTest(
  behaviour: string,
  obstacle: string | undefined,
  test: () => void | Promise<void>,
): void {
  const name = obstacle === undefined ? behaviour : `${behaviour} (skipped: ${obstacle})`;
  Deno.test({ name, ignore: obstacle !== undefined, fn: test });
}
