import { targetsOf } from './mcp';

const env = { LITELLM_API_URL: 'http://lan:4000', LITELLM_API_KEY: 'sk-1' };
const urls = (...args: Parameters<typeof targetsOf>) => targetsOf(...args).map(({ url }) => url.href);

test.each(['http://lan:4000', 'http://lan:4000/', 'http://lan:4000/v1', ' http://lan:4000/v1/ '])(
  'the address of LiteLLM is taken as people have it: %p',
  (LITELLM_API_URL) =>
    expect(urls({}, { ...env, LITELLM_API_URL })).toEqual([
      'http://lan:4000/toolturn/mcp',
      'http://lan:4000/mcp/',
    ]),
);

test('one server has a path at Toolturn and a header at LiteLLM', () => {
  const [own, fallback] = targetsOf({ server: 'files' }, env);
  expect(own.url.pathname).toBe('/toolturn/mcp/files');
  expect(fallback?.headers).toEqual({ authorization: 'Bearer sk-1', 'x-mcp-servers': 'files' });
});

test('an address of the endpoint itself leaves nothing to try beside it, and needs no key', () => {
  expect(urls({ url: 'http://lan:48001/mcp', server: 'a' }, {})).toEqual(['http://lan:48001/mcp/a']);
  expect(urls({}, { ...env, TOOLTURN_MCP_URL: 'http://lan:48001/mcp' })).toEqual(['http://lan:48001/mcp']);
});

test('what cannot be right is refused by name, without the value', () => {
  const wrong = 'http://user:hunter2@lan:4000';
  expect(() => targetsOf({}, { ...env, LITELLM_API_URL: wrong })).toThrow(/^LITELLM_API_URL must be/);
  expect(() => targetsOf({}, { ...env, LITELLM_API_URL: wrong })).not.toThrow(/hunter2/);
  expect(() => targetsOf({ server: '../admin' }, env)).toThrow('--server');
  expect(() => targetsOf({}, { LITELLM_API_URL: 'http://lan' })).toThrow('LITELLM_API_KEY');
});
