/** `./scripts/key`: LiteLLM's virtual keys with the models and MCP servers they may use. */
import { parseArgs } from 'node:util';
import { messageOf, StartError } from './errors';
import { listKeys, newKey, revokeKey, type KeyApi } from './key-commands';

const list = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');

async function run(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { models: text, servers: text, groups: text, duration: text, user: text, team: text },
  });
  const [command, alias] = positionals;
  const masterKey = process.env['LITELLM_MASTER_KEY'];
  if (!masterKey) throw new StartError("Set LITELLM_MASTER_KEY to LiteLLM's master key.");
  const api: KeyApi = { url: process.env['LITELLM_URL'] || 'http://127.0.0.1:4000', masterKey };
  if (command === 'list') {
    for (const each of await listKeys(api)) console.log(each);
    return;
  }
  if ((command !== 'new' && command !== 'revoke') || alias === undefined)
    throw new StartError('Say new <alias>, list, or revoke <alias>; see --help.');
  if (command === 'revoke') {
    await revokeKey(api, alias);
    console.error(`${alias} is revoked.`);
    return;
  }
  const { models, servers, groups, ...rest } = values;
  const key = await newKey(api, {
    alias,
    models: list(models),
    servers: list(servers),
    groups: list(groups),
    ...rest,
  });
  console.error(`The key of ${alias}; LiteLLM will not show it again:`);
  console.log(key);
}

run(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`key: ${messageOf(error)}`);
  process.exit(1);
});
