import type { Transport } from '@modelcontextprotocol/client';

/**
 * Lets a server's last progress arrive before the result that follows at once. The SDK hands notifications on a moment
 * later than answers and by then has forgotten who waits for them. To be called when the client is connected.
 */
export function keepProgressFirst(transport: Transport): void {
  const deliver = transport.onmessage;
  if (deliver === undefined) return;
  let reported = false;
  transport.onmessage = (message, extra) => {
    const isAnswer = !('method' in message);
    if (isAnswer && reported) {
      setImmediate(() => deliver(message, extra));
      return;
    }
    deliver(message, extra);
    if (!isAnswer && message.method === 'notifications/progress' && !reported) {
      reported = true;
      setImmediate(() => (reported = false));
    }
  };
}
