/** What is left to do by hand after an installation. */
import { dirname, join, resolve } from 'node:path';
import { includedFiles, readConfigText, section } from './install-yaml';
import { readText } from './install-files';
import { root } from './paths';

/** The variables for LiteLLM and the command for hook-service, ready to be copied. The secret stands here only. */
export function nextSteps(config: string, url: string, secret: string): string[] {
  const { hostname, port, protocol } = new URL(url);
  const listens = Number(port || (protocol === 'https:' ? 443 : 80));
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
  const settings = [
    ...(loopback ? [] : ['TOOLTURN_HOST=0.0.0.0']),
    ...(listens === 48900 ? [] : [`TOOLTURN_PORT=${listens}`]),
    `TOOLTURN_SECRET=${secret}`,
    'LITELLM_URL=http://127.0.0.1:4000',
  ];
  const main = join(root, 'hook-service', 'dist', 'main.js');
  const names = serverVariables(config);
  return [
    "1. Set these two in LiteLLM's environment, and start it again. The secret was made just now and is written nowhere.",
    '',
    `   export TOOLTURN_URL=${url}`,
    `   export TOOLTURN_SECRET=${secret}`,
    '',
    '2. Start hook-service with the same secret; LITELLM_URL is where LiteLLM listens.',
    '',
    `   ${settings.join(' ')} node ${quoted(main)} serve --config ${quoted(config)}`,
    '',
    ...(names.length === 0 ? [] : [`   It needs what mcp_servers names as well: ${names.join(', ')}.`, '']),
    `Is it well? curl ${url}/health/ready`,
  ];
}

/** NAME of every `os.environ/NAME` under `mcp_servers`, also in included files. */
function serverVariables(config: string): string[] {
  const main = readConfigText(readText(config), config);
  const files = includedFiles(main).map((name) => resolve(dirname(config), name));
  const texts = [main, ...files.map((file) => readConfigText(readText(file), file))];
  const names = texts.flatMap((text) => {
    const { range } = section(text, 'mcp_servers')?.value ?? {};
    const servers = range ? text.text.slice(range[0], range[1]).replace(/^\s*#.*$/gm, '') : '';
    return [...servers.matchAll(/os\.environ\/(\w+)/g)].map(([, name]) => name ?? '');
  });
  return [...new Set(names)].sort();
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
