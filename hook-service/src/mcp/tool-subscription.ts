import type { Connection } from './connection';

const pauseMs = { first: 1_000, most: 60_000 };

/**
 * Keeps a modern server's notifications about its tools coming: since 2026-07-28 they must be subscribed to, and the
 * SDK does not subscribe again when that stream ends. `onGap` is called after each gap, in which a change may have been missed.
 */
export function keepSubscribed(connection: Connection, onGap: () => void): void {
  if (connection.client.getServerCapabilities()?.tools?.listChanged !== true) return;
  let failures = 0;
  const subscribe = async (): Promise<void> => {
    if (connection.isClosed()) return;
    try {
      const subscription = await connection.client.listen({ toolsListChanged: true });
      if (failures > 0) onGap();
      failures = 0;
      await subscription.closed;
    } catch {
      // A server may refuse, or be away: the pause grows.
    }
    failures += 1;
    const pause = Math.min(pauseMs.first * 2 ** (failures - 1), pauseMs.most);
    setTimeout(() => void subscribe(), pause).unref();
  };
  void subscribe();
}
