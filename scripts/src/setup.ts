/** `./scripts/setup`: makes what a stack in containers needs and does not have; running it again changes nothing. */
import { flag, readCommand, text, texts } from './arguments';
import { StartError } from './errors';
import { setUp } from './operate/set-up';
import { root } from './paths';
import { runScript } from './run-script';

async function setup(args: readonly string[]): Promise<void> {
  const { values, positionals } = readCommand('setup', args, {
    server: texts,
    root: text,
    profile: texts,
    networks: flag,
    'data-key': flag,
  });
  if (positionals.length > 0)
    throw new StartError(`There is no "${positionals[0]}" to say to setup (see ./scripts/setup --help).`);
  const lines = await setUp({
    root: values.root ?? root,
    servers: values.server ?? [],
    parts: values.profile ?? [],
    networks: values.networks === true,
    dataKey: values['data-key'] === true,
  });
  for (const line of lines) console.log(`  ${line}`);
  console.log('ok');
}

runScript('setup', setup);
