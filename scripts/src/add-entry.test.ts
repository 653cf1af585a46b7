import { addServerEntry } from './add-entry';

const entry = { alias: 'web', transport: 'http', url: 'http://mcp-fetch:48003/mcp' };
const lines = '  fetch:\n    alias: web\n    transport: http\n    url: http://mcp-fetch:48003/mcp\n';
const add = (text: string) => addServerEntry(text, 'config.yaml', 'fetch', entry);

it.each([
  [
    'behind the last server',
    'mcp_servers:\n  fs: # files\n    url: http://a/mcp\n# the end\nx: 1\n',
    `mcp_servers:\n  fs: # files\n    url: http://a/mcp\n${lines}# the end\nx: 1\n`,
  ],
  [
    'in the place of {}',
    'a: 1\nmcp_servers: {}\n  # db:\n  #   url: x\nb: 2\n',
    `a: 1\nmcp_servers:\n${lines}  # db:\n  #   url: x\nb: 2\n`,
  ],
  ['in the place of {} with a comment', 'mcp_servers: {} # none yet\n', `mcp_servers: # none yet\n${lines}`],
  ['under an empty key', 'mcp_servers:\nb: 2\n', `mcp_servers:\n${lines}b: 2\n`],
  ['in a section of its own', 'a: 1 # one\n', `a: 1 # one\nmcp_servers:\n${lines}`],
  [
    'with the indent that is there',
    'mcp_servers:\n    fs:\n        url: u\n',
    `mcp_servers:\n    fs:\n        url: u\n${lines.replace(/^/gm, '  ').trimEnd()}\n`,
  ],
  [
    'with the line breaks that are there',
    'mcp_servers:\r\n  fs: {url: u}\r\n',
    `mcp_servers:\r\n  fs: {url: u}\r\n${lines.replaceAll('\n', '\r\n')}`,
  ],
])('adds a server %s', (_, before, after) => {
  expect(add(before)).toBe(after);
});

it('adds a server to a config on one line', () => {
  const flow = '"fetch": {"alias":"web","transport":"http","url":"http://mcp-fetch:48003/mcp"}';
  expect(add('{"mcp_servers": {"fs": {"url": "u"}}}')).toBe(`{"mcp_servers": {"fs": {"url": "u"}, ${flow}}}`);
  expect(add('mcp_servers: {fs: {url: u}}\n')).toBe(`mcp_servers: {fs: {url: u}, ${flow}}\n`);
});

it.each([
  ['mcp_servers: {fetch: {url: u}}', 'has fetch already'],
  ['mcp_servers: {pages: {url: u, alias: web}}', 'has pages already, with that name or alias'],
  ['mcp_servers: [1]', 'must be a map of servers'],
  ['a: &x {}\nmcp_servers: *x\n', 'is an alias'],
  ['mcp_servers: {', 'is not valid YAML'],
])('changes nothing in %s', (text, message) => {
  expect(() => add(text)).toThrow(message);
});
