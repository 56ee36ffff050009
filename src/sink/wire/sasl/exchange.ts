// The type of a SASL mechanism.

/**
 * One login, message by message: yields the messages to send and receives the broker's replies. It ends when
 * nothing is left to send, and throws if the broker did not prove what it has to.
 */
export type SaslExchange = AsyncGenerator<Uint8Array, void, Uint8Array>;
