/**
 * Starts every server of mcp/ that was written here, without an upstream, and the kit they share with two tools that the
 * official suite knows by name. Prints a line with name and address for each, then "ready", and stops at SIGTERM,
 * SIGINT or the end of stdin.
 */
import { createLog } from '../../../mcp/kit/src/log';
import { serve } from '../../../mcp/kit/src/serve';
import { defineTool, noInput, ToolFailure } from '../../../mcp/kit/src/tool';
import { startOwnServer } from '../../support/mcp/own-server';
import { ownServers } from '../../support/mcp/own-servers';

const fixtures = [
  defineTool({
    name: 'test_simple_text',
    description: 'Gives a text.',
    input: noInput,
    run: async () => 'This is a simple text response for testing.',
  }),
  defineTool({
    name: 'test_error_handling',
    description: 'Always fails.',
    input: noInput,
    run: () => Promise.reject(new ToolFailure('This tool intentionally returns an error for testing')),
  }),
];

/** The kit on a free port; gives its address, as its log names it, and what ends it. */
async function startKit(): Promise<{ url: string; stop: () => Promise<void> }> {
  let url = '';
  const log = createLog('kit', (line) => {
    url ||= /"url":"([^"]+)"/.exec(line)?.[1] ?? '';
  });
  const service = { tools: fixtures, dependencies: {}, close: async () => undefined };
  const options = { name: 'kit', version: '0.1.0', port: 0, host: '127.0.0.1', allowedOrigins: [] };
  return { stop: await serve(service, options, log), url };
}

async function main(): Promise<void> {
  const kit = await startKit();
  process.stdout.write(`kit ${kit.url}\n`);
  const stops = [kit.stop];
  for (const { name, away } of ownServers) {
    const server = await startOwnServer(name, { ...away });
    stops.push(() => server.stop());
    process.stdout.write(`${name} ${server.url}\n`);
  }
  process.stdout.write('ready\n');
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve);
    process.stdin.resume().once('end', resolve);
  });
  for (const stop of stops) await stop();
  process.exit(0);
}

void main();
