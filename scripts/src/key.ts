/** `./scripts/key`: LiteLLM's virtual keys with the models and MCP servers they may use. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { listOf, readCommand, secondsOf, text, texts } from './arguments';
import { counted } from './counted';
import { StartError } from './errors';
import { readText, writeWhole } from './install-files';
import type { KeyApi } from './key-api';
import { listKeys, newKey, revokeKey } from './key-commands';
import { exportKeys, restoreKeys, variableOf } from './key-file';
import { oldAlias, rotateKey } from './key-rotate';
import { changeEnvFile, readEnvFile } from './operate/env-file';
import { runScript } from './run-script';

const options = {
  models: text,
  servers: text,
  groups: text,
  duration: text,
  user: text,
  team: text,
  overlap: text,
  'env-file': texts,
};

async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = readCommand('key', args, options);
  const [command, name, ...rest] = positionals;
  if (rest.length > 0)
    throw new StartError(`There is no "${rest[0]}" to say to ${command} (see ./scripts/key --help).`);
  const files = (values['env-file'] ?? []).map((file) => resolve(file));
  const fromFiles = (variable: string): string | undefined =>
    files.map((file) => readEnvFile(file).get(variable)).find((value) => value) ??
    (process.env[variable] || undefined);
  const masterKey = fromFiles('LITELLM_MASTER_KEY');
  if (masterKey === undefined) throw new StartError("Set LITELLM_MASTER_KEY to LiteLLM's master key.");
  const api: KeyApi = { url: process.env['LITELLM_URL'] || 'http://127.0.0.1:4000', masterKey };
  /** Keeps the text of a key where `restore` will look for it. */
  const keep = (alias: string, key: string): void => {
    const [file] = files;
    if (file === undefined) return;
    changeEnvFile(file, { [variableOf(alias)]: key });
    console.error(`It stands in ${file} as ${variableOf(alias)}.`);
  };
  if (command === 'list' && name === undefined) {
    for (const each of await listKeys(api)) console.log(each);
  } else if (command === 'new' && name !== undefined) {
    const { models, servers, groups, duration, user, team } = values;
    const key = await newKey(api, {
      alias: name,
      models: listOf(models),
      servers: listOf(servers),
      groups: listOf(groups),
      ...(duration === undefined ? {} : { duration }),
      ...(user === undefined ? {} : { user }),
      ...(team === undefined ? {} : { team }),
    });
    console.error(`The key of ${name}; LiteLLM will not show it again:`);
    console.log(key);
    keep(name, key);
  } else if (command === 'revoke' && name !== undefined) {
    await revokeKey(api, name);
    console.error(`${name} is revoked.`);
  } else if (command === 'rotate' && name !== undefined) {
    const { key, oldUntil } = await rotateKey(api, name, secondsOf('--overlap', values.overlap ?? '24h'));
    console.error(
      `The new key of ${name}; LiteLLM will not show it again. The old one is ${oldAlias(name)} until ${oldUntil}, then it is refused:`,
    );
    console.log(key);
    keep(name, key);
  } else if (command === 'export' && name !== undefined) {
    const { text: content, count, unnamed } = await exportKeys(api);
    writeWhole(resolve(name), content, dirname(resolve(name)), 0o600);
    console.error(
      `${counted(count, 'key')} in ${name}${unnamed === 0 ? '' : `; ${unnamed} have no alias and are left out`}. Their texts are not in it: LiteLLM does not know them.`,
    );
  } else if (command === 'restore' && name !== undefined) {
    if (!existsSync(name)) throw new StartError(`There is no file ${name}.`);
    for (const { alias, result } of await restoreKeys(api, readText(resolve(name)), name, fromFiles))
      console.log(`${alias}: ${result}`);
  } else {
    throw new StartError(
      'Say new ALIAS, list, rotate ALIAS, revoke ALIAS, export FILE or restore FILE; see --help.',
    );
  }
}

runScript('key', run);
