import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { clientSetups } from './client-setups';
import { placeholderKey, renderClients } from './clients';

const url = 'http://192.168.1.20:4000';
const jsonOf = (options: object) =>
  JSON.parse(renderClients({ url, json: true, ...options }).output) as Record<string, any>[];

describe('toolturn clients', () => {
  it('prints a snippet for each client, with the address and the key that were given', () => {
    const { output } = renderClients({ url, key: 'sk-test-alice' });
    const parts = output.split(/^## /m).slice(1);
    expect(parts).toHaveLength(clientSetups.length);
    for (const part of parts) {
      expect(part).toContain(url);
      expect(part).toContain('sk-test-alice');
      expect(part).not.toContain(placeholderKey);
    }
  });

  it('prints a placeholder where no key was given, whatever the environment holds', () => {
    const { output } = renderClients({ url }, { LITELLM_MASTER_KEY: 'sk-master', LITELLM_KEY: 'sk-other' });
    expect(output).toContain(placeholderKey);
    expect(output).not.toMatch(/sk-(master|other)/);
  });

  it('warns where the key is LiteLLM’s master key, without writing it into the warning', () => {
    const env = { LITELLM_MASTER_KEY: 'sk-master' };
    expect(renderClients({ url, key: 'sk-master' }, env).warning).toMatch(/master key/);
    expect(renderClients({ url, key: 'sk-master' }, env).warning).not.toContain('sk-master');
    expect(renderClients({ url, key: 'sk-alice' }, env).warning).toBeUndefined();
  });

  it('prints one client only, in JSON with every part by its name', () => {
    expect(jsonOf({ client: 'codex', key: 'sk-a', model: 'gpt-5' })).toEqual([
      {
        id: 'codex',
        title: 'Codex CLI',
        api: 'responses',
        model: 'gpt-5',
        notes: [],
        env: { LITELLM_KEY: 'sk-a' },
        files: { '.codex/config.toml': expect.stringContaining(`base_url = "${url}/v1"`) },
        ask: ['codex', 'exec', '$PROMPT'],
        goOn: ['codex', 'exec', 'resume', '--last', '$PROMPT'],
      },
    ]);
  });

  it('prints what the README shows', () => {
    const readme = readFileSync(join(__dirname, '..', '..', '..', 'README.md'), 'utf8');
    expect(readme).toContain(`\n${renderClients({ url, client: 'claude-code' }).output}`);
  });

  it('gives VS Code a file that is JSON and leads to LiteLLM’s MCP endpoint', () => {
    const [{ files }] = jsonOf({ client: 'vs-code', key: 'sk-a' }) as [Record<string, any>];
    expect(parseYaml(files['<workspace>/.vscode/mcp.json'])).toEqual({
      servers: {
        litellm: { type: 'http', url: `${url}/mcp/`, headers: { Authorization: 'Bearer sk-a' } },
      },
    });
  });

  it.each([`${url}/`, `${url}/v1`, `${url}/v1/`])('reads %s as LiteLLM’s address', (given) => {
    expect(renderClients({ url: given }).output).toBe(renderClients({ url }).output);
  });

  it.each([
    ['an address that is none', { url: 'litellm:4000' }, /--url must be an address/],
    ['an address that ends a string', { url: `${url}/'$(id)` }, /--url must be an address/],
    ['a key that ends a string', { url, key: `sk-a'; rm -rf /` }, /--key may hold/],
    ['a model that ends a string', { url, model: 'a"b' }, /--model may hold/],
    ['a client that is not known', { url, client: 'emacs' }, /no client emacs; there are claude-code, codex/],
  ])('refuses %s', (_what, options, message) => {
    expect(() => renderClients(options)).toThrow(message);
  });
});
