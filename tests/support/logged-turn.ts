import { freePort } from '../../scripts/src/processes';
import { startHttpFixture } from './mcp/http-fixture';
import { startStack, type Stack } from './stack';
import { roundsBehind } from './tools';

/**
 * A stack that logs as it does in containers, after a turn with a call, a call that was denied, and a server that is
 * away. Its last lines may still be on their way.
 */
export async function startLoggedTurn(): Promise<{ readonly stack: Stack; stop(): Promise<void> }> {
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const part of started.splice(0).reverse()) await part.stop();
  };
  try {
    const fixture = await startHttpFixture({ tools: [{ name: 'look_up' }, { name: 'secret' }] });
    started.push(fixture);
    const stack = await startStack({
      servers: {
        notes: { url: fixture.url, transport: 'http' },
        gone: { url: `http://127.0.0.1:${await freePort()}/mcp`, transport: 'http' },
      },
      toolturn: {
        access: { default: 'all', rules: [{ keys: ['alice'], tools: { deny: ['notes__secret'] } }] },
      },
      env: { JSON_LOGS: 'true', LITELLM_LOG: 'INFO' },
    });
    started.push(stack);
    const calls = ['notes__look_up', 'notes__secret'].map((name) => ({ name, arguments: {} }));
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0 ? { toolCalls: calls } : { text: 'Done.' },
    );
    await stack
      .client()
      .chat.completions.create({ model: 'demo', messages: [{ role: 'user', content: 'Look.' }] });
    return { stack, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
