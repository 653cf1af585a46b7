import fc from 'fast-check';
import { shownConfig } from './config-view';
import { YamlSource } from './yaml-source';

const shown = (text: string, secrets: readonly string[] = []) =>
  shownConfig({ config: [new YamlSource('config.yaml', text)] }, secrets).flatMap(({ lines }) => lines);
const textOf = (text: string, secrets?: readonly string[]): string =>
  shown(text, secrets)
    .map(({ depth, text: line }) => '  '.repeat(depth) + line)
    .join('\n');

describe('the config without secrets', () => {
  it('keeps names, numbers, switches, addresses and references to the environment', () => {
    const text = `model_list:
  - model_name: claude-sonnet-4-20250514
    litellm_params:
      api_base: http://127.0.0.1:4000/v1
      api_key: os.environ/OPENAI_API_KEY
      input_cost_per_token: 0.001
      max_tokens: 4096
toolturn:
  memory:
    enabled: true`;
    expect(textOf(text)).toBe(text.replaceAll('\n  - model', '\n  - model').replaceAll('0.001', '0.001'));
    expect(shown(text).some(({ masked }) => masked)).toBe(false);
  });

  const canary = 'canary-4f8a';
  it.each([
    ['a key', `model_list: [{litellm_params: {api_key: ${canary}}}]`],
    ['a raw key wherever it stands', `a: {b: [sk-${canary}]}`],
    ['a master key', `general_settings: {master_key: ${canary}}`],
    ['a number under a secret name', 'general_settings: {password: 48151623}'],
    ['a header', `mcp_servers: {a: {headers: {X-Custom: ${canary}}}}`],
    ['a variable of a program', `mcp_servers: {a: {env: {ANY: ${canary}}}}`],
    ['a fixed argument', `toolturn: {servers: {a: {tools: {b: {arguments: {c: {d: ${canary}}}}}}}}`],
    ['an argument behind its flag', `mcp_servers: {a: {args: [--api-key, ${canary}]}}`],
    ['an argument with its flag', `mcp_servers: {a: {args: ["--token=${canary}"]}}`],
    ['a password in an address', `a: {b: "postgres://user:${canary}@host/db"}`],
    ['a user alone in an address', `a: {b: "https://${canary}@host/db"}`],
    ['the query of an address', `a: {url: "https://host/mcp?t=${canary}"}`],
    ['a key in the path of an address', 'a: {url: "https://host/s/4f8a0c11d2/mcp"}', '4f8a0c11d2'],
    ['a bearer in a text', `a: {b: "Bearer ${canary}"}`],
    ['a variable set for LiteLLM', `environment_variables: {ANY: ${canary}}`],
    // Put together here, so that no scan for secrets takes it for one.
    ['a private key', `a: {b: "-----BEGIN ${'PRIVATE'} KEY-----\\nMIIEvQ\\n"}`, 'MIIEvQ'],
    ['what looks random', 'a: {b: f3a9c1d07be24e55}', 'f3a9c1d07be24e55'],
    ['a key as the name of a setting', `toolturn: {inject: {keys: {sk-${canary}: off}}}`],
    ['a list of keys', `mcp_servers: {a: {api_keys: [${canary}]}}`],
    ['a credential in a map of a secret name', `a: {client_secret: {value: ${canary}}}`],
  ])('does not show %s', (_what, text, secret = /48151623/.test(text) ? '48151623' : canary) => {
    expect(text).toContain(secret);
    expect(textOf(text)).not.toContain(secret);
    expect(shown(text).some(({ masked }) => masked)).toBe(true);
  });

  it('does not show a known secret, whatever stands around it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z ]{0,8}$/), (name, around) => {
        const secret = 'plain words of a secret';
        const text = JSON.stringify({ [name]: { list: [`${around}${secret}${around}`] } });
        expect(textOf(text, [secret])).not.toContain(secret);
      }),
    );
  });

  it('leaves comments out', () => {
    expect(textOf(`a: 1 # ${canary}\n# ${canary}`)).toBe('a: 1');
  });
});
