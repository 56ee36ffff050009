// The last line of defence against a secret in a log: known secrets are cut out of every text.

const MASK = "[secret]";

/**
 * The text without any of the secrets, as they are or as a URL would hold them.
 * @param secrets as `secretsToMask` of the configuration gives them
 */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  let masked = text;
  // The longest first: one secret may be the beginning of another.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    masked = masked.replaceAll(secret, MASK).replaceAll(encodeURIComponent(secret), MASK);
  }
  return masked;
}
