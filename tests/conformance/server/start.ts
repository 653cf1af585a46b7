/**
 * Starts the stack with the suite's fixture behind it, and a relay in front that adds a LiteLLM key, because the suite
 * sends none. Prints the address to give to `conformance server --url`, and stops at SIGTERM, SIGINT or the end of stdin.
 */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startStack } from '../../support/stack';

async function main(): Promise<void> {
  const fixture = join(__dirname, 'fixture.mjs');
  const stack = await startStack({
    servers: { fixture: { transport: 'stdio', command: process.execPath, args: [fixture] } },
  });
  const relay = await relayTo(stack.hook.url, { authorization: 'Bearer sk-test-conformance' });
  const { port } = relay.address() as AddressInfo;
  process.stdout.write(`http://127.0.0.1:${port}/mcp/fixture\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve);
    process.stdin.resume().once('end', resolve);
  });
  relay.close();
  relay.closeAllConnections();
  await stack.stop();
  process.exit(0);
}

/** Passes every request on as it is, Host and Origin included, with these headers added. */
function relayTo(target: string, added: Record<string, string>): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', target);
    const onward = request(
      url,
      { method: incoming.method ?? 'GET', headers: { ...incoming.headers, ...added } },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

void main();
