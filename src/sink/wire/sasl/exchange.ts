// The type of a SASL mechanism.

/**
 * One login, message by message: yields what goes to the broker and is given what came back. Ends when nothing is
 * left to say, and throws where the broker has not shown what it has to.
 */
export type SaslExchange = AsyncGenerator<Uint8Array, void, Uint8Array>;
